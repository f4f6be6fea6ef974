"""How pages write money, numbers, phones, days and times: one place, so that the same thing looks the same everywhere.

What customers read is put together by `domain.wording`; this is for sellers and ops, in English. The zone is always
given: stored times are UTC.
"""

import re
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.wording import day_words, grouped

_LAKH_PAISE: Final = 1_00_000 * 100
_INDIAN_DIGITS: Final = 12  # 91 and ten more
_FEWEST_DIGITS: Final = 7
_SHOWN: Final = 4

# Country codes of one and two digits; every other one has three (ITU-T E.164).
_COUNTRY_CODE: Final = re.compile(r"1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|...")
_ZONE_NAMES: Final = {
    "Asia/Kolkata": "India Standard Time",
    "Asia/Calcutta": "India Standard Time",
    "UTC": "UTC",
}


def rupees_exact(paise: int) -> str:
    """Return an amount to the paisa: ₹0.35, ₹1,249.00, −₹12.50."""
    whole, rest = divmod(abs(paise), 100)
    return f"{'−' if paise < 0 else ''}₹{grouped(whole)}.{rest:02d}"


def rupees_figure(paise: int) -> str:
    """Return an amount to look at, not to pay: from a lakh on without its paise (₹9,84,310)."""
    if abs(paise) < _LAKH_PAISE:
        return rupees_exact(paise)
    return f"{'−' if paise < 0 else ''}₹{grouped(_rounded(abs(paise), 100))}"


def count_words(number: int) -> str:
    """Return a number with Indian grouping: 1,284 or 9,84,310."""
    return f"{'−' if number < 0 else ''}{grouped(abs(number))}"


def percent(part: int, whole: int) -> str:
    """Return a share without decimals: 61%. Of nothing there is none: –."""
    return f"{_rounded(100 * part, whole)}%" if whole > 0 else "–"


def _rounded(number: int, divisor: int) -> int:
    """Divide and round half up: Python's own rounding would write 0.5% as 0% and 1.5% as 2%."""
    return (2 * number + divisor) // (2 * divisor)


def duration_words(duration: timedelta) -> str:
    """Return a span of time in its two largest units: 20 h 35 min, 18 min, 2 days 3 h; what is negative is none."""
    minutes = max(0, int(duration.total_seconds())) // 60
    if minutes == 0:
        return "less than 1 min"
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    # A deadline is a day away: until two days have passed hours say more than "1 day".
    if days > 1:
        return f"{days} days {rest} h" if rest else f"{days} days"
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes))


def clock(at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """Return the time of day in a zone: 14:05, or 14:05:09."""
    return f"{at.astimezone(zone):{'%H:%M:%S' if seconds else '%H:%M'}}"


def iso(at: datetime, zone: ZoneInfo) -> str:
    """Return a time with the zone's offset, to the second, as machines read it."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def day(on: date, *, today: date) -> str:
    """Return a day as people say it: Today, Tomorrow, Yesterday, Fri 20 Nov in this year, else 20 Nov 2025."""
    near = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((on - today).days)
    return near or plain_day(on, today=today)


def plain_day(on: date, *, today: date) -> str:
    """Return a day by its date alone: Fri 20 Nov in this year, else 20 Nov 2025."""
    words = day_words(on)
    return words if on.year == today.year else f"{words.partition(' ')[2]} {on.year}"


def day_heading(on: date, *, today: date) -> str:
    """Return a day as a heading, with its date: "Today, Fri 20 Nov"."""
    plain = plain_day(on, today=today)
    near = day(on, today=today)
    return near if near == plain else f"{near}, {plain}"


def day_of(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """Return the day of a time, as `day` does, by a zone's calendar."""
    return day(local_date(at, zone), today=local_date(now, zone))


def moment(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """Return a day and a time: "Today, 14:05" or "Fri 20 Nov, 14:05"."""
    return f"{day_of(at, now=now, zone=zone)}, {clock(at, zone)}"


def moment_inside(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """Return a day and a time to stand in a sentence: "tomorrow, 11:05"."""
    words = moment(at, now=now, zone=zone)
    is_near = words.startswith(("Today", "Tomorrow", "Yesterday"))
    return words[0].lower() + words[1:] if is_near else words


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """Return the day of a time by a zone's calendar."""
    return at.astimezone(zone).date()


def zone_words(zone: ZoneInfo) -> str:
    """Return a zone's name for people; of one that we do not know, its place."""
    return _ZONE_NAMES.get(zone.key, zone.key.replace("_", " "))


def phone_words(phone: str) -> str:
    """Return a phone number as people read it: +91 80471 00021; what is none stays as it is.

    Args:
        phone: E.164, with or without its plus.
    """
    digits = phone.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) >= _FEWEST_DIGITS):
        return phone
    if digits.startswith("91") and len(digits) == _INDIAN_DIGITS:
        return f"+91 {digits[2:7]} {digits[7:]}"
    code = _COUNTRY_CODE.match(digits)
    size = code.end() if code else 0
    rest = digits[size:]
    groups = [rest[start : start + 3] for start in range(0, len(rest), 3)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = ["".join(groups[-2:])]  # no digit stands alone
    return " ".join([f"+{digits[:size]}", *groups])


def last4(secret: str) -> str:
    """Return the last four characters, all that is ever shown of a key; of one too short to hide the rest, nothing."""
    return secret[-_SHOWN:] if len(secret) >= 2 * _SHOWN else ""
