"""What every carrier's adapter offers, in our words; the wire stays in the adapter.

CarrierUnavailable   the carrier could not be asked, or gave an answer that cannot be used
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from domain.case_events import ActionRequest, Answer
from domain.failures import Capabilities
from domain.shipments import Address, ShipmentMove


class CarrierUnavailable(Exception):
    """The carrier could not be asked, or gave an answer that cannot be used; asking later may help."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierCredentials:
    """One workspace's access to the carrier."""

    workspace_id: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTarget:
    """The parcel that an action is for, with what the carrier wants to see of its order.

    Attributes:
        order_id: The seller's order number.
        tracking_id: The carrier's parcel number.
        phone: The phone that is on the order, E.164 digits.
        customer_name: The recipient on the order.
        address: The address on the order.
        attempt: Number of the attempt that failed, from 1.
    """

    order_id: str
    tracking_id: str
    phone: str = field(repr=False)
    customer_name: str = field(repr=False)
    address: Address = field(repr=False)
    attempt: int


@dataclass(frozen=True, slots=True)
class CarrierAnswer:
    """How a request for an action ended.

    Attributes:
        answer: Accepted, refused (and why), surely not executed, or unknown.
        detail: The carrier's own words, short and without long numbers.
        raw_status: The HTTP status; None where no answer came.
    """

    answer: Answer
    detail: str = ""
    raw_status: int | None = None


NEXT_VISIT = timedelta(hours=1)
"""A courier does not come twice within it; a failure that is told as nearer is the same visit told again."""


@dataclass(frozen=True, slots=True)
class TrackingEntry:
    """One line of a parcel's history, in the carrier's words."""

    status: str
    at: datetime | None = None
    reason: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A failed attempt in a parcel's history: when it was, and whether an action was accepted after it."""

    at: datetime | None
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class ShipmentReading:
    """Where a parcel is now.

    Attributes:
        status: The carrier's own word for it.
        is_failed_delivery: The newest thing that happened is a failed attempt, resolved or not.
        resolution_recorded: An action was accepted after the last failed attempt, by whomever it was asked for.
        move: What the status means for an open case; None while the case may go on. An accepted action is
            no move: `resolution_recorded` says it.
        attempts: The failed attempts that the history shows, oldest first.
        recorded_at: When the action that stands as accepted was recorded; None where no line of the history says it.
        entries: The history, oldest first.
        expected_on: The day on which it should arrive, as ISO date; empty where none is named.
        courier_name: The courier; empty where none is named.
    """

    status: str
    is_failed_delivery: bool
    resolution_recorded: bool
    move: ShipmentMove | None = None
    attempts: tuple[FailedAttempt, ...] = ()
    recorded_at: datetime | None = None
    entries: tuple[TrackingEntry, ...] = ()
    expected_on: str = ""
    courier_name: str = ""

    def superseded(self, failed_at: datetime) -> FailedAttempt | None:
        """Return the attempt that failed at a time if another one failed after it; None if it is the last."""
        timed = [(attempt.at, attempt) for attempt in self.attempts if attempt.at is not None]
        later = [attempt for at, attempt in timed if at >= failed_at + NEXT_VISIT]
        ours = [attempt for at, attempt in timed if at < failed_at + NEXT_VISIT]
        if not later:
            return None
        return FailedAttempt(failed_at, is_resolved=bool(ours) and ours[-1].is_resolved)


class Carrier(Protocol):
    """Whoever executes actions."""

    @property
    def capabilities(self) -> Capabilities:
        """Tell what the adapter can execute at all."""
        ...

    async def take_action(
        self, credentials: CarrierCredentials, order: ActionTarget, request: ActionRequest
    ) -> CarrierAnswer:
        """Ask for an action once. Whatever goes wrong on the way is an answer, not an exception."""
        ...

    async def read_shipment(self, credentials: CarrierCredentials, tracking_id: str) -> ShipmentReading:
        """Read where a parcel is.

        Raises:
            CarrierUnavailable: There is no usable answer now.
        """
        ...
