"""Puts the stand-in together: the provider's paths, the control routes and the phone on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI

from .answers import Down, answer_down, answer_refusal
from .api import Api
from .control import Control
from .customers import Customers
from .hanging_up import Server
from .network import RETRIES, Network
from .phone import PhonePages
from .reading import Refused
from .state import World, now


def create_app(
    config: Mapping[str, Any],
    *,
    pace: float = 0.1,
    retries: Sequence[float] = RETRIES,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], datetime] = now,
) -> Server:
    """Build the stand-in; its network is `app.state.network`.

    Args:
        config: apps, people and the order system's address, as in the configuration file.
        pace: middle length of the pause before each step of a message, in seconds; 0 = none.
        retries: the pause before each further attempt of a callback, in seconds.
        transport: where callbacks go instead of the real network.
        clock: tells the time of everything that happens.

    Raises:
        KeyError: an app of the configuration lacks a compulsory key.
    """
    world = World.from_config(config, clock=clock)
    network = Network(world, pace=pace, retries=retries, transport=transport)
    customers = Customers(network)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await network.close()

    app = Server(title="Gupshup stand-in", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.network = network
    app.add_exception_handler(Refused, answer_refusal)
    app.add_exception_handler(Down, answer_down)
    app.include_router(Api(network).router())
    app.include_router(Control(network, customers).router())
    pages = PhonePages(network, customers)
    app.include_router(pages.router())
    app.mount("/static", pages.static())
    app.mount("/look", pages.look())

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
