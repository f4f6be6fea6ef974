"""Times and numbers as people in India read them; the only place where India's time is used."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

INDIA: Final = timezone(timedelta(hours=5, minutes=30))


def spaced(number: str) -> str:
    """Write an Indian number as people read it: +91 99990 00012."""
    if len(number) == 12 and number.startswith("91"):  # noqa: PLR2004 - country code and ten digits
        return f"+91 {number[2:7]} {number[7:]}"
    return f"+{number}"


def clock(at: datetime) -> str:
    """Write the time of day: 14:05."""
    return at.astimezone(INDIA).strftime("%H:%M")


def iso(at: datetime) -> str:
    """Write a time for machines, with India's offset."""
    return at.astimezone(INDIA).isoformat(timespec="seconds")


def day_of(at: datetime) -> date:
    """Return the day that it was in India."""
    return at.astimezone(INDIA).date()


def day_name(on: date, today: date) -> str:
    """Write a day as a chat does: Today, Yesterday, Wednesday, 18 November."""
    if on == today:
        return "Today"
    if on == today - timedelta(days=1):
        return "Yesterday"
    return f"{on:%A}, {on.day} {on:%B}" + (f" {on.year}" if on.year != today.year else "")
