"""Charges: the rate card, usage by message, statements, and what Gupshup billed (R5.4).

NoPrice   the rate card says nothing about a category at that time
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, many, one
from db.session import Session
from db.tables import messages, rate_card, usage
from domain.messages import MessageStatus


class NoPrice(LookupError):
    """The rate card says nothing about a category at that time."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A price of the rate card, and since when it is in force."""

    category: str
    price_paise: int
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What one message counts as."""

    message_id: str
    workspace_id: str
    account_id: str
    account_owner: str
    order_id: str
    shipment_id: str
    event: str
    kind: str
    template_name: str
    language: str
    category: str
    price_paise: int
    outcome: str
    is_charged: bool
    sent_at: datetime
    phone_last4: str
    pricing_category: str
    provider_is_billable: bool | None
    provider_category: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What the messages of one event through one account's owner came to."""

    event: str
    account_owner: str
    accepted: int
    delivered: int
    read: int
    failed: int
    charged: int
    charged_paise: int


async def find_price(session: Session, category: str, at: datetime) -> int:
    """Return what a message of a category costs at a time, in paise.

    Raises:
        NoPrice: The rate card does not say.
    """
    rate = await find_rate(session, category, at)
    if rate is None:
        raise NoPrice(f"category {category}")
    return rate.price_paise


async def find_rate(session: Session, category: str, at: datetime) -> Rate | None:
    """Return the price of a category that is in force at a time, and since when; None where there is none."""
    statement = (
        select(*columns(rate_card, Rate))
        .where(rate_card.c.category == category, rate_card.c.valid_from <= at)
        .order_by(rate_card.c.valid_from.desc())
        .limit(1)
    )
    return await one(session, statement, Rate)


async def list_rates(session: Session) -> tuple[Rate, ...]:
    """Return every price of the rate card, announced ones included, the newest first."""
    statement = select(*columns(rate_card, Rate)).order_by(
        rate_card.c.valid_from.desc(), rate_card.c.category
    )
    return await many(session, statement, Rate)


async def set_price(session: Session, category: str, price_paise: int, *, valid_from: datetime) -> None:
    """Set what a message of a category costs from a time on; messages sent before keep their price."""
    statement = insert(rate_card).values(category=category, valid_from=valid_from, price_paise=price_paise)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["category", "valid_from"], set_={"price_paise": price_paise}
        )
    )


async def list_usage(
    session: Session,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    order_id: str | None = None,
    limit: int = 10_000,
) -> tuple[Usage, ...]:
    """Return a workspace's usage of a time, oldest first."""
    statement = (
        select(*columns(usage, Usage))
        .where(usage.c.workspace_id == workspace_id, usage.c.sent_at >= since, usage.c.sent_at < until)
        .order_by(usage.c.sent_at, usage.c.message_id)
        .limit(limit)
    )
    if order_id is not None:
        statement = statement.where(usage.c.order_id == order_id)
    return await many(session, statement, Usage)


async def list_statement(
    session: Session, workspace_id: str, *, since: datetime, until: datetime
) -> tuple[StatementLine, ...]:
    """Return a workspace's statement of a time: one line for each event and owner of the account."""
    status = messages.c.status

    statement = (
        select(
            usage.c.event,
            usage.c.account_owner,
            func.count().filter(usage.c.outcome == "accepted").label("accepted"),
            func.count().filter(status.in_([MessageStatus.DELIVERED, MessageStatus.READ])).label("delivered"),
            func.count().filter(status == MessageStatus.READ).label("read"),
            func.count().filter(status.in_([MessageStatus.FAILED, MessageStatus.REFUSED])).label("failed"),
            func.count().filter(usage.c.is_charged).label("charged"),
            func.coalesce(func.sum(usage.c.price_paise).filter(usage.c.is_charged), 0).label("charged_paise"),
        )
        .join_from(
            usage,
            messages,
            (messages.c.workspace_id == usage.c.workspace_id) & (messages.c.id == usage.c.message_id),
        )
        .where(usage.c.workspace_id == workspace_id, usage.c.sent_at >= since, usage.c.sent_at < until)
        .group_by(usage.c.event, usage.c.account_owner)
        .order_by(usage.c.event, usage.c.account_owner)
    )
    return await many(session, statement, StatementLine)


async def note_provider_charge(
    session: Session,
    account_id: str,
    *,
    gupshup_id: str | None,
    whatsapp_id: str | None,
    is_billable: bool,
    category: str,
    at: datetime,
) -> bool:
    """Note what Gupshup billed for a message, and tell whether it is one of ours; WhatsApp's id by its fingerprint."""
    ids = [
        column == known
        for column, known in (
            (messages.c.gupshup_message_id, gupshup_id),
            (messages.c.whatsapp_message_id, whatsapp_id),
        )
        if known
    ]
    if not ids:
        return False
    ours = select(messages.c.id).where(messages.c.account_id == account_id, or_(*ids))
    statement = (
        update(usage)
        .where(usage.c.message_id.in_(ours), usage.c.account_id == account_id)
        .values(provider_is_billable=is_billable, provider_category=category, provider_billed_at=at)
        .returning(usage.c.message_id)
    )
    return (await session.execute(statement)).first() is not None


async def list_unreconciled(
    session: Session, *, since: datetime, until: datetime, limit: int
) -> tuple[Usage, ...]:
    """Return usage of all workspaces that Gupshup's billing does not bear out, oldest first; for reconciliation.

    That is: an unknown outcome, a charge that Gupshup never billed, or a billed message that we do not charge.
    """
    statement = (
        select(*columns(usage, Usage))
        .where(
            usage.c.sent_at >= since,
            usage.c.sent_at < until,
            or_(
                usage.c.outcome.in_(["sending", "unknown"]),
                usage.c.is_charged & usage.c.provider_billed_at.is_(None),
                ~usage.c.is_charged & func.coalesce(usage.c.provider_is_billable, False),
            ),
        )
        .order_by(usage.c.sent_at, usage.c.message_id)
        .limit(limit)
    )
    return await many(session, statement, Usage)
