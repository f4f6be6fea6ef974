"""What can happen to a case (events), and what a case can ask for (commands).

Both travel through Temporal: fields are only ever added, with defaults.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from domain.failures import Action, Mode
from domain.messages import NotSent
from domain.replies import AddressDraft, Evidence, Reply
from domain.shipments import ShipmentMove
from domain.wording import SessionMessage


class Answer(StrEnum):
    """The order system's answer to an action (R6.5). Asked and accepted are never mixed up."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REFUSED_DATE = "refused_date"
    NOT_WAITING = "not_waiting"  # refused because the shipment has moved on
    UNAVAILABLE = "unavailable"  # surely not executed: try again
    UNKNOWN = "unknown"  # perhaps executed: read the shipment before anything else


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """An action with everything its execution needs.

    Attributes:
        id: Case and counter: the idempotency key of the carrier call.
        action: What is asked for.
        mode: Where it came from.
        person: Who asked, where a person of ours did; empty for the customer.
        on: The day, for a reschedule.
        address: The new address, for an update.
        words: The customer's own words, for a dispute.
        evidence: What they were said in, each with its time.
    """

    id: str
    action: Action
    mode: Mode
    person: str = ""
    on: date | None = None
    address: AddressDraft = field(default_factory=AddressDraft)
    words: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """The case begins."""

    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class CustomerReplied:
    """The customer answered."""

    reply: Reply
    kind: Literal["customer_replied"] = "customer_replied"


@dataclass(frozen=True, slots=True)
class CustomerOptedOut:
    """The customer wants no more messages of this sender (R5.5)."""

    kind: Literal["customer_opted_out"] = "customer_opted_out"


@dataclass(frozen=True, slots=True)
class CustomerOptedIn:
    """The customer wants messages of this sender again (R5.5)."""

    kind: Literal["customer_opted_in"] = "customer_opted_in"


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """The customer asked for a language where another order was spoken of: nothing is answered here (R6.13)."""

    language: str
    kind: Literal["language_chosen"] = "language_chosen"


@dataclass(frozen=True, slots=True)
class MessageAccepted:
    """Gupshup took a message of ours."""

    command_id: str
    kind: Literal["message_accepted"] = "message_accepted"


@dataclass(frozen=True, slots=True)
class MessageNotSent:
    """A message of ours was surely not accepted, or failed later for good."""

    command_id: str
    why: NotSent
    detail: str = ""
    is_template: bool = True
    kind: Literal["message_not_sent"] = "message_not_sent"


@dataclass(frozen=True, slots=True)
class MessageUnknown:
    """Nobody knows whether a message of ours was accepted: it is never sent again (I5)."""

    command_id: str
    kind: Literal["message_unknown"] = "message_unknown"


@dataclass(frozen=True, slots=True)
class ActionAnswered:
    """The order system answered, or did not."""

    request_id: str
    answer: Answer
    detail: str = ""
    kind: Literal["action_answered"] = "action_answered"


@dataclass(frozen=True, slots=True)
class ShipmentMoved:
    """The world moved on (R6.9)."""

    move: ShipmentMove
    kind: Literal["shipment_moved"] = "shipment_moved"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A later attempt failed and has its own case (R6.1)."""

    attempt: int
    kind: Literal["superseded"] = "superseded"


@dataclass(frozen=True, slots=True)
class WokeUp:
    """The time that the case waited for has come."""

    kind: Literal["woke_up"] = "woke_up"


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """Ops, seller or API take an action by hand (R6.11)."""

    action: Action
    mode: Mode
    person: str = ""
    on: date | None = None
    address: AddressDraft = field(default_factory=AddressDraft)
    words: tuple[str, ...] = ()
    kind: Literal["action_taken"] = "action_taken"


@dataclass(frozen=True, slots=True)
class ResendAsked:
    """Ops, seller or API want the first message sent again."""

    mode: Mode
    person: str = ""
    kind: Literal["resend_asked"] = "resend_asked"


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """Ops, seller or API close the case by hand."""

    mode: Mode
    person: str = ""
    note: str = ""
    kind: Literal["close_asked"] = "close_asked"


Event = (
    Opened
    | CustomerReplied
    | CustomerOptedOut
    | CustomerOptedIn
    | LanguageChosen
    | MessageAccepted
    | MessageNotSent
    | MessageUnknown
    | ActionAnswered
    | ShipmentMoved
    | Superseded
    | WokeUp
    | ActionTaken
    | ResendAsked
    | CloseAsked
)


class Purpose(StrEnum):
    """What a message is for; shown on the order's activity."""

    FAILED_DELIVERY = "failed_delivery"
    REMINDER = "reminder"
    SENT_AGAIN = "sent_again"  # by hand
    ANSWER = "answer"
    QUESTION = "question"
    NUDGE = "nudge"
    STANDARD_ANSWER = "standard_answer"  # to somebody of whom no case is known (R7.5)
    WHICH_ORDER = "which_order"  # to somebody of whom several are (R6.3)
    TEST = "test"  # to the seller's own phone, with sample values


@dataclass(frozen=True, slots=True)
class SendTemplate:
    """Send the failed-delivery template, in a language or in the one the case began with."""

    id: str
    purpose: Purpose
    language: str = ""
    kind: Literal["send_template"] = "send_template"


@dataclass(frozen=True, slots=True)
class SendSession:
    """Send a free-form message inside the 24 h window."""

    id: str
    purpose: Purpose
    message: SessionMessage
    language: str = ""
    kind: Literal["send_session"] = "send_session"


@dataclass(frozen=True, slots=True)
class TakeAction:
    """Have the order system execute an action; the same id again is the same action."""

    id: str
    request: ActionRequest
    kind: Literal["take_action"] = "take_action"


@dataclass(frozen=True, slots=True)
class Note:
    """Put something on the order's activity that has no other effect.

    Attributes:
        topic: A fixed word: what happened.
        detail: Words for people; nothing personal.
    """

    id: str
    topic: str
    detail: str = ""
    mode: Mode = Mode.AUTOMATIC
    person: str = ""
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class EndCase:
    """Record how the case ended, and tell the order system where it must act."""

    id: str
    outcome: str
    detail: str = ""
    ended_at: datetime | None = None
    mode: Mode = Mode.AUTOMATIC
    person: str = ""
    kind: Literal["end_case"] = "end_case"


Command = SendTemplate | SendSession | TakeAction | Note | EndCase
