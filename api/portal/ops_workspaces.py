"""Every seller's workspace at a glance, one in full, and its first owner."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal.forms import FieldError
from api.portal.frame import role_words
from api.portal.ops_attention import CaseLine, case_line
from api.portal.pages import once, render
from api.portal.parts import Stat
from api.portal.staff import ask_password, moment_words, month_begins, record
from api.portal.visits import FieldsNow, Staff, Visit, not_found
from bootstrap.passwords import temporary_password
from db import attention, cases, charges, installations, notifications, people, workspaces
from db.accounts import AppAccount
from db.attention import WorkspaceRow
from db.charges import Totals
from db.installations import Installation, Selection
from db.notifications import Notification
from db.people import EmailTaken, Person, Role
from db.session import Session
from db.workspaces import PLATFORM, Workspace
from domain.formats import count_words, phone_words, rupees_figure, zone_words
from domain.journey import JOURNEY
from domain.texts import LANGUAGES

__all__ = ["router"]

router = APIRouter(prefix="/ops/workspaces")

_MONTH: Final = timedelta(days=30)
_MOST_CASES: Final = 20
_LONGEST_EMAIL: Final = 254
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ACCOUNTS: Final = {"eshopbox": "Eshopbox account", "client": "Own account"}


@dataclass(frozen=True, slots=True)
class WorkspaceLine:
    """A workspace as it stands in the list."""

    name: str
    slug: str
    href: str
    installed: str
    sender: str
    has_trouble: bool
    notifications: str
    open_cases: str
    messages: str
    charged: str


@dataclass(frozen=True, slots=True)
class WorkspacesPage:
    """Every workspace."""

    rows: tuple[WorkspaceLine, ...]
    lead: str


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An installed account."""

    title: str
    app_name: str
    phone: str
    key: str
    is_sender: bool
    attention: str
    installed: str
    by: str
    last_callback: str


@dataclass(frozen=True, slots=True)
class NotificationLine:
    """An event that is set up for the account that sends."""

    title: str
    template: str
    languages: str
    is_on: bool
    attention: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody who signs in."""

    name: str
    email: str
    role: str
    since: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class SelectionLine:
    """A change of the sender."""

    to: str
    by: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspacePage:
    """One workspace.

    Attributes:
        name: Its name.
        slug: The order system's name for it.
        url: Its page.
        lead: Since when it is here, and in which zone and language.
        stats: A few figures.
        accounts: What is installed.
        notifications: What is set up for the sender.
        people: Who signs in.
        selections: How the sender changed.
        cases: Open cases with their runs.
        has_owner: Whether somebody owns it, who adds everybody else.
        email: Of the first owner, as entered.
        person: Their name, as entered.
        errors: What is wrong with the form.
    """

    name: str
    slug: str
    url: str
    lead: str
    stats: tuple[Stat, ...]
    accounts: tuple[AccountLine, ...]
    notifications: tuple[NotificationLine, ...]
    people: tuple[PersonLine, ...]
    selections: tuple[SelectionLine, ...]
    cases: tuple[CaseLine, ...]
    has_owner: bool
    email: str = ""
    person: str = ""
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstOwnerPage:
    """The first owner's password, shown this once."""

    workspace: str
    url: str
    name: str
    email: str
    password: str
    address: str


@router.get("")
async def workspaces_page(visit: Staff) -> Response:
    """Show every workspace."""
    # Staff look after every workspace: no transaction of one workspace could.
    async with visit.services.resources.database.transaction() as session:
        rows = await attention.list_workspace_rows(session, since=visit.now - _MONTH)
        charged = {
            each.workspace_id: each.charged_paise
            for each in await charges.list_of_all_workspaces(
                session, since=month_begins(visit), until=visit.now
            )
        }
    count = len(rows)
    page = WorkspacesPage(
        tuple(_line(row, charged.get(row.id, 0)) for row in rows),
        f"{count_words(count)} workspace{'' if count == 1 else 's'}. Messages are those of the last 30 days.",
    )
    return await render(visit, "ops_workspaces.html", page, current="ops_workspaces")


@router.get("/{workspace_id}")
async def workspace_page(workspace_id: str, visit: Staff) -> Response:
    """Show one workspace."""
    return await _page(visit, workspace_id)


@router.post("/{workspace_id}/owner")
async def add_first_owner(workspace_id: str, visit: Staff, fields: FieldsNow) -> Response:
    """Add a workspace's first owner, and show the password for their first sign-in this once."""
    fields.only("email", "name")
    workspace = await _find(visit, workspace_id)
    if asked := ask_password(visit, _url(workspace_id)):
        return asked
    email, name = fields.text("email").casefold(), fields.text("name")
    errors = _wrong(email, name)
    if errors:
        return await _page(visit, workspace_id, *errors, email=email, person=name)

    async def act() -> Response:
        password = temporary_password()
        kept = await visit.services.passwords.hash(password)
        try:
            async with visit.services.resources.database.transaction(workspace_id) as session:
                if _owners(await people.list_people(session, workspace_id)):
                    error = FieldError("email", "This workspace has an owner, who adds everybody else.")
                    return await _page(visit, workspace_id, error, email=email, person=name)
                added = await people.add_person(
                    session,
                    workspace_id=workspace_id,
                    email=email,
                    name=name,
                    role=Role.OWNER,
                    password_hash=kept,
                )
                await record(
                    session,
                    visit,
                    "person.added",
                    subject=added.email,
                    detail=f"{added.name}, {role_words(added)}",
                    workspace_id=workspace_id,
                )
        except EmailTaken:
            error = FieldError("email", "Somebody signs in with this address already. Use another one.")
            return await _page(visit, workspace_id, error, email=email, person=name)
        page = FirstOwnerPage(
            workspace.name,
            _url(workspace_id),
            added.name,
            added.email,
            password,
            f"{visit.services.resources.settings.public_base_url}/sign-in",
        )
        return await render(visit, "ops_first_owner.html", page, current="ops_workspaces")

    return await once(visit, fields, act)


async def _find(visit: Visit, workspace_id: str) -> Workspace:
    """Return a seller's workspace.

    Raises:
        Problem: 404: there is none of this id.
    """
    if workspace_id == PLATFORM or not workspace_id.isprintable():
        raise not_found()
    async with visit.services.resources.database.transaction() as session:  # which of all workspaces
        found = await workspaces.find_workspace(session, workspace_id)
    if found is None:
        raise not_found()
    return found


async def _page(
    visit: Visit, workspace_id: str, *errors: FieldError, email: str = "", person: str = ""
) -> Response:
    workspace = await _find(visit, workspace_id)
    async with visit.services.resources.database.transaction(workspace_id) as session:
        installed = await installations.list_installed(session, workspace_id)
        sender = await installations.find_sender(session, workspace_id)
        set_up = await notifications.list_notifications(session, workspace_id, sender.id) if sender else ()
        everybody = await people.list_people(session, workspace_id)
        selections = await installations.list_selections(session, workspace_id, limit=5)
        opened, more = await cases.list_cases(session, workspace_id, state="open", limit=_MOST_CASES)
        totals = await _totals(session, visit, workspace_id)
    page = WorkspacePage(
        name=workspace.name,
        slug=workspace.id,
        url=_url(workspace_id),
        lead=_lead(workspace),
        stats=_stats(totals, len(opened), has_more=more is not None),
        accounts=tuple(_account_line(visit, each, sender) for each in installed),
        notifications=_notification_lines(set_up),
        people=tuple(_person_line(visit, each) for each in everybody),
        selections=tuple(_selection_line(visit, each) for each in selections),
        cases=tuple(case_line(visit, row, {workspace.id: f"Order {row.order_id}"}) for row in opened),
        has_owner=bool(_owners(everybody)),
        email=email,
        person=person,
        errors=errors,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(visit, "ops_workspace.html", page, current="ops_workspaces", status=status)


async def _totals(session: Session, visit: Visit, workspace_id: str) -> Totals:
    """Return what a workspace's messages of this month came to."""
    lines = await charges.list_lines(session, workspace_id, since=month_begins(visit), until=visit.now)
    return Totals.of(lines)


def _stats(totals: Totals, opened: int, *, has_more: bool) -> tuple[Stat, ...]:
    return (
        Stat(label="Open cases", figure=f"{count_words(opened)}{'+' if has_more else ''}"),
        Stat(label="Messages this month", figure=count_words(totals.messages)),
        Stat(label="Failed this month", figure=count_words(totals.failed), note="accepted, not delivered"),
        Stat(label="Charged this month", figure=rupees_figure(totals.charged_paise), note="without GST"),
    )


def _lead(workspace: Workspace) -> str:
    language = LANGUAGES.get(workspace.default_language)
    zone = zone_words(ZoneInfo(workspace.policy.timezone))
    return (
        f"“{workspace.id}” in the order system. {zone}. "
        f"Default language: {language.name if language else workspace.default_language}."
    )


def _url(workspace_id: str) -> str:
    return f"/ops/workspaces/{quote(workspace_id, safe='')}"


def _owners(everybody: Iterable[Person]) -> tuple[Person, ...]:
    """Return who owns a workspace and may sign in."""
    return tuple(each for each in everybody if each.role is Role.OWNER and each.disabled_at is None)


def _wrong(email: str, name: str) -> tuple[FieldError, ...]:
    errors: list[FieldError] = []
    if not name:
        errors.append(FieldError("name", "Enter the owner’s name"))
    if not _EMAIL.fullmatch(email) or len(email) > _LONGEST_EMAIL:
        errors.append(FieldError("email", "Enter an e-mail address, for example meera@kapaskraft.example"))
    return tuple(errors)


def _line(row: WorkspaceRow, charged_paise: int) -> WorkspaceLine:
    installed = " and ".join(_ACCOUNTS.get(owner, owner) for owner in row.installed)
    held = f", {row.notifications_held} held" if row.notifications_held else ""
    return WorkspaceLine(
        name=row.name,
        slug=row.id,
        href=_url(row.id),
        installed=installed or "Nothing",
        sender=_ACCOUNTS.get(row.sender_owner or "", "None"),
        has_trouble=bool(row.sender_attention or row.notifications_held),
        notifications=f"{row.notifications_on} of {len(JOURNEY)} on{held}",
        open_cases=count_words(row.open_cases),
        messages=count_words(row.messages),
        charged=rupees_figure(charged_paise),
    )


def _account_line(visit: Visit, each: Installation, sender: AppAccount | None) -> AccountLine:
    account = each.account
    return AccountLine(
        title=_ACCOUNTS[account.owner],
        app_name=account.app_name,
        phone=phone_words(account.phone),
        key=f"•••• {account.key_last4}" if account.key_last4 else "–",
        is_sender=sender is not None and sender.id == account.id,
        attention=account.attention,
        installed=moment_words(visit, each.installed_at),
        by=each.person,
        last_callback=moment_words(visit, account.last_callback_at, otherwise="never"),
    )


def _notification_lines(set_up: tuple[Notification, ...]) -> tuple[NotificationLine, ...]:
    """Return one line for each event that is set up, in the journey's order."""
    lines: list[NotificationLine] = []
    for entry in JOURNEY:
        rows = [row for row in set_up if row.event == entry.key]
        if rows:
            lines.append(
                NotificationLine(
                    title=entry.title,
                    template=rows[0].template_name or rows[0].template_id,
                    languages=", ".join(row.language for row in rows),
                    is_on=any(row.is_on for row in rows),
                    attention=next((row.attention for row in rows if row.attention), ""),
                )
            )
    return tuple(lines)


def _person_line(visit: Visit, person: Person) -> PersonLine:
    return PersonLine(
        name=person.name,
        email=person.email,
        role=role_words(person),
        since=moment_words(visit, person.created_at),
        is_disabled=person.disabled_at is not None,
    )


def _selection_line(visit: Visit, each: Selection) -> SelectionLine:
    to = f"{_ACCOUNTS.get(each.owner, each.owner)}, {phone_words(each.phone)}" if each.account_id else "None"
    return SelectionLine(to, each.person, moment_words(visit, each.selected_at))
