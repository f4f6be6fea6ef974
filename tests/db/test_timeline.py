"""An order's activity: each thing once, newest first, with how far its message has come (R5.3, I2)."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from db.actions import begin_action, record_answer
from db.cases import BadCursor, note_reply
from db.encryption import Cipher
from db.messages import add_message
from db.session import Session
from db.statuses import StatusReport, apply_status, record_outcome
from db.timeline import Entry, add_entry, latest_change, list_entries, list_latest
from db.workspaces import add_workspace
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Mode
from domain.messages import MessageStatus
from domain.shipments import ShipmentMove
from tests.db.given_cases import ended, moved, opened
from tests.factories import NOW, new_message, workspace

W = "kapaskraft"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
REPLY = Entry(W, "KK1001", NOW, "reply", "text", "reply/wamid.1", data={"text": "कल आना"})


pytestmark = pytest.mark.usefixtures("_workspace")


async def test_the_same_entry_again_does_nothing(session: Session, cipher: Cipher) -> None:
    """One reply is one entry; another workspace's key is another entry."""  # I2 R7.9
    await add_workspace(session, workspace(id="other"))
    assert await add_entry(session, cipher, REPLY)
    assert not await add_entry(session, cipher, replace(REPLY, data={"text": "changed"}))
    assert await add_entry(session, cipher, replace(REPLY, workspace_id="other"))
    (shown,) = await list_entries(session, cipher, W, "KK1001")
    assert shown.entry == REPLY
    assert (shown.message_status, shown.statuses) == (None, ())


async def test_entries_come_newest_first_with_their_messages_statuses(
    session: Session, cipher: Cipher
) -> None:
    """With when each status was reached; earlier pages by time (R5.3)."""
    message = await add_message(session, cipher, new_message())
    await record_outcome(
        session, message.id, status=MessageStatus.SUBMITTED, now=NOW + MINUTE, gupshup_message_id="gs-1"
    )
    await apply_status(
        session,
        StatusReport(
            account_id="account-1",
            status=MessageStatus.FAILED,
            gupshup_id="gs-1",
            code="131026",
            reason="not on WhatsApp",
            at=NOW + 2 * MINUTE,
        ),
    )
    await add_entry(session, cipher, REPLY)
    sent = Entry(W, "KK1001", NOW - MINUTE, "notification", "failed_delivery", "n/1", message_id=message.id)
    await add_entry(session, cipher, sent)
    await add_entry(session, cipher, replace(REPLY, key="reply/wamid.2"))
    shown = await list_entries(session, cipher, W, "KK1001")
    assert [each.entry.key for each in shown] == ["reply/wamid.2", "reply/wamid.1", "n/1"]
    assert shown[2].message_status is MessageStatus.FAILED
    assert [(status.status.value, status.at, status.code) for status in shown[2].statuses] == [
        ("sending", NOW, ""),
        ("submitted", NOW + MINUTE, ""),
        ("failed", NOW + 2 * MINUTE, "131026"),
    ]
    for number, each in enumerate(shown):  # two of one instant: neither is left out at a page's end
        rest = await list_entries(session, cipher, W, "KK1001", before=each.cursor)
        assert rest == shown[number + 1 :]
    assert len(await list_entries(session, cipher, W, "KK1001", limit=2)) == 2
    assert await list_entries(session, cipher, "other", "KK1001") == ()


async def test_entries_of_one_case_stand_without_those_of_others(session: Session, cipher: Cipher) -> None:
    """An order may have a case for each attempt (R6.1)."""
    case_id = str(uuid4())
    await add_entry(session, cipher, replace(REPLY, case_id=case_id))
    await add_entry(session, cipher, replace(REPLY, key="reply/wamid.2", case_id=str(uuid4())))
    await add_entry(session, cipher, replace(REPLY, key="reply/wamid.3"))
    (shown,) = await list_entries(session, cipher, W, "KK1001", case_id=case_id)
    assert shown.entry.case_id == case_id


async def test_the_last_thing_of_several_orders_comes_at_once(session: Session, cipher: Cipher) -> None:
    """One for each order that has any, of this workspace alone (I11)."""
    await add_workspace(session, workspace(id="other"))
    for key, order_id, after in (("a", "KK1001", 0), ("b", "KK1001", 1), ("c", "KK1002", 0)):
        at = NOW + after * MINUTE
        await add_entry(session, cipher, replace(REPLY, key=key, order_id=order_id, at=at))
    await add_entry(session, cipher, replace(REPLY, workspace_id="other", key="d", at=NOW + DAY))
    latest = await list_latest(session, cipher, W, ["KK1001", "KK1002", "KK1003"])
    assert {order_id: shown.entry.key for order_id, shown in latest.items()} == {"KK1001": "b", "KK1002": "c"}
    assert latest["KK1001"].entry.data == {"text": "कल आना"}
    assert await list_latest(session, cipher, W, []) == {}


async def test_the_mark_changes_with_whatever_an_orders_page_shows(session: Session, cipher: Cipher) -> None:
    """And with nothing else: an open page asks for it every few seconds (R5.3)."""
    marks = [await latest_change(session, W, "ORD1")]

    async def changed() -> bool:
        marks.append(await latest_change(session, W, "ORD1"))
        return marks[-1] not in marks[:-1]

    row = await opened(session, cipher, 1)
    assert await changed()
    message = await add_message(session, cipher, new_message(case_id=row.id, order_id="ORD1"))
    entry = Entry.of_case(row, at=NOW, kind="notification", topic="answer", key="n/1", mode="automatic")
    await add_entry(session, cipher, replace(entry, message_id=message.id))
    assert await changed()
    await record_outcome(session, message.id, status=MessageStatus.SUBMITTED, now=NOW + MINUTE)
    assert await changed()
    request = ActionRequest(f"{row.id}/1", Action.REATTEMPT, Mode.WHATSAPP)
    begun: dict[str, Any] = {"workspace_id": W, "case_id": row.id, "now": NOW, "lease_until": NOW}
    await begin_action(session, cipher, request, **begun)
    assert await changed()
    answered: dict[str, Any] = {"answer": Answer.ACCEPTED, "detail": "", "now": NOW + MINUTE}
    await record_answer(session, request.id, tries=1, **answered)
    assert await changed()
    await note_reply(session, W, row.id, NOW + 2 * MINUTE)
    assert await changed()
    await ended(session, cipher, row, "resolved", at=NOW + 3 * MINUTE, accepted="reattempt")
    assert await changed()
    await moved(session, row, ShipmentMove.DELIVERED, at=NOW + 4 * MINUTE)
    assert await changed()
    await opened(session, cipher, 2)
    await add_workspace(session, workspace(id="other"))
    await add_entry(session, cipher, replace(entry, workspace_id="other"))
    assert not await changed()


@pytest.mark.parametrize("place", ["2026-11-20T12:00:00|1", "x|1", f"{NOW}|{2**63}", f"{NOW}|-1", f"{NOW}|"])
async def test_a_cursor_of_others_is_refused(session: Session, cipher: Cipher, place: str) -> None:
    """Whatever was changed in it, never an error of the database."""
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    with pytest.raises(BadCursor):
        await list_entries(session, cipher, W, "KK1001", before=cursor)
