"""What workflows hand to activities and get back. Fields are only ever added, with defaults."""

from dataclasses import dataclass
from datetime import datetime

from domain.case_events import Answer, EndCase, Note, Purpose, SendSession, SendTemplate, TakeAction
from domain.case_state import Progress
from domain.messages import NotSent
from domain.wording import SessionMessage


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The case as it is when an effect runs; saved in the effect's own transaction.

    Attributes:
        workspace_id: The seller's workspace.
        case_id: Our id of the case.
        progress: What is shown of the case.
        notes: What else goes on the order's activity.
    """

    workspace_id: str
    case_id: str
    progress: Progress
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class SendTemplateTask:
    """Send the failed-delivery template."""

    snapshot: Snapshot
    command: SendTemplate


@dataclass(frozen=True, slots=True)
class SendSessionTask:
    """Send a session message."""

    snapshot: Snapshot
    command: SendSession


@dataclass(frozen=True, slots=True)
class AboutCase:
    """The case on whose order's activity a message of the sender's own is shown, where it belongs to one seller."""

    case_id: str
    order_id: str
    shipment_id: str
    tracking_id: str


@dataclass(frozen=True, slots=True)
class AccountMessageTask:
    """Send a session message that no case asks for: it is the sender's own answer (R6.3, R7.5).

    Attributes:
        id: Its idempotency key.
        workspace_id: Whose it is; the platform's, where no seller may see it.
        account_id: Through which account.
        phone: To whom, digits.
        purpose: What it is for.
        message: What is said.
        language: In which language.
        about: Where it is shown; None for nowhere.
    """

    id: str
    workspace_id: str
    account_id: str
    phone: str
    purpose: Purpose
    message: SessionMessage
    language: str
    about: AboutCase | None = None


@dataclass(frozen=True, slots=True)
class NotificationTask:
    """Send the message about a step of a journey; everything else stands with the step in the database.

    Attributes:
        workspace_id: Whose order it is.
        subject_id: The parcel, or the return.
        event: The step.
    """

    workspace_id: str
    subject_id: str
    event: str


@dataclass(frozen=True, slots=True)
class SampleMessageTask:
    """Send a notification to a phone of the seller's own, as it is set up, with sample values.

    Attributes:
        id: Its idempotency key.
        workspace_id: Whose notification it is.
        account_id: Through which account.
        phone: To whom, digits.
        event: The journey event.
        language: In which of the template's languages.
    """

    id: str
    workspace_id: str
    account_id: str
    phone: str
    event: str
    language: str


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What became of a message.

    Attributes:
        is_accepted: Gupshup took it.
        is_unknown: Nobody knows; it is never sent again (I5).
        why: Why it was surely not accepted.
        detail: Words for ops; nothing personal.
        event_ids: Which events now have to reach the workspace's URL.
    """

    is_accepted: bool = False
    is_unknown: bool = False
    why: NotSent | None = None
    detail: str = ""
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeActionTask:
    """Have the order system execute an action."""

    snapshot: Snapshot
    command: TakeAction


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The order system's answer, and which events now have to reach the workspace's URL."""

    answer: Answer
    detail: str = ""
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndCaseTask:
    """Record the end of a case."""

    snapshot: Snapshot
    command: EndCase


@dataclass(frozen=True, slots=True)
class EndResult:
    """Which events now have to reach the workspace's URL."""

    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """Money's daily round.

    Attributes:
        days: For how many days back what differs is counted.
        person: Who closes months, as it stands on statements.
    """

    days: int = 40
    person: str = "reconciliation"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a round of reconciliation came to.

    Attributes:
        matched: How many of Gupshup's billing events found their message.
        adopted: How many of them proved a send of which nobody knew.
        differing: How many messages and events of the last weeks differ.
    """

    matched: int = 0
    adopted: int = 0
    differing: int = 0


@dataclass(frozen=True, slots=True)
class ClosedMonths:
    """How many statements were closed."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class OutgoingEventTask:
    """Deliver one signed event to a workspace's URL.

    Attributes:
        workspace_id: For whom.
        event_id: The event.
        replayed_at: When ops wanted it delivered again; a delivery from before does not count.
    """

    workspace_id: str
    event_id: str
    replayed_at: datetime | None = None
