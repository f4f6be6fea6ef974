"""The audit's chains from the terminal: whole, or where one is broken."""

from sqlalchemy import update

from db import tables
from db.audit import add_record, list_records
from db.session import Database
from tests.ops.conftest import Terminal


async def test_check_prints_each_chain_and_where_it_is_broken(
    terminal: Terminal,
    _pools: tuple[Database, Database],  # noqa: PT019 - the tables' owner alone can break a chain
) -> None:
    """S28: number and hash to keep, and exit code 1 as soon as one record is not as it was written."""
    assert await terminal.run("audit", "check") == (0, "Nothing was recorded yet.\n")
    async with terminal.system.database.transaction() as session:
        for number in range(3):
            for slug in ("-", "kapaskraft"):
                await add_record(
                    session, slug, person="x", action=f"done.{number}", now=terminal.stage.clock()
                )
        (last,) = await list_records(session, "kapaskraft", limit=1)
    code, printed = await terminal.run("audit", "check")
    assert code == 0
    assert f"kapaskraft  3        {last.hash.hex()[:16]}  whole" in printed
    _, owner = _pools
    async with owner.transaction() as session:
        await session.execute(
            update(tables.audit)
            .where(tables.audit.c.workspace_id == "kapaskraft", tables.audit.c.number == 2)
            .values(detail="nothing happened")
        )
    code, printed = await terminal.run("audit", "check", "--full")
    assert code == 1
    assert "BROKEN at 2" in printed
    assert last.hash.hex() in printed
    assert printed.count("whole") == 1
