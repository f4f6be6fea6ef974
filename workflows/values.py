"""What enters workflows from outside. Names and fields are contracts: fields are only ever added, with defaults."""

from dataclasses import dataclass
from datetime import date

from domain.case_events import ActionTaken, CloseAsked, CustomerReplied, Event, ResendAsked
from domain.case_state import Case, CaseFacts
from domain.failures import Action, Mode
from domain.replies import AddressDraft
from domain.timing import Policy

_TEMPORAL_UI = "Temporal UI"


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
class ActionByHand:
    """An action as ops write it in Temporal UI, every part a plain text.

    Attributes:
        action: reattempt, reschedule, update_address, cancel, dispute or not_my_order.
        person: Who asks.
        on: The day of a reschedule, as 2026-12-01.
        address: House, street and area of an update_address.
        pincode: Its pincode; empty for the order's.
        landmark: Directions for the rider.
        words: What happened, for a dispute.
    """

    action: str = ""
    person: str = _TEMPORAL_UI
    on: str = ""
    address: str = ""
    pincode: str = ""
    landmark: str = ""
    words: str = ""

    def event(self) -> ActionTaken:
        """Return the event it means.

        Raises:
            ValueError: There is no such action or day; the message says what would be right.
        """
        if self.action not in set(Action):
            raise ValueError(f"no action “{self.action}”; one of: {', '.join(Action)}")
        try:
            on = date.fromisoformat(self.on) if self.on else None
        except ValueError:
            raise ValueError(f"no day “{self.on}”; write it as 2026-12-01") from None
        draft = AddressDraft(text=self.address, pincode=self.pincode, landmark=self.landmark).tidied()
        words = tuple(line for line in self.words.split("\n") if line)
        return ActionTaken(Action(self.action), Mode.OPS, self.person, on, draft, words)


@dataclass(frozen=True, slots=True)
class SendAgainByHand:
    """A wish of ops to send the first message again."""

    person: str = _TEMPORAL_UI

    def event(self) -> ResendAsked:
        """Return the event it means."""
        return ResendAsked(Mode.OPS, self.person)


@dataclass(frozen=True, slots=True)
class CloseByHand:
    """A wish of ops to close the case."""

    person: str = _TEMPORAL_UI
    note: str = ""

    def event(self) -> CloseAsked:
        """Return the event it means."""
        return CloseAsked(Mode.OPS, self.person, self.note)


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
