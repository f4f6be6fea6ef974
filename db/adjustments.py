"""Adjustments: what is booked when a message's charge changes after it was counted. They are added, never changed (R5.4).

A booking stands in the message's own month while that is open, afterwards in the month of the fact: a closed month
never changes. Whoever books keeps the workspace's months from being closed until the transaction ends.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, many, one
from db.session import NotFound, Session
from db.tables import adjustments, messages, statements, usage
from domain import billing
from domain.billing import PLATFORM_OWNER, Adjusted
from domain.messages import MessageStatus

USUAL_ZONE = "Asia/Kolkata"
"""Whose calendar months follow where a workspace says nothing."""

_LOCK = "charges"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One booking.

    Attributes:
        id: Its number.
        workspace_id: Whose.
        month: First day of the month in whose statement it stands.
        message_id: About which message; None for what ops booked for none.
        reason: Why.
        amount_paise: What is charged more; negative for a credit.
        detail: More words.
        person: Who, where somebody booked it by hand.
        at: When.
    """

    id: int
    workspace_id: str
    month: date
    message_id: str | None
    reason: Adjusted
    amount_paise: int
    detail: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Stand:
    """How a message stands in the books."""

    workspace_id: str
    month: date
    price_paise: int
    corrected_paise: int | None
    account_owner: str
    outcome: str
    is_charged: bool
    status: MessageStatus
    adjusted_paise: int

    @property
    def is_owed(self) -> bool:
        return self.outcome == "accepted" and self.status is not MessageStatus.FAILED


async def keep_months_open(session: Session, workspace_id: str) -> None:
    """Let no month of a workspace be closed until the transaction ends; several may do so at once."""
    await session.execute(_SHARED, {"name": f"{_LOCK}/{workspace_id}"})


async def keep_from_booking(session: Session, workspace_id: str) -> None:
    """Let nobody else book for a workspace until the transaction ends, which closes a month."""
    await session.execute(_ALONE, {"name": f"{_LOCK}/{workspace_id}"})


async def last_closed(session: Session, workspace_id: str) -> date | None:
    """Return the first day of the last month that was closed; all before it count as closed."""
    last: date | None = (await session.execute(_LAST_CLOSED, {"of_workspace": workspace_id})).scalar_one()
    return last


async def is_closed(session: Session, message_id: str, workspace_id: str) -> bool:
    """Tell whether a message's month is closed; what is told stays true until the transaction ends."""
    await keep_months_open(session, workspace_id)
    month = (await session.execute(_MONTH, {"of_message": message_id})).scalar_one_or_none()
    closed = await last_closed(session, workspace_id)
    return month is not None and closed is not None and month <= closed


async def settle(
    session: Session,
    message_id: str,
    reason: Adjusted,
    *,
    workspace_id: str,
    at: datetime,
    detail: str = "",
) -> int:
    """Book what a message's charge lacks to be right as the message stands now, and return that amount.

    Args:
        session: The transaction.
        message_id: The message; nobody else may change it meanwhile.
        reason: Why its charge changes; each reason and detail books once.
        workspace_id: Whose it is.
        at: When the fact came.
        detail: What distinguishes several facts of one reason.
    """
    await keep_months_open(session, workspace_id)
    stand = await one(session, _STAND, _stand, {"of_message": message_id})
    if stand is None or stand.account_owner != PLATFORM_OWNER:
        return 0
    amount = billing.correction(
        stand.price_paise,
        corrected_paise=stand.corrected_paise,
        is_counted=stand.is_charged,
        adjusted_paise=stand.adjusted_paise,
        is_owed=stand.is_owed,
    )
    if not amount:
        return 0
    booked = await session.execute(
        _BOOK,
        {
            "workspace_id": workspace_id,
            "month": await _open_month(session, workspace_id, at, stand.month),
            "message_id": message_id,
            "reason": reason,
            "amount_paise": amount,
            "key": ":".join(filter(None, (reason.value, message_id, detail))),
            "detail": detail,
            "at": at,
        },
    )
    return amount if booked.first() is not None else 0


async def book_by_hand(
    session: Session,
    workspace_id: str,
    amount_paise: int,
    *,
    key: str,
    detail: str,
    person: str,
    at: datetime,
) -> date | None:
    """Book an amount that no message asks for, and return in which month it stands; None if it was booked before.

    Raises:
        NotFound: There is no such workspace.
    """
    await keep_months_open(session, workspace_id)
    month = await _open_month(session, workspace_id, at, None)
    booked = await session.execute(
        _BOOK,
        {
            "workspace_id": workspace_id,
            "month": month,
            "message_id": None,
            "reason": Adjusted.BY_HAND,
            "amount_paise": amount_paise,
            "key": f"{Adjusted.BY_HAND.value}:{key}",
            "detail": detail,
            "person": person,
            "at": at,
        },
    )
    return month if booked.first() is not None else None


async def list_adjustments(
    session: Session, workspace_id: str, month: date, *, limit: int = 10_000
) -> tuple[Adjustment, ...]:
    """Return what stands in a workspace's month, in the order of booking."""
    statement = (
        select(*columns(adjustments, Adjustment))
        .where(adjustments.c.workspace_id == workspace_id, adjustments.c.month == month)
        .order_by(adjustments.c.id)
        .limit(limit)
    )
    return await many(session, statement, Adjustment)


async def list_of_message(session: Session, workspace_id: str, message_id: str) -> tuple[Adjustment, ...]:
    """Return what was booked for a message, in that order."""
    statement = (
        select(*columns(adjustments, Adjustment))
        .where(adjustments.c.workspace_id == workspace_id, adjustments.c.message_id == message_id)
        .order_by(adjustments.c.id)
    )
    return await many(session, statement, Adjustment)


async def time_zone_of(session: Session, workspace_id: str) -> ZoneInfo:
    """Return whose calendar a workspace's months follow.

    Raises:
        NotFound: There is no such workspace.
    """
    name = (await session.execute(_TIME_ZONE, {"of_workspace": workspace_id})).scalar_one_or_none()
    if name is None:
        raise NotFound(f"workspace {workspace_id}")
    return ZoneInfo(name)


async def _open_month(session: Session, workspace_id: str, at: datetime, own: date | None) -> date:
    """Return in which month something is booked: its own, else that of a time, else the first that is open."""
    closed = await last_closed(session, workspace_id)
    if own is not None and (closed is None or own > closed):
        return own
    month = billing.month_of(at, await time_zone_of(session, workspace_id))
    return month if closed is None or month > closed else billing.next_month(closed)


def _stand(**row: Any) -> _Stand:
    return _Stand(**row)


_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_TIME_ZONE = text(
    "SELECT coalesce(policy ->> 'timezone', 'Asia/Kolkata') FROM workspaces WHERE id = :of_workspace"
)

# Built once: putting a statement together costs more than sending it.

_LAST_CLOSED = select(func.max(statements.c.month)).where(
    statements.c.workspace_id == bindparam("of_workspace")
)
_MONTH = select(usage.c.month).where(usage.c.message_id == bindparam("of_message"))
_BOOK = (
    insert(adjustments)
    .on_conflict_do_nothing(index_elements=["workspace_id", "key"])
    .returning(adjustments.c.id)
)
_ADJUSTED = (
    select(func.coalesce(func.sum(adjustments.c.amount_paise), 0))
    .where(adjustments.c.message_id == usage.c.message_id)
    .scalar_subquery()
)
_STAND = (
    select(
        usage.c.workspace_id,
        usage.c.month,
        usage.c.price_paise,
        usage.c.corrected_paise,
        usage.c.account_owner,
        usage.c.outcome,
        usage.c.is_charged,
        messages.c.status,
        _ADJUSTED.label("adjusted_paise"),
    )
    .join_from(
        usage,
        messages,
        (messages.c.workspace_id == usage.c.workspace_id) & (messages.c.id == usage.c.message_id),
    )
    .where(usage.c.message_id == bindparam("of_message"))
)
