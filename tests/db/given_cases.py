"""Cases in whatever state a list or a figure needs them, and what stands on their orders' activity."""

from datetime import datetime, timedelta
from typing import Any

from db.cases import CaseRow, add_case, end_case, save_progress
from db.encryption import Cipher
from db.session import Session
from db.shipments import record_move
from db.timeline import Entry, add_entry
from domain.case_state import Progress
from domain.shipments import ShipmentMove
from domain.timing import Policy
from tests.factories import NOW, case_facts

W = "kapaskraft"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def opened(session: Session, cipher: Cipher, number: int, **changes: Any) -> CaseRow:
    """Open the case of a numbered order, so many hours ago; a shipment has one parcel."""
    ago = changes.pop("ago", number * HOUR)
    deadline_at = changes.pop("deadline_at", None)
    values: dict[str, Any] = {
        "order_id": f"ORD{number}",
        "shipment_id": f"S{number}",
        "tracking_id": f"TRK{number}",
        "failed_at": NOW - ago,
    }
    failure = values | changes
    row, _ = await add_case(
        session,
        cipher,
        case_facts(**failure),
        Policy(),
        deadline_at=deadline_at or failure["failed_at"] + DAY,
        now=failure["failed_at"],
    )
    await record_move(
        session,
        row.workspace_id,
        row.shipment_id,
        order_id=row.order_id,
        tracking_id=row.tracking_id,
        move=None,
        attempt=row.attempt,
        at=failure["failed_at"],
    )
    return row


async def stands(session: Session, row: CaseRow, state: str) -> None:
    """Show a state of an open case."""
    await save_progress(session, row.workspace_id, row.id, Progress(state, "something"), NOW)


async def ended(
    session: Session, cipher: Cipher, row: CaseRow, outcome: str, *, at: datetime, accepted: str = ""
) -> None:
    """End a case as its run does: with its row and with an entry on the activity."""
    progress = Progress("ended", "nothing", outcome=outcome, accepted=accepted)
    await end_case(session, row.workspace_id, row.id, progress, ended_at=at)
    is_handover = outcome in ("handed_over", "not_my_order")
    await add_entry(
        session,
        cipher,
        Entry.of_case(
            row,
            at=at + timedelta(seconds=1),
            kind="handover" if is_handover else "automatic",
            topic=f"ended_{outcome}",
            key=f"end:{row.id}",
            mode="automatic",
        ),
    )


async def asks(session: Session, cipher: Cipher, row: CaseRow, topic: str, *, at: datetime) -> None:
    """Put something before the seller."""
    entry = Entry.of_case(
        row, at=at, kind="handover", topic=topic, key=f"{topic}:{row.id}:{at}", mode="automatic", detail="why"
    )
    await add_entry(session, cipher, entry)


async def moved(session: Session, row: CaseRow, move: ShipmentMove, *, at: datetime) -> None:
    """Record where the parcel is."""
    await record_move(
        session,
        row.workspace_id,
        row.shipment_id,
        order_id=row.order_id,
        tracking_id=row.tracking_id,
        move=move,
        attempt=None,
        at=at,
    )
