"""What an answer says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.replies import AddressDraft, clean, says_no, says_yes


@pytest.mark.parametrize("text", ["yes", "YES!", " haan ", "ji  haan", "हाँ", "ok."])
def test_yes(text: str) -> None:
    """A plain yes in English, Hindi or Hinglish."""  # R6.4
    assert says_yes(text)
    assert not says_no(text)


@pytest.mark.parametrize("text", ["no", "No.", "nahi", "नहीं", "galat"])
def test_no(text: str) -> None:
    """A plain no."""  # R6.4
    assert says_no(text)
    assert not says_yes(text)


@pytest.mark.parametrize("text", ["yes but not today", "no idea", "", "yesterday", "nobody came"])
def test_neither(text: str) -> None:
    """Anything more than the word is not guessed at."""  # R6.4
    assert not says_yes(text)
    assert not says_no(text)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (
            ("4 Rose Villa, MG Road, 560001",),
            AddressDraft(text="4 Rose Villa, MG Road, 560001", pincode="560001"),
        ),
        (
            ("4 Rose Villa", "MG Road\n560001"),
            AddressDraft(text="4 Rose Villa, MG Road, 560001", pincode="560001"),
        ),
        (
            ("4 Rose Villa, 9999900002, MG Road",),
            AddressDraft(text="4 Rose Villa, MG Road", phone="9999900002"),
        ),
        (("9999900002",), AddressDraft(phone="9999900002")),
        (
            ("4 Rose Villa, MG Road", "Landmark: behind the temple"),
            AddressDraft(text="4 Rose Villa, MG Road", landmark="behind the temple"),
        ),
        (
            ("560002 first", "no, 560001"),
            AddressDraft(text="560002 first, no, 560001", pincode="560001"),
        ),
        (("a\u202eb\x00 \u200f c", ""), AddressDraft(text="ab c")),
    ],
)
def test_address_from_typed_messages(messages: tuple[str, ...], expected: AddressDraft) -> None:
    """Several messages make one address; phone, pincode and landmark are found in it."""  # R6.4
    draft = AddressDraft()
    for message in messages:
        draft = draft.with_text(message)
    assert draft == expected


@pytest.mark.parametrize(
    ("draft", "complete"),
    [
        (AddressDraft(text="MG Road"), False),
        (AddressDraft(text="Bengaluru560001"), False),
        (AddressDraft(text="4 Rose Villa"), True),
        (AddressDraft(pin="12.97,77.59"), True),
        (AddressDraft(phone="9999900002", pincode="560001"), False),
    ],
)
def test_enough_to_show_back(draft: AddressDraft, *, complete: bool) -> None:
    """Two words and ten characters, or a pin."""  # R6.4
    assert draft.is_complete() is complete


def test_form_is_tidied() -> None:
    """What a form brings is cut to size, and its phone is a mobile or none."""  # R6.4 S24
    draft = AddressDraft(
        text="  4  Rose\u202e Villa " + "x" * 900,
        pincode="560 001",
        landmark="l" * 900,
        phone="+91 99999 00002",
        name="n" * 900,
    ).tidied()
    assert draft.text.startswith("4 Rose Villa x")
    assert len(draft.text) == 500
    assert (draft.pincode, draft.phone) == ("560001", "9999900002")
    assert len(draft.landmark) == len(draft.name) == 100
    assert AddressDraft(phone="12345", pincode="none").tidied() == AddressDraft()


@given(st.text(), st.text())
def test_typed_address_stays_within_bounds(first: str, second: str) -> None:
    """Whatever is typed, the draft fits into a message and into a carrier's field."""  # R6.4
    draft = AddressDraft().with_text(first).with_text(f"landmark: {second}").with_text(first * 50)
    assert len(draft.text) <= 500
    assert len(draft.landmark) <= 100
    assert draft.pincode == "" or (len(draft.pincode) == 6 and draft.pincode.isdigit())
    assert draft.phone == "" or (len(draft.phone) == 10 and draft.phone.isdigit())


@given(st.text())
def test_clean_leaves_no_control_characters(text: str) -> None:
    """Control and direction characters go, line breaks stay, and cleaning twice changes nothing."""  # S24
    cleaned = clean(text)
    assert not set(cleaned) & {
        *map(chr, range(10)),
        *map(chr, range(11, 32)),
        *"\x7f\x80\x9f\u061c\u202e\u2066",
    }
    assert clean(cleaned) == cleaned


def test_address_begun_again_is_not_doubled() -> None:
    """Whoever was told that an address is too short starts anew with the same words."""  # R6.4
    draft = AddressDraft().with_text("Flat 4B").with_text("flat 4B, Lake View, 12th Main")
    assert draft.text == "flat 4B, Lake View, 12th Main"


@pytest.mark.parametrize("words", ["call 9999900002", "phone no. 99999 00002", "please call: +91 9999900002"])
def test_words_that_announce_a_number_are_no_part_of_the_address(words: str) -> None:
    """The number is kept apart, and the address does not end in "call"."""  # R6.4
    draft = AddressDraft().with_text(f"12 MG Road, opposite the park, {words}")
    assert (draft.text, draft.phone) == ("12 MG Road, opposite the park", "9999900002")
