"""Gupshup's JSON, read with suspicion: any value may be missing, null or of another type.

`load` refuses what cannot be kept (PostgreSQL holds no NUL, JSON no infinity). After it nothing here
raises: a value that does not fit reads as absent.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_NESTING = 32
_LONGEST_ID = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = 946_684_800  # 2000-01-01: anything outside these hundred years is no time of ours
_LAST_SECOND = 4_102_444_800  # 2100-01-01
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138, as milliseconds it is 1973
_SURROGATE = re.compile("[\ud800-\udfff]")
_PHONE = re.compile(r"[0-9]{7,15}")
_PHONE_DRESS = re.compile(r"[\s+().-]")
_NUMBER = re.compile(r"[+-]?[0-9]{1,17}(\.[0-9]{1,20})?")


class UnreadableJsonError(ValueError):
    """The text is not JSON we can keep. Its message names the reason and quotes nothing."""


def load(raw: bytes | str) -> Any:
    """Read JSON, bounded in depth, free of NUL and of numbers without end.

    Half an emoji (a lone surrogate, from a name somebody cut) becomes U+FFFD instead of costing the reply.

    Raises:
        UnreadableJsonError: The text cannot be read or kept.
    """
    try:
        text_read = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        value = json.loads(text_read)
    except UnicodeDecodeError:
        raise UnreadableJsonError("not UTF-8") from None  # the cause would quote the body
    except ValueError:
        raise UnreadableJsonError("not JSON") from None
    except RecursionError:
        raise UnreadableJsonError("nested too deeply") from None
    return _kept(value, MAX_NESTING)


def load_quietly(raw: object) -> Any:
    """Read JSON that stands inside a JSON string; None when it is none."""
    if not isinstance(raw, str):
        return None
    try:
        return load(raw)
    except UnreadableJsonError:
        return None


def _kept(value: Any, depth_left: int) -> Any:
    match value:
        case str():
            if "\0" in value:
                raise UnreadableJsonError("NUL character")
            return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
        case float() if not math.isfinite(value):
            raise UnreadableJsonError("number without end")
        case dict() | list() if depth_left == 0:
            raise UnreadableJsonError("nested too deeply")
        case dict():
            return {_kept(key, 0): _kept(item, depth_left - 1) for key, item in value.items()}
        case list():
            return [_kept(item, depth_left - 1) for item in value]
        case _:
            return value


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of an array; whatever else it holds is left out."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def text(value: object) -> str:
    """Return text as it came; a whole number as its digits; else the empty string."""
    match value:
        case str():
            return value
        case bool():
            return ""
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return ""


def first_text(*values: object) -> str:
    """Return the first value that is a text with something in it, trimmed."""
    return next((found for value in values if (found := text(value).strip())), "")


def identifier(*values: object) -> str | None:
    """Return the first usable id. Ids are opaque; one longer than any of Gupshup's is none."""
    return next((found for value in values if 0 < len(found := text(value).strip()) <= _LONGEST_ID), None)


def phone(*values: object) -> str | None:
    """Return the first value that is a phone number, as digits with the country code."""
    for value in values:
        digits = _PHONE_DRESS.sub("", text(value))
        if _PHONE.fullmatch(digits):
            return digits
    return None


def number(value: object) -> float | None:
    """Return a number that came as number or as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < 10**17 else None
    written = text(value).strip()
    return float(written) if _NUMBER.fullmatch(written) else None


def claim(value: object) -> bool | None:
    """Return a yes or no that came as boolean or as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text(value).strip().lower())


def moment(*values: object) -> datetime | None:
    """Return the first value that is a time. Gupshup mixes seconds and milliseconds, numbers and text."""
    for value in values:
        since_epoch = number(value)
        if since_epoch is None:
            continue
        seconds = since_epoch / 1000 if since_epoch >= _MILLISECONDS_FROM else since_epoch
        if _FIRST_SECOND <= seconds < _LAST_SECOND:
            return _EPOCH + timedelta(seconds=seconds)
    return None
