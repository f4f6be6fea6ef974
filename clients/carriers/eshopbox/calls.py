"""Calls to the order system: take a delivery action, read a parcel.

The bodies of its answers are not documented, and it knows no idempotency key: what may have been executed is
`Answer.UNKNOWN`, and the caller reads the parcel before it asks again. One table (`_answer`) decides.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal

import httpx

from clients.carriers.base import (
    ActionTarget,
    CarrierAnswer,
    CarrierCredentials,
    CarrierUnavailable,
    ShipmentReading,
)
from clients.carriers.eshopbox import wire
from clients.carriers.eshopbox.exchange import Answered, Cut, Exchanged, NotSent, exchange
from clients.carriers.eshopbox.tokens import AccessTokens
from clients.carriers.eshopbox.tracking import read_tracking
from clients.carriers.eshopbox.vocabulary import RESOLUTION_CODES
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Capabilities, Mode
from domain.replies import AddressDraft
from domain.shipments import find_pincode, national_number

_RESOLUTION_PATH: Final = "/api/v2/ndrResolution"
_TRACKING_PATH: Final = "/api/v1/shipping/trackingDetails"
_LONGEST_DETAIL: Final = 200
_LONGEST_REMARK: Final = 1000
_LONG_NUMBER: Final = re.compile(r"\d{5,}[ -]?\d{5,}")

# Statuses that say the request was not executed and may be made again. 403 is what firewalls answer too.
_TRY_AGAIN: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
_OTHER_METHOD: Final[dict[str, Literal["GET", "POST"]]] = {"GET": "POST", "POST": "GET"}

# Codes and words of a refusal which says that the parcel has moved on, or that the action was taken already.
_NOT_WAITING: Final = re.compile(
    r"(?i)\b(invalid_status|already_(submitted|resolved)"
    r"|not in (a )?(failed delivery|fdr|ndr)|already (been )?(submitted|resolved|delivered|cancelled))\b"
)
_ABOUT_THE_DATE: Final = re.compile(r"(?i)\b(deferred[ _]?date|invalid_date|dates?)\b")
_FAILURE_WORDS: Final = frozenset({"error", "failed", "failure", "false"})

_REMARKS: Final[dict[Mode, str]] = {
    Mode.WHATSAPP: "customer's reply on WhatsApp",
    Mode.CUSTOMER_PORTAL: "customer's choice in the customer portal",
    Mode.SELLER_PORTAL: "asked for by the seller",
    Mode.API: "asked for by the seller's system",
    Mode.OPS: "asked for by operations",
    Mode.AUTOMATIC: "asked for automatically",
}


class Eshopbox:
    """The order system, for all workspaces; each call names whose credentials it uses.

    The HTTP client is given ready: it sets connect and read time-outs, and it must not retry.
    """

    capabilities = Capabilities(actions=tuple(RESOLUTION_CODES))

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        auth_url: str,
        clock: Callable[[], datetime],
        tracking_method: Literal["POST", "GET"] = "POST",
        date_format: str = "%Y-%m-%d",
        total_seconds: float = 30.0,
    ) -> None:
        """Take what the calls need.

        Args:
            http: Makes the requests.
            base_url: Where actions and tracking are served.
            auth_url: The host that issues tokens, or its token address.
            clock: Tells when a token ends.
            tracking_method: The documentation contradicts itself; the other one is tried on 404 and 405.
            date_format: How a chosen day is written; here too the documentation contradicts itself.
            total_seconds: The longest that one request may take.
        """
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._tokens = AccessTokens(http, auth_url=auth_url, clock=clock, total_seconds=total_seconds)
        self._tracking_method: Literal["POST", "GET"] = tracking_method
        self._date_format = date_format
        self._total_seconds = total_seconds

    async def take_action(
        self, credentials: CarrierCredentials, order: ActionTarget, request: ActionRequest
    ) -> CarrierAnswer:
        """Ask for an action once; every failure is an answer (R6.5)."""
        if request.action not in self.capabilities.actions:
            return CarrierAnswer(Answer.REFUSED, f"the order system has no action {request.action.value}")
        if request.action is Action.RESCHEDULE and request.on is None:
            return CarrierAnswer(Answer.REFUSED_DATE, "no day was named")
        body = write_resolution(order, request, date_format=self._date_format)
        try:
            came = await self._authorised(credentials, "POST", _RESOLUTION_PATH, json=body)
        except CarrierUnavailable as error:
            return CarrierAnswer(Answer.UNAVAILABLE, error.reason, error.status)
        return _answer(came, request.action)

    async def read_shipment(self, credentials: CarrierCredentials, tracking_id: str) -> ShipmentReading:
        """Read where a parcel is.

        Raises:
            CarrierUnavailable: There is no usable answer now, or none about this parcel.
        """
        method = self._tracking_method
        came = await self._read_by(method, credentials, tracking_id)
        if isinstance(came, Answered) and came.status in {
            HTTPStatus.NOT_FOUND,
            HTTPStatus.METHOD_NOT_ALLOWED,
        }:
            method = _OTHER_METHOD[method]
            came = await self._read_by(method, credentials, tracking_id)
        match came:
            case NotSent(reason=reason) | Cut(reason=reason):
                raise CarrierUnavailable(reason)
            case Answered(is_success=True, is_readable=True) if not _says_error(came.body):
                self._tracking_method = method
                if (reading := read_tracking(came.body, tracking_id)) is not None:
                    return reading
                raise CarrierUnavailable("the answer does not hold this parcel", status=came.status)
            case _:
                raise CarrierUnavailable(_said(came), status=came.status)

    async def _read_by(
        self, method: Literal["POST", "GET"], credentials: CarrierCredentials, tracking_id: str
    ) -> Exchanged:
        return await self._authorised(
            credentials, method, _TRACKING_PATH, params={"trackingIds": tracking_id}
        )

    async def _authorised(
        self,
        credentials: CarrierCredentials,
        method: Literal["POST", "GET"],
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Exchanged:
        """Make a request with a token. One that is refused was not executed: it is made again with a new token."""

        async def ask(token: str) -> Exchanged:
            return await exchange(
                self._http,
                method,
                f"{self._base_url}{path}",
                total_seconds=self._total_seconds,
                params=params,
                json=json,
                token=token,
            )

        token = await self._tokens.token(credentials)
        came = await ask(token)
        if isinstance(came, Answered) and came.status == HTTPStatus.UNAUTHORIZED:
            came = await ask(await self._tokens.token(credentials, refused=token))
        return came


def write_resolution(
    order: ActionTarget, request: ActionRequest, *, date_format: str = "%Y-%m-%d"
) -> dict[str, Any]:
    """Return the body that asks for an action.

    Raises:
        KeyError: The order system has no such action.
    """
    remark = f"{_REMARKS[request.mode]}, attempt {order.attempt}"
    if request.action is Action.DISPUTE and request.words:
        said = "; ".join(f'"{wire.text(words)}"' for words in request.words)
        remark = f"{remark}: {said}"[:_LONGEST_REMARK]
    body: dict[str, Any] = {
        "customerOrderNumber": order.order_id,
        "trackingId": order.tracking_id,
        "resolutionCode": RESOLUTION_CODES[request.action],
        # The phone on the order, as a check: a new one would be refused. It goes into the notes.
        "contactPhoneNumber": national_number(order.phone),
        "actionSource": request.mode.value,
        "remarks": remark,
    }
    if request.action is Action.RESCHEDULE and request.on is not None:
        body["deferredDate"] = request.on.strftime(date_format)
    if request.action is Action.UPDATE_ADDRESS:
        body["shippingDetails"] = _shipping_details(order, request.address)
    return body


def _shipping_details(order: ActionTarget, draft: AddressDraft) -> dict[str, str]:
    text = wire.text(draft.text)
    # The pincode is not the customer's to change; without one the courier's hub cannot be found.
    pincode = draft.pincode or order.address.pincode
    if text and pincode and find_pincode(text) != pincode:
        city = wire.text(order.address.city)  # the same pincode is in the same city
        if city and pincode == order.address.pincode and city.casefold() not in text.casefold():
            text = f"{text}, {city}"
        text = f"{text}, {pincode}"
    notes = (
        f"alternate phone {national_number(draft.phone)}" if draft.phone else "",
        f"location {draft.pin}" if draft.pin else "",
    )
    details = {
        "name": wire.text(draft.name) or wire.text(order.customer_name),
        "currentAddress": wire.text(order.address.one_line()),
        "updatedAddress": text,
        "landmark": wire.text(draft.landmark),
        "notes": "; ".join(note for note in notes if note),
    }
    return {name: value for name, value in details.items() if value}


def _answer(came: Exchanged, action: Action) -> CarrierAnswer:
    """Decide how a request for an action ended: the one table of the outcomes."""
    match came:
        case NotSent(reason=reason):
            return CarrierAnswer(Answer.UNAVAILABLE, reason)
        case Cut(reason=reason):
            return CarrierAnswer(Answer.UNKNOWN, reason)
        case Answered(status=status) if status in _TRY_AGAIN:
            return CarrierAnswer(Answer.UNAVAILABLE, _said(came), status)
        case Answered(status=status) if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return CarrierAnswer(_refusal(came, action), _said(came), status)
        case Answered(status=status, is_success=True, is_readable=True) if _says_error(came.body):
            return CarrierAnswer(_refusal(came, action), _said(came), status)
        case Answered(status=status, is_success=True, is_readable=True):
            return CarrierAnswer(Answer.ACCEPTED, _said(came), status)
        case Answered(status=status):
            # A success that cannot be read may hide an error. 500, 502, 504 and their like may come after the work was done; so may a redirect after a POST.
            return CarrierAnswer(Answer.UNKNOWN, _said(came), status)


def _refusal(came: Answered, action: Action) -> Answer:
    said = " ".join(_words(came.body))
    if _NOT_WAITING.search(said):
        return Answer.NOT_WAITING
    if action is Action.RESCHEDULE and _ABOUT_THE_DATE.search(said):
        return Answer.REFUSED_DATE
    return Answer.REFUSED


def _says_error(body: object) -> bool:
    """Tell whether an answer with a success status speaks of an error all the same. Booleans may be strings."""
    fields = wire.mapping(body)
    if fields.get("error") or fields.get("errors"):
        return True
    return any(
        value is False or (isinstance(value, str) and value.strip().lower() in _FAILURE_WORDS)
        for value in (fields.get("status"), fields.get("Status"), fields.get("success"))
    )


def _words(body: object) -> tuple[str, ...]:
    """Return what an answer says, the sentence before the code, from either shape that was seen."""
    places = ("error.message", "message", "errors.0.message", "errors.0", "error", "error.code", "code")
    found = (wire.text(wire.at_path(body, place)) for place in places)
    return tuple(words for words in found if words)


def _said(came: Answered) -> str:
    """Return the order system's words, short and without phones."""
    said = next(iter(_words(came.body)), "")
    if not came.is_readable:
        return f"HTTP {came.status} with an answer that cannot be read"
    if not said:
        return "" if came.is_success else f"HTTP {came.status}"
    return _LONG_NUMBER.sub("…", said)[:_LONGEST_DETAIL]
