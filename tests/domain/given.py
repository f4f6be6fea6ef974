"""A case to talk to: steps and commands as short lines, so that a table reads like a conversation.

Every session text is replaced by its own key here; the words themselves are tested in `test_wording`.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from domain import cases
from domain.case_events import (
    ActionAnswered,
    ActionTaken,
    Answer,
    CloseAsked,
    Command,
    CustomerOptedIn,
    CustomerOptedOut,
    CustomerReplied,
    EndCase,
    Event,
    MessageAccepted,
    MessageNotSent,
    MessageUnknown,
    Note,
    Opened,
    ResendAsked,
    SendSession,
    SendTemplate,
    ShipmentMoved,
    Superseded,
    TakeAction,
    WokeUp,
)
from domain.cases import Case, CaseFacts
from domain.failures import Action, Capabilities, Mode, Reason
from domain.messages import NotSent
from domain.replies import AddressDraft, Reply, ReplyKind
from domain.shipments import Address, FailedDelivery, ShipmentMove
from domain.timing import Policy, local_day
from domain.understanding import understand
from domain.wording import PRESETS

NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # a Friday, 12:00 in India
FAILED_AT = NOON - timedelta(minutes=10)

EVERYTHING = Capabilities(
    actions=(Action.REATTEMPT, Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.CANCEL, Action.DISPUTE)
)
_FACTS = {one.name for one in fields(CaseFacts)} - {"failure", "account_id"}
KEYS_AS_TEXTS = tuple((key, key) for key in PRESETS["en"])


def a_failure(**changes: object) -> FailedDelivery:
    """Return a failed first attempt at a customer who was not at home."""
    failure = FailedDelivery(
        workspace_id="kapaskraft",
        order_id="ORD123456",
        shipment_id="SH1",
        tracking_id="TRK1",
        attempt=1,
        reason=Reason.CUSTOMER_UNAVAILABLE,
        failed_at=FAILED_AT,
        customer_name="Asha Rao",
        customer_phone="919999900001",
        address=Address("Asha Rao", ("4 Rose Villa", "MG Road"), "Bengaluru", "Karnataka", "560001"),
        brand="KapasKraft",
        courier_name="Swift Couriers",
    )
    return replace(failure, **changes)  # type: ignore[arg-type]


def a_policy(**changes: object) -> Policy:
    """Return the default policy, each text being its own key."""
    return replace(Policy(texts=KEYS_AS_TEXTS), **changes)  # type: ignore[arg-type]


def some_facts(**changes: object) -> CaseFacts:
    """Return facts of a case; fields of the failure may be given as well."""
    own = {name: changes.pop(name) for name in _FACTS if name in changes}
    facts = CaseFacts(
        case_id="c1",
        account_id="app1",
        failure=a_failure(**changes),
        capabilities=EVERYTHING,
        address_form=False,
    )
    return replace(facts, **own)  # type: ignore[arg-type]


class Talk:
    """One case with a clock, and everything that it ever asked for."""

    def __init__(
        self, facts: CaseFacts | None = None, policy: Policy | None = None, *, at: datetime = NOON
    ) -> None:
        """Begin before the case's first event."""
        self.policy = policy or a_policy()
        self.case: Case = cases.open_case(facts or some_facts(), self.policy)
        self.now = at
        self.commands: list[Command] = []
        self._replies = 0

    def send(self, event: Event) -> tuple[Command, ...]:
        """Give the case an event and keep what it asks for."""
        self.case, commands = cases.decide(self.case, event, self.now, self.policy)
        self.commands += commands
        return commands

    def reply(self, kind: ReplyKind, **fields: object) -> tuple[Command, ...]:
        """Give the case an answer of the customer, received now."""
        self._replies += 1
        read = understand(str(fields.get("text", "")), local_day(self.now, self.policy))
        given: dict[str, object] = {"at": self.now, "said": read} | fields
        return self.send(CustomerReplied(Reply(f"wamid.{self._replies}", kind, **given)))  # type: ignore[arg-type]

    def answer(self, answer: Answer, detail: str = "because") -> tuple[Command, ...]:
        """Give the case the order system's answer to what it asked last."""
        asked = [command for command in self.commands if isinstance(command, TakeAction)]
        return self.send(ActionAnswered(asked[-1].request.id, answer, detail))

    def wake(self) -> tuple[Command, ...]:
        """Move the clock to when the case wants to be woken, and wake it."""
        at = cases.wake_at(self.case, self.policy)
        assert at is not None, "the case has ended"
        self.now = max(self.now, at)
        return self.send(WokeUp())

    def wait(self, **delta: float) -> None:
        """Move the clock."""
        self.now += timedelta(**delta)

    def play(self, step: str) -> list[str]:  # noqa: PLR0915 - one branch for each word
        """Do one step of a table and return what the case asks for, as lines."""
        word, _, rest = step.partition(" ")
        match word:
            case "open":
                commands = self.send(Opened())
            case "tap":
                commands = self.reply(ReplyKind.CHOICE, choice=rest)
            case "text":
                commands = self.reply(ReplyKind.TEXT, text=rest)
            case "photo":
                commands = self.reply(ReplyKind.MEDIA, media_kind="image", text=rest)
            case "pin":
                commands = self.reply(ReplyKind.LOCATION, latitude=12.97, longitude=77.59, place=rest)
            case "form":
                text, pincode, phone = rest.split("|")
                draft = AddressDraft(text=text, pincode=pincode, phone=phone)
                commands = self.reply(ReplyKind.ADDRESS, address=draft)
            case "reaction":
                commands = self.reply(ReplyKind.REACTION, text="" if rest == "removed" else "👍")
            case "contact" | "other":
                commands = self.reply(ReplyKind(word))
            case "system":
                commands = self.answer(Answer(rest))
            case "moved":
                commands = self.send(ShipmentMoved(ShipmentMove(rest)))
            case "superseded":
                commands = self.send(Superseded(int(rest)))
            case "notsent":
                commands = self.send(MessageNotSent("c1/1", NotSent(rest)))
            case "answernotsent":
                commands = self.send(MessageNotSent("c1/1", NotSent(rest), is_template=False))
            case "sent":
                commands = self.send(MessageAccepted("c1/1"))
            case "sentperhaps":
                commands = self.send(MessageUnknown("c1/1"))
            case "stop":
                commands = self.send(CustomerOptedOut())
            case "start":
                commands = self.send(CustomerOptedIn())
            case "voice":
                commands = self.reply(ReplyKind.MEDIA, media_kind="audio")
            case "hand":
                commands = self.send(ActionTaken(Action(rest), Mode.SELLER_PORTAL, "seller@example.com"))
            case "resend":
                commands = self.send(ResendAsked(Mode.OPS, "ops@example.com"))
            case "close":
                commands = self.send(CloseAsked(Mode.OPS, "ops@example.com", rest))
            case "wait":
                self.wait(minutes=float(rest))
                commands = ()
            case "wake":
                commands = self.wake()
            case _:
                raise ValueError(step)
        return lines(commands)

    def plays(self, *steps: str) -> list[str]:
        """Do several steps and return what the last one led to."""
        result: list[str] = []
        for step in steps:
            result = self.play(step)
        return result

    def sent(self) -> list[SendSession]:
        """Return every session message so far."""
        return [command for command in self.commands if isinstance(command, SendSession)]


def opened(facts: CaseFacts | None = None, policy: Policy | None = None, *, at: datetime = NOON) -> Talk:
    """Return a case whose first event has happened."""
    talk = Talk(facts, policy, at=at)
    talk.send(Opened())
    return talk


def lines(commands: Iterable[Command]) -> list[str]:
    """Return commands as lines: what they are and, of a message, its text's key and its choices."""
    return [_line(command) for command in commands]


def _line(command: Command) -> str:
    match command:
        case SendTemplate(purpose=purpose):
            return f"template {purpose.value}"
        case SendSession(purpose=purpose, message=message):
            said = " ".join([message.body, *(option.choice for option in message.options)])
            return f"{purpose.value}: {said}"
        case TakeAction(request=request):
            return f"take {request.action.value}"
        case Note(topic=topic):
            return f"note {topic}"
        case EndCase(outcome=outcome):
            return f"end {outcome}"
