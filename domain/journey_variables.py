"""The values that messages about the journey are filled with (section 9), written as Indian customers read them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from domain.formats import phone_words
from domain.shipments import OrderFacts
from domain.wording import day_words, payment_words, rupees

TRACKED: Final = frozenset({"expected_date", "courier_name"})
"""What the order system's tracking knows too, where an event leaves it out."""


def journey_values(
    facts: OrderFacts, *, order_id: str, tracking_id: str, brand: str, language: str
) -> dict[str, str]:
    """Return what is known of an order, by variable; empty where nothing is.

    Args:
        facts: What the event said.
        order_id: The seller's order number.
        tracking_id: The courier's number.
        brand: The workspace's brand, for items that name none.
        language: The template's language.
    """
    item = facts.items[0] if facts.items else None
    return {
        "customer_order_id": order_id,
        "brand": facts.brand or brand,
        "payment_method": payment_words(is_cod=facts.is_cod, language=language),
        "amount_due": rupees(facts.amount_due_paise) if facts.amount_due_paise else "",
        "invoice": facts.invoice,
        "product_title": item.title if item else "",
        "item_quantity": str(sum(line.quantity for line in facts.items)) if facts.items else "",
        "sku": item.sku if item else "",
        "gtin": facts.gtin,
        "ean": facts.ean,
        "upc": facts.upc,
        "customer_name": facts.customer_name,
        "customer_phone": phone_words(facts.customer_phone),
        "address": ", ".join(facts.address.lines),
        "city": facts.address.city,
        "state": facts.address.state,
        "pincode": facts.address.pincode,
        "tracking_id": tracking_id,
        "tracking_url": facts.tracking_url,
        "courier_name": facts.courier_name,
        "expected_date": day_words(date.fromisoformat(facts.expected_on), language)
        if facts.expected_on
        else "",
        "refund_amount": rupees(facts.refund_paise) if facts.refund_paise else "",
    }


def to_be_read(values: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """Tell whether a value is wanted that is missing here and may be read from the order system."""
    return any(name in TRACKED and not values.get(name) for name in wanted)
