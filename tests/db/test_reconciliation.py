"""What Gupshup billed finds its message, proves sends of unknown outcome, and what differs is listed (R5.4, I7)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db import adjustments
from db.accounts import save_account
from db.billing import list_usage, set_price
from db.encryption import Cipher
from db.messages import Message, add_message, find_message
from db.reconciliation import (
    BilledEvent,
    Differs,
    compare,
    list_differences,
    list_to_match,
    match_later,
    take_event,
)
from db.session import Session
from db.statuses import StatusReport, apply_status, record_outcome
from db.workspaces import add_workspace
from domain.billing import Adjusted
from domain.messages import MessageStatus
from tests.factories import NOW, PHONE, app_account, new_message, workspace

W = "kapaskraft"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TWO_DAYS = timedelta(hours=48)


@pytest.fixture(autouse=True)
async def _accounts(session: Session, cipher: Cipher) -> None:
    """The platform's account, and a seller's own."""
    await add_workspace(session, workspace())
    own = app_account(id="account-2", owner="client", workspace_id=W, app_id="app-2")
    for number, account in enumerate((app_account(), own)):
        await save_account(
            session, cipher, account, api_key="k", webhook_token=f"token-{number}", header_secret=None
        )
    for category, paise in (("utility", 35), ("marketing", 99), ("authentication", 20)):
        await set_price(session, category, paise, valid_from=NOW - 30 * DAY)


async def send(
    session: Session, cipher: Cipher, outcome: str = "accepted", *, gupshup_id: str = "gs-1", **changes: Any
) -> Message:
    """Send a message that comes to something."""
    message = await add_message(session, cipher, new_message(**({"category": "utility"} | changes)))
    if outcome == "sending":
        return message
    is_accepted = outcome == "accepted"
    return await record_outcome(
        session,
        message.id,
        status=MessageStatus.SUBMITTED if is_accepted else MessageStatus(outcome),
        now=message.sending_at,
        gupshup_message_id=gupshup_id if is_accepted else None,
    )


def billed(cipher: Cipher, *, phone: str = PHONE, **changes: Any) -> BilledEvent:
    """Return an event as Gupshup sends it for a message that was delivered."""
    values: dict[str, Any] = {
        "account_id": "account-1",
        "event_key": "billing:1",
        "gupshup_id": "gs-1",
        "whatsapp_id": "fingerprint-1",
        "phone_hash": cipher.phone_hash(phone),
        "is_billable": True,
        "category": "utility",
        "model": "PMP",
        "type": "regular",
        "at": NOW + MINUTE,
    }
    return BilledEvent(**(values | changes))


async def used(session: Session, message: Message) -> Any:
    """Return a message's usage row."""
    rows = await list_usage(session, W, since=NOW - 40 * DAY, until=NOW + 40 * DAY)
    return next(row for row in rows if row.message_id == message.id)


async def differences(session: Session, *, now: datetime = NOW + 3 * DAY) -> list[tuple[str, str | None]]:
    """Return what differs, and that the counts say the same."""
    period: dict[str, Any] = {"since": NOW - DAY, "until": NOW + 2 * DAY, "now": now, "after": TWO_DAYS}
    found = await list_differences(session, **period)
    comparison = await compare(session, **period)
    assert set(comparison.differing) == set(Differs)
    assert sum(comparison.differing.values()) == len(found)
    return [(one.differs.value, one.message_id) for one in found]


async def test_an_event_is_kept_once_and_finds_its_message(session: Session, cipher: Cipher) -> None:
    """The same callback again changes nothing; the right category at the right price books nothing (R5.4, I2)."""
    message = await send(session, cipher)
    for _ in range(2):
        await take_event(session, billed(cipher))
    row = await used(session, message)
    assert (row.provider_is_billable, row.provider_category) == (True, "utility")
    assert await adjustments.list_of_message(session, W, message.id) == ()
    assert await differences(session) == []
    assert await list_to_match(session, NOW + DAY, limit=9) == ()


async def test_an_event_that_names_no_category_takes_none_back(session: Session, cipher: Cipher) -> None:
    """Of two events about a message the one that says more stands: nothing is listed that does not differ."""  # R5.4
    message = await send(session, cipher)
    await take_event(session, billed(cipher))
    await take_event(session, billed(cipher, event_key="billing:2", category=""))
    assert (await used(session, message)).provider_category == "utility"
    assert await differences(session) == []


async def test_an_event_of_another_account_finds_nothing(session: Session, cipher: Cipher) -> None:
    """Ids mean something within their account only."""  # I11
    await send(session, cipher)
    assert (await take_event(session, billed(cipher, account_id="account-2"))).message is None


async def test_an_event_proves_that_an_unknown_send_was_accepted(session: Session, cipher: Cipher) -> None:
    """At once, as a status would: one usage row, charged from now on (I7, F28, R5.4)."""
    message = await send(session, cipher, "unknown")
    matched = await take_event(session, billed(cipher))
    assert matched.message is not None
    assert (matched.message.id, matched.was_adopted) == (message.id, True)
    found = await find_message(session, message.id)
    assert found is not None
    assert (found.status, found.gupshup_message_id) == (MessageStatus.SUBMITTED, "gs-1")
    row = await used(session, message)
    assert (row.outcome, row.is_charged, row.provider_is_billable) == ("accepted", True, True)


async def test_an_event_that_comes_before_the_answer_is_matched_later(
    session: Session, cipher: Cipher
) -> None:
    """It waits, and the round finds the message by its ids (F30, R5.4)."""
    message = await send(session, cipher, "sending")
    assert (await take_event(session, billed(cipher))).message is None
    assert await list_to_match(session, NOW + HOUR, limit=9) == ()
    await record_outcome(
        session, message.id, status=MessageStatus.SUBMITTED, now=NOW + 2 * MINUTE, gupshup_message_id="gs-1"
    )
    (event,) = await list_to_match(session, NOW + HOUR, limit=9)
    assert event == billed(cipher)
    matched = await match_later(session, event, NOW + HOUR)
    assert (matched.message is not None, matched.was_adopted) == (True, False)
    assert await list_to_match(session, NOW + HOUR, limit=9) == ()
    assert (await used(session, message)).provider_category == "utility"


@pytest.mark.parametrize(
    ("why", "changes", "is_adopted"),
    [
        ("hours later", {"at": NOW + 5 * HOUR}, True),
        ("a day later", {"at": NOW + 25 * HOUR}, False),
        ("before the send", {"at": NOW - MINUTE}, False),
        ("another customer's", {"at": NOW + 5 * HOUR, "phone": "919999900002"}, False),
        ("another category", {"at": NOW + 5 * HOUR, "category": "marketing"}, False),
        ("without Gupshup's id", {"at": NOW + 5 * HOUR, "gupshup_id": None}, False),
    ],
)
async def test_the_only_event_proves_the_only_unknown_send(
    session: Session, cipher: Cipher, why: str, changes: dict[str, Any], *, is_adopted: bool
) -> None:
    """To the same customer, of the same category, within a day; where anything is doubtful it stays unknown (I7)."""
    message = await send(session, cipher, "unknown")
    await take_event(session, billed(cipher, **changes))
    now = NOW + 2 * DAY
    for event in await list_to_match(session, now, limit=9):
        await match_later(session, event, now)
    found = await find_message(session, message.id)
    assert found is not None
    assert (found.status is MessageStatus.SUBMITTED) == is_adopted, why


async def test_of_two_sends_or_two_events_nothing_is_guessed(session: Session, cipher: Cipher) -> None:
    """Nobody can say which is whose (I7)."""
    later = NOW + 5 * HOUR
    for number in range(2):
        await send(session, cipher, "unknown", phone="919999900001", now=NOW + number * MINUTE)
    await take_event(session, billed(cipher, at=later))
    await send(session, cipher, "unknown", phone="919999900002")
    for number in range(2):
        two = {"event_key": f"billing:2{number}", "gupshup_id": f"gs-2{number}", "whatsapp_id": None}
        await take_event(session, billed(cipher, phone="919999900002", at=later + number * MINUTE, **two))
    events = await list_to_match(session, NOW + DAY, limit=9)
    assert len(events) == 3
    assert [(await match_later(session, event, NOW + DAY)).message for event in events] == [None] * 3
    assert [differs for differs, _ in await differences(session)] == ["unknown"] * 3 + ["theirs_only"] * 3


@pytest.mark.parametrize(("category", "booked"), [("authentication", -15), ("marketing", 0), ("referral", 0)])
async def test_a_cheaper_category_is_credited_and_a_dearer_one_listed(
    session: Session, cipher: Cipher, category: str, booked: int
) -> None:
    """The seller has not accepted a dearer price (R4.4); the credit is booked once and beside the price (R5.4 reconciliation)."""
    message = await send(session, cipher)
    for key in ("billing:1", "billing:1", "billing:2"):
        await take_event(session, billed(cipher, category=category, event_key=key))
    found = await adjustments.list_of_message(session, W, message.id)
    assert [(one.reason, one.amount_paise) for one in found] == [(Adjusted.CATEGORY, booked)] * bool(booked)
    assert (await used(session, message)).price_paise == 35
    assert await differences(session) == [("category", message.id)]


async def test_a_credited_message_that_fails_and_comes_after_all_costs_the_cheaper_price(
    session: Session, cipher: Cipher
) -> None:
    """Each fact books what is lacking (R5.4 reconciliation)."""
    message = await send(session, cipher)
    await take_event(session, billed(cipher, category="authentication"))
    for status in (MessageStatus.FAILED, MessageStatus.READ):
        await apply_status(
            session, StatusReport(account_id="account-1", status=status, gupshup_id="gs-1", at=NOW + HOUR)
        )
    found = await adjustments.list_of_message(session, W, message.id)
    assert [one.amount_paise for one in found] == [-15, -20, 20]


async def test_every_way_to_differ_is_listed_and_nothing_else(session: Session, cipher: Cipher) -> None:
    """Unknown, billed and not ours, ours and not billed, another category, another charge (R5.4, F38)."""
    number = 0

    async def sent(outcome: str = "accepted", **changes: Any) -> tuple[Message, dict[str, Any]]:
        nonlocal number
        number += 1
        phone = f"9199999100{number:02}"
        values = {"gupshup_id": f"gs-{number}", "phone": phone} | changes
        message = await send(session, cipher, outcome, **values)
        ids = {
            "gupshup_id": f"gs-{number}",
            "event_key": f"billing:{number}",
            "whatsapp_id": None,
            "phone": phone,
        }
        return message, ids

    async def fails(message: Message) -> None:
        failed = StatusReport(
            account_id="account-1", status=MessageStatus.FAILED, gupshup_id=message.gupshup_message_id, at=NOW
        )
        await apply_status(session, failed)

    _, ids = await sent()  # agrees
    await take_event(session, billed(cipher, **ids))
    free, ids = await sent(price_paise=0)
    await take_event(session, billed(cipher, **ids, is_billable=False, type="free_customer_service"))
    await fails((await sent())[0])  # failed and not billed
    await sent("refused")
    await sent(account_id="account-2", account_owner="client")  # Gupshup bills the seller
    unknown, _ = await sent("unknown")
    ours, _ = await sent()
    await sent(now=NOW + 2 * DAY - MINUTE)  # billing may still come
    dearer, ids = await sent()
    await take_event(session, billed(cipher, **ids, category="marketing"))
    failed, ids = await sent()
    await take_event(session, billed(cipher, **ids))
    await fails(failed)
    unbilled, ids = await sent()
    await take_event(session, billed(cipher, **ids, is_billable=False))
    await take_event(
        session, billed(cipher, gupshup_id="gs-theirs", event_key="t", whatsapp_id=None, phone="919999999999")
    )
    assert free.id != ours.id
    assert await differences(session) == [
        ("unknown", unknown.id),
        ("theirs_only", None),
        ("ours_only", ours.id),
        ("category", dearer.id),
        *sorted([("charge", failed.id), ("charge", unbilled.id)], key=lambda one: one[1] != failed.id),
    ]
    period: dict[str, Any] = {"since": NOW - DAY, "until": NOW + 2 * DAY, "now": NOW + 3 * DAY}
    assert (await compare(session, **period, after=TWO_DAYS)).matched == 2
    assert await list_differences(session, **(period | {"until": NOW - HOUR}), after=TWO_DAYS) == ()
