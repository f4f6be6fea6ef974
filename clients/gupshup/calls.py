"""Calls to Gupshup's self-serve API: send a message, read templates, ask anything else (`accounts`).

A send ends in one of three ways, decided by one table (`_sent`). There is no idempotency key and no way to ask
for a message by an id of ours, so what may have been taken is `Unknown` and must never be sent again.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import httpx
from httpx import codes

from clients.gupshup import messages, wire
from clients.gupshup.errors import FailureClass, GupshupRefused, GupshupUnavailable
from clients.gupshup.messages import MediaHeader, SessionMessage, TextMessage
from clients.gupshup.templates import Template, read_template

Method = Literal["GET", "POST", "PUT"]

_LARGEST_ANSWER = 1024 * 1024
_LONGEST_MESSAGE = 200
_LONGEST_RETRY_AFTER = 3600.0
_HEADER_VALUE = re.compile(r"[!-~]{1,512}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_LONG_NUMBER = re.compile(r"\+?[0-9](?:[ ()-]?[0-9]){6,}")

# Raised before a byte of the request was written: it surely did not arrive. TLS failures come as ConnectError.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)

# Statuses that say the request was not taken and may be made again.
_TRY_AGAIN: dict[int, FailureClass] = {
    HTTPStatus.REQUEST_TIMEOUT: "transient",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
    HTTPStatus.SERVICE_UNAVAILABLE: "transient",
}

# Answers carry no code, only words. These are the documented ones.
_REFUSALS: dict[str, FailureClass] = {
    "invalid destination": "recipient",
    "invalid app details": "account",
    "callback billing must be enabled for this api": "account",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """One app account: whose key is used, and which number the customer sees."""

    api_key: str = field(repr=False)
    app_id: str
    app_name: str  # compared by Gupshup letter by letter
    source: str = field(repr=False)  # the business number, digits


@dataclass(frozen=True, slots=True)
class Accepted:
    """Gupshup queued the message; whether it arrives is told by callbacks."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message was surely not taken. `code` is the HTTP status, `connection`, or `request`."""

    code: str
    message: str
    retryable: bool
    retry_after: float | None = None  # seconds
    cls: FailureClass = "unknown"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may have been taken. Only a later callback can tell."""

    reason: str


SendOutcome = Accepted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any  # None when it cannot be read
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class _NotSent:
    code: Literal["connection", "request"]
    reason: str


@dataclass(frozen=True, slots=True)
class _Cut:
    reason: str


class Gupshup:
    """The API for all accounts; each call names whose credentials it uses.

    The HTTP client is given ready: it sets the time-outs of each step, and it must not retry. Its pool time-out must
    be the shorter one: only then is it known that a request which got no connection was not sent.
    """

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, total_seconds: float = 10.0) -> None:
        """Take what the calls need.

        Args:
            http: Makes the requests.
            base_url: Where the API is served.
            total_seconds: The longest that one request may take, from the wait for a connection to the end of the body.
        """
        self._http = http
        self._total_seconds = total_seconds
        self._base_url = base_url.rstrip("/")

    async def send_template(
        self,
        credentials: Credentials,
        *,
        destination: str,
        template_id: str,
        params: Sequence[str],
        postbacks: Sequence[str],
        header: MediaHeader | None = None,
    ) -> SendOutcome:
        """Send an approved template.

        Args:
            credentials: The account that sends.
            destination: The customer's number, digits with the country code.
            template_id: Gupshup's id, not Meta's; it fixes the language too.
            params: One value for each placeholder, in the order of the text.
            postbacks: What each button answers, in button order; empty for a button that answers nothing.
            header: The media above the text, for a template that has it.

        Raises:
            ValueError: A postback is not 1 to 64 visible ASCII characters.
        """
        form = _envelope(credentials, destination)
        form["template"] = messages.write_template(template_id, params)
        if header:
            form["message"] = messages.write_header(header)
        if any(postbacks):
            form["postbackTexts"] = messages.write_postbacks(postbacks)
        return _sent(await self._exchange(credentials, "POST", "/wa/api/v1/template/msg", form), credentials)

    async def send_session(
        self,
        credentials: Credentials,
        *,
        destination: str,
        message: SessionMessage,
    ) -> SendOutcome:
        """Send a free-form message. Outside the 24 hours Gupshup accepts it all the same, and it fails later."""
        form = _envelope(credentials, destination)
        form["message"] = messages.write_session(message)
        if isinstance(message, TextMessage):
            form["disablePreview"] = "true"
        return _sent(await self._exchange(credentials, "POST", "/wa/api/v1/msg", form), credentials)

    async def list_templates(self, credentials: Credentials) -> tuple[Template, ...]:
        """List the app's templates, which also proves that key and app id belong together.

        Raises:
            GupshupRefused: The key or the app is wrong.
            GupshupUnavailable: There is no usable answer now.
        """
        body = await self.ask(credentials, "GET", _templates_path(credentials))
        listed = body.get("templates")
        if not isinstance(listed, list):
            raise GupshupUnavailable("answer without a list of templates")
        return tuple(template for entry in listed if (template := read_template(entry)))

    async def get_template(self, credentials: Credentials, template_id: str) -> Template | None:
        """Read one template; None when the app has no such template.

        Raises:
            GupshupRefused: The key or the app is wrong.
            GupshupUnavailable: There is no usable answer now.
        """
        path = f"{_templates_path(credentials)}/{quote(template_id, safe='')}"
        came = await self._exchange(credentials, "GET", path)
        if isinstance(came, _Answer) and came.status == HTTPStatus.NOT_FOUND:
            return None
        entry = _asked(came, credentials).get("template")
        if not entry:
            return None
        template = read_template(entry)
        if template is None:
            raise GupshupUnavailable("answer without a readable template")
        return template

    async def ask(
        self,
        credentials: Credentials,
        method: Method,
        path: str,
        form: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Make one call that is no send, once, and return the body of its answer.

        Raises:
            GupshupRefused: The answer is no.
            GupshupUnavailable: There is no usable answer now; what the call would change may have been changed.
        """
        return _asked(await self._exchange(credentials, method, path, form), credentials)

    async def _exchange(
        self,
        credentials: Credentials,
        method: Method,
        path: str,
        form: Mapping[str, str] | None = None,
    ) -> _Answer | _NotSent | _Cut:
        """Make one request, once, and say how far it got."""
        if not _HEADER_VALUE.fullmatch(credentials.api_key):
            return _NotSent("request", "the API key holds characters that no header can carry")
        headers = {"apikey": credentials.api_key, "Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            request = self._http.build_request(method, f"{self._base_url}{path}", data=form, headers=headers)
        except (httpx.InvalidURL, UnicodeError):
            return _NotSent("request", "the request cannot be written")
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(self._total_seconds):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                async with aclosing(response):
                    return _Answer(response.status_code, await _read(response), _retry_after(response))
        except _NOT_SENT as error:
            return _NotSent("connection", type(error).__name__)
        except (httpx.HTTPError, TimeoutError) as error:
            if response is not None:  # the status came, and decides
                return _Answer(response.status_code, None, _retry_after(response))
            return _Cut(type(error).__name__)


def _sent(came: _Answer | _NotSent | _Cut, credentials: Credentials) -> SendOutcome:
    """Decide how a send ended: the one table of the three outcomes."""
    match came:
        case _NotSent(code="connection", reason=reason):
            return Refused("connection", reason, retryable=True, cls="transient")
        case _NotSent(code=code, reason=reason):
            return Refused(code, reason, retryable=False, cls="account")
        case _Cut(reason=reason):
            return Unknown(reason)
        case _Answer(status=status) if status in _TRY_AGAIN:
            said = _said(came, credentials)
            return Refused(
                str(status), said, retryable=True, retry_after=came.retry_after, cls=_TRY_AGAIN[status]
            )
        case _Answer(status=status) if codes.is_client_error(status):
            said = _said(came, credentials)
            return Refused(str(status), said, retryable=False, cls=_refusal_class(status, said))
        case _Answer(status=status, body=body) if codes.is_success(status) and (found := _message_id(body)):
            return Accepted(found)
        case _Answer(status=status) if codes.is_success(status):
            return Unknown(f"HTTP {status} without the id of an accepted message")
        case _Answer(status=status):
            return Unknown(f"HTTP {status}")


def _asked(came: _Answer | _NotSent | _Cut, credentials: Credentials) -> Mapping[str, Any]:
    """Return the body of an answer to a question, or raise what the answer amounts to."""
    match came:
        case _NotSent(code="request", reason=reason):
            raise GupshupRefused(None, reason)
        case _NotSent(reason=reason) | _Cut(reason=reason):
            raise GupshupUnavailable(reason)
        case _Answer(status=status) if codes.is_client_error(status) and status not in _TRY_AGAIN:
            raise GupshupRefused(status, _said(came, credentials))
        case _Answer(status=status, body={"status": "error"}) if codes.is_success(status):
            raise GupshupRefused(status, _said(came, credentials))
        case _Answer(status=status, body=dict(body)) if codes.is_success(status):
            return body
        case _Answer(status=status) if codes.is_success(status):
            raise GupshupUnavailable(f"HTTP {status} with a body that is too large or no JSON object")
        case _Answer(status=status, retry_after=retry_after):
            raise GupshupUnavailable(f"HTTP {status}", retry_after=retry_after)


def _message_id(body: Any) -> str | None:
    """Return the id of a message that was taken; a success may say `submitted` or `success`, never `error`."""
    answer = wire.mapping(body)
    is_error = wire.first_text(answer.get("status")).lower() == "error"
    return None if is_error else wire.identifier(answer.get("messageId"))


def _refusal_class(status: int, said: str) -> FailureClass:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "account"
    return _REFUSALS.get(said.lower(), "unknown")


def _said(answer: _Answer, credentials: Credentials) -> str:
    """Return Gupshup's words, from wherever they stand, short, and without key or phone."""
    body = wire.mapping(answer.body)
    said = wire.first_text(
        body.get("message"),
        wire.mapping(body.get("message")).get("message"),
        body.get("error"),
        wire.mapping(body.get("error")).get("message"),
    )
    said = _LONG_NUMBER.sub("…", said.replace(credentials.api_key, "…"))
    return " ".join(said.split())[:_LONGEST_MESSAGE] or f"HTTP {answer.status}"


async def _read(response: httpx.Response) -> Any:
    """Read the body whatever its content type says; None when it is cut, too large or not JSON."""
    received = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > _LARGEST_ANSWER:
                return None
    except httpx.HTTPError:
        return None  # the status came, and decides
    try:
        return wire.load(bytes(received))
    except wire.UnreadableJsonError:
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Read `Retry-After` in seconds. Gupshup documents none; a date would need a clock we share."""
    written = response.headers.get("retry-after", "").strip()
    return min(float(written), _LONGEST_RETRY_AFTER) if _SECONDS.fullmatch(written) else None


def _envelope(credentials: Credentials, destination: str) -> dict[str, str]:
    return {
        "channel": "whatsapp",
        "source": credentials.source,
        "destination": destination,
        "src.name": credentials.app_name,
    }


def _templates_path(credentials: Credentials) -> str:
    return f"/wa/app/{quote(credentials.app_id, safe='')}/template"
