"""The app over a real database, asked as from outside."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.dependencies import Services
from bootstrap.resources import utc_now
from bootstrap.settings import Settings
from db import workspaces
from db.session import Database
from tests.fakes import FakeWorkflows
from tests.intake.stage import Clock, Stage

_KEY = base64.b64encode(bytes(range(32))).decode()


@dataclass
class Outside:
    """The app and what is behind it."""

    app: FastAPI
    http: httpx.AsyncClient
    stage: Stage
    workflows: FakeWorkflows

    @property
    def services(self) -> Services:
        """Return what the app works with."""
        found: Services = self.app.state.services
        return found

    async def handled(self) -> None:
        """Wait until what was stored is handled."""
        await self.services.background.drained()


Opened = Callable[..., AbstractAsyncContextManager[Outside]]


def settings(database_url: str, **changes: Any) -> Settings:
    """Return settings of a test."""
    values: dict[str, Any] = {
        "_env_file": None,
        "environment": "test",
        "database_url": SecretStr(database_url),
        "master_keys": SecretStr(f"test:{_KEY}"),
        "hash_key": SecretStr(base64.b64encode(b"h" * 32).decode()),
        "payload_keys": SecretStr(f"p1:{_KEY}"),
        "log_level": "ERROR",
    }
    return Settings(**(values | changes))


@pytest.fixture
async def opened(database_url: str, stage: Stage) -> Opened:
    """Open the app with settings of its own."""

    @asynccontextmanager
    async def open_app(**changes: Any) -> AsyncIterator[Outside]:
        clock = changes.pop("clock", None)
        chosen = settings(changes.pop("database_url", database_url), **changes)
        app = create_app(chosen, workflows=stage.workflows, clock=clock)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as http,
        ):
            yield Outside(app, http, stage, stage.workflows)

    return open_app


@pytest.fixture
async def outside(opened: Opened) -> AsyncIterator[Outside]:
    """The app as it usually is."""
    async with opened() as found:
        yield found


@pytest.fixture
async def stage(database: Database, cipher: Any) -> Stage:
    """Two workspaces on one shared account, as the clock has it."""
    furnished = Stage(database, cipher, clock=Clock(utc_now()))
    await furnished.furnish()
    return furnished


@pytest.fixture
async def keys(stage: Stage) -> dict[str, dict[str, str]]:
    """Headers with an API key of each workspace."""
    found: dict[str, dict[str, str]] = {}
    async with stage.database.transaction() as session:
        for slug in ("kapaskraft", "nakshi"):
            key = await workspaces.add_api_key(session, slug)
            found[slug] = {"Authorization": f"Bearer {key}"}
    return found
