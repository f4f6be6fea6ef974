"""The order system's JSON, read with suspicion: any value may be missing, null or of another type.

After `load` nothing here raises: a value that does not fit reads as absent. Times without a zone are Indian.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from domain.replies import clean

INDIA: Final = timezone(timedelta(hours=5, minutes=30))
MAX_NESTING: Final = 32
LONGEST_ID: Final = 128
_LONGEST_TEXT: Final = 500
_LARGEST_PAISE: Final = 10**13
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_YEAR: Final = datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 10**11  # as seconds this would be the year 5138, as milliseconds it is 1973
_EPOCH_NUMBER: Final = re.compile(r"[0-9]{9,13}(\.[0-9]{1,9})?", re.ASCII)
_DAY_FIRST: Final = "%d-%m-%Y %H:%M:%S"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MONEY_DRESS: Final = re.compile(r"(?i)^(?:inr|rs\.?|₹)?\s*|[,\s]|(?:/-)$")
_MONEY: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,9}(\.0+)?", re.ASCII)


class UnreadableJsonError(ValueError):
    """The text is not JSON that we read. Its message names the reason and quotes nothing."""


def load(raw: bytes) -> Any:
    """Read JSON, bounded in depth.

    Raises:
        UnreadableJsonError: The text cannot be read.
    """
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableJsonError("not UTF-8") from None  # the cause would quote the body
    except ValueError:
        raise UnreadableJsonError("not JSON") from None
    except RecursionError:
        raise UnreadableJsonError("nested too deeply") from None
    if _is_deeper(value, MAX_NESTING):
        raise UnreadableJsonError("nested too deeply")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    match value:
        case dict() | list() if levels == 0:
            return True
        case dict():
            return any(_is_deeper(item, levels - 1) for item in value.values())
        case list():
            return any(_is_deeper(item, levels - 1) for item in value)
        case _:
            return False


def at_path(body: object, path: str) -> Any:
    """Return the value at a dotted path, a number being a position in a list; None when there is none."""
    value: Any = body
    for step in path.split("."):
        match value:
            case dict():
                value = value.get(step)
            case list() if step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            case _:
                return None
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of an array; whatever else it holds is left out."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def text(value: object, *, longest: int = _LONGEST_TEXT) -> str:
    """Return a text on one line without control and direction characters; a whole number as its digits."""
    match value:
        case str():
            # Half an emoji (a name somebody cut) cannot be stored: it becomes U+FFFD.
            return " ".join(clean(_SURROGATE.sub("\ufffd", value[: 4 * longest])).split())[:longest].rstrip()
        case bool():
            return ""
        case int() if abs(value) < 10**17:
            return str(value)
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case _:
            return ""


def identifier(value: object) -> str:
    """Return an id; one longer than any of theirs is none, for a part of an id is another id."""
    found = text(value, longest=LONGEST_ID + 1)
    return found if len(found) <= LONGEST_ID else ""


def whole_number(value: object) -> int | None:
    """Return a whole number from 0, which came as number or as text."""
    written = text(value)
    return int(written.partition(".")[0]) if _WHOLE.fullmatch(written) else None


def paise(value: object) -> int | None:
    """Return an amount of rupees in paise; None when it is none."""
    written = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else text(value)
    written = _MONEY_DRESS.sub("", written)
    if not _MONEY.fullmatch(written):
        return None
    try:
        amount = int((Decimal(written) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except InvalidOperation:
        return None
    return amount if amount < _LARGEST_PAISE else None


def moment(value: object) -> datetime | None:
    """Return a time in UTC. Theirs come in several formats, as Indian time where no zone is written."""
    written = str(value) if isinstance(value, float) else text(value)
    try:
        found = _epoch(written) if _EPOCH_NUMBER.fullmatch(written) else _calendar(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _FIRST_YEAR <= found < _LAST_YEAR else None


def _epoch(written: str) -> datetime:
    since = float(written)
    return _EPOCH + timedelta(seconds=since / 1000 if since >= _MILLISECONDS_FROM else since)


def _calendar(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        found = datetime.strptime(written, _DAY_FIRST).replace(tzinfo=INDIA)
    return found if found.tzinfo else found.replace(tzinfo=INDIA)


def india_day(value: object) -> str:
    """Return the day of a time by India's calendar, as ISO date; empty when it is none."""
    at = moment(value)
    return at.astimezone(INDIA).date().isoformat() if at is not None else ""
