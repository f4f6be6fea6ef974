"""What becomes of an accepted message: a table of numbers that always behave one way, and of failures.

The last four digits of the destination decide, whatever the app:

| ending | what happens |
| --- | --- |
| 0402 | wallet empty: early `failed` 1003 |
| 0404 | not on WhatsApp: `enqueued`, then late `failed` 1002 |
| 0405 | template paused: early `failed` 4005 (templates only) |
| 0407 | delivered, never read |
| 0408 | the customer blocks the business: `sent`, never delivered |
| 0131 | undeliverable: late `failed` 131026 |
| 0149 | withheld by Meta: late `failed` 131049 |
| 0150 | marketing stopped by the customer: late `failed` 131050 |
| 0409 | stays `enqueued` for ever |
| 0503 | connection to WhatsApp failed: early `failed` 503 |

An *early* failure is refused before WhatsApp: no `enqueued`, and the callback's `id` is the messageId. A *late* one is
WhatsApp's: `enqueued` comes first, and the messageId is in `gsId`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .state import Message, Phone, PhoneState, Step


@dataclass(frozen=True, slots=True)
class Fate:
    """How far a message gets, and why no further."""

    last: Step = "read"
    code: int | None = None
    reason: str = ""
    early: bool = False


_EARLY: Final = {
    503: "Connection to WhatsApp failed",
    1003: "Message sending failed as there was insufficient balance",
    4003: "No template match found",
    4005: "Template is paused",
}
_LATE: Final = {
    470: "Message failed because more than 24 hours have passed since the customer last replied",
    1002: "Number Does Not Exists On WhatsApp",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    131050: "User has stopped marketing messages from this business",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation, or is not approved",
    132005: "Translated text too long",
    132016: "Template is disabled",
    132018: "Parameter holds a newline, a tab or more than four spaces in a row",
}


def failure(code: int) -> Fate:
    """Return the fate of failing with this code."""
    if code in _EARLY:
        return Fate(last="failed", code=code, reason=_EARLY[code], early=True)
    return Fate(last="failed", code=code, reason=_LATE[code])


MAGIC: Final = {
    "0402": failure(1003),
    "0404": failure(1002),
    "0405": failure(4005),
    "0407": Fate(last="delivered"),
    "0408": Fate(last="sent"),
    "0131": failure(131026),
    "0149": failure(131049),
    "0150": failure(131050),
    "0409": Fate(last="enqueued"),
    "0503": failure(503),
}


def fate_of(message: Message, phone: Phone, fault: int | None) -> Fate:
    """Decide how far a message gets.

    Args:
        message: the accepted message.
        phone: where it goes.
        fault: the code of what is wrong with the content, if something is.
    """
    if message.app.balance <= 0:
        return failure(1003)
    if fault is not None:
        return failure(fault)
    magic = MAGIC.get(message.phone[-4:])
    if magic is not None and (magic.code != failure(4005).code or message.content.template):
        return magic
    match phone.state_for(message.app.id):
        case PhoneState.NONE:
            return failure(1002)
        case PhoneState.BLOCKED:
            return Fate(last="sent")
        case _:
            if message.content.kind != "template" and not message.in_window:
                return failure(470)
            return Fate()
