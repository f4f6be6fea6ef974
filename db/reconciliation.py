"""Reconciliation: what Gupshup billed against what we counted (R5.4).

Each billing event is kept once and finds its message by its ids. It also proves that the message was accepted (I7): a
send of unknown outcome is adopted by it, if it can be about no other. What never finds its other half, or differs from
it, is listed.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db import adjustments, billing, statuses
from db.messages import Message
from db.rows import columns, many, one
from db.session import Session
from db.statuses import StatusReport
from db.tables import adjustments as bookings
from db.tables import app_accounts, billing_events, messages, usage
from domain.billing import PLATFORM_OWNER, Adjusted, Window, billed_as
from domain.messages import MessageStatus

MATCHED_WITHIN = timedelta(days=40)
"""How long an event is tried to be matched; WhatsApp itself gives up delivering after 30 days."""

ADOPTED_WITHIN = timedelta(hours=24)
"""How long after a send of unknown outcome a billing event to the same customer may be about it."""


class Differs(StrEnum):
    """How our books and Gupshup's bill differ."""

    UNKNOWN = "unknown"  # nobody knows whether Gupshup accepted it, and it never billed it
    THEIRS_ONLY = "theirs_only"  # billed, and not among our messages
    OURS_ONLY = "ours_only"  # accepted, and never billed
    CATEGORY = "category"  # billed as another category
    CHARGE = "charge"  # charged and not billed, or the reverse


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledEvent:
    """What Gupshup billed, or said that it does not bill, for a message.

    Attributes:
        account_id: The account whose callback it was.
        event_key: What makes it the same event.
        gupshup_id: Gupshup's id of the message, where given.
        whatsapp_id: Fingerprint of WhatsApp's id, where given.
        phone_hash: To whom the message went, where given.
        is_billable: Whether it costs anything.
        category: As what, in Gupshup's word.
        model: By which pricing model.
        type: By which kind of deduction.
        at: When it was received.
        provider_at: When it happened, as reported.
    """

    account_id: str
    event_key: str
    gupshup_id: str | None
    whatsapp_id: str | None
    phone_hash: bytes | None = field(default=None, repr=False)
    is_billable: bool
    category: str
    model: str = ""
    type: str = ""
    at: datetime
    provider_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of a billing event.

    Attributes:
        message: Its message; None while it is not found.
        was_adopted: Whether the event proved what nobody knew.
        booked_paise: By how much the message's charge changed.
    """

    message: Message | None
    was_adopted: bool = False
    booked_paise: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Something to look into.

    Attributes:
        differs: How.
        at: When the message was sent, or the event received.
        account_id: Through which account.
        workspace_id: Whose message; empty where it is none of ours.
        message_id: The message; None likewise.
        order_id: Its order.
        event: Its journey event.
        status: How far it came; empty where it is none of ours.
        category: What we count it as.
        billed_category: What Gupshup billed it as; empty where it billed nothing.
        is_billed: Whether Gupshup bills it; None where it said nothing.
        charged_paise: What the seller is charged.
        gupshup_id: Gupshup's id of it.
    """

    differs: Differs
    at: datetime
    account_id: str
    workspace_id: str
    message_id: str | None
    order_id: str
    event: str
    status: str
    category: str
    billed_category: str
    is_billed: bool | None
    charged_paise: int
    gupshup_id: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A time's messages through the platform's accounts against what was billed.

    Attributes:
        matched: How many agree.
        differing: How many differ, by how; each way is there.
    """

    matched: int
    differing: dict[Differs, int]


# --- Events and their messages ---


async def take_event(session: Session, event: BilledEvent) -> Matched:
    """Keep what Gupshup billed, once, and give it its effect on the message that it is about."""
    values = {name: getattr(event, name) for name in BilledEvent.__dataclass_fields__}
    is_new = (await session.execute(_KEEP, values)).scalar_one_or_none() is not None
    if not is_new and await _is_matched(session, event):
        return Matched(None)
    report = _report(event)
    before = await _status_by_ids(session, event)
    message = await statuses.prove_accepted(session, report)
    if message is None:
        return Matched(None)
    return await _match(session, event, message, was_adopted=before in (None, MessageStatus.UNKNOWN))


async def list_to_match(session: Session, now: datetime, *, limit: int) -> tuple[BilledEvent, ...]:
    """Return events without a message for which there may be one by now, the oldest first."""
    of_ids = and_(
        messages.c.account_id == billing_events.c.account_id,
        or_(
            messages.c.gupshup_message_id == billing_events.c.gupshup_id,
            messages.c.whatsapp_message_id == billing_events.c.whatsapp_id,
        ),
    )
    of_customer = _unproven(billing_events.c)
    statement = (
        select(*columns(billing_events, BilledEvent))
        .where(
            billing_events.c.message_id.is_(None),
            billing_events.c.at >= now - MATCHED_WITHIN,
            or_(
                select(messages.c.id).where(of_ids).exists(),
                select(messages.c.id).where(of_customer).exists(),
            ),
        )
        .order_by(billing_events.c.at, billing_events.c.id)
        .limit(limit)
    )
    return await many(session, statement, BilledEvent)


async def match_later(session: Session, event: BilledEvent, now: datetime) -> Matched:
    """Match an event whose message was not found when it came: by its ids, else as the only proof of an unknown send."""
    report = _report(event)
    if await _status_by_ids(session, event) is not None:
        message = await statuses.prove_accepted(session, report)
        return await _match(session, event, message, was_adopted=False) if message else Matched(None)
    message_id = await _only_unproven(session, event)
    if message_id is None:
        return Matched(None)
    adopted = await statuses.adopt_unknown(session, message_id, report, now=now)
    return await _match(session, event, adopted, was_adopted=True) if adopted else Matched(None)


# --- What differs ---


async def compare(
    session: Session, *, since: datetime, until: datetime, now: datetime, after: timedelta
) -> Comparison:
    """Return how many messages of a time agree with what was billed and how many do not.

    Args:
        session: The transaction.
        since: Sent or billed from then on.
        until: And before then.
        now: The time.
        after: How long the other half may take before it counts as missing.
    """
    differing: dict[Differs, int] = {}
    for differs, found in _differences(since, until, now - after).items():
        count = select(func.count()).select_from(found.subquery())
        differing[differs] = int((await session.execute(count)).scalar_one())
    matched = (
        select(func.count())
        .select_from(_OURS)
        .where(
            *_sent(since, until), usage.c.provider_billed_at.is_not(None), ~_OTHER_CATEGORY, ~_OTHER_CHARGE
        )
    )
    return Comparison(int((await session.execute(matched)).scalar_one()), differing)


async def list_differences(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    after: timedelta,
    limit: int = 1000,
) -> tuple[Difference, ...]:
    """Return what differs, way by way and oldest first, at most so many of each; the parts as for `compare`."""
    found: list[Difference] = []
    for statement in _differences(since, until, now - after).values():
        found.extend(await many(session, statement.order_by("at").limit(limit), _difference))
    return tuple(found)


def _differences(since: datetime, until: datetime, before: datetime) -> dict[Differs, Any]:
    """Return one statement for each way to differ."""
    late = usage.c.sent_at < before
    is_billed = usage.c.provider_billed_at.is_not(None)
    is_accepted = usage.c.outcome == "accepted"
    has_failed = messages.c.status == MessageStatus.FAILED
    theirs = and_(
        billing_events.c.message_id.is_(None),
        billing_events.c.at >= since,
        billing_events.c.at < until,
        billing_events.c.at < before,
        app_accounts.c.owner == PLATFORM_OWNER,
    )
    return {
        Differs.UNKNOWN: _ours(
            Differs.UNKNOWN, since, until, ~is_accepted, usage.c.outcome != "refused", late
        ),
        Differs.THEIRS_ONLY: _THEIRS.where(theirs),
        Differs.OURS_ONLY: _ours(
            Differs.OURS_ONLY,
            since,
            until,
            is_accepted,
            ~has_failed,
            usage.c.provider_billed_at.is_(None),
            late,
        ),
        Differs.CATEGORY: _ours(Differs.CATEGORY, since, until, is_billed, _OTHER_CATEGORY),
        Differs.CHARGE: _ours(Differs.CHARGE, since, until, is_billed, ~_OTHER_CATEGORY, _OTHER_CHARGE),
    }


# --- Parts ---


def _report(event: BilledEvent) -> StatusReport:
    """Return the least that a billing event proves: that Gupshup accepted the message."""
    return StatusReport(
        account_id=event.account_id,
        status=MessageStatus.SUBMITTED,
        gupshup_id=event.gupshup_id,
        whatsapp_id=event.whatsapp_id,
        phone_hash=event.phone_hash,
        at=event.at,
        provider_at=event.provider_at,
        pricing_category=event.category,
    )


async def _is_matched(session: Session, event: BilledEvent) -> bool:
    statement = select(billing_events.c.message_id).where(
        billing_events.c.account_id == event.account_id, billing_events.c.event_key == event.event_key
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None


async def _status_by_ids(session: Session, event: BilledEvent) -> MessageStatus | None:
    """Return how far the message with an event's ids has come; None where there is none."""
    ids = [
        column == known
        for column, known in (
            (messages.c.gupshup_message_id, event.gupshup_id),
            (messages.c.whatsapp_message_id, event.whatsapp_id),
        )
        if known
    ]
    if not ids:
        return None
    statement = select(messages.c.status).where(messages.c.account_id == event.account_id, or_(*ids)).limit(1)
    status: MessageStatus | None = (await session.execute(statement)).scalar_one_or_none()
    return status


async def _match(session: Session, event: BilledEvent, message: Message, *, was_adopted: bool) -> Matched:
    """Note on both halves that they belong together, and book what follows."""
    await session.execute(
        update(billing_events)
        .where(billing_events.c.account_id == event.account_id, billing_events.c.event_key == event.event_key)
        .values(message_id=message.id)
    )
    used = await one(
        session, select(*columns(usage, billing.Usage)).where(usage.c.message_id == message.id), billing.Usage
    )
    if used is None:
        return Matched(message, was_adopted)
    values: dict[str, Any] = {"provider_billed_at": event.at}
    if event.is_billable or not used.provider_is_billable:
        values["provider_is_billable"] = event.is_billable
        if category := billed_as(event.category):  # one that names none takes nothing back
            values["provider_category"] = category
    cheaper = await _cheaper_price(session, event, used)
    if cheaper is not None:
        values["corrected_paise"] = cheaper
    await session.execute(update(usage).where(usage.c.message_id == message.id).values(values))
    if cheaper is None:
        return Matched(message, was_adopted)
    booked = await adjustments.settle(
        session,
        message.id,
        Adjusted.CATEGORY,
        workspace_id=message.workspace_id,
        at=event.at,
        detail=event.event_key,
    )
    return Matched(message, was_adopted, booked)


async def _cheaper_price(session: Session, event: BilledEvent, used: billing.Usage) -> int | None:
    """Return what a message costs as the category that was billed, where that is less than what it costs now.

    What would be more is only listed: the seller has not accepted the price of that category (R4.4).
    """
    billed = billed_as(event.category)
    if not event.is_billable or used.account_owner != PLATFORM_OWNER or billed == billed_as(used.category):
        return None
    rate = await billing.find_rate(
        session, billed, used.sent_at, is_inside_window=used.customer_window == Window.OPEN
    )
    now = used.price_paise if used.corrected_paise is None else used.corrected_paise
    return rate.price_paise if rate is not None and rate.price_paise < now else None


async def _only_unproven(session: Session, event: BilledEvent) -> str | None:
    """Return the one message of unknown outcome that an event can only be about; None where anything is doubtful."""
    if event.phone_hash is None or not event.gupshup_id:
        return None
    statement = select(messages.c.id, messages.c.sending_at, messages.c.category).where(_unproven(event))
    found = (await session.execute(statement.limit(2))).all()
    if len(found) != 1 or billed_as(found[0].category) != billed_as(event.category):
        return None
    rivals = select(func.count(billing_events.c.gupshup_id.distinct())).where(
        billing_events.c.account_id == event.account_id,
        billing_events.c.phone_hash == event.phone_hash,
        billing_events.c.message_id.is_(None),
        billing_events.c.at.between(found[0].sending_at, found[0].sending_at + ADOPTED_WITHIN),
    )
    is_alone = (await session.execute(rivals)).scalar_one() == 1
    return str(found[0].id) if is_alone else None


def _unproven(event: Any) -> ColumnElement[bool]:
    """Tell which messages of unknown outcome an event of the same customer may be about."""
    return and_(
        messages.c.account_id == event.account_id,
        messages.c.phone_hash == event.phone_hash,
        messages.c.status == MessageStatus.UNKNOWN,
        messages.c.gupshup_message_id.is_(None),
        messages.c.sending_at <= event.at,
        messages.c.sending_at >= event.at - ADOPTED_WITHIN,
    )


def _sent(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        usage.c.account_owner == PLATFORM_OWNER,
        usage.c.sent_at >= since,
        usage.c.sent_at < until,
    )


def _ours(differs: Differs, since: datetime, until: datetime, *conditions: ColumnElement[bool]) -> Any:
    return (
        select(
            literal(differs.value).label("differs"),
            usage.c.sent_at.label("at"),
            usage.c.account_id,
            usage.c.workspace_id,
            usage.c.message_id,
            usage.c.order_id,
            usage.c.event,
            messages.c.status,
            usage.c.category,
            usage.c.provider_category.label("billed_category"),
            usage.c.provider_is_billable.label("is_billed"),
            _CHARGED_PAISE.label("charged_paise"),
            messages.c.gupshup_message_id.label("gupshup_id"),
        )
        .select_from(_OURS)
        .where(*_sent(since, until), *conditions)
    )


def _difference(*, differs: str, status: str, **parts: Any) -> Difference:
    return Difference(differs=Differs(differs), status=str(status), **parts)


_KEEP = (
    insert(billing_events)
    .on_conflict_do_nothing(index_elements=["account_id", "event_key"])
    .returning(billing_events.c.id)
)

_ADJUSTED = (
    select(bookings.c.message_id, func.sum(bookings.c.amount_paise).label("paise"))
    .group_by(bookings.c.message_id)
    .subquery("adjusted")
)
_OURS = usage.join(
    messages, and_(messages.c.workspace_id == usage.c.workspace_id, messages.c.id == usage.c.message_id)
).outerjoin(_ADJUSTED, _ADJUSTED.c.message_id == usage.c.message_id)
_CHARGED_PAISE = func.coalesce(_ADJUSTED.c.paise, 0) + func.coalesce(
    usage.c.price_paise * usage.c.is_charged.cast(usage.c.price_paise.type), 0
)
_OTHER_CATEGORY = func.lower(usage.c.category) != usage.c.provider_category
_OTHER_CHARGE = (_CHARGED_PAISE > 0) != func.coalesce(usage.c.provider_is_billable, False)

_THEIRS = select(
    literal(Differs.THEIRS_ONLY.value).label("differs"),
    billing_events.c.at,
    billing_events.c.account_id,
    literal("").label("workspace_id"),
    null().cast(usage.c.message_id.type).label("message_id"),
    literal("").label("order_id"),
    literal("").label("event"),
    literal("").label("status"),
    literal("").label("category"),
    billing_events.c.category.label("billed_category"),
    billing_events.c.is_billable.label("is_billed"),
    literal(0).label("charged_paise"),
    billing_events.c.gupshup_id,
).join_from(billing_events, app_accounts, app_accounts.c.id == billing_events.c.account_id)
