"""Decide whether the order system takes a delivery action, and say why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from simulators.carriers.journey import CANCEL, MAX_ATTEMPTS, RESOLUTIONS, resolutions_left
from simulators.carriers.state import Failure, Shipment, Workspace, national_number

REQUIRED: Final = ("customerOrderNumber", "trackingId", "resolutionCode", "contactPhoneNumber")
LATEST_DATE: Final = timedelta(days=7)
_DATE_FORMATS: Final = {"yyyy-mm-dd": "%Y-%m-%d", "dd-mm-yyyy": "%d-%m-%Y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Say no, with the HTTP status, a fixed code and words."""

    status: int
    code: str
    message: str


UNAUTHORIZED: Final = Refusal(status=401, code="UNAUTHORIZED", message="Unauthorized")
NOT_FOUND: Final = Refusal(status=404, code="NOT_FOUND", message="Tracking id not found")


def malformed(body: object) -> Refusal | None:
    """Refuse what is no request at all."""
    if not isinstance(body, dict):
        return Refusal(status=400, code="INVALID_REQUEST", message="Request body must be a JSON object")
    for name in REQUIRED:
        if not isinstance(body.get(name), str) or not body[name]:
            return Refusal(status=400, code="INVALID_REQUEST", message=f"{name} is required")
    if body["resolutionCode"] not in RESOLUTIONS:
        return Refusal(status=400, code="INVALID_RESOLUTION", message="resolutionCode is not known")
    return None


def refusal(
    body: Mapping[str, Any], shipment: Shipment, *, workspace: Workspace, today: date
) -> Refusal | None:
    """Return why a well-formed request for this parcel is refused; None if it is accepted."""
    if body["customerOrderNumber"] != shipment.order_id:
        return Refusal(status=400, code="INVALID_ORDER", message="Order does not have this tracking id")
    # The phone is a check, not a new number: ten digits, as the order has them.
    if body["contactPhoneNumber"] != national_number(shipment.phone):
        return Refusal(
            status=400, code="INVALID_PHONE", message="Contact phone number does not match the order"
        )
    failure = shipment.failure
    if failure is None or not shipment.waits_for_resolution:
        return Refusal(status=400, code="INVALID_STATUS", message="Shipment is not in failed delivery status")
    if shipment.resolution_id is not None:
        return Refusal(
            status=409, code="ALREADY_SUBMITTED", message="Resolution already submitted for this attempt"
        )
    return _not_possible(body, failure, workspace=workspace, today=today)


def _not_possible(
    body: Mapping[str, Any], failure: Failure, *, workspace: Workspace, today: date
) -> Refusal | None:
    code = body["resolutionCode"]
    if code != CANCEL and failure.attempt >= MAX_ATTEMPTS:
        return Refusal(
            status=422, code="ATTEMPTS_EXHAUSTED", message="Shipment has reached max attempt count"
        )
    # Nobody came: the customer has no choice to make, but the seller may ask for the attempt that is owed.
    owed = failure.reason == "not_attempted" and code == "ACTF001"
    allowed = resolutions_left(failure.reason, attempt=failure.attempt)
    if allowed is not None and code not in allowed and not owed:
        return Refusal(
            status=422,
            code="RESOLUTION_NOT_ALLOWED",
            message="Resolution is not allowed for this failure reason",
        )
    if code == "ACTF002":
        return _date_not_possible(body.get("deferredDate"), workspace=workspace, today=today)
    return None


def _date_not_possible(wanted: object, *, workspace: Workspace, today: date) -> Refusal | None:
    if not isinstance(wanted, str) or not wanted:
        return Refusal(status=400, code="INVALID_DATE", message="deferredDate is required")
    try:
        # A date without time: no zone belongs to it.
        day = datetime.strptime(wanted, _DATE_FORMATS[workspace.deferred_date_format]).date()  # noqa: DTZ007
    except ValueError:
        return Refusal(status=400, code="INVALID_DATE", message="deferredDate has an invalid format")
    if not today < day <= today + LATEST_DATE:
        return Refusal(status=422, code="INVALID_DATE", message="deferredDate is not possible")
    return None
