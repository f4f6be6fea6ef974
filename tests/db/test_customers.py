"""What belongs to one sender and one phone: the 24 h window, the opt-out, the standard answer (R5.5, R7.5, R7.11)."""

import asyncio
from datetime import timedelta

from db.customers import claim_standard_answer, customer, note_inbound, set_opt_out
from db.session import Database, Session
from tests.factories import NOW

SECOND = timedelta(seconds=1)


async def test_a_customer_is_known_by_sender(session: Session) -> None:
    """The 24 h window and the opt-out belong to one sender and one phone (R5.5, R7.11)."""
    phone_hash = b"p" * 32
    assert (await customer(session, "account-1", phone_hash)).last_inbound_at is None
    await note_inbound(session, "account-1", phone_hash, NOW)
    await note_inbound(session, "account-1", phone_hash, NOW - SECOND)
    known = await customer(session, "account-1", phone_hash, lock=True)
    assert (known.last_inbound_at, known.opted_out_at) == (NOW, None)
    assert (await customer(session, "account-2", phone_hash)).last_inbound_at is None


async def test_a_late_opt_out_does_not_undo_a_newer_opt_in(session: Session) -> None:
    """Callbacks come in any order; the customer's last word stands."""
    phone_hash = b"p" * 32
    await set_opt_out(session, "account-1", phone_hash, opted_out=False, at=NOW, proof="start")
    await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW - SECOND, proof="stop")
    assert (await customer(session, "account-1", phone_hash)).opted_out_at is None
    await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW + SECOND, proof="stop")
    assert (await customer(session, "account-1", phone_hash)).opted_out_at == NOW + SECOND


async def test_no_intent_is_committed_after_an_opt_out(database: Database) -> None:
    """A send that has looked holds the opt-out back until it has committed."""  # I6
    phone_hash = b"p" * 32
    order: list[str] = []

    async def opt_out() -> None:
        async with database.transaction() as session:
            await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW, proof="stop")
        order.append("opt-out")

    async with database.transaction() as session:
        assert (await customer(session, "account-1", phone_hash, lock=True)).opted_out_at is None
        waiting = asyncio.create_task(opt_out())
        await asyncio.sleep(0.1)
        order.append("send")
    await waiting
    assert order == ["send", "opt-out"]


async def test_the_standard_answer_goes_out_once_a_day(session: Session) -> None:
    """At most once per 24 h and sender (R7.5)."""
    day = timedelta(hours=24)
    claims = [
        await claim_standard_answer(session, "account-1", b"p" * 32, to=to, now=NOW + after, every=day)
        for to, after in ((1, timedelta(0)), (1, timedelta(0)), (2, day - SECOND), (3, day))
    ]
    assert claims == [
        True,
        True,
        False,
        True,
    ]  # the same message may ask again: its answer may not be out yet
