"""The form of “Manage the unexpected”: the present choices as its fields, and its fields as choices.

What is possible is decided by `domain.settings`; here it only gets its field and its words for people.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.portal.forms import FieldError, Form
from api.portal.session_texts import TEXTS, field_name, values_of
from domain.settings import CHOICES, LONGEST_WORD, NotPossible, chosen, with_text
from domain.texts import LANGUAGES
from domain.timing import Policy
from domain.wording import BODY_MAX, PRESETS
from intake.calendars import UnknownRegion, check_region

__all__ = ["DAYS", "Fields", "Read", "entered", "fields_of", "names", "read", "say_changes"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FEWEST_REMINDERS: Final = 2
_MOST_REMINDERS: Final = 5
_MOST_DAYS: Final = 40
_LONGEST: Final = 4 * BODY_MAX  # more than WhatsApp takes, so that we can say how much it is

_WRONG: Final = {
    "language": "Choose one of the languages",
    "quiet": "Enter both times, and different ones. Leave both empty for no quiet hours.",
    "reminders": "Let each reminder come later than the one before, and before the deadline",
    "nudge": "Choose a time from 5 minutes to 24 hours",
    "deadline": "Choose a time from 1 hour to 7 days",
    "at-deadline": "Choose what happens at the deadline",
    "sundays": "Choose whether Sundays are offered",
    "region": "Choose a state from the list",
    "holidays": "Enter a date that exists",
    "hours": "Enter both times, and different ones. Leave both empty if your team has no fixed hours.",
    "days": "Choose at least one day",
    "answer-unexpected": "Switch it on or off",
    "tell-new-day": "Choose whether customers hear of it",
}


@dataclass(frozen=True, slots=True)
class Fields:
    """The form as it is filled in; text as in its controls.

    Attributes:
        texts: By field name, in every language.
        reminders: As "4h"; "none" for no reminder.
        days: Further days left out, as "2026-12-24".
        works_on: Days of the team, as in `DAYS`.
        rest: Everything else, by field name.
    """

    texts: dict[str, str]
    reminders: tuple[str, ...]
    days: tuple[str, ...]
    works_on: tuple[str, ...]
    rest: dict[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """What a form asks for: the policy it would make, and what is wrong with it."""

    policy: Policy
    errors: tuple[FieldError, ...]


def names() -> tuple[str, ...]:
    """Return every field that the form may have."""
    return (
        *(
            "words",
            "shown",
            "seen",
            "answer-unexpected",
            "language",
            "quiet-from",
            "quiet-until",
            "nudge",
            "deadline",
        ),
        *(
            "at-deadline",
            "sundays",
            "region",
            "work-from",
            "work-until",
            "work-day",
            "stop-words",
            "tell-new-day",
        ),
        *(field_name(language, text.key) for language in LANGUAGES for text in TEXTS),
        *(f"reminder-{number}" for number in range(1, _MOST_REMINDERS + 1)),
        *(f"day-{number}" for number in range(1, _MOST_DAYS + 1)),
    )


def fields_of(policy: Policy, today: date) -> Fields:
    """Return the form as it stands for a policy."""
    shown = {name: choice.show(policy) for name, choice in CHOICES.items()}
    reminders = _listed(shown["reminders"])
    texts = {
        field_name(language, text.key): policy.text(text.key, language) or PRESETS[language][text.key]
        for language in LANGUAGES
        for text in TEXTS
    }
    days = tuple(day.isoformat() for day in policy.holidays if day >= today)
    count = min(
        max(_FEWEST_REMINDERS, len(reminders) + (len(reminders) >= _FEWEST_REMINDERS)), _MOST_REMINDERS
    )
    return Fields(
        texts=texts,
        reminders=_padded(reminders, count, "none"),
        days=_padded(days, min(len(days) + 2, _MOST_DAYS), ""),
        works_on=_listed(shown["days"]),
        rest={
            "language": shown["language"],
            "quiet-from": policy.quiet_from,
            "quiet-until": policy.quiet_until,
            "work-from": policy.works_from,
            "work-until": policy.works_until,
            "nudge": shown["nudge"],
            "deadline": shown["deadline"],
            "at-deadline": shown["at-deadline"],
            "sundays": shown["sundays"],
            "region": shown["region"],
            "stop-words": ", ".join(policy.opt_out_words),
            "tell-new-day": shown["tell-new-day"],
        },
    )


def entered(form: Form, policy: Policy, today: date) -> Fields:
    """Return the form as somebody filled it in; texts it does not have are those of the policy."""
    present = fields_of(policy, today)
    texts = {
        name: form.text(name, longest=_LONGEST) if form.has(name) else words
        for name, words in present.texts.items()
    }
    reminders = tuple(form.text(name) for name in _numbered(form, "reminder", _MOST_REMINDERS))
    days = tuple(form.text(name) for name in _numbered(form, "day", _MOST_DAYS))
    # A box that is not ticked is not sent.
    boxes = {name: "yes" if form.has(name) else "no" for name in ("sundays", "tell-new-day")}
    rest = {name: form.text(name, longest=2_000) for name in present.rest if name not in boxes} | boxes
    return Fields(texts=texts, reminders=reminders, days=days, works_on=form.all("work-day"), rest=rest)


def read(form: Form, policy: Policy, today: date, *, has_texts: bool) -> Read:
    """Return what a form makes of a policy.

    Args:
        form: The form.
        policy: The policy before.
        today: In the workspace's zone.
        has_texts: Whether the texts are the seller's to word, and whether such answers are answered.
    """
    given, errors = entered(form, policy, today), []
    for name, field, value in _choices(given, policy, today):
        if name == "language" and value == policy.language:
            continue
        try:
            changed = chosen(policy, name, value)
            if name == "region" and changed.holiday_region:
                check_region(changed.holiday_region)
        except (NotPossible, UnknownRegion) as error:
            errors.append(FieldError(field, _wrong(name, error)))
        else:
            policy = changed
    if has_texts:
        if form.has("answer-unexpected"):
            policy = chosen(
                policy, "answer-unexpected", "yes" if form.text("answer-unexpected") == "yes" else "no"
            )
        for language in LANGUAGES:
            for text in TEXTS:
                name = field_name(language, text.key)
                try:
                    policy = _worded(policy, text.key, language, given.texts[name])
                except NotPossible:
                    possible = values_of(text, language)
                    errors.append(FieldError(name, _wrong_text(given.texts[name], possible)))
    return Read(policy, tuple(errors))


def say_changes(before: Policy, after: Policy) -> str:
    """Return which choices and texts differ, for the audit; empty where none does."""
    choices = [name for name, choice in CHOICES.items() if choice.show(before) != choice.show(after)]
    texts = [
        f"text {language}:{key}"
        for language, presets in PRESETS.items()
        for key in presets
        if before.text(key, language) != after.text(key, language)
    ]
    return ", ".join((*choices, *texts))


def mark_of(policy: Policy) -> str:
    """Return what tells a policy from any other one that the form can make: a page says with it what it showed."""
    choices = [f"{name}={choice.show(policy)}" for name, choice in CHOICES.items()]
    texts = [
        f"{language}:{key}={policy.text(key, language)}"
        for language, presets in PRESETS.items()
        for key in presets
    ]
    return hashlib.sha256("\n".join((*choices, *texts)).encode()).hexdigest()[:32]


def _choices(given: Fields, policy: Policy, today: date) -> Iterator[tuple[str, str, str]]:
    """Give each choice with the field that an error of it stands at, and its value as it is written."""
    rest = given.rest
    # The deadline first: reminders have to come before it.
    for name in ("deadline", "language", "nudge", "at-deadline", "sundays", "region", "tell-new-day"):
        yield name, name, rest[name]
    wanted = [each for each in given.reminders if each not in ("", "none")]
    yield "reminders", "reminder-1", ",".join(wanted) or "none"
    past = [day.isoformat() for day in policy.holidays if day < today]
    days = [day for day in given.days if day]
    yield "holidays", f"day-{_first_wrong(given.days) + 1}", ",".join([*past, *days]) or "none"
    for name, field in (("quiet", "quiet"), ("hours", "work")):
        begin, end = rest[f"{field}-from"], rest[f"{field}-until"]
        missing = f"{field}-until" if begin and not end else f"{field}-from"
        yield name, missing, f"{begin}-{end}" if begin or end else "none"
    yield "days", "work-day", ",".join(given.works_on)
    yield "stop-words", "stop-words", rest["stop-words"] or "none"


def _worded(policy: Policy, key: str, language: str, words: str) -> Policy:
    """Return a policy with a text; nothing, or the preset's own words, is the preset.

    Raises:
        NotPossible: WhatsApp would not take it, or it names a value that is not there.
    """
    preset = PRESETS[language][key]
    own = policy.text(key, language)
    if words == (own or preset):
        return policy
    return with_text(policy, key, language, None if words in ("", preset) else words)


def _wrong(name: str, error: Exception) -> str:
    if name == "stop-words" and isinstance(error, NotPossible):
        is_long = str(LONGEST_WORD) in error.why
        if is_long:
            return f"A word or phrase has at most {LONGEST_WORD} characters"
        return f"{error.why[0].upper()}{error.why[1:]}. It cannot stop messages as well."
    return _WRONG[name]


def _wrong_text(words: str, possible: tuple[str, ...]) -> str:
    if len(words) > BODY_MAX:
        return f"Shorten it by {len(words) - BODY_MAX} characters: WhatsApp takes {BODY_MAX:,}"
    if not possible:
        return "Remove the braces: this text has no values"
    named = ", ".join(f"{{{name}}}" for name in possible)
    return f"Use only values that this text has: {named}"


def _numbered(form: Form, name: str, most: int) -> Iterator[str]:
    for number in range(1, most + 1):
        if form.has(f"{name}-{number}"):
            yield f"{name}-{number}"


def _first_wrong(days: tuple[str, ...]) -> int:
    for place, day in enumerate(days):
        try:
            if day:
                date.fromisoformat(day)
        except ValueError:
            return place
    return 0


def _listed(value: str) -> tuple[str, ...]:
    return () if value == "none" else tuple(value.split(","))


def _padded(values: tuple[str, ...], count: int, empty: str) -> tuple[str, ...]:
    return (*values, *[empty] * (count - len(values)))
