"""Messages of the sender's own: once, inside the window, to nobody who opted out; no seller sees what is not theirs."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.account_messages import AccountMessages
from activities.values import AboutCase, AccountMessageTask, MessageResult, SampleMessageTask
from clients.gupshup import ListMessage, Refused, Unknown
from db import customers, installations, notifications, workspaces
from db.samples import save_samples
from db.session import Session
from domain.case_events import Purpose
from domain.messages import NotSent
from domain.wording import Option, SessionKind, SessionMessage
from tests.activities.conftest import NOTIFICATION, Shop
from tests.factories import NOW
from tests.holding import hold_template

STRANGER = "919999900077"
HELLO = AccountMessageTask(
    id="standard:account-1:m1",
    workspace_id=workspaces.PLATFORM,
    account_id="account-1",
    phone=STRANGER,
    purpose=Purpose.STANDARD_ANSWER,
    message=SessionMessage(SessionKind.TEXT, "Thank you"),
    language="en",
)
WHICH = replace(
    HELLO,
    id="which:account-1:m1",
    purpose=Purpose.WHICH_ORDER,
    message=SessionMessage(
        SessionKind.LIST,
        "Which one?",
        header="Your delivery",
        button="Choose an order",
        options=(Option("about:c1:7", "Order KK1001", "KapasKraft"), Option("about:c2:7", "Order KK2002")),
    ),
)


async def _rows(shop: Shop, statement: str) -> list[tuple[object, ...]]:
    async with shop.database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def _send(
    shop: Shop, task: AccountMessageTask, *, heard: timedelta | None = timedelta()
) -> MessageResult:
    messages = AccountMessages(
        database=shop.database, cipher=shop.cipher, gupshup=shop.gupshup, clock=lambda: NOW
    )
    if heard is not None:
        phone_hash = shop.cipher.phone_hash(task.phone)
        await shop.change(
            lambda session: customers.note_inbound(session, "account-1", phone_hash, NOW - heard)
        )
    result: MessageResult = await ActivityEnvironment().run(messages.send, task)
    return result


async def test_stranger_is_answered_once_and_it_is_on_the_books(shop: Shop) -> None:
    """R7.5, I5, I7: one message, one usage row of the account whose key was used; on no order's activity."""
    for _ in range(2):
        assert (await _send(shop, HELLO)).is_accepted
    (sent,) = shop.gupshup.sent
    assert sent.destination == STRANGER
    rows = await _rows(
        shop,
        "SELECT m.workspace_id, m.purpose, m.status, u.account_id, u.outcome FROM messages m"
        " JOIN usage u ON u.message_id = m.id",
    )
    assert rows == [(workspaces.PLATFORM, "standard_answer", "submitted", "account-1", "accepted")]
    assert not await _rows(shop, "SELECT 1 FROM timeline")


async def test_list_of_orders_has_references_that_cannot_be_guessed(shop: Shop) -> None:
    """S4: each row stands for one order and the message that was unclear."""
    assert (await _send(shop, WHICH)).is_accepted
    message = shop.gupshup.sent[0].message
    assert isinstance(message, ListMessage)
    assert len({row.postback for row in message.rows}) == 2
    assert all(len(row.postback) >= 32 for row in message.rows)
    rows = await _rows(shop, "SELECT choice, case_id FROM reply_references ORDER BY choice")
    assert rows == [("about:c1:7", None), ("about:c2:7", None)]


async def test_question_of_one_seller_is_on_the_orders_activity(shop: Shop) -> None:
    """R5.3: each message is shown where it belongs to one seller's order."""
    about = AboutCase(shop.facts.case_id, "KK1001", "SHIP1001", "TRK1001")
    task = replace(WHICH, workspace_id="kapaskraft", about=about)
    assert (await _send(shop, task)).is_accepted
    rows = await _rows(shop, "SELECT workspace_id, order_id, topic FROM timeline")
    assert ("kapaskraft", "KK1001", "which_order") in rows


@pytest.mark.parametrize(("heard", "why"), [(None, NotSent.WINDOW), (timedelta(hours=24), NotSent.WINDOW)])
async def test_nothing_is_said_outside_the_window(shop: Shop, heard: timedelta | None, why: NotSent) -> None:
    """R7.11, I6."""
    assert (await _send(shop, HELLO, heard=heard)).why is why
    assert not shop.gupshup.sent


async def test_nothing_is_said_to_who_opted_out(shop: Shop) -> None:
    """R5.5, I6."""
    phone_hash = shop.cipher.phone_hash(STRANGER)
    await shop.change(
        lambda session: customers.set_opt_out(
            session, "account-1", phone_hash, opted_out=True, at=NOW, proof="stop"
        )
    )
    assert (await _send(shop, HELLO)).why is NotSent.OPTED_OUT
    assert not shop.gupshup.sent


async def test_sellers_message_needs_the_sellers_account(shop: Shop) -> None:
    """R3.3: uninstalled meanwhile, nothing is sent."""
    await shop.change(
        lambda session: installations.uninstall(session, "kapaskraft", "account-1", person="seller", now=NOW)
    )
    assert (await _send(shop, replace(HELLO, workspace_id="kapaskraft"))).why is NotSent.ACCOUNT_REMOVED


async def test_unknown_outcome_is_not_sent_again_and_a_refused_one_is(shop: Shop) -> None:
    """I5, F28: as for every message."""
    shop.gupshup.answers.append(Unknown("cut"))
    assert (await _send(shop, HELLO)).is_unknown
    assert (await _send(shop, HELLO)).is_unknown
    assert len(shop.gupshup.sent) == 1
    again = replace(HELLO, id="standard:account-1:m2")
    shop.gupshup.answers.append(Refused("429", "Too Many Requests", retryable=True, cls="throttled"))
    with pytest.raises(ApplicationError) as raised:
        await _send(shop, again)
    assert raised.value.type == "Throttled"
    assert (await _send(shop, again)).is_accepted


SAMPLE = SampleMessageTask(
    id="sample:kapaskraft:1",
    workspace_id="kapaskraft",
    account_id="account-1",
    phone=STRANGER,
    event="failed_delivery",
    language="en",
)


async def _send_sample(shop: Shop, task: SampleMessageTask = SAMPLE) -> MessageResult:
    messages = AccountMessages(
        database=shop.database, cipher=shop.cipher, gupshup=shop.gupshup, clock=lambda: NOW
    )
    result: MessageResult = await ActivityEnvironment().run(messages.send_sample, task)
    return result


async def test_a_test_is_one_message_with_sample_values_at_its_price(shop: Shop) -> None:
    """I5, I7, R5.4: like any message, and without the customer having written before; of no case."""
    await shop.change(lambda session: save_samples(session, {"customer_name": "Kavita Shah"}))
    for _ in range(2):
        assert (await _send_sample(shop)).is_accepted
    (sent,) = shop.gupshup.sent
    assert (sent.destination, sent.template_id) == (STRANGER, "template-1")
    assert sent.params == ("Kavita Shah", "Handloom cotton kurta")
    rows = await _rows(
        shop,
        "SELECT m.case_id, m.purpose, m.event, m.kind, u.category, u.price_paise, u.outcome FROM messages m"
        " JOIN usage u ON u.message_id = m.id",
    )
    assert rows == [(None, "test", "failed_delivery", "template", "utility", 35, "accepted")]
    assert not await _rows(shop, "SELECT 1 FROM timeline")


async def test_taps_on_a_test_belong_to_no_case(shop: Shop) -> None:
    """S4: each button has a reference, so that a tap cannot be taken for an answer about a real parcel."""
    await _send_sample(shop)
    assert all(shop.gupshup.sent[0].postbacks)
    rows = await _rows(shop, "SELECT choice, case_id FROM reply_references ORDER BY choice")
    assert rows == [("options", None), ("reattempt", None)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda session: hold_template(session, "account-1", "template-1", "template paused"),
            NotSent.TEMPLATE,
        ),
        (
            lambda session: installations.uninstall(
                session, "kapaskraft", "account-1", person="seller", now=NOW
            ),
            NotSent.ACCOUNT_REMOVED,
        ),
        (
            lambda session: notifications.save_notification(
                session, replace(NOTIFICATION, params=(notifications.Param("invoice_of_old"),))
            ),
            NotSent.MISSING_VALUE,
        ),
    ],
    ids=["held", "uninstalled", "no value"],
)
async def test_a_test_is_forbidden_by_what_forbids_any_message(
    shop: Shop, change: Callable[[Session], Awaitable[object]], why: NotSent
) -> None:
    """I6, R4.8: nothing goes out."""
    await shop.change(change)
    assert (await _send_sample(shop)).why is why
    assert not shop.gupshup.sent


async def test_a_test_goes_to_nobody_who_opted_out(shop: Shop) -> None:
    """R5.5, I6: not even when the seller says that it is their own phone."""
    phone_hash = shop.cipher.phone_hash(STRANGER)
    await shop.change(
        lambda session: customers.set_opt_out(
            session, "account-1", phone_hash, opted_out=True, at=NOW, proof="stop"
        )
    )
    assert (await _send_sample(shop)).why is NotSent.OPTED_OUT
