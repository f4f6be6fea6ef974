"""How much is taken: bodies by size, depth and time, callers by rate (S26). Kept in the process: a guard, not a meter."""

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic

from starlette.requests import ClientDisconnect

from api.errors import Problem, ProblemField

__all__ = ["LONGEST_BODY", "MOST_NESTING", "Allowance", "Rates", "check_encoding", "check_form", "read_body"]

LONGEST_BODY = 512 * 1024
MOST_NESTING = 32
BODY_SECONDS = 10.0
_CALLERS_WATCHED = 10_000
_LONGEST_NUMBER = 300
_TEXT_BRACKET_OR_NUMBER = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]|[0-9]{%d,}' % (_LONGEST_NUMBER + 1), re.DOTALL
)


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


def check_form(body: bytes) -> None:
    """Refuse what no parser of JSON takes, or only at a price, before anything parses it, and say where it stands.

    Raises:
        Problem: 400: not UTF-8, nested too deeply, or with a number of hundreds of digits.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _misformed(
            "not-utf-8",
            "The body is not UTF-8",
            f"byte {error.start} belongs to no character",
            "JSON in UTF-8",
        ) from None
    depth = 0
    for found in _TEXT_BRACKET_OR_NUMBER.finditer(body):
        match found.group():
            case b"[" | b"{":
                depth += 1
                if depth > MOST_NESTING:
                    raise _misformed(
                        "too-deep",
                        "The body is nested too deeply",
                        f"too deep at byte {found.start()}",
                        f"at most {MOST_NESTING} levels",
                    )
            case b"]" | b"}":
                depth -= 1
            case text_or_number if not text_or_number.startswith(b'"'):
                raise _misformed(
                    "number-too-long",
                    "A number is too long",
                    f"a number of {len(text_or_number)} digits at byte {found.start()}",
                    f"at most {_LONGEST_NUMBER} digits",
                )
            case _:
                pass  # a text: brackets and digits in it do not count


def _misformed(kind: str, title: str, problem: str, expected: str) -> Problem:
    field = ProblemField(where="body", problem=problem, expected=expected)
    return Problem(HTTPStatus.BAD_REQUEST, kind, title, f"{problem}; expected is {expected}", errors=[field])


class Allowance:
    """So many of something in a time, for each of whom it is; for what people do by hand.

    Args:
        count: How many.
        per: In which time.
    """

    def __init__(self, count: int, *, per: timedelta) -> None:
        self._count = count
        self._per = per
        self._taken: OrderedDict[str, tuple[datetime, ...]] = OrderedDict()

    def take(self, whose: str, now: datetime) -> datetime | None:
        """Take one; where none is left, return when there will be."""
        taken = tuple(at for at in self._taken.pop(whose, ()) if at + self._per > now)
        is_free = len(taken) < self._count
        self._taken[whose] = (*taken, now) if is_free else taken
        if len(self._taken) > _CALLERS_WATCHED:
            self._taken.popitem(last=False)
        return None if is_free else taken[0] + self._per


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


class Together:
    """So many of something at the same time, for each of whom it is.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: Counter[str] = Counter()

    def is_full(self, whose: str) -> bool:
        """Tell whether none is left."""
        return self._held[whose] >= self._count

    @contextmanager
    def one(self, whose: str) -> Iterator[None]:
        """Hold one of them."""
        self._held[whose] += 1
        try:
            yield
        finally:
            self._held[whose] -= 1
            if not self._held[whose]:
                del self._held[whose]
