"""One request to the order system, made once, and how far it got. What an outcome means is for the caller to say."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from clients.carriers.eshopbox import wire

_LARGEST_ANSWER: Final = 1024 * 1024

# Raised before a byte of the request was written: it surely did not arrive. DNS and TLS failures are ConnectErrors.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A status came. `body` is None for an empty one, and is only worth something if `is_readable`."""

    status: int
    body: Any = None
    is_readable: bool = True

    @property
    def is_success(self) -> bool:
        """Tell whether the status says so; the body may say otherwise."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request surely did not arrive."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The request may have arrived; no answer did."""

    reason: str


Exchanged = Answered | NotSent | Cut


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    total_seconds: float,
    params: Mapping[str, str] | None = None,
    json: Mapping[str, Any] | None = None,
    token: str = "",
) -> Exchanged:
    """Make one request. No redirect is followed: it would carry the token to an address of somebody's choice."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = http.build_request(method, url, params=params, json=json, headers=headers)
    try:
        async with asyncio.timeout(total_seconds):
            response = await http.send(request, stream=True, follow_redirects=False)
            async with aclosing(response):
                return await _read(response)
    except _NOT_SENT as error:
        return NotSent(type(error).__name__)
    except (httpx.HTTPError, TimeoutError) as error:
        return Cut(type(error).__name__)


async def _read(response: httpx.Response) -> Answered:
    """Read the body whatever its content type says. A cut one leaves the status, which may be enough."""
    received = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > _LARGEST_ANSWER:
                return Answered(response.status_code, is_readable=False)
    except httpx.HTTPError:
        return Answered(response.status_code, is_readable=False)
    if not received.strip():
        return Answered(response.status_code)
    try:
        return Answered(response.status_code, wire.load(bytes(received)))
    except wire.UnreadableJsonError:
        return Answered(response.status_code, is_readable=False)
