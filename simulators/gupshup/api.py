"""Gupshup's own calls at Gupshup's own paths: sending, and what `managing` answers.

Accepted means queued: everything WhatsApp would object to comes later, as a callback.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from .answers import Down, apps_of, limit, no_answer, odd_answer, refusal_answer
from .managing import Management
from .network import Network
from .reading import Refused, read_form, read_session, read_template
from .state import App, Behaviour, Content, SendRequest

_DESTINATION: Final = re.compile(r"[0-9]{10,15}")


class Api:
    """Answers the calls, with the network behind them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world
        self._sends: dict[str, deque[float]] = {}
        self._management = Management(network)

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(include_in_schema=False, dependencies=[Depends(self._answer_at_all)])
        for path, call in (
            ("/wa/api/v1/template/msg", self.send_template),
            ("/wa/api/v1/msg", self.send_session),
        ):
            routes.add_api_route(path, call, methods=["POST"], response_class=Response, response_model=None)
        self._management.add_to(routes)
        return routes

    async def _answer_at_all(self) -> None:
        if self._world.options.down:
            raise Down

    async def send_template(self, request: Request) -> Response:
        """Queue a template."""
        return await self._send(request, "template")

    async def send_session(self, request: Request) -> Response:
        """Queue a free-form message."""
        return await self._send(request, "session")

    async def _send(self, request: Request, kind: Literal["template", "session"]) -> Response:
        started = time.monotonic()
        row = SendRequest(
            seq=len(self._world.requests) + 1,
            at=self._world.clock(),
            app=None,
            path=request.url.path,
            form={},
            destination="",
        )
        self._world.requests.append(row)
        try:
            row.form = read_form(request.headers.get("content-type", ""), await request.body())
            row.destination = str(row.form.get("destination", ""))
            apps_of(self._world, request)
            if self._world.options.recipient_first:
                _check_destination(row.destination)
            app = self._sender(request, row.form)
            row.app = app.name
            self._limit_sends(app)
            _check_destination(row.destination)
            content, fault = read_template(app, row.form) if kind == "template" else read_session(row.form)
        except Refused as refusal:
            row.http_status = refusal.status
            return refusal_answer(refusal)
        finally:
            row.ms = math.ceil((time.monotonic() - started) * 1000)
            self._world.version += 1
        behaviour = self._world.take_behaviour("send", app.name)
        if behaviour is None:
            return self._queue(row, app, content, fault)
        return await self._misbehave(behaviour, row, app, content, fault)

    def _queue(
        self,
        row: SendRequest,
        app: App,
        content: Content,
        fault: int | None,
        *,
        status: int = 202,
        word: str = "submitted",
    ) -> Response:
        message = self._network.accept(app, row.destination, content, fault)
        row.message_id, row.http_status, row.outcome = message.id, status, "accepted"
        return JSONResponse({"status": word, "messageId": message.id}, status_code=status)

    async def _misbehave(
        self, behaviour: Behaviour, row: SendRequest, app: App, content: Content, fault: int | None
    ) -> Response:
        match behaviour.mode:
            case "http_200_success":
                return self._queue(row, app, content, fault, status=200, word="success")
            case "hang" | "cut_after_accept":
                self._queue(row, app, content, fault)
                # Queued, but nobody was told: the caller cannot know the outcome.
                row.http_status, row.outcome = None, "cut"
                return await no_answer(behaviour)
            case _:
                answer = odd_answer(behaviour)
                row.http_status = answer.status_code
                return answer

    def _sender(self, request: Request, form: Mapping[str, Any]) -> App:
        owned = apps_of(self._world, request)
        name = form.get("src.name")
        for app in owned:
            # Some clients leave the name out and are served; a wrong one is refused, to the letter.
            if app.is_live and app.phone == form.get("source") and name in {None, app.name}:
                return app
        raise Refused(400, "Invalid App Details")

    def _limit_sends(self, app: App) -> None:
        if app.sends_per_second:
            limit(self._sends.setdefault(app.id, deque()), app.sends_per_second, 1.0)


def _check_destination(number: str) -> None:
    if not _DESTINATION.fullmatch(number):
        raise Refused(400, "Invalid Destination")
