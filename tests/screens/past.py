"""A shop's last weeks, written into its database: what lists, charges and insights have to show in a picture.

Only what our own functions would have written, with the times at which they would have. Nothing of it is running.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice

from db import actions, cases, messages, statuses, timeline
from db.cases import CaseRow
from db.encryption import Cipher
from db.session import Database, Session
from db.shipments import record_move
from db.statuses import StatusReport
from db.timeline import Entry
from domain.case_events import ActionRequest, Answer
from domain.case_state import Outcome, Progress
from domain.failures import Action, Mode, Reason
from domain.messages import MessageStatus
from domain.shipments import Address, ShipmentMove
from domain.timing import Policy
from tests.factories import case_facts, new_message

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_NAMES = ("Asha Rao", "Vikram Iyer", "Meera Nair", "Kabir Shah", "Sunita Devi", "Farah Khan", "Ravi Menon")
_COURIERS = ("Delhivery", "Bluedart", "Delhivery", "Xpressbees", "Ekart")
_PLACES = (("560038", "Bengaluru"), ("400050", "Mumbai"), ("110016", "Delhi"), ("600017", "Chennai"))
_REASONS = (
    Reason.CUSTOMER_UNAVAILABLE,
    Reason.ADDRESS_INCOMPLETE,
    Reason.CUSTOMER_UNAVAILABLE,
    Reason.COD_NOT_READY,
    Reason.REFUSED,
    Reason.CUSTOMER_UNREACHABLE,
)
# How far each goes: of every eleven, six are rescued. "over" is handed to the seller, "no" refused by the courier.
_ENDINGS = (
    "rescued", "silent", "rescued", "rescued", "cancelled", "rescued", "over", "rescued", "failed", "no", "rescued",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """One order of the past."""

    number: int
    ending: str
    reason: Reason
    name: str
    courier: str
    pincode: str
    city: str
    failed_at: datetime

    @property
    def phone(self) -> str:
        """A made-up mobile number."""
        return str(919999930000 + self.number)


@dataclass(frozen=True, slots=True)
class Shop:
    """Whose past it is: the workspace, and the account that its messages went through."""

    workspace_id: str
    account_id: str
    owner: str


def orders(count: int, now: datetime) -> Iterator[Past]:
    """Return orders whose delivery failed in the last weeks, the earliest first."""
    every = timedelta(days=29) / count
    shop = zip(
        cycle(_ENDINGS), cycle(_REASONS), cycle(_NAMES), cycle(_COURIERS), cycle(_PLACES), strict=False
    )
    for number, (ending, reason, name, courier, (pincode, city)) in enumerate(islice(shop, count)):
        at = now - timedelta(days=30) + number * every
        yield Past(number, ending, reason, name, courier, pincode, city, at)


async def write(
    database: Database,
    cipher: Cipher,
    shop: Shop,
    *,
    now: datetime,
    count: int,
) -> None:
    """Write the past of a workspace.

    Args:
        database: Where to.
        cipher: Seals what is personal.
        shop: Whose past.
        now: Today.
        count: How many orders.
    """
    for past in orders(count, now):
        async with database.transaction() as session:
            await _write(session, cipher, shop, past)


async def _write(session: Session, cipher: Cipher, shop: Shop, past: Past) -> None:
    at, workspace_id, account_id = past.failed_at, shop.workspace_id, shop.account_id
    facts = case_facts(
        account_id=account_id,
        workspace_id=workspace_id,
        order_id=f"KK{20100 + past.number}",
        shipment_id=f"P{past.number}",
        tracking_id=f"7001{past.number:06d}",
        reason=past.reason,
        failed_at=at,
        customer_name=past.name,
        customer_phone=past.phone,
        address=Address(past.name, ("12, 5th Cross", "Near the lake"), past.city, "", past.pincode),
        courier_name=past.courier,
    )
    row, _ = await cases.add_case(
        session, cipher, facts, Policy(), deadline_at=at + 24 * _HOUR, now=at + _MINUTE
    )
    await _move(session, row, None, at)
    message = await messages.add_message(
        session,
        cipher,
        new_message(
            workspace_id=workspace_id,
            case_id=row.id,
            account_id=account_id,
            account_owner=shop.owner,
            order_id=row.order_id,
            shipment_id=row.shipment_id,
            tracking_id=row.tracking_id,
            command_id=f"{row.id}:1",
            phone=past.phone,
            price_paise=35,
            now=at + 2 * _MINUTE,
        ),
    )
    failed = past.ending == "failed"
    await statuses.record_outcome(
        session,
        message.id,
        status=MessageStatus.SUBMITTED,
        now=at + 2 * _MINUTE,
        gupshup_message_id=f"past-{workspace_id}-{past.number}",
    )
    reached = (
        [MessageStatus.FAILED]
        if failed
        else [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ]
    )
    for minutes, status in enumerate(reached, start=3):
        report = StatusReport(
            account_id=account_id,
            status=status,
            gupshup_id=f"past-{workspace_id}-{past.number}",
            code="1002" if failed else "",
            reason="Number is not on WhatsApp" if failed else "",
            at=at + minutes * _MINUTE,
        )
        await statuses.apply_status(session, report)
    outcome = await _answered(session, cipher, row, past)
    end = Progress("ended", "nothing", None, outcome.value, "", _ACCEPTED.get(past.ending, ""))
    await cases.end_case(session, workspace_id, row.id, end, ended_at=at + 5 * _HOUR)
    entry = Entry.of_case(
        row,
        at=at + 5 * _HOUR,
        kind="handover" if outcome is Outcome.HANDED_OVER else "automatic",
        topic=f"ended_{outcome}",
        key=f"end:{row.id}",
        mode="automatic",
    )
    await timeline.add_entry(session, cipher, entry)
    if past.ending == "rescued":
        await _move(session, row, ShipmentMove.DELIVERED, at + 26 * _HOUR)


_ACCEPTED = {"rescued": Action.REATTEMPT.value, "cancelled": Action.CANCEL.value}


async def _answered(session: Session, cipher: Cipher, row: CaseRow, past: Past) -> Outcome:
    """Write what the customer answered and what came of it."""
    if past.ending in ("silent", "failed"):
        return Outcome.NO_ANSWER if past.ending == "silent" else Outcome.UNDELIVERABLE
    at = past.failed_at + (5 + 37 * (past.number % 9)) * _MINUTE
    await cases.note_reply(session, row.workspace_id, row.id, at)
    said = Entry.of_case(
        row,
        at=at,
        kind="reply",
        topic="choice",
        key=f"reply:{row.id}",
        mode="whatsapp",
        data={"text": "Try again", "tapped": "template"},
    )
    await timeline.add_entry(session, cipher, said)
    if past.ending == "over":
        return Outcome.HANDED_OVER
    action = Action.CANCEL if past.ending == "cancelled" else Action.REATTEMPT
    asked = ActionRequest(f"{row.id}:a1", action, Mode.WHATSAPP)
    begun = await actions.begin_action(
        session,
        cipher,
        asked,
        workspace_id=row.workspace_id,
        case_id=row.id,
        now=at + _MINUTE,
        lease_until=at + 2 * _MINUTE,
    )
    is_refused = past.ending == "no"
    answer = Answer.REFUSED if is_refused else Answer.ACCEPTED
    words = "Shipment is on its way back" if is_refused else "Accepted"
    await actions.record_answer(
        session, begun.id, tries=begun.tries, answer=answer, detail=words, now=at + _MINUTE
    )
    return Outcome.HANDED_OVER if is_refused else Outcome.RESOLVED


async def _move(session: Session, row: CaseRow, move: ShipmentMove | None, at: datetime) -> None:
    await record_move(
        session,
        row.workspace_id,
        row.shipment_id,
        order_id=row.order_id,
        tracking_id=row.tracking_id,
        move=move,
        attempt=row.attempt if move is None else None,
        at=at,
    )
