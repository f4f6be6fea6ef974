"""What the calls answer when they do not do as they are asked: refusals, limits and ordered oddities."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from .hanging_up import HangUp
from .reading import Refused
from .state import App, Behaviour, World

_SERVER_ERROR: Final = 500


class Down(Exception):
    """Nothing answers at the moment."""


def apps_of(world: World, request: Request) -> list[App]:
    """Return the apps of the key that a request carries.

    Raises:
        Refused: the key is nobody's.
    """
    key = request.headers.get("apikey", "")
    owned = [app for app in world.apps.values() if key and app.api_key == key]
    if not owned:
        raise Refused(401, "Authentication Failed")
    return owned


def app_of(world: World, request: Request, app_id: str) -> App:
    """Return the app that a request names, if it belongs to its key.

    Raises:
        Refused: the key is nobody's, or another's.
    """
    for app in apps_of(world, request):
        if app.id == app_id:
            return app
    if world.options.stranger_status == 401:  # noqa: PLR2004 - as for a wrong key: a caller must look twice
        raise Refused(401, "Authentication Failed")
    raise Refused(world.options.stranger_status, "Invalid App Details")


def limit(calls: deque[float], most: int, within: float) -> None:
    """Count a call.

    Raises:
        Refused: there were too many within so many seconds.
    """
    moment = time.monotonic()
    while calls and moment - calls[0] > within:
        calls.popleft()
    if len(calls) >= most:
        raise Refused(429, "Too Many Requests")
    calls.append(moment)


def refusal_answer(refusal: Refused) -> Response:
    """Answer as the API refuses."""
    return JSONResponse({"status": "error", "message": refusal.message}, status_code=refusal.status)


async def answer_refusal(_: Request, error: Exception) -> Response:
    """Answer a refused call in the API's own words."""
    if not isinstance(error, Refused):
        raise error
    return refusal_answer(error)


async def answer_down(_: Request, __: Exception) -> Response:
    """Answer as a gateway with nobody behind it."""
    return PlainTextResponse("upstream connect error", status_code=503)


async def no_answer(behaviour: Behaviour) -> Response:
    """Hang up, at once or after a while."""
    if behaviour.mode == "hang":
        await asyncio.sleep(behaviour.seconds)
    return HangUp()


def odd_answer(behaviour: Behaviour) -> Response:
    """Answer without having queued anything."""
    headers = {} if behaviour.retry_after is None else {"Retry-After": str(behaviour.retry_after)}
    if behaviour.mode == "status_error_in_2xx":
        message = behaviour.message or "Something went wrong"
        return JSONResponse({"status": "error", "message": message}, status_code=200, headers=headers)
    if behaviour.mode == "html":
        page = "<html><head><title>Error</title></head><body><h1>Bad Gateway</h1></body></html>"
        return HTMLResponse(page, status_code=behaviour.status, headers=headers)
    if behaviour.status >= _SERVER_ERROR and behaviour.message is None:
        # Seldom JSON in real life.
        return PlainTextResponse("upstream connect error", status_code=behaviour.status, headers=headers)
    usual = {401: "Authentication Failed", 429: "Too Many Requests"}.get(behaviour.status, "Invalid Request")
    message = usual if behaviour.message is None else behaviour.message
    return JSONResponse(
        {"status": "error", "message": message}, status_code=behaviour.status, headers=headers
    )
