"""What staff read of money: every workspace's month, what differs from Gupshup's bill, rates with their scope (R5.4)."""

from datetime import date, datetime, timedelta

import pytest

from db.billing import set_price
from db.messages import add_message
from db.reconciliation import BilledEvent, take_event
from db.statements import close
from db.statuses import record_outcome
from domain.billing import Tier, Window
from domain.messages import MessageStatus
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody
from tests.api.portal.test_charges import rows
from tests.factories import NOW, PHONE, new_message
from tests.intake.stage import ACCOUNT


@pytest.fixture
async def outside(outside: Outside) -> Outside:
    """The app in the middle of a month."""
    outside.stage.clock.now = NOW
    return outside


async def send(
    outside: Outside,
    status: MessageStatus = MessageStatus.SUBMITTED,
    *,
    workspace_id: str = "kapaskraft",
    now: datetime = NOW,
) -> None:
    """Send a message that comes to something."""
    async with outside.stage.database.transaction() as session:
        new = new_message(workspace_id=workspace_id, account_id=ACCOUNT, category="utility", now=now)
        message = await add_message(session, outside.stage.cipher, new)
        gupshup_id = f"gs-{message.id}" if status is MessageStatus.SUBMITTED else None
        await record_outcome(session, message.id, status=status, now=now, gupshup_message_id=gupshup_id)


async def test_staff_see_every_workspaces_month(staff: Somebody, outside: Outside) -> None:
    """The dearest first, with how its statement stands; another month says that nothing was sent."""  # R5.4 statement
    october = NOW - timedelta(days=30)
    for _ in range(2):
        await send(outside, workspace_id="nakshi", now=october)
    await send(outside, now=october)
    async with outside.stage.database.transaction() as session:
        await close(session, "nakshi", date(2026, 10, 1), now=NOW, days=5, person="meera")
    await (await staff.open("/ops/attention")).follow("Charges")
    assert "No charges in November 2026" in staff.words
    assert "Nothing differs from Gupshup's bill" in staff.words
    await staff.press("Show", month="2026-10")
    assert [row[2:] for row in rows(staff, "Workspaces, October 2026")] == [
        ["₹0.70", "₹0.00", "₹0.70", "Closed Fri 20 Nov, taxes ₹0.00"],
        ["₹0.35", "₹0.00", "₹0.35", "Open"],
    ]
    assert "All workspaces, before taxes ₹1.05" in staff.words
    for nowhere in ("/ops/charges?month=2026-13", "/ops/charges?month=x"):
        assert (await staff.open(nowhere)).answer.status_code == 404


async def test_staff_see_what_differs_from_gupshups_bill(staff: Somebody, outside: Outside) -> None:
    """Once the hours are over that Gupshup may take; whose message, how far it came, what is charged."""  # R5.4 reconciliation
    for hours in (47, 49):
        at = NOW - timedelta(hours=hours)
        await send(outside, now=at)
        await send(outside, MessageStatus.UNKNOWN, now=at)
        event = BilledEvent(
            account_id=ACCOUNT,
            event_key=f"billing:{hours}",
            gupshup_id=f"gs-theirs-{hours}",
            whatsapp_id=None,
            phone_hash=outside.stage.cipher.phone_hash("919999900077"),
            is_billable=True,
            category="utility",
            at=at,
        )
        async with outside.stage.database.transaction() as session:
            await take_event(session, event)
    await staff.open("/ops/charges")
    assert [row[:5] for row in rows(staff, "Differs")] == [
        [
            "Nobody knows whether Gupshup took it",
            "Order KK1001 kapaskraft",
            "utility · unknown",
            "Nothing heard",
            "₹0.00",
        ],
        [
            "Billed, and none of our messages",
            "Gupshup's id gs-theirs-49 ExampleStore",
            "–",
            "Billed as utility",
            "₹0.00",
        ],
        [
            "Accepted, and not billed",
            "Order KK1001 kapaskraft",
            "utility · submitted",
            "Nothing heard",
            "₹0.35",
        ],
    ]
    assert PHONE not in staff.words
    assert "Shown: 3." in staff.words


async def test_rates_say_for_which_messages_they_are(staff: Somebody, outside: Outside) -> None:
    """Window, allowance and tiers; one for each window may be in force at once."""  # R5.4 price
    now = outside.stage.clock()
    async with outside.stage.database.transaction() as session:
        await set_price(
            session,
            "utility",
            35,
            valid_from=now - timedelta(days=9),
            free_monthly=1000,
            tiers=(Tier(10_000, 30),),
        )
        await set_price(session, "utility", 5, valid_from=now - timedelta(days=5), window=Window.OPEN)
        await set_price(session, "utility", 99, valid_from=now - timedelta(days=10))
    await staff.open("/ops/rates")
    assert [[row[0], row[1], row[3]] for row in rows(staff, "Every price")] == [
        ["Utility customer wrote in the 24 h before", "₹0.05", "In force"],
        ["Utility first 1,000 of a month free, ₹0.30 above 10,000 in a month", "₹0.35", "In force"],
        ["Utility", "₹0.99", "Past"],
    ]
    assert rows(staff, "In force now")[0][1] == "₹0.35"
