"""Access tokens of the order system: one for each workspace, kept until shortly before it ends.

Its pages ask callers to fetch a token only after the last one ended, and limit those who do not.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpx

from clients.carriers.base import CarrierCredentials, CarrierUnavailable
from clients.carriers.eshopbox import wire
from clients.carriers.eshopbox.exchange import Answered, exchange

_PATH: Final = "/api/v1/generateToken"
_MARGIN: Final = timedelta(seconds=60)
_DEFAULT_LIFE: Final = timedelta(
    hours=1
)  # only where the answer names none; a token that ended costs one 401
_HEADER_VALUE: Final = re.compile(r"[!-~]{1,8192}")


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    credentials: CarrierCredentials
    ends_at: datetime


@dataclass(slots=True)
class _Grant:
    """What is known of one workspace's access. `rounds` counts the requests for a token that have ended."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: _Token | None = None
    rounds: int = 0
    failure: CarrierUnavailable | None = None


class AccessTokens:
    """Fetch and keep access tokens; of many callers of one workspace one asks and all share the answer."""

    def __init__(
        self, http: httpx.AsyncClient, *, auth_url: str, clock: Callable[[], datetime], total_seconds: float
    ) -> None:
        base = auth_url.rstrip("/")
        self._url = base if base.endswith(_PATH) else base + _PATH
        self._http = http
        self._clock = clock
        self._total_seconds = total_seconds
        self._grants: dict[str, _Grant] = {}

    async def token(self, credentials: CarrierCredentials, *, refused: str = "") -> str:
        """Return a token that is valid as far as we know.

        Args:
            credentials: Whose token.
            refused: A token that the order system has just refused: that one is not returned again.

        Raises:
            CarrierUnavailable: There is none to be had now.
        """
        grant = self._grants.setdefault(credentials.workspace_id, _Grant())
        if (held := self._held(grant, credentials, refused)) is not None:
            return held
        rounds = grant.rounds
        async with grant.lock:
            if grant.rounds != rounds:
                # Somebody has just asked: their answer serves all who waited, a no as well as a token.
                if grant.failure is not None:
                    raise CarrierUnavailable(grant.failure.reason, status=grant.failure.status)
                refused = ""
            if (held := self._held(grant, credentials, refused)) is not None:
                return held
            try:
                grant.token = await self._fetch(credentials)
            except CarrierUnavailable as error:
                grant.failure = error
                grant.rounds += 1
                raise
            grant.failure = None
            grant.rounds += 1
            return grant.token.value

    def _held(self, grant: _Grant, credentials: CarrierCredentials, refused: str) -> str | None:
        token = grant.token
        if token is None or token.credentials != credentials or token.value == refused:
            return None
        return token.value if self._clock() < token.ends_at else None

    async def _fetch(self, credentials: CarrierCredentials) -> _Token:
        came = await exchange(
            self._http,
            "POST",
            self._url,
            total_seconds=self._total_seconds,
            json={
                "grant_type": "refresh_token",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "refresh_token": credentials.refresh_token,
            },
        )
        # Its words are not passed on: an error about credentials may quote them.
        if not isinstance(came, Answered):
            raise CarrierUnavailable(f"no access token: {came.reason}")
        if not came.is_success:
            raise CarrierUnavailable(f"no access token: HTTP {came.status}", status=came.status)
        body = wire.mapping(came.body)
        value = body.get("access_token")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise CarrierUnavailable("no access token in the answer", status=came.status)
        seconds = wire.whole_number(body.get("expires_in"))
        life = timedelta(seconds=seconds) if seconds else _DEFAULT_LIFE
        return _Token(value, credentials, self._clock() + life - min(_MARGIN, life / 10))
