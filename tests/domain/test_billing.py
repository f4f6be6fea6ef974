"""What a message costs, what is booked later, and what a month comes to (R5.4)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import (
    Adjusted,
    ChargeLine,
    Counted,
    PriceDecision,
    Rate,
    Statement,
    StatementCorrection,
    TaxLine,
    TaxRate,
    Tier,
    Window,
    billed_as,
    closes_at,
    correction,
    month_of,
    next_month,
    percent_words,
    price,
    share,
    statement_rows,
    taxes,
    tiers_of,
)

INDIA = ZoneInfo("Asia/Kolkata")
JAN = datetime(2026, 1, 1, tzinfo=UTC)
MAR = datetime(2026, 3, 1, tzinfo=UTC)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def rate(id_: int, paise: int, *, since: datetime = JAN, window: Window = Window.ANY, **more: object) -> Rate:
    return Rate(id_, "utility", window, since, paise, **more)  # type: ignore[arg-type]


CARD = (
    rate(1, 40),
    rate(2, 35, since=MAR),
    rate(3, 0, since=MAR, window=Window.OPEN),
    rate(4, 99, since=NOON + timedelta(days=1)),
)


@pytest.mark.parametrize(
    ("at", "is_inside", "expected"),
    [
        (JAN - timedelta(seconds=1), False, None),
        (JAN, False, (40, 1)),
        (JAN, True, (40, 1)),
        (MAR - timedelta(seconds=1), True, (40, 1)),
        (MAR, False, (35, 2)),
        (MAR, True, (0, 3)),
        (NOON, False, (35, 2)),
        (NOON + timedelta(days=1), True, (99, 4)),
    ],
)
def test_the_newest_rate_that_fits_decides(
    at: datetime, expected: tuple[int, int] | None, *, is_inside: bool
) -> None:
    """By its time; of two from the same instant the one for the customer's window (R5.4)."""
    decision = price(CARD, "utility", is_inside_window=is_inside, counted=Counted(), at=at)
    assert (None if decision is None else (decision.paise, decision.rate_id)) == expected
    assert price(CARD, "marketing", is_inside_window=is_inside, counted=Counted(), at=at) is None


def test_of_two_rates_for_one_instant_the_later_set_counts() -> None:
    """A price that was set wrong is set again."""
    decision = price(
        (rate(7, 30), rate(8, 31)), "utility", is_inside_window=False, counted=Counted(), at=NOON
    )
    assert decision is not None
    assert decision.rate_id == 8


@pytest.mark.parametrize(
    ("sent", "free", "expected"),
    [
        (0, 0, PriceDecision(0, 5, Window.CLOSED, is_allowance=True, number=1)),
        (1, 1, PriceDecision(0, 5, Window.CLOSED, is_allowance=True, number=2)),
        (2, 2, PriceDecision(50, 5, Window.CLOSED, number=3)),
        (9, 2, PriceDecision(50, 5, Window.CLOSED, number=10)),
        (10, 2, PriceDecision(45, 5, Window.CLOSED, tier_above=10, number=11)),
        (99, 2, PriceDecision(45, 5, Window.CLOSED, tier_above=10, number=100)),
        (100, 2, PriceDecision(40, 5, Window.CLOSED, tier_above=100, number=101)),
        (100, 1, PriceDecision(0, 5, Window.CLOSED, is_allowance=True, number=101)),
    ],
)
def test_allowance_goes_before_tiers(sent: int, free: int, expected: PriceDecision) -> None:
    """A place of the allowance that was given back is used up before anything is charged (R5.4)."""
    card = (rate(5, 50, free_monthly=2, tiers=(Tier(10, 45), Tier(100, 40))),)
    decision = price(card, "utility", is_inside_window=False, counted=Counted(sent, free), at=NOON)
    assert decision == expected
    assert f"rate {expected.rate_id}, window closed" in expected.words


@pytest.mark.parametrize("pairs", [[[10, 5], [10, 6]], [[0, 5]], [[10, -1]]])
def test_tiers_that_contradict_one_another_are_refused(pairs: list[list[int]]) -> None:
    """What nobody could apply is not kept."""
    with pytest.raises(ValueError, match="tier"):
        tiers_of(pairs)


def test_a_category_of_gupshups_own_is_of_its_family() -> None:
    """What it calls by a name of its own was approved under ours."""
    words = ["Marketing_Lite", "authentication_international", "UTILITY", "service"]
    assert [billed_as(word) for word in words] == ["marketing", "authentication", "utility", "service"]


@given(
    paise=st.integers(0, 500),
    is_counted=st.booleans(),
    facts=st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 500)), min_size=1, max_size=9),
)
def test_after_each_booking_a_message_costs_what_is_owed(
    paise: int, facts: list[tuple[bool, int | None]], *, is_counted: bool
) -> None:
    """In whatever order failure, delivery and another price are reported; the same fact again books nothing (R5.4)."""
    adjusted = 0
    for is_owed, corrected in facts:
        stand = {"corrected_paise": corrected, "is_counted": is_counted, "is_owed": is_owed}
        adjusted += correction(paise, adjusted_paise=adjusted, **stand)  # type: ignore[arg-type]
        costs = paise if corrected is None else corrected
        assert (paise if is_counted else 0) + adjusted == (costs if is_owed else 0)
        assert correction(paise, adjusted_paise=adjusted, **stand) == 0  # type: ignore[arg-type]


def test_a_month_is_that_of_the_workspaces_calendar() -> None:
    """The last evening of October in UTC is November in India (R5.4, I17)."""
    assert month_of(datetime(2026, 10, 31, 18, 29, tzinfo=UTC), INDIA) == date(2026, 10, 1)
    assert month_of(datetime(2026, 10, 31, 18, 30, tzinfo=UTC), INDIA) == date(2026, 11, 1)
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert closes_at(date(2026, 10, 1), INDIA, days=5) == datetime(2026, 11, 6, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("paise", "basis_points", "expected"),
    [
        (100, 1800, 18),
        (25, 1800, 5),  # 4.5
        (24, 1800, 4),  # 4.32
        (-25, 1800, -5),
        (181_265, 1800, 32_628),  # 32627.7
        (0, 1800, 0),
        (10, 500, 1),  # 0.5
        (9, 500, 0),  # 0.45
    ],
)
def test_a_tax_is_rounded_half_up_once(paise: int, basis_points: int, expected: int) -> None:
    """And a credit takes back as much as the debit came to."""
    assert share(paise, basis_points) == expected


def test_the_tax_in_force_on_the_months_last_day_counts() -> None:
    """Each name once; 0 ends it."""
    rates = (
        TaxRate("GST", 1800, date(2026, 1, 1)),
        TaxRate("GST", 2000, date(2026, 11, 15)),
        TaxRate("Cess", 100, date(2026, 1, 1)),
        TaxRate("Cess", 0, date(2026, 11, 1)),
        TaxRate("GST", 2800, date(2026, 12, 1)),
    )
    assert taxes(rates, 1000, date(2026, 10, 1)) == (TaxLine("Cess", 100, 10), TaxLine("GST", 1800, 180))
    assert taxes(rates, 1000, date(2026, 11, 1)) == (TaxLine("GST", 2000, 200),)
    assert taxes(rates, 1000, date(2025, 12, 1)) == ()


def test_the_rows_of_a_statement_add_up_and_run_no_formula() -> None:
    """Lines and corrections make the net total, taxes and net the total; a cell is never a formula."""
    line = ChargeLine(
        "account-1", "eshopbox", "=created", "created", "template", 5, 4, 3, 2, 1, 3, 2, 105, 35, 35
    )
    statement = Statement(
        "kapaskraft",
        date(2026, 10, 1),
        "Asia/Kolkata",
        (line,),
        (
            StatementCorrection(Adjusted.FAILED, date(2026, 9, 1), "", 2, -70),
            StatementCorrection(Adjusted.BY_HAND, None, "-goodwill", 1, -10),
        ),
        (TaxLine("GST", 1850, 5),),
    )
    rows = [
        dict(
            zip(("part", "notification", "detail", "amount"), (row[0], row[3], row[15], row[16]), strict=True)
        )
        for row in statement_rows(statement)
    ]
    assert [(row["part"], row["amount"]) for row in rows] == [
        ("line", 105), ("correction", -70), ("correction", -10), ("net", 25), ("tax", 5), ("total", 30),
    ]  # fmt: skip
    assert rows[0]["notification"] == "'=created"
    assert [row["detail"] for row in rows[1:]] == ["sent in 2026-09", "'-goodwill", "", "GST 18.5%", ""]
    assert [percent_words(points) for points in (1800, 250, 5, 0)] == ["18%", "2.5%", "0.05%", "0%"]
