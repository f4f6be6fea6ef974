"""An act by hand in words: what it does, what the customer reads, what is left where it is not possible."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.acting import Stand
from api.portal.forms import FieldError
from api.portal.order_case import ACT_WORDS
from api.portal.order_words import action_line
from api.portal.parts import Check, Message
from domain.case_events import ActionTaken
from domain.case_state import State
from domain.cases import told_if_accepted
from domain.failures import Action, Mode
from domain.formats import clock, local_date, moment_inside, plain_day
from domain.timing import Policy, quiet_until

__all__ = [
    "CLOSE",
    "RESEND",
    "ActPage",
    "Asked",
    "buttons",
    "done_words",
    "effects",
    "heading",
    "not_possible",
    "quiet_words",
    "refusal_error",
    "told_checks",
    "told_message",
]

RESEND: Final = "resend"
CLOSE: Final = "close"

_STEP_OF: Final[dict[str, Action]] = {
    State.CHOOSING_DATE: Action.RESCHEDULE,
    State.GIVING_ADDRESS: Action.UPDATE_ADDRESS,
    State.CONFIRMING_ADDRESS: Action.UPDATE_ADDRESS,
    State.CONFIRMING_CANCEL: Action.CANCEL,
    State.DESCRIBING_DISPUTE: Action.DISPUTE,
}
_BUTTONS: Final[dict[str, str]] = {
    Action.REATTEMPT: "Ask for a new attempt",
    Action.RESCHEDULE: "Ask for this day",
    Action.UPDATE_ADDRESS: "Change the address",
    Action.CANCEL: "Cancel and return",
    Action.DISPUTE: "Dispute the reason",
    Action.NOT_MY_ORDER: "Stop writing to it",
    RESEND: "Send it again",
    CLOSE: "Close without action",
}
_KEEP: Final[dict[str, str]] = {Action.CANCEL: "Keep the order"}
_DANGER: Final = frozenset({Action.CANCEL.value, Action.NOT_MY_ORDER.value, CLOSE})
_SHORT: Final[dict[str, str]] = {RESEND: "Send again", CLOSE: "Close"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do with a case.

    Attributes:
        what: An action, `resend` or `close`.
        on: The day, for another date.
        address: The new address's house, street and area.
        landmark: Directions for the rider.
        phone: Another number for the courier.
        words: What happened, for a dispute.
        why: Why, for the seller's own team.
        ask: What makes a repeat of it the same act.
    """

    what: str
    on: date | None = None
    address: str = field(default="", repr=False)
    landmark: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    why: str = field(default="", repr=False)
    ask: str = ""

    @property
    def action(self) -> Action | None:
        """The action; None for what is none."""
        return Action(self.what) if self.what in set(Action) else None


@dataclass(frozen=True, slots=True)
class ActPage:
    """The last question before an act.

    Attributes:
        order_id: Whose order.
        url: The order's page.
        title: The question.
        crumb: The page's name in the breadcrumb.
        case_id: The case.
        asked: What is wanted, with what was filled in.
        checks: What it does.
        messages: What the customer reads.
        days: Pairs of day and words, where another day has to be chosen.
        pincode: What the address keeps; empty where it is free.
        has_phone: Whether another number can be passed on.
        yes: The button's words.
        keep: The words of the way back.
        is_danger: Whether something is lost by it.
        is_possible: Whether it can be done at all.
        foot: How it is recorded.
    """

    order_id: str
    url: str
    title: str
    crumb: str
    case_id: str
    asked: Asked
    checks: tuple[Check, ...]
    messages: tuple[Message, ...]
    days: tuple[tuple[str, str], ...]
    pincode: str
    has_phone: bool
    yes: str
    keep: str
    is_danger: bool
    is_possible: bool
    foot: str
    errors: tuple[FieldError, ...] = ()

    @property
    def trouble(self) -> tuple[str, str] | None:
        """What is wrong with no field in particular: its first sentence and the rest; None where nothing is."""
        error = next((error for error in self.errors if not error.field), None)
        if error is None:
            return None
        first = f"{error.first_sentence}."
        return first, error.text.removeprefix(error.first_sentence).lstrip(". ")


def heading(asked: Asked, order_id: str, *, today: date) -> tuple[str, str]:
    """Return the question, and what it is called in the breadcrumb."""
    action = asked.action
    if action is Action.RESCHEDULE and asked.on is not None:
        return f"Deliver {order_id} on {plain_day(asked.on, today=today)}?", "Another date"
    titles = {
        Action.REATTEMPT.value: f"Reattempt {order_id}?",
        Action.RESCHEDULE.value: f"Deliver {order_id} on another date?",
        Action.UPDATE_ADDRESS.value: f"Change the address of {order_id}?",
        Action.CANCEL.value: f"Cancel and return {order_id}?",
        Action.DISPUTE.value: f"Dispute the courier’s reason for {order_id}?",
        Action.NOT_MY_ORDER.value: f"Stop writing to the number of {order_id}?",
        RESEND: f"Send the message about {order_id} again?",
        CLOSE: f"Close the case of {order_id} without action?",
    }
    return titles[asked.what], _SHORT.get(asked.what) or ACT_WORDS[Action(asked.what)].partition(" and")[0]


def buttons(asked: Asked) -> tuple[str, str, bool]:
    """Return the words that do it, those of the way back, and whether something is lost by it."""
    return _BUTTONS[asked.what], _KEEP.get(asked.what, "Back to the order"), asked.what in _DANGER


def effects(asked: Asked, stand: Stand, *, zone: ZoneInfo, now: datetime) -> tuple[Check, ...]:
    """Return what an act does, and what speaks against it."""
    return (
        _effect(asked, stand, today=local_date(now, zone)),
        *_other_wish(asked, stand, zone=zone, now=now),
    )


def _effect(asked: Asked, stand: Stand, *, today: date) -> Check:
    courier = stand.row.courier_name or "The courier"
    pincode = stand.facts.failure.address.pincode
    match asked.what:
        case Action.RESCHEDULE.value:
            day = plain_day(asked.on, today=today) if asked.on else "the day that you choose"
            return Check(words=f"{courier} is asked to come on {day}", drawing="truck")
        case Action.UPDATE_ADDRESS.value:
            kept = f"The pincode stays {pincode}" if pincode else ""
            return Check(
                words=f"{courier} is asked to bring it to the new address", note=kept, drawing="truck"
            )
        case Action.DISPUTE.value:
            said = "What you write goes to the courier with it"
            return Check(
                words=f"{courier} is told that its reason is not true, and asked for a new attempt",
                note=said,
                drawing="truck",
            )
        case Action.CANCEL.value:
            return Check(
                words=f"{courier} takes the parcel back to your warehouse",
                note="This cannot be taken back",
                tone="bad",
            )
        case Action.NOT_MY_ORDER.value:
            return Check(
                words="Nothing more is sent to this number, and the case ends",
                note="You have to reach your customer another way",
                tone="bad",
            )
        case "resend":
            return Check(words="The customer gets the message with all choices once more", drawing="message")
        case "close":
            return Check(
                words="The customer is not asked any more, and the courier is not told anything",
                note="Who answers later reads that nothing waits for an answer",
                tone="warn",
            )
        case _:
            return Check(words=f"{courier} is asked to try again on the next working day", drawing="truck")


def _other_wish(asked: Asked, stand: Stand, *, zone: ZoneInfo, now: datetime) -> tuple[Check, ...]:
    """Return that the customer is about to ask for something else."""
    wish, at = _STEP_OF.get(stand.row.state), stand.row.last_reply_at
    if wish is None or at is None or asked.what in (wish, RESEND):
        return ()
    name = stand.facts.failure.customer_name or "The customer"
    when = moment_inside(at, now=now, zone=zone)
    words = f"{name} asked for something else, {when}: {ACT_WORDS[wish].casefold()}"
    return (Check(words=words, note="Both are kept in the activity", tone="warn"),)


def told_message(asked: Asked, stand: Stand, *, now: datetime) -> str:
    """Return what the customer reads once it is accepted; empty where they are told nothing."""
    if asked.action is None:
        return ""
    event = ActionTaken(asked.action, Mode.SELLER_PORTAL, on=asked.on)
    return told_if_accepted(stand.case, event, now, stand.policy)


def told_checks(asked: Asked, stand: Stand, told: str, *, zone: ZoneInfo, now: datetime) -> tuple[Check, ...]:
    """Return whether the customer is told, and if not, why."""
    if asked.action in (None, Action.NOT_MY_ORDER):
        return ()
    name = stand.facts.failure.customer_name or "The customer"
    if told:
        return (Check(words=f"{name} is told on WhatsApp once it is accepted", drawing="message"),)
    case = stand.case
    if case.opted_out:
        why = "They want no messages"
    elif not case.window_is_open(now):
        why = "They have not written for 24 hours, so WhatsApp allows no such message"
    elif quiet := quiet_words(stand.policy, zone=zone, now=now):
        why = quiet
    else:
        why = "Nobody asked them about this failure"
    return (Check(words=f"{name} is not told on WhatsApp", note=why, tone="warn"),)


def quiet_words(policy: Policy, *, zone: ZoneInfo, now: datetime) -> str:
    """Return until when it is quiet; empty where it is not."""
    until = quiet_until(now, policy)
    return f"It is quiet until {clock(until, zone)}" if until is not None else ""


def not_possible(asked: Asked, stand: Stand) -> FieldError:
    """Return that something cannot be done now, and what can."""
    if not stand.row.is_open:
        return FieldError("", "This case has ended meanwhile. Nothing was asked for.")
    if stand.row.state == State.ACTING:
        return FieldError("", "The courier is being asked for something else. Wait for its answer.")
    possible = ", ".join(words.casefold() for action, words in ACT_WORDS.items() if action in stand.possible)
    what = ACT_WORDS[asked.action] if asked.action else asked.what
    return FieldError("", f"“{what}” is not possible now. Possible: {possible or 'nothing'}.")


def refusal_error(type_: str, asked: Asked, stand: Stand, *, today: date) -> FieldError:
    """Return why a case refused an act, at the field that is wrong, with what would be possible."""
    match type_:
        case "DayNotPossible":
            days = ", ".join(plain_day(day, today=today) for day in stand.days)
            return FieldError("on", f"That day is not possible. Possible: {days or 'none now'}.")
        case "AddressIncomplete":
            return FieldError(
                "address", "Enter house, street and area, for example Flat 4B, 17th Main, Indiranagar"
            )
        case "OtherPincode":
            pincode = stand.facts.failure.address.pincode
            return FieldError(
                "address", f"The pincode has to stay {pincode}. The courier cannot change it on the way."
            )
        case "CaseEnded":
            return FieldError("", "This case has ended meanwhile. Nothing was asked for.")
        case _:
            return not_possible(asked, stand)


def done_words(asked: Asked, courier: str, *, today: date) -> str:
    """Return what was done, for the next page."""
    if asked.action is Action.NOT_MY_ORDER:
        return "The case is closed, and nothing more is sent to this number."
    if asked.action is None:
        return "The message was sent again." if asked.what == RESEND else "The case is closed."
    title = action_line(asked.what, asked.on, today=today)
    return f"{courier or 'The courier'} accepted: {title[0].lower()}{title[1:]}."
