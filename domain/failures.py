"""Why a delivery attempt failed, and what a customer may be offered for it.

Foreign codes are mapped to `Reason` beside each carrier's client; this table says what a reason allows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_ATTEMPTS = 3
"""Reattempts end with the third attempt (R6.2)."""


class Action(StrEnum):
    """What the customer, the seller or ops may ask for."""

    REATTEMPT = "reattempt"
    RESCHEDULE = "reschedule"
    UPDATE_ADDRESS = "update_address"
    CANCEL = "cancel"
    DISPUTE = "dispute"
    NOT_MY_ORDER = "not_my_order"


class Mode(StrEnum):
    """Where an action came from."""

    WHATSAPP = "whatsapp"
    CUSTOMER_PORTAL = "customer_portal"
    SELLER_PORTAL = "seller_portal"
    API = "api"
    OPS = "ops"
    AUTOMATIC = "automatic"


class Reason(StrEnum):
    """Our word for a failure; the carrier's own code and remark are kept beside it."""

    CUSTOMER_UNAVAILABLE = "customer_unavailable"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    REFUSED = "refused"
    REFUSED_OPENED = "refused_opened"
    CANCELLED_OTP = "cancelled_otp"
    ADDRESS_INCOMPLETE = "address_incomplete"
    CUSTOMER_MOVED = "customer_moved"
    OUT_OF_DELIVERY_AREA = "out_of_delivery_area"
    SELF_COLLECT = "self_collect"
    COD_NOT_READY = "cod_not_ready"
    PAYMENT_DISPUTE = "payment_dispute"
    RESCHEDULE_REQUESTED = "reschedule_requested"
    OPEN_DELIVERY_WANTED = "open_delivery_wanted"
    ENTRY_RESTRICTED = "entry_restricted"
    OTP_PROBLEM = "otp_problem"
    ID_MISSING = "id_missing"
    NOT_ATTEMPTED = "not_attempted"
    SEIZED = "seized"
    LOST = "lost"
    DAMAGED = "damaged"
    MAX_ATTEMPTS = "max_attempts"
    ON_HOLD = "on_hold"
    UNKNOWN = "unknown"


class Handling(StrEnum):
    """Who is to act on a reason."""

    ASK_CUSTOMER = "ask_customer"
    REATTEMPT_AUTOMATICALLY = "reattempt_automatically"  # R6.12: nobody came, so nobody is asked
    LEAVE_TO_SELLER = "leave_to_seller"


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """What one reason means for the customer.

    Attributes:
        handling: Who is to act.
        actions: What is offered when the order system names no resolutions, best first.
    """

    handling: Handling
    actions: tuple[Action, ...]


_A = Action
_ASK = Handling.ASK_CUSTOMER
_SELLER = Handling.LEAVE_TO_SELLER
_USUAL = (_A.REATTEMPT, _A.RESCHEDULE, _A.UPDATE_ADDRESS, _A.CANCEL, _A.DISPUTE)

REASON_RULES: dict[Reason, ReasonRule] = {
    Reason.CUSTOMER_UNAVAILABLE: ReasonRule(_ASK, _USUAL),
    Reason.CUSTOMER_UNREACHABLE: ReasonRule(_ASK, _USUAL),
    Reason.REFUSED: ReasonRule(_ASK, (_A.DISPUTE, _A.CANCEL)),
    Reason.REFUSED_OPENED: ReasonRule(_ASK, (_A.CANCEL,)),
    Reason.CANCELLED_OTP: ReasonRule(_SELLER, ()),
    Reason.ADDRESS_INCOMPLETE: ReasonRule(_ASK, (_A.UPDATE_ADDRESS, _A.REATTEMPT, _A.CANCEL)),
    Reason.CUSTOMER_MOVED: ReasonRule(_ASK, (_A.UPDATE_ADDRESS, _A.CANCEL)),
    Reason.OUT_OF_DELIVERY_AREA: ReasonRule(_ASK, (_A.UPDATE_ADDRESS, _A.CANCEL)),
    Reason.SELF_COLLECT: ReasonRule(_ASK, (_A.REATTEMPT, _A.CANCEL)),
    Reason.COD_NOT_READY: ReasonRule(_ASK, (_A.REATTEMPT, _A.RESCHEDULE, _A.CANCEL, _A.DISPUTE)),
    Reason.PAYMENT_DISPUTE: ReasonRule(_ASK, (_A.REATTEMPT, _A.CANCEL)),
    Reason.RESCHEDULE_REQUESTED: ReasonRule(_ASK, (_A.RESCHEDULE, _A.REATTEMPT, _A.DISPUTE)),
    Reason.OPEN_DELIVERY_WANTED: ReasonRule(_ASK, (_A.REATTEMPT, _A.CANCEL)),
    Reason.ENTRY_RESTRICTED: ReasonRule(_ASK, (_A.RESCHEDULE, _A.REATTEMPT, _A.UPDATE_ADDRESS)),
    Reason.OTP_PROBLEM: ReasonRule(_ASK, (_A.REATTEMPT, _A.UPDATE_ADDRESS, _A.CANCEL)),
    Reason.ID_MISSING: ReasonRule(_ASK, (_A.REATTEMPT, _A.CANCEL)),
    Reason.NOT_ATTEMPTED: ReasonRule(Handling.REATTEMPT_AUTOMATICALLY, (_A.REATTEMPT,)),
    Reason.SEIZED: ReasonRule(_SELLER, ()),
    Reason.LOST: ReasonRule(_SELLER, ()),
    Reason.DAMAGED: ReasonRule(_SELLER, ()),
    Reason.MAX_ATTEMPTS: ReasonRule(_SELLER, ()),
    Reason.ON_HOLD: ReasonRule(_SELLER, ()),
    Reason.UNKNOWN: ReasonRule(
        _ASK,
        (_A.REATTEMPT, _A.UPDATE_ADDRESS, _A.CANCEL, _A.DISPUTE),
    ),
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a carrier's adapter can execute at all; the customer's choices are derived from it.

    Attributes:
        actions: Actions that the adapter can carry out.
        needs_same_pincode: A corrected address must keep the order's pincode.
        date_window_days: How many days ahead another date may be asked for.
        contact_phone: Whether another contact number can be passed on.
        sunday_delivery: Whether the carrier comes on Sundays.
    """

    actions: tuple[Action, ...]
    needs_same_pincode: bool = True
    date_window_days: int = 7
    contact_phone: bool = True
    sunday_delivery: bool = True


_NEEDS_ANOTHER_ATTEMPT = frozenset({_A.REATTEMPT, _A.RESCHEDULE, _A.UPDATE_ADDRESS, _A.DISPUTE})


def offered_actions(
    *, reason: Reason, resolutions: Iterable[Action], capabilities: Capabilities, attempt: int
) -> tuple[Action, ...]:
    """Return what may be offered for a failure, in the order it is shown (R6.2).

    Args:
        reason: Why the attempt failed.
        resolutions: What the order system allows for this failure; empty where it names none.
        capabilities: What the carrier's adapter can do.
        attempt: Number of the attempt that failed, from 1.
    """
    rule = REASON_RULES[reason]
    if rule.handling is not Handling.ASK_CUSTOMER:
        return ()
    named = frozenset(resolutions)
    allowed = tuple(action for action in _USUAL if action in named) if named else rule.actions
    possible = tuple(action for action in allowed if action in capabilities.actions)
    if attempt >= MAX_ATTEMPTS:
        possible = tuple(action for action in possible if action not in _NEEDS_ANOTHER_ATTEMPT)
    # A wrong number is always worth knowing: it needs no carrier (R6.2).
    return (*possible, Action.NOT_MY_ORDER)
