"""What every effect of a case records in its own transaction: progress and notes."""

from datetime import datetime

from activities.values import Snapshot
from db import cases, timeline
from db.encryption import Cipher
from db.session import Session
from domain.case_state import CaseFacts

_HANDED = frozenset({"handed_to_seller", "contradiction", "action_refused"})
"""Notes that put something before the seller."""


async def record_progress(
    session: Session, cipher: Cipher, snapshot: Snapshot, facts: CaseFacts, now: datetime
) -> None:
    """Save where the case stands, and its notes on the order's activity; the same again changes nothing."""
    await cases.save_progress(session, snapshot.workspace_id, snapshot.case_id, snapshot.progress, now)
    for note in snapshot.notes:
        await timeline.add_entry(
            session,
            cipher,
            timeline.Entry(
                workspace_id=snapshot.workspace_id,
                order_id=facts.failure.order_id,
                shipment_id=facts.failure.shipment_id,
                case_id=snapshot.case_id,
                at=now,
                kind="handover" if note.topic in _HANDED else "automatic",
                topic=note.topic,
                key=f"note:{note.id}",
                detail=note.detail,
                mode=note.mode.value,
                person=note.person,
            ),
        )
