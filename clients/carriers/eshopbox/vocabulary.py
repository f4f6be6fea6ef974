"""The order system's words as data: events and what they mean to us, statuses, resolution codes."""

import re
from dataclasses import dataclass
from typing import Final

from domain.failures import Action
from domain.shipments import JourneyEvent, ShipmentMove

SHIPMENT: Final = "shipment"
RETURN_SHIPMENT: Final = "returnShipment"
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


# Forward and return journeys share names, and a return that cannot be delivered is the warehouse's problem, not
# the customer's: an event is always the pair. A pair that is not here means nothing to us.
EVENTS: Final[dict[tuple[str, str], Meaning]] = {
    (SHIPMENT, "created"): Meaning(JourneyEvent.CREATED),
    (SHIPMENT, "packed"): Meaning(JourneyEvent.PACKED),
    (SHIPMENT, "intransit"): Meaning(JourneyEvent.ON_THE_WAY),
    (SHIPMENT, "out_for_delivery"): Meaning(JourneyEvent.OUT_FOR_DELIVERY, ShipmentMove.OUT_FOR_DELIVERY),
    (SHIPMENT, FAILED_DELIVERY): Meaning(JourneyEvent.FAILED_DELIVERY),
    (SHIPMENT, "ndr_resolution_submitted"): Meaning(move=ShipmentMove.RESOLUTION_SUBMITTED),
    # Not documented: what is certain is that an accepted action can be refused later, and that a log can say so.
    (SHIPMENT, "ndr_resolution_rejected"): Meaning(takes_back=True),
    (SHIPMENT, "ndr_resolution_refused"): Meaning(takes_back=True),
    (SHIPMENT, "ndr_resolution_failed"): Meaning(takes_back=True),
    (SHIPMENT, "delivered"): Meaning(JourneyEvent.DELIVERED, ShipmentMove.DELIVERED),
    (SHIPMENT, "cancelled_order"): Meaning(JourneyEvent.CANCELLED, ShipmentMove.CANCELLED),
    (SHIPMENT, "lost"): Meaning(move=ShipmentMove.LOST),
    (SHIPMENT, "damage"): Meaning(move=ShipmentMove.LOST),  # nothing left to deliver either
    (SHIPMENT, "return_expected"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto"): Meaning(JourneyEvent.RTO, ShipmentMove.RTO),
    (SHIPMENT, "rto_created"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto_intransit"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto_out_for_delivery"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto_delivered"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto_failed"): Meaning(move=ShipmentMove.RTO),
    (SHIPMENT, "rto_contact_customer_care"): Meaning(move=ShipmentMove.RTO),
    (RETURN_SHIPMENT, "created"): Meaning(JourneyEvent.RETURN_CREATED),
    (RETURN_SHIPMENT, "picked_up"): Meaning(JourneyEvent.RETURN_PICKED_UP),
    (RETURN_SHIPMENT, "complete"): Meaning(JourneyEvent.RESTOCKED),
}

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
