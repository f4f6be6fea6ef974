"""One running stack for all end-to-end tests: real processes, real PostgreSQL, Temporal's own server."""

import itertools
import os
from collections.abc import AsyncIterator
from typing import Protocol

import httpx
import pytest

from ops.stack import Ports, Stack
from tests.e2e.driving import DrivenStory

_REPLACED = ("GUPSHUP_BASE_URL", "ESHOPBOX_BASE_URL", "ESHOPBOX_AUTH_URL", "DATABASE_URL", "TEMPORAL_ADDRESS")
_numbers = itertools.count(919999920001)


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The embedded stack on free ports; what the environment names would replace parts of it, so it is put aside."""
    aside = {name: os.environ.pop(name) for name in _REPLACED if name in os.environ}
    try:
        async with Stack(tmp_path_factory.mktemp("stack"), Ports.any(), say=print) as running:
            yield running
    finally:
        os.environ.update(aside)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20.0) as client:
        yield client


class NewStory(Protocol):
    def __call__(self, reason: str = "unavailable", workspace: int = 0) -> DrivenStory: ...


@pytest.fixture
async def new_story(stack: Stack, http: httpx.AsyncClient) -> AsyncIterator[NewStory]:
    """Make stories on phones of their own; the stand-ins behave again afterwards."""

    def make(reason: str = "unavailable", workspace: int = 0) -> DrivenStory:
        seller = stack.seed.workspaces[workspace]
        return DrivenStory(
            title="",
            reason=reason,
            phone=str(next(_numbers)),
            workspace=seller,
            app=stack.seed.account_of(seller).app_name,
            http=http,
            stack=stack,
        )

    yield make
    for stand_in in (stack.addresses.gupshup, stack.addresses.order_system):
        await http.delete(f"{stand_in}/control/behaviour")
