"""Trouble with PostgreSQL is told apart: not reachable, try again, or a bug of ours (F16-F20)."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.session import Database, DatabaseUnavailable, Session, TryAgain
from db.workspaces import add_workspace, find_workspace, list_workspaces
from ops.embedded import start_postgres, stop_postgres
from tests.factories import workspace


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory for a server of this test's own."""
    made = Path(tempfile.mkdtemp(prefix="rescue-tests-"))
    made.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    yield made / "data"
    stop_postgres(made / "data")
    shutil.rmtree(made, ignore_errors=True)


async def test_an_error_rolls_everything_back(database: Database) -> None:
    """One transaction, committed at its end or not at all."""

    async def fail() -> None:
        async with database.transaction() as session:
            await add_workspace(session, workspace())
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with database.transaction() as session:
        assert await find_workspace(session, "kapaskraft") is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/none",
        "postgresql+asyncpg://nobody@/none?host=/tmp/there-is-no-such-directory",
    ],
)
async def test_a_refused_connection_is_told_within_two_seconds(url: str) -> None:
    """A callback must be answered 503 then."""  # F16
    database = Database(url, pool_size=1)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    assert time.monotonic() - began < 2
    await database.dispose()


async def test_a_server_that_goes_and_comes_back_needs_no_restart_of_ours(directory: Path) -> None:
    """Down: told at once. Up again: the pool has replaced its dead connections."""  # F16 F18
    database = Database(await asyncio.to_thread(start_postgres, directory), pool_size=3, role=None)
    await asyncio.gather(*(database.ping() for _ in range(3)))
    await asyncio.to_thread(stop_postgres, directory)
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await asyncio.to_thread(start_postgres, directory)
    await asyncio.gather(*(database.ping() for _ in range(3)))
    await database.dispose()


async def test_a_connection_cut_in_a_transaction_is_unavailability(database_url: str) -> None:
    """Nobody knows what became of the work; the next transaction has a new connection."""  # F18
    database = Database(database_url, pool_size=2, role=None)

    async def be_cut() -> None:
        async with database.transaction() as session:
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.transaction() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await be_cut()
    await database.ping()
    await database.dispose()


async def test_an_exhausted_pool_is_unavailability(database_url: str) -> None:
    """Whoever waits too long for a connection hears of it."""  # F21
    database = Database(database_url, pool_size=1)
    async with database.transaction():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.dispose()


@pytest.mark.parametrize(
    "statement",
    ["SET TRANSACTION READ ONLY; CREATE TABLE t ()", "SET statement_timeout = 20; SELECT pg_sleep(1)"],
)
async def test_a_standby_and_a_slow_statement_are_unavailability(database_url: str, statement: str) -> None:
    """A read-only server cannot take callbacks; a statement that takes too long is given up."""  # F18
    database = Database(database_url, pool_size=1, role=None)

    async def run() -> None:
        async with database.transaction() as session:
            for each in statement.split(";"):
                await session.execute(text(each))

    with pytest.raises(DatabaseUnavailable):
        await run()
    await database.dispose()


async def test_a_lock_that_is_not_given_in_time_asks_for_another_try(
    database: Database, database_url: str
) -> None:
    """The whole transaction may be repeated."""  # F20
    impatient = Database(database_url, pool_size=1, lock_timeout=timedelta(milliseconds=20))
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        with pytest.raises(TryAgain):
            async with impatient.transaction() as other:
                await add_workspace(other, workspace())
    await impatient.dispose()


async def test_work_that_loses_is_done_again_from_its_start_three_times(database: Database) -> None:
    """Then it is an error."""  # F20
    tries = 0

    async def loses_twice(session: Session) -> str:
        nonlocal tries
        tries += 1
        await add_workspace(session, workspace(id=f"try-{tries}"))
        if tries < 3:
            raise TryAgain
        return "done"

    async def loses(_: Session) -> None:
        raise TryAgain

    assert await database.in_transaction(loses_twice) == "done"
    async with database.transaction() as session:
        assert [each.id for each in await list_workspaces(session)] == ["try-3"]
    with pytest.raises(TryAgain):
        await database.in_transaction(loses)


async def test_a_bug_of_ours_stays_what_it_is_and_shows_no_values(session: Session) -> None:
    """A violated constraint is neither unavailability nor a race, and its text carries no data."""  # I12
    with pytest.raises(IntegrityError) as caught:
        async with session.begin_nested():
            await session.execute(
                text("INSERT INTO senders (workspace_id, selected_at, person) VALUES (:w, now(), :p)"),
                {"w": "no-such", "p": "Asha Rao of Indiranagar"},
            )
    assert "Asha Rao" not in str(caught.value)
