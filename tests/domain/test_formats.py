"""How pages write money, numbers, phones, days and times."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.formats import (
    clock,
    count_words,
    day,
    day_heading,
    day_of,
    duration_words,
    iso,
    last4,
    moment,
    moment_inside,
    percent,
    phone_words,
    rupees_exact,
    rupees_figure,
    zone_words,
)

INDIA = ZoneInfo("Asia/Kolkata")
TODAY = date(2026, 11, 20)  # a Friday
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # 14:30 in India


@pytest.mark.parametrize(
    ("paise", "exact", "figure"),
    [
        (0, "₹0.00", "₹0.00"),
        (35, "₹0.35", "₹0.35"),
        (9_900, "₹99.00", "₹99.00"),
        (124_900, "₹1,249.00", "₹1,249.00"),
        (181_265, "₹1,812.65", "₹1,812.65"),
        (9_999_999, "₹99,999.99", "₹99,999.99"),
        (10_000_000, "₹1,00,000.00", "₹1,00,000"),
        (98_431_049, "₹9,84,310.49", "₹9,84,310"),
        (98_431_050, "₹9,84,310.50", "₹9,84,311"),
        (-1_250, "−₹12.50", "−₹12.50"),
        (-98_431_000, "−₹9,84,310.00", "−₹9,84,310"),
    ],
)
def test_money_is_exact_to_pay_and_whole_to_look_at(paise: int, exact: str, figure: str) -> None:
    """What is paid has its paise; a sum of lakhs to look at has none."""
    assert (rupees_exact(paise), rupees_figure(paise)) == (exact, figure)


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_exact_money_can_be_read_back(paise: int) -> None:
    """No paisa is lost between the database and a page."""
    bare = rupees_exact(paise).replace("₹", "").replace(",", "").replace(".", "").replace("−", "-")
    assert int(bare) == paise


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (999, "999"), (1_284, "1,284"), (984_310, "9,84,310"), (-1_284, "−1,284")]
)
def test_numbers_are_grouped_as_in_india(number: int, words: str) -> None:
    """Groups of two after the first three digits."""
    assert count_words(number) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (783, 1284, "61%"),
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 200, "1%"),
        (1, 201, "0%"),
        (5, 200, "3%"),
        (0, 0, "–"),
        (6, 5, "120%"),
    ],
)
def test_percent_has_no_decimals_and_none_of_nothing(part: int, whole: int, words: str) -> None:
    """Rounded half up, and a share of nothing is none, not 0%."""
    assert percent(part, whole) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-60, "less than 1 min"),
        (59, "less than 1 min"),
        (60, "1 min"),
        (18 * 60 + 59, "18 min"),
        (3600, "1 h"),
        (20 * 3600 + 35 * 60, "20 h 35 min"),
        (24 * 3600, "24 h"),
        (47 * 3600 + 59 * 60, "47 h 59 min"),
        (48 * 3600, "2 days"),
        (51 * 3600 + 59 * 60, "2 days 3 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: int, words: str) -> None:
    """Never rounded up: time left is not shown as more than there is."""
    assert duration_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("on", "words", "heading"),
    [
        (date(2026, 11, 20), "Today", "Today, Fri 20 Nov"),
        (date(2026, 11, 21), "Tomorrow", "Tomorrow, Sat 21 Nov"),
        (date(2026, 11, 19), "Yesterday", "Yesterday, Thu 19 Nov"),
        (date(2026, 11, 22), "Sun 22 Nov", "Sun 22 Nov"),
        (date(2026, 1, 1), "Thu 1 Jan", "Thu 1 Jan"),
        (date(2025, 12, 31), "31 Dec 2025", "31 Dec 2025"),
        (date(2027, 11, 20), "20 Nov 2027", "20 Nov 2027"),
    ],
)
def test_days_are_said_as_people_do(on: date, words: str, heading: str) -> None:
    """The next days by name, this year without the year, others with it."""
    assert (day(on, today=TODAY), day_heading(on, today=TODAY)) == (words, heading)


def test_yesterday_in_another_year_is_still_yesterday() -> None:
    """On New Year's Day the day before is nearer than its year."""
    new_year = date(2027, 1, 1)
    assert day(date(2026, 12, 31), today=new_year) == "Yesterday"
    assert day_heading(date(2026, 12, 31), today=new_year) == "Yesterday, 31 Dec 2026"


@pytest.mark.parametrize(
    ("at", "words", "inside"),
    [
        (NOW, "Today, 14:30", "today, 14:30"),
        (datetime(2026, 11, 20, 18, 29, tzinfo=UTC), "Today, 23:59", "today, 23:59"),
        (datetime(2026, 11, 20, 18, 30, tzinfo=UTC), "Tomorrow, 00:00", "tomorrow, 00:00"),
        (datetime(2026, 11, 19, 18, 29, tzinfo=UTC), "Yesterday, 23:59", "yesterday, 23:59"),
        (datetime(2026, 11, 14, 3, 5, tzinfo=UTC), "Sat 14 Nov, 08:35", "Sat 14 Nov, 08:35"),
        (datetime(2025, 11, 14, 3, 5, tzinfo=UTC), "14 Nov 2025, 08:35", "14 Nov 2025, 08:35"),
    ],
)
def test_a_day_ends_at_midnight_of_the_zone(at: datetime, words: str, inside: str) -> None:
    """Midnight in India is 18:30 UTC; a time is never shown under UTC's day."""
    assert moment(at, now=NOW, zone=INDIA) == words
    assert moment_inside(at, now=NOW, zone=INDIA) == inside
    assert day_of(at, now=NOW, zone=INDIA) == words.partition(",")[0]


def test_times_are_24_hour_and_carry_their_offset() -> None:
    """For people 14:05, for machines with the offset."""
    at = datetime(2026, 11, 20, 8, 35, 9, 654321, tzinfo=UTC)
    assert clock(at, INDIA) == "14:05"
    assert clock(at, INDIA, seconds=True) == "14:05:09"
    assert iso(at, INDIA) == "2026-11-20T14:05:09+05:30"
    assert zone_words(INDIA) == "India Standard Time"
    assert zone_words(ZoneInfo("America/New_York")) == "America/New York"


@pytest.mark.parametrize(
    ("phone", "words"),
    [
        ("918047100021", "+91 80471 00021"),
        ("+919999000012", "+91 99990 00012"),
        ("12025550123", "+1 202 555 0123"),
        ("447700900123", "+44 770 090 0123"),
        ("971500000123", "+971 500 000 123"),
        ("6590000012", "+65 900 000 12"),
        ("91804710002", "+91 804 710 002"),
        ("", ""),
        ("12345", "12345"),
        ("+91 80471", "+91 80471"),
        ("unknown", "unknown"),
        ("९१८०४७१०००२१", "९१८०४७१०००२१"),
    ],
)
def test_phones_are_grouped_and_anything_else_is_left(phone: str, words: str) -> None:
    """Indian numbers five and five; others after their country code; what is no number is not made one."""
    assert phone_words(phone) == words


@given(st.text("0123456789", min_size=7, max_size=15))
def test_no_digit_of_a_phone_is_lost(phone: str) -> None:
    """Grouping adds spaces and a plus only."""
    assert phone_words(phone).replace(" ", "") == f"+{phone}"


@pytest.mark.parametrize(
    ("secret", "shown"), [("sk_live_abcd1234", "1234"), ("12345678", "5678"), ("1234567", ""), ("", "")]
)
def test_only_the_end_of_a_key_is_shown(secret: str, shown: str) -> None:
    """R2.3: four characters, and none of a key so short that they would give it away."""
    assert last4(secret) == shown
