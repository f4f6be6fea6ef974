"""What pages call a reason, an action and the state of a case: words for sellers and ops, as titles.

What a customer reads of the same things is in `domain.texts`.
"""

from typing import Final

from domain.case_state import State
from domain.failures import Action, Reason

__all__ = ["action_title", "reason_title", "state_words"]

_REASONS: Final[dict[str, str]] = {
    Reason.CUSTOMER_UNAVAILABLE: "Customer unavailable",
    Reason.CUSTOMER_UNREACHABLE: "Customer unreachable",
    Reason.REFUSED: "Refused",
    Reason.REFUSED_OPENED: "Opened and refused",
    Reason.CANCELLED_OTP: "Cancelled at the door",
    Reason.ADDRESS_INCOMPLETE: "Address incomplete",
    Reason.CUSTOMER_MOVED: "Customer has moved",
    Reason.OUT_OF_DELIVERY_AREA: "Outside the delivery area",
    Reason.SELF_COLLECT: "Waits to be collected",
    Reason.COD_NOT_READY: "Cash not ready",
    Reason.PAYMENT_DISPUTE: "Payment disputed",
    Reason.RESCHEDULE_REQUESTED: "Another day asked for",
    Reason.OPEN_DELIVERY_WANTED: "Wanted to open it first",
    Reason.ENTRY_RESTRICTED: "Entry not allowed",
    Reason.OTP_PROBLEM: "Delivery code did not match",
    Reason.ID_MISSING: "Identity document missing",
    Reason.NOT_ATTEMPTED: "No attempt was made",
    Reason.SEIZED: "Held by an authority",
    Reason.LOST: "Lost",
    Reason.DAMAGED: "Damaged",
    Reason.MAX_ATTEMPTS: "No attempt left",
    Reason.ON_HOLD: "On hold",
    Reason.UNKNOWN: "Reason not known",
}

_ACTIONS: Final[dict[str, str]] = {
    Action.REATTEMPT: "Reattempt",
    Action.RESCHEDULE: "Another date",
    Action.UPDATE_ADDRESS: "Update address",
    Action.CANCEL: "Cancel",
    Action.DISPUTE: "Dispute",
    Action.NOT_MY_ORDER: "Not my order",
}

_STATES: Final[dict[str, str]] = {
    State.HELD: "Held back",
    State.WAITING: "Asked",
    State.CHOOSING_DATE: "Choosing a date",
    State.GIVING_ADDRESS: "Giving an address",
    State.CONFIRMING_ADDRESS: "Confirming an address",
    State.CONFIRMING_CANCEL: "Confirming a cancellation",
    State.DESCRIBING_DISPUTE: "Describing a dispute",
    State.CONFIRMING_CHOICE: "Confirming a choice",
    State.ACTING: "Executing",
    State.ENDED: "Ended",
}


def reason_title(reason: str) -> str:
    """Return what a failure's reason is called; a word that we do not know stays as it is."""
    return _REASONS.get(reason, reason)


def action_title(action: str) -> str:
    """Return what an action is called; a word that we do not know stays as it is."""
    return _ACTIONS.get(action, action)


def state_words(state: str) -> str:
    """Return where a case stands; a word that we do not know stays as it is."""
    return _STATES.get(state, state)
