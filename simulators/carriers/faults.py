"""Carry out the faults that were ordered: answer otherwise, too late, or not at all."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simulators.carriers.state import Behaviour, Endpoint, OrderSystem
from simulators.carriers.wire import error_body

_DEFAULT_ANSWERS: Final[dict[str, tuple[int, str]]] = {
    "status": (503, "Service unavailable"),
    "refuse": (400, "Request refused"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Hold what an endpoint made of a call; `reason` says why it was not accepted."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    answered: bool = True

    @property
    def accepted(self) -> bool:
        """Tell whether the call took effect."""
        return self.reason is None


class CutConnection(Response):
    """Announce a body, then end without it: the server closes the connection in the middle of its answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the head of an answer only."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def perform(
    system: OrderSystem,
    request: Request,
    *,
    endpoint: Endpoint,
    workspace: str | None,
    process: Callable[[], Outcome],
    record: Callable[[Outcome], None],
) -> Response:
    """Process a call, as usual or as the next ordered fault says, record what became of it, and answer.

    The request's body must have been read: waiting for the caller to hang up reads on.
    """
    behaviour = system.take_behaviour(endpoint, workspace=workspace)
    if behaviour is None:
        outcome = process()
        record(outcome)
        return _response(outcome)
    match behaviour.mode:
        case "status" | "refuse":
            outcome = _as_told(system, behaviour)
            record(outcome)
            return _response(outcome)
        case "hang_before":
            outcome = Outcome(status=503, reason="told to hang before accepting", answered=False)
            record(outcome)
            await _hang(request, behaviour.seconds)
            return _response(outcome)
        case "hang_after_accept":
            outcome = process()
            record(replace(outcome, answered=False))
            await _hang(request, behaviour.seconds)
            return _response(outcome)
        case "cut_after_accept":
            record(replace(process(), answered=False))
            return CutConnection()


def _as_told(system: OrderSystem, behaviour: Behaviour) -> Outcome:
    status, message = _DEFAULT_ANSWERS[behaviour.mode]
    status = behaviour.status or status
    message = behaviour.message or message
    body = error_body(behaviour.error_shape or system.options.error_shape, code="SIMULATED", message=message)
    return Outcome(status=status, body=body, reason=f"told to answer {status}: {message}")


async def _hang(request: Request, seconds: float) -> None:
    """Keep the caller waiting until it hangs up or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass


def _response(outcome: Outcome) -> Response:
    # A redirect needs somewhere to point at; a careful caller does not go there.
    headers = {"Location": "/moved"} if httpx.codes.is_redirect(outcome.status) else None
    return JSONResponse(dict(outcome.body), status_code=outcome.status, headers=headers)
