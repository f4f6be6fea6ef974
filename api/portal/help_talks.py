"""How a failed delivery is talked about, as the help tells it: what happens when, what can be chosen, talks drawn."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from api.portal.parts import Message, MessageButton, message_of
from domain.failures import Action
from domain.journey import TemplateText
from domain.preview import preview
from domain.templates import placeholders
from domain.timing import AtDeadline, Policy
from domain.wording import DEFAULT_LANGUAGE, day_words, label, text, words_of

__all__ = ["OfferRow", "Talk", "offers", "proposed", "steps", "talks"]

_TIME: Final = "14:12"
_HOUR: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """What a customer may choose, and what comes of it."""

    title: str
    asks: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, drawn."""

    id: str
    title: str
    say: str
    messages: tuple[Message, ...]


def proposed(words: TemplateText, known: dict[str, str]) -> Message:
    """Return a template as a bubble, filled with samples."""
    found = preview(
        header=words.header,
        body=words.named_body,
        footer=words.footer,
        buttons=[("QUICK_REPLY", each) for each in words.buttons],
        mapping=[(name, "") for name in placeholders(words.named_body)],
        samples=known,
    )
    return message_of(found, time=_TIME)


def steps(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Return what happens when, with a workspace's own times."""
    reminders = " and ".join(_hours(minutes) for minutes in policy.reminders_after)
    quiet = (
        f"Not between {policy.quiet_from} and {policy.quiet_until}: then it waits for the morning."
        if policy.quiet_from
        else "At any time of day: you have set no quiet hours."
    )
    deadline = {
        AtDeadline.HAND_OVER: "the case is handed to you: the order stands under “Waiting for you”",
        AtDeadline.REATTEMPT: "we ask the courier for another attempt",
        AtDeadline.NOTHING: "the case ends, and the courier will usually return the parcel",
    }[policy.at_deadline]
    return (
        ("The courier reports a failed attempt", f"We write to the customer at once. {quiet}"),
        (
            "The customer taps or writes",
            "Only what the courier can do now is offered. Words and location pins are understood as well as taps.",
        ),
        (
            "The courier is asked",
            "What the customer wants is done only when the courier accepts it. If it refuses, the customer hears so and gets what is still possible.",
        ),
        (
            "The customer is silent",
            f"A reminder follows after {reminders}." if reminders else "You have set no reminders.",
        ),
        (
            f"The deadline, {_hours(policy.deadline_after)} after the failed attempt",
            f"Still silent: {deadline}.",
        ),
    )


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, _HOUR)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))


def offers() -> tuple[OfferRow, ...]:
    """Return what a customer may choose."""
    titles = words_of(DEFAULT_LANGUAGE).titles
    rows = {
        Action.REATTEMPT: ("Nothing more", "The courier tries again on the next working day."),
        Action.RESCHEDULE: ("The day, from a list", "The courier comes on that day."),
        Action.UPDATE_ADDRESS: (
            "The address: typed, as a form or as a pin. It is read back and confirmed.",
            "The courier goes to the new address, within the same pincode.",
        ),
        Action.CANCEL: ("Once more, whether that is meant", "The order is cancelled and returns to you."),
        Action.DISPUTE: (
            "What happened, in a few words",
            "You see the customer’s words as evidence, and a new attempt is asked for.",
        ),
        Action.NOT_MY_ORDER: (
            "Nothing more",
            "We never write to this number about your orders again, and you hear of it.",
        ),
    }
    return tuple(
        OfferRow(title=titles[action][0], asks=asks, then=then) for action, (asks, then) in rows.items()
    )


def talks(opening: TemplateText, known: dict[str, str], today: date) -> tuple[Talk, ...]:
    """Return conversations as they go with Eshopbox's words.

    Args:
        opening: The template that begins them.
        known: A sample of each variable.
        today: The day that it is.
    """
    language, policy = DEFAULT_LANGUAGE, Policy()
    titles = words_of(language).titles
    day = day_words(today + timedelta(days=2), language)
    values = {
        "brand": known["brand"],
        "order_id": known["customer_order_id"],
        "courier": known["courier_name"],
        "pincode": known["pincode"],
        "area": text("area", policy, language, pincode=known["pincode"]),
        "payment": "",
        "day": day,
        "address": f"{known['address']}\n{known['city']} {known['pincode']}",
    }

    def ours(key: str, *taps: str, is_list: bool = False) -> Message:
        """Return a message of ours."""
        buttons = tuple(MessageButton(label=tap, icon="list" if is_list else "reply") for tap in taps)
        said = text(key, policy, language, **values)
        return Message(paragraphs=tuple(said.split("\n\n")), buttons=buttons, time=_TIME)

    def theirs(words: str) -> Message:
        """Return a message of the customer."""
        return Message(by_customer=True, paragraphs=(words,), time=_TIME, ticks="read")

    options = label("see_options", language)
    return (
        Talk(
            id="day",
            title="Another day",
            say="Your template opens the conversation. A tap leads to a list of days; one more tap is enough.",
            messages=(
                proposed(opening, known),
                theirs(titles[Action.RESCHEDULE][0]),
                ours("choose_day", label("pick_day", language), is_list=True),
                theirs(day),
                ours("accepted_reschedule"),
            ),
        ),
        Talk(
            id="address",
            title="A new address",
            say="It is read back before the courier is asked, and its pincode is checked.",
            messages=(
                theirs(titles[Action.UPDATE_ADDRESS][0]),
                ours("ask_address", label("back", language)),
                theirs(values["address"]),
                ours("confirm_address", label("yes_right", language), label("change", language)),
                theirs(label("yes_right", language)),
                ours("accepted_update_address"),
            ),
        ),
        Talk(
            id="unexpected",
            title="Something unexpected",
            say="What cannot be read is kept on the order and answered with the choices. After three in a row your team is asked.",
            messages=(
                theirs("I was at home the whole day"),
                ours("please_choose", options, is_list=True),
                theirs("why does nobody call"),
                ours("please_choose", options, is_list=True),
                theirs("hello??"),
                ours("team_will_contact", options, is_list=True),
            ),
        ),
    )
