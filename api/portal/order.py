"""An order's page: its activity, what can be done with its open cases, and its parcels (R5.3, R6.11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.acting import read_stand
from api.portal.order_activity import Known, days_of
from api.portal.order_case import CaseCard, Decision, Facts, case_card, decision, facts_of
from api.portal.order_words import stand_badge
from api.portal.orders import order_url
from api.portal.pages import render
from api.portal.parts import Day, Tone
from api.portal.visits import Seller, Visit, not_found
from db import accounts, actions, messages, orders, timeline
from db.accounts import AppAccount
from db.cases import BadCursor, CaseRow
from db.orders import OrderRow, Wanted
from db.session import NotFound, Session
from db.standing import Tab
from db.timeline import Entry, TimelineEntry
from domain.formats import clock, local_date, plain_day

__all__ = ["router"]

router = APIRouter(prefix="/orders")

_SHOWN: Final = 30
_FOLDED: Final = 170
_MOST_PARCELS: Final = 10


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of the order: its newest case, and what is known of it."""

    card: CaseCard
    facts: Facts


@dataclass(frozen=True, slots=True)
class OrderPage:
    """An order.

    Attributes:
        badge: Where it stands; empty where no delivery of it failed.
        decision: What the seller is asked to decide; None where nothing waits for them.
        days: The newest entries.
        older: The entries before, and the words of what unfolds them; empty where there are none.
        further: Where still earlier entries stand; empty where there are none.
        back: Where the newest ones stand, on a page of earlier ones; empty else.
        as_of: When it was read.
        live: Where news comes from; empty on a page of earlier entries.
    """

    order_id: str
    url: str
    badge: str
    tone: Tone
    decision: Decision | None
    days: tuple[Day, ...]
    older: tuple[Day, ...]
    older_words: str
    further: str
    back: str
    as_of: str
    live: str
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class _Ends:
    """What the order's cases asked for, and the entries of their ends, by case."""

    asked: tuple[actions.AskedAction, ...]
    ends: Mapping[str | None, Entry]


@router.get("/{order_id:path}")
async def order_page(order_id: str, visit: Seller) -> Response:
    """Show an order."""
    resources, zone = visit.services.resources, ZoneInfo(visit.workspace.policy.timezone)
    before = visit.request.query_params.get("before", "")[:300]
    async with resources.database.transaction(visit.workspace_id) as session:
        rows = await orders.list_cases_of_order(session, visit.workspace_id, order_id)
        try:
            found = await timeline.list_entries(
                session,
                resources.cipher,
                visit.workspace_id,
                order_id,
                before=before or None,
                limit=_SHOWN + _FOLDED + 1,
            )
        except BadCursor:
            raise not_found() from None
        if (
            not rows
            and not found
            and not await orders.find_order_shipments(session, visit.workspace_id, order_id)
        ):
            raise not_found()
        stands = await _stands(session, visit, order_id)
        asked = await actions.list_asked(
            session, resources.cipher, visit.workspace_id, [row.id for row in rows]
        )
        ends = {each.entry.case_id: each.entry for each in found if each.entry.topic.startswith("ended_")}
        parcels, customer = await _parcels(session, visit, rows, _Ends(asked, ends), zone)
        ids = {each.entry.message_id for each in found if each.entry.message_id}
        sent = await messages.list_messages(session, visit.workspace_id, ids)
        accounts_of = await _accounts(session, {message.account_id for message in sent.values()})
        mark = await timeline.latest_change(session, visit.workspace_id, order_id)
    known = Known(
        cases={row.id: row for row in rows},
        asked=asked,
        messages=sent,
        owners={account_id: account.owner for account_id, account in accounts_of.items()},
        customer=customer,
        zone=zone,
        now=visit.now,
    )
    page = _page(order_id, visit, _Read(found, stands, parcels, known, before, mark))
    return await render(visit, "order.html", page, current="orders")


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of an order."""

    found: tuple[TimelineEntry, ...]
    stands: tuple[OrderRow, ...]
    parcels: tuple[Parcel, ...]
    known: Known
    before: str
    mark: str


def _page(order_id: str, visit: Visit, read: _Read) -> OrderPage:
    found, known, url = read.found, read.known, order_url(order_id)
    shown, folded, rest = found[:_SHOWN], found[_SHOWN : _SHOWN + _FOLDED], found[_SHOWN + _FOLDED :]
    first = _most_urgent(read.stands)
    badge, tone = stand_badge(first, today=known.today) if first else ("", "")
    older = days_of(folded, known)
    return OrderPage(
        order_id=order_id,
        url=url,
        badge=badge,
        tone=tone,
        decision=decision(first, customer=known.customer)
        if first is not None and first.stand == Tab.WAITING
        else None,
        days=days_of(shown, known),
        older=older,
        older_words=_older_words(folded, older, known),
        further=f"{url}?before={folded[-1].cursor}" if rest else "",
        back=url if read.before else "",
        as_of=clock(visit.now, known.zone),
        live="" if read.before else order_url(order_id, f"/live?since={read.mark}"),
        parcels=read.parcels,
    )


def _older_words(folded: Sequence[TimelineEntry], days: tuple[Day, ...], known: Known) -> str:
    count = sum(len(day.entries) for day in days)
    if not count:
        return ""
    since = plain_day(local_date(folded[-1].entry.at, known.zone), today=known.today)
    return f"{count} earlier {'entry' if count == 1 else 'entries'}, from {since}"


def _most_urgent(stands: tuple[OrderRow, ...]) -> OrderRow | None:
    """Return the parcel that says where the order stands: the one that needs somebody most."""
    order = (Tab.WAITING, Tab.CUSTOMER, Tab.IN_HAND, Tab.NOT_DELIVERED, Tab.DELIVERED)
    return min(stands, key=lambda row: order.index(Tab(row.stand)), default=None)


async def _stands(session: Session, visit: Visit, order_id: str) -> tuple[OrderRow, ...]:
    found, _ = await orders.find_orders(
        session,
        visit.services.resources.cipher,
        visit.workspace_id,
        tab=Tab.ALL,
        wanted=Wanted(order_id=order_id),
        now=visit.now,
        limit=_MOST_PARCELS,
    )
    return found


async def _parcels(
    session: Session,
    visit: Visit,
    rows: tuple[CaseRow, ...],
    told: _Ends,
    zone: ZoneInfo,
) -> tuple[tuple[Parcel, ...], str]:
    """Return each parcel with its newest case, open ones first; and what the customer is called."""
    newest: dict[str, CaseRow] = {}
    for row in rows:
        known = newest.get(row.shipment_id)
        if known is None or (row.attempt, row.visit) > (known.attempt, known.visit):
            newest[row.shipment_id] = row
    chosen = sorted(newest.values(), key=lambda row: (not row.is_open, -row.opened_at.timestamp()))
    accounts_of = await _accounts(session, {row.account_id for row in chosen})
    parcels: list[Parcel] = []
    customer = ""
    for row in chosen[:_MOST_PARCELS]:
        stand = await read_stand(session, visit.services.resources.cipher, row, visit.now)
        name = f"Parcel {row.tracking_id}" if len(chosen) > 1 else ""
        card = case_card(stand, told.asked, told.ends.get(row.id), name=name, zone=zone, now=visit.now)
        parcels.append(Parcel(card, facts_of(stand.facts, accounts_of.get(row.account_id))))
        customer = customer or stand.facts.failure.customer_name
    return tuple(parcels), customer


async def _accounts(session: Session, account_ids: set[str]) -> dict[str, AppAccount]:
    found: dict[str, AppAccount] = {}
    for account_id in sorted(filter(None, account_ids)):
        try:
            found[account_id] = await accounts.get_account(session, account_id)
        except NotFound:
            continue  # nobody's any more; the message says by itself what it was
    return found
