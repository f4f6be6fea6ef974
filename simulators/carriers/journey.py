"""The order system's vocabulary as data: journey events, failure reasons, resolution codes, what ends a parcel."""

from dataclasses import dataclass
from typing import Final, Literal

Resource = Literal["shipment", "returnShipment"]

FORWARD_EVENTS: Final = (
    "created",
    "packed",
    "ready_to_ship",
    "dispatched",
    "pickup_pending",
    "out_for_pickup",
    "pickup_failed",
    "picked_up",
    "intransit",
    "out_for_delivery",
    "delivered",
    "failed_delivery",
    "ndr_resolution_submitted",
    "ndr_resolution_rejected",
    "shipment_delayed",
    "shipment_held",
    "unhold",
    "cancelled_order",
    "damage",
    "lost",
    "return_expected",
    "rto",
    "rto_created",
    "rto_intransit",
    "rto_out_for_delivery",
    "rto_delivered",
    "rto_failed",
    "rto_contact_customer_care",
)
RETURN_EVENTS: Final = (
    "created",
    "approved",
    "pickup_pending",
    "out_for_pickup",
    "pickup_failed",
    "pickup_cancelled",
    "picked_up",
    "intransit",
    "out_for_delivery",
    "delivered",
    "delivered_warehouse",
    "failed_delivery",
    "complete",
    "return_cancelled",
    "lost",
)
EVENTS: Final[dict[Resource, tuple[str, ...]]] = {
    "shipment": FORWARD_EVENTS,
    "returnShipment": RETURN_EVENTS,
}

# What a parcel goes through where nothing goes wrong: the steps that a customer may be told of.
WHOLE_JOURNEYS: Final[dict[Resource, tuple[str, ...]]] = {
    "shipment": ("created", "packed", "intransit", "out_for_delivery", "delivered"),
    "returnShipment": ("created", "picked_up", "complete"),
}

# The log and the current status use other words than the event that announced them.
LOG_STATUS: Final = {
    "ndr_resolution_submitted": "ndr_resolution",
    "ndr_resolution_rejected": "ndr_resolution",
}
CURRENT_STATUS: Final = {"ndr_resolution": "FAILED_DELIVERY", "damage": "DAMAGED"}

# After these no attempt can fail any more: a new failure for the same phone begins a new order.
ENDED: Final = frozenset({"delivered", "cancelled_order", "damage", "lost"})

# One attempt plus at most two more.
MAX_ATTEMPTS: Final = 3

ResolutionCode = Literal["ACTF001", "ACTF002", "ACTF003", "ACTF004"]
RESOLUTIONS: Final[dict[str, str]] = {
    "ACTF001": "I would like to request another delivery attempt",
    "ACTF002": "I would like to choose a new delivery date",
    "ACTF003": "I would like to cancel my order",
    "ACTF004": (
        "I would like to request another delivery attempt as I disagree with the courier mentioned reason "
        "for failed delivery"
    ),
}
CANCEL: Final = "ACTF003"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReason:
    """Say what the courier reports for one kind of failure, and which resolutions it leaves.

    `resolutions` is None where the order system names none, and empty where the customer has no choice.
    """

    code: str
    reason: str
    remark: str
    resolutions: tuple[ResolutionCode, ...] | None


ReasonName = Literal[
    "unavailable",
    "address",
    "cod",
    "refused",
    "not_attempted",
    "no_resolutions",
    "unreachable",
    "rescheduled",
]

# Codes 0 to 4 are recorded ones. The full list is not public: 5 to 7 are chosen here.
REASONS: Final[dict[ReasonName, FailureReason]] = {
    "unavailable": FailureReason(
        code="1",
        reason="Customer not available",
        remark="CUSTOMER NOT AVAILABLE AT ADDRESS",
        resolutions=("ACTF001", "ACTF002", "ACTF003", "ACTF004"),
    ),
    "address": FailureReason(
        code="2",
        reason="Wrong or incomplete address",
        remark="Bad/Incomplete address",
        resolutions=("ACTF001", "ACTF003"),
    ),
    "refused": FailureReason(
        code="3",
        reason="Customer refused",
        remark="CONSIGNEE REFUSED TO ACCEPT",
        resolutions=("ACTF003", "ACTF004"),
    ),
    "not_attempted": FailureReason(
        code="4", reason="Delivery not attempted", remark="Not attempted", resolutions=()
    ),
    "no_resolutions": FailureReason(
        code="0", reason="Exception", remark="Some new courier text", resolutions=None
    ),
    "cod": FailureReason(
        code="5",
        reason="COD not ready",
        remark="COD amount not ready",
        resolutions=("ACTF001", "ACTF002", "ACTF003"),
    ),
    "unreachable": FailureReason(
        code="6",
        reason="Customer not reachable",
        remark="Consignee phone not reachable",
        resolutions=("ACTF001", "ACTF002", "ACTF003", "ACTF004"),
    ),
    "rescheduled": FailureReason(
        code="7",
        reason="Delivery rescheduled",
        remark="Delivery rescheduled by customer",
        resolutions=("ACTF001", "ACTF002", "ACTF003"),
    ),
}


def resolutions_left(reason: ReasonName, *, attempt: int) -> tuple[ResolutionCode, ...] | None:
    """Name what the order system offers after this failure: the last attempt leaves only the cancellation."""
    offered = REASONS[reason].resolutions
    if offered is None or attempt < MAX_ATTEMPTS:
        return offered
    return tuple(code for code in offered if code == CANCEL)
