"""Orders and their cases as lines and badges of their pages: actions, states, why something was not sent.

Titles that several pages share stand in `domain.seller_words`.
"""

from datetime import date
from typing import Final

from api.portal.parts import Tone
from db.orders import OrderRow
from db.standing import Tab
from domain.case_state import Outcome, State
from domain.failures import Action, Mode
from domain.formats import plain_day
from domain.messages import NotSent

__all__ = [
    "MODES",
    "NOT_SENT",
    "OUTCOMES",
    "action_line",
    "quoted",
    "sentence",
    "stand_badge",
    "waiting_words",
    "why_not_sent",
]

MODES: Final[dict[str, str]] = {
    Mode.WHATSAPP: "WhatsApp",
    Mode.CUSTOMER_PORTAL: "Customer portal",
    Mode.SELLER_PORTAL: "Seller portal",
    Mode.API: "API",
    Mode.OPS: "Eshopbox ops",
    Mode.AUTOMATIC: "Automatic",
}
"""Where an act came from."""

OUTCOMES: Final[dict[str, str]] = {
    Outcome.RESOLVED: "The courier accepted what was asked for",
    Outcome.RESOLVED_ELSEWHERE: "Somebody acted outside this page",
    Outcome.DELIVERED: "The parcel was delivered",
    Outcome.RTO: "The parcel goes back to you",
    Outcome.CANCELLED: "The order was cancelled",
    Outcome.LOST: "The parcel was lost",
    Outcome.MOVED_ON: "The parcel is on its way again",
    Outcome.SUPERSEDED: "A later attempt failed too and has its own case",
    Outcome.UNDELIVERABLE: "The customer could not be reached on WhatsApp",
    Outcome.HANDED_OVER: "Handed over to you",
    Outcome.NOT_MY_ORDER: "The number belongs to somebody else",
    Outcome.NO_ANSWER: "Nobody answered in time",
    Outcome.CLOSED: "Closed by hand, without action",
}
"""How a case ended."""

NOT_SENT: Final[dict[NotSent, str]] = {
    NotSent.RECIPIENT: "Number is not on WhatsApp, or blocks you",
    NotSent.NO_PHONE: "No phone on the order",
    NotSent.INVALID_PHONE: "Phone number not valid",
    NotSent.OPTED_OUT: "Customer opted out",
    NotSent.WRONG_NUMBER: "The number belongs to somebody else",
    NotSent.SWITCHED_OFF: "Notification is off",
    NotSent.ACCOUNT_REMOVED: "The account was uninstalled",
    NotSent.MISSING_VALUE: "Value missing",
    NotSent.TEMPLATE: "The template cannot be sent now",
    NotSent.ACCOUNT: "The Gupshup account cannot send now",
    NotSent.WINDOW: "The customer has not written for 24 hours",
    NotSent.THROTTLED: "Too many messages at once",
    NotSent.TRANSIENT: "WhatsApp could not take it just then",
    NotSent.OURS: "WhatsApp did not take the message as it was",
    NotSent.STALLED: "Trouble on our side",
    NotSent.UNKNOWN: "Reason not known",
}
"""Why a message did not go out."""

_NAMES_WHAT: Final = frozenset({NotSent.MISSING_VALUE, NotSent.TEMPLATE})
_ELSEWHERE_NAMED: Final = {
    "no WhatsApp account is installed": "Gupshup app not installed",
    "the notification is switched off": "Notification is off",
}

_ACTIONS: Final[dict[Action, str]] = {
    Action.REATTEMPT: "New attempt",
    Action.RESCHEDULE: "Another date",
    Action.UPDATE_ADDRESS: "New address",
    Action.CANCEL: "Cancel and return",
    Action.DISPUTE: "Dispute of the courier’s reason",
    Action.NOT_MY_ORDER: "Not their order",
}

_BY_STATE: Final[dict[str, tuple[str, Tone]]] = {
    State.HELD: ("Waits for morning", ""),
    State.WAITING: ("No answer yet", "info"),
    State.CHOOSING_DATE: ("Choosing a day", "info"),
    State.GIVING_ADDRESS: ("Giving an address", "info"),
    State.CONFIRMING_ADDRESS: ("Confirming address", "info"),
    State.CONFIRMING_CANCEL: ("Confirming cancel", "info"),
    State.DESCRIBING_DISPUTE: ("Describing", "info"),
    State.CONFIRMING_CHOICE: ("Confirming", "info"),
    State.ACTING: ("Courier is asked", "info"),
}
_ON_ITS_WAY: Final = {
    Action.REATTEMPT: "New attempt agreed",
    Action.UPDATE_ADDRESS: "New address agreed",
    Action.DISPUTE: "New attempt agreed",
}
_NOT_DELIVERED: Final[dict[str, str]] = {
    Outcome.RTO: "Returned",
    Outcome.CANCELLED: "Cancelled",
    Outcome.LOST: "Lost",
    Outcome.UNDELIVERABLE: "Not reached",
    Outcome.NO_ANSWER: "No answer",
    Outcome.NOT_MY_ORDER: "Wrong number",
    Outcome.HANDED_OVER: "Handed over",
    Outcome.CLOSED: "Closed",
}


def action_line(action: str, on: date | None, *, today: date) -> str:
    """Return an action as a line of its own: "Deliver on Fri 20 Nov"."""
    if action == Action.RESCHEDULE and on is not None:
        return f"Deliver on {plain_day(on, today=today)}"
    return _ACTIONS[Action(action)] if action in set(Action) else sentence(action.replace("_", " "))


def why_not_sent(detail: str) -> str:
    """Return why a message was not sent, from what the activity keeps of it: "reason: more"."""
    if detail in _ELSEWHERE_NAMED:
        return _ELSEWHERE_NAMED[detail]
    reason, _, more = detail.partition(": ")
    if reason not in set(NotSent):
        return sentence(detail) or NOT_SENT[NotSent.UNKNOWN]
    words = NOT_SENT[NotSent(reason)]
    if not more:
        return words
    return f"{words}: {more}" if NotSent(reason) in _NAMES_WHAT else f"{words} ({more})"


def sentence(words: str) -> str:
    """Return words with a capital in front, as a line of its own."""
    return words[:1].upper() + words[1:]


def quoted(words: str) -> str:
    """Return somebody else's words between marks; nothing where there are none."""
    return f"“{words.strip()}”" if words.strip() else ""


def waiting_words(topic: str, detail: str) -> tuple[str, str]:
    """Return what a seller is asked to decide, as a badge and as a sentence."""
    if topic == "contradiction":
        return "Changed their mind", "The customer now wants something else."
    if topic == "handed_to_seller":
        if "person" in detail:
            return "Asks for you", "The customer asks to speak with you."
        return "Not understood", "Three answers in a row could not be read."
    if topic.endswith("taken_back"):
        return "Not done", "The courier did not do what it had accepted."
    if topic == "ended_not_my_order":
        return "Wrong number", "Whoever has this number does not know the order."
    if "refused" in detail:
        return "Courier refused", "The courier refused, and nothing else is possible here."
    if "answered" in detail or "not asked" in detail:
        return "No answer", "Nobody answered in time."
    return "Decide", "This case was handed over to you."


def stand_badge(row: OrderRow, *, today: date) -> tuple[str, Tone]:
    """Return where an order stands, as a badge of one to three words and its tone."""
    if row.stand == Tab.WAITING:
        return waiting_words(row.asked_topic or "", row.asked_detail or "")[0], "warn"
    if row.stand == Tab.DELIVERED:
        return "Rescued" if row.is_rescued else "Delivered", "ok"
    if row.ended_at is None:
        return _BY_STATE.get(row.state, (sentence(row.state.replace("_", " ")), "info"))
    if row.stand == Tab.IN_HAND:
        if row.accepted_action == Action.RESCHEDULE and row.accepted_on is not None:
            return f"Comes {plain_day(row.accepted_on, today=today)}", "ok"
        words = _ON_ITS_WAY.get(Action(row.accepted_action)) if row.accepted_action else None
        return (words, "ok") if words else ("On its way", "info")
    if row.accepted_action == Action.CANCEL:
        return "Cancelled", ""
    end = row.final or row.outcome
    return _NOT_DELIVERED.get(end, "Not delivered"), "bad" if end in (Outcome.RTO, Outcome.LOST) else ""
