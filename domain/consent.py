"""What a customer wants of a sender: no messages at all, none of marketing, or all of them again (R5.5).

START lifts what stopped everything. What was stopped of marketing alone comes back by a word about marketing: in
WhatsApp itself, from the seller, or from staff.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from typing import Final

__all__ = ["COLUMNS", "LONGEST_NOTE", "BadLine", "Listed", "Scope", "Source", "read_list"]

LONGEST_NOTE: Final = 500
COLUMNS: Final = ("phone", "since", "scope", "note")
"""Of a list of opt-outs; the first two are needed."""

_NEEDED: Final = frozenset({"phone", "since"})
_LONGEST_LINE: Final = 2000


class Scope(StrEnum):
    """What is wanted, or not."""

    ALL = "all"
    MARKETING = "marketing"

    @classmethod
    def of(cls, category: str) -> "Scope":
        """Return what a message of a category belongs to."""
        return cls.MARKETING if category.strip().casefold() == cls.MARKETING else cls.ALL


class Source(StrEnum):
    """Who says so."""

    MESSAGE = "message"  # the customer wrote STOP or START
    GUPSHUP = "gupshup"  # Gupshup's opted-out or opted-in event
    WHATSAPP = "whatsapp"  # the customer's choice in WhatsApp itself
    IMPORT = "import"  # a list from before
    API = "api"  # the seller's own system
    OPS = "ops"


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a list: since when a customer wants no messages."""

    number: int
    phone: str
    since: datetime
    scope: Scope
    note: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be taken, and why; nothing of it is repeated."""

    number: int
    reason: str


def read_list(lines: Iterable[str], *, zone: tzinfo, now: datetime) -> Iterator[Listed | BadLine]:
    """Read a list of opt-outs with a header, one line at a time: what is wrong with one stops no other.

    Args:
        lines: Comma-separated, the first names the columns.
        zone: Of times that name none.
        now: The time.

    Raises:
        ValueError: The header is not that of such a list.
    """
    header: list[str] | None = None
    # Each line by itself: a quote that is not closed would swallow all that follow.
    for number, line in enumerate(lines, 1):
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            cells, wrong = [], str(error)
        else:
            wrong = ""
        if header is None:
            header = _header(cells)
        elif wrong:
            yield BadLine(number, f"it is no line of a CSV file: {wrong}")
        elif any(cell.strip() for cell in cells):
            yield _read(number, header, cells, zone, now)
    if header is None:
        _header([])


def _header(cells: Sequence[str]) -> list[str]:
    header = [cell.strip().casefold() for cell in cells]
    unknown, missing = sorted(set(header) - set(COLUMNS)), sorted(_NEEDED - set(header))
    if missing or unknown or len(set(header)) != len(header):
        words = [f"{', '.join(missing)} missing"] if missing else []
        words += [f"{', '.join(unknown)} unknown"] if unknown else []
        raise ValueError(
            f"line 1 names the columns {', '.join(COLUMNS)}: {'; '.join(words) or 'each of them once'}"
        )
    return header


def _read(number: int, header: list[str], cells: list[str], zone: tzinfo, now: datetime) -> Listed | BadLine:
    if len(cells) != len(header):
        return BadLine(number, f"{len(cells)} cells, the header has {len(header)}")
    if sum(map(len, cells)) > _LONGEST_LINE:
        return BadLine(number, f"more than {_LONGEST_LINE} characters")
    found = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    try:
        since = _moment(found["since"], zone)
    except ValueError:
        return BadLine(number, "since is a date or a time, as 2026-11-20 or 2026-11-20T18:30:00+05:30")
    if since > now:
        return BadLine(number, "since is in the future")
    scope = found.get("scope", "").casefold() or Scope.ALL.value
    if scope not in set(Scope):
        return BadLine(number, f"scope is one of {', '.join(Scope)}, or empty for all")
    note = found.get("note", "")
    if len(note) > LONGEST_NOTE:
        return BadLine(number, f"the note has more than {LONGEST_NOTE} characters")
    return Listed(number, found["phone"], since, Scope(scope), note)


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
