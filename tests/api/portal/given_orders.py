"""Orders as their runs leave them: cases, messages with their statuses, answers in each form, actions asked and answered."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from db import actions, cases, messages, statuses, timeline
from db.cases import CaseRow
from db.shipments import record_move
from db.statuses import StatusReport
from db.timeline import Entry, EntryKind
from domain.case_events import ActionRequest, Answer
from domain.case_state import Outcome, Progress
from domain.failures import Action, Mode, Reason
from domain.messages import MessageStatus
from domain.shipments import ShipmentMove
from tests.factories import failed_delivery, new_message
from tests.intake.stage import ACCOUNT, Stage

MINUTE = timedelta(minutes=1)
REACHED = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


@dataclass
class Told:
    """An order whose story a test tells, step by step, each at a time of its own.

    Attributes:
        stage: The database.
        row: The case that is told of.
        at: When the next step happens.
    """

    stage: Stage
    row: CaseRow
    at: datetime

    def _next(self, after: timedelta = MINUTE) -> datetime:
        self.at += after
        return self.at

    async def entry(
        self,
        kind: EntryKind,
        topic: str,
        *,
        detail: str = "",
        mode: str = "automatic",
        person: str = "",
        after: timedelta = MINUTE,
        **data: Any,
    ) -> str:
        """Put something on the activity, and return its key."""
        at = self._next(after)
        key = f"{topic}:{self.row.id}:{at.isoformat()}"
        entry = Entry(
            workspace_id=self.row.workspace_id,
            order_id=self.row.order_id,
            case_id=self.row.id,
            shipment_id=self.row.shipment_id,
            at=at,
            kind=kind,
            topic=topic,
            key=key,
            detail=detail,
            mode=mode,
            person=person,
            data=data,
        )
        async with self.stage.database.transaction() as session:
            await timeline.add_entry(session, self.stage.cipher, entry)
        return key

    async def says(self, topic: str, **data: Any) -> None:
        """Have the customer answer."""
        await self.entry("reply", topic, mode="whatsapp", **data)
        async with self.stage.database.transaction() as session:
            await cases.note_reply(session, self.row.workspace_id, self.row.id, self.at)
        self.row = await self.now()

    async def sent(
        self,
        topic: str,
        *,
        until: tuple[MessageStatus, ...] = REACHED,
        code: str = "",
        reason: str = "",
        kind: str = "template",
        **content: Any,
    ) -> None:
        """Send a message, and let it come as far as it does."""
        at = self._next()
        number = f"gs-{self.row.id}-{at.timestamp()}"
        new = new_message(
            workspace_id=self.row.workspace_id,
            case_id=self.row.id,
            account_id=ACCOUNT,
            order_id=self.row.order_id,
            shipment_id=self.row.shipment_id,
            kind=kind,
            purpose=topic,
            template_name="delivery_failed_v3" if kind == "template" else "",
            command_id=f"{self.row.id}/{at.timestamp()}",
            content=content,
            now=at,
        )
        async with self.stage.database.transaction() as session:
            message = await messages.add_message(session, self.stage.cipher, new)
            await statuses.record_outcome(
                session, message.id, status=MessageStatus.SUBMITTED, now=at, gupshup_message_id=number
            )
            for status in until:
                report = StatusReport(
                    account_id=ACCOUNT,
                    status=status,
                    gupshup_id=number,
                    code=code,
                    reason=reason,
                    at=at + MINUTE,
                )
                await statuses.apply_status(session, report)
            entry = Entry.of_case(
                self.row,
                at=at,
                kind="notification",
                topic=topic,
                key=f"message:{new.command_id}",
                mode="automatic",
                data=content,
            )
            entry = Entry(
                **{name: getattr(entry, name) for name in Entry.__slots__} | {"message_id": message.id}
            )
            await timeline.add_entry(session, self.stage.cipher, entry)

    async def asks(
        self,
        action: Action,
        answer: Answer | None,
        *,
        detail: str = "",
        mode: Mode = Mode.WHATSAPP,
        person: str = "",
        on: date | None = None,
        **data: Any,
    ) -> None:
        """Ask the order system for an action, and have it answer."""
        at = self._next()
        request = ActionRequest(f"{self.row.id}/{at.timestamp()}", action, mode, person, on)
        told = {"on": on.isoformat() if on else "", "address": "", "words": [], "evidence": []} | data
        async with self.stage.database.transaction() as session:
            begun = await actions.begin_action(
                session,
                self.stage.cipher,
                request,
                workspace_id=self.row.workspace_id,
                case_id=self.row.id,
                now=at,
                lease_until=at + MINUTE,
            )
            said = {"asked": at} if answer is None else {"asked": at, answer.value: at + timedelta(seconds=3)}
            if answer is not None:
                await actions.record_answer(
                    session,
                    request.id,
                    tries=begun.tries,
                    answer=answer,
                    detail=detail,
                    now=at + timedelta(seconds=3),
                )
            for what, when in said.items():
                entry = Entry(
                    workspace_id=self.row.workspace_id,
                    order_id=self.row.order_id,
                    case_id=self.row.id,
                    shipment_id=self.row.shipment_id,
                    at=when,
                    kind="action",
                    topic=f"{action.value}_{what}",
                    key=f"action:{request.id}:{what}",
                    detail=detail if what != "asked" else "",
                    mode=mode.value,
                    person=person,
                    data=told,
                )
                if what not in (Answer.UNKNOWN, Answer.UNAVAILABLE):  # which are no entries
                    await timeline.add_entry(session, self.stage.cipher, entry)

    async def stands(self, state: str) -> None:
        """Show a state of the open case."""
        async with self.stage.database.transaction() as session:
            await cases.save_progress(
                session, self.row.workspace_id, self.row.id, Progress(state, "something"), self._next()
            )
        self.row = await self.now()

    async def ends(
        self,
        outcome: Outcome,
        *,
        detail: str = "",
        mode: Mode = Mode.AUTOMATIC,
        person: str = "",
        accepted: str = "",
    ) -> None:
        """End the case as its run does."""
        is_handover = outcome in (Outcome.HANDED_OVER, Outcome.NOT_MY_ORDER)
        await self.entry(
            "handover" if is_handover else "automatic",
            f"ended_{outcome.value}",
            detail=detail,
            mode=mode.value,
            person=person,
        )
        progress = Progress("ended", "nothing", None, outcome.value, detail, accepted)
        async with self.stage.database.transaction() as session:
            await cases.end_case(
                session, self.row.workspace_id, self.row.id, progress, ended_at=self.at - timedelta(seconds=1)
            )
        self.row = await self.now()

    async def moves(self, move: ShipmentMove) -> None:
        """Let the parcel move on."""
        async with self.stage.database.transaction() as session:
            await record_move(
                session,
                self.row.workspace_id,
                self.row.shipment_id,
                order_id=self.row.order_id,
                tracking_id=self.row.tracking_id,
                move=move,
                attempt=None,
                at=self._next(),
            )
        await self.entry("report", move.value)

    async def now(self) -> CaseRow:
        """Return the case as it is recorded."""
        async with self.stage.database.transaction() as session:
            found = await cases.find_case(session, self.row.workspace_id, self.row.id)
        assert found is not None
        return found


async def order(stage: Stage, number: int = 1, *, ago: timedelta = 60 * MINUTE, **changes: Any) -> Told:
    """Open a case of a numbered order whose delivery failed a while ago."""
    failed_at = stage.clock() - ago
    values: dict[str, Any] = {
        "order_id": f"ORD{number}",
        "shipment_id": f"SHIP{number}",
        "tracking_id": f"7001{number:06d}",
        "failed_at": failed_at,
    }
    now, stage.clock.now = stage.clock.now, failed_at
    row = await stage.open(failed_delivery(**(values | changes)))
    stage.clock.now = now
    return Told(stage, row, failed_at)


FAILED: dict[str, Any] = {
    "header": "We missed you today",
    "body": "Hi Asha Rao, the courier could not deliver your KapasKraft order: nobody was at home.\n\nWhat should we do?",
    "footer": "Reply STOP to end messages",
    "buttons": ["Try again", "Choose another date", "See all options"],
}


async def long_story(stage: Stage, number: int = 123456) -> Told:
    """Tell of two attempts: on the first a day was agreed, on the second the seller is asked."""
    first = await order(
        stage,
        number,
        ago=timedelta(days=2),
        reason=Reason.CUSTOMER_UNAVAILABLE,
        is_cod=True,
        amount_due_paise=124900,
    )
    await first.sent("failed_delivery", **FAILED)
    await first.says("text", text="bhaiya main ghar pe hi thi, koi nahi aaya")
    await first.sent(
        "answer",
        kind="session",
        body="Sorry, we could not read that.",
        list_button="See all options",
        buttons=["Try again", "Change address"],
    )
    thursday = (first.at + timedelta(days=1)).date()
    await first.asks(
        Action.RESCHEDULE, Answer.REFUSED_DATE, detail="Date not serviceable for this pincode", on=thursday
    )
    await first.asks(Action.RESCHEDULE, Answer.ACCEPTED, detail="ok", on=thursday + timedelta(days=1))
    await first.sent("answer", kind="session", body="Done. Delhivery will come on Friday.")
    await first.ends(Outcome.RESOLVED, mode=Mode.WHATSAPP, accepted="reschedule")
    second = await order(
        stage,
        number,
        attempt=2,
        ago=timedelta(hours=3, minutes=25),
        reason=Reason.ADDRESS_INCOMPLETE,
        raw_code="EOD-74",
        raw_reason="Bad address",
        is_cod=True,
        amount_due_paise=124900,
    )
    await second.sent("failed_delivery", **FAILED)
    await second.says("choice", text="See all options", tapped="template")
    await second.sent(
        "answer",
        kind="session",
        body="These are possible:",
        list_button="See all options",
        buttons=["a", "b", "c", "d", "e"],
    )
    await second.says("choice", text="Change address", tapped="list")
    await second.sent("question", kind="session", body="Please send the complete address.", form=True)
    await second.says(
        "address",
        form="address",
        text="",
        fields={
            "name": "Asha Rao",
            "house_number": "Flat 4B",
            "building_name": "Silver Oak Apartments",
            "address": "17th Main, Koramangala",
            "city": "Bengaluru",
            "pincode": "560034",
        },
    )
    await second.says("location", latitude=12.93521, longitude=77.62448, text="17th Main Road, Koramangala")
    await second.entry("handover", "handed_to_seller", detail="the customer asks for a person")
    return second
