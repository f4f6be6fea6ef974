"""What every test may use: a real PostgreSQL built by the migrations, a cipher, and no network beyond this machine."""

import asyncio
import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import delete
from sqlalchemy.engine import make_url

from db.encryption import Cipher
from db.migrate import upgrade
from db.session import Database, Session
from db.tables import metadata
from ops.embedded import start_postgres, stop_postgres


class NetworkBlocked(RuntimeError):
    """A test tried to reach beyond this machine."""


def _refuse_the_world(event: str, arguments: tuple[Any, ...]) -> None:
    """Let sockets reach this machine only, whatever library opens them."""
    if event == "socket.connect":
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments[:2]
    else:
        return
    if isinstance(address, tuple) and not _is_here(address[0]):
        raise NetworkBlocked(f"{event}: {address[0]!r}")


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_refuse_the_world)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of an empty database: on the server of DATABASE_URL where that is set, else on one of our own."""
    if server := os.environ.get("DATABASE_URL"):
        name = f"rescue_tests_{os.getpid()}"
        _in_thread(_administer, server, f"CREATE DATABASE {name}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        _in_thread(_administer, server, f"DROP DATABASE {name} WITH (FORCE)")
        return
    directory = Path(tempfile.mkdtemp(prefix="rescue-tests-"))
    directory.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    try:
        yield start_postgres(directory / "data")
    finally:
        stop_postgres(directory / "data")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> str:
    """Address of a database that the migrations have built."""
    _in_thread(upgrade, postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
async def _pools(database_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Connections as the program has them, and as the owner of the tables."""
    program = Database(database_url, pool_size=60, name="tests")
    owner = Database(database_url, pool_size=1, name="tests-owner", role=None)
    yield program, owner
    await program.dispose()
    await owner.dispose()


@pytest.fixture
async def database(_pools: tuple[Database, Database]) -> AsyncIterator[Database]:
    """A database for tests that commit; emptied afterwards."""
    program, owner = _pools
    yield program
    async with owner.transaction() as session:
        for table in reversed(metadata.sorted_tables):
            await session.execute(delete(table))


@pytest.fixture
async def owner_database(_pools: tuple[Database, Database]) -> Database:
    """The database as the owner of its tables has it, whom no policy and no privilege binds."""
    return _pools[1]


class _RollBack(Exception):
    """Ends a test's transaction."""


@pytest.fixture
async def session(_pools: tuple[Database, Database]) -> AsyncIterator[Session]:
    """One transaction, rolled back afterwards."""
    program, _ = _pools
    with suppress(_RollBack):
        async with program.transaction() as opened:
            yield opened
            raise _RollBack


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    """A cipher with made-up keys."""
    return Cipher({"test": bytes(range(32))}, hash_key=b"h" * 32)


def _in_thread(work: Any, *arguments: Any) -> None:
    """Run what needs an event loop of its own, whether or not one is running here."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(work, *arguments).result()


def _administer(server: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.replace("postgresql+asyncpg:", "postgresql:"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
