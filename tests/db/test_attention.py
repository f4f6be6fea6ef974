"""What ops have to look at: every trouble once, the most harmful first, and nothing that is in order."""

from datetime import timedelta
from typing import Any

import pytest

from db import accounts, inbox, installations, notifications, outgoing_events
from db.attention import (
    Trouble,
    WorkspaceRow,
    count_open_cases,
    count_waiting_for_sellers,
    list_matters,
    list_near_deadline,
    list_workspace_rows,
)
from db.encryption import Cipher
from db.messages import add_message
from db.notifications import Notification
from db.session import Session
from db.statuses import record_outcome
from db.workspaces import add_workspace, ensure_platform
from domain.messages import MessageStatus
from tests.db.given_cases import DAY, HOUR, W, ended, opened
from tests.factories import NOW, app_account, new_message, workspace
from tests.holding import hold_template

pytestmark = pytest.mark.usefixtures("_workspace")


async def installed(session: Session, cipher: Cipher, **changes: Any) -> None:
    """Install an account, which becomes the sender if it is the first."""
    account = app_account(**changes)
    await accounts.save_account(
        session,
        cipher,
        account,
        api_key="sk-1",
        webhook_token=f"token-{account.id}",
        header_secret=None,
    )
    await installations.install(session, W, account.id, NOW)


async def test_nothing_needs_attention_where_all_is_well(session: Session, cipher: Cipher) -> None:
    """An installed account, a notification, an open case, a delivered message."""
    await installed(session, cipher)
    await notifications.save_notification(
        session, Notification(W, "account-1", "failed_delivery", "en", "template-1", is_on=True)
    )
    await opened(session, cipher, 1)
    await add_message(session, cipher, new_message())
    assert await list_matters(session, NOW) == ()


async def test_each_trouble_is_listed_once_the_most_harmful_first(session: Session, cipher: Cipher) -> None:
    """What is of one place is counted together (R4.8, F46)."""
    await installed(session, cipher)
    await accounts.set_attention(session, "account-1", "the wallet is empty")
    await notifications.save_notification(
        session, Notification(W, "account-1", "failed_delivery", "en", "template-1", is_on=True)
    )
    await hold_template(session, "account-1", "template-1", "paused: low quality")
    late = await opened(session, cipher, 26)
    await opened(session, cipher, 24, deadline_at=NOW - HOUR / 2)
    for number in range(2):
        await inbox.store(
            session,
            cipher,
            source="gupshup",
            owner_id="account-1",
            event_key=f"e{number}",
            body=b"{}",
            position=0,
            now=NOW - number * HOUR,
            state="parked",
            note="unknown type",
        )
    for number in range(3):
        event_id = await outgoing_events.add_event(
            session, cipher, workspace_id=W, type="case.resolved", data={}, now=NOW - 2 * DAY
        )
        if number:
            failed_at = NOW - number * HOUR
            await outgoing_events.mark_failed(session, W, event_id, failed_at, note="answered 500")
    for days in (0.5, 2, 3, 9):
        at = NOW - days * DAY
        message = await add_message(session, cipher, new_message(now=at))
        await record_outcome(session, message.id, status=MessageStatus.UNKNOWN, now=at, reason="interrupted")
    found = await list_matters(session, NOW)
    assert [(each.trouble, each.workspace_id, each.account_id, each.count) for each in found] == [
        (Trouble.ACCOUNT, "", "account-1", 1),
        (Trouble.NOTIFICATION, W, "account-1", 1),
        (Trouble.CASE_OVERDUE, W, "", 1),
        (Trouble.CALLBACK_PARKED, "", "account-1", 2),
        (Trouble.EVENT_GIVEN_UP, W, "", 2),
        (Trouble.SEND_UNKNOWN, W, "account-1", 2),
    ]
    assert [each.words for each in found][:2] == ["the wallet is empty", "paused: low quality"]
    assert found[2].subject == late.id
    assert [each.since for each in found][3:] == [NOW - HOUR, NOW - 2 * HOUR, NOW - 3 * DAY]
    near = await list_near_deadline(session, NOW, within=timedelta(0))
    assert [row.order_id for row in near] == ["ORD26", "ORD24"]
    assert await count_open_cases(session) == (2, 1)


async def test_what_is_switched_off_uninstalled_or_not_sending_troubles_nobody(
    session: Session, cipher: Cipher
) -> None:
    """Only what keeps a message of today from being sent is listed."""
    await installed(session, cipher)
    await installed(session, cipher, id="account-2", owner="client", workspace_id=W)
    for account_id, is_on in (("account-1", False), ("account-2", True)):
        notification = Notification(W, account_id, "failed_delivery", "en", "t", is_on=is_on)
        await notifications.save_notification(session, notification)
        await hold_template(session, account_id, "t", "paused")
    await installations.uninstall(session, W, "account-2", person="", now=NOW)
    await accounts.set_attention(session, "account-2", "the key is wrong")
    assert await list_matters(session, NOW) == ()


async def test_parked_callbacks_are_listed_newest_first_without_their_bodies(
    session: Session, cipher: Cipher
) -> None:
    """Page by page, and gone once they are given another chance (F46)."""
    numbers = []
    for number in range(3):
        inbox_id, _ = await inbox.store(
            session,
            cipher,
            source="order_system",
            owner_id=W,
            event_key=f"e{number}",
            body=b"{}",
            position=0,
            now=NOW,
            state="parked",
            note="unreadable",
        )
        numbers.append(inbox_id)
    page = await inbox.list_parked(session, limit=2)
    assert [item.id for item in page] == [numbers[2], numbers[1]]
    assert [item.id for item in await inbox.list_parked(session, before=page[-1].id)] == [numbers[0]]
    assert (page[0].note, page[0].owner_id) == ("unreadable", W)
    assert await inbox.unpark(session, numbers[0], NOW)
    assert [item.id for item in await inbox.list_parked(session)] == [numbers[2], numbers[1]]
    (matter,) = await list_matters(session, NOW)
    assert (matter.workspace_id, matter.account_id, matter.subject) == (W, "", "order_system")


async def test_every_workspace_at_a_glance(session: Session, cipher: Cipher) -> None:
    """Also one that has nothing yet; the platform is none."""
    await ensure_platform(session)
    await add_workspace(session, workspace(id="new", name="New Ltd"))
    await installed(session, cipher)
    await installed(session, cipher, id="account-2", owner="client", workspace_id=W)
    for event, language in (("failed_delivery", "en"), ("failed_delivery", "hi"), ("rto", "en")):
        await notifications.save_notification(
            session, Notification(W, "account-1", event, language, f"t-{event}", is_on=True)
        )
    await hold_template(session, "account-1", "t-rto", "paused")
    await opened(session, cipher, 1)
    closed = await opened(session, cipher, 2)
    await ended(session, cipher, closed, "handed_over", at=NOW - HOUR)
    for days in (1, 40):
        await add_message(session, cipher, new_message(now=NOW - days * DAY))
    ours, new = await list_workspace_rows(session, since=NOW - 20 * DAY)
    assert ours == WorkspaceRow(
        id=W,
        name="KapasKraft Pvt Ltd",
        created_at=ours.created_at,
        installed=("client", "eshopbox"),
        sender_id="account-1",
        sender_owner="eshopbox",
        sender_attention="",
        notifications_on=2,
        notifications_held=1,
        open_cases=1,
        messages=1,
    )
    assert (new.id, new.installed, new.sender_id, new.open_cases, new.messages) == ("new", (), None, 0, 0)
    assert await count_waiting_for_sellers(session, NOW, within=DAY) == (1, 1)
    assert await count_waiting_for_sellers(session, NOW, within=HOUR) == (1, 0)
