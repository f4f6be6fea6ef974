"""When things may happen, at the edges, in India."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import Capabilities
from domain.timing import Policy, deadline, eligible_days, quiet_until, release

IST = ZoneInfo("Asia/Kolkata")
DEFAULT = Policy()
WEEK = Capabilities(actions=())


def ist(day: int, hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    """Return a time of November 2026 in India, as UTC: the 20th is a Friday."""
    return datetime(2026, 11, day, hour, minute, second, microsecond, IST).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (ist(20, 20, 59, 59, 999999), None),
        (ist(20, 21), ist(21, 8)),
        (ist(20, 23, 59, 59), ist(21, 8)),
        (ist(21, 0), ist(21, 8)),
        (ist(21, 5, 29), ist(21, 8)),  # still the 20th in UTC
        (ist(21, 5, 30), ist(21, 8)),
        (ist(21, 7, 59, 59, 999999), ist(21, 8)),
        (ist(21, 8), None),
        (ist(21, 12), None),
    ],
)
def test_quiet_hours_over_midnight(at: datetime, end: datetime | None) -> None:
    """Nine in the evening is quiet, eight in the morning is not, whatever the date in UTC."""  # R6.8 F59
    assert quiet_until(at, DEFAULT) == end


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (ist(20, 12, 59, 59), None),
        (ist(20, 13), ist(20, 15, 30)),
        (ist(20, 15, 29), ist(20, 15, 30)),
        (ist(20, 15, 30), None),
    ],
)
def test_quiet_hours_within_a_day(at: datetime, end: datetime | None) -> None:
    """A siesta ends on its own day."""  # R6.8
    assert quiet_until(at, Policy(quiet_from="13:00", quiet_until="15:30")) == end


@pytest.mark.parametrize("hours", [("", "08:00"), ("08:00", "08:00"), ("", "")])
def test_no_quiet_hours(hours: tuple[str, str]) -> None:
    """None set, or an empty span: never quiet."""  # R6.8
    policy = Policy(quiet_from=hours[0], quiet_until=hours[1])
    assert all(quiet_until(ist(20, hour), policy) is None for hour in range(24))


def test_quiet_hours_follow_the_workspaces_zone() -> None:
    """The same instant is quiet in one zone and not in another."""  # R6.8 I17
    at = ist(20, 22)
    assert quiet_until(at, Policy(timezone="Europe/London")) is None
    assert quiet_until(at, Policy(timezone="Asia/Tokyo")) == datetime(2026, 11, 20, 23, tzinfo=UTC)


def test_quiet_hours_on_29_february() -> None:
    """The day after the 28th exists in a leap year."""  # F59
    late = datetime(2028, 2, 28, 23, 0, tzinfo=IST)
    assert quiet_until(late, DEFAULT) == datetime(2028, 2, 29, 8, 0, tzinfo=IST)
    assert quiet_until(late + timedelta(days=1), DEFAULT) == datetime(2028, 3, 1, 8, 0, tzinfo=IST)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)), st.text())  # noqa: DTZ001 - Hypothesis adds the zone
def test_release_is_never_quiet_and_never_late(at: datetime, key: str) -> None:
    """What is held back goes out within a quarter of an hour after the quiet hours, always the same."""  # R6.8
    released = release(at, DEFAULT, spread_by=key)
    assert quiet_until(released, DEFAULT) is None
    end = quiet_until(at, DEFAULT)
    assert released == at if end is None else end <= released < end + timedelta(minutes=15)
    assert released == release(at, DEFAULT, spread_by=key)


def test_release_is_spread() -> None:
    """A hundred cases of one night do not write in one minute."""  # R6.8
    released = [release(ist(20, 23), DEFAULT, spread_by=f"case-{n}") for n in range(100)]
    assert {(at - ist(21, 8)) // timedelta(minutes=1) for at in released} == set(range(15))


@given(st.text())
def test_deadline_is_never_early_and_less_than_a_minute_late(key: str) -> None:
    """Twenty-four hours after the failure, spread a little."""  # R6.7 I17
    at = deadline(ist(20, 12), DEFAULT, spread_by=key)
    assert timedelta(0) <= at - ist(21, 12) < timedelta(minutes=1)


def test_deadline_counts_from_the_failure_in_the_workspaces_own_minutes() -> None:
    """A workspace may shorten it."""  # R6.7
    at = deadline(ist(20, 12), Policy(deadline_after=90), spread_by="")
    assert at.replace(second=0) == ist(20, 13, 30)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (ist(20, 23, 59, 59), date(2026, 11, 21)),
        (ist(21, 0), date(2026, 11, 22)),  # midnight in India, half past six in the evening in UTC
        (ist(21, 5, 29), date(2026, 11, 22)),
        (ist(21, 5, 30), date(2026, 11, 22)),
    ],
)
def test_tomorrow_is_the_customers_tomorrow(now: datetime, first: date) -> None:
    """Days begin at midnight in India, not in Greenwich."""  # R6.4 F59
    assert eligible_days(now, DEFAULT, WEEK)[0] == first


@pytest.mark.parametrize(
    ("policy", "capabilities", "days"),
    [
        (Policy(), WEEK, [21, 22, 23, 24, 25, 26, 27]),
        (Policy(no_sundays=True), WEEK, [21, 23, 24, 25, 26, 27]),
        (Policy(), Capabilities(actions=(), sunday_delivery=False), [21, 23, 24, 25, 26, 27]),
        (Policy(holidays=(date(2026, 11, 21), date(2026, 11, 25))), WEEK, [22, 23, 24, 26, 27]),
        (Policy(), Capabilities(actions=(), date_window_days=2), [21, 22]),
        (Policy(), Capabilities(actions=(), date_window_days=0), []),
        (Policy(), Capabilities(actions=(), date_window_days=30), list(range(21, 31))),  # ten rows in a list
    ],
)
def test_eligible_days(policy: Policy, capabilities: Capabilities, days: list[int]) -> None:
    """No Sundays where the workspace or the carrier says so, no holidays, no more than fit into a list."""  # R6.4
    assert [day.day for day in eligible_days(ist(20, 12), policy, capabilities)] == days
