"""A message's price is fixed when it is sent, by window, allowance and tier, and the count is exact (R5.4 price)."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from db import billing, statements
from db.adjustments import list_of_message
from db.billing import NoPrice, find_price, find_rate, fix_price, list_rates, list_usage, set_price
from db.customers import note_inbound
from db.encryption import Cipher
from db.messages import Message, add_message, restart_message
from db.session import Database, Session
from db.statuses import apply_status, record_outcome
from db.workspaces import add_workspace
from domain.billing import PriceDecision, Tier, Window
from domain.messages import MessageStatus
from domain.timing import Policy
from tests.db.sending import SECOND, status_report
from tests.factories import NOW, PHONE, new_message, workspace

W = "kapaskraft"
DAY = timedelta(days=1)


async def decide(session: Session, cipher: Cipher, **changes: Any) -> PriceDecision:
    """Count a message and return its price."""
    values: dict[str, Any] = {
        "workspace_id": W,
        "account_id": "account-1",
        "category": "utility",
        "phone_hash": cipher.phone_hash(PHONE),
        "now": NOW,
    }
    return await fix_price(session, **(values | changes))


async def send_priced(
    session: Session, cipher: Cipher, *, phone: str = PHONE, now: datetime = NOW
) -> Message:
    """Write the intent to send a message at the price of now."""
    pricing = await decide(session, cipher, phone_hash=cipher.phone_hash(phone), now=now)
    return await add_message(
        session, cipher, new_message(pricing=pricing, category="utility", phone=phone, now=now)
    )


async def test_a_price_holds_from_its_day_until_the_next(session: Session) -> None:
    """Later prices never apply to earlier messages (R5.4 price)."""
    with pytest.raises(NoPrice):
        await find_price(session, "utility", NOW)
    await set_price(session, "utility", 30, valid_from=NOW - DAY)
    await set_price(session, "utility", 35, valid_from=NOW)
    await set_price(session, "utility", 40, valid_from=NOW + DAY)
    prices = [await find_price(session, "utility", NOW + after) for after in (-SECOND, 0 * DAY, DAY)]
    assert prices == [30, 35, 40]
    with pytest.raises(NoPrice):
        await find_price(session, "marketing", NOW)
    assert [rate.price_paise for rate in await list_rates(session)] == [40, 35, 30]


async def test_the_customers_window_may_decide(session: Session, cipher: Cipher) -> None:
    """Open from their message on for 24 hours, as for session messages (R5.4, R7.11)."""
    await add_workspace(session, workspace())
    await set_price(session, "utility", 35, valid_from=NOW - DAY)
    await set_price(session, "utility", 5, valid_from=NOW - DAY, window=Window.OPEN)
    assert (await decide(session, cipher)).paise == 35
    await note_inbound(session, "account-1", cipher.phone_hash(PHONE), NOW)
    inside, last, outside = [
        await decide(session, cipher, now=NOW + after) for after in (SECOND, DAY - SECOND, DAY)
    ]
    assert [(one.paise, one.window) for one in (inside, last, outside)] == [
        (5, Window.OPEN), (5, Window.OPEN), (35, Window.CLOSED),
    ]  # fmt: skip
    other = await decide(session, cipher, account_id="account-2", now=NOW + SECOND)
    assert other.window is Window.CLOSED
    found = await find_rate(session, "utility", NOW, is_inside_window=True)
    assert found is not None
    assert found.price_paise == 5


async def test_allowance_and_tiers_count_by_workspace_month_and_category(
    session: Session, cipher: Cipher
) -> None:
    """Each begins anew with the workspace's own month (R5.4 price)."""
    await add_workspace(session, workspace())
    await add_workspace(session, workspace(id="other"))
    tiers = (Tier(3, 30), Tier(4, 25))
    await set_price(session, "utility", 35, valid_from=NOW - DAY, free_monthly=1, tiers=tiers)
    await set_price(session, "marketing", 90, valid_from=NOW - DAY)
    assert [(await decide(session, cipher)).paise for _ in range(6)] == [0, 35, 35, 30, 25, 25]
    assert (await decide(session, cipher, category="marketing")).paise == 90
    assert (await decide(session, cipher, workspace_id="other")).paise == 0
    november_in_india = datetime(2026, 11, 30, 18, 29, tzinfo=UTC)
    assert (await decide(session, cipher, now=november_in_india)).paise == 25
    assert (await decide(session, cipher, now=november_in_india + timedelta(minutes=1))).paise == 0


async def test_the_count_is_exact_however_many_send_at_once(database: Database, cipher: Cipher) -> None:
    """Forty senders, ten of a month free, another price above twenty: each number is given once (R5.4 price)."""
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        await set_price(session, "utility", 35, valid_from=NOW, free_monthly=10, tiers=(Tier(20, 30),))

    async def one(number: int) -> PriceDecision:
        async with database.transaction() as session:
            return await decide(session, cipher, phone_hash=cipher.phone_hash(f"9199999{number:05}"))

    decided = await asyncio.gather(*(one(number) for number in range(40)))
    assert sorted(each.number for each in decided) == list(range(1, 41))
    assert Counter(each.paise for each in decided) == {0: 10, 35: 10, 30: 20}


async def test_a_place_of_what_was_refused_or_failed_is_taken_by_the_next(
    session: Session, cipher: Cipher
) -> None:
    """What costs nothing uses up no allowance; what is delivered after all does again (R5.4 price)."""
    await add_workspace(session, workspace())
    await set_price(session, "utility", 35, valid_from=NOW, free_monthly=2)
    sent = [await send_priced(session, cipher, phone=f"91999990000{number}") for number in range(2)]
    await record_outcome(session, sent[0].id, status=MessageStatus.REFUSED, now=NOW)
    await record_outcome(
        session, sent[1].id, status=MessageStatus.SUBMITTED, now=NOW, gupshup_message_id="gs-1"
    )
    await apply_status(session, status_report(MessageStatus.FAILED, gupshup_id="gs-1"))
    assert [(await decide(session, cipher)).is_allowance for _ in range(3)] == [True, True, False]
    await apply_status(session, status_report(MessageStatus.DELIVERED, gupshup_id="gs-1"))
    counted = (await session.execute(text("SELECT sent, free FROM usage_counters"))).one()
    assert tuple(counted) == (4, 3)


async def test_a_message_that_was_refused_is_priced_again_when_it_is_sent_again(
    session: Session, cipher: Cipher
) -> None:
    """It was not sent before; its month is that of the send, too (R5.4, F25)."""
    await add_workspace(session, workspace())
    await set_price(session, "utility", 35, valid_from=NOW)
    await set_price(session, "utility", 40, valid_from=NOW + 11 * DAY)
    message = await send_priced(session, cipher)
    await record_outcome(session, message.id, status=MessageStatus.REFUSED, now=NOW)
    later = NOW + 11 * DAY
    pricing = await decide(session, cipher, now=later)
    await restart_message(session, message.id, attempt=2, lease_until=later, now=later, pricing=pricing)
    (used,) = await list_usage(session, W, since=NOW, until=NOW + 12 * DAY)
    assert (used.price_paise, used.month_number, used.sent_at) == (40, 1, later)
    month = (await session.execute(text("SELECT month FROM usage"))).scalar_one()
    assert month == date(2026, 12, 1)


async def test_a_usage_row_names_the_rule_of_its_price(session: Session, cipher: Cipher) -> None:
    """Rate, window, tier, allowance and number, each as they were when it was sent (R5.4 price)."""
    await add_workspace(session, workspace(policy=replace(Policy(), timezone="America/New_York")))
    rate_id = await set_price(session, "utility", 35, valid_from=NOW, tiers=(Tier(1, 30),))
    at = datetime(2026, 12, 1, 4, 59, tzinfo=UTC)
    await send_priced(session, cipher, now=at)
    await send_priced(session, cipher, phone="919999900002", now=at + SECOND)
    await set_price(session, "utility", 99, valid_from=NOW)
    first, second = await list_usage(session, W, since=NOW, until=NOW + 20 * DAY)
    assert (first.rate_id, first.price_paise, first.tier_above, first.month_number) == (rate_id, 35, 0, 1)
    assert (second.rate_id, second.price_paise, second.tier_above, second.month_number) == (rate_id, 30, 1, 2)
    assert (second.customer_window, second.is_allowance) == ("closed", False)
    month = (await session.execute(text("SELECT DISTINCT month FROM usage"))).scalar_one()
    assert month == date(2026, 11, 1)


@pytest.mark.parametrize(
    "change",
    [
        "price_paise = 1",
        "account_id = 'account-2'",
        "outcome = 'unknown'",
        "is_charged = false, price_paise = 0",
    ],
)
async def test_usage_of_an_accepted_message_is_fixed(session: Session, cipher: Cipher, change: str) -> None:
    """Price, account and acceptance are never changed, whoever tries (R5.4, I7)."""
    await add_workspace(session, workspace())
    await set_price(session, "utility", 35, valid_from=NOW)
    message = await send_priced(session, cipher)
    await record_outcome(session, message.id, status=MessageStatus.SUBMITTED, now=NOW, gupshup_message_id="g")
    with pytest.raises(DBAPIError, match="usage of an accepted message is fixed"):
        async with session.begin_nested():
            await session.execute(text(f"UPDATE usage SET {change}"))  # noqa: S608 - the test's own words
    await session.execute(text("UPDATE usage SET phone_last4 = ''"))


_AS_BEFORE = text(  # as the release before 0007 writes each status: what counts is said anew
    "WITH moved AS (UPDATE messages SET status = :status WHERE id = CAST(:message_id AS uuid))"
    " UPDATE usage SET outcome = 'accepted', is_charged = :counts WHERE message_id = CAST(:message_id AS uuid)"
)


@pytest.mark.parametrize("is_closed", [False, True])
async def test_what_an_older_release_counts_is_booked(
    session: Session, cipher: Cipher, *, is_closed: bool
) -> None:
    """While both releases run, an older one's failure is a booking like ours, each fact once, in an open month."""  # F23 R5.4
    await add_workspace(session, workspace())
    await set_price(session, "utility", 35, valid_from=NOW)
    message = await send_priced(session, cipher)
    await record_outcome(session, message.id, status=MessageStatus.SUBMITTED, now=NOW, gupshup_message_id="g")
    if is_closed:
        await statements.close(
            session, W, date(2026, 11, 1), now=NOW + 20 * DAY, days=3, person="ops@eshopbox.example"
        )
    for status, counts in (("submitted", True), ("failed", False), ("failed", False)):
        await session.execute(_AS_BEFORE, {"status": status, "counts": counts, "message_id": message.id})
    used = (await list_usage(session, W, since=NOW, until=NOW + DAY))[0]
    booked = await list_of_message(session, W, message.id)
    month = date(2026, 12 if is_closed else 11, 1)
    assert used.is_charged
    assert [(one.reason, one.amount_paise, one.month >= month) for one in booked] == [("failed", -35, True)]
    assert (booked[0].month == date(2026, 11, 1)) is not is_closed
    delivered = status_report(MessageStatus.DELIVERED, gupshup_id="g", at=NOW + 20 * DAY)
    assert (await apply_status(session, delivered)).changed
    await session.execute(_AS_BEFORE, {"status": "read", "counts": True, "message_id": message.id})
    booked = await list_of_message(session, W, message.id)
    assert [one.amount_paise for one in booked] == [-35, 35]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE adjustments SET amount_paise = 0",
        "DELETE FROM adjustments",
        "UPDATE statements SET net_paise = 0",
        "DELETE FROM statements",
        "UPDATE rate_card SET price_paise = 0",
        "DELETE FROM rate_card",
        "UPDATE tax_rates SET basis_points = 0",
        "DELETE FROM usage",
    ],
)
@pytest.mark.parametrize("workspace_id", [None, W])
async def test_what_is_booked_can_only_be_added_to(
    database: Database, statement: str, workspace_id: str | None
) -> None:
    """The program has no right to change it, for one workspace or for all (R5.4, S28)."""
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.transaction(workspace_id) as session:
            await session.execute(text(statement))


async def test_a_rate_that_says_nothing_sensible_is_not_kept(session: Session) -> None:
    """No negative price, no two tiers above one number."""
    for wrong in ({"price_paise": -1}, {"free_monthly": -1}, {"tiers": (Tier(2, 1), Tier(2, 3))}):
        values: dict[str, Any] = {"price_paise": 1, "valid_from": NOW} | wrong
        with pytest.raises(ValueError, match=r"negative|tier"):
            await billing.set_price(session, "utility", **values)
