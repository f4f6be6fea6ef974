"""Around every request: security headers, bodies within limits, errors that say nothing of the inside, time measured."""

from collections.abc import AsyncIterator, Callable, Iterable
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.errors import Problem
from api.limits import check_form, read_body
from api.metrics import Metrics

__all__ = ["Guard", "LimitedBodies"]

_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
_PAGES = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# FastAPI's own page of the documentation: outside production only.
_DOCS = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; img-src data: https://fastapi.tiangolo.com; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HSTS = "max-age=31536000; includeSubDomains"


class Guard:
    """The outermost layer.

    Args:
        app: What is guarded.
        metrics: Takes the times.
        is_https: Whether browsers are told to come by https only.
        docs_path: The page of the documentation; empty where there is none.
        error_page: Returns the page for an error of ours, by its reference; None where nobody asked for a page.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        is_https: bool,
        docs_path: str,
        error_page: Callable[[Scope, str], Response | None],
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._is_https = is_https
        self._docs_path = docs_path
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            reference, document = errors.unexpected(error, route=_route(scope))
            response = self._error_page(scope, reference) or document
            if status == 0:
                await response(scope, receive, send_guarded)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.request_seconds.labels(method, _route(scope), status).observe(
                perf_counter() - began
            )

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        is_docs = bool(self._docs_path) and scope["path"] == self._docs_path
        is_page = headers.get("content-type", "").startswith("text/html")
        headers["Content-Security-Policy"] = _DOCS if is_docs else _PAGES if is_page else _NOTHING
        if self._is_https:
            headers["Strict-Transport-Security"] = _HSTS


def _route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold a secret."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


class LimitedBodies:
    """Read a body completely and within limits before anybody parses it.

    Args:
        app: What gets the body.
        beneath: Path prefixes this is for; webhooks check their secret first and read for themselves.
    """

    def __init__(self, app: ASGIApp, *, beneath: Iterable[str]) -> None:
        self._app = app
        self._beneath = tuple(beneath)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._beneath):
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(_chunks(receive), Headers(scope=scope))
            check_form(body)
        except Problem as problem:
            response: Response = errors.answer(problem)
            await response(scope, receive, send)
            return
        is_given = False

        async def receive_body() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_body, send)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
