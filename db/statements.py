"""Monthly statements: what a month comes to, closed for good some days after its end (R5.4).

An open month is reckoned from usage and adjustments each time it is asked for. A closed one is a document: the program
may add it and never change it, and each document's hash covers the one before it. Months are closed in their order.

NotYet   a month cannot be closed at that time
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy import case as sql_case
from sqlalchemy import func, or_, select, true
from sqlalchemy.dialects.postgresql import insert

from db import adjustments as booking
from db.charges import list_lines_of_month
from db.rows import columns, many, one
from db.session import Session
from db.tables import adjustments, statements, tax_rates, usage, workspaces
from db.workspaces import PLATFORM
from domain import billing
from domain.billing import (
    PLATFORM_OWNER,
    Statement,
    StatementCorrection,
    TaxRate,
    closes_at,
)

_BEGINNING = bytes(32)


class NotYet(Exception):
    """A month cannot be closed at that time."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month as it is kept.

    Attributes:
        workspace_id: Whose.
        month: Its first day.
        closed_at: When it was closed.
        person: By whom.
        content: The statement as canonical JSON.
        net_paise: What it comes to before taxes.
        tax_paise: Its taxes.
        previous_hash: The hash of the workspace's statement before.
        hash: Its own.
    """

    workspace_id: str
    month: date
    closed_at: datetime
    person: str
    content: str
    net_paise: int
    tax_paise: int
    previous_hash: bytes
    hash: bytes

    @property
    def statement(self) -> Statement:
        """Return what was closed."""
        return _form().validate_json(self.content)

    @property
    def is_whole(self) -> bool:
        """Tell whether it is as it was written."""
        return self.hash == _hash(self.previous_hash, self.content)


@dataclass(frozen=True, slots=True)
class MonthRow:
    """What a workspace's month comes to, at a glance; for ops.

    Attributes:
        workspace_id: Whose.
        accepted: How many messages Gupshup took through the platform's account.
        counted_paise: What was counted of their prices.
        adjusted_paise: What was booked in the month beside that.
        closed_at: Since when it is closed; None while it is open.
        tax_paise: Its taxes, once it is closed.
    """

    workspace_id: str
    accepted: int
    counted_paise: int
    adjusted_paise: int
    closed_at: datetime | None
    tax_paise: int | None

    @property
    def net_paise(self) -> int:
        """Return what it comes to before taxes."""
        return self.counted_paise + self.adjusted_paise


# --- Reading ---


async def reckon(session: Session, workspace_id: str, month: date) -> Statement:
    """Return what a month comes to as its rows stand now.

    Raises:
        NotFound: There is no such workspace.
    """
    zone = await booking.time_zone_of(session, workspace_id)
    lines = await list_lines_of_month(session, workspace_id, month)
    statement = Statement(
        workspace_id=workspace_id,
        month=month,
        time_zone=zone.key,
        lines=lines,
        corrections=await list_corrections(session, workspace_id, month),
        taxes=(),
    )
    rates = await list_tax_rates(session)
    return dataclasses.replace(statement, taxes=billing.taxes(rates, statement.net_paise, month))


async def find_closed(session: Session, workspace_id: str, month: date) -> Closed | None:
    """Return a month as it was closed; None while it is open."""
    statement = select(*columns(statements, Closed)).where(
        statements.c.workspace_id == workspace_id, statements.c.month == month
    )
    return await one(session, statement, Closed)


async def get_statement(session: Session, workspace_id: str, month: date) -> tuple[Statement, Closed | None]:
    """Return a month's statement, and as what it was closed; None there while it is open.

    Raises:
        NotFound: There is no such workspace.
    """
    closed = await find_closed(session, workspace_id, month)
    return (closed.statement, closed) if closed else (await reckon(session, workspace_id, month), None)


async def list_closed(session: Session, workspace_id: str) -> tuple[Closed, ...]:
    """Return a workspace's closed months, newest first."""
    statement = (
        select(*columns(statements, Closed))
        .where(statements.c.workspace_id == workspace_id)
        .order_by(statements.c.month.desc())
    )
    return await many(session, statement, Closed)


async def find_break(session: Session, workspace_id: str) -> date | None:
    """Return the first month whose document is not as it was written, or does not follow the one before; None if all are."""
    previous = _BEGINNING
    for closed in reversed(await list_closed(session, workspace_id)):
        if closed.previous_hash != previous or not closed.is_whole:
            return closed.month
        previous = closed.hash
    return None


async def list_corrections(
    session: Session, workspace_id: str, month: date
) -> tuple[StatementCorrection, ...]:
    """Return what stands in a month for messages of others, or by hand; bookings of its own messages are in its lines."""
    group = (adjustments.c.reason, usage.c.month.label("of_month"), _BY_HAND_DETAIL.label("detail"))
    statement = (
        select(*group, func.count().label("count"), func.sum(adjustments.c.amount_paise).label("paise"))
        .outerjoin_from(adjustments, usage, usage.c.message_id == adjustments.c.message_id)
        .where(
            adjustments.c.workspace_id == workspace_id,
            adjustments.c.month == month,
            usage.c.month.is_distinct_from(month),
        )
        .group_by(*group)
        .order_by(*group)
    )
    return await many(session, statement, StatementCorrection)


async def list_of_all_workspaces(session: Session, month: date) -> tuple[MonthRow, ...]:
    """Return what each workspace's month comes to, the dearest first; for ops only."""
    counts = usage.c.account_owner == PLATFORM_OWNER
    counted = (
        select(
            usage.c.workspace_id,
            func.count().filter(counts, usage.c.outcome == "accepted").label("accepted"),
            func.coalesce(func.sum(usage.c.price_paise).filter(counts, usage.c.is_charged), 0).label("paise"),
        )
        .where(usage.c.month == month)
        .group_by(usage.c.workspace_id)
        .subquery()
    )
    adjusted = (
        select(adjustments.c.workspace_id, func.sum(adjustments.c.amount_paise).label("paise"))
        .where(adjustments.c.month == month)
        .group_by(adjustments.c.workspace_id)
        .subquery()
    )
    total = func.coalesce(counted.c.paise, 0) + func.coalesce(adjusted.c.paise, 0)
    statement = (
        select(
            workspaces.c.id.label("workspace_id"),
            func.coalesce(counted.c.accepted, 0).label("accepted"),
            func.coalesce(counted.c.paise, 0).label("counted_paise"),
            func.coalesce(adjusted.c.paise, 0).label("adjusted_paise"),
            statements.c.closed_at,
            statements.c.tax_paise,
        )
        .outerjoin_from(workspaces, counted, counted.c.workspace_id == workspaces.c.id)
        .outerjoin(adjusted, adjusted.c.workspace_id == workspaces.c.id)
        .outerjoin(statements, (statements.c.workspace_id == workspaces.c.id) & (statements.c.month == month))
        .where(
            workspaces.c.id != PLATFORM,
            counted.c.workspace_id.is_not(None)
            | adjusted.c.workspace_id.is_not(None)
            | statements.c.workspace_id.is_not(None),
        )
        .order_by(total.desc(), workspaces.c.id)
    )
    return await many(session, statement, MonthRow)


# --- Closing ---


async def list_due(
    session: Session, now: datetime, *, days: int, workspace_id: str | None = None
) -> tuple[tuple[str, date], ...]:
    """Return the months that may be closed and are not, by workspace and in their order; the platform has none.

    Args:
        session: The transaction.
        now: The time.
        days: How many days after its end a month may be closed.
        workspace_id: Only those of a workspace.
    """
    own = workspaces.c.id
    last = (
        select(func.max(statements.c.month))
        .where(statements.c.workspace_id == own)
        .correlate(workspaces)
        .scalar_subquery()
    )

    def still_open(table: Any) -> Any:
        is_next = or_(last.is_(None), table.c.month > last)
        return (
            select(table.c.month)
            .where(table.c.workspace_id == own, table.c.month < now.date(), is_next)
            .correlate(workspaces)
        )

    # Looked up workspace by workspace: the closed months' rows, nearly all there are, are never read.
    months = still_open(usage).union(still_open(adjustments)).lateral("months")
    statement = (
        select(own, months.c.month, workspaces.c.policy["timezone"].astext)
        .join_from(workspaces, months, true())
        .where(own != PLATFORM)
        .order_by(own, months.c.month)
    )
    if workspace_id is not None:
        statement = statement.where(own == workspace_id)
    return tuple(
        (owner, month)
        for owner, month, zone in await session.execute(statement)
        if now >= closes_at(month, ZoneInfo(zone or booking.USUAL_ZONE), days=days)
    )


async def close(
    session: Session, workspace_id: str, month: date, *, now: datetime, days: int, person: str
) -> Closed:
    """Close a month for good, and return it; one that is closed already is returned as it is.

    Nothing else may be done in the transaction: nobody books for the workspace until it ends.

    Raises:
        NotYet: It has not ended for long enough, or a month before it is open, or a later one closed already.
        NotFound: There is no such workspace.
        ValueError: It would be closed within a day of its end.
    """
    if days < 1:
        raise ValueError(
            "a month is closed a day after its end or later: sends of its last hour are still told of"
        )
    zone = await booking.time_zone_of(session, workspace_id)
    due = closes_at(month, zone, days=days)
    if now < due:
        raise NotYet(f"{month:%Y-%m} may be closed from {due:%Y-%m-%d} on, {days} days after its end")
    await booking.keep_from_booking(session, workspace_id)
    known = await find_closed(session, workspace_id, month)
    if known is not None:
        return known
    last = await booking.last_closed(session, workspace_id)
    if last is not None and last > month:
        raise NotYet(f"{last:%Y-%m} is closed already, and with it all before")
    earlier = [
        other
        for _, other in await list_due(session, now, days=days, workspace_id=workspace_id)
        if other < month
    ]
    if earlier:
        raise NotYet(f"{earlier[0]:%Y-%m} is to be closed first")
    statement = await reckon(session, workspace_id, month)
    before = await find_closed(session, workspace_id, last) if last else None
    previous = before.hash if before else _BEGINNING
    content = canonical(statement)
    closed = Closed(
        workspace_id=workspace_id,
        month=month,
        closed_at=now,
        person=person,
        content=content,
        net_paise=statement.net_paise,
        tax_paise=statement.tax_paise,
        previous_hash=previous,
        hash=_hash(previous, content),
    )
    await session.execute(
        insert(statements).values({name: getattr(closed, name) for name in Closed.__dataclass_fields__})
    )
    return closed


def canonical(statement: Statement) -> str:
    """Return a statement as JSON that is the same for the same statement."""
    plain = _form().dump_python(statement, mode="json")
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


# --- Taxes ---


async def set_tax(session: Session, rate: TaxRate) -> None:
    """Set a tax from a day on; statements that are closed keep theirs.

    Raises:
        ValueError: The share is negative or more than the whole, or there is no name.
    """
    if not 0 <= rate.basis_points <= _WHOLE or not rate.name.strip():
        raise ValueError("a tax has a name and a share from 0 to 100%")
    values = {
        "name": rate.name.strip(),
        "basis_points": rate.basis_points,
        "valid_from": rate.valid_from,
    }
    await session.execute(insert(tax_rates).values(values))


async def list_tax_rates(session: Session) -> tuple[TaxRate, ...]:
    """Return every tax rate, in the order they were set."""
    return await many(session, select(*columns(tax_rates, TaxRate)).order_by(tax_rates.c.id), TaxRate)


_WHOLE = 10_000  # basis points

_BY_HAND_DETAIL = sql_case((adjustments.c.message_id.is_(None), adjustments.c.detail), else_="")


@cache
def _form() -> TypeAdapter[Statement]:
    return TypeAdapter(Statement)


def _hash(previous: bytes, content: str) -> bytes:
    return hashlib.sha256(previous + content.encode()).digest()
