"""Parcels and their journey: addresses, phones and the events of the journey."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from domain.failures import Action, Reason

PhoneProblem = Literal["", "no_phone", "invalid_phone"]


class JourneyEvent(StrEnum):
    """Steps of the journey that a customer may be told of (R4.1)."""

    CREATED = "created"
    PACKED = "packed"
    ON_THE_WAY = "on_the_way"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_DELIVERY = "failed_delivery"
    DELIVERED = "delivered"
    RETURN_CREATED = "return_created"
    RETURN_PICKED_UP = "return_picked_up"
    RESTOCKED = "restocked"
    CANCELLED = "cancelled"
    RTO = "rto"


class ShipmentMove(StrEnum):
    """What a shipment's event means for an open case (R6.9)."""

    DELIVERED = "delivered"
    RTO = "rto"
    CANCELLED = "cancelled"
    LOST = "lost"
    OUT_FOR_DELIVERY = "out_for_delivery"
    RESOLUTION_SUBMITTED = "resolution_submitted"


FINAL_MOVES = frozenset({ShipmentMove.DELIVERED, ShipmentMove.RTO, ShipmentMove.CANCELLED, ShipmentMove.LOST})
"""After one of these no failed delivery of the shipment is worth a conversation, whatever comes late (F56)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A delivery address as the order system holds it."""

    name: str = ""
    lines: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    pincode: str = ""

    def one_line(self) -> str:
        """Return the address as one line, parts separated by commas."""
        return ", ".join(part for part in (*self.lines, self.city, self.pincode) if part)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the order, as far as messages speak of it."""

    sku: str = ""
    title: str = ""
    brand: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What an event of the order system says of the order and its customer: the values of messages.

    Attributes:
        customer_phone: E.164 digits; empty where there is a `phone_problem`.
        phone_problem: Why nobody can be written to.
        amount_due_paise: What is to be paid at the door.
        expected_on: ISO date.
        gtin: Of the first item, as `ean` and `upc`.
    """

    customer_name: str = field(default="", repr=False)
    customer_phone: str = field(default="", repr=False)
    phone_problem: PhoneProblem = ""
    address: Address = field(default_factory=Address, repr=False)
    items: tuple[Item, ...] = ()
    brand: str = ""
    courier_name: str = ""
    tracking_url: str = ""
    is_cod: bool = False
    amount_due_paise: int = 0
    expected_on: str = ""
    language: str = ""
    invoice: str = ""
    refund_paise: int = 0
    gtin: str = ""
    ean: str = ""
    upc: str = ""


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """One failed attempt as the order system reported it; the carrier's own words are kept.

    `visit` is above 1 where the attempt's number was used before for an attempt that was not made (R6.12).
    """

    workspace_id: str
    order_id: str
    shipment_id: str
    tracking_id: str
    attempt: int
    reason: Reason
    failed_at: datetime
    raw_code: str = ""
    raw_reason: str = ""
    raw_remark: str = ""
    resolutions: tuple[Action, ...] = ()
    customer_name: str = ""
    customer_phone: str = ""
    address: Address = Address()
    items: tuple[Item, ...] = ()
    brand: str = ""
    courier_name: str = ""
    tracking_url: str = ""
    is_cod: bool = False
    amount_due_paise: int = 0
    expected_on: str = ""
    language: str = ""
    visit: int = 1


_INDIAN_MOBILE = re.compile(r"(?<!\d)(?:\+?91[\s-]?|0)?([6-9]\d{4}[\s-]?\d{5})(?!\d)", re.ASCII)
_ANNOUNCED_MOBILE = re.compile(
    r"(?i)(?:\b(?:please|pls|call|phone|ph|mobile|mob|contact|alternate|alt|number|no)\b[\s.:-]*)*"
    + _INDIAN_MOBILE.pattern,
    re.ASCII,
)
_PINCODE = re.compile(r"(?<!\d)([1-9]\d{2} ?\d{3})(?! ?\d)", re.ASCII)


def find_mobile(text: str) -> str | None:
    """Return the first valid Indian mobile number in a text, as ten digits."""
    match = _INDIAN_MOBILE.search(text)
    return re.sub(r"\D", "", match.group(1)) if match else None


def without_mobile(text: str) -> str:
    """Return the text without Indian mobile numbers and what announces them ("call", "phone no.").

    A number's digits are not to be read as a pincode, and an address does not end in "call".
    """
    return re.sub(r"[\s,;]+$", "", re.sub(r"\s{2,}", " ", _ANNOUNCED_MOBILE.sub(" ", text))).strip()


def find_pincode(text: str) -> str | None:
    """Return the last six-digit Indian pincode in a text."""
    found: list[str] = _PINCODE.findall(without_mobile(text))
    return re.sub(r"\s", "", found[-1]) if found else None


def national_number(phone: str) -> str:
    """Return the ten national digits of an Indian number in E.164, as carriers want it."""
    digits = re.sub(r"\D", "", phone)
    return digits[-10:] if len(digits) > 10 else digits  # noqa: PLR2004 - ten digits are an Indian number
