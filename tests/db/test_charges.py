"""Statements: each message is charged or not for one reason, and every sum is the sum of its rows (R5.4)."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

from db.billing import set_price
from db.charges import (
    NotCharged,
    Price,
    Totals,
    each_row,
    list_exempt,
    list_lines,
    list_months,
    list_of_all_workspaces,
    list_prices,
    list_rows,
)
from db.encryption import Cipher
from db.messages import Message, add_message
from db.session import Database, Session
from db.statuses import StatusReport, apply_status, record_outcome
from db.workspaces import add_workspace
from domain.messages import MessageStatus
from tests.factories import NOW, new_message, workspace

W = "kapaskraft"
DAY = timedelta(days=1)
PERIOD: dict[str, Any] = {"since": NOW - DAY, "until": NOW + DAY}

OWNERS = {"eshopbox": "account-1", "client": "account-2"}
FATES = ("sending", "unknown", "refused", "submitted", "failed", "delivered", "read")
SORTS = (("failed_delivery", "template"), ("reminder", "template"), ("answer", "session"))


async def sent(session: Session, cipher: Cipher, fate: str, **changes: Any) -> Message:
    """Send a message that comes to something."""
    message = await add_message(session, cipher, new_message(**changes))
    if fate == "sending":
        return message
    is_taken = fate not in ("unknown", "refused")
    outcome = MessageStatus.SUBMITTED if is_taken else MessageStatus(fate)
    code, reason = ("1003", "wallet empty") if fate == "refused" else ("", "")
    message = await record_outcome(
        session,
        message.id,
        status=outcome,
        now=message.created_at,
        gupshup_message_id=f"gs-{message.id}" if is_taken else None,
        code=code,
        reason=reason,
    )
    if fate in ("failed", "delivered", "read"):
        report = StatusReport(
            account_id=message.account_id,
            status=MessageStatus(fate),
            gupshup_id=f"gs-{message.id}",
            code="131026" if fate == "failed" else "",
            reason="not on WhatsApp" if fate == "failed" else "",
            at=message.created_at,
        )
        await apply_status(session, report)
    return message


async def every_sort(session: Session, cipher: Cipher, workspace_id: str = W) -> int:
    """Send a message of every owner, price, fate and sort, some more than once, and return how many."""
    await add_workspace(session, workspace(id=workspace_id))
    count = 0
    for number, (owner, price, fate, (purpose, kind)) in enumerate(
        product(OWNERS, (0, 35, 40), FATES, SORTS)
    ):
        for repeat in range(1 + number % 3):
            count += 1
            await sent(
                session,
                cipher,
                fate,
                workspace_id=workspace_id,
                account_id=OWNERS[owner],
                account_owner=owner,
                price_paise=price,
                purpose=purpose,
                kind=kind,
                now=NOW + timedelta(seconds=number // 5 + repeat),
                phone=f"9199999{count:05}",
            )
    return count


async def test_every_sum_is_the_sum_of_its_rows(session: Session, cipher: Cipher) -> None:
    """Lines, totals, reasons, rows and what ops see say the same of messages of every sort."""
    count = await every_sort(session, cipher)
    lines = await list_lines(session, W, **PERIOD)
    totals = Totals.of(lines)
    rows = await list_rows(session, W, **PERIOD, limit=10_000)
    exempt = await list_exempt(session, W, **PERIOD)
    assert totals.messages == len(rows) == count
    assert totals.charged + totals.not_charged == totals.messages
    assert all(line.charged + line.not_charged == line.messages for line in lines)
    assert sum(each.messages for each in exempt) == totals.not_charged
    assert totals.charged == sum(row.is_charged for row in rows)
    assert totals.charged_paise == sum(row.charged_paise for row in rows)
    assert totals.failed == sum(row.status == "failed" for row in rows)
    assert totals.read == sum(row.status == "read" for row in rows)
    assert totals.delivered == sum(row.status in ("delivered", "read") for row in rows)
    for line in lines:
        of_line = [
            row
            for row in rows
            if (row.account_id, row.event, row.purpose, row.kind)
            == (line.account_id, line.event, line.purpose, line.kind)
        ]
        assert len(of_line) == line.messages
        assert sum(row.charged_paise for row in of_line) == line.charged_paise
        prices = [row.price_paise for row in of_line if row.is_charged]
        assert (line.lowest_paise, line.highest_paise) == (
            min(prices, default=None),
            max(prices, default=None),
        )
    (overall,) = await list_of_all_workspaces(session, **PERIOD)
    assert (overall.messages, overall.accepted, overall.failed, overall.charged, overall.charged_paise) == (
        totals.messages,
        totals.accepted,
        totals.failed,
        totals.charged,
        totals.charged_paise,
    )


async def test_only_what_was_taken_did_not_fail_and_had_a_price_is_charged(
    session: Session, cipher: Cipher
) -> None:
    """And only through the platform's account; of all else the reason is said (R5.4)."""
    await every_sort(session, cipher)
    rows = await list_rows(session, W, **PERIOD, limit=10_000)
    for row in rows:
        was_fine = row.status in ("submitted", "delivered", "read")
        assert row.is_charged == (was_fine and row.account_owner == "eshopbox" and row.price_paise > 0)
        assert row.charged_paise == (row.price_paise if row.is_charged else 0)
    expected: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if row.is_charged:
            continue
        fine = NotCharged.FREE if row.account_owner == "eshopbox" else NotCharged.OWN_ACCOUNT
        why = NotCharged(row.status.value) if row.status.value in set(NotCharged) else fine
        expected[why, row.account_owner, row.code] += 1
    exempt = await list_exempt(session, W, **PERIOD)
    assert {(each.why, each.account_owner, each.code): each.messages for each in exempt} == expected
    assert {each.reason for each in exempt if each.why is NotCharged.FAILED} == {"not on WhatsApp"}
    assert [each.messages for each in exempt] == sorted(expected.values(), reverse=True)


async def test_a_statement_is_of_one_workspace_time_and_account(session: Session, cipher: Cipher) -> None:
    """Its first instant belongs to it, its last one to the next."""  # I11
    await add_workspace(session, workspace())
    await add_workspace(session, workspace(id="other"))
    for workspace_id, account_id, after in (
        (W, "account-1", timedelta(0)),
        (W, "account-2", timedelta(0)),
        (W, "account-1", DAY),
        ("other", "account-1", timedelta(0)),
    ):
        changes = {"workspace_id": workspace_id, "account_id": account_id, "now": NOW + after}
        await sent(session, cipher, "read", **changes)
    day: dict[str, Any] = {"since": NOW, "until": NOW + DAY}
    assert Totals.of(await list_lines(session, W, **day)).messages == 2
    assert Totals.of(await list_lines(session, W, **day, account_id="account-2")).messages == 1
    assert len(await list_rows(session, W, **day, account_id="account-1")) == 1
    assert await list_exempt(session, W, **day, account_id="account-1") == ()
    assert Totals.of(()) == Totals()
    assert [each.workspace_id for each in await list_of_all_workspaces(session, **day)] == [W, "other"]


async def test_the_rows_of_a_statement_come_in_batches_each_once(database: Database, cipher: Cipher) -> None:
    """Oldest first, also those of one instant, in transactions of their own."""
    async with database.transaction() as session:
        count = await every_sort(session, cipher)
        await every_sort(session, cipher, "other")

    async def batches(size: int) -> AsyncIterator[tuple[str, ...]]:
        async for batch in each_row(database, W, **PERIOD, batch=size):
            yield tuple(row.message_id for row in batch)

    for size in (7, count, 1000):
        found = [batch async for batch in batches(size)]
        ids = [each for batch in found for each in batch]
        assert len(ids) == len(set(ids)) == count
        assert all(len(batch) == size for batch in found[:-1])
    assert [batch async for batch in each_row(database, W, since=NOW + DAY, until=NOW + 2 * DAY)] == []


async def test_months_are_those_of_the_workspaces_time_zone(session: Session, cipher: Cipher) -> None:
    """The last evening of October in UTC is November in India; a month without messages is left out."""
    assert await list_months(session, W, "Asia/Kolkata") == ()
    await add_workspace(session, workspace())
    for at in (datetime(2026, 8, 5, tzinfo=UTC), datetime(2026, 10, 31, 19, tzinfo=UTC)):
        await sent(session, cipher, "read", now=at)
    assert await list_months(session, W, "Asia/Kolkata") == (date(2026, 11, 1), date(2026, 8, 1))
    assert await list_months(session, W, "UTC") == (date(2026, 10, 1), date(2026, 8, 1))
    assert await list_months(session, "other", "UTC") == ()


async def test_the_prices_shown_are_those_that_applied(session: Session, cipher: Cipher) -> None:
    """From the one in force at the first message of the category; what was before it never applied."""
    for days, price in ((-30, 45), (-10, 40), (-1, 35), (5, 30)):
        await set_price(session, "utility", price, valid_from=NOW + days * DAY)
    await set_price(session, "marketing", 90, valid_from=NOW - 30 * DAY)
    await add_workspace(session, workspace())
    await sent(session, cipher, "read", now=NOW - 5 * DAY, category="utility")
    own = {"account_id": "account-2", "account_owner": "client"}
    await sent(session, cipher, "read", now=NOW, category="marketing", **own)
    assert await list_prices(session, W, until=NOW) == (
        Price("utility", NOW - DAY, 35, tiers=[]),
        Price("utility", NOW - 10 * DAY, 40, tiers=[]),
    )
    assert [price.price_paise for price in await list_prices(session, W, until=NOW + 9 * DAY)] == [30, 35, 40]
    assert await list_prices(session, "other", until=NOW) == ()


async def test_a_later_price_changes_no_earlier_charge(session: Session, cipher: Cipher) -> None:
    """The price stands with the message (R5.4)."""
    await add_workspace(session, workspace())
    await sent(session, cipher, "read", price_paise=35)
    before = await list_lines(session, W, **PERIOD)
    await set_price(session, "UTILITY", 99, valid_from=NOW - DAY)
    assert await list_lines(session, W, **PERIOD) == before
