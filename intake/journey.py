"""A step of the journey: one message for each parcel or return and step, or the reason why there is none (R5.1).

What is decided here is decided again when the message is about to go out (I6): only then it binds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clients.carriers.eshopbox import OrderEvent
from db import (
    customers,
    installations,
    journey_events,
    messages,
    notifications,
    outgoing_events,
    suppressions,
    timeline,
)
from db import workspaces as stored_workspaces
from db.customers import Customer
from db.encryption import Cipher
from db.journey_events import JourneyKey, JourneyStep
from db.locks import serialize
from db.session import Session
from db.shipments import ShipmentRow
from domain.failures import Mode
from domain.journey import JourneyEntry, find_event
from domain.journey_messages import Standing, due_at, expires_at, passed_by
from domain.messages import MessageStatus, NotSent
from domain.shipments import JourneyEvent
from domain.wording import spoken
from intake.telling import DeliverEvent, Meaning, SendNotification, Telling, handled

__all__ = ["close", "is_told", "subject_of", "take", "tell_of"]

NOT_INSTALLED: Final = "no WhatsApp account is installed"
SWITCHED_OFF: Final = "the notification is switched off"
_TOO_OLD: Final = "too late: it happened too long ago"
_QUIET: Final = "too late: quiet hours end when it is no news any more"
_NEVER_BEGUN: Final = "too late: it could not be sent in time"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why there is no message: as the activity has it, and as other systems are told where they can take over."""

    detail: str
    why: NotSent | None = None


def is_told(event: OrderEvent) -> bool:
    """Tell whether an event is a step of which a message may tell; a failed delivery has its case."""
    return event.journey is not None and event.journey is not JourneyEvent.FAILED_DELIVERY


def subject_of(event: OrderEvent) -> str:
    """Return what a step is a step of: the parcel, or the return, of which a parcel may have several."""
    return event.return_id or event.shipment_id


async def take(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    event: OrderEvent,
    shipment: ShipmentRow | None,
    *,
    now: datetime,
) -> Meaning:
    """Take a step of a journey once.

    Args:
        session: The transaction. The shipment is locked in it; of a return nothing is locked yet.
        cipher: Seals what the message will be filled with.
        workspace_id: Whose order it is.
        event: The event.
        shipment: What is known of the parcel; None for a return.
        now: The time.

    Raises:
        NotFound: There is no such workspace.
        LookupError: The event is no step.
    """
    entry = find_event(event.journey.value) if event.journey is not None else None
    if entry is None:
        raise LookupError("the event is no step of a journey")
    key = JourneyKey(workspace_id, subject_of(event), entry.key.value)
    if shipment is None:
        await serialize(session, workspace_id, f"return:{key.subject_id}")
    known = await journey_events.list_of_subject(session, workspace_id, key.subject_id)
    if (same := next((step for step in known if step.event == key.event), None)) is not None:
        return handled("the same step again", *tell_of(same, now))
    workspace = await stored_workspaces.get_workspace(session, workspace_id)
    sender = await installations.find_sender(session, workspace_id)
    step = JourneyStep(
        workspace_id=workspace_id,
        subject_id=key.subject_id,
        event=key.event,
        order_id=event.order_id,
        shipment_id=event.shipment_id,
        tracking_id=event.tracking_id,
        account_id=sender.id if sender is not None else "",
        occurred_at=event.occurred_at,
        seen_at=now,
        due_at=due_at(now, workspace.policy, spread_by=key.subject_id),
        expires_at=expires_at(entry, event.occurred_at, workspace.policy),
    )
    refusal = await _refused_by_set_up(session, cipher, step, event, workspace.default_language)
    if refusal is None:
        refusal = _refused_by_time(entry, step, _standing(known, shipment), now)
    if refusal is None:
        refusal = await _refused_by_customer(session, cipher, step, event)
    if refusal is None:
        await journey_events.add_step(session, cipher, step, event.facts)
        note = (
            "a message is to be sent" if step.due_at <= now else "a message waits for the end of quiet hours"
        )
        return handled(note, *tell_of(step, now))
    await journey_events.add_step(session, cipher, step, None)
    tell = await _not_sent(session, cipher, step, refusal, now)
    return Meaning("handled" if tell else "ignored", f"not_sent: {refusal.detail}", tell)


def tell_of(step: JourneyStep, now: datetime) -> tuple[Telling, ...]:
    """Return what follows from a step: its message is sent as soon as it is due."""
    if step.started_at is not None or step.ended_at is not None or step.due_at > now:
        return ()
    return (SendNotification(step),)


async def close(session: Session, cipher: Cipher, step: JourneyStep, now: datetime) -> tuple[Telling, ...]:
    """Settle a step that nobody settled in its time, by what is known of its message (I9)."""
    message = await messages.find_by_command(session, step.workspace_id, step.key.command_id)
    if message is None or message.status is MessageStatus.REFUSED:
        return await _not_sent(session, cipher, step, _Refusal(_NEVER_BEGUN, NotSent.STALLED), now)
    is_known = message.status not in (MessageStatus.SENDING, MessageStatus.UNKNOWN)
    await journey_events.end_step(session, step.key, "sent" if is_known else "unknown", now)
    return ()


def _standing(known: tuple[JourneyStep, ...], shipment: ShipmentRow | None) -> Standing:
    steps = (step.event for step in known)
    if shipment is None:
        return Standing.of(steps)
    return Standing.of(steps, shipment.final, failed_attempts=shipment.attempt, heard_at=shipment.seen_at)


async def _refused_by_set_up(
    session: Session, cipher: Cipher, step: JourneyStep, event: OrderEvent, default_language: str
) -> _Refusal | None:
    """Return why the seller wants no message for this."""
    if not step.account_id:
        return _Refusal(NOT_INSTALLED)
    known = await _customer(session, cipher, step, event)
    # What the customer asked for goes before what the order came with (R6.13).
    language = spoken(known.language or event.facts.language or default_language)
    notification = await notifications.find_notification(
        session, step.workspace_id, step.account_id, step.event, language
    )
    if notification is None or not notification.is_on:
        return _Refusal(SWITCHED_OFF)
    if notification.attention:
        return _Refusal(f"{NotSent.TEMPLATE.value}: {notification.attention}", NotSent.TEMPLATE)
    return None


def _refused_by_time(
    entry: JourneyEntry, step: JourneyStep, standing: Standing, now: datetime
) -> _Refusal | None:
    """Return why it is no news any more, or will be none when it may be told."""
    if passed := passed_by(entry, step.occurred_at, standing):
        return _Refusal(f"the parcel is past this: {passed.replace('_', ' ')}")
    if now >= step.expires_at:
        return _Refusal(_TOO_OLD)
    return _Refusal(_QUIET) if step.due_at >= step.expires_at else None


async def _refused_by_customer(
    session: Session, cipher: Cipher, step: JourneyStep, event: OrderEvent
) -> _Refusal | None:
    """Return why this customer cannot, or must not, be written to."""
    phone = event.facts.customer_phone
    if not phone:
        why = NotSent.INVALID_PHONE if event.phone_problem == "invalid_phone" else NotSent.NO_PHONE
        return _Refusal(why.value, why)
    if await suppressions.is_suppressed(session, step.workspace_id, cipher.phone_hash(phone)):
        return _Refusal(NotSent.WRONG_NUMBER.value, NotSent.WRONG_NUMBER)
    if (await _customer(session, cipher, step, event)).refuses():
        return _Refusal(NotSent.OPTED_OUT.value, NotSent.OPTED_OUT)
    return None


async def _customer(session: Session, cipher: Cipher, step: JourneyStep, event: OrderEvent) -> Customer:
    phone = event.facts.customer_phone
    if not phone:
        return Customer()
    return await customers.customer(session, step.account_id, cipher.phone_hash(phone))


async def _not_sent(
    session: Session, cipher: Cipher, step: JourneyStep, refusal: _Refusal, now: datetime
) -> tuple[Telling, ...]:
    """Settle a step without a message: the activity says why, and who can take over is told (R5.1, R8.3)."""
    await journey_events.end_step(session, step.key, refusal.why or refusal.detail.partition(":")[0], now)
    await timeline.add_entry(
        session,
        cipher,
        timeline.Entry(
            workspace_id=step.workspace_id,
            order_id=step.order_id,
            shipment_id=step.shipment_id,
            at=now,
            kind="notification",
            topic=f"{step.event}_not_sent",
            key=f"not-sent:{step.key.command_id}",
            detail=refusal.detail,
            mode=Mode.AUTOMATIC.value,
        ),
    )
    if refusal.why is None:
        return ()
    event_ids = await outgoing_events.tell_step_not_sent(session, cipher, step, refusal.why, now)
    return tuple(DeliverEvent(step.workspace_id, event_id) for event_id in event_ids)
