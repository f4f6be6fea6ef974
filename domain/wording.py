"""Every session text in one place: presets, overridden by a workspace's own; brand and order always named.

A session message is a value here; the client turns it into the provider's form.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.failures import Action, Reason
from domain.timing import Policy

BODY_MAX = 1024
FOOTER_MAX = 60
"""WhatsApp's own limits, in characters; a message over them is refused as a whole."""

_VALUE_MAX = 100
_ADDRESS_MAX = 600  # with every other value at its longest, the question beneath an address is never cut off


class SessionKind(StrEnum):
    """The forms a session message takes."""

    TEXT = "text"
    BUTTONS = "buttons"
    LIST = "list"
    ADDRESS_FORM = "address_form"


@dataclass(frozen=True, slots=True)
class Option:
    """Something to tap: what it stands for, and its words (button 20, row 24 + 72 characters)."""

    choice: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SessionMessage:
    """A free-form message, allowed only in the 24 h window.

    Attributes:
        kind: Its form.
        body: Its words.
        header: A short line above; empty for none.
        footer: A short line beneath; empty for none.
        button: What opens a list.
        options: What can be tapped.
        prefill: Values that an address form starts with, as pairs of field and value.
    """

    kind: SessionKind
    body: str
    header: str = ""
    footer: str = ""
    button: str = ""
    options: tuple[Option, ...] = ()
    prefill: tuple[tuple[str, str], ...] = ()


PRESETS: dict[str, dict[str, str]] = {
    "en": {
        "please_choose": "Sorry, we could not read that. What should we do with your {brand} order {order_id}?",
        "options": "These are possible for your {brand} order {order_id}:",
        "not_offered": "That is not possible for this delivery. These are possible for your {brand} order {order_id}:",
        "choose_day": "Which day suits you for your {brand} order {order_id}?",
        "ask_address": "Please send the complete address for your {brand} order {order_id}: house, street, area and a landmark.{area}",
        "area": " We can deliver within pincode {pincode}.",
        "address_short": "That is too short for an address. Please send house, street, area and a landmark for your {brand} order {order_id}.",
        "address_other_pincode": "We can deliver your {brand} order {order_id} only within pincode {pincode}. "
        "Please send an address with this pincode, or choose something else.",
        "confirm_address": "New address for your {brand} order {order_id}:\n{address}\n\nIs this right?",
        "confirm_cancel": "Do you really want to cancel your {brand} order {order_id}? It goes back to the seller.",
        "kept": "Good, we keep your {brand} order {order_id}. What should we do?",
        "ask_words": "We are sorry. Tell us in a few words what happened with your {brand} order {order_id}, or tap Send. We ask for a new attempt.",
        "accepted_reattempt": "Done. {courier} will try again on the next working day with your {brand} order {order_id}.{payment}",
        "accepted_reschedule": "Done. {courier} will come on {day} with your {brand} order {order_id}.{payment}",
        "accepted_update_address": "Done. {courier} will bring your {brand} order {order_id} to the new address.{payment}",
        "accepted_cancel": "Done. Your {brand} order {order_id} is cancelled and goes back to the seller.",
        "accepted_dispute": "Thank you. We have told {seller} and the courier, and asked for a new attempt with your {brand} order {order_id}.{payment}",
        "not_my_order": "Thank you for telling us. We will not write to you about the {brand} order {order_id} again.",
        "in_hand": "We have your answer for your {brand} order {order_id}. The courier's system is slow right now; we keep trying and tell you when it is done.",
        "refused": "The courier could not accept that for your {brand} order {order_id}. These are still possible:",
        "refused_last": "The courier could not accept that for your {brand} order {order_id}. The team of {seller} will contact you.",
        "refused_date": "The courier cannot come on {day}. Which other day suits you for your {brand} order {order_id}?",
        "already": "Already recorded for your {brand} order {order_id}: {action}.",
        "already_asked": "We have your answer for your {brand} order {order_id} and are passing it on: {action}.",
        "no_longer_waiting": "Thank you. Your {brand} order {order_id} is no longer waiting for an answer.",
        "team_will_contact": "Our team will contact you about your {brand} order {order_id}. You can still tap one of the choices.",
        "nudge": "We still need your answer for your {brand} order {order_id}. What should we do?",
        "cod": " Please keep {amount} ready.",
    }
}

_TITLES: dict[Action, tuple[str, str]] = {
    Action.REATTEMPT: ("Try again", "Next working day"),
    Action.RESCHEDULE: ("Choose another date", "Pick the day that suits you"),
    Action.UPDATE_ADDRESS: ("Change address", "Within the same pincode"),
    Action.CANCEL: ("Cancel the order", "We ask once more"),
    Action.DISPUTE: ("Nobody came", "Tell us what happened"),
    Action.NOT_MY_ORDER: ("Not my order", "You do not know this parcel"),
}
_DISPUTE_TITLES = {
    Reason.CUSTOMER_UNREACHABLE: "Nobody called",
    Reason.REFUSED: "I did not refuse it",
    Reason.REFUSED_OPENED: "I did not refuse it",
    Reason.COD_NOT_READY: "The money was ready",
    Reason.RESCHEDULE_REQUESTED: "I did not ask that",
}

_ACTION_WORDS = {
    Action.REATTEMPT: "a new delivery attempt",
    Action.RESCHEDULE: "delivery on {day}",
    Action.UPDATE_ADDRESS: "delivery to the new address",
    Action.CANCEL: "the order is cancelled",
    Action.DISPUTE: "a new attempt, and your report about the courier",
    Action.NOT_MY_ORDER: "this is not your order",
}


def action_option(action: Action, reason: Reason) -> Option:
    """Return the words under which an action is offered."""
    title, description = _TITLES[action]
    if action is Action.DISPUTE:
        title = _DISPUTE_TITLES.get(reason, title)
    return Option(choice=action.value, title=title, description=description)


def action_words(action: Action, on: date | None) -> str:
    """Return an action as part of a sentence."""
    return _ACTION_WORDS[action].format(day=day_words(on) if on else "another day")


def text(key: str, policy: Policy, language: str, /, **values: str) -> str:
    """Return a session text: the workspace's own if set, else the preset of the language, else English.

    Placeholders of a workspace's own text that do not exist are left as written, and an empty text is none: a
    seller's slip must not stop a case. Long values are cut before the text is, so that its question stays whole.
    """
    preset = PRESETS.get(language, PRESETS["en"]).get(key, PRESETS["en"][key])
    own = (policy.text(key) or "").rstrip()
    given = {
        name: shorten(value, _ADDRESS_MAX if name == "address" else _VALUE_MAX)
        for name, value in values.items()
    }
    filled = re.sub(
        r"\{(\w+)\}", lambda match: given.get(match.group(1), match.group(0)), own if own.strip() else preset
    )
    return shorten(re.sub(" {2,}", " ", filled), BODY_MAX)  # a name that is not known leaves no gap


def shorten(text: str, limit: int) -> str:
    """Return a text that fits, with an ellipsis where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def day_words(day: date) -> str:
    """Return a day as "Fri 20 Nov"."""
    return f"{day:%a} {day.day} {day:%b}"


def rupees(paise: int) -> str:
    """Return an amount as Indians write it: ₹9,84,310 or ₹35.50."""
    whole, rest = divmod(abs(paise), 100)
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    grouped = ",".join([*groups, tail])
    return f"{'−' if paise < 0 else ''}₹{grouped}{f'.{rest:02d}' if rest else ''}"
