"""What enters workflows from outside. Names and fields are contracts: fields are only ever added, with defaults."""

from dataclasses import dataclass

from domain.case_events import CustomerReplied, Event
from domain.case_state import Case, CaseFacts
from domain.timing import Policy


@dataclass(frozen=True, slots=True)
class CaseRef:
    """Which run is meant: one failed delivery is one run, for ever (R6.1).

    Attributes:
        workspace_id: The seller's workspace.
        shipment_id: The parcel.
        attempt: Number of the attempt that failed.
        visit: Above 1 where the number was used before for an attempt that was not made (R6.12).
    """

    workspace_id: str
    shipment_id: str
    attempt: int
    visit: int = 1


@dataclass(frozen=True, slots=True)
class CaseStart:
    """Everything a case begins with; the policy is fixed here."""

    facts: CaseFacts
    policy: Policy


@dataclass(frozen=True, slots=True)
class Mail:
    """One fact for a case; the same id twice is the same fact (I2)."""

    id: str
    event: Event


@dataclass(frozen=True, slots=True)
class ManualAnswer:
    """What an act by hand came to.

    Attributes:
        state: Where the case stands now.
        outcome: How it ended; empty while open.
        note: What happened, in words.
        is_done: Whether what was asked for happened.
    """

    state: str
    outcome: str = ""
    note: str = ""
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class LateReply:
    """An answer that came after its case had ended, with the case as it ended."""

    case: Case
    policy: Policy
    event: CustomerReplied
