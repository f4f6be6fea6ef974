"""A workspace's choices as they are written: read, checked, shown, and told in words where they are not possible."""

import pytest

from domain.settings import CHOICES, NotPossible, chosen, with_text
from domain.timing import AtDeadline, Policy
from domain.wording import text


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_shown_can_be_written(name: str) -> None:
    """The present choice, and the example, are values as they are written."""
    assert chosen(Policy(), name, CHOICES[name].show(Policy())) == Policy()
    example = CHOICES[name].example.partition(" or ")[0]
    policy = chosen(Policy(), name, example)
    assert CHOICES[name].show(policy) == example


def test_every_choice_of_a_policy_can_be_made() -> None:
    """No field is left that nobody can set; texts have a command of their own."""
    policy = Policy()
    for name, value in {
        "language": "hi",
        "timezone": "Asia/Dubai",
        "quiet": "22:00-07:30",
        "reminders": "2h,1h30m,5h".replace("1h30m", "3h30m"),
        "nudge": "15m",
        "deadline": "36h",
        "at-deadline": "reattempt",
        "sundays": "no",
        "region": "IN-MH",
        "holidays": "2026-12-24",
        "hours": "10:00-18:00",
        "days": "mon,fri",
        "answer-unexpected": "no",
        "stop-words": "Band Karo",
        "tell-new-day": "yes",
    }.items():
        policy = chosen(policy, name, value)
    unchanged = {
        name for name in Policy.__dataclass_fields__ if getattr(policy, name) == getattr(Policy(), name)
    }
    assert unchanged == {"texts"}
    assert policy.at_deadline is AtDeadline.REATTEMPT
    assert policy.reminders_after == (120, 210, 300)
    assert policy.opt_out_words == ("band karo",)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("colour", "red", "one of: language, timezone, quiet"),
        ("quiet", "21:00", "a dash between them, or none"),
        ("quiet", "21:00-21:00", "two different times"),
        ("quiet", "late-early", "for example 21:00-08:00"),
        ("reminders", "12h,4h", "each later than the one before"),
        ("reminders", "4h,48h", "from 1m to 24h"),
        ("reminders", "four", "a time is written 4h"),
        ("nudge", "1m", "from 5m to 24h"),
        ("deadline", "", "a time is written 4h"),
        ("at-deadline", "shrug", "for example hand_over or reattempt"),
        ("sundays", "maybe", "yes or no"),
        ("holidays", "24-12-2026", "for example 2026-12-24"),
        ("days", "monday,someday", "days of mon, tue"),
        ("timezone", "Delhi", "a zone's name"),
        ("timezone", "../../etc/passwd", "a zone's name"),
        ("language", "fr", "one of en, hi"),
        ("stop-words", "x" * 41, "at most 40 characters"),
        ("stop-words", "band karo, cancel", "“cancel”"),
        ("stop-words", "kal aana", "“kal aana”"),
        ("stop-words", "2", "“2”"),
        ("stop-words", "haan", "“haan”"),
        ("stop-words", "start", "“start”"),
    ],
)
def test_what_is_not_possible_is_said_in_words(name: str, value: str, words: str) -> None:
    """What was wrong, where, and what would be right."""
    with pytest.raises(NotPossible) as raised:
        chosen(Policy(), name, value)
    assert words in str(raised.value)


def test_own_text_in_a_language_and_back() -> None:
    """R7.10, R6.13: one language's text leaves the other's alone."""
    policy = with_text(Policy(), "nudge", "hi", "क्या करें, {brand}?")
    assert text("nudge", policy, "hi", brand="KK") == "क्या करें, KK?"
    assert text("nudge", policy, "en") == text("nudge", Policy(), "en")
    policy = with_text(policy, "nudge", "en", "And now?")
    assert text("nudge", policy, "en") == "And now?"
    policy = with_text(policy, "nudge", "hi", None)
    assert text("nudge", policy, "hi") == text("nudge", Policy(), "hi")
    assert text("nudge", policy, "en") == "And now?"


def test_plain_text_of_before_is_kept_for_its_language() -> None:
    """A text without a language is in the workspace's own; setting another language's does not lose it."""
    policy = Policy(texts=(("nudge", "And now?"),))
    policy = with_text(policy, "nudge", "hi", "अब क्या?")
    assert text("nudge", policy, "en") == "And now?"
    policy = with_text(policy, "nudge", "en", "What now?")
    assert text("nudge", policy, "en") == "What now?"


def test_another_language_of_the_workspace_leaves_each_text_in_its_own() -> None:
    """A text without a language was written in the one before; in the new one it would be the wrong words."""
    policy = Policy(texts=(("nudge", "And now?"), ("hi:nudge", "अब क्या?")))
    policy = chosen(policy, "language", "hi")
    assert text("nudge", policy, "en") == "And now?"
    assert text("nudge", policy, "hi") == "अब क्या?"


@pytest.mark.parametrize(
    ("key", "language", "said", "words"),
    [
        ("nonsense", "en", "x", "one of: please_choose, failed"),
        ("nudge", "fr", "x", "one of: en, hi"),
        ("nudge", "en", "  ", "an empty text"),
        ("nudge", "en", "x" * 1025, "WhatsApp takes 1024"),
        ("nudge", "en", "on {day}", "possible: {brand}, {order_id}"),
        ("standard_answer", "en", "{brand}", "possible: none"),
    ],
)
def test_text_that_would_not_do_is_refused(key: str, language: str, said: str, words: str) -> None:
    """R7.10: a seller's slip is found when it is made, not at a customer's."""
    with pytest.raises(NotPossible) as raised:
        with_text(Policy(), key, language, said)
    assert words in str(raised.value)
