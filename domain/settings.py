"""A workspace's choices as people write them: each with its words, how it is read and checked, and how it is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.messages import is_start
from domain.texts import LANGUAGES
from domain.timing import AtDeadline, Policy
from domain.understanding import NOTHING, understand
from domain.wording import BODY_MAX, DEFAULT_LANGUAGE

__all__ = ["CHOICES", "LONGEST_WORD", "Choice", "NotPossible", "chosen", "with_text"]

_MINUTES_OF_A_DAY: Final = 24 * 60
_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?")
_DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_REMINDERS: Final = 5
LONGEST_WORD: Final = 40
"""How long a word that counts as STOP may be, in characters."""


class NotPossible(ValueError):
    """A choice that cannot be made; the message says what would be right.

    Attributes:
        why: What is wrong, without what was written and without an example.
    """

    def __init__(self, message: str, *, why: str = "") -> None:
        super().__init__(message)
        self.why = why or message


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a workspace.

    Attributes:
        words: What it decides, for people.
        example: A value as it is written.
        read: Returns the policy with the choice made.
        show: Returns the present choice as it is written.
    """

    words: str
    example: str
    read: Callable[[Policy, str], Policy]
    show: Callable[[Policy], str]


def chosen(policy: Policy, name: str, value: str) -> Policy:
    """Return a policy with one choice made.

    Raises:
        NotPossible: There is no such choice, or not this value.
    """
    choice = CHOICES.get(name)
    if choice is None:
        raise NotPossible(f"no setting “{name}”; one of: {', '.join(CHOICES)}")
    try:
        return choice.read(policy, value.strip())
    except ValueError as error:
        raise NotPossible(
            f"{name}: “{value}” is not possible ({error}); for example {choice.example}", why=str(error)
        ) from None


def with_text(policy: Policy, key: str, language: str, text: str | None) -> Policy:
    """Return a policy with a session text of the workspace's own, or with the preset again (R7.10).

    Args:
        policy: The policy before.
        key: Which text.
        language: In which language.
        text: The text; None for the preset.

    Raises:
        NotPossible: There is no such text or language, or WhatsApp would not take it.
    """
    if language not in LANGUAGES:
        raise NotPossible(f"no language “{language}”; one of: {', '.join(LANGUAGES)}")
    presets = LANGUAGES[language].presets
    if key not in presets:
        raise NotPossible(f"no text “{key}”; one of: {', '.join(presets)}")
    own = {name: said for name, said in policy.texts if name not in (key, f"{language}:{key}")}
    if any(name == key for name, _ in policy.texts) and language != policy.language:
        own[key] = dict(policy.texts)[key]
    if text is None:
        return replace(policy, texts=tuple(own.items()))
    if not text.strip():
        raise NotPossible("an empty text; without one the preset is used")
    if len(text) > BODY_MAX:
        raise NotPossible(f"{len(text)} characters; WhatsApp takes {BODY_MAX}")
    known = set(re.findall(r"\{(\w+)\}", presets[key]))
    unknown = set(re.findall(r"\{(\w+)\}", text)) - known
    if unknown:
        raise NotPossible(
            f"no value {{{min(unknown)}}} in this text; possible: "
            f"{', '.join(f'{{{name}}}' for name in sorted(known)) or 'none'}"
        )
    return replace(policy, texts=(*own.items(), (f"{language}:{key}", text)))


def _minutes(value: str) -> int:
    match = _DURATION.fullmatch(value)
    if not value or match is None:
        raise ValueError("a time is written 4h, 90m or 1h30m")
    return int(match.group(1) or 0) * 60 + int(match.group(2) or 0)


def _as_duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{f'{hours}h' if hours else ''}{f'{rest}m' if rest or not hours else ''}"


def _between(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(f"from {_as_duration(least)} to {_as_duration(most)}")
    return value


def _span(value: str) -> tuple[str, str]:
    if value == "none":
        return "", ""
    begin, dash, end = value.partition("-")
    try:
        first, last = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        dash = ""
        first = last = time()
    if not dash or first == last:
        raise ValueError("two different times with a dash between them, or none")
    return f"{first:%H:%M}", f"{last:%H:%M}"


def _as_span(begin: str, end: str) -> str:
    return f"{begin}-{end}" if begin else "none"


def _yes(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("yes or no")
    return value == "yes"


def _as_yes(value: bool) -> str:  # noqa: FBT001 - it is what is shown
    return "yes" if value else "no"


def _listed(value: str) -> tuple[str, ...]:
    return () if value == "none" else tuple(part.strip() for part in value.split(",") if part.strip())


def _as_list(values: tuple[str, ...]) -> str:
    return ",".join(values) or "none"


def _reminders(policy: Policy, value: str) -> Policy:
    after = tuple(_between(_minutes(part), 1, policy.deadline_after) for part in _listed(value))
    if len(after) > _MOST_REMINDERS or list(after) != sorted(set(after)):
        raise ValueError(f"at most {_MOST_REMINDERS} times, each later than the one before")
    return replace(policy, reminders_after=after)


def _quiet(policy: Policy, value: str) -> Policy:
    begin, end = _span(value)
    return replace(policy, quiet_from=begin, quiet_until=end)


def _works(policy: Policy, value: str) -> Policy:
    begin, end = _span(value)
    return replace(policy, works_from=begin, works_until=end)


def _works_on(policy: Policy, value: str) -> Policy:
    days = tuple(day.casefold()[:3] for day in _listed(value))
    if not days or not set(days) <= set(_DAY_NAMES):
        raise ValueError(f"days of {', '.join(_DAY_NAMES)}")
    return replace(policy, works_on=tuple(sorted({_DAY_NAMES.index(day) + 1 for day in days})))


def _zone(policy: Policy, value: str) -> Policy:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a zone's name") from None
    return replace(policy, timezone=value)


def _language(policy: Policy, value: str) -> Policy:
    if value not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    # A text without a language is in the one before: it keeps that, whatever the new one is.
    texts = {f"{policy.language}:{name}": said for name, said in policy.texts if ":" not in name}
    texts |= {name: said for name, said in policy.texts if ":" in name}
    return replace(policy, language=value, texts=tuple(texts.items()))


def _means_something(word: str) -> bool:
    """Tell whether a word is an answer already: on the shared account it would stop every seller's messages."""
    said = understand(word, date.min)
    return bool(said.answer) or is_start(word) or said != NOTHING


def _stop_words(policy: Policy, value: str) -> Policy:
    words = tuple(word.casefold() for word in _listed(value))
    if any(len(word) > LONGEST_WORD for word in words):
        raise ValueError(f"a word has at most {LONGEST_WORD} characters")
    if meant := next((word for word in words if _means_something(word)), ""):
        raise ValueError(f"“{meant}” is an answer that customers give")
    return replace(policy, opt_out_words=words)


CHOICES: Final[dict[str, Choice]] = {
    "language": Choice(
        "language where the customer's is not known", DEFAULT_LANGUAGE, _language, lambda p: p.language
    ),
    "timezone": Choice("the workspace's time zone", "Asia/Kolkata", _zone, lambda p: p.timezone),
    "quiet": Choice(
        "quiet hours: nothing is sent unasked",
        "21:00-08:00",
        _quiet,
        lambda p: _as_span(p.quiet_from, p.quiet_until),
    ),
    "reminders": Choice(
        "reminders, counted from the first message",
        "4h,12h",
        _reminders,
        lambda p: _as_list(tuple(_as_duration(minutes) for minutes in p.reminders_after)),
    ),
    "nudge": Choice(
        "a nudge in a half-finished step",
        "30m",
        lambda p, value: replace(p, nudge_after=_between(_minutes(value), 5, _MINUTES_OF_A_DAY)),
        lambda p: _as_duration(p.nudge_after),
    ),
    "deadline": Choice(
        "the deadline, counted from the failure",
        "24h",
        lambda p, value: replace(p, deadline_after=_between(_minutes(value), 60, 7 * _MINUTES_OF_A_DAY)),
        lambda p: _as_duration(p.deadline_after),
    ),
    "at-deadline": Choice(
        "what happens when nobody answered",
        " or ".join(AtDeadline),
        lambda p, value: replace(p, at_deadline=AtDeadline(value)),
        lambda p: p.at_deadline.value,
    ),
    "sundays": Choice(
        "whether Sundays are offered",
        "yes",
        lambda p, value: replace(p, no_sundays=not _yes(value)),
        lambda p: _as_yes(not p.no_sundays),
    ),
    "region": Choice(
        "whose public holidays are left out of the days offered",
        "IN-KA",
        lambda p, value: replace(p, holiday_region="" if value == "none" else value),
        lambda p: p.holiday_region or "none",
    ),
    "holidays": Choice(
        "further days that are left out",
        "2026-12-24,2026-12-31",
        lambda p, value: replace(
            p, holidays=tuple(sorted({date.fromisoformat(day) for day in _listed(value)}))
        ),
        lambda p: _as_list(tuple(day.isoformat() for day in p.holidays)),
    ),
    "hours": Choice(
        "when the team is there for who asks for a person",
        "10:00-18:00",
        _works,
        lambda p: _as_span(p.works_from, p.works_until),
    ),
    "days": Choice(
        "on which days the team is there",
        "mon,tue,wed,thu,fri,sat",
        _works_on,
        lambda p: _as_list(tuple(_DAY_NAMES[day - 1] for day in p.works_on)),
    ),
    "answer-unexpected": Choice(
        "whether an answer that cannot be read is answered (on the own account)",
        "yes",
        lambda p, value: replace(p, answer_unexpected=_yes(value)),
        lambda p: _as_yes(p.answer_unexpected),
    ),
    "stop-words": Choice(
        "further words that count as STOP",
        "band karo,no more",
        _stop_words,
        lambda p: _as_list(p.opt_out_words),
    ),
    "tell-new-day": Choice(
        "whether a customer hears of the attempt that follows one not made",
        "no",
        lambda p, value: replace(p, tell_new_day=_yes(value)),
        lambda p: _as_yes(p.tell_new_day),
    ),
}
