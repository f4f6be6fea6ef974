"""What the order system's events mean: a failed delivery opens a case, a move of the parcel ends one (R6.1, R6.9)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from clients.carriers.base import NEXT_VISIT
from clients.carriers.eshopbox import OrderEvent, parse_order_event
from db import cases, customers, installations, notifications, shipments, timeline, workspaces
from db.accounts import AppAccount
from db.cases import CaseRow
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Session
from db.workspaces import Workspace
from domain import timing
from domain.case_events import ShipmentMoved, Superseded
from domain.cases import CaseFacts
from domain.failures import REASON_RULES, Capabilities, Handling, Mode, Reason
from domain.journey import RETURN_SHIPMENT
from domain.shipments import FINAL_MOVES, FailedDelivery, JourneyEvent, ShipmentMove
from domain.timing import Policy
from domain.wording import reason_words, spoken
from intake import journey
from intake.calendars import holidays_ahead
from intake.taken_back import take_back
from intake.telling import Meaning, StartCase, TellCase, Telling, handled, ignored
from workflows.client import Mail

__all__ = ["Report", "report", "tell_of", "understand"]

_EVENT = JourneyEvent.FAILED_DELIVERY.value


@dataclass(frozen=True, slots=True)
class Report:
    """What a reported failure came to.

    Attributes:
        result: `opened`; `known`, the same report again; `conflict`, another one for the same attempt; `not_sent`,
            nobody may be written to (R5.1); `settled`, the parcel is past this; `outdated`, a later attempt failed.
        reason: Why there is no new case, in words.
        case: The case of this attempt, where there is one.
        tell: What workflows have to learn.
    """

    result: Literal["opened", "known", "conflict", "not_sent", "settled", "outdated"]
    reason: str = ""
    case: CaseRow | None = None
    tell: tuple[Telling, ...] = ()


async def understand(
    session: Session, cipher: Cipher, item: InboxItem, *, capabilities: Capabilities, now: datetime
) -> Meaning:
    """Give one stored event of the order system its effect.

    Raises:
        UnreadableOrderEvent: The stored body cannot be read.
    """
    event = parse_order_event(item.body, received_at=item.received_at)
    if event.workspace_slug and event.workspace_slug != item.owner_id:
        return ignored("another workspace's event")
    if event.failed is not None:
        found = await report(
            session,
            cipher,
            item.owner_id,
            event.failed,
            capabilities=capabilities,
            now=now,
            phone_problem=event.phone_problem,
        )
        if found.result in ("opened", "known"):
            return handled(found.reason or found.result, *found.tell)
        return ignored(f"{found.result}: {found.reason}")
    if event.taken_back is not None:
        return await take_back(session, cipher, item, event)
    if event.move is None and not journey.is_told(event):
        return ignored(f"{event.resource} {event.subtype}: nothing follows from it")
    if event.resource == RETURN_SHIPMENT:  # the way back leaves the parcel as it is
        return await journey.take(session, cipher, item.owner_id, event, None, now=now)
    shipment = await shipments.record_move(
        session,
        item.owner_id,
        event.shipment_id,
        order_id=event.order_id,
        tracking_id=event.tracking_id,
        move=event.move,
        attempt=None,
        at=event.occurred_at,
    )
    moved = await _moved(session, cipher, item, event, event.move) if event.move is not None else None
    if not journey.is_told(event):
        return moved or ignored("")
    told = await journey.take(session, cipher, item.owner_id, event, shipment, now=now)
    if moved is None:
        return told
    return handled(f"{moved.note}; {told.note}", *moved.tell, *told.tell)


async def report(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    failed: FailedDelivery,
    *,
    capabilities: Capabilities,
    now: datetime,
    phone_problem: str = "",
) -> Report:
    """Take a failed delivery: one case for each workspace, shipment and attempt, for ever (I3).

    Args:
        session: The transaction.
        cipher: Seals what the case begins with.
        workspace_id: Whose parcel it is.
        failed: The failure.
        capabilities: What the carrier's adapter can do.
        now: The time.
        phone_problem: Why there is no phone to write to; shown on the order's activity.

    Raises:
        NotFound: There is no such workspace.
    """
    workspace = await workspaces.get_workspace(session, workspace_id)
    failed = replace(
        failed,
        workspace_id=workspace_id,
        brand=failed.brand or workspace.brand,
        failed_at=failed.failed_at.astimezone(UTC),  # one instant has one form: forms are compared
    )
    known = await cases.find_case_by_attempt(session, workspace_id, failed.shipment_id, failed.attempt)
    if known is not None and not _is_next_visit(known, failed):
        return await _again(session, cipher, known, failed, now)
    if known is not None:
        failed = replace(failed, visit=known.visit + 1)
    shipment = await shipments.record_move(
        session,
        workspace_id,
        failed.shipment_id,
        order_id=failed.order_id,
        tracking_id=failed.tracking_id,
        move=None,
        attempt=failed.attempt,
        at=failed.failed_at,
    )
    if shipment.final is not None:
        return Report("settled", f"the shipment's state is {shipment.final}")
    if shipment.attempt > failed.attempt:
        return Report("outdated", f"attempt {shipment.attempt} failed already")
    return await _open(
        session, cipher, workspace, failed, capabilities=capabilities, now=now, phone_problem=phone_problem
    )


def _is_next_visit(known: CaseRow, failed: FailedDelivery) -> bool:
    """Tell whether a report is of a later visit under the same number: an attempt not made does not count (R6.12)."""
    return known.reason == Reason.NOT_ATTEMPTED and failed.failed_at >= known.failed_at + NEXT_VISIT


async def _again(
    session: Session, cipher: Cipher, known: CaseRow, failed: FailedDelivery, now: datetime
) -> Report:
    """Take a report whose attempt has its case: the same again changes nothing, another one is put on record (F56)."""
    content = cases.content_hash(cipher, replace(failed, visit=known.visit))
    if content != known.content_hash:
        key = f"conflict:{known.id}:{content.hex()[:16]}"
        detail = f"attempt {failed.attempt} was reported again, as: {reason_words(failed.reason)}"
        entry = _entry(failed, known.id, now, topic="conflicting_repeat", key=key, detail=detail)
        await timeline.add_entry(session, cipher, entry)
        return Report("conflict", "another report for the same attempt; the first one stands", known)
    tell = () if known.outcome else await tell_of(session, known)
    return Report("known", "the same report again", known, tell)


async def _open(
    session: Session,
    cipher: Cipher,
    workspace: Workspace,
    failed: FailedDelivery,
    *,
    capabilities: Capabilities,
    now: datetime,
    phone_problem: str,
) -> Report:
    """Open the case, unless nobody may be written to (R5.1); what nobody is asked about needs no account (R6.12)."""
    sender = await installations.find_sender(session, workspace.id)
    phone_hash = cipher.phone_hash(failed.customer_phone)
    known = await customers.customer(session, sender.id if sender is not None else "", phone_hash)
    # What the customer asked for goes before what the order came with (R6.13).
    language = spoken(known.language or failed.language or workspace.default_language)
    notification = (
        await notifications.find_notification(session, workspace.id, sender.id, _EVENT, language)
        if sender is not None
        else None
    )
    is_asked = REASON_RULES[failed.reason].handling is not Handling.REATTEMPT_AUTOMATICALLY
    if is_asked and (sender is None or notification is None or not notification.is_on):
        reason = "no WhatsApp account is installed" if sender is None else "the notification is switched off"
        key = f"not-sent:{failed.shipment_id}:{failed.attempt}:{failed.visit}"
        entry = _entry(
            failed, None, now, kind="notification", topic=f"{_EVENT}_not_sent", key=key, detail=reason
        )
        await timeline.add_entry(session, cipher, entry)
        return Report("not_sent", reason)
    case_id = str(uuid4())
    facts = CaseFacts(
        case_id=case_id,
        account_id=sender.id if sender is not None else "",
        failure=failed,
        capabilities=capabilities,
        language=language,
        address_form=True,
        heard_at=known.last_inbound_at,
    )
    policy = await _policy(session, workspace, sender, now)
    deadline_at = timing.deadline(failed.failed_at, policy, spread_by=case_id)
    row, is_new = await cases.add_case(session, cipher, facts, policy, deadline_at=deadline_at, now=now)
    if not is_new:  # the same report at the same instant, by another process
        return await _again(session, cipher, row, failed, now)
    entry = _entry(
        failed,
        row.id,
        now,
        topic=_EVENT,
        key=f"report:{row.id}",
        detail=f"attempt {failed.attempt}: {reason_words(failed.reason)}",
        data={
            "reason": failed.reason.value,
            "raw_code": failed.raw_code,
            "raw_reason": failed.raw_reason,
            "raw_remark": failed.raw_remark,
            "courier": failed.courier_name,
            "phone_problem": phone_problem or ("" if failed.customer_phone else "no_phone"),
        },
    )
    await timeline.add_entry(session, cipher, entry)
    return Report("opened", case=row, tell=await tell_of(session, row))


async def _policy(session: Session, workspace: Workspace, sender: AppAccount | None, now: datetime) -> Policy:
    """Return what a case goes by: the workspace's choices, holidays filled in, texts by whose account it is (R7.10)."""
    policy = replace(workspace.policy, language=workspace.default_language)
    if sender is not None and sender.owner == "eshopbox":
        platform = await workspaces.find_workspace(session, workspaces.PLATFORM)
        texts = platform.policy.texts if platform is not None else ()
        policy = replace(policy, texts=texts, answer_unexpected=True)
    days = holidays_ahead(policy.holiday_region, timing.local_day(now, policy))
    return replace(policy, holidays=tuple(sorted({*policy.holidays, *days})))


async def tell_of(session: Session, row: CaseRow) -> tuple[Telling, ...]:
    """Return what follows from an open case: earlier attempts' cases end, then its own run starts (R6.1)."""
    still_open = await cases.list_open_of_shipment(session, row.workspace_id, row.shipment_id)
    mail = Mail(f"superseded:{row.id}", Superseded(row.attempt))
    earlier = (case for case in still_open if (case.attempt, case.visit) < (row.attempt, row.visit))
    superseded = (TellCase(case.workspace_id, case.id, mail) for case in earlier)
    start = () if row.started_at else (StartCase(row.workspace_id, row.id),)
    return (*superseded, *start)


async def _moved(
    session: Session, cipher: Cipher, item: InboxItem, event: OrderEvent, move: ShipmentMove
) -> Meaning:
    """Tell a parcel's open cases where it is (R6.9)."""
    still_open = await cases.list_open_of_shipment(session, item.owner_id, event.shipment_id)
    # A step reported late, from before the failure, says nothing about it; a final one does whenever it comes.
    concerned = [row for row in still_open if move in FINAL_MOVES or event.occurred_at >= _since(row, move)]
    if not concerned:
        return handled(f"{move.value}: no case waits")
    for row in concerned:
        await timeline.add_entry(
            session,
            cipher,
            timeline.Entry.of_case(
                row,
                at=item.received_at,
                kind="report",
                topic=move.value,
                key=f"move:{row.id}:{item.event_key}",
                mode=Mode.AUTOMATIC.value,
            ),
        )
    mail = Mail(item.fact_id, ShipmentMoved(move))
    return handled(move.value, *(TellCase(row.workspace_id, row.id, mail) for row in concerned))


def _since(row: CaseRow, move: ShipmentMove) -> datetime:
    """Return from when on an event says something about a case."""
    if row.visit > 1 and move is ShipmentMove.RESOLUTION_SUBMITTED:
        return row.opened_at.replace(microsecond=0)  # before that it was the visit before, or its action
    return row.failed_at


def _entry(
    failed: FailedDelivery,
    case_id: str | None,
    at: datetime,
    *,
    topic: str,
    key: str,
    kind: Literal["report", "notification"] = "report",
    detail: str = "",
    data: dict[str, object] | None = None,
) -> timeline.Entry:
    return timeline.Entry(
        workspace_id=failed.workspace_id,
        order_id=failed.order_id,
        shipment_id=failed.shipment_id,
        case_id=case_id,
        at=at,
        kind=kind,
        topic=topic,
        key=key,
        detail=detail,
        mode=Mode.AUTOMATIC.value,
        data=data or {},
    )
