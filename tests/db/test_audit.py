"""The audit: one record for each act, chained; what the program may not change, and what a change shows."""

import asyncio

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import ProgrammingError

from db import audit
from db.acceptances import Acceptance, add_acceptance, find_acceptance, list_acceptances
from db.accounts import save_account
from db.encryption import Cipher
from db.session import Database, Session
from db.tables import audit as table
from db.tables import price_acceptances
from db.workspaces import add_workspace
from tests.factories import NOW, app_account, workspace


async def _add(session: Session, workspace_id: str, action: str) -> None:
    await audit.add_record(
        session, workspace_id, person="Meera <m@kapaskraft.example>", action=action, detail="₹0.35", now=NOW
    )


async def test_records_follow_one_another_in_a_chain_of_each_workspace(session: Session) -> None:
    """I19: numbered from one, each covering the one before; whole chains have no break."""
    for action in ("app.connected", "sender.selected", "price.accepted"):
        await _add(session, "kapaskraft", action)
    await _add(session, "nakshi", "signed_in")
    records = await audit.list_records(session, "kapaskraft")
    assert [(each.number, each.action) for each in records] == [
        (3, "price.accepted"),
        (2, "sender.selected"),
        (1, "app.connected"),
    ]
    assert records[0].previous_hash == records[1].hash
    assert await audit.list_chains(session) == ("kapaskraft", "nakshi")
    assert await audit.find_break(session, "kapaskraft") is None
    assert len(await audit.list_of_all_workspaces(session, limit=3)) == 3


async def test_records_at_the_same_instant_wait_for_one_another(database: Database) -> None:
    """No number twice, none left out, however many processes record."""

    async def record(number: int) -> None:
        async with database.transaction("kapaskraft") as session:
            await _add(session, "kapaskraft", f"act.{number}")

    await asyncio.gather(*(record(number) for number in range(20)))
    async with database.transaction() as session:
        assert [each.number for each in await audit.list_records(session, "kapaskraft")] == list(
            range(20, 0, -1)
        )
        assert await audit.find_break(session, "kapaskraft") is None


@pytest.mark.parametrize("role", [None, "kapaskraft"])
async def test_program_can_neither_change_nor_remove_a_record(database: Database, role: str | None) -> None:
    """S28: not even by a statement of its own; accepted prices likewise."""
    for kept in (table, price_acceptances):
        for statement in (delete(kept), update(kept).values(person="nobody")):
            with pytest.raises(ProgrammingError, match="permission denied"):
                async with database.transaction(role) as session:
                    await session.execute(statement)


@pytest.mark.parametrize("how", ["changed", "removed", "put between"])
async def test_what_the_tables_owner_changes_breaks_the_chain(
    database: Database, owner_database: Database, how: str
) -> None:
    """S28: the check names the number at which it is broken."""
    async with database.transaction() as session:
        for number in range(5):
            await _add(session, "kapaskraft", f"act.{number}")
    at = (table.c.workspace_id == "kapaskraft") & (table.c.number == 3)
    async with owner_database.transaction() as session:
        if how == "changed":
            await session.execute(update(table).where(at).values(detail="₹0.01"))
        elif how == "removed":
            await session.execute(delete(table).where(at))
        else:
            row = (await session.execute(select(table).where(at))).one()._asdict()
            await session.execute(delete(table).where(at))
            await session.execute(insert(table).values(row | {"action": "forged"}))
    async with database.transaction() as session:
        assert await audit.find_break(session, "kapaskraft") == 3


async def test_accepted_prices_are_kept_and_the_last_one_counts(session: Session, cipher: Cipher) -> None:
    """R4.4: who accepted what, and when."""
    await add_workspace(session, workspace())
    await save_account(
        session, cipher, app_account(), api_key="key", webhook_token="token", header_secret=None
    )
    for paise in (35, 38):
        await add_acceptance(
            session, Acceptance("kapaskraft", "account-1", "failed_delivery", "UTILITY", paise, "Meera", NOW)
        )
    last = await find_acceptance(session, "kapaskraft", "account-1", "failed_delivery")
    assert last is not None
    assert (last.price_paise, last.person, last.accepted_at) == (38, "Meera", NOW)
    assert [each.price_paise for each in await list_acceptances(session, "kapaskraft", "account-1")] == [
        38,
        35,
    ]
    assert await find_acceptance(session, "kapaskraft", "account-1", "delivered") is None
