"""Workspaces and by what they reach us: secrets hidden, two valid at once, the same request once (S1, S5, I13)."""

import asyncio
from datetime import date, timedelta

import pytest

from db.encryption import Cipher
from db.session import Database, NotFound, Session
from db.workspaces import (
    IDEMPOTENCY_KEPT,
    EventEndpoint,
    OrderAccount,
    add_api_key,
    add_workspace,
    claim_idempotency_key,
    find_api_key,
    find_event_endpoint,
    forget_idempotency_keys,
    get_order_account,
    get_workspace,
    order_webhook_is_authentic,
    release_idempotency_key,
    save_event_endpoint,
    save_idempotent_answer,
    save_order_account,
)
from domain.timing import AtDeadline, Policy
from tests.factories import NOW, workspace

W = "kapaskraft"


async def test_a_workspace_comes_back_with_its_whole_policy(session: Session) -> None:
    """Every field of the policy survives; adding it again brings it up to date."""
    policy = Policy(
        reminders_after=(60,),
        at_deadline=AtDeadline.REATTEMPT,
        holidays=(date(2026, 11, 8),),
        texts=(("nudge", "Hello?"),),
        quiet_from="",
    )
    await add_workspace(session, workspace())
    await add_workspace(session, workspace(policy=policy, default_language="hi"))
    found = await get_workspace(session, W)
    assert found == workspace(policy=policy, default_language="hi")
    with pytest.raises(NotFound):
        await get_workspace(session, "other")


async def test_an_order_account_is_sealed_and_two_webhook_secrets_are_valid_at_once(
    session: Session, cipher: Cipher
) -> None:
    """Rotation without downtime: the new secret and the one before it; saving the same again rotates nothing."""
    await add_workspace(session, workspace())
    account = OrderAccount(W, "client", "client-secret", "refresh-token")
    assert "secret" not in repr(account).replace("client_secret", "")
    for secret in ("first", "second", "second"):
        await save_order_account(session, cipher, account, webhook_secret=secret)
    assert await get_order_account(session, cipher, W) == account
    valid = [await order_webhook_is_authentic(session, W, secret) for secret in ("first", "second", "", "x")]
    assert valid == [True, True, False, False]
    await save_order_account(session, cipher, account, webhook_secret="third")
    assert not await order_webhook_is_authentic(session, W, "first")
    assert not await order_webhook_is_authentic(session, "other", "third")
    with pytest.raises(NotFound):
        await get_order_account(session, cipher, "other")


async def test_an_event_endpoint_is_kept_with_its_secret_sealed(session: Session, cipher: Cipher) -> None:
    """Where our events go, and what signs them (S6)."""
    await add_workspace(session, workspace())
    assert await find_event_endpoint(session, cipher, W) is None
    for url in ("https://one.example/events", "https://two.example/events"):
        await save_event_endpoint(session, cipher, EventEndpoint(W, url, "whsec_abc"))
    found = await find_event_endpoint(session, cipher, W)
    assert found == EventEndpoint(W, "https://two.example/events", "whsec_abc")
    assert "whsec" not in repr(found)


async def test_an_api_key_is_found_by_itself_alone(session: Session) -> None:
    """Not by another secret, not after its end, not by what is no key at all."""  # S5
    await add_workspace(session, workspace())
    key = await add_api_key(session, W, expires_at=NOW + timedelta(days=1))
    other = await add_api_key(session, W, scopes=("cases", "events"))
    found = await find_api_key(session, key, NOW)
    assert found is not None
    assert (found.workspace_id, found.scopes) == (W, ("cases",))
    assert found.public_id in key
    assert await find_api_key(session, key, NOW + timedelta(days=1)) is None
    mixed = f"{key.rsplit('_', 1)[0] if key.count('_') == 2 else 'esb_x'}_{other.split('_', 2)[2]}"
    for wrong in (mixed, key[:-1], key + "x", "", "esb__", "esb_a_b", "x" * 5000, "esb_\x00_\ud800"):
        assert await find_api_key(session, wrong, NOW) is None


async def test_a_given_api_key_can_be_seeded_again_but_not_by_another_workspace(session: Session) -> None:
    """Seeding is repeatable; a public id stays with its workspace."""
    await add_workspace(session, workspace())
    await add_workspace(session, workspace(id="other"))
    for _ in range(2):
        assert await add_api_key(session, W, key="esb_demo_abc_def") == "esb_demo_abc_def"
    await add_api_key(session, "other", key="esb_demo_stolen")
    found = await find_api_key(session, "esb_demo_abc_def", NOW)
    assert found is not None
    assert found.workspace_id == W
    with pytest.raises(ValueError, match="form"):
        await add_api_key(session, W, key="secret")


async def test_of_one_key_used_at_once_one_request_goes_on(database: Database) -> None:
    """The others learn that it is in progress, then its answer; another body is a conflict."""  # I13
    async with database.transaction() as session:
        await add_workspace(session, workspace())

    async def claim(body: bytes = b"same") -> str:
        async with database.transaction() as session:
            return (await claim_idempotency_key(session, W, "key", body, NOW)).kind

    kinds = await asyncio.gather(*(claim() for _ in range(20)))
    assert sorted(kinds) == ["in_progress"] * 19 + ["new"]
    assert await claim(b"other") == "conflict"
    async with database.transaction() as session:
        await save_idempotent_answer(session, W, "key", 201, '{"id": 1}')
        answer = await claim_idempotency_key(session, W, "key", b"same", NOW)
    assert (answer.kind, answer.status, answer.body) == ("replay", 201, '{"id": 1}')


async def test_a_key_is_free_again_after_a_failure_a_death_or_a_week(session: Session) -> None:
    """Given back, abandoned by a process that died, or older than it is kept."""
    await add_workspace(session, workspace())

    async def claim(after: timedelta, body: bytes = b"same") -> str:
        return (await claim_idempotency_key(session, W, "key", body, NOW + after)).kind

    assert await claim(timedelta(0)) == "new"
    await release_idempotency_key(session, W, "key")
    assert await claim(timedelta(0), b"other") == "conflict"
    assert await claim(timedelta(0)) == "new"
    assert await claim(timedelta(seconds=30)) == "in_progress"
    assert await claim(timedelta(seconds=90), b"other") == "conflict"
    assert await claim(timedelta(seconds=90)) == "new"
    await save_idempotent_answer(session, W, "key", 200, "")
    await release_idempotency_key(session, W, "key")
    assert await claim(timedelta(days=6)) == "replay"
    assert await claim(timedelta(days=8), b"other") == "new"
    assert await forget_idempotency_keys(session, NOW + timedelta(days=8)) == 0
    assert await forget_idempotency_keys(session, NOW + timedelta(days=9) + IDEMPOTENCY_KEPT) == 1
