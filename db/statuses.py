"""What becomes of a message: the outcome of its send, and the statuses that callbacks report.

Statuses only move forward and may overtake the answer of the send; those without a message wait as orphans. With its
acceptance a message's price is counted; whatever changes that later is booked beside it (`db.adjustments`).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Text, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db import adjustments, billing
from db.locks import serialize
from db.messages import Message, find_message
from db.rows import columns, many, one
from db.session import NotFound, Session
from db.tables import message_statuses, messages, orphan_statuses, usage
from domain.billing import Adjusted
from domain.messages import MessageStatus, forward

ORPHANS_KEPT = timedelta(hours=24)
"""How long a status waits for its message."""

ADOPTED_WITHIN = timedelta(minutes=15)
"""How long after a send without answer a status may prove that it was accepted."""

_UNDECIDED = (MessageStatus.SENDING, MessageStatus.UNKNOWN)
_NOT_ACCEPTED = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNKNOWN, MessageStatus.REFUSED)
_HOLDS_NO_PLACE = (MessageStatus.REFUSED, MessageStatus.FAILED)
_CLOCKS_DIFFER = timedelta(
    seconds=5
)  # between the machine that sends and the one that takes callbacks, at most
_SURELY_OPEN = timedelta(hours=12)  # no month is closed earlier than a day after its end
# Written out: the partial index is found by it.
_IS_UNDECIDED = text("messages.status IN ('sending', 'unknown')")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """One status as Gupshup reported it.

    Attributes:
        account_id: The account whose callback it was.
        status: What it says.
        gupshup_id: Gupshup's id of the message, where given.
        whatsapp_id: Fingerprint of WhatsApp's id of the message, where given: the id itself spells the phone.
        phone_hash: To whom the message went, where given.
        code: Of a failure.
        reason: Of a failure.
        at: When it was received.
        provider_at: When it happened, as reported; orders, never decides.
        pricing_category: What WhatsApp priced it as, where given.
    """

    account_id: str
    status: MessageStatus
    gupshup_id: str | None = None
    whatsapp_id: str | None = None
    phone_hash: bytes | None = field(default=None, repr=False)
    code: str = ""
    reason: str = ""
    at: datetime
    provider_at: datetime | None = None
    pricing_category: str = ""


@dataclass(frozen=True, slots=True)
class StatusEffect:
    """What a status did: its message, if it was found, and whether that moved forward."""

    message: Message | None
    changed: bool


# --- The outcome of a send ---


async def record_outcome(
    session: Session,
    message_id: str,
    *,
    status: MessageStatus,
    now: datetime,
    gupshup_message_id: str | None = None,
    code: str = "",
    reason: str = "",
) -> Message:
    """Record what came of a send: submitted, refused or unknown; statuses that overtook it are applied now (F30).

    Raises:
        NotFound: There is no such message.
    """
    before = await find_message(session, message_id)
    if before is None:
        raise NotFound(f"message {message_id}")
    await serialize(session, before.account_id, before.phone_hash, gupshup_message_id)
    message = await one(session, _LOCKED, Message, {"of_message": message_id})
    if message is None:
        raise NotFound(f"message {message_id}")
    report = StatusReport(
        account_id=message.account_id,
        status=status,
        gupshup_id=gupshup_message_id,
        code=code,
        reason=reason,
        at=now,
    )
    is_recent = now < message.sending_at + _SURELY_OPEN
    message = (await _apply(session, message, report, is_recent=is_recent)).message or message
    if message.status is MessageStatus.UNKNOWN:
        return await _adopt_orphans(session, message)
    return message


async def give_up_sending(
    session: Session, *, before: datetime, now: datetime, limit: int
) -> tuple[Message, ...]:
    """Turn what was left half sent into unknown, or what statuses say of it, and return it (I7, I9).

    Args:
        session: The transaction.
        before: Only those whose lease ran out before.
        now: The time.
        limit: At most so many.
    """
    left = (
        select(messages.c.id)
        .where(messages.c.status == MessageStatus.SENDING, messages.c.lease_until < before)
        .limit(limit)
    )
    ids = (await session.execute(left)).scalars().all()
    return tuple(
        [
            await record_outcome(
                session, str(message_id), status=MessageStatus.UNKNOWN, now=now, reason="interrupted"
            )
            for message_id in ids
        ]
    )


# --- What callbacks report ---


async def apply_status(session: Session, report: StatusReport) -> StatusEffect:
    """Apply a status to its message, forward only (I10).

    It belongs to the message with its ids. With none, it proves the one send to that customer of whose outcome nothing
    is known, if that was within a quarter of an hour (I7); else it waits for its message. One without Gupshup's id
    proves nothing: Gupshup leaves it out a week after the send, so that message cannot be a send of just now.
    """
    # A status and the answer of its send may come at the same instant. Each would look for the other before the other
    # is committed, and the status would stay an orphan for ever.
    await serialize(session, report.account_id, report.phone_hash, report.gupshup_id, report.whatsapp_id)
    message = await _match(session, report)
    if message is None and report.gupshup_id:
        message = await _find_unproven(session, report)
    if message is None:
        await session.execute(insert(orphan_statuses).values(_orphan(report)))
        return StatusEffect(None, changed=False)
    return await _apply(session, message, report)


async def prove_accepted(session: Session, report: StatusReport) -> Message | None:
    """Let evidence that is no status prove that a message was accepted, and return the message; None while it is not found.

    What is known to be accepted stays as it is; the rest is as for a status.
    """
    await serialize(session, report.account_id, report.phone_hash, report.gupshup_id, report.whatsapp_id)
    message = await _match(session, report)
    if message is not None and message.status not in _NOT_ACCEPTED:
        return message
    return (await apply_status(session, report)).message


async def adopt_unknown(
    session: Session, message_id: str, report: StatusReport, *, now: datetime
) -> Message | None:
    """Let evidence that names nobody but the customer prove that a message of unknown outcome was accepted.

    Whoever asks has made sure that it can be about no other message. None where the outcome is known by now.
    """
    await serialize(session, report.account_id, report.phone_hash, report.gupshup_id, report.whatsapp_id)
    message = await one(session, _LOCKED, Message, {"of_message": message_id})
    if message is None or message.status is not MessageStatus.UNKNOWN or message.gupshup_message_id:
        return None
    return (await _apply(session, message, replace(report, at=now))).message


async def adopt_by_reference(
    session: Session, message_id: str, gupshup_message_id: str | None, *, at: datetime
) -> Message | None:
    """Let a tap prove that a message of unknown outcome was delivered; others stay as they are (F28)."""
    message = await one(session, _LOCKED, Message, {"of_message": message_id})
    if message is None or message.status not in _UNDECIDED:
        return message
    report = StatusReport(
        account_id=message.account_id, status=MessageStatus.DELIVERED, gupshup_id=gupshup_message_id, at=at
    )
    return (await _apply(session, message, report)).message


async def forget_orphan_statuses(session: Session, now: datetime) -> int:
    """Delete the statuses whose message never came, and return how many; the sweep's hourly cleaning."""
    statement = (
        delete(orphan_statuses)
        .where(orphan_statuses.c.at < now - ORPHANS_KEPT)
        .returning(orphan_statuses.c.id)
    )
    return len((await session.execute(statement)).all())


# --- How statuses find their messages ---


def _select() -> Any:
    return select(*columns(messages, Message))


# Built once: putting a statement together costs more than sending it, and each message comes by here with each status.

_LOCKED = _select().where(messages.c.id == bindparam("of_message")).with_for_update()


def _locked_by(column: Column[Any]) -> Any:
    of_account = messages.c.account_id == bindparam("of_account")
    return _select().where(of_account, column == bindparam("known")).limit(1).with_for_update()


_BY_GUPSHUP_ID = _locked_by(messages.c.gupshup_message_id)
_BY_WHATSAPP_ID = _locked_by(messages.c.whatsapp_message_id)

# The history has every status once, also one that came too late to move the message.
_NOTED = (
    insert(message_statuses)
    .values(
        message_id=bindparam("of_message"),
        workspace_id=bindparam("of_workspace"),
        status=bindparam("reported_status"),
        at=bindparam("reported_at"),
        provider_at=bindparam("reported_provider_at"),
        code=bindparam("reported_code"),
        reason=bindparam("reported_reason"),
    )
    .on_conflict_do_nothing()
    .cte("noted")
)

# What was accepted is charged unless it failed (R5.4). Once that is said, it stays so: later facts are booked beside it.
_CHARGED = (
    update(usage)
    .where(usage.c.message_id == bindparam("of_message"), usage.c.workspace_id == bindparam("of_workspace"))
    .values(
        outcome=bindparam("to_outcome"),
        is_charged=usage.c.is_charged | bindparam("to_is_charged", type_=Boolean),
        pricing_category=func.coalesce(
            func.nullif(bindparam("to_pricing_category", type_=Text), ""), usage.c.pricing_category
        ),
    )
    .cte("charged")
)

_MOVED = (
    update(messages)
    .where(messages.c.id == bindparam("of_message"), messages.c.workspace_id == bindparam("of_workspace"))
    .values(
        status=bindparam("to_status"),
        gupshup_message_id=bindparam("to_gupshup_id"),
        whatsapp_message_id=bindparam("to_whatsapp_id"),
        changed_at=bindparam("to_changed_at"),
        lease_until=bindparam("to_lease_until"),
        code=bindparam("to_code"),
        reason=bindparam("to_reason"),
    )
    .returning(*columns(messages, Message))
    .cte("moved")
)

_MOVE = select(_MOVED).add_cte(_NOTED, _CHARGED)


async def _match(session: Session, report: StatusReport) -> Message | None:
    """Return the message with a report's ids, locked: Gupshup's id goes before WhatsApp's."""
    for statement, known in (
        (_BY_GUPSHUP_ID, report.gupshup_id),
        (_BY_WHATSAPP_ID, report.whatsapp_id),
    ):
        if known:
            found = await one(session, statement, Message, {"of_account": report.account_id, "known": known})
            if found is not None:
                return found
    return None


async def _find_unproven(session: Session, report: StatusReport) -> Message | None:
    """Return the one message that a report without a match can only belong to.

    A send whose answer is still awaited counts too: with it beside an unknown one, nobody can say whose status it is.
    """
    if report.phone_hash is None:
        return None
    statement = (
        _select()
        .where(
            messages.c.account_id == report.account_id,
            messages.c.phone_hash == report.phone_hash,
            _IS_UNDECIDED,
            messages.c.gupshup_message_id.is_(None),
            messages.c.whatsapp_message_id.is_(None),
            messages.c.sending_at >= report.at - ADOPTED_WITHIN,
            messages.c.sending_at <= report.at + _CLOCKS_DIFFER,
        )
        .limit(2)
        .with_for_update()
    )
    found = await many(session, statement, Message)
    if len(found) == 1 and found[0].status is MessageStatus.UNKNOWN:
        return found[0]
    return None


async def _apply(
    session: Session, message: Message, report: StatusReport, *, is_recent: bool = False
) -> StatusEffect:
    """Move a locked message forward by a report, and by the orphans of the ids that it brings.

    Args:
        session: The transaction.
        message: The message.
        report: What is reported.
        is_recent: Whether it is sure that the month of the send is still open.
    """
    before, status = message.status, forward(message.status, report.status)
    changed = status is not message.status
    gupshup_id = message.gupshup_message_id or report.gupshup_id or None
    whatsapp_id = message.whatsapp_message_id or report.whatsapp_id or None
    has_new_ids = (gupshup_id, whatsapp_id) != (message.gupshup_message_id, message.whatsapp_message_id)
    outcome = status.value if status in _NOT_ACCEPTED else "accepted"
    is_first = before in _NOT_ACCEPTED and outcome == "accepted"
    is_late = (
        is_first and not is_recent and await adjustments.is_closed(session, message.id, message.workspace_id)
    )
    values = {
        "of_message": message.id,
        "of_workspace": message.workspace_id,
        "to_status": status,
        "to_gupshup_id": gupshup_id,
        "to_whatsapp_id": whatsapp_id,
        "to_changed_at": report.at if changed else message.changed_at,
        "to_lease_until": None if changed else message.lease_until,
        "to_code": report.code if changed else message.code,
        "to_reason": report.reason if changed else message.reason,
        "to_outcome": outcome,
        "to_is_charged": is_first and not is_late and status is not MessageStatus.FAILED,
        "to_pricing_category": report.pricing_category,
        "reported_status": report.status,
        "reported_at": report.at,
        "reported_provider_at": report.provider_at,
        "reported_code": report.code,
        "reported_reason": report.reason,
    }
    message = await one(session, _MOVE, Message, values) or message
    await _book(session, message, before, is_late=is_late, at=report.at)
    if has_new_ids:
        for orphan in await _take_orphans(session, message):
            effect = await _apply(session, message, orphan, is_recent=is_recent)
            message, changed = effect.message or message, changed or effect.changed
    return StatusEffect(message, changed)


async def _book(
    session: Session, message: Message, before: MessageStatus, *, is_late: bool, at: datetime
) -> None:
    """Book what a message's new status changes in what is charged, and in what counts for its month."""
    had_place, has_place = (status not in _HOLDS_NO_PLACE for status in (before, message.status))
    if had_place and not has_place:
        await billing.give_back_place(session, message.id)
    elif has_place and not had_place:
        await billing.take_place_again(session, message.id)
    if is_late:
        reason = Adjusted.LATE
    elif before in _NOT_ACCEPTED or had_place == has_place:
        return
    else:
        reason = Adjusted.DELIVERED if has_place else Adjusted.FAILED
    await adjustments.settle(session, message.id, reason, workspace_id=message.workspace_id, at=at)


def _orphan(report: StatusReport) -> dict[str, Any]:
    return {
        "account_id": report.account_id,
        "status": report.status,
        "gupshup_id": report.gupshup_id or None,
        "whatsapp_id": report.whatsapp_id or None,
        "phone_hash": report.phone_hash,
        "code": report.code,
        "reason": report.reason,
        "at": report.at,
        "provider_at": report.provider_at,
        "pricing_category": report.pricing_category,
    }


async def _take_orphans(session: Session, message: Message) -> tuple[StatusReport, ...]:
    """Take the statuses that waited for a message's ids."""
    table = orphan_statuses
    ids = [
        column == known
        for column, known in (
            (table.c.gupshup_id, message.gupshup_message_id),
            (table.c.whatsapp_id, message.whatsapp_message_id),
        )
        if known
    ]
    statement = (
        delete(table)
        .where(table.c.account_id == message.account_id, or_(*ids))
        .returning(*columns(table, StatusReport))
    )
    return tuple(sorted(await many(session, statement, StatusReport), key=lambda report: report.at))


async def _adopt_orphans(session: Session, message: Message) -> Message:
    """Let statuses that came before the outcome was known to be unknown prove that the message was accepted.

    Only if it is the one undecided message to that customer, and the statuses are of one message, which they name by
    Gupshup's id.
    """
    about_it = StatusReport(
        account_id=message.account_id,
        status=message.status,
        phone_hash=message.phone_hash,
        at=message.sending_at + ADOPTED_WITHIN,
    )
    unproven = await _find_unproven(session, about_it)
    if unproven is None or unproven.id != message.id:
        return message
    table = orphan_statuses
    near = and_(
        table.c.account_id == message.account_id,
        table.c.phone_hash == message.phone_hash,
        table.c.at.between(message.sending_at, message.sending_at + ADOPTED_WITHIN),
    )
    waiting = await many(session, select(*columns(table, StatusReport)).where(near), StatusReport)
    gupshup_ids = {report.gupshup_id for report in waiting} - {None}
    whatsapp_ids = {report.whatsapp_id for report in waiting} - {None}
    if len(gupshup_ids) != 1 or len(whatsapp_ids) > 1:
        return message
    await session.execute(delete(table).where(near))
    for report in sorted(waiting, key=lambda report: report.at):
        message = (await _apply(session, message, report)).message or message
    return message
