"""A callback is stored once and handled once, whatever happens in between (I1, I2)."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from db import inbox
from db.encryption import Cipher
from db.session import Database, Session
from tests.factories import NOW

LEASE = timedelta(seconds=30)


async def _store(
    session: Session,
    cipher: Cipher,
    key: str = "m1",
    body: bytes = b'{"n": 1}',
    *,
    owner_id: str = "account-1",
) -> tuple[int, bool]:
    return await inbox.store(
        session,
        cipher,
        source="gupshup",
        owner_id=owner_id,
        event_key=key,
        body=body,
        position=0,
        now=NOW,
    )


async def test_the_same_event_fifty_times_at_once_is_one_row(database: Database, cipher: Cipher) -> None:
    """The unique key decides, and everybody learns the same number."""  # F39

    async def once() -> tuple[int, bool]:
        async with database.transaction() as session:
            return await _store(session, cipher)

    results = await asyncio.gather(*(once() for _ in range(50)))
    assert len({number for number, _ in results}) == 1
    assert sum(is_new for _, is_new in results) == 1
    async with database.transaction() as session:
        assert (await inbox.backlog(session)).new == 1


async def test_the_same_key_of_another_account_is_another_event(session: Session, cipher: Cipher) -> None:
    """Keys are unique within an account, not among all."""
    first, _ = await _store(session, cipher)
    second, is_new = await _store(session, cipher, owner_id="account-2")
    assert is_new
    assert first != second


async def test_two_workers_claim_different_items(database: Database, cipher: Cipher) -> None:
    """A claimed row is skipped, not waited for, and comes to one worker only."""
    async with database.transaction() as session:
        for number in range(20):
            await _store(session, cipher, f"m{number}")
    async with database.transaction() as one, database.transaction() as other:
        mine = await inbox.claim_due(one, cipher, limit=8, now=NOW, lease=LEASE)
        theirs = await inbox.claim_due(other, cipher, limit=20, now=NOW, lease=LEASE)
        assert [item.event_key for item in mine] == [f"m{number}" for number in range(8)]
        assert len(theirs) == 12
        assert not {item.id for item in mine} & {item.id for item in theirs}
        assert await inbox.claim(other, cipher, mine[0].id, NOW, LEASE) is None


async def test_no_more_is_claimed_than_asked_for_whatever_the_plan(session: Session, cipher: Cipher) -> None:
    """PostgreSQL may join in another way from one day to the next; the limit holds all the same."""
    for number in range(20):
        await _store(session, cipher, f"m{number}")
    for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
        await session.execute(text(f"SET LOCAL enable_{way} = off"))
    mine = await inbox.claim_due(session, cipher, limit=8, now=NOW, lease=LEASE)
    assert [item.event_key for item in mine] == [f"m{number}" for number in range(8)]


async def test_what_a_dead_worker_left_comes_back_after_its_lease(session: Session, cipher: Cipher) -> None:
    """A lease is a due time in the future: nobody has to clean up (F3)."""
    number, _ = await _store(session, cipher)
    first = await inbox.claim(session, cipher, number, NOW, LEASE)
    assert first is not None
    assert first.body == b'{"n": 1}'
    assert (first.tries, first.attempts_counted) == (1, 0)
    assert await inbox.claim_due(session, cipher, limit=9, now=NOW + LEASE / 2, lease=LEASE) == ()
    (again,) = await inbox.claim_due(session, cipher, limit=9, now=NOW + LEASE, lease=LEASE)
    assert again.tries == 2


async def test_a_postponed_item_waits_and_only_counted_failures_count(
    session: Session, cipher: Cipher
) -> None:
    """An outage of everything does not park what is not at fault."""
    number, _ = await _store(session, cipher)
    later = NOW + timedelta(minutes=1)
    await inbox.claim(session, cipher, number, NOW, LEASE)
    await inbox.postpone(session, number, until=later, note="Temporal is away", counted=False)
    assert await inbox.claim(session, cipher, number, NOW + LEASE, LEASE) is None
    assert await inbox.claim(session, cipher, number, later, LEASE) is not None
    await inbox.postpone(session, number, until=later, note="KeyError", counted=True)
    item = await inbox.claim(session, cipher, number, later, LEASE)
    assert item is not None
    assert (item.tries, item.attempts_counted) == (3, 1)


async def test_done_and_parked_items_are_not_claimed_and_a_repeat_does_not_revive_them(
    session: Session, cipher: Cipher
) -> None:
    """One effect, however late the duplicate (F44); ops may unpark."""
    handled, _ = await _store(session, cipher, "m1")
    parked, _ = await _store(session, cipher, "m2")
    await inbox.finish(session, handled, "handled", "", NOW)
    await inbox.park(session, parked, "unreadable", NOW)
    assert await _store(session, cipher, "m1") == (handled, False)
    assert await inbox.claim_due(session, cipher, limit=9, now=NOW + LEASE, lease=LEASE) == ()
    waiting = await inbox.backlog(session)
    assert (waiting.new, waiting.parked, waiting.oldest_at) == (0, 1, None)
    assert await inbox.unpark(session, parked, NOW)
    assert not await inbox.unpark(session, handled, NOW)
    assert await inbox.claim(session, cipher, parked, NOW, LEASE) is not None


async def test_a_key_and_a_body_that_postgresql_cannot_hold_are_stored_all_the_same(
    session: Session, cipher: Cipher
) -> None:
    """NUL, lone surrogates and bytes that are no text do not lose a callback (F45)."""
    key = "a\x00b\ud800c"
    body = b"\xff\x00\xfe"
    number, is_new = await _store(session, cipher, key, body)
    assert is_new
    assert await _store(session, cipher, key, body) == (number, False)
    item = await inbox.claim(session, cipher, number, NOW, LEASE)
    assert item is not None
    assert item.body == body
