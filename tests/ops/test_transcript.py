"""A conversation in lines for a terminal."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ops.transcript import Answer, Bubble, Fact, Line, lines_of

_ZONE = ZoneInfo("Asia/Kolkata")
_AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)  # 08:30 in India


def _told(*lines: Line, in_colour: bool = False) -> list[str]:
    return list(lines_of("Hindi", lines, _ZONE, in_colour=in_colour))[1:]


def test_bubble_stands_left_and_the_answer_right() -> None:
    """Buttons in brackets, times of the zone, a heading for each day."""
    told = _told(
        Bubble(_AT, "What should we do?", header="We missed you", choices=(("Try again", ""), ("More", ""))),
        Answer(_AT + timedelta(minutes=1), "Try again"),
    )
    assert told[:4] == [
        "Fri 27 Nov",
        "08:30  ╭ We missed you",
        "       │ What should we do?",
        "       ╰ [Try again] [More]",
    ]
    assert told[4].startswith("08:31   ")
    assert told[4].endswith("Try again ◀")


def test_rows_of_a_list_are_numbered() -> None:
    """The number is what a step may tap."""
    told = _told(Bubble(_AT, "Which day?", opens="Choose a day", choices=(("Sat", ""), ("Sun", "late"))))
    assert told[-3:] == ["       │ [Choose a day ▾]", "       │   1 Sat", "       ╰   2 Sun – late"]


def test_gap_is_told_before_what_follows_it() -> None:
    """With a fact it makes one line; before a bubble it is one of its own."""
    told = _told(Answer(_AT, "Hello"), Fact(_AT + timedelta(hours=4), "reminder"))
    assert told[-1] == "12:30  · 4 h later: reminder"
    told = _told(Answer(_AT, "Hello"), Bubble(_AT + timedelta(minutes=90), "Hello"))
    assert told[-2:] == ["       · 1 h 30 min later", "10:00  ╭ Hello"]


def test_same_fact_again_and_again_is_one_line() -> None:
    """An order system that is down for hours is asked many times."""
    told = _told(*(Fact(_AT + timedelta(minutes=10 * number), "asked: no answer") for number in range(4)))
    assert told[-1] == "08:30  · asked: no answer (4 times until 09:00)"


def test_everything_fits_into_a_hundred_columns() -> None:
    """Devanagari too, whose vowel signs take no column of their own."""
    long = "कूरियर आपका ऑर्डर नहीं पहुँचा सका, " * 12
    told = _told(
        Bubble(
            _AT, long, header=long, footer=long, choices=tuple((f"बटन {number}", "") for number in range(20))
        ),
        Answer(_AT, long),
        Fact(_AT, long),
    )
    assert max(len(line) for line in told) <= 100 + sum(sign in "ँािीुूेैोौं़्" for sign in max(told, key=len))


def test_colour_is_only_for_terminals() -> None:
    """Plain text goes into files and pipes."""
    fact = Fact(_AT, "reminder")
    assert "\033" not in "".join(_told(fact))
    assert "\033[2m" in "".join(_told(fact, in_colour=True))
