"""How much is taken: bodies by size, depth and time, callers by rate (S26). Kept in the process: a guard, not a meter."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable, Mapping
from http import HTTPStatus
from time import monotonic

from starlette.requests import ClientDisconnect

from api.errors import Problem

__all__ = ["LONGEST_BODY", "MOST_NESTING", "Rates", "check_encoding", "check_nesting", "read_body"]

LONGEST_BODY = 512 * 1024
MOST_NESTING = 32
BODY_SECONDS = 10.0
_CALLERS_WATCHED = 10_000
_TEXT_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


async def read_body(
    chunks: AsyncIterable[bytes],
    headers: Mapping[str, str],
    *,
    longest: int = LONGEST_BODY,
    seconds: float = BODY_SECONDS,
) -> bytes:
    """Read a body that may be too long, too slow or packed.

    Raises:
        Problem: 413, 408 or 415; 400 when the caller went away.
    """
    check_encoding(headers)
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > longest:
        raise _too_long()
    try:
        return await asyncio.wait_for(_collect(chunks, longest), seconds)
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "cut", "The body did not arrive whole") from None
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "too-slow", "The body took too long to arrive") from None


async def _collect(chunks: AsyncIterable[bytes], longest: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > longest:
            raise _too_long()
    return bytes(body)


def _too_long() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", f"A body has at most {LONGEST_BODY // 1024} kB"
    )


def check_encoding(headers: Mapping[str, str]) -> None:
    """Refuse packed bodies: a few bytes could become gigabytes.

    Raises:
        Problem: 415.
    """
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded", "Send the body unpacked")


def check_nesting(body: bytes) -> None:
    """Refuse JSON that is nested too deeply, before anything parses it.

    Raises:
        Problem: 400.
    """
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(body):
        match found.group():
            case b"[" | b"{":
                depth += 1
                if depth > MOST_NESTING:
                    raise Problem(
                        HTTPStatus.BAD_REQUEST, "too-deep", f"JSON is nested at most {MOST_NESTING} deep"
                    )
            case b"]" | b"}":
                depth -= 1
            case _:
                pass  # a text: brackets in it do not count


class Rates:
    """A bucket of tokens for each caller.

    Args:
        per_second: What a caller may do in a second; also how much at once.
        clock: Seconds that only grow.
    """

    def __init__(self, per_second: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = float(per_second)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> bool:
        """Take one token; False if there is none."""
        now = self._clock()
        tokens, since = self._buckets.pop(caller, (self._per_second, now))
        tokens = min(self._per_second, tokens + (now - since) * self._per_second)
        is_free = tokens >= 1
        self._buckets[caller] = (tokens - 1 if is_free else tokens, now)
        if len(self._buckets) > _CALLERS_WATCHED:
            self._buckets.popitem(last=False)
        return is_free
