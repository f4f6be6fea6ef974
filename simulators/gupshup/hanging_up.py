"""Lets a route end a connection without an answer, as a crashed server or a cut cable would."""

from __future__ import annotations

import httpx
from fastapi import FastAPI
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send


class HangUp(Response):
    """The answer that is none: nothing is sent and the connection is dropped."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the interface
        """Note that the connection is to be dropped, and send nothing."""
        scope["state"]["hung_up"] = True


class Server(FastAPI):
    """An application that can hang up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        # A copy of the lifespan's state: the mark is this request's alone.
        state = scope["state"] = dict(scope.get("state", {}))
        await super().__call__(scope, receive, send)
        if not state.get("hung_up"):
            return
        # Uvicorn's `send` belongs to the object that owns the socket; ASGI itself knows no way to hang up.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            # In process, the caller gets what its client would have made of it.
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        transport.abort()
        await receive()
