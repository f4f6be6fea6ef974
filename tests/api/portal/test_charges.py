"""Charges: a month's statement per notification and account, what was not charged, prices, and the same as CSV (R5.4)."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db import acceptances, accounts, audit
from db.acceptances import Acceptance
from db.adjustments import book_by_hand
from db.billing import list_usage, set_price
from db.people import Role
from db.statements import close, set_tax
from db.statuses import StatusReport, apply_status
from domain.billing import TaxRate
from domain.messages import MessageStatus
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody, signed_in
from tests.db.test_charges import sent
from tests.factories import app_account
from tests.intake.stage import ACCOUNT

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
Sent = Callable[..., Awaitable[None]]


@pytest.fixture
async def outside(outside: Outside) -> Outside:
    """The app in the middle of a month."""
    outside.stage.clock.now = NOW
    return outside


@pytest.fixture
def send(outside: Outside) -> Sent:
    """Send messages that come to something."""
    count = iter(range(10_000))

    async def some(fate: str, number: int = 1, **changes: Any) -> None:
        async with outside.stage.database.transaction() as session:
            for _ in range(number):
                values = {
                    "workspace_id": "kapaskraft",
                    "account_id": ACCOUNT,
                    "account_owner": "eshopbox",
                    "event": "failed_delivery",
                    "price_paise": 35,
                    "phone": f"9199999{next(count):05}",
                    "now": NOW - timedelta(days=1),
                }
                await sent(session, outside.stage.cipher, fate, **(values | changes))

    return some


def rows(who: Somebody, heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading."""
    for card in who.page.select("section.card"):
        title = card.find("h2")
        if title is not None and title.get_text(strip=True).startswith(heading):
            return [
                [" ".join(each.get_text(" ").split()) for each in row.find_all(["th", "td"])]
                for row in card.select("tbody tr, tfoot tr")
            ]
    raise AssertionError(f"no table “{heading}”")


async def test_statement_counts_each_notification_and_account(
    owner: Somebody, outside: Outside, send: Sent
) -> None:
    """Per event and account: accepted, delivered, read, failed, price and charge, and their sum."""  # R5.4 statement
    own = app_account(
        id="account-2", owner="client", workspace_id="kapaskraft", app_id="app-2", phone="918047100021"
    )
    async with outside.stage.database.transaction() as session:
        await accounts.save_account(
            session, outside.stage.cipher, own, api_key="key-2", webhook_token="token-2", header_secret=""
        )
    await send("read", 2)
    await send("delivered", price_paise=40)
    await send("failed", 3)
    await send("refused")
    await send("read", purpose="reminder")
    await send("read", 4, account_id="account-2", account_owner="client", event="created", purpose="created")
    await owner.open("/charges")
    assert rows(owner, "Statement, 1 to 20 November 2026") == [
        ["Failed delivery", "6", "3", "2", "3", "₹0.35 to ₹0.40", "₹1.10"],
        ["Reminder, failed delivery", "1", "1", "1", "0", "₹0.35", "₹0.35"],
        ["Total before GST", "7", "4", "3", "3", "", "₹1.45"],
    ]
    assert rows(owner, "Your own account") == [
        ["Created", "4", "4", "4", "0"],
        ["Total", "4", "4", "4", "0"],
    ]
    assert rows(owner, "Not charged") == [
        ["Sent through your own account: Gupshup bills it", "4"],
        ["WhatsApp cannot deliver to this customer", "3"],
        ["The Gupshup wallet is empty", "1"],
    ]
    assert "To pay, before GST ₹1.45" in owner.words
    assert "+91 80471 00021" in owner.words
    await owner.press("Show", account="client")
    assert "Statement, 1 to 20" not in owner.words
    assert rows(owner, "Your own account")[0][0] == "Created"


async def test_month_begins_at_the_workspaces_midnight(owner: Somebody, send: Sent) -> None:
    """The last minute of October in India is October's, whatever UTC says."""  # R5.4 statement
    midnight = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    await send("read", now=midnight - timedelta(minutes=1))
    await send("read", 2, now=midnight)
    await owner.open("/charges")
    assert rows(owner, "Statement")[-1][1] == "2"
    options = [each.get_text() for each in owner.page.select("#month option")]
    assert options == ["November 2026, so far", "October 2026"]
    await owner.press("Show", month="2026-10")
    assert rows(owner, "Statement, 1 to 31 October 2026")[-1][1] == "1"


async def test_bill_has_corrections_taxes_and_whether_it_still_changes(
    owner: Somebody, outside: Outside, send: Sent
) -> None:
    """Open it says when it is closed; closed it is the same whatever comes, and that stands in the next month."""  # R5.4 statement
    in_october = datetime(2026, 10, 20, tzinfo=UTC)
    await send("submitted", 3, now=in_october)
    async with outside.stage.database.transaction() as session:
        await set_tax(session, TaxRate("GST", 1800, date(2026, 1, 1)))
    await owner.open("/charges?month=2026-10")
    assert "It still changes" in owner.words
    assert "closed on Fri 6 Nov" in owner.words
    october = [
        ["Messages of the month", "₹1.05"],
        ["Total before taxes", "₹1.05"],
        ["GST, 18%", "₹0.19"],
        ["To pay", "₹1.24"],
    ]
    assert rows(owner, "What October 2026 comes to") == october
    async with outside.stage.database.transaction() as session:
        await close(session, "kapaskraft", date(2026, 10, 1), now=NOW, days=5, person="meera")
        found = await list_usage(session, "kapaskraft", since=in_october, until=NOW)
        for used in found[:2]:
            failed = StatusReport(
                account_id=ACCOUNT, status=MessageStatus.FAILED, gupshup_id=f"gs-{used.message_id}", at=NOW
            )
            await apply_status(session, failed)
        await book_by_hand(session, "kapaskraft", -10, key="k", detail="Goodwill", person="meera", at=NOW)
    await owner.open("/charges?month=2026-10")
    assert "Closed on Fri 20 Nov. It does not change any more" in owner.words
    assert rows(owner, "What October 2026 comes to") == october
    await owner.open("/charges")
    assert rows(owner, "What November 2026 comes to") == [
        ["Messages of the month", "₹0.00"],
        ["Booked by Eshopbox Goodwill", "−₹0.10"],
        ["Could not be delivered after all Sent in October 2026, 2 messages", "−₹0.70"],
        ["Total before taxes", "−₹0.80"],
        ["GST, 18%", "−₹0.14"],
        ["To pay", "−₹0.94"],
    ]
    assert "To pay, before GST −₹0.80" in owner.words
    await owner.press("Show", account="client")
    assert "comes to" not in owner.words


async def test_month_without_messages_says_what_one_would_cost(owner: Somebody, outside: Outside) -> None:
    """Nothing sent: no table, the price in force and the way on."""
    async with outside.stage.database.transaction() as session:
        await set_price(session, "utility", 35, valid_from=NOW - timedelta(days=90))
    await owner.open("/charges")
    assert "No messages in November 2026" in owner.words
    assert "costs ₹0.35 before GST" in owner.words
    assert owner.page.find("table") is None


async def test_prices_are_shown_with_who_accepted_them(owner: Somebody, outside: Outside, send: Sent) -> None:
    """Each price since the first message, newest first, and who accepted it for what."""  # R5.4 statement
    async with outside.stage.database.transaction() as session:
        await set_price(session, "UTILITY", 40, valid_from=NOW - timedelta(days=90))
        await set_price(session, "UTILITY", 35, valid_from=NOW - timedelta(days=30))
        await acceptances.add_acceptance(
            session,
            Acceptance(
                "kapaskraft",
                ACCOUNT,
                "failed_delivery",
                "UTILITY",
                40,
                "<i>Meera</i> Iyer <meera@kapaskraft.example>",
                NOW - timedelta(days=80),
            ),
        )
    await send("read", now=NOW - timedelta(days=60))
    await owner.open("/charges?month=2026-11")
    assert rows(owner, "Prices") == [
        ["Utility, Wed 21 Oct", "₹0.35"],
        [
            "Utility, Sat 22 Aug Failed delivery: accepted by <i>Meera</i> Iyer, Tue 1 Sep, 12:00",
            "₹0.40",
        ],
    ]


async def test_file_has_every_message_and_no_phone(owner: Somebody, outside: Outside, send: Sent) -> None:
    """One row for each message; no number of a customer; formulas are text; who took it is recorded."""  # R5.4 statement, S24
    await send("read", order_id='=HYPERLINK("http://x")', phone="919999900001")
    await send("failed", phone="919999900002")
    await send("read", now=NOW - timedelta(days=40))
    await owner.open("/charges")
    await owner.follow("Download CSV")
    answer = owner.answer
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    disposition = 'attachment; filename="charges-kapaskraft-2026-11.csv"'
    assert answer.headers["content-disposition"] == disposition
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "99999" not in answer.text
    found = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert sorted((row["Notification"], row["Status"], row["Charged in rupees"]) for row in found) == [
        ("Failed delivery", "failed", "0.00"),
        ("Failed delivery", "read", "0.35"),
    ]
    assert min(row["Order"] for row in found) == '\'=HYPERLINK("http://x")'
    assert {row["Reason"] for row in found} == {"", "WhatsApp cannot deliver to this customer"}
    assert all(row["Sent at"].endswith("+05:30") for row in found)
    async with outside.stage.database.transaction() as session:
        (record, *_) = await audit.list_records(session, "kapaskraft")
    assert (record.action, record.subject, record.detail) == ("charges.exported", "2026-11", "Both accounts")


async def test_sixth_file_of_a_minute_waits(owner: Somebody, outside: Outside) -> None:
    """Five files a minute for each person."""  # S26
    for _ in range(5):
        await owner.open("/charges.csv")
        assert owner.answer.status_code == 200
    await owner.open("/charges.csv")
    assert owner.answer.status_code == 429
    assert "Too many downloads" in owner.words
    assert int(owner.answer.headers["retry-after"]) <= 60
    colleague = await signed_in(outside, "kapaskraft", Role.MEMBER)
    await colleague.open("/charges.csv")
    assert colleague.answer.status_code == 200
    outside.stage.clock.pass_by(seconds=61)
    await owner.open("/charges.csv")
    assert owner.answer.status_code == 200


async def test_another_workspaces_messages_are_nowhere(owner: Somebody, outside: Outside, send: Sent) -> None:
    """A statement and its file hold the workspace's own messages."""  # I11
    await send("read", order_id="KK-SECRET")
    other = await signed_in(outside, "nakshi")
    await other.open("/charges")
    assert "No messages" in other.words
    await other.open("/charges.csv")
    assert "KK-SECRET" not in other.answer.text


@pytest.mark.parametrize("query", ["month=2026-13", "month=x", "month=1999-01", "account=app-2"])
@pytest.mark.parametrize("path", ["/charges", "/charges.csv"])
async def test_address_of_no_month_is_no_page(owner: Somebody, path: str, query: str) -> None:
    """What was typed into the address and means nothing is not found."""
    await owner.open(f"{path}?{query}")
    assert owner.answer.status_code == 404
