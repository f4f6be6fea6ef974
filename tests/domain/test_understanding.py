"""What a customer's typed text clearly says: right or nothing, never wrong."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain import vocabulary
from domain.failures import Action
from domain.understanding import DAYS_AHEAD, NOTHING, Understanding, understand
from tests.domain import held_back, typed_texts

TODAY = held_back.TODAY


def _texts(group: str) -> list[str]:
    return [text.strip() for text in group.split("|")]


def _expected() -> list[tuple[str, Understanding]]:
    groups = [(Understanding(action=action), group) for action, group in typed_texts.CLEAR.items()]
    groups += [
        (Understanding(action=Action.RESCHEDULE, on=on), group) for on, group in typed_texts.DAYS.items()
    ]
    groups += [(Understanding(number=number), group) for number, group in typed_texts.NUMBERS.items()]
    groups += [
        (Understanding(wants_person=True), typed_texts.PERSON),
        (Understanding(language="hi"), typed_texts.HINDI),
        (Understanding(language="en"), typed_texts.ENGLISH),
    ]
    return [(text, understood) for understood, group in groups for text in _texts(group)]


CLEAR = _expected()
UNCLEAR = [text for group in typed_texts.UNCLEAR.values() for text in _texts(group)]


def _words(*concepts: str) -> list[str]:
    return [
        word.replace("_", " ")
        for concept in concepts
        for word in vocabulary.WORDS[concept].split()
        if word != "|"
    ]


def test_the_tables_are_large_enough_to_say_something() -> None:
    """Most texts are unclear in life: at least eighty of the 220 are so here."""
    assert len(CLEAR) + len(UNCLEAR) >= 220
    assert len(UNCLEAR) >= 80


@pytest.mark.parametrize(("text", "understood"), CLEAR, ids=[text for text, _ in CLEAR])
def test_clear_texts_are_understood(text: str, understood: Understanding) -> None:
    """Whatever is clear is read as it is meant, in every spelling and script."""  # R6.4
    assert understand(text, TODAY) == understood


@pytest.mark.parametrize("text", UNCLEAR, ids=UNCLEAR)
def test_unclear_texts_say_nothing(text: str) -> None:
    """A wrong reading is worse than none."""  # R7.1
    assert understand(text, TODAY) == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "cancel " * 30,
        "kal " * 120,
        "he said that he would come tomorrow but I had told him that I would not be at home then so please cancel",
        "x" * 5000,
        "call me. " + "x" * 5000,
        "kal\x00 \ud800",
        "9" * 1999,
    ],
    ids=lambda text: text[:12],
)
def test_long_and_odd_texts_say_nothing(text: str) -> None:
    """Nobody says one clear thing in thirty words."""  # R7.1
    assert understand(text, TODAY) == NOTHING


def test_a_person_is_wanted_whatever_else_is_said_before() -> None:
    """A long complaint that ends in the wish for a call is that wish, and no action."""
    text = "cancel kar do. " + "Every day there is a new excuse and my wife waits for this. " * 5 + "Call me!"
    assert understand(text, TODAY) == Understanding(wants_person=True)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("koi nahi aaya, mujhe call karo", Action.DISPUTE),
        ("koi nahi aaya customer care ka number do", Action.DISPUTE),
        ("Cancel my order. I want to talk to an agent", Action.CANCEL),
        ("kal bhej do aur call karo", Action.RESCHEDULE),
    ],
)
def test_an_action_and_a_person(text: str, action: Action) -> None:
    """Both may be said; the day of a call is not a day of delivery."""
    understood = understand(text, TODAY)
    assert understood.wants_person
    assert understood.action is action


@pytest.mark.parametrize(
    ("today", "text", "on"),
    [
        (date(2026, 4, 30), "31 tarikh", date(2026, 5, 31)),
        (date(2026, 6, 1), "31 tarikh", date(2026, 7, 31)),
        (date(2026, 1, 31), "30 tarikh", date(2026, 3, 30)),
        (date(2026, 11, 18), "18 tarikh", date(2026, 12, 18)),
        (date(2027, 1, 15), "29 feb", None),
        (date(2028, 1, 15), "29 feb", date(2028, 2, 29)),
        (date(2027, 2, 1), "29 tarikh", date(2027, 3, 29)),
        (date(2026, 12, 31), "kal", date(2027, 1, 1)),
        (date(2026, 12, 20), "5/1", date(2027, 1, 5)),
        (date(2026, 11, 22), "next monday", date(2026, 11, 23)),
        (date(2026, 11, 18), "17 jan", date(2027, 1, 17)),
        (date(2026, 11, 18), "18 jan", None),
        (date.max, "kal", None),
        (date.max, "31 dec", date.max),
        (date.min, "monday", date(1, 1, 8)),
    ],
)
def test_days_at_the_ends_of_months_and_years(today: date, text: str, on: date | None) -> None:
    """A bare day is the next such day after today; what is over sixty days away, or does not exist, is none."""
    understood = understand(text, today)
    assert understood == (Understanding(action=Action.RESCHEDULE, on=on) if on else NOTHING)


def test_held_back_phrases() -> None:
    """Of the phrases written before the code fifty were right at first, the rest silent: never fewer, none wrong."""
    expected = [
        *(
            (text, Understanding(action=action, on=date(2026, 11, day) if day else None))
            for text, action, day in held_back.ACTIONS
        ),
        *((text, Understanding(wants_person=True)) for text in held_back.PERSON),
        *((text, Understanding(language="hi")) for text in held_back.HINDI),
        *((text, Understanding(number=3)) for text in held_back.THREE),
        *((text, NOTHING) for text in held_back.NOTHING),
    ]
    read = [(understand(text, TODAY), understood) for text, understood in expected]
    assert [pair for pair in read if pair[0] not in (pair[1], NOTHING)] == []
    assert sum(found == understood for found, understood in read) >= 50


_ANY_WORDS = st.lists(
    st.one_of(
        st.sampled_from(_words(*vocabulary.WORDS)),
        st.sampled_from(["2", "25", "31", "25/12", "5-7", "2027", "10:30", "?", ",", ".", "🙏", "xyz", "₹"]),
        st.integers(0, 40).map(str),
    ),
    max_size=8,
).map(" ".join)


@given(text=st.one_of(st.text(), _ANY_WORDS), today=st.dates())
@example(text="25 tarikh", today=date.max)
@example(text="9" * 2000, today=TODAY)
def test_any_text_on_any_day(text: str, today: date) -> None:
    """Never an exception, always the same answer, a day only with a reschedule and within reach, one thing at a time."""
    understood = understand(text, today)
    assert understand(text, today) == understood
    if understood.on is not None:
        assert understood.action is Action.RESCHEDULE
        assert timedelta(0) <= understood.on - today <= timedelta(days=DAYS_AHEAD)
    if understood.number is not None or understood.language:
        alone = (
            Understanding(number=understood.number)
            if understood.number
            else Understanding(language=understood.language)
        )
        assert understood == alone


@given(
    number=st.integers(0, 10**12),
    word=st.sampled_from(_words("send", "cancel", "order", "call", "address", "month", "th")),
)
def test_only_a_whole_message_is_a_number(number: int, word: str) -> None:
    """A number among other words counts, dates or addresses something; 1 to 31 may be on a list, or a day of it."""
    assert understand(str(number), TODAY).number == (number if 1 <= number <= 31 else None)
    assert understand(f"{number} {word}", TODAY).number is None
    assert understand(f"{word} {number}", TODAY).number is None


@given(
    clear=st.sampled_from(CLEAR),
    greeting=st.sampled_from(["hello", "namaste", "sir", "please", "🙏", "ji", "thank you", "नमस्ते", "PLZZ"]),
)
def test_a_greeting_changes_nothing(clear: tuple[str, Understanding], greeting: str) -> None:
    """Politeness before or after leaves the reading as it is."""
    text, understood = clear
    assert understand(f"{text} {greeting}", TODAY) == understood
    assert understand(f"{greeting} {text}", TODAY) == understood


@given(
    negation=st.sampled_from(_words("mat", "nahi", "not", "dont", "didnt", "no", "nobody")),
    cancel=st.sampled_from(_words("cancel", "cancelled", "return")),
    rest=_ANY_WORDS,
)
@example(negation="nahi", cancel="cancel", rest="kar do")
def test_cancel_after_a_negation_is_never_a_cancellation(negation: str, cancel: str, rest: str) -> None:
    """Whoever writes "nahi cancel" is asked again, whatever follows."""
    assert understand(f"{negation} {cancel} {rest}", TODAY).action is not Action.CANCEL


@given(
    text=st.sampled_from([text for text, _ in CLEAR]),
    word=st.sampled_from(["zebra", "₹", "9999900001", "kyunkar", "❌"]),
)
def test_an_unknown_word_makes_a_text_unclear(text: str, word: str) -> None:
    """What is not wholly known is not understood, unless a sentence of its own asks for a person."""
    assert replace(understand(f"{word} {text}", TODAY), wants_person=False) == NOTHING
