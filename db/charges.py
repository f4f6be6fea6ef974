"""Charges as a seller reads them: a time's statement, its rows, what was not charged and why, the prices (R5.4).

A month begins at midnight of the workspace's time zone: whoever asks says since when and until when. What one message
counts as is written by `db.messages` and `db.statuses`; nothing here changes it. A message costs what was counted of its
price and what was booked for it within its own month: what was booked later stands in a later month's statement, so that
these figures are the same for ever once the month is closed.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, cast, func, literal, or_, select, tuple_
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import distinct_on

from db.rows import columns, many
from db.session import Database, Session
from db.tables import adjustments, messages, rate_card, usage
from domain.billing import PLATFORM_OWNER, ChargeLine, Window
from domain.messages import MessageStatus


class NotCharged(StrEnum):
    """Why a message costs the seller nothing here."""

    FAILED = "failed"  # accepted by Gupshup and failed later
    REFUSED = "refused"  # surely not accepted
    UNKNOWN = "unknown"  # nobody knows whether it was accepted
    SENDING = "sending"  # on its way to Gupshup, or that was never finished
    OWN_ACCOUNT = "own_account"  # Gupshup bills it to the seller
    FREE = "free"  # its price was zero when it was sent
    LATER = "later"  # what it costs was proven after its month was closed: it stands in a later one


@dataclass(frozen=True, slots=True)
class Totals:
    """What the lines of a statement come to together."""

    messages: int = 0
    accepted: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    charged: int = 0
    not_charged: int = 0
    charged_paise: int = 0

    @classmethod
    def of(cls, lines: tuple[ChargeLine, ...]) -> "Totals":
        """Return the sum of some lines."""
        return cls(*(sum(getattr(line, name) for line in lines) for name in cls.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Exempt:
    """How many messages were not charged for one reason.

    Attributes:
        why: The class of the reason.
        account_owner: Through whose account.
        code: Gupshup's code, for what failed or was refused; empty for none.
        reason: Its words.
        messages: How many.
    """

    why: NotCharged
    account_owner: str
    code: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """One message of a statement, as the CSV has it; nothing in it is personal."""

    message_id: str
    sent_at: datetime
    order_id: str
    shipment_id: str
    event: str
    purpose: str
    kind: str
    account_id: str
    account_owner: str
    template_name: str
    language: str
    category: str
    status: MessageStatus
    code: str
    reason: str
    is_charged: bool
    price_paise: int
    charged_paise: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a message of a category costs from a time on, until the next price of the category.

    Attributes:
        category: Which messages.
        valid_from: Since when.
        price_paise: What one costs.
        customer_window: For which of them, by whether the customer wrote in the 24 h before.
        free_monthly: How many of a month cost nothing.
        tiers: Pairs of a number of messages in a month and the price above it.
    """

    category: str
    valid_from: datetime
    price_paise: int
    customer_window: Window = Window.ANY
    free_monthly: int = 0
    tiers: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, slots=True)
class WorkspaceCharges:
    """What a workspace's messages of a time came to; for ops."""

    workspace_id: str
    messages: int
    accepted: int
    failed: int
    charged: int
    charged_paise: int


_ADJUSTED = (
    select(
        adjustments.c.workspace_id,
        adjustments.c.message_id,
        adjustments.c.month,
        # As the type of a price: PostgreSQL's sum of a wider one is no integer any more.
        cast(func.sum(adjustments.c.amount_paise), Integer).label("paise"),
    )
    .group_by(adjustments.c.workspace_id, adjustments.c.message_id, adjustments.c.month)
    .subquery("adjusted")
)
_COUNTED = (
    usage.join(
        messages, and_(messages.c.workspace_id == usage.c.workspace_id, messages.c.id == usage.c.message_id)
    )
).outerjoin(
    _ADJUSTED,
    and_(
        _ADJUSTED.c.workspace_id == usage.c.workspace_id,
        _ADJUSTED.c.message_id == usage.c.message_id,
        _ADJUSTED.c.month == usage.c.month,
    ),
)

# What is charged is a message of the platform's account that was accepted, did not fail and had a price. Through the
# seller's own account Gupshup charges it, whatever the row says.
_CHARGED_PAISE = sql_case(
    (
        usage.c.account_owner == PLATFORM_OWNER,
        sql_case((usage.c.is_charged, usage.c.price_paise), else_=0) + func.coalesce(_ADJUSTED.c.paise, 0),
    ),
    else_=0,
)
_IS_CHARGED = _CHARGED_PAISE > 0

_HAS_FAILED = and_(usage.c.outcome == "accepted", messages.c.status == MessageStatus.FAILED)
_WHY = sql_case(
    (usage.c.outcome == "refused", NotCharged.REFUSED.value),
    (usage.c.outcome == "unknown", NotCharged.UNKNOWN.value),
    (usage.c.outcome != "accepted", NotCharged.SENDING.value),
    (_HAS_FAILED, NotCharged.FAILED.value),
    (usage.c.account_owner != PLATFORM_OWNER, NotCharged.OWN_ACCOUNT.value),
    (func.coalesce(usage.c.corrected_paise, usage.c.price_paise) > 0, NotCharged.LATER.value),
    else_=NotCharged.FREE.value,
)

_ACCEPTED = func.count().filter(usage.c.outcome == "accepted")
_FAILED = func.count().filter(_HAS_FAILED)
_CHARGED = func.count().filter(_IS_CHARGED)
_SUM = func.coalesce(func.sum(_CHARGED_PAISE), 0)


async def list_lines(
    session: Session,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    account_id: str | None = None,
) -> tuple[ChargeLine, ...]:
    """Return a workspace's statement of a time, one line for each account, event, purpose and kind of message.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        since: Messages sent from then on.
        until: And before then.
        account_id: Only those through an account.
    """
    where = _of_time(workspace_id, since, until)
    if account_id is not None:
        where.append(usage.c.account_id == account_id)
    return await _lines(session, where)


async def list_lines_of_month(session: Session, workspace_id: str, month: date) -> tuple[ChargeLine, ...]:
    """Return the lines of a workspace's month by the calendar that it had when it sent, as a statement has them."""
    return await _lines(session, [usage.c.workspace_id == workspace_id, usage.c.month == month])


async def _lines(session: Session, where: list[ColumnElement[bool]]) -> tuple[ChargeLine, ...]:
    status = messages.c.status
    group = (
        usage.c.account_id,
        usage.c.account_owner,
        usage.c.event,
        messages.c.purpose,
        usage.c.kind,
    )
    charged_price = sql_case((_IS_CHARGED, _CHARGED_PAISE))
    statement = (
        select(
            *group,
            func.count().label("messages"),
            _ACCEPTED.label("accepted"),
            func.count().filter(status.in_([MessageStatus.DELIVERED, MessageStatus.READ])).label("delivered"),
            func.count().filter(status == MessageStatus.READ).label("read"),
            _FAILED.label("failed"),
            _CHARGED.label("charged"),
            func.count().filter(~_IS_CHARGED).label("not_charged"),
            _SUM.label("charged_paise"),
            func.min(charged_price).label("lowest_paise"),
            func.max(charged_price).label("highest_paise"),
        )
        .select_from(_COUNTED)
        .where(*where)
        .group_by(*group)
        .order_by(usage.c.account_owner.desc(), *group)
    )
    return await many(session, statement, ChargeLine)


async def list_exempt(
    session: Session,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    account_id: str | None = None,
) -> tuple[Exempt, ...]:
    """Return what was not charged in a time and why, most messages first; the parts as for `list_lines`."""
    has_code = or_(_HAS_FAILED, usage.c.outcome.in_(["refused", "unknown"]))
    why = _WHY.label("why")
    code = sql_case((has_code, messages.c.code), else_="").label("code")
    reason = sql_case((has_code, messages.c.reason), else_="").label("reason")
    count = func.count().label("messages")
    statement = (
        select(why, usage.c.account_owner, code, reason, count)
        .select_from(_COUNTED)
        .where(*_of_time(workspace_id, since, until), ~_IS_CHARGED)
        .group_by(why, usage.c.account_owner, code, reason)
        .order_by(count.desc(), why, code, reason)
    )
    if account_id is not None:
        statement = statement.where(usage.c.account_id == account_id)

    def exempt(*, why: str, **rest: Any) -> Exempt:
        return Exempt(NotCharged(why), **rest)

    return await many(session, statement, exempt)


async def list_rows(
    session: Session,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    account_id: str | None = None,
    after: ChargeRow | None = None,
    limit: int = 1000,
) -> tuple[ChargeRow, ...]:
    """Return the messages of a statement, oldest first.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        since: Messages sent from then on.
        until: And before then.
        account_id: Only those through an account.
        after: Only what follows this one.
        limit: At most so many.
    """
    given = [
        (usage if name in usage.c and name != "is_charged" else messages).c[name]
        for name in ChargeRow.__dataclass_fields__
        if name not in ("is_charged", "charged_paise")
    ]
    statement = (
        select(*given, _IS_CHARGED.label("is_charged"), _CHARGED_PAISE.label("charged_paise"))
        .select_from(_COUNTED)
        .where(*_of_time(workspace_id, since, until))
        .order_by(usage.c.sent_at, usage.c.message_id)
        .limit(limit)
    )
    if account_id is not None:
        statement = statement.where(usage.c.account_id == account_id)
    if after is not None:
        last = tuple_(
            literal(after.sent_at, usage.c.sent_at.type), literal(after.message_id, usage.c.message_id.type)
        )
        statement = statement.where(tuple_(usage.c.sent_at, usage.c.message_id) > last)
    return await many(session, statement, ChargeRow)


async def each_row(
    database: Database,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    account_id: str | None = None,
    batch: int = 1000,
) -> AsyncIterator[tuple[ChargeRow, ...]]:
    """Give the messages of a statement in batches, oldest first; the parts as for `list_rows`.

    Each batch is a transaction of its own: who reads them may be slow, and no transaction waits for a network.
    """
    after: ChargeRow | None = None
    while True:
        async with database.transaction(workspace_id) as session:
            rows = await list_rows(
                session,
                workspace_id,
                since=since,
                until=until,
                account_id=account_id,
                after=after,
                limit=batch,
            )
        if rows:
            yield rows
        if len(rows) < batch:
            return
        after = rows[-1]


async def list_months(session: Session, workspace_id: str, time_zone: str) -> tuple[date, ...]:
    """Return the first days of the months in which a workspace sent anything, newest first.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        time_zone: Whose months they are, such as "Asia/Kolkata".
    """
    own = usage.c.workspace_id == workspace_id
    month = func.make_interval(0, 1)
    ends = (
        select(
            func.date_trunc("month", func.timezone(time_zone, func.min(usage.c.sent_at))).label("first"),
            func.date_trunc("month", func.timezone(time_zone, func.max(usage.c.sent_at))).label("last"),
        )
        .where(own)
        .subquery()
    )
    # Months are looked into one by one, which the index answers; all messages are never read.
    months = select(func.generate_series(ends.c.first, ends.c.last, month).label("begins")).subquery()
    anything = (
        select(usage.c.sent_at)
        .where(
            own,
            usage.c.sent_at >= func.timezone(time_zone, months.c.begins),
            usage.c.sent_at < func.timezone(time_zone, months.c.begins + month),
        )
        .limit(1)
        .correlate(months)
        .scalar_subquery()
    )
    statement = (
        select(cast(months.c.begins, Date)).where(anything.is_not(None)).order_by(months.c.begins.desc())
    )
    return tuple((await session.execute(statement)).scalars())


async def list_prices(session: Session, workspace_id: str, *, until: datetime) -> tuple[Price, ...]:
    """Return the prices that applied to a workspace's messages, by category, newest first.

    Of each category that it ever sent through the platform's account: what was in force at its first such message,
    and each price that followed, announced ones until a time included.
    """
    first = (
        select(usage.c.category, func.min(usage.c.sent_at).label("at"))
        .where(usage.c.workspace_id == workspace_id, usage.c.account_owner == PLATFORM_OWNER)
        .group_by(usage.c.category)
        .subquery()
    )
    newest = (
        select(*columns(rate_card, Price))
        .ext(distinct_on(rate_card.c.category, rate_card.c.customer_window, rate_card.c.valid_from))
        .order_by(
            rate_card.c.category, rate_card.c.customer_window, rate_card.c.valid_from, rate_card.c.id.desc()
        )
        .subquery("newest")
    )
    before = rate_card.alias("before")
    in_force = (
        select(func.max(before.c.valid_from))
        .where(
            before.c.category == first.c.category,
            before.c.customer_window == newest.c.customer_window,
            before.c.valid_from <= first.c.at,
        )
        .scalar_subquery()
    )
    statement = (
        select(newest)
        .join(first, first.c.category == newest.c.category)
        .where(newest.c.valid_from >= func.coalesce(in_force, first.c.at), newest.c.valid_from < until)
        .order_by(newest.c.category, newest.c.valid_from.desc(), newest.c.customer_window)
    )
    return await many(session, statement, Price)


async def list_of_all_workspaces(
    session: Session, *, since: datetime, until: datetime
) -> tuple[WorkspaceCharges, ...]:
    """Return what each workspace's messages of a time came to, the dearest first; for ops only."""
    statement = (
        select(
            usage.c.workspace_id,
            func.count().label("messages"),
            _ACCEPTED.label("accepted"),
            _FAILED.label("failed"),
            _CHARGED.label("charged"),
            _SUM.label("charged_paise"),
        )
        .select_from(_COUNTED)
        .where(usage.c.sent_at >= since, usage.c.sent_at < until)
        .group_by(usage.c.workspace_id)
        .order_by(_SUM.desc(), usage.c.workspace_id)
    )
    return await many(session, statement, WorkspaceCharges)


def _of_time(workspace_id: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [usage.c.workspace_id == workspace_id, usage.c.sent_at >= since, usage.c.sent_at < until]
