"""Recorded events of the order system, taken as if they were posted: once, however often they are given."""

from dataclasses import dataclass
from datetime import datetime

from clients.carriers.eshopbox import OrderEvent, parse_order_event
from db import inbox, shipments
from db.encryption import Cipher
from db.session import Session

__all__ = ["Stored", "Untimed", "read_event", "record_quietly", "store_event"]


class Untimed(ValueError):
    """An event says nowhere when it happened, and nobody wrote down when it came: it would pass for news."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in the inbox, and whether it is new there."""

    inbox_id: int
    is_new: bool


def read_event(body: bytes, *, received_at: datetime | None, now: datetime) -> OrderEvent:
    """Read a recorded event.

    Args:
        body: As it was posted.
        received_at: When it was; None where nobody wrote that down.
        now: The time.

    Raises:
        UnreadableOrderEvent: It is no event, or misses what its kind needs.
        Untimed: Nothing tells when it happened.
    """
    event = parse_order_event(body, received_at=received_at or now)
    if received_at is None and event.occurred_at >= now:
        raise Untimed("neither the event nor the line says when it happened")
    return event


async def store_event(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    body: bytes,
    event: OrderEvent,
    *,
    received_at: datetime,
) -> Stored:
    """Put an event into the inbox, under the same key as if it had been posted.

    Raises:
        TryAgain: The same event was stored by another and was gone again.
    """
    inbox_id, is_new = await inbox.store(
        session,
        cipher,
        source="order_system",
        owner_id=workspace_id,
        event_key=event.event_key,
        body=body,
        position=0,
        now=received_at,
    )
    return Stored(inbox_id, is_new)


async def record_quietly(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    body: bytes,
    event: OrderEvent,
    *,
    received_at: datetime,
    now: datetime,
) -> bool:
    """Note where an event leaves its parcel and nothing more, and tell whether it is new.

    It counts as handled: posted again it opens no case and sends no message.
    """
    stored = await store_event(session, cipher, workspace_id, body, event, received_at=received_at)
    if not stored.is_new:
        return False
    attempt = event.failed.attempt if event.failed is not None else None
    if attempt is not None or event.move is not None:
        await shipments.record_move(
            session,
            workspace_id,
            event.shipment_id,
            order_id=event.order_id,
            tracking_id=event.tracking_id,
            move=event.move,
            attempt=attempt,
            at=event.failed.failed_at if event.failed is not None else event.occurred_at,
        )
    await inbox.finish(session, stored.inbox_id, "handled", "recorded only", now)
    return True
