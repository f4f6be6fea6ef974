"""The texts that answer the unexpected: what each is for, in words, and how it looks when it is sent (R7, R7.10)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from api.portal.parts import Message, MessageButton, message_of
from domain.failures import Action
from domain.preview import preview
from domain.templates import placeholders
from domain.timing import Policy
from domain.wording import PRESETS, action_words, days_words, label

__all__ = ["SAID", "TEXTS", "SessionText", "bubbles", "field_name", "values_of"]

Place = Literal["replies", "silence", "hours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionText:
    """One text that a seller may word.

    Attributes:
        key: Its name among the presets.
        title: When it is sent, in a few words.
        hint: What else there is to know.
        place: Under which heading it stands.
        offers: What follows below it: the choices, the open orders, or nothing.
        said: What the customer wrote or tapped before, as a key of `SAID`; empty where nobody wrote.
    """

    key: str
    title: str
    hint: str
    place: Place = "replies"
    offers: Literal["", "choices", "orders"] = ""
    said: str = ""


TEXTS: Final = (
    SessionText(
        key="please_choose",
        title="Anything but the offered choices",
        hint="A text, voice note, photo or sticker while a delivery waits for an answer. The choices follow below.",
        offers="choices",
        said="unread",
    ),
    SessionText(
        key="not_offered",
        title="A wish that is not possible",
        hint="For example another date when the courier offers none. What is possible follows below.",
        offers="choices",
        said="wish",
    ),
    SessionText(
        key="no_longer_waiting",
        title="The parcel no longer waits",
        hint="A tap that comes too late, or on an older message.",
        said="tap",
    ),
    SessionText(
        key="already",
        title="A second answer, after the first was accepted",
        hint="The first one stands.",
        said="tap",
    ),
    SessionText(
        key="already_asked",
        title="A second answer, while the first is on its way to the courier",
        hint="The first one stands.",
        said="tap",
    ),
    SessionText(
        key="standard_answer",
        title="A number we do not know",
        hint="At most once in 24 hours for each number.",
        said="stranger",
    ),
    SessionText(
        key="which_order",
        title="More than one delivery waits",
        hint="When an answer does not say which order it is about. The orders follow below.",
        offers="orders",
        said="wish",
    ),
    SessionText(
        key="team_will_contact",
        title="Three unexpected answers in a row",
        hint="The case is handed to you as well. The choices follow below.",
        offers="choices",
        said="unread",
    ),
    SessionText(
        key="nudge",
        title="Text of the nudge",
        hint="Sent once, where a customer began to answer and stopped. The choices follow below.",
        place="silence",
        offers="choices",
    ),
    SessionText(
        key="out_of_hours",
        title="Out-of-hours text",
        hint="When a customer asks for a person outside your team’s hours. The choices follow below.",
        place="hours",
        offers="choices",
        said="person",
    ),
)
"""In the order of the page."""

SAID: Final[dict[str, dict[str, str]]] = {
    "unread": {"en": "I was at home the whole day", "hi": "मैं तो पूरे दिन घर पर ही थी"},
    "wish": {"en": "Come tomorrow", "hi": "कल आइए"},
    "tap": {"en": "Cancel the order", "hi": "ऑर्डर रद्द करें"},
    "stranger": {"en": "Hello, do you have this in blue?", "hi": "नमस्ते, क्या यह नीले रंग में है?"},
    "person": {"en": "I want to talk to somebody", "hi": "मुझे किसी से बात करनी है"},
}
"""What a customer may have written before, by language."""

_EXAMPLE_HOURS: Final = ("10:00", "19:00")
_NAME: Final = re.compile(r"\{(\w+)\}")


def field_name(language: str, key: str) -> str:
    """Return what a text's field is called in a form."""
    return f"text-{language}-{key}"


def values_of(text: SessionText, language: str) -> tuple[str, ...]:
    """Return what may stand in braces in a text."""
    return tuple(dict.fromkeys(_NAME.findall(PRESETS[language][text.key])))


def bubbles(
    text: SessionText, words: str, language: str, *, policy: Policy, samples: Mapping[str, str], time: str
) -> tuple[Message, ...]:
    """Return a text as the customer reads it, after what they may have written.

    Args:
        text: Which text.
        words: Its words.
        language: In which language.
        policy: The workspace's choices: some are told in the texts.
        samples: Values of the variables.
        time: The time of day under each bubble.
    """
    answer = _answer(text, words, language, policy=policy, samples=samples)
    answer = replace(answer, time=time)
    if not text.said:
        return (answer,)
    said = SAID[text.said].get(language, SAID[text.said]["en"])
    return (Message(by_customer=True, paragraphs=(said,), time=time, ticks="read"), answer)


def _answer(
    text: SessionText, words: str, language: str, *, policy: Policy, samples: Mapping[str, str]
) -> Message:
    order_id = samples.get("customer_order_id", "")
    given = {
        "brand": samples.get("brand", ""),
        "order_id": order_id,
        "other_order_id": f"{order_id}-B",
        "action": action_words(Action.REATTEMPT, None, language),
        "works_from": policy.works_from or _EXAMPLE_HOURS[0],
        "works_until": policy.works_until or _EXAMPLE_HOURS[1],
        "works_on": days_words(policy.works_on, language),
    }
    lines = [
        f"• {label('order_line', language, brand='{{brand}}', order_id=f'{{{{{name}}}}}')}"
        for name in ("order_id", "other_order_id")
    ]
    known = values_of(text, language)

    def filled(match: re.Match[str]) -> str:
        """Return what stands for a value: doubled braces are what a preview fills."""
        name = match[1]
        if name == "orders" and name in known:
            return "\n".join(lines)
        if name not in known or name not in given:
            return match[0]  # no value of this text: it would be sent as it is written
        return f"{{{{{name}}}}}" if given[name] else ""

    body = _NAME.sub(filled, words)
    mapping = [(name, "") for name in placeholders(body)]
    found = preview(header="", body=body, footer="", buttons=(), mapping=mapping, samples=given)
    return replace(message_of(found), buttons=_buttons(text, language))


def _buttons(text: SessionText, language: str) -> tuple[MessageButton, ...]:
    """Return what is to be tapped: a list, since more is possible than three buttons can say."""
    words = {"choices": "see_options", "orders": "pick_order"}.get(text.offers)
    return (MessageButton(label=label(words, language), icon="list"),) if words else ()
