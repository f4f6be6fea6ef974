"""Money's daily round on the real database: done again it changes nothing (R5.4)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.billing import Billing
from activities.values import ClosedMonths, Reconciled, Round
from db.accounts import save_account
from db.billing import set_price
from db.encryption import Cipher
from db.messages import add_message
from db.reconciliation import BilledEvent, take_event
from db.session import Database
from db.statements import find_closed
from db.statuses import record_outcome
from db.workspaces import add_workspace
from domain.messages import MessageStatus
from tests.factories import NOW, PHONE, app_account, new_message, workspace

HOUR = timedelta(hours=1)


@pytest.fixture
def billing(database: Database) -> Callable[[datetime], Billing]:
    """The activities at a time."""

    def at(now: datetime) -> Billing:
        return Billing(database=database, clock=lambda: now, statement_days=5, reconciled_after=48)

    return at


async def test_a_round_matches_what_came_before_its_message_and_counts_what_differs(
    database: Database, cipher: Cipher, billing: Callable[[datetime], Billing]
) -> None:
    """One event that overtook the answer, one that proves an unknown send, one that is nobody's (R5.4, I7)."""
    unknown = "919999900002"
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        await save_account(session, cipher, app_account(), api_key="k", webhook_token="t", header_secret=None)
        await set_price(session, "utility", 35, valid_from=NOW)
        values = {"category": "utility", "now": NOW}
        early = await add_message(session, cipher, new_message(**values))
        for number, phone in enumerate((PHONE, unknown, "919999900003")):
            event = BilledEvent(
                account_id="account-1",
                event_key=f"billing:{number}",
                gupshup_id=f"gs-{number}",
                whatsapp_id=None,
                phone_hash=cipher.phone_hash(phone),
                is_billable=True,
                category="utility",
                at=NOW + HOUR,
            )
            await take_event(session, event)
        await record_outcome(
            session, early.id, status=MessageStatus.SUBMITTED, gupshup_message_id="gs-0", now=NOW + HOUR
        )
        lost = await add_message(session, cipher, new_message(**values, phone=unknown))
        await record_outcome(session, lost.id, status=MessageStatus.UNKNOWN, now=NOW)
    run = ActivityEnvironment().run
    later = billing(NOW + 72 * HOUR)
    assert await run(later.reconcile, Round()) == Reconciled(matched=2, adopted=1, differing=1)
    assert await run(later.reconcile, Round()) == Reconciled(matched=0, adopted=0, differing=1)


async def test_months_are_closed_when_they_are_due_and_once(
    database: Database, cipher: Cipher, billing: Callable[[datetime], Billing]
) -> None:
    """For each workspace by its own calendar (R5.4)."""
    async with database.transaction() as session:
        for slug in ("kapaskraft", "nakshi"):
            await add_workspace(session, workspace(id=slug))
            message = await add_message(session, cipher, new_message(workspace_id=slug))
            await record_outcome(
                session,
                message.id,
                status=MessageStatus.SUBMITTED,
                gupshup_message_id=f"gs-{slug}",
                now=NOW,
            )
    run = ActivityEnvironment().run
    due = datetime(2026, 12, 5, 18, 30, tzinfo=UTC)
    for now, count in ((due - timedelta(seconds=1), 0), (due, 2), (due + HOUR, 0)):
        assert await run(billing(now).close_months, Round()) == ClosedMonths(count)
    async with database.transaction() as session:
        closed = await find_closed(session, "nakshi", date(2026, 11, 1))
    assert closed is not None
    assert (closed.net_paise, closed.person) == (35, "reconciliation")
