"""Cases in whatever state a list or a figure needs them, and what stands on their orders' activity."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from db.cases import CaseRow, add_case, end_case, note_reply, save_progress
from db.encryption import Cipher
from db.messages import add_message
from db.session import Session
from db.shipments import record_move
from db.statuses import StatusReport, apply_status, record_outcome
from db.timeline import Entry, add_entry
from domain.case_state import Progress
from domain.messages import MessageStatus
from domain.shipments import ShipmentMove
from domain.timing import Policy
from tests.factories import NOW, case_facts, new_message

W = "kapaskraft"
MINUTE = timedelta(minutes=1)
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


async def messaged(session: Session, cipher: Cipher, row: CaseRow, *statuses: str) -> None:
    """Send a case's message when it opens, which comes so far."""
    message = await add_message(
        session,
        cipher,
        new_message(case_id=row.id, command_id=f"{row.id}/1", now=row.opened_at, phone=f"91{row.order_id}"),
    )
    first, *later = statuses
    gupshup_id = f"gs-{row.id}"
    await record_outcome(
        session,
        message.id,
        status=MessageStatus(first),
        now=row.opened_at,
        gupshup_message_id=gupshup_id if first == "submitted" else None,
    )
    for status in later:
        report = StatusReport(
            account_id="account-1", status=MessageStatus(status), gupshup_id=gupshup_id, at=row.opened_at
        )
        await apply_status(session, report)


async def lived(
    session: Session,
    cipher: Cipher,
    number: int,
    *,
    statuses: Sequence[str] = ("submitted", "delivered", "read"),
    answered_after: timedelta | None = None,
    accepted: str = "",
    outcome: str = "",
    final: ShipmentMove | None = None,
    **changes: Any,
) -> CaseRow:
    """Give a case its whole life."""
    row = await opened(session, cipher, number, **changes)
    if statuses:
        await messaged(session, cipher, row, *statuses)
    if answered_after is not None:
        await note_reply(session, W, row.id, row.opened_at + answered_after)
    if outcome:
        await ended(session, cipher, row, outcome, at=NOW, accepted=accepted)
    if final is not None:
        await moved(session, row, final, at=NOW)
    return row


RESCUED: dict[str, Any] = {
    "answered_after": MINUTE,
    "accepted": "reattempt",
    "outcome": "resolved",
    "final": ShipmentMove.DELIVERED,
}
