"""Deliver one signed event to a workspace's own address, once, in the form of Standard Webhooks (R8.3, S6, S25).

The address is a stranger's word: it is resolved once, every address behind its name must be public, and the
connection goes to the address that was checked, while certificate and `Host` stay those of the name.
"""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_TOTAL_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 4.0  # leaves time for a second address of the same name
_MOST_ADDRESSES: Final = 4
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LAST_PORT: Final = 65535
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took the event."""

    status: int


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """The receiver did not take the event, as far as we know.

    Attributes:
        retryable: Trying again, with the same event id, may help.
        gone: The receiver wants no more events (410).
        detail: Why, without anything of the address or the event.
    """

    retryable: bool
    gone: bool = False
    detail: str = ""


class _Unusable(Exception):
    """The address may not be called at all."""


class WorkspaceWebhook:
    """Deliver events to addresses that workspaces name."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        allow_private: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        resolve: Resolver | None = None,
    ) -> None:
        """Take what deliveries need.

        Args:
            http: Makes the requests; built without proxies.
            allow_private: Development only: plain http and addresses of our own network are called too.
            clock: Tells the time of an attempt, which the signature covers.
            resolve: Finds the addresses of a name and port.
        """
        self._http = http
        self._allow_private = allow_private
        self._clock = clock
        self._resolve = resolve or _resolve

    async def deliver(
        self,
        *,
        url: str,
        secret: str,
        event_id: str,
        type: str,  # noqa: A002 - the word of the specification
        data: Mapping[str, Any],
        at: datetime,
    ) -> Delivered | NotDelivered:
        """Deliver an event once. Whatever goes wrong is an answer, not an exception.

        Args:
            url: The workspace's address.
            secret: `whsec_…`; two, separated by a space, while one replaces the other.
            event_id: The same for every attempt at the same event.
            type: What happened, as `case.resolved`.
            data: The facts of the event; anything that JSON holds.
            at: When it happened.
        """
        body = json.dumps({"type": type, "timestamp": _iso(at), "data": data}, separators=(",", ":"))
        try:
            headers = self._headers(secret, event_id, body)
        except (ValueError, EmptyWebhookSecretError):  # what is no base64 is a ValueError
            return NotDelivered(retryable=False, detail="the signing secret is unusable")
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                target, addresses = await self._checked(url)
                return _meaning(await self._post(target, addresses, headers, body.encode()))
        except _Unusable as error:
            return NotDelivered(retryable=False, detail=str(error))
        except (httpx.HTTPError, TimeoutError) as error:
            return NotDelivered(retryable=True, detail=error.__class__.__name__)
        except (OSError, UnicodeError):
            return NotDelivered(retryable=True, detail="the name has no address")

    def _headers(self, secret: str, event_id: str, body: str) -> dict[str, str]:
        # The time of the attempt, not of the event: receivers refuse what was signed minutes ago.
        now = self._clock().astimezone(UTC)
        signatures = [Webhook(part).sign(event_id, now, body) for part in secret.split()]
        if not signatures:
            raise ValueError("no secret")
        return {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "failed-delivery-rescue",
            # A kept connection would be found again by its address alone, under another name's certificate.
            "Connection": "close",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    async def _checked(self, url: str) -> tuple[httpx.URL, tuple[str, ...]]:
        """Return the address taken apart, and the network addresses that may be called for it."""
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError, TypeError):
            raise _Unusable("not a web address") from None
        if target.scheme not in ({"https", "http"} if self._allow_private else {"https"}):
            raise _Unusable("not an https address")
        host = target.raw_host.decode("ascii")
        if not host or target.userinfo:
            raise _Unusable("an address without a host, or with a user name")
        port = target.port if target.port is not None else _DEFAULT_PORTS[target.scheme]
        if not 0 < port <= _LAST_PORT:
            raise _Unusable("an address with an impossible port")
        found = tuple(dict.fromkeys(await self._resolve(host, port)))
        if not found:
            raise OSError("no address")
        if not self._allow_private and not all(is_public(address) for address in found):
            raise _Unusable("not a public address")
        return target, found[:_MOST_ADDRESSES]

    async def _post(
        self, target: httpx.URL, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> int:
        """Return the status of the first address that can be connected to; the answer's body is not read."""
        last = len(addresses) - 1
        for position, address in enumerate(addresses):
            # Not built by the client: its cookies and headers are no business of a stranger.
            request = httpx.Request(
                "POST",
                target.copy_with(host=address),
                headers={"Host": target.netloc.decode("ascii"), **headers},
                content=body,
                extensions={
                    "sni_hostname": target.raw_host.decode("ascii"),
                    "timeout": dict.fromkeys(("read", "write", "pool"), _TOTAL_SECONDS)
                    | {"connect": _CONNECT_SECONDS},
                },
            )
            try:
                response = await self._http.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if position == last:
                    raise
                continue
            async with aclosing(response):
                return response.status_code
        raise httpx.ConnectError("no address to connect to")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, looking through what wraps an IPv4 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _meaning(status: int) -> Delivered | NotDelivered:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Delivered(status)
    if status == HTTPStatus.GONE:
        return NotDelivered(retryable=False, gone=True, detail=f"HTTP {status}")
    # Everything else may be a mistake that somebody mends within the day; a redirect is not followed.
    return NotDelivered(retryable=True, detail=f"HTTP {status}")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _resolve(host: str, port: int) -> tuple[str, ...]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(address[0]) for *_, address in found)
