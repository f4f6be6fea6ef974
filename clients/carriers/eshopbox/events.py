"""Reads the order system's shipment events. `FIELDS` is the one place that says where a field stands.

A body is a hint, not a proof: the caller knows from its secret whose it is, and reads the shipment before acting.

UnreadableOrderEvent   a body cannot be read, or a field that its event needs is missing
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import phonenumbers

from clients.carriers.eshopbox import wire
from clients.carriers.eshopbox.reasons import read_reason
from clients.carriers.eshopbox.vocabulary import (
    EVENTS,
    FAILED_DELIVERY,
    RESOLUTION_LOGGED,
    Meaning,
    actions_of,
    is_refused,
    status_word,
)
from domain.journey import RETURN_SHIPMENT, SHIPMENT
from domain.shipments import (
    Address,
    FailedDelivery,
    Item,
    JourneyEvent,
    OrderFacts,
    PhoneProblem,
    ShipmentMove,
)

# Our field -> where it may stand in the body, the likeliest first. Much of this is not documented anywhere public.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "resource": ("resource",),
    "subtype": ("eventSubType",),
    "workspace_slug": ("accountSlug",),
    "occurred_at": ("eventTime",),
    "order_id": ("response_data.customerOrderNumber",),
    "shipment_id": ("response_data.externalShipmentID", "response_data.externalShipmentId"),
    "tracking_id": ("response_data.trackingID", "response_data.trackingId"),
    "return_id": ("response_data.externalReturnID", "response_data.externalReturnId"),
    "attempt": ("response_data.attemptCount",),
    "reason_code": ("response_data.ndrDetails.ndrCode", "response_data.items.0.ndrDetails.ndrCode"),
    "reason_words": ("response_data.ndrDetails.reason", "response_data.items.0.ndrDetails.reason"),
    "resolutions": ("response_data.ndrDetails.resolutions", "response_data.items.0.ndrDetails.resolutions"),
    "resolution_state": (
        "response_data.ndrDetails.resolutionStatus",
        "response_data.ndrDetails.status",
        "response_data.resolutionStatus",
    ),
    "resolution_words": (
        "response_data.ndrDetails.resolutionRemark",
        "response_data.ndrDetails.remarks",
        "response_data.resolutionRemark",
    ),
    "log": ("response_data.forwardTrackingTimeline.statusLog", "response_data.statusLogs"),
    "customer_name": ("response_data.shippingAddress.customerName", "response_data.customerName"),
    "phone": ("response_data.shippingAddress.contactPhone", "response_data.contactPhone"),
    "address_line1": ("response_data.shippingAddress.addressLine1",),
    "address_line2": ("response_data.shippingAddress.addressLine2",),
    "city": ("response_data.shippingAddress.city",),
    "state": ("response_data.shippingAddress.state",),
    "pincode": ("response_data.shippingAddress.postalCode", "response_data.shippingAddress.pincode"),
    "language": ("response_data.customerLanguage", "response_data.language"),
    "items": ("response_data.items",),
    "courier_name": ("response_data.courierName", "response_data.forwardTrackingTimeline.courierName"),
    "tracking_url": ("response_data.trackingURL", "response_data.trackingUrl"),
    "payment": ("response_data.paymentType",),
    "order_total": ("response_data.orderTotal",),
    "balance_due": ("response_data.balanceDue",),
    "expected_on": ("response_data.expectedDeliveryDate",),
    "invoice": ("response_data.invoiceNumber",),
    "refund": ("response_data.refundAmount",),
}

_MOST_ITEMS: Final = 50
_MOST_ATTEMPTS: Final = 99
_AHEAD_AT_MOST: Final = timedelta(days=1)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:[-_][a-z]{2,4})?", re.IGNORECASE)
_BETWEEN_PHONES: Final = re.compile(r"[/,;|]")
_NOT_COD: Final = re.compile(r"(?i)\b(?:non|not)[\s_-]*cod\b|pre[\s_-]*paid")
_COD: Final = re.compile(r"(?i)(?<![a-z])cod(?![a-z])|cash|pay[\s_-]*on[\s_-]*delivery")


class UnreadableOrderEvent(Exception):
    """A body cannot be read. The reason and the place quote nothing of it."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(f"{reason}: {where}")
        self.reason = reason
        self.where = where


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One event of the order system, in our words.

    Attributes:
        workspace_slug: As the body names it; empty when it does not. The caller's secret decides, not this.
        event_key: The same for the same event, however often it comes.
        journey: The step of the journey; None when it is none that a customer is told of.
        move: What it means for an open case; None when nothing.
        failed: The failed attempt, for a forward shipment's failed delivery only.
        phone_problem: Why the customer cannot be written to.
        return_id: The return's own number; empty for a parcel to the customer, and where a return has none.
        taken_back: Why an action that was accepted is not done, in the order system's words; None when none is.
    """

    workspace_slug: str
    resource: str
    subtype: str
    occurred_at: datetime
    event_key: str
    journey: JourneyEvent | None = None
    move: ShipmentMove | None = None
    failed: FailedDelivery | None = None
    order_id: str = ""
    shipment_id: str = ""
    tracking_id: str = ""
    phone_problem: PhoneProblem = ""
    facts: OrderFacts = field(default_factory=OrderFacts)
    return_id: str = ""
    taken_back: str | None = None


def parse_order_event(body: bytes, *, received_at: datetime) -> OrderEvent:
    """Read one event. A kind that means nothing to us is an event without journey, move and failure.

    Args:
        body: As it was received.
        received_at: Stands in for a missing time, and bounds one that lies in the future.

    Raises:
        UnreadableOrderEvent: It is no event, or misses what its kind needs.
    """
    try:
        content = wire.load(body)
    except wire.UnreadableJsonError as error:
        raise UnreadableOrderEvent(str(error), "body") from None
    if not isinstance(content, dict):
        raise UnreadableOrderEvent("not an object", "body")
    resource, subtype = _needed(content, "resource"), _needed(content, "subtype")
    meaning = EVENTS.get((resource, subtype), Meaning())
    is_ours = meaning != Meaning()
    taken_back = _taken_back(content) if meaning.takes_back or _says_refused(content, meaning) else None
    tracking_id = _id(content, "tracking_id")
    # Without a number of its own the parcel is known by its tracking id; it is one or the other from the start.
    shipment_id = _id(content, "shipment_id") or tracking_id
    order_id = _id(content, "order_id")
    if is_ours and not order_id:
        raise _missing("order_id")
    if is_ours and not shipment_id:
        raise _missing("shipment_id")
    at = wire.moment(_value(content, "occurred_at"))
    slug = wire.identifier(_value(content, "workspace_slug"))
    facts = _facts(content)
    failed = None
    if (resource, subtype) == (SHIPMENT, FAILED_DELIVERY):
        if not tracking_id:
            raise _missing("tracking_id")  # no action can be asked for without it
        failed = _failed(
            content,
            facts,
            workspace_id=slug,
            order_id=order_id,
            shipment_id=shipment_id,
            tracking_id=tracking_id,
            at=at,
            received_at=received_at,
        )
    identity = [slug, resource, subtype, shipment_id, failed.attempt if failed else None]
    return_id = _id(content, "return_id") if resource == RETURN_SHIPMENT else ""
    if resource == RETURN_SHIPMENT:
        identity.append(return_id)
    return OrderEvent(
        workspace_slug=slug,
        resource=resource,
        subtype=subtype,
        occurred_at=_bounded(at, received_at) or (failed.failed_at if failed else received_at),
        event_key=_event_key(identity, at, body, is_known=bool(shipment_id)),
        journey=meaning.journey,
        move=None if taken_back is not None else meaning.move,
        failed=failed,
        order_id=order_id,
        shipment_id=shipment_id,
        tracking_id=tracking_id,
        phone_problem=facts.phone_problem,
        facts=facts,
        return_id=return_id,
        taken_back=taken_back,
    )


def read_phone(value: object) -> tuple[str, PhoneProblem]:
    """Return an Indian mobile number as E.164 digits, or why there is none.

    The order system takes ten digits only, so a foreign number, which it could not check, counts as invalid.
    """
    written = wire.text(value)
    if not any(character.isdecimal() for character in written):
        return "", "no_phone"
    for part in _BETWEEN_PHONES.split(written):
        try:
            number = phonenumbers.parse(part, "IN")
        except phonenumbers.NumberParseException:
            continue
        if number.country_code == 91 and phonenumbers.is_valid_number(number) and _is_mobile(number):  # noqa: PLR2004
            return f"91{number.national_number}", ""
    return "", "invalid_phone"


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    } and str(number.national_number).startswith(("6", "7", "8", "9"))


def _failed(
    content: dict[str, Any],
    facts: OrderFacts,
    *,
    workspace_id: str,
    order_id: str,
    shipment_id: str,
    tracking_id: str,
    at: datetime | None,
    received_at: datetime,
) -> FailedDelivery:
    log = [
        entry
        for entry in wire.mappings(_value(content, "log"))
        if status_word(wire.text(entry.get("status"))) == FAILED_DELIVERY
    ]
    last = max(log, key=lambda entry: wire.moment(entry.get("dateTime")) or _LONG_AGO, default={})
    code = wire.text(_value(content, "reason_code"))
    words = (wire.text(_value(content, "reason_words")), wire.text(last.get("ndrStatus")))
    remark = wire.text(last.get("remark") or last.get("remarks"))
    codes = (
        wire.text(entry.get("resolutionCode")).upper()
        for entry in wire.mappings(_value(content, "resolutions"))
    )
    return FailedDelivery(
        workspace_id=workspace_id,
        order_id=order_id,
        shipment_id=shipment_id,
        tracking_id=tracking_id,
        attempt=_attempt(content, failures_logged=len(log)),
        reason=read_reason(code=code, words=words, remark=remark),
        # The deadline runs from here: a clock of theirs that is ahead must not make it later.
        failed_at=min(at or wire.moment(last.get("dateTime")) or received_at, received_at),
        raw_code=code,
        raw_reason=words[0] or words[1],
        raw_remark=remark,
        resolutions=actions_of(frozenset(codes)),
        customer_name=facts.customer_name,
        customer_phone=facts.customer_phone,
        address=facts.address,
        items=facts.items,
        brand=facts.brand,
        courier_name=facts.courier_name,
        tracking_url=facts.tracking_url,
        is_cod=facts.is_cod,
        amount_due_paise=facts.amount_due_paise,
        expected_on=facts.expected_on,
        language=facts.language,
    )


def _says_refused(content: dict[str, Any], meaning: Meaning) -> bool:
    """Tell whether the news of a recorded action says that it was refused: by its state, or by its line in the log."""
    if meaning.move is not ShipmentMove.RESOLUTION_SUBMITTED:
        return False
    state = wire.text(_value(content, "resolution_state"))
    return is_refused(state) or is_refused(wire.text(_last_resolution(content).get("ndrStatus")))


def _taken_back(content: dict[str, Any]) -> str:
    last = _last_resolution(content)
    said = (
        _value(content, "resolution_words"),
        last.get("ndrStatus"),
        last.get("remarks"),
        last.get("remark"),
    )
    return next((words for one in said if (words := wire.text(one))), "")[:_LONGEST_REASON]


def _last_resolution(content: dict[str, Any]) -> Mapping[str, Any]:
    log = [
        entry
        for entry in wire.mappings(_value(content, "log"))
        if status_word(wire.text(entry.get("status"))).startswith(RESOLUTION_LOGGED)
    ]
    return max(log, key=lambda entry: wire.moment(entry.get("dateTime")) or _LONG_AGO, default={})


_LONGEST_REASON: Final = 200
_LONG_AGO: Final = datetime.min.replace(tzinfo=wire.INDIA)


def _attempt(content: dict[str, Any], *, failures_logged: int) -> int:
    written = _value(content, "attempt")
    if written is None or written == "":
        return min(max(1, failures_logged), _MOST_ATTEMPTS)
    attempt = wire.whole_number(written)
    if attempt is None or not 1 <= attempt <= _MOST_ATTEMPTS:
        raise UnreadableOrderEvent("unreadable", _place("attempt"))
    return attempt


def _facts(content: dict[str, Any]) -> OrderFacts:
    name = wire.text(_value(content, "customer_name"))
    phone, phone_problem = read_phone(_value(content, "phone"))
    entries = wire.mappings(_value(content, "items"))[:_MOST_ITEMS]
    items = tuple(
        Item(
            sku=wire.text(entry.get("sku")),
            title=wire.text(entry.get("productTitle")),
            brand=wire.text(entry.get("brand")),
            quantity=wire.whole_number(entry.get("quantity")) or 1,
        )
        for entry in entries
    )
    first = entries[0] if entries else {}
    payment = wire.text(_value(content, "payment"))
    is_cod = bool(_COD.search(payment)) and not _NOT_COD.search(payment)
    due = wire.paise(_value(content, "balance_due"))
    if due is None and is_cod:
        due = wire.paise(_value(content, "order_total"))
    language = wire.text(_value(content, "language"))
    return OrderFacts(
        customer_name=name,
        customer_phone=phone,
        phone_problem=phone_problem,
        address=_address(content, name),
        items=items,
        brand=next((item.brand for item in items if item.brand), ""),
        courier_name=wire.text(_value(content, "courier_name")),
        tracking_url=_web_address(wire.text(_value(content, "tracking_url"))),
        is_cod=is_cod,
        amount_due_paise=due or 0,
        expected_on=wire.india_day(_value(content, "expected_on")),
        language=language.lower() if _LANGUAGE.fullmatch(language) else "",
        invoice=wire.text(_value(content, "invoice")),
        refund_paise=wire.paise(_value(content, "refund")) or 0,
        gtin=wire.text(first.get("gtin")),
        ean=wire.text(first.get("ean")),
        upc=wire.text(first.get("upc")),
    )


def _address(content: dict[str, Any], name: str) -> Address:
    lines = (wire.text(_value(content, line)) for line in ("address_line1", "address_line2"))
    return Address(
        name=name,
        lines=tuple(line for line in lines if line),
        city=wire.text(_value(content, "city")),
        state=wire.text(_value(content, "state")),
        pincode=re.sub(r"\D", "", wire.text(_value(content, "pincode"))),
    )


def _web_address(written: str) -> str:
    """Return an address that may stand in a message; anything but a web address is none."""
    try:
        parts = urlsplit(written)
    except ValueError:
        return ""
    return written if parts.scheme in {"http", "https"} and parts.netloc and " " not in written else ""


def _bounded(at: datetime | None, received_at: datetime) -> datetime | None:
    """Return a time; none where it lies so far ahead that it is a mistake.

    Of two events the later one stands: such a time would outlast whatever follows. A clock that is ahead by some hours,
    or a time of India written as UTC, keeps its order: their events are compared with one another.
    """
    return None if at is not None and at > received_at + _AHEAD_AT_MOST else at


def _event_key(identity: list[str | int | None], at: datetime | None, body: bytes, *, is_known: bool) -> str:
    parts: list[str | int | None] = [*identity, at.isoformat() if at else None]
    if at is None or not is_known:
        # Too little to tell one event from the next: only the same body is the same event.
        parts.append(hashlib.sha256(body).hexdigest())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _value(content: object, name: str) -> Any:
    found = (wire.at_path(content, path) for path in FIELDS[name])
    return next((value for value in found if value is not None and value != ""), None)


def _id(content: object, name: str) -> str:
    return wire.identifier(_value(content, name))


def _needed(content: object, name: str) -> str:
    if not (found := _id(content, name)):
        raise _missing(name)
    return found


def _missing(name: str) -> UnreadableOrderEvent:
    return UnreadableOrderEvent("missing", _place(name))


def _place(name: str) -> str:
    return f"{name} ({FIELDS[name][0]})"
