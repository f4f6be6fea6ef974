"""The order system's words as data: events and what they mean to us, statuses, resolution codes."""

import re
from dataclasses import dataclass
from typing import Final

from domain.failures import Action
from domain.journey import JOURNEY, SHIPMENT
from domain.shipments import JourneyEvent, ShipmentMove

FAILED_DELIVERY: Final = "failed_delivery"
RESOLUTION_LOGGED: Final = "ndr_resolution"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one event of the order system is to us: a step to tell the customer of, a move of the parcel, or both.

    It can also take back an action that was accepted before.
    """

    journey: JourneyEvent | None = None
    move: ShipmentMove | None = None
    takes_back: bool = False


_MOVES: Final[dict[str, ShipmentMove]] = {
    "out_for_delivery": ShipmentMove.OUT_FOR_DELIVERY,
    "ndr_resolution_submitted": ShipmentMove.RESOLUTION_SUBMITTED,
    "delivered": ShipmentMove.DELIVERED,
    "cancelled_order": ShipmentMove.CANCELLED,
    "lost": ShipmentMove.LOST,
    "damage": ShipmentMove.LOST,  # nothing left to deliver either
    "return_expected": ShipmentMove.RTO,
    "rto": ShipmentMove.RTO,
    "rto_created": ShipmentMove.RTO,
    "rto_intransit": ShipmentMove.RTO,
    "rto_out_for_delivery": ShipmentMove.RTO,
    "rto_delivered": ShipmentMove.RTO,
    "rto_failed": ShipmentMove.RTO,
    "rto_contact_customer_care": ShipmentMove.RTO,
}

# Not documented: what is certain is that an accepted action can be refused later, and that a log can say so.
_TAKES_BACK: Final = ("ndr_resolution_rejected", "ndr_resolution_refused", "ndr_resolution_failed")

_STEPS: Final = {pair: entry.key for entry in JOURNEY for pair in entry.pairs}
_MOVED: Final = {(SHIPMENT, subtype): move for subtype, move in _MOVES.items()}

# Forward and return journeys share names, and a return that cannot be delivered is the warehouse's problem, not
# the customer's: an event is always the pair. A pair that is not here means nothing to us.
EVENTS: Final[dict[tuple[str, str], Meaning]] = {
    pair: Meaning(_STEPS.get(pair), _MOVED.get(pair)) for pair in _STEPS | _MOVED
} | {(SHIPMENT, subtype): Meaning(takes_back=True) for subtype in _TAKES_BACK}

# The tracking answer says some things with another word than the event that announced them.
_STATUS_WORDS: Final = {"damaged": "damage", "cancelled": "cancelled_order"}

# Another attempt and a corrected address are one code: what differs is whether `shippingDetails` goes with it.
RESOLUTION_CODES: Final[dict[Action, str]] = {
    Action.REATTEMPT: "ACTF001",
    Action.UPDATE_ADDRESS: "ACTF001",
    Action.RESCHEDULE: "ACTF002",
    Action.CANCEL: "ACTF003",
    Action.DISPUTE: "ACTF004",
}


def is_refused(state: str) -> bool:
    """Tell whether the state of a recorded action says that it was refused after all."""
    return bool(_REFUSED.search(state))


_REFUSED: Final = re.compile(r"(?i)reject|refus|declin|fail|not[ _]accepted")


def actions_of(codes: frozenset[str]) -> tuple[Action, ...]:
    """Return the actions that a set of resolution codes allows; unknown codes allow nothing."""
    return tuple(action for action, code in RESOLUTION_CODES.items() if code in codes)


def status_word(status: str) -> str:
    """Return a status as events spell it, however the answer wrote it."""
    word = re.sub(r"[^a-z0-9]+", "_", status.lower()).strip("_")
    return _STATUS_WORDS.get(word, word)


def move_of(status: str) -> ShipmentMove | None:
    """Return what a parcel's current status means for an open case."""
    return EVENTS.get((SHIPMENT, status_word(status)), Meaning()).move
