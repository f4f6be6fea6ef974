"""Gupshup's stand-in behind the portal: pages that ask Gupshup ask it, and its callbacks reach the app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import Mount

from clients.gupshup import Gupshup
from ops.spare_apps import spare_apps
from simulators.gupshup.app import create_app
from tests.api.conftest import Outside

__all__ = ["StandIn", "standing_in"]

_URL = "http://gupshup.test"


@dataclass(frozen=True)
class StandIn:
    """Gupshup, as far as tests play it."""

    http: httpx.AsyncClient

    async def become(self, **options: Any) -> None:
        """Change how it behaves."""
        assert (await self.http.post("/control/options", json=options)).status_code == 200


@asynccontextmanager
async def standing_in(outside: Outside) -> AsyncIterator[StandIn]:
    """Let the app ask the stand-in, which has the spare apps."""
    server = create_app({"apps": spare_apps()}, pace=0, transport=httpx.ASGITransport(outside.app))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url=_URL) as http:
        resources = replace(outside.services.resources, gupshup=Gupshup(http, base_url=_URL))
        services = replace(outside.services, resources=resources)
        portal = outside.app.routes[-1]
        assert isinstance(portal, Mount)
        assert isinstance(portal.app, FastAPI)
        portal.app.state.services = outside.app.state.services = services
        yield StandIn(http)
    await server.state.network.close()
