"""Session texts put together: a workspace's own or the presets of `domain.texts`; brand and order always named.

A session message is a value here; the client turns it into the provider's form.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.failures import Action, Reason
from domain.texts import LANGUAGES, Language
from domain.timing import Policy

BODY_MAX = 1024
FOOTER_MAX = 60
"""WhatsApp's own limits, in characters; a message over them is refused as a whole."""

_VALUE_MAX = 100
_LONG_VALUES = frozenset({"address", "orders"})
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


DEFAULT_LANGUAGE = "en"

PRESETS: dict[str, dict[str, str]] = {code: words.presets for code, words in LANGUAGES.items()}


def words_of(language: str) -> Language:
    """Return the words of a language; of one that we do not speak, English."""
    return LANGUAGES.get(spoken(language), LANGUAGES[DEFAULT_LANGUAGE])


def spoken(language: str) -> str:
    """Return a language code without its region, as "hi" for "hi-IN"."""
    return language.replace("_", "-").split("-", 1)[0].casefold()


def speakable(*languages: str) -> str:
    """Return the first language of some that we speak; English where it is none."""
    codes = (spoken(language) for language in languages)
    return next((code for code in codes if code in LANGUAGES), DEFAULT_LANGUAGE)


def label(key: str, language: str, /, **values: str) -> str:
    """Return the words on a button or above a list."""
    return words_of(language).labels[key].format(**values)


def action_option(action: Action, reason: Reason, language: str) -> Option:
    """Return the words under which an action is offered."""
    words = words_of(language)
    title, description = words.titles[action]
    if action is Action.DISPUTE:
        title = words.disputes.get(reason, title)
    return Option(choice=action.value, title=title, description=description)


def action_words(action: Action, on: date | None, language: str = DEFAULT_LANGUAGE) -> str:
    """Return an action as part of a sentence."""
    day = day_words(on, language) if on else label("another_day", language)
    return words_of(language).actions[action].format(day=day)


def reason_words(reason: Reason, language: str = DEFAULT_LANGUAGE) -> str:
    """Return a failure as the customer reads it, after "could not deliver: "."""
    return words_of(language).reasons[reason]


def payment_words(*, is_cod: bool, language: str = DEFAULT_LANGUAGE) -> str:
    """Return how an order is paid."""
    return words_of(language).payment[0 if is_cod else 1]


def text(key: str, policy: Policy, language: str, /, **values: str) -> str:
    """Return a session text in a language, or the workspace's: its own words if set, else our preset (R6.13, R7.10).

    Placeholders of a workspace's own text that do not exist are left as written, and an empty text is none: a
    seller's slip must not stop a case. Long values are cut before the text is, so that its question stays whole.
    """
    code = speakable(language, policy.language)
    own = (policy.text(key, code) or "").rstrip()
    given = {
        name: shorten(value, _ADDRESS_MAX if name in _LONG_VALUES else _VALUE_MAX)
        for name, value in values.items()
    }
    filled = re.sub(
        r"\{(\w+)\}",
        lambda match: given.get(match.group(1), match.group(0)),
        own if own.strip() else LANGUAGES[code].presets[key],
    )
    return shorten(re.sub(" {2,}", " ", filled), BODY_MAX)  # a name that is not known leaves no gap


def shorten(text: str, limit: int) -> str:
    """Return a text that fits, with an ellipsis where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def day_words(day: date, language: str = DEFAULT_LANGUAGE) -> str:
    """Return a day as "Fri 20 Nov"."""
    words = words_of(language)
    return f"{words.days[day.weekday()]} {day.day} {words.months[day.month - 1]}"


def days_words(days: tuple[int, ...], language: str) -> str:
    """Return days of the week as " (Mon, Tue)"; nothing where it is all of them."""
    names = words_of(language).days
    return "" if len(days) == len(names) else f" ({', '.join(names[day - 1] for day in days)})"


def rupees(paise: int) -> str:
    """Return an amount as Indians write it: ₹9,84,310 or ₹35.50."""
    whole, rest = divmod(abs(paise), 100)
    return f"{'−' if paise < 0 else ''}₹{grouped(whole)}{f'.{rest:02d}' if rest else ''}"


def grouped(whole: int) -> str:
    """Return a whole number that is not negative with Indian grouping: 9,84,310."""
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*groups, tail])
