"""A conversation as it looks on the phone, in lines for a terminal: ours left, the customer's right, facts between."""

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WIDTH: Final = 96
_INDENT: Final = " " * 7  # beneath "08:30  "
_BUBBLE: Final = 64
_WORTH_SAYING: Final = timedelta(minutes=5)
_BOLD, _DIM, _PLAIN = "\033[1m", "\033[2m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message of ours on the phone.

    Attributes:
        at: When it was accepted for sending.
        text: Its body.
        header: The line above.
        footer: The line beneath.
        opens: What opens its list or form; empty where there is none.
        choices: What can be tapped, as pairs of title and description.
    """

    at: datetime
    text: str
    header: str = ""
    footer: str = ""
    opens: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer did."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened besides; the same again and again is told once, with `until` for the last time."""

    at: datetime
    text: str
    until: datetime | None = None
    times: int = 1


Line = Bubble | Answer | Fact


def lines_of(heading: str, lines: Iterable[Line], zone: ZoneInfo, *, in_colour: bool) -> Iterator[str]:
    """Return a conversation line by line, with the times of the zone."""
    yield _styled(f"── {heading} ".ljust(WIDTH, "─"), _BOLD, in_colour=in_colour)
    day: date | None = None
    before: datetime | None = None
    for line in _together(lines):
        local = line.at.astimezone(zone)
        if local.date() != day:
            day = local.date()
            yield _styled(f"{local:%a} {local.day} {local:%b}", _BOLD, in_colour=in_colour)
        later = _later(line.at - before) if before is not None else ""
        if later and not isinstance(line, Fact):
            yield _styled(f"{_INDENT}· {later}", _DIM, in_colour=in_colour)
        before = line.at
        match line:
            case Bubble():
                yield from _bubble(line, f"{local:%H:%M}  ", in_colour=in_colour)
            case Answer():
                yield from _answer(line, f"{local:%H:%M}")
            case Fact():
                before = line.until or line.at
                for part in _fact(line, later, zone, f"{local:%H:%M}  "):
                    yield _styled(part, _DIM, in_colour=in_colour)


def _together(lines: Iterable[Line]) -> Iterator[Line]:
    """Join a fact with those that say the same right after it."""
    held: Fact | None = None
    for line in lines:
        if isinstance(line, Fact) and held is not None and line.text == held.text:
            held = Fact(held.at, held.text, until=line.at, times=held.times + 1)
            continue
        if held is not None:
            yield held
        held = line if isinstance(line, Fact) else None
        if held is None:
            yield line
    if held is not None:
        yield held


def _bubble(bubble: Bubble, time: str, *, in_colour: bool) -> Iterator[str]:
    inside = [_styled(part, _BOLD, in_colour=in_colour) for part in _wrapped(bubble.header, _BUBBLE)]
    inside += [part for paragraph in bubble.text.split("\n") for part in _wrapped(paragraph, _BUBBLE) or [""]]
    inside += [_styled(part, _DIM, in_colour=in_colour) for part in _wrapped(bubble.footer, _BUBBLE)]
    if bubble.opens:
        inside.append(f"[{bubble.opens} ▾]")
        for number, (title, description) in enumerate(bubble.choices, start=1):
            inside.append(f"  {number} {title}{f' – {description}' if description else ''}")
    elif bubble.choices:
        inside += _wrapped(" ".join(f"[{title}]" for title, _ in bubble.choices), WIDTH - len(_INDENT) - 2)
    for number, part in enumerate(inside):
        edge = "╭" if number == 0 else "╰" if number == len(inside) - 1 else "│"
        yield f"{time if number == 0 else _INDENT}{edge} {part}".rstrip()


def _answer(answer: Answer, time: str) -> Iterator[str]:
    for number, part in enumerate(_wrapped(answer.text, _BUBBLE)):
        left = time if number == 0 else ""
        yield f"{left}{' ' * (WIDTH - len(left) - _cells(part) - 2)}{part} ◀"


def _fact(fact: Fact, later: str, zone: ZoneInfo, time: str) -> Iterator[str]:
    text = f"{later}: {fact.text}" if later else fact.text
    if fact.until is not None:
        text += f" ({fact.times} times until {fact.until.astimezone(zone):%H:%M})"
    for number, part in enumerate(_wrapped(text, WIDTH - len(_INDENT) - 2)):
        yield f"{time}· {part}" if number == 0 else f"{_INDENT}  {part}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _cells(text: str) -> int:
    """Return how many columns a text takes; vowel signs of Devanagari sit on their letters."""
    return sum(
        0
        if unicodedata.category(sign) in ("Mn", "Me", "Cf")
        else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def _later(gap: timedelta) -> str:
    """Return a gap in words; empty where it is not worth a word."""
    if gap < _WORTH_SAYING:
        return ""
    minutes = round(gap.total_seconds() / 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")
    return f"{' '.join(part for part in parts if part)} later"


def _styled(text: str, style: str, *, in_colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if in_colour and text else text
