"""Callers that proved themselves a moment ago."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["Remembered"]

_REMEMBERED_SECONDS = 5.0
_CALLERS_REMEMBERED = 10_000

_Who = TypeVar("_Who")


class Remembered(Generic[_Who]):
    """Callers that proved themselves a moment ago; spares the callback path its queries.

    Only successes are remembered, by the hash of what was presented, and for seconds: a secret that is taken away
    stops working within them.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, _Who]] = OrderedDict()

    def find(self, *presented: str) -> _Who | None:
        """Return who presented this a moment ago."""
        until, who = self._known.get(_key(presented), (0.0, None))
        return who if self._clock() < until else None

    def keep(self, who: _Who, *presented: str) -> None:
        """Remember who presents this."""
        self._known[_key(presented)] = (self._clock() + _REMEMBERED_SECONDS, who)
        if len(self._known) > _CALLERS_REMEMBERED:
            self._known.popitem(last=False)


def _key(presented: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(presented).encode("utf-8", "replace")).digest()
