"""The order system's late no: an action that it accepted, and then did not do (R6.5, F54).

The case ended with the acceptance, and its customer was told so. What they may choose instead needs a case of its own:
the next visit of the same attempt, which goes on in the same conversation and offers what was not refused.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from clients.carriers.eshopbox import OrderEvent
from db import actions, cases, customers, outgoing_events, shipments, timeline
from db.cases import CaseRow
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Session
from domain import timing
from domain.case_events import ActionRequest
from domain.case_state import TakenBack
from domain.failures import Action, Mode
from domain.shipments import ShipmentMove
from intake.telling import DeliverEvent, Meaning, StartCase, handled, ignored

__all__ = ["take_back"]


_CLOCKS_DIFFER_BY = timedelta(minutes=2)
"""The order system's clock against ours; its events name whole seconds."""


async def take_back(session: Session, cipher: Cipher, item: InboxItem, event: OrderEvent) -> Meaning:
    """Give the news that an accepted action is not done its effect."""
    shipment = await shipments.record_move(  # locked: two such events of one parcel come one after the other
        session,
        item.owner_id,
        event.shipment_id,
        order_id=event.order_id,
        tracking_id=event.tracking_id,
        move=None,
        attempt=None,
        at=event.occurred_at,
    )
    if shipment.final is not None:
        return ignored(f"an action was taken back, but the shipment's state is {shipment.final}")
    if shipment.last_moved_at is not None and shipment.last_moved_at > event.occurred_at:
        on_the_way = shipment.last_move != ShipmentMove.RESOLUTION_SUBMITTED
        if on_the_way:  # it was put on the road again after all
            return ignored(f"an action was taken back, and since then the shipment is {shipment.last_move}")
    row = await cases.find_newest_of_shipment(session, item.owner_id, event.shipment_id)
    accepted = await actions.find_accepted(session, cipher, row.workspace_id, row.id) if row else None
    if row is None or accepted is None:
        return ignored("an action was taken back that is none of ours")
    if event.occurred_at < accepted.answered_at - _CLOCKS_DIFFER_BY:
        return ignored("an action was taken back before ours was accepted")
    action = accepted.request.action
    detail = cases.without_numbers(event.taken_back or "") or "the order system gives no reason"
    await timeline.add_entry(
        session,
        cipher,
        timeline.Entry.of_case(
            row,
            at=item.received_at,
            kind="handover",
            topic=f"{action.value}_taken_back",
            key=f"taken-back:{row.id}",
            detail=detail,
            mode=Mode.AUTOMATIC.value,
        ),
    )
    tell = await _tell_workspace(session, cipher, row, accepted.request, detail=detail, now=item.received_at)
    if accepted.request.mode is not Mode.WHATSAPP:  # the customer did not ask for it; the seller reads it
        return handled(f"{action.value} was taken back; the customer did not ask for it", *tell)
    start = await _go_on(
        session, cipher, item, row, TakenBack(action, accepted.request.on, detail, at=event.occurred_at)
    )
    return handled(f"{action.value} was taken back", start, *tell)


async def _tell_workspace(
    session: Session, cipher: Cipher, row: CaseRow, request: ActionRequest, *, detail: str, now: datetime
) -> tuple[DeliverEvent, ...]:
    """Tell the workspace's own system, as of an action that was refused at once (R8.3)."""
    event_ids = await outgoing_events.tell_workspace(
        session,
        cipher,
        workspace_id=row.workspace_id,
        type="case.action_refused",
        data={
            "case_id": row.id,
            "order_id": row.order_id,
            "shipment_id": row.shipment_id,
            "tracking_id": row.tracking_id,
            "attempt": row.attempt,
            "action": request.action.value,
            "date": request.on.isoformat() if request.on else "",
            "answer": "taken_back",
            "reason": detail,
            "mode": request.mode.value,
        },
        source_key=f"taken-back:{row.id}",
        now=now,
    )
    return tuple(DeliverEvent(row.workspace_id, event_id) for event_id in event_ids)


async def _go_on(
    session: Session, cipher: Cipher, item: InboxItem, row: CaseRow, taken_back: TakenBack
) -> StartCase:
    """Open the case in which the customer chooses again; its deadline still counts from the failure."""
    facts, policy = await cases.get_start(session, cipher, row.workspace_id, row.id)
    known = await customers.customer(session, row.account_id, cipher.phone_hash(facts.failure.customer_phone))
    action, on = taken_back.action, taken_back.on
    is_of_a_day = action is Action.RESCHEDULE and on is not None
    facts = replace(
        facts,
        case_id=str(uuid4()),
        failure=replace(facts.failure, visit=row.visit + 1),
        language=known.language or facts.language,
        taken_back=taken_back,
        withdrawn=facts.withdrawn if is_of_a_day else (*facts.withdrawn, action),
        refused_days=(*facts.refused_days, on) if is_of_a_day and on else facts.refused_days,
        heard_at=known.last_inbound_at,
    )
    deadline_at = timing.deadline(facts.failure.failed_at, policy, spread_by=facts.case_id)
    opened, _ = await cases.add_case(
        session, cipher, facts, policy, deadline_at=deadline_at, now=item.received_at
    )
    return StartCase(opened.workspace_id, opened.id)
