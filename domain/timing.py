"""When things may happen: quiet hours, reminders, the deadline, the days a customer may choose.

Everything is computed from aware UTC times; the workspace's zone is used here and on pages, nowhere else.
"""

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.failures import Capabilities

SESSION_WINDOW = timedelta(hours=24)
"""How long free-form messages are allowed after the customer's last message (R7.11)."""

_SUNDAY = 7  # ISO
_RELEASE_SPREAD_SECONDS = 15 * 60  # what quiet hours held back is released over a quarter of an hour (R6.8)
_DEADLINE_SPREAD_SECONDS = 45  # equal deadlines do not fire in one instant, and none fires a minute late


class AtDeadline(StrEnum):
    """What a workspace wants when nobody answered until the deadline (R6.7)."""

    HAND_OVER = "hand_over"
    REATTEMPT = "reattempt"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Policy:
    """A workspace's choices for its cases, fixed when a case opens.

    Attributes:
        timezone: IANA name of the workspace's zone.
        reminders_after: Minutes from the first message to each reminder.
        deadline_after: Minutes from the failure to the deadline.
        nudge_after: Minutes of silence in a half-finished step before the one nudge.
        quiet_from: Local start of quiet hours, "HH:MM"; empty for none.
        quiet_until: Local end of quiet hours, "HH:MM".
        at_deadline: What happens when nobody answered.
        no_sundays: Whether Sundays are left out of the days offered.
        holidays: Further days left out.
        language: The workspace's default language.
        answer_unexpected: Whether an unreadable answer is answered at all (R7.10).
        texts: Own session texts, as pairs of key and text. "hi:nudge" is Hindi; a key without a language is in the
            workspace's default language.
        works_from: Local start of the team's hours, "HH:MM"; empty where they are not set (R7.6).
        works_until: Local end of the team's hours, "HH:MM".
        works_on: Days on which the team works, Monday is 1.
        holiday_region: Country and state whose public holidays are left out of the days offered, as "IN-KA"; `holidays`
            holds them once a case opens.
        opt_out_words: Further words that count as STOP (R5.5).
        tell_new_day: Whether a customer who can be written to hears of the attempt that follows one not made (R6.12).
    """

    timezone: str = "Asia/Kolkata"
    reminders_after: tuple[int, ...] = (240, 720)
    deadline_after: int = 1440
    nudge_after: int = 30
    quiet_from: str = "21:00"
    quiet_until: str = "08:00"
    at_deadline: AtDeadline = AtDeadline.HAND_OVER
    no_sundays: bool = False
    holidays: tuple[date, ...] = ()
    language: str = "en"
    answer_unexpected: bool = True
    texts: tuple[tuple[str, str], ...] = ()
    works_from: str = ""
    works_until: str = ""
    works_on: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    holiday_region: str = ""
    opt_out_words: tuple[str, ...] = ()
    tell_new_day: bool = False

    def text(self, key: str, language: str) -> str | None:
        """Return the workspace's own text for a key in a language, if it has one."""
        own = dict(self.texts)
        plain = own.get(key) if language == self.language else None
        return own.get(f"{language}:{key}", plain)


def deadline(failed_at: datetime, policy: Policy, *, spread_by: str) -> datetime:
    """Return when a case must be over: counted from the failure, not from our first message (R6.7)."""
    return failed_at + timedelta(
        minutes=policy.deadline_after, seconds=_spread(spread_by, _DEADLINE_SPREAD_SECONDS)
    )


def release(at: datetime, policy: Policy, *, spread_by: str) -> datetime:
    """Return `at`, or if that is in quiet hours their end, spread over a quarter of an hour (R6.8)."""
    end = quiet_until(at, policy)
    return at if end is None else end + timedelta(seconds=_spread(spread_by, _RELEASE_SPREAD_SECONDS))


def quiet_until(at: datetime, policy: Policy) -> datetime | None:
    """Return when the quiet hours that `at` falls into end; None outside quiet hours."""
    if not policy.quiet_from or policy.quiet_from == policy.quiet_until:
        return None
    zone = ZoneInfo(policy.timezone)
    local = at.astimezone(zone)
    start, end = time.fromisoformat(policy.quiet_from), time.fromisoformat(policy.quiet_until)
    now = local.time()
    if start < end:
        if not start <= now < end:
            return None
        day = local.date()
    elif now >= start:
        day = local.date() + timedelta(days=1)
    elif now < end:
        day = local.date()
    else:
        return None
    return datetime.combine(day, end, zone).astimezone(UTC)


def eligible_days(now: datetime, policy: Policy, capabilities: Capabilities) -> tuple[date, ...]:
    """Return the days a customer may choose, tomorrow first (R6.4): at most ten fit into one list."""
    today = local_day(now, policy)
    window = (today + timedelta(days=ahead) for ahead in range(1, capabilities.date_window_days + 1))
    sundays_out = policy.no_sundays or not capabilities.sunday_delivery
    days = [
        day
        for day in window
        if not (sundays_out and day.isoweekday() == _SUNDAY) and day not in policy.holidays
    ]
    return tuple(days[:10])


def is_at_work(at: datetime, policy: Policy) -> bool:
    """Tell whether the seller's team is there to be asked; always, where its hours are not set (R7.6)."""
    if not policy.works_from or policy.works_from == policy.works_until:
        return True
    local = at.astimezone(ZoneInfo(policy.timezone))
    start, end = time.fromisoformat(policy.works_from), time.fromisoformat(policy.works_until)
    now, day = local.time(), local.isoweekday()
    if start < end:
        return day in policy.works_on and start <= now < end
    yesterday = day - 1 or _SUNDAY  # a night shift belongs to the day on which it began
    return (day in policy.works_on and now >= start) or (yesterday in policy.works_on and now < end)


def local_day(at: datetime, policy: Policy) -> date:
    """Return the day that it is for the workspace."""
    return at.astimezone(ZoneInfo(policy.timezone)).date()


def local_words(at: datetime, policy: Policy) -> str:
    """Return a time as "Sun 22 Nov 21:38 (Asia/Kolkata)", in the workspace's zone."""
    local = at.astimezone(ZoneInfo(policy.timezone))
    return f"{local:%a} {local.day} {local:%b %H:%M} ({policy.timezone})"


def _spread(key: str, seconds: int) -> int:
    """Return a number of seconds that differs by key and is the same on every replay."""
    return zlib.crc32(key.encode()) % seconds
