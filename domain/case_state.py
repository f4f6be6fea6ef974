"""A case as a value: what it remembers, what it may do now, and one decision in the making.

Nothing here decides: `domain.cases` says what events do, `domain.conversation` what answers do.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from domain import timing
from domain.case_events import (
    ActionRequest,
    Command,
    EndCase,
    Note,
    Purpose,
    SendSession,
    SendTemplate,
    TakeAction,
)
from domain.failures import Action, Capabilities, Mode, offered_actions
from domain.replies import AddressDraft, Evidence
from domain.shipments import FailedDelivery
from domain.timing import Policy
from domain.wording import SessionKind, SessionMessage, days_words, label, rupees, speakable, text


class State(StrEnum):
    """Where a case stands."""

    HELD = "held"  # the first message waits for the end of quiet hours
    WAITING = "waiting"
    CHOOSING_DATE = "choosing_date"
    GIVING_ADDRESS = "giving_address"
    CONFIRMING_ADDRESS = "confirming_address"
    CONFIRMING_CANCEL = "confirming_cancel"
    DESCRIBING_DISPUTE = "describing_dispute"
    CONFIRMING_CHOICE = "confirming_choice"  # words were clear; a question with buttons makes sure
    ACTING = "acting"
    ENDED = "ended"


WORDS_COUNT = 2
"""Number of the rules from which on typed words count, and not taps alone."""

HALF_FINISHED = frozenset(
    {
        State.CHOOSING_DATE,
        State.GIVING_ADDRESS,
        State.CONFIRMING_ADDRESS,
        State.CONFIRMING_CANCEL,
        State.DESCRIBING_DISPUTE,
        State.CONFIRMING_CHOICE,
    }
)


class Outcome(StrEnum):
    """How a case ended."""

    RESOLVED = "resolved"
    RESOLVED_ELSEWHERE = "resolved_elsewhere"
    DELIVERED = "delivered"
    RTO = "rto"
    CANCELLED = "cancelled"
    LOST = "lost"
    MOVED_ON = "moved_on"
    SUPERSEDED = "superseded"
    UNDELIVERABLE = "undeliverable"
    HANDED_OVER = "handed_over"
    NOT_MY_ORDER = "not_my_order"
    NO_ANSWER = "no_answer"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An action that the order system accepted and then did not do (R6.5); the case goes on in one of its own.

    Attributes:
        action: What was accepted.
        on: Its day, for a reschedule.
        detail: The order system's words.
        at: When that became known; what was recorded before says nothing of this case's own action.
    """

    action: Action
    on: date | None = None
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What does not change while a case is open.

    Attributes:
        case_id: Our id; commands and choices are numbered below it.
        account_id: The app account the case began with; all its messages go through it (R3.3).
        failure: The failed delivery as reported.
        capabilities: What the carrier's adapter can do.
        language: The customer's language.
        address_form: Whether the sender can use WhatsApp's own address form.
        taken_back: What was accepted before and not done: the case continues another one.
        withdrawn: Actions that were refused before this case began.
        refused_days: Days that were refused before this case began.
        heard_at: When the customer last wrote to this sender, before the case began.
    """

    case_id: str
    account_id: str
    failure: FailedDelivery
    capabilities: Capabilities
    language: str = "en"
    address_form: bool = True
    taken_back: TakenBack | None = None
    withdrawn: tuple[Action, ...] = ()
    refused_days: tuple[date, ...] = ()
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a case remembers.

    Attributes:
        facts: What does not change.
        state: Where it stands.
        deadline_at: When it must be over.
        counter: How many commands it has given; numbers the next one.
        first_sent_at: When the first message was asked for.
        release_at: Before this nothing is sent unasked: quiet hours held it back.
        send_tries: How often the template was surely not accepted, in a row.
        resend_at: When it is tried again.
        stalled: The command whose fate nobody knows because of trouble of our own; it is given again as it was.
        reminders: How many reminders went out.
        last_reply_at: When the customer last wrote: opens the 24 h window.
        unexpected: Unexpected answers in a row.
        nudged: Whether this half-finished step was nudged already.
        draft: The new address so far.
        pending: The action that is being asked for.
        tries: How often it was asked for.
        retry_at: When it is asked for again.
        told: Whether the customer knows that it is in hand.
        withdrawn: Actions that the order system refused for this case.
        refused_days: Days that the order system refused.
        accepted: The one action that was accepted (I4).
        outcome: How the case ended; None while open.
        delivered_any: Whether any message of ours was accepted.
        note: What happened last, in words, for ops.
        spoken: The language that the customer asked for; empty for the one the order came with.
        asked: The choice that a question of ours stands for, while it is being confirmed.
        shown: What the newest message offered, in its order, as pairs of choice and title: who types picks from it.
        is_numbered: Whether a typed number picks from it too.
        evidence: What the customer sent that may show what the courier did.
        opted_out: Whether the customer wants no more messages.
        person_asked: Whether the customer asked for a person.
    """

    facts: CaseFacts
    deadline_at: datetime
    state: State = State.HELD
    counter: int = 0
    first_sent_at: datetime | None = None
    release_at: datetime | None = None
    send_tries: int = 0
    resend_at: datetime | None = None
    stalled: SendTemplate | None = None
    reminders: int = 0
    last_reply_at: datetime | None = None
    unexpected: int = 0
    nudged: bool = False
    draft: AddressDraft = field(default_factory=AddressDraft)
    pending: ActionRequest | None = None
    tries: int = 0
    retry_at: datetime | None = None
    told: bool = False
    withdrawn: tuple[Action, ...] = ()
    refused_days: tuple[date, ...] = ()
    accepted: ActionRequest | None = None
    outcome: Outcome | None = None
    delivered_any: bool = False
    note: str = ""
    spoken: str = ""
    asked: str = ""
    shown: tuple[tuple[str, str], ...] = ()
    is_numbered: bool = False
    evidence: tuple[Evidence, ...] = ()
    opted_out: bool = False
    person_asked: bool = False

    @property
    def language(self) -> str:
        """The language in which the customer is written to (R6.13)."""
        return self.spoken or self.facts.language

    @property
    def is_open(self) -> bool:
        """Whether the case still waits for something."""
        return self.outcome is None

    @property
    def id(self) -> str:
        """Our id of the case."""
        return self.facts.case_id

    def window_is_open(self, now: datetime) -> bool:
        """Tell whether free-form messages are allowed now (R7.11)."""
        heard = [at for at in (self.last_reply_at, self.facts.heard_at) if at is not None]
        return bool(heard) and now < max(heard) + timing.SESSION_WINDOW


@dataclass(frozen=True, slots=True)
class Progress:
    """What pages, the API and Temporal UI show of a case; saved with each effect.

    Attributes:
        state: Where the case stands.
        waits_for: What it waits for, in words.
        wake_at: When it wants to be woken.
        outcome: How it ended; empty while open.
        note: What happened last, in words.
        accepted: The accepted action; empty while there is none.
        accepted_on: The day of an accepted reschedule.
    """

    state: str
    waits_for: str
    wake_at: datetime | None = None
    outcome: str = ""
    note: str = ""
    accepted: str = ""
    accepted_on: date | None = None


def open_case(facts: CaseFacts, policy: Policy) -> Case:
    """Return the case as it is before its first event."""
    return Case(
        facts=facts,
        deadline_at=timing.deadline(facts.failure.failed_at, policy, spread_by=facts.case_id),
        withdrawn=facts.withdrawn,
        refused_days=facts.refused_days,
    )


def ended_case(facts: CaseFacts, policy: Policy, outcome: Outcome, accepted: ActionRequest | None) -> Case:
    """Return a case as its end left it, for answers that come later."""
    return replace(open_case(facts, policy), state=State.ENDED, outcome=outcome, accepted=accepted)


def allowed_actions(case: Case) -> tuple[Action, ...]:
    """Return what can be executed now; feeds the customer's choices, the API and the updates alike (R6.2)."""
    if not case.is_open or case.state is State.ACTING:
        return ()
    failure = case.facts.failure
    offered = offered_actions(
        reason=failure.reason,
        resolutions=failure.resolutions,
        capabilities=case.facts.capabilities,
        attempt=failure.attempt,
    )
    return tuple(action for action in offered if action not in case.withdrawn)


def is_nothing_left(case: Case) -> bool:
    """Tell whether nothing can be executed any more: "not my order" needs nobody to execute it."""
    return not set(allowed_actions(case)) - {Action.NOT_MY_ORDER}


def eligible_days(case: Case, now: datetime, policy: Policy) -> tuple[date, ...]:
    """Return the days that may be chosen now, without those already refused."""
    days = timing.eligible_days(now, policy, case.facts.capabilities)
    return tuple(day for day in days if day not in case.refused_days)


class Turn:
    """One decision in the making: the case so far and the commands so far."""

    def __init__(self, case: Case, now: datetime, policy: Policy, rules: int) -> None:
        self.case = case
        self.now = now
        self.policy = policy
        self.rules = rules
        self.commands: list[Command] = []

    def change(self, **changes: object) -> None:
        """Replace fields of the case."""
        self.case = replace(self.case, **changes)  # type: ignore[arg-type]

    def enter(self, state: State) -> None:
        """Move to a state; a new step may be nudged once, the same question put again may not (R6.7)."""
        self.change(state=state, nudged=self.case.nudged and state is self.case.state)

    @property
    def language(self) -> str:
        """The language of what is said now: the customer's, where we speak it, else the workspace's (R6.13)."""
        return speakable(self.case.language, self.policy.language)

    def next_id(self) -> str:
        """Return the id of the next command: case and counter, the key that makes its effect happen once."""
        self.change(counter=self.case.counter + 1)
        return f"{self.case.id}/{self.case.counter}"

    def words(self, key: str, **values: str) -> str:
        """Return a session text with the values every text may use."""
        failure, language = self.case.facts.failure, self.language
        given = {
            "brand": failure.brand,
            "seller": failure.brand or label("the_seller", language),
            "order_id": failure.order_id,
            "courier": failure.courier_name or label("the_courier", language),
            "pincode": failure.address.pincode,
            "works_from": self.policy.works_from,
            "works_until": self.policy.works_until,
            "works_on": days_words(self.policy.works_on, language),
            "payment": "",
            "area": "",
        }
        if self.case.facts.capabilities.needs_same_pincode and failure.address.pincode:
            given["area"] = text("area", self.policy, language, pincode=failure.address.pincode)
        if failure.is_cod and failure.amount_due_paise > 0:
            amount = rupees(failure.amount_due_paise)
            given["payment"] = text("cod", self.policy, language, amount=amount)
        return text(key, self.policy, language, **(given | values))

    def note(
        self,
        topic: str,
        detail: str = "",
        *,
        mode: Mode = Mode.AUTOMATIC,
        person: str = "",
        command_id: str = "",
    ) -> None:
        """Put something on the order's activity."""
        self.change(note=detail or topic)
        self.commands.append(Note(command_id or self.next_id(), topic, detail, mode, person))

    def say(
        self,
        message: SessionMessage,
        purpose: Purpose = Purpose.ANSWER,
        *,
        command_id: str = "",
        numbered: bool = False,
    ) -> None:
        """Send a session message, if the window is open (R7.11) and the customer wants any (R5.5).

        Args:
            message: What is said.
            purpose: What it is for.
            command_id: Its id, where the counter does not give it.
            numbered: Whether a typed number picks from its options.
        """
        if self.case.window_is_open(self.now) and not self.case.opted_out:
            shown = tuple((option.choice, option.title) for option in message.options)
            self.change(shown=shown, is_numbered=numbered)
            self.commands.append(SendSession(command_id or self.next_id(), purpose, message, self.language))

    def say_text(self, key: str, *, command_id: str = "", **values: str) -> None:
        """Send a plain session text."""
        self.say(SessionMessage(SessionKind.TEXT, self.words(key, **values)), command_id=command_id)

    def send_template(self, purpose: Purpose) -> None:
        """Send the failed-delivery template, through the account the case began with."""
        self.change(shown=(), is_numbered=False)
        self.commands.append(SendTemplate(self.next_id(), purpose, self.case.spoken))

    def ask_order_system(self, request: ActionRequest) -> None:
        """Ask for an action; nothing is told as done before it is accepted (I14)."""
        self.enter(State.ACTING)
        self.change(pending=request, tries=1, retry_at=None, told=False)
        self.commands.append(TakeAction(request.id, request))

    def end(
        self, outcome: Outcome, detail: str = "", *, mode: Mode = Mode.AUTOMATIC, person: str = ""
    ) -> None:
        """End the case; the first end stands."""
        if not self.case.is_open:
            return
        self.change(state=State.ENDED, outcome=outcome, note=detail or outcome.value, retry_at=None)
        self.commands.append(EndCase(self.next_id(), outcome.value, detail, self.now, mode, person))
