"""What effects of a case record in their own transactions: progress, notes, and what the workspace is told."""

from collections.abc import Mapping
from datetime import datetime

from activities.values import Snapshot
from db import cases, outgoing_events, timeline
from db.encryption import Cipher
from db.session import Session
from domain.case_state import CaseFacts

_HANDED = frozenset({"handed_to_seller", "contradiction", "action_refused", "action_taken_back", "evidence"})
"""Notes that put something before the seller."""


async def record_progress(
    session: Session, cipher: Cipher, snapshot: Snapshot, facts: CaseFacts, now: datetime
) -> None:
    """Save where the case stands, and its notes on the order's activity; the same again changes nothing."""
    await record_notes(session, cipher, snapshot, facts, now)
    await cases.save_progress(session, snapshot.workspace_id, snapshot.case_id, snapshot.progress, now)


async def record_notes(
    session: Session, cipher: Cipher, snapshot: Snapshot, facts: CaseFacts, now: datetime
) -> None:
    """Put a case's notes on the order's activity; the same again changes nothing."""
    for note in snapshot.notes:
        await record_entry(
            session,
            cipher,
            facts,
            at=now,
            kind="handover" if note.topic in _HANDED else "automatic",
            topic=note.topic,
            key=f"note:{note.id}",
            detail=note.detail,
            mode=note.mode.value,
            person=note.person,
        )


async def record_entry(
    session: Session,
    cipher: Cipher,
    facts: CaseFacts,
    *,
    at: datetime,
    kind: timeline.EntryKind,
    topic: str,
    key: str,
    mode: str,
    detail: str = "",
    person: str = "",
    message_id: str | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Put something about a case on its order's activity; the same key again changes nothing (I2).

    `timeline.Entry` says what each part is.
    """
    failure = facts.failure
    entry = timeline.Entry(
        workspace_id=failure.workspace_id,
        order_id=failure.order_id,
        shipment_id=failure.shipment_id,
        case_id=facts.case_id,
        at=at,
        kind=kind,
        topic=topic,
        key=key,
        detail=detail,
        mode=mode,
        person=person,
        message_id=message_id,
        data=data or {},
    )
    await timeline.add_entry(session, cipher, entry)


async def tell_workspace(
    session: Session,
    cipher: Cipher,
    facts: CaseFacts,
    *,
    type: str,  # noqa: A002 - Standard Webhooks' own word
    source_key: str,
    data: Mapping[str, str],
    now: datetime,
) -> tuple[str, ...]:
    """Tell a workspace that wants events something about a case, once, and return the event's id (R8.3)."""
    failure = facts.failure
    about = {
        "case_id": facts.case_id,
        "order_id": failure.order_id,
        "shipment_id": failure.shipment_id,
        "tracking_id": failure.tracking_id,
        "attempt": failure.attempt,
    }
    # Words of the order system and of people may hold phones (I12).
    said = {name: cases.without_numbers(value) for name, value in data.items()}
    return await outgoing_events.tell_workspace(
        session,
        cipher,
        workspace_id=failure.workspace_id,
        type=type,
        data=about | said,
        source_key=source_key,
        now=now,
    )
