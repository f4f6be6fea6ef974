"""One running stack for all end-to-end tests: real processes, real PostgreSQL, Temporal's own server."""

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from ops.stack import Ports, Stack
from tests.e2e.driving import DrivenStory

_REPLACED = ("GUPSHUP_BASE_URL", "ESHOPBOX_BASE_URL", "ESHOPBOX_AUTH_URL", "DATABASE_URL", "TEMPORAL_ADDRESS")
_numbers = itertools.count(919999920001)


@pytest.fixture(scope="session")
def stack_directory() -> Iterator[Path]:
    """Where embedded stacks keep what they write; what the environment names would replace parts of them, so it is put aside.

    Under pytest's own directory, which is closed to others, PostgreSQL keeps its data elsewhere when root runs this: it
    would stay there, and a later run of the same name would find it.
    """
    aside = {name: os.environ.pop(name) for name in _REPLACED if name in os.environ}
    directory = Path(tempfile.mkdtemp(prefix="rescue-e2e-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.environ.update(aside)


@pytest.fixture(scope="session")
async def stack(stack_directory: Path) -> AsyncIterator[Stack]:
    """The embedded stack on free ports."""
    async with Stack(stack_directory / "shared", Ports.any(), say=print) as running:
        yield running


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
