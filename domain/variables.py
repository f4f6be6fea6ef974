"""Variables: what may stand in a template's placeholders, and which placeholder means which of them (R4.5).

The samples here are the first content of the stored ones; whoever shows a sample is given the stored ones.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.journey import JOURNEY, JourneyEntry, JourneyGroup
from domain.shipments import JourneyEvent


class VariableGroup(StrEnum):
    """What a variable speaks of: the headings of the help article."""

    ORDER = "order"
    ITEM = "item"
    CUSTOMER = "customer"
    SHIPMENT = "shipment"
    RETURN = "return"


_ALL: Final = frozenset(entry.key for entry in JOURNEY)
_FAILED: Final = frozenset({JourneyEvent.FAILED_DELIVERY})
_REFUNDED: Final = frozenset(
    entry.key
    for entry in JOURNEY
    if entry.group is JourneyGroup.RETURN or entry.key in {JourneyEvent.CANCELLED, JourneyEvent.RTO}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable.

    Attributes:
        name: As it stands in a template.
        holds: What it holds, in a few words.
        sample: What the preview shows until another sample is stored; written as it would be sent.
        group: What it speaks of.
        note: When it can be empty, or how it is written; empty where nothing is to be said.
        events: The steps of the journey that can fill it.
        aliases: Other names that sellers use for it.
    """

    name: str
    holds: str
    sample: str
    group: VariableGroup
    note: str = ""
    events: frozenset[JourneyEvent] = _ALL
    aliases: tuple[str, ...] = ()

    def fits(self, event: JourneyEvent) -> bool:
        """Tell whether a message of a step can have a value for it."""
        return event in self.events

    @property
    def journeys(self) -> tuple[JourneyGroup, ...]:
        """Return the journeys that can fill it, in order."""
        return tuple(
            group for group in JourneyGroup if any(e.group is group and e.key in self.events for e in JOURNEY)
        )

    @property
    def placeholder(self) -> str:
        """Return it as it is written in a template."""
        return f"{{{{{self.name}}}}}"


_G = VariableGroup
_CODE_NOTE: Final = "Of the first item. Empty where the item has none."

VARIABLES: Final[tuple[Variable, ...]] = (
    Variable(
        name="customer_order_id",
        holds="The order number your customer knows",
        sample="ORD123456",
        group=_G.ORDER,
        aliases=("order_id", "order_number", "order_no", "order", "orderid"),
    ),
    Variable(
        name="brand",
        holds="Your brand",
        sample="KapasKraft",
        group=_G.ORDER,
        aliases=("brand_name", "store", "store_name", "shop", "shop_name", "seller", "seller_name"),
    ),
    Variable(
        name="payment_method",
        holds="Prepaid or cash on delivery",
        sample="Cash on delivery",
        group=_G.ORDER,
        note="In the template's language.",
        aliases=("payment", "payment_mode", "payment_type"),
    ),
    Variable(
        name="amount_due",
        holds="Amount to pay at the door",
        sample="₹1,249",
        group=_G.ORDER,
        note="Empty where the order is paid.",
        aliases=("cod_amount", "amount_to_pay", "payable_amount"),
    ),
    Variable(
        name="invoice",
        holds="Invoice number",
        sample="KK/26-27/00871",
        group=_G.ORDER,
        note="Empty until the order is invoiced. Not known for a failed delivery.",
        events=_ALL - _FAILED,
        aliases=("invoice_number", "invoice_no", "invoice_id"),
    ),
    Variable(
        name="product_title",
        holds="Name of the first item",
        sample="Handloom cotton kurta",
        group=_G.ITEM,
        aliases=("product", "product_name", "item", "item_name", "title"),
    ),
    Variable(
        name="item_quantity",
        holds="Number of items in the order",
        sample="2",
        group=_G.ITEM,
        aliases=("quantity", "qty", "item_count"),
    ),
    Variable(
        name="sku",
        holds="Your stock number",
        sample="KK-KRT-0412-M",
        group=_G.ITEM,
        note="Of the first item.",
        aliases=("sku_code", "item_sku"),
    ),
    Variable(
        name="gtin",
        holds="Global trade item number",
        sample="08901234567894",
        group=_G.ITEM,
        note=f"{_CODE_NOTE} Not known for a failed delivery.",
        events=_ALL - _FAILED,
    ),
    Variable(
        name="ean",
        holds="European article number",
        sample="8901234567894",
        group=_G.ITEM,
        note=f"{_CODE_NOTE} Not known for a failed delivery.",
        events=_ALL - _FAILED,
        aliases=("ean_code",),
    ),
    Variable(
        name="upc",
        holds="Universal product code",
        sample="012345678905",
        group=_G.ITEM,
        note=f"{_CODE_NOTE} Not known for a failed delivery.",
        events=_ALL - _FAILED,
        aliases=("upc_code",),
    ),
    Variable(
        name="customer_name",
        holds="Full name on the order",
        sample="Asha Rao",
        group=_G.CUSTOMER,
        aliases=("customer", "name", "full_name", "first_name", "buyer_name", "consignee_name"),
    ),
    Variable(
        name="customer_phone",
        holds="Phone on the order",
        sample="+91 99990 00012",
        group=_G.CUSTOMER,
        aliases=("phone", "phone_number", "mobile", "mobile_number", "contact_number", "contact_phone"),
    ),
    Variable(
        name="address",
        holds="Address lines 1 and 2",
        sample="12, 5th Cross, Indiranagar",
        group=_G.CUSTOMER,
        aliases=("shipping_address", "delivery_address", "customer_address"),
    ),
    Variable(
        name="city", holds="City", sample="Bengaluru", group=_G.CUSTOMER, aliases=("town", "customer_city")
    ),
    Variable(name="state", holds="State", sample="Karnataka", group=_G.CUSTOMER, aliases=("customer_state",)),
    Variable(
        name="pincode",
        holds="Six digits",
        sample="560038",
        group=_G.CUSTOMER,
        aliases=("pin", "zip", "zipcode", "postal_code", "postcode", "customer_pincode"),
    ),
    Variable(
        name="tracking_id",
        holds="The courier’s number",
        sample="70011223344",
        group=_G.SHIPMENT,
        note="Empty until the courier has given one.",
        aliases=("tracking_number", "tracking_no", "awb", "awb_number", "waybill"),
    ),
    Variable(
        name="tracking_url",
        holds="Page where the parcel can be followed",
        sample="https://track.eshopbox.example/70011223344",
        group=_G.SHIPMENT,
        note="Empty where the courier has none.",
        aliases=("tracking_link", "track_url", "track_link", "tracking_page"),
    ),
    Variable(
        name="courier_name",
        holds="Courier",
        sample="Delhivery",
        group=_G.SHIPMENT,
        aliases=("courier", "courier_partner", "carrier", "carrier_name", "delivery_partner"),
    ),
    Variable(
        name="failure_reason",
        holds="Why the attempt failed, in plain words",
        sample="nobody was at home",
        group=_G.SHIPMENT,
        note="For a failed delivery only. In the template's language.",
        events=_FAILED,
        aliases=("reason", "failed_reason", "ndr_reason", "fail_reason"),
    ),
    Variable(
        name="attempt_number",
        holds="1, 2 or 3",
        sample="1",
        group=_G.SHIPMENT,
        note="For a failed delivery only.",
        events=_FAILED,
        aliases=("attempt", "attempt_no", "attempt_count"),
    ),
    Variable(
        name="expected_date",
        holds="Day of the next attempt, or of the delivery",
        sample="Mon 23 Nov",
        group=_G.SHIPMENT,
        note="Empty where the courier has named no day. In the template's language.",
        aliases=("expected_delivery_date", "delivery_date", "edd"),
    ),
    Variable(
        name="refund_amount",
        holds="Amount that goes back to the customer",
        sample="₹1,249",
        group=_G.RETURN,
        note="For returns, cancelled orders and RTO.",
        events=_REFUNDED,
        aliases=("refund", "refunded_amount"),
    ),
)

SAMPLES: Final[dict[str, str]] = {variable.name: variable.sample for variable in VARIABLES}
"""The first content of the stored samples."""

_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}


def _bare(name: str) -> str:
    """Return a name without what people write differently: "Order-ID", "orderId" and "order id" are one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


_BY_SPELLING: Final = {
    _bare(spelling): variable
    for variable in VARIABLES
    for spelling in (*variable.aliases, variable.name)  # a name of its own wins over an alias
}


def find_variable(name: str) -> Variable | None:
    """Return the variable of exactly this name; None for a name that nobody knows."""
    return _BY_NAME.get(name)


def variables_for(entry: JourneyEntry) -> tuple[Variable, ...]:
    """Return what a message of a step can be filled with, in order."""
    return tuple(variable for variable in VARIABLES if variable.fits(entry.key))


def meant_by(placeholder: str) -> Variable | None:
    """Return the variable that a named placeholder means, in whatever spelling; None for numbers and other words."""
    return _BY_SPELLING.get(_bare(placeholder))


def suggested(
    placeholders: Iterable[str], *, known: Iterable[Variable] = VARIABLES
) -> tuple[tuple[str, str], ...]:
    """Return what to fill each placeholder with, as pairs of variable and fallback text (R4.5).

    Args:
        placeholders: Their names or numbers, in order.
        known: What may be suggested: what the step can fill. For anything else the variable is empty.
    """
    allowed = frozenset(variable.name for variable in known)
    found = (meant_by(placeholder) for placeholder in placeholders)
    return tuple((one.name if one and one.name in allowed else "", "") for one in found)
