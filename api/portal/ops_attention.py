"""What a person of staff has to look at, over all workspaces, the most harmful first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Response

from api.portal.ops_callbacks import source_words
from api.portal.pages import render
from api.portal.parts import Stat
from api.portal.staff import moment_words, month_begins, run_url
from api.portal.visits import Staff, Visit
from db import accounts, attention, cases, charges, inbox, workspaces
from db.accounts import AppAccount
from db.attention import BLOCKING, Matter, Trouble
from db.cases import CaseRow
from db.session import NotFound, Session
from domain.case_state import State
from domain.formats import count_words, rupees_figure
from domain.journey import find_event
from domain.seller_words import state_words
from workflows.client import case_workflow_id
from workflows.values import CaseRef

__all__ = ["CaseLine", "case_line", "router"]

router = APIRouter(prefix="/ops/attention")

_SOON: Final = timedelta(hours=2)
_MOST_OF_EACH: Final = 25


@dataclass(frozen=True, slots=True)
class MatterRow:
    """Something that needs a person.

    Attributes:
        blocks: Whether messages wait for it.
        what: What it is.
        words: What is known of it.
        where: Whose it is.
        where_href: That workspace's page; empty for the platform's own.
        effect: What it does.
        since: Since when.
        to_do: What to do.
        href: Where.
    """

    blocks: bool
    what: str
    words: str
    where: str
    where_href: str
    effect: str
    since: str
    to_do: str
    href: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """An open case, and where Temporal shows its run."""

    case: str
    where: str
    state: str
    tone: str
    waits_for: str
    until: str
    is_over: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionPage:
    """The page."""

    lead: str
    stats: tuple[Stat, ...]
    matters: tuple[MatterRow, ...]
    cases: tuple[CaseLine, ...]


@dataclass(frozen=True, slots=True)
class _Places:
    """What ids are called."""

    workspaces: Mapping[str, str]
    accounts: Mapping[str, AppAccount]
    cases: Mapping[str, CaseRow]


@router.get("")
async def attention_page(visit: Staff) -> Response:
    """Show what needs a person."""
    now, month = visit.now, month_begins(visit)
    # Staff look after every workspace: no transaction of one workspace could.
    async with visit.services.resources.database.transaction() as session:
        matters = await attention.list_matters(session, now, limit=_MOST_OF_EACH)
        near = await attention.list_near_deadline(session, now, within=_SOON)
        opened, in_workspaces = await attention.count_open_cases(session)
        waiting, hurried = await attention.count_waiting_for_sellers(session, now, within=_SOON)
        backlog = await inbox.backlog(session)
        month_charges = await charges.list_of_all_workspaces(session, since=month, until=now)
        places = await _places(session, matters)
    blocking = sum(matter.trouble in BLOCKING for matter in matters)
    charged = sum(each.charged_paise for each in month_charges)
    sent = sum(each.accepted for each in month_charges)
    page = AttentionPage(
        lead=_lead(blocking),
        stats=(
            Stat(
                label="Open cases",
                figure=count_words(opened),
                note=f"in {count_words(in_workspaces)} workspace{'' if in_workspaces == 1 else 's'}",
            ),
            Stat(
                label="Waiting for a seller",
                figure=count_words(waiting),
                note=f"{count_words(hurried)} with less than 2 h left",
            ),
            Stat(
                label="Callbacks not handled",
                figure=count_words(backlog.new),
                note=f"{count_words(backlog.parked)} put aside",
            ),
            Stat(
                label="Charged this month",
                figure=rupees_figure(charged),
                note=f"{count_words(sent)} message{'' if sent == 1 else 's'} accepted",
            ),
        ),
        matters=tuple(_matter_row(visit, matter, places) for matter in matters),
        cases=tuple(case_line(visit, row, places.workspaces) for row in near),
    )
    return await render(visit, "ops_attention.html", page, current="ops_attention")


def case_line(visit: Visit, row: CaseRow, names: Mapping[str, str]) -> CaseLine:
    """Return an open case as staff see it."""
    is_acting = row.state == State.ACTING
    return CaseLine(
        case=f"{row.tracking_id or row.order_id}, attempt {row.attempt}",
        where=names.get(row.workspace_id, row.workspace_id),
        state=state_words(row.state),
        tone="info" if is_acting or row.state == State.WAITING else "",
        waits_for=row.waits_for or "–",
        until=moment_words(visit, row.deadline_at),
        is_over=row.deadline_at < visit.now,
        href=_run_of(visit, row),
    )


def _lead(blocking: int) -> str:
    words = "What a person has to look at, the most harmful first."
    if not blocking:
        return f"{words} Nothing blocks messages now."
    return f"{words} {blocking} block{'s' if blocking == 1 else ''} messages now."


def _run_of(visit: Visit, row: CaseRow) -> str:
    ref = CaseRef(row.workspace_id, row.shipment_id, row.attempt, row.visit)
    return run_url(visit, case_workflow_id(ref))


async def _places(session: Session, matters: tuple[Matter, ...]) -> _Places:
    names = {known.id: known.name for known in await workspaces.list_workspaces(session)}
    found: dict[str, AppAccount] = {}
    for account_id in {matter.account_id for matter in matters if matter.account_id}:
        try:
            found[account_id] = await accounts.get_account(session, account_id)
        except NotFound:  # a callback of long ago names an account that is no more
            continue
    overdue: dict[str, CaseRow] = {}
    for matter in matters:
        if matter.trouble is Trouble.CASE_OVERDUE:
            row = await cases.find_case(session, matter.workspace_id, matter.subject)
            if row is not None:
                overdue[row.id] = row
    return _Places(names, found, overdue)


def _matter_row(visit: Visit, matter: Matter, places: _Places) -> MatterRow:
    account = places.accounts.get(matter.account_id)
    workspace_id = matter.workspace_id or (account.workspace_id or "" if account else "")
    # A template of the platform's account is staff's own to repair, whoever sends with it.
    is_platforms = account is not None and account.workspace_id is None
    where_href = f"/ops/workspaces/{quote(workspace_id, safe='')}" if workspace_id else ""
    what, effect, to_do, href = _words(visit, matter, places, where_href, is_platforms=is_platforms)
    return MatterRow(
        blocks=matter.trouble in BLOCKING,
        what=what,
        words=matter.words,
        where=places.workspaces.get(workspace_id, workspace_id) if workspace_id else "Platform account",
        where_href=where_href,
        effect=effect,
        since=moment_words(visit, matter.since),
        to_do=to_do,
        href=href,
    )


def _words(
    visit: Visit, matter: Matter, places: _Places, where_href: str, *, is_platforms: bool
) -> tuple[str, str, str, str]:
    """Return what a matter is called, what it does, what to do, and where."""
    count = matter.count
    many = count_words(count)
    match matter.trouble:
        case Trouble.ACCOUNT:
            effect = f"{many} workspace{'' if count == 1 else 's'} cannot send through it"
            own = ("Open the account", "/ops/account") if is_platforms else ("Tell the seller", where_href)
            return f"Account {matter.subject}", effect, *own
        case Trouble.NOTIFICATION:
            entry = find_event(matter.subject)
            title = entry.title if entry else matter.subject
            shared = f"/ops/account/templates/{quote(matter.subject, safe='')}"
            own = ("Check the template", shared) if is_platforms else ("Tell the seller", where_href)
            return f"{title} is held", "Nothing is sent for this event", *own
        case Trouble.CASE_OVERDUE:
            row = places.cases.get(matter.subject)
            name = f"Case {row.tracking_id or row.order_id}" if row else "A case"
            href = _run_of(visit, row) if row else where_href
            return f"{name} is past its deadline", "The customer’s parcel waits", "Open in Temporal", href
        case Trouble.CALLBACK_PARKED:
            what = f"{many} callback{' was' if count == 1 else 's were'} put aside"
            effect = f"What {source_words(matter.subject)} said is not known"
            return what, effect, "Open callbacks", "/ops/callbacks"
        case Trouble.EVENT_GIVEN_UP:
            what = f"{matter.subject} was not taken by the seller"
            effect = f"{many} event{'' if count == 1 else 's'} not delivered"
            return what, effect, "Tell the seller", where_href
        case Trouble.SEND_UNKNOWN:
            effect = f"{many} message{'' if count == 1 else 's'} sent or not, not charged"
            return "Nobody knows whether it was sent", effect, "Open the workspace", where_href
