"""One entry of an order's activity in words, by its kind and topic: notifications, answers, steps, reports.

Every pair of kind and topic that the program writes has its words here; a test lists those it writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.portal.entry_messages import bubble_of, location_link, reply_of, sent_of
from api.portal.order_words import (
    MODES,
    OUTCOMES,
    action_line,
    quoted,
    sentence,
    why_not_sent,
)
from api.portal.parts import Entry, TickStatus
from db.cases import CaseRow
from db.messages import Message
from db.timeline import TimelineEntry
from domain.case_events import Purpose
from domain.failures import Action
from domain.formats import clock, iso, local_date, moment
from domain.journey import JOURNEY, find_event
from domain.messages import MessageStatus
from domain.seller_words import reason_title
from domain.shipments import ShipmentMove

__all__ = ["CASE_CLOSED", "Told", "entry_of", "has_words"]

CASE_CLOSED: Final = "Case closed"
"""What the end of a case is called."""

_NOT_SENT: Final = "_not_sent"
_PURPOSES: Final[dict[str, str]] = {
    Purpose.FAILED_DELIVERY: "Failed delivery",
    Purpose.REMINDER: "Reminder",
    Purpose.SENT_AGAIN: "Failed delivery, sent again",
    Purpose.ANSWER: "Answer",
    Purpose.QUESTION: "Question",
    Purpose.NUDGE: "Nudge",
    Purpose.STANDARD_ANSWER: "Standard answer",
    Purpose.WHICH_ORDER: "Question which order is meant",
    Purpose.TEST: "Test message",
}
_STEPS: Final[dict[str, str]] = {
    "held": "First message waits",
    "message_not_sent": "Message not sent",
    "message_unknown": "Message may not have arrived",
    "opted_out": "Customer opted out",
    "language": "Language changed",
    "resend_asked": "Message is to be sent again",
    "resend_not_possible": "Message could not be sent again",
    "action_not_possible": "Action was not possible",
    "order_chosen": "Customer said which order they mean",
    "order_system_told": "Order system told, so that e-mail or SMS can take over",
}
_HANDED: Final[dict[str, str]] = {
    "handed_to_seller": "Handed over to you",
    "contradiction": "Customer wants something else now",
    "action_refused": "Courier refused",
    "action_taken_back": "Courier did not do what it accepted",
}
_MOVES: Final[dict[str, str]] = {
    ShipmentMove.DELIVERED: "Delivered",
    ShipmentMove.RTO: "On its way back to you",
    ShipmentMove.CANCELLED: "Cancelled",
    ShipmentMove.LOST: "Lost",
    ShipmentMove.OUT_FOR_DELIVERY: "Out for delivery again",
    ShipmentMove.RESOLUTION_SUBMITTED: "Action recorded by the order system",
}
_DETAILS: Final[dict[str, str]] = {
    "the first message waits for the end of quiet hours": "Until quiet hours end",
    "asked to send the message again": "",
    "the customer says that it was about this order": "",
    "Gupshup did not answer; the message is not sent again": "WhatsApp did not answer, so it is not sent a second time",
    "three unexpected answers in a row": "Three answers in a row could not be read",
    "the customer asks for a person": "The customer asks to speak with you",
}
"""Words of a case's notes that read better otherwise here."""

_PHONE_PROBLEMS: Final = {"no_phone": "No phone on the order", "invalid_phone": "Phone number not valid"}
_TICKS: Final[dict[MessageStatus, tuple[TickStatus, str]]] = {
    MessageStatus.QUEUED: ("queued", "Being sent"),
    MessageStatus.SENDING: ("queued", "Being sent"),
    MessageStatus.UNKNOWN: ("queued", "Not known whether it arrived"),
    MessageStatus.REFUSED: ("failed", "Not accepted"),
    MessageStatus.SUBMITTED: ("queued", "Handed to WhatsApp"),
    MessageStatus.ENQUEUED: ("queued", "Handed to WhatsApp"),
    MessageStatus.SENT: ("sent", "Sent"),
    MessageStatus.FAILED: ("failed", "Failed"),
    MessageStatus.DELIVERED: ("delivered", "Delivered"),
    MessageStatus.READ: ("read", "Read"),
}
_FAILED: Final = (MessageStatus.FAILED, MessageStatus.REFUSED)
_WAYS_ON: Final = {
    "Notification is off": ("See notifications", "/notifications"),
    "Gupshup app not installed": ("Install it", "/apps"),
    "The account was uninstalled": ("See apps", "/apps"),
    "The template cannot be sent now": ("See notification", "/notifications"),
    "The Gupshup account cannot send now": ("See apps", "/apps"),
    "Value missing": ("See notification", "/notifications"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry with what it is put into words with.

    Attributes:
        shown: The entry.
        row: Its case.
        message: Its message.
        owner: Whose account the message went through: "eshopbox", "client", or empty where that is not known.
        customer: What the customer is called.
        zone: The workspace's.
        now: The time.
    """

    shown: TimelineEntry
    row: CaseRow | None
    message: Message | None
    owner: str
    customer: str = field(repr=False)
    zone: ZoneInfo
    now: datetime

    def entry(self, what: str, **parts: Any) -> Entry:
        """Return an entry with the parts that all have."""
        at = self.shown.entry.at
        return Entry(
            key=str(self.shown.id),
            what=what,
            time=clock(at, self.zone),
            iso=iso(at, self.zone),
            customer=self.customer,
            **parts,
        )


def entry_of(told: Told) -> Entry:
    """Return an entry in words; a topic that nobody knows any more is shown by its own word."""
    make: Callable[[Told], Entry] = {
        "notification": _notification,
        "reply": _reply,
        "automatic": _step,
        "handover": _handed,
        "report": _report,
        "action": _plain,
    }.get(told.shown.entry.kind, _plain)
    return make(told)


def has_words(kind: str, topic: str) -> bool:
    """Tell whether a pair of kind and topic has words of its own."""
    known = {
        "notification": lambda: _title(topic.removesuffix(_NOT_SENT)) is not None,
        "reply": lambda: reply_of(topic, {}) is not None,
        "automatic": lambda: topic in _STEPS or topic.removeprefix("ended_") in OUTCOMES,
        "handover": lambda: (
            topic in _HANDED
            or topic.removesuffix("_taken_back") in set(Action)
            or topic.removeprefix("ended_") in OUTCOMES
        ),
        "report": lambda: topic in _MOVES or topic in ("failed_delivery", "conflicting_repeat"),
        "action": lambda: any(topic.startswith(f"{action.value}_") for action in Action),
    }
    return kind in known and known[kind]()


def _plain(told: Told) -> Entry:
    entry = told.shown.entry
    return told.entry(
        sentence(entry.topic.replace("_", " ")),
        kind="automatic",
        mode=MODES.get(entry.mode, entry.mode),
        facts=_facts(sentence(entry.detail)),
    )


# --- Messages of ours ---


def _title(topic: str) -> str | None:
    if topic in _PURPOSES:
        return _PURPOSES[topic]
    event = find_event(topic)
    return event.title if event is not None else None


def _notification(told: Told) -> Entry:
    entry = told.shown.entry
    if entry.topic.endswith(_NOT_SENT):
        why = why_not_sent(entry.detail)
        topic = entry.topic.removesuffix(_NOT_SENT)
        way_on = next((way for words, way in _WAYS_ON.items() if why.startswith(words)), None)
        if way_on is not None and way_on[1] == "/notifications" and topic in {step.key for step in JOURNEY}:
            way_on = (way_on[0], f"/notifications/{topic}")
        return told.entry(
            _title(topic) or sentence(topic.replace("_", " ")),
            kind="not_sent",
            rest="not sent",
            facts=(why,),
            link=way_on,
        )
    status = told.shown.message_status
    what = _what_was_sent(entry.topic, entry.data)
    drawn = told.entry(what, kind="message", facts=_sent_facts(told), ticks=_ticks(told))
    if status in _FAILED:
        drawn = replace(drawn, kind="failed_message", rest="failed", say=_why_failed(told))
    elif status is MessageStatus.UNKNOWN:
        drawn = replace(drawn, say="WhatsApp did not answer, so it is not sent a second time.")
    message = sent_of(entry.data, at=entry.at, zone=told.zone, ticks=drawn.ticks[0] if drawn.ticks else "")
    return replace(drawn, messages=(message,)) if message is not None else drawn


def _what_was_sent(topic: str, data: Mapping[str, object]) -> str:
    title = _title(topic) or sentence(topic.replace("_", " "))
    if topic not in (Purpose.ANSWER, Purpose.QUESTION):
        return title
    if data.get("form"):
        return "Address form sent"
    if data.get("list_button"):
        return "All options sent"
    return "Choices sent" if data.get("buttons") else f"{title} sent"


def _sent_facts(told: Told) -> tuple[str, ...]:
    message, data = told.message, told.shown.entry.data
    if message is None:
        return ()
    buttons = data.get("buttons")
    count = len(buttons) if isinstance(buttons, list) else 0
    if message.kind == "template":
        from_what = ", ".join(filter(None, (message.template_name, _language(message.language))))
        first = f"Template {from_what}"
    else:
        first = f"Session message, {count} choices" if count > 1 else "Session message"
    owner = {"eshopbox": "Eshopbox account", "client": "own account"}.get(told.owner, "")
    return tuple(filter(None, (first, owner)))


def _language(code: str) -> str:
    return {"en": "English", "hi": "Hindi"}.get(code.replace("_", "-").split("-", 1)[0], code)


def _ticks(told: Told) -> tuple[TickStatus, str] | None:
    status = told.shown.message_status
    if status is None:
        return None
    mark, words = _TICKS[status]
    reached = next((each.at for each in reversed(told.shown.statuses) if each.status == status), None)
    if reached is None or status in (MessageStatus.SENDING, MessageStatus.UNKNOWN):
        return mark, words
    same_day = local_date(reached, told.zone) == local_date(told.shown.entry.at, told.zone)
    when = clock(reached, told.zone) if same_day else moment(reached, now=told.now, zone=told.zone)
    return mark, f"{words} {when}"


def _why_failed(told: Told) -> str:
    failed = next((each for each in reversed(told.shown.statuses) if each.status in _FAILED), None)
    if failed is None or not (failed.reason or failed.code):
        return "WhatsApp gives no reason."
    code = f" ({failed.code})" if failed.code else ""
    return f"{sentence(failed.reason) or 'WhatsApp gives no reason'}{code}"


# --- Answers ---


def _reply(told: Told) -> Entry:
    entry = told.shown.entry
    rest = reply_of(entry.topic, entry.data)
    message = bubble_of(entry.topic, entry.data, customer=told.customer, at=entry.at, zone=told.zone)
    return told.entry(
        told.customer,
        kind="reply",
        rest=rest if rest is not None else f"sent {entry.topic.replace('_', ' ')}",
        messages=() if message is None else (message,),
        link=location_link(entry.data),
    )


# --- Steps, and what is put before the seller ---


def _facts(*words: str) -> tuple[str, ...]:
    return tuple(filter(None, words))


def _by(person: str) -> str:
    return f"by {person}" if person else ""


def _step(told: Told) -> Entry:
    entry = told.shown.entry
    mode = MODES.get(entry.mode, entry.mode)
    if entry.topic.startswith("ended_"):
        outcome = OUTCOMES.get(entry.topic.removeprefix("ended_"), "")
        return told.entry(
            CASE_CLOSED,
            kind="automatic",
            mode=mode,
            facts=_facts(outcome, _by(entry.person)),
            say=_why_ended(told),
        )
    if entry.topic not in _STEPS:
        return _plain(told)
    is_reason = entry.topic == "message_not_sent"
    detail = why_not_sent(entry.detail) if is_reason else sentence(_readable(entry.detail))
    return told.entry(
        _STEPS[entry.topic], kind="automatic", mode=mode, facts=_facts(detail, _by(entry.person))
    )


def _why_ended(told: Told) -> str:
    """Return the words of an end that say more than its outcome."""
    entry = told.shown.entry
    if entry.topic == "ended_closed" and entry.detail != "closed by hand":
        return quoted(entry.detail)
    return why_not_sent(entry.detail) if entry.topic == "ended_undeliverable" and entry.detail else ""


def _handed(told: Told) -> Entry:
    entry = told.shown.entry
    taken_back = entry.topic.removesuffix("_taken_back")
    if entry.topic in _HANDED:
        what, facts = _HANDED[entry.topic], _facts(sentence(_readable(entry.detail)))
    elif entry.topic == "ended_not_my_order":
        what, facts = "Not their order", ("The number belongs to somebody else: nothing more is sent to it",)
    elif entry.topic.startswith("ended_"):
        what, facts = "Handed over to you", _facts(sentence(_readable(entry.detail)))
    elif taken_back in set(Action):
        title = action_line(taken_back, None, today=local_date(told.now, told.zone))
        what, facts = f"{title} was not done after all", _facts(quoted(entry.detail))
    else:
        return _plain(told)
    return told.entry(
        what,
        kind="handed_over",
        mode=MODES.get(entry.mode, entry.mode),
        facts=(*facts, *_facts(_by(entry.person))),
    )


def _readable(detail: str) -> str:
    """Return a note's words in a seller's: no word of the program's own for a choice is left in them."""
    if detail in _DETAILS:
        return _DETAILS[detail]
    for action in Action:
        detail = detail.replace(action.value, action.value.replace("_", " "))
    return detail.replace("confirm cancel", "cancel").replace("date:", "")


# --- The courier ---


def _report(told: Told) -> Entry:
    entry, data = told.shown.entry, told.shown.entry.data
    if entry.topic == "failed_delivery":
        courier = str(data.get("courier") or "Courier")
        code, said = str(data.get("raw_code") or ""), quoted(str(data.get("raw_reason") or ""))
        raw = ", ".join(filter(None, (code, said)))
        remark = quoted(str(data.get("raw_remark") or ""))
        attempt = f", attempt {told.row.attempt}" if told.row else ""
        return told.entry(
            f"Delivery failed{attempt}",
            kind="courier",
            facts=_facts(
                reason_title(str(data.get("reason") or "unknown")),
                f"{courier}: {raw}" if raw else courier,
                f"Remark: {remark}" if remark else "",
                _PHONE_PROBLEMS.get(str(data.get("phone_problem") or ""), ""),
            ),
        )
    if entry.topic == "conflicting_repeat":
        return told.entry(
            "Reported again, differently",
            kind="courier",
            facts=_facts(sentence(entry.detail), "The first report stands"),
        )
    if entry.topic not in _MOVES:
        return _plain(told)
    return told.entry(
        _MOVES[entry.topic], kind="moved", facts=_facts(told.row.courier_name if told.row else "")
    )
