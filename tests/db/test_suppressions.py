"""A suppressed number: for one seller, and seen by every send that comes after."""

import asyncio

import pytest

from db.cases import add_case
from db.encryption import Cipher
from db.session import Database, Session
from db.suppressions import is_suppressed, suppress
from db.workspaces import add_workspace
from domain.timing import Policy
from tests.factories import NOW, PHONE, case_facts, workspace

W = "kapaskraft"


async def _case(session: Session, cipher: Cipher, workspace_id: str = W) -> str:
    facts = case_facts(workspace_id=workspace_id)
    row, _ = await add_case(session, cipher, facts, Policy(), deadline_at=NOW, now=NOW)
    return row.id


@pytest.mark.usefixtures("_workspace")
async def test_number_is_suppressed_for_one_seller(session: Session, cipher: Cipher) -> None:
    """Saying it again changes nothing; others may write to it."""  # R6.2
    hashed = cipher.phone_hash(PHONE)
    assert not await is_suppressed(session, W, hashed)
    case_id = await _case(session, cipher)
    for _ in range(2):
        await suppress(session, W, hashed, case_id=case_id, since=NOW)
    assert await is_suppressed(session, W, hashed)
    assert not await is_suppressed(session, "other", hashed)
    assert not await is_suppressed(session, W, cipher.phone_hash("919999900002"))


async def test_number_stays_as_it_was_found_until_the_send_is_committed(
    database: Database, cipher: Cipher
) -> None:
    """Who says it in the same moment waits for the intent, although there is no row to lock yet."""  # R6.2 I6
    hashed = cipher.phone_hash(PHONE)
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        case_id = await _case(session, cipher)

    async def say_it() -> None:
        async with database.transaction() as session:
            await suppress(session, W, hashed, case_id=case_id, since=NOW)

    async with database.transaction() as sending:
        assert not await is_suppressed(sending, W, hashed, lock=True)
        saying = asyncio.create_task(say_it())
        await asyncio.sleep(0.2)
        assert not saying.done()
    await saying
    async with database.transaction() as session:
        assert await is_suppressed(session, W, hashed, lock=True)
