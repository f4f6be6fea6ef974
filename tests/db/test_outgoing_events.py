"""Outgoing events: written once for what they tell of, one id through every delivery, and how far each has come."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

import pytest

from db.encryption import Cipher
from db.outgoing_events import (
    add_event,
    get_event,
    list_by_prefix,
    list_events,
    list_unstarted,
    mark_delivered,
    mark_failed,
    mark_replayed,
    mark_started,
    note_try,
    tell_message_failed,
    tell_workspace,
)
from db.session import Database, NotFound, Session
from db.statuses import record_outcome
from db.workspaces import EventEndpoint, add_workspace, save_event_endpoint
from domain.messages import MessageStatus, NotSent
from tests.db.sending import submit
from tests.factories import NOW, PHONE, workspace

W = "kapaskraft"
MINUTE = timedelta(minutes=1)
DATA: Mapping[str, object] = {"case_id": "1", "action": "reattempt"}


async def _add(session: Session, cipher: Cipher, **changes: str) -> str:
    values = {"workspace_id": W, "type": "case.resolved"} | changes
    return await add_event(session, cipher, data=DATA, now=NOW, **values)


async def _want_events(session: Session, cipher: Cipher, workspace_id: str = W) -> None:
    await add_workspace(session, workspace(id=workspace_id))
    endpoint = EventEndpoint(workspace_id, "https://seller.example/events", "whsec_c2VjcmV0LXNlY3JldA==")
    await save_event_endpoint(session, cipher, endpoint)


async def _tell(
    session: Session, cipher: Cipher, workspace_id: str = W, source_key: str = "end:1"
) -> tuple[str, ...]:
    return await tell_workspace(
        session,
        cipher,
        workspace_id=workspace_id,
        type="case.ended",
        data=DATA,
        source_key=source_key,
        now=NOW,
    )


@pytest.mark.usefixtures("_workspace")
async def test_an_outgoing_event_keeps_its_id_through_every_delivery(
    session: Session, cipher: Cipher
) -> None:
    """Written once, swept until its delivery began; a failure after the delivery says nothing (I15)."""
    event_id = await _add(session, cipher)
    (waiting,) = await list_unstarted(session, older_than=NOW + MINUTE, limit=9)
    assert (waiting.id, waiting.workspace_id) == (event_id, W)
    await mark_started(session, W, event_id, NOW)
    assert await list_unstarted(session, older_than=NOW + MINUTE, limit=9) == ()
    await mark_failed(session, W, event_id, NOW, note="410")
    await mark_delivered(session, W, event_id, NOW)
    await mark_failed(session, W, event_id, NOW, note="late")
    await note_try(session, W, event_id, note="later still")
    event = await get_event(session, cipher, W, event_id)
    assert (event.id, event.type, event.data, event.delivered_at) == (event_id, "case.resolved", DATA, NOW)
    assert (event.stand, event.failed_at, event.note) == ("delivered", None, "")
    with pytest.raises(NotFound):
        await get_event(session, cipher, "other", event_id)


async def test_the_same_source_is_told_once(session: Session, cipher: Cipher) -> None:
    """Whatever is retried; the id is given again, and another workspace's source is another one (I15)."""
    await _want_events(session, cipher)
    await _want_events(session, cipher, "other")
    first = await _tell(session, cipher)
    assert await _tell(session, cipher) == first
    others = {
        *first,
        *await _tell(session, cipher, "other"),
        *await _tell(session, cipher, source_key="end:2"),
    }
    assert len(others) == 3
    assert len(await list_events(session, cipher, limit=9)) == 3


async def test_two_transactions_at_once_tell_the_same_once(database: Database, cipher: Cipher) -> None:
    """A callback and the sweep may come upon one failure in the same instant (I15)."""
    async with database.transaction() as session:
        await _want_events(session, cipher)
    together = asyncio.Barrier(2)

    async def tell() -> tuple[str, ...]:
        async with database.transaction() as session:
            await session.connection()
            await together.wait()
            return await _tell(session, cipher)

    first, second = await asyncio.gather(tell(), tell())
    assert len(first) == 1
    assert first == second
    async with database.transaction() as session:
        assert len(await list_events(session, cipher, limit=9)) == 1


@pytest.mark.usefixtures("_workspace")
async def test_workspace_that_wants_no_events_is_told_nothing(session: Session, cipher: Cipher) -> None:
    """There is nobody to deliver it to (R8.3)."""
    assert await _tell(session, cipher) == ()
    assert await list_events(session, cipher, limit=9) == ()


async def test_failed_message_is_told_without_the_phone(session: Session, cipher: Cipher) -> None:
    """Which message, of what, and why by code and by our class (R8.3, I12)."""
    await _want_events(session, cipher)
    sent = await submit(session, cipher)
    failed = await record_outcome(session, sent.id, status=MessageStatus.FAILED, now=NOW, code="1002")
    told = await tell_message_failed(session, cipher, failed, NotSent.RECIPIENT, NOW)
    assert told == await tell_message_failed(session, cipher, failed, NotSent.RECIPIENT, NOW)
    event = await get_event(session, cipher, W, told[0])
    assert event.type == "message.failed"
    assert event.data == {
        "message_id": failed.id,
        "case_id": None,
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "purpose": "failed_delivery",
        "event": "failed_delivery",
        "code": "1002",
        "why": "recipient",
    }
    assert PHONE[2:] not in str(event.data)


@pytest.mark.usefixtures("_workspace")
async def test_only_what_is_not_tried_any_more_counts_as_given_up(session: Session, cipher: Cipher) -> None:
    """Each event is where it stands, through failure, replay and delivery (F57)."""
    event_id = await _add(session, cipher)

    async def stands() -> tuple[str, str]:
        event = await get_event(session, cipher, W, event_id)
        return event.stand, event.note

    assert await stands() == ("waiting", "")
    await note_try(session, W, event_id, note="HTTP 503")
    assert await stands() == ("retrying", "HTTP 503")
    await mark_failed(session, W, event_id, NOW)
    assert await stands() == ("given up", "HTTP 503")
    await mark_replayed(session, W, event_id, NOW + MINUTE)
    assert await stands() == ("retrying", "HTTP 503")
    await mark_failed(session, W, event_id, NOW + 2 * MINUTE)
    await mark_replayed(session, W, event_id, NOW + MINUTE)  # the replay was faster than the note of it
    assert await stands() == ("given up", "HTTP 503")
    await note_try(session, W, event_id, note="HTTP 500")
    assert await stands() == ("retrying", "HTTP 500")
    await mark_delivered(session, W, event_id, NOW + 3 * MINUTE)
    assert await stands() == ("delivered", "")


@pytest.mark.usefixtures("_workspace")
async def test_replay_of_a_delivered_event_can_fail(session: Session, cipher: Cipher) -> None:
    """What was delivered before ops wanted it again does not hide that; what was delivered since does."""
    event_id = await _add(session, cipher)
    await mark_delivered(session, W, event_id, NOW)
    await mark_failed(session, W, event_id, NOW + MINUTE, note="410", replayed_at=NOW + MINUTE)
    event = await get_event(session, cipher, W, event_id)
    assert (event.stand, event.delivered_at) == ("given up", NOW)
    await mark_delivered(session, W, event_id, NOW + 2 * MINUTE)
    await mark_failed(session, W, event_id, NOW + 3 * MINUTE, note="410", replayed_at=NOW + MINUTE)
    assert (await get_event(session, cipher, W, event_id)).stand == "delivered"


async def test_ops_find_events_of_all_workspaces(session: Session, cipher: Cipher) -> None:
    """By whose they are, what they are and how they stand; newest first, and by the beginning of the id."""
    await add_workspace(session, workspace())
    await add_workspace(session, workspace(id="other"))
    delivered, failed = await _add(session, cipher), await _add(session, cipher, type="message.failed")
    others = await add_event(
        session, cipher, workspace_id="other", type="case.ended", data=DATA, now=NOW + MINUTE
    )
    await mark_delivered(session, W, delivered, NOW)
    await mark_failed(session, W, failed, NOW)

    async def ids(**wanted: object) -> set[str]:
        found = await list_events(session, cipher, limit=9, **wanted)  # type: ignore[arg-type]
        return {event.id for event in found}

    assert (await list_events(session, cipher, limit=1))[0].id == others
    assert await ids() == {delivered, failed, others}
    assert await ids(workspace_id=W) == {delivered, failed}
    assert await ids(type="message.failed") == {failed}
    assert await ids(is_failed=True) == {failed}
    assert await ids(is_undelivered=True) == {failed, others}
    assert await ids(since=NOW + MINUTE) == {others}
    for given in (failed, failed[:8], failed[:8].upper(), failed[:12], failed.replace("-", "")):
        (found,) = await list_by_prefix(session, cipher, given, limit=9)
        assert found.id == failed
    for given in ("", "none", f"{failed}0", str(uuid4())):
        assert await list_by_prefix(session, cipher, given, limit=9) == ()
