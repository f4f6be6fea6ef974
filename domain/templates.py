"""Templates: the buttons our actions need, and placeholders filled from variables, never with a hole (R4.5, R4.7)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from domain.failures import Action
from domain.formats import phone_words
from domain.shipments import FailedDelivery
from domain.wording import day_words, payment_words, reason_words, rupees

OPTIONS_CHOICE = "options"

_CHOICE_BY_LABEL = {
    "try again": Action.REATTEMPT.value,
    "reattempt": Action.REATTEMPT.value,
    "deliver again": Action.REATTEMPT.value,
    "choose another date": Action.RESCHEDULE.value,
    "another date": Action.RESCHEDULE.value,
    "change date": Action.RESCHEDULE.value,
    "change address": Action.UPDATE_ADDRESS.value,
    "update address": Action.UPDATE_ADDRESS.value,
    "cancel order": Action.CANCEL.value,
    "cancel the order": Action.CANCEL.value,
    "cancel": Action.CANCEL.value,
    "nobody came": Action.DISPUTE.value,
    "not my order": Action.NOT_MY_ORDER.value,
    "see all options": OPTIONS_CHOICE,
    "more options": OPTIONS_CHOICE,
    "फिर से भेजें": Action.REATTEMPT.value,
    "दूसरा दिन चुनें": Action.RESCHEDULE.value,
    "पता बदलें": Action.UPDATE_ADDRESS.value,
    "ऑर्डर रद्द करें": Action.CANCEL.value,
    "कोई नहीं आया": Action.DISPUTE.value,
    "मेरा ऑर्डर नहीं": Action.NOT_MY_ORDER.value,
    "सभी विकल्प देखें": OPTIONS_CHOICE,
}

REQUIRED_LABELS = ("Try again", "See all options")
"""Without these a customer could not answer everything (R4.7): whatever has no button stands behind the last one."""


def choice_for(label: str) -> str | None:
    """Return what a template's quick-reply button stands for; None when we do not know the words."""
    return _CHOICE_BY_LABEL.get(" ".join(label.casefold().split()))


def missing_buttons(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the required buttons that a template lacks."""
    have = {choice_for(label) for label in labels}
    return tuple(label for label in REQUIRED_LABELS if choice_for(label) not in have)


PLACEHOLDER = re.compile(r"\{\{\s*([0-9A-Za-z_]{1,64})\s*\}\}", re.ASCII)
"""A number or a name between two pairs of braces."""


def placeholders(text: str) -> tuple[str, ...]:
    """Return a text's placeholders, each once, in the order in which their parameters are sent.

    WhatsApp counts numbered parameters by their number and takes named ones as they come.
    """
    found = tuple(dict.fromkeys(PLACEHOLDER.findall(text)))
    return tuple(sorted(found, key=int)) if all(name.isdecimal() for name in found) else found


@dataclass(frozen=True, slots=True)
class Filled:
    """Parameters in the order of the placeholders, and what is missing for them."""

    params: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def into(self, body: str) -> str:
        """Return the template's text as the customer reads it; a placeholder without parameter stays."""
        by_name = dict(zip(placeholders(body), self.params, strict=False))
        return PLACEHOLDER.sub(lambda match: by_name.get(match[1], match[0]), body)


def fill(failure: FailedDelivery, mapping: Iterable[tuple[str, str]], language: str) -> Filled:
    """Return parameters for pairs of variable and fallback text, in the template's language."""
    return filled_from(variables(failure, language), mapping)


def filled_from(known: Mapping[str, str], mapping: Iterable[tuple[str, str]]) -> Filled:
    """Return parameters for pairs of variable and fallback text from values by variable."""
    params: list[str] = []
    missing: list[str] = []
    for variable, fallback in mapping:
        value = known.get(variable) or fallback
        params.append(value)
        if not value:
            missing.append(variable)
    return Filled(tuple(params), tuple(missing))


def variables(failure: FailedDelivery, language: str) -> dict[str, str]:
    """Return the variables that a failed delivery knows, by the names sellers use."""
    item = failure.items[0] if failure.items else None
    return {
        "customer_order_id": failure.order_id,
        "brand": failure.brand or (item.brand if item else ""),
        "sku": item.sku if item else "",
        "product_title": item.title if item else "",
        "item_quantity": str(sum(line.quantity for line in failure.items)) if failure.items else "",
        "customer_name": failure.customer_name,
        "customer_phone": phone_words(failure.customer_phone),
        "address": ", ".join(failure.address.lines),
        "city": failure.address.city,
        "state": failure.address.state,
        "pincode": failure.address.pincode,
        "payment_method": payment_words(is_cod=failure.is_cod, language=language),
        "tracking_id": failure.tracking_id,
        "tracking_url": failure.tracking_url,
        "courier_name": failure.courier_name,
        "failure_reason": reason_words(failure.reason, language),
        "attempt_number": str(failure.attempt),
        "expected_date": day_words(date.fromisoformat(failure.expected_on), language)
        if failure.expected_on
        else "",
        "amount_due": rupees(failure.amount_due_paise) if failure.amount_due_paise else "",
    }
