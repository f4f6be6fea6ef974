"""The seller's list of orders: each parcel that failed to be delivered, where it stands, and who has to act next.

A list shows the newest case of each shipment; what went before stands on the order's own page. Names and addresses are
sealed: `cases.list_facts` opens those of one page.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union,
)
from sqlalchemy import case as sql_case

from db.cases import BadCursor, CaseRow, list_cases
from db.encryption import Cipher
from db.rows import columns, many
from db.session import Session
from db.shipments import ShipmentRow
from db.standing import IS_NEWEST, IS_RESCUED, OF_SHIPMENT, Tab, stand_of, waiting_for_seller
from db.tables import cases, shipments
from domain.shipments import find_mobile

__all__ = [
    "MOST_FOUND",
    "OrderRow",
    "Tab",
    "Wanted",
    "count_orders",
    "count_waiting",
    "find_order_shipments",
    "find_orders",
    "list_cases_of_order",
    "list_couriers",
]

MOST_FOUND = 500
"""So many orders of each kind of match a search looks at."""

_SHORTEST_BEGINNING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders are wanted; what is empty says nothing.

    Attributes:
        text: The beginning of an order's or a parcel's number, or a customer's phone as people write one.
        reason: The reason of the failure.
        courier: The courier's name.
        since: Only failures since.
        order_id: Exactly this order.
    """

    text: str = ""
    reason: str = ""
    courier: str = ""
    since: datetime | None = None
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One parcel that failed to be delivered, by its newest case; nothing in it is personal.

    Attributes:
        stand: Where it stands: one of the first five tabs.
        asked_at: When the seller was asked to act; None where nothing waits for them.
        asked_topic: By what: the topic of the entry on the activity, such as "ended_handed_over".
        asked_detail: Its words.
        last_move: The parcel's last known move; empty for none.
        final: How the parcel's journey ended; None where it has not.
        is_rescued: Whether it was delivered after an action that was accepted.
    """

    case_id: str
    order_id: str
    shipment_id: str
    tracking_id: str
    attempt: int
    reason: str
    courier_name: str
    state: str
    outcome: str
    waits_for: str
    note: str
    accepted_action: str
    accepted_on: date | None
    deadline_at: datetime
    failed_at: datetime
    opened_at: datetime
    ended_at: datetime | None
    last_reply_at: datetime | None
    changed_at: datetime
    stand: str
    asked_at: datetime | None
    asked_topic: str | None
    asked_detail: str | None
    last_move: str | None
    final: str | None
    is_rescued: bool


# --- Lists ---


async def find_orders(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    *,
    tab: Tab,
    wanted: Wanted = Wanted(),
    now: datetime,
    after: str | None = None,
    limit: int = 25,
) -> tuple[tuple[OrderRow, ...], str | None]:
    """Return a page of a workspace's orders and the cursor of the next one.

    What waits for the seller comes by the time that is left, least first, and then what has none left, the latest
    first; every other list comes newest first.

    Args:
        session: The transaction.
        cipher: Makes the hash by which a phone is found.
        workspace_id: The workspace.
        tab: Which list.
        wanted: Which of its orders.
        now: The time.
        after: The cursor of the page before; None for the first page.
        limit: Most orders of a page.

    Raises:
        BadCursor: The cursor is not ours.
    """
    place = None if after is None else _from_cursor(after)
    as_of = now if place is None else place[0]  # the order of a list must not change while it is read
    waiting = waiting_for_seller(workspace_id, as_of)
    stand = stand_of(waiting, as_of)
    given = [cases.c[name] for name in OrderRow.__dataclass_fields__ if name in cases.c]
    statement = (
        select(
            cases.c.id.label("case_id"),
            *given,
            stand.label("stand"),
            waiting.c.asked_at,
            waiting.c.asked_topic,
            waiting.c.asked_detail,
            shipments.c.last_move,
            shipments.c.final,
            IS_RESCUED.label("is_rescued"),
        )
        .outerjoin_from(cases, waiting, waiting.c.id == cases.c.id)
        .outerjoin(shipments, OF_SHIPMENT)
        .where(*_of_list(cipher, workspace_id, wanted), *_of_tab(tab, stand, waiting))
        .limit(limit + 1)
    )
    if tab is Tab.WAITING:
        is_late = cases.c.deadline_at <= as_of
        distance = sql_case((is_late, as_of - cases.c.deadline_at), else_=cases.c.deadline_at - as_of)
        key: tuple[Any, ...] = (is_late, distance, cases.c.id)
        statement = statement.order_by(*key)
        if place is not None:
            _, at, case_id = place
            last = (at <= as_of, abs(at - as_of), case_id)
            statement = statement.where(tuple_(*key) > tuple_(*map(_as, key, last)))
    else:
        key = (cases.c.opened_at, cases.c.id)
        statement = statement.order_by(*(column.desc() for column in key))
        if place is not None:
            statement = statement.where(tuple_(*key) < tuple_(*map(_as, key, place[1:])))
    found = await many(session, statement, OrderRow)
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    last_row = page[-1]
    at = last_row.deadline_at if tab is Tab.WAITING else last_row.opened_at
    return page, _cursor(as_of, at, last_row.case_id)


async def count_orders(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    *,
    wanted: Wanted = Wanted(),
    now: datetime,
) -> Mapping[Tab, int]:
    """Return how many of the wanted orders each list has."""
    waiting = waiting_for_seller(workspace_id, now)
    stand = stand_of(waiting, now)
    has_ended = cases.c.ended_at.is_not(None)
    statement = (
        select(stand.label("stand"), has_ended.label("has_ended"), func.count().label("count"))
        .outerjoin_from(cases, waiting, waiting.c.id == cases.c.id)
        .outerjoin(shipments, OF_SHIPMENT)
        .where(*_of_list(cipher, workspace_id, wanted))
        .group_by(literal_column("1"), literal_column("2"))
    )
    counts = dict.fromkeys(Tab, 0)
    for where, ended, count in await session.execute(statement):
        counts[Tab(where)] += count
        counts[Tab.ALL] += count
        if ended and where != Tab.WAITING:
            counts[Tab.ENDED] += count
    return counts


async def count_waiting(session: Session, workspace_id: str, now: datetime) -> int:
    """Return how many of a workspace's orders wait for the seller; stands on every page."""
    count: int = (
        await session.execute(select(func.count()).select_from(waiting_for_seller(workspace_id, now)))
    ).scalar_one()
    return count


async def list_couriers(session: Session, workspace_id: str, *, since: datetime) -> tuple[str, ...]:
    """Return the couriers of a workspace's failed deliveries since a time, by name."""
    statement = (
        select(cases.c.courier_name)
        .where(cases.c.workspace_id == workspace_id, cases.c.opened_at >= since, cases.c.courier_name != "")
        .distinct()
        .order_by(cases.c.courier_name)
    )
    return tuple((await session.execute(statement)).scalars())


async def list_cases_of_order(
    session: Session, workspace_id: str, order_id: str, *, limit: int = 50
) -> tuple[CaseRow, ...]:
    """Return an order's cases, newest first; none where the workspace has no such order with a case."""
    found, _ = await list_cases(session, workspace_id, order_id=order_id, limit=limit)
    return found


async def find_order_shipments(session: Session, workspace_id: str, order_id: str) -> tuple[ShipmentRow, ...]:
    """Return what is known of an order's parcels, the one heard of last first."""
    statement = (
        select(*columns(shipments, ShipmentRow))
        .where(shipments.c.workspace_id == workspace_id, shipments.c.order_id == order_id)
        .order_by(shipments.c.seen_at.desc(), shipments.c.shipment_id)
    )
    return await many(session, statement, ShipmentRow)


def _of_list(cipher: Cipher, workspace_id: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [cases.c.workspace_id == workspace_id, IS_NEWEST]
    if wanted.text.strip():
        conditions.append(cases.c.id.in_(_found(cipher, workspace_id, wanted.text.strip())))
    if wanted.order_id:
        conditions.append(cases.c.order_id == wanted.order_id)
    if wanted.reason:
        conditions.append(cases.c.reason == wanted.reason)
    if wanted.courier:
        conditions.append(cases.c.courier_name == wanted.courier)
    if wanted.since is not None:
        conditions.append(cases.c.opened_at >= wanted.since)
    return conditions


def _of_tab(tab: Tab, stand: ColumnElement[str], waiting: Any) -> list[ColumnElement[bool]]:
    match tab:
        case Tab.ALL:
            return []
        case Tab.ENDED:
            return [cases.c.ended_at.is_not(None), waiting.c.id.is_(None)]
        case Tab.WAITING:
            return [waiting.c.id.is_not(None)]
        case Tab.CUSTOMER:  # said apart, so that the index of open cases is found
            return [cases.c.ended_at.is_(None), stand == tab.value]
        case _:
            return [stand == tab.value]


# --- Searches ---


def _found(cipher: Cipher, workspace_id: str, text: str) -> Any:
    """Return the ids of the cases that a search means; each index answers for itself."""
    own = cases.c.workspace_id == workspace_id
    found = [
        select(
            select(cases.c.id).where(own, _begins(column, form)).order_by(column).limit(MOST_FOUND).subquery()
        )
        for column in (cases.c.order_id, cases.c.tracking_id)
        for form in sorted({text, text.upper()})
    ]
    for phone in _phones(text):
        of_phone = select(cases.c.id).where(own, cases.c.phone_hash == cipher.phone_hash(phone))
        found.append(select(of_phone.order_by(cases.c.opened_at.desc()).limit(MOST_FOUND).subquery()))
    return union(*found)


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    """Say that a column begins so; a range, which an index answers whatever signs the text has."""
    if len(text) < _SHORTEST_BEGINNING:
        return and_(column == text)
    from_it = column.op("~>=~", is_comparison=True)(text)
    return and_(from_it, column.op("~<=~", is_comparison=True)(f"{text}\U0010ffff"))


def _phones(text: str) -> tuple[str, ...]:
    """Return the phones that a search may mean, as customers' phones are kept: digits with the country's code."""
    if not re.fullmatch(r"[\d\s()+.-]{8,24}", text):
        return ()
    digits = re.sub(r"\D", "", text)
    mobile = find_mobile(re.sub(r"[^\d+]", "", text))
    return tuple({digits, *([f"91{mobile}"] if mobile else [])})


# --- Cursors ---


def _as(column: Any, value: object) -> Any:
    return literal(value, column.type)


def _cursor(as_of: datetime, at: datetime, case_id: str) -> str:
    parts = (as_of.astimezone(UTC).isoformat(), at.astimezone(UTC).isoformat(), case_id)
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode()


def _from_cursor(cursor: str) -> tuple[datetime, datetime, str]:
    try:
        as_of, at, case_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        place = datetime.fromisoformat(as_of), datetime.fromisoformat(at), str(UUID(case_id))
    except (ValueError, binascii.Error) as error:
        raise BadCursor("not a cursor of ours") from error
    if place[0].tzinfo is None or place[1].tzinfo is None:
        raise BadCursor("not a cursor of ours")
    return place
