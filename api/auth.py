"""Who calls: webhook secrets, API keys. Comparisons are of hashes in constant time; a refusal says nothing more."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.dependencies import ServicesNow
from api.errors import Problem
from db import accounts, workspaces
from db.accounts import AppAccount
from db.session import Database
from db.workspaces import ApiKey

__all__ = ["Caller", "KnownCallers", "callback_account", "order_system_is_authentic", "presented_secret"]

_REMEMBERED_SECONDS = 5.0
_CALLERS_REMEMBERED = 10_000
_CASES = "cases"


class KnownCallers:
    """Callers that proved themselves a moment ago; spares the callback path two queries.

    Only successes are remembered, by the hash of what was presented, and for seconds: a secret that is taken away
    stops working within them.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, AppAccount | None]] = OrderedDict()

    def find(self, *presented: str) -> tuple[bool, AppAccount | None]:
        """Return whether this was presented a moment ago, and whose it is."""
        until, account = self._known.get(_key(presented), (0.0, None))
        return self._clock() < until, account

    def remember(self, account: AppAccount | None, *presented: str) -> None:
        """Remember what proved to be right."""
        self._known[_key(presented)] = (self._clock() + _REMEMBERED_SECONDS, account)
        if len(self._known) > _CALLERS_REMEMBERED:
            self._known.popitem(last=False)


def _key(presented: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(presented).encode("utf-8", "replace")).digest()


async def callback_account(
    database: Database, known: KnownCallers, token: str, request: Request
) -> AppAccount:
    """Return the app account of a callback address, its header secret checked too (S1, S2).

    Raises:
        Problem: 404 for an unknown address, 401 for a wrong header.
    """
    headers = "\n".join(f"{name}:{value}" for name, value in request.headers.items() if name in _SECRET_HEADERS)
    raise NotImplementedError(headers)
