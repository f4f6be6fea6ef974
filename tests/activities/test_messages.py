"""Sending: once, only what is allowed now, and charged to whom it belongs."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.sending import wire_message
from activities.values import MessageResult
from clients.gupshup import Accepted, ButtonsMessage, ListMessage, Refused, TextMessage, Unknown
from db import (
    accounts,
    cases,
    customers,
    installations,
    messages,
    notifications,
    references,
    statuses,
    suppressions,
)
from db.encryption import digest
from db.locks import serialize
from db.session import Session, TryAgain
from domain.case_events import Purpose
from domain.connecting import KEY_LOST
from domain.consent import Scope
from domain.messages import MessageStatus, NotSent
from domain.timing import Policy
from domain.wording import Option, SessionKind, SessionMessage
from tests.activities.conftest import NOTIFICATION, Died, Shop
from tests.domain.given import Talk, some_facts
from tests.factories import NOW, PHONE, app_account, case_facts
from tests.holding import hold_template

_TEXT = SessionMessage(SessionKind.TEXT, "Done.")
_THROTTLED = Refused("429", "too many", retryable=True, retry_after=7.0, cls="throttled")


async def test_template_is_sent_once_with_its_values(shop: Shop) -> None:  # R5.1, I7
    """One request, one message, one usage record, one line on the order's activity."""
    result = await shop.send_template()
    assert result.is_accepted
    (sent,) = shop.gupshup.sent
    assert (sent.destination, sent.template_id, sent.params) == (
        PHONE,
        "template-1",
        ("Asha Rao", "Cotton kurta"),
    )
    assert (sent.credentials.api_key, sent.credentials.source) == ("key-1", "918047100020")
    (message,) = await shop.stored_messages()
    assert (message.status, message.gupshup_message_id) == (MessageStatus.SUBMITTED, "gs-1")
    (usage,) = await shop.stored_usage()
    assert (usage.message_id, usage.outcome, usage.price_paise) == (message.id, "accepted", 35)
    assert await shop.topics() == ["failed_delivery"]


async def test_links_of_a_template_keep_their_places_and_answer_nothing(shop: Shop) -> None:  # S4, R6.3
    """Gupshup counts all buttons: with a link first, a reference still belongs to the reply it was made for."""
    buttons = (
        notifications.Button("Track parcel", "", "url"),
        notifications.Button("Try again", "reattempt", "quick_reply"),
        notifications.Button("Call us", "", "phone"),
        notifications.Button("See all options", "options", "quick_reply"),
    )
    await shop.change(
        lambda session: notifications.save_notification(session, replace(NOTIFICATION, buttons=buttons))
    )
    await shop.send_template()
    (sent,) = shop.gupshup.sent
    assert [bool(postback) for postback in sent.postbacks] == [False, True, False, True]
    async with shop.database.transaction() as session:
        found = [await references.find_reference(session, digest(token)) for token in sent.postbacks if token]
    assert [(each.choice, each.title) for each in found if each] == [
        ("reattempt", "Try again"),
        ("options", "See all options"),
    ]


async def test_row_from_before_kinds_were_kept_has_quick_replies_only(shop: Shop) -> None:
    """What was stored as label and choice still answers."""
    stored = json.dumps([{"label": "Try again", "choice": "reattempt"}])
    async with shop.database.transaction() as session:
        await session.execute(
            text("UPDATE notifications SET buttons = CAST(:buttons AS jsonb)"), {"buttons": stored}
        )
    await shop.send_template()
    (sent,) = shop.gupshup.sent
    assert len(sent.postbacks) == 1
    assert sent.postbacks[0]


async def test_message_is_kept_with_its_template_and_what_filled_it(shop: Shop) -> None:  # R5.2, S24
    """A page can draw the template's bold and never a value's."""
    marked = replace(NOTIFICATION, body="Hi *{{1}}*, we could not deliver {{2}}.")
    await shop.change(lambda session: notifications.save_notification(session, marked))
    await shop.send_template()
    (message,) = await shop.stored_messages()
    kept = await shop.change(
        lambda session: messages.get_content(session, shop.cipher, "kapaskraft", message.id)
    )
    assert kept.content["body"] == "Hi *Asha Rao*, we could not deliver Cotton kurta."
    assert (kept.content["template"], kept.content["params"]) == (marked.body, ["Asha Rao", "Cotton kurta"])
    assert kept.content["buttons"] == ["Try again", "See all options"]
    assert kept.content["button_kinds"] == ["quick_reply", "quick_reply"]


async def test_same_command_again_is_the_same_message(shop: Shop) -> None:  # I5
    """Whatever asks again gets the answer that is known."""
    await shop.send_template()
    assert (await shop.send_template(attempt=2)).is_accepted
    assert len(shop.gupshup.sent) == len(await shop.stored_messages()) == len(await shop.stored_usage()) == 1


@pytest.mark.parametrize(
    ("dies", "sent", "accepted"),
    [
        pytest.param((1, "before"), 0, True, id="before the intent is committed"),
        pytest.param((1, "after"), 0, False, id="before the request"),
        pytest.param(None, 1, False, id="during the request"),
        pytest.param((2, "before"), 1, False, id="before the answer is recorded"),
        pytest.param((2, "after"), 1, True, id="after the answer is recorded"),
    ],
)
async def test_dead_attempt_is_never_followed_by_a_second_message(
    shop: Shop, dies: tuple[int, Literal["before", "after"]] | None, sent: int, *, accepted: bool
) -> None:  # I5, F4
    """Found half done means that nobody knows; what surely did not begin is sent, what is recorded is known."""
    shop.database.dies = dies
    if dies is None:
        shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_template()
    assert len(shop.gupshup.sent) == sent
    shop.database.dies = None
    result = await shop.send_template(attempt=2)
    assert (result.is_accepted, result.is_unknown) == (accepted, not accepted)
    assert len(shop.gupshup.sent) == (1 if accepted else sent)
    (message,) = await shop.stored_messages()
    assert message.status is (MessageStatus.SUBMITTED if accepted else MessageStatus.UNKNOWN)
    (usage,) = await shop.stored_usage()
    assert usage.outcome == ("accepted" if accepted else "unknown")


async def test_message_that_gupshup_did_not_take_is_tried_again_as_the_same(shop: Shop) -> None:  # F25
    """Surely refused, so it may go out again: still one message and one usage record, and Gupshup's pause is kept."""
    shop.gupshup.answers.append(_THROTTLED)
    with pytest.raises(ApplicationError) as throttled:
        await shop.send_template()
    assert (throttled.value.type, throttled.value.next_retry_delay) == ("Throttled", timedelta(seconds=7))
    assert not throttled.value.non_retryable
    (usage,) = await shop.stored_usage()
    assert (usage.outcome, usage.is_charged) == ("refused", False)
    assert (await shop.send_template(attempt=2)).is_accepted
    (message,) = await shop.stored_messages()
    assert message.status is MessageStatus.SUBMITTED
    (usage,) = await shop.stored_usage()
    assert usage.outcome == "accepted"
    first, second = shop.gupshup.sent
    assert not set(first.postbacks) & set(second.postbacks)


async def test_template_after_one_that_was_left_half_done_is_not_sent(shop: Shop) -> None:  # I5, F4
    """An activity that ran out of time is followed by another command soon: the customer may have the message."""
    shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_template(1)
    shop.now += timedelta(minutes=3)
    assert (await shop.send_template(2)).is_unknown
    assert len(shop.gupshup.sent) == 1
    (first,) = await shop.stored_messages()
    assert first.status is MessageStatus.UNKNOWN
    shop.now += timedelta(hours=4)
    assert (await shop.send_template(3, purpose=Purpose.REMINDER)).is_accepted


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Refused("400", "Invalid Destination", retryable=False, cls="recipient"), NotSent.RECIPIENT),
        (Refused("401", "Authentication Failed", retryable=False, cls="account"), NotSent.ACCOUNT),
        (Refused("400", "Invalid App Details", retryable=False, cls="account"), NotSent.ACCOUNT),
        (Refused("400", "something new", retryable=False), NotSent.OURS),
    ],
    ids=["recipient", "key", "app", "ours"],
)
async def test_refusal_for_good_says_whose_it_is(shop: Shop, answer: Refused, why: NotSent) -> None:  # R6.10
    """It is a result, not an error: nothing is retried."""
    shop.gupshup.answers.append(answer)
    result = await shop.send_template()
    assert (result.is_accepted, result.is_unknown, result.why) == (False, False, why)
    (message,) = await shop.stored_messages()
    assert message.status is MessageStatus.REFUSED


async def test_account_whose_key_was_refused_is_asked_once_in_five_minutes(shop: Shop) -> None:  # F34
    """Its seller sees why; messages in between are refused unasked, and the first accepted one lets all go on."""
    refused = Refused("401", "Authentication Failed", retryable=False, cls="account")
    shop.gupshup.answers.append(refused)
    assert (await shop.send_template()).why is NotSent.ACCOUNT
    assert await _attention(shop) == KEY_LOST
    for number in (2, 3):
        assert (await shop.send_template(number)).why is NotSent.ACCOUNT
    assert len(shop.gupshup.sent) == 1
    shop.now += timedelta(minutes=5)
    shop.gupshup.answers.append(refused)
    assert (await shop.send_template(2, attempt=2)).why is NotSent.ACCOUNT
    assert len(shop.gupshup.sent) == 2
    shop.now += timedelta(minutes=5)
    assert (await shop.send_template(2, attempt=3)).is_accepted
    assert await _attention(shop) == ""
    assert (await shop.send_template(3, attempt=2)).is_accepted


async def test_other_trouble_of_an_account_is_shown_and_asked_again(shop: Shop) -> None:
    """F34: only a refused key says that the next request is in vain."""
    other = Refused("400", "Invalid App Details", retryable=False, cls="account")
    shop.gupshup.answers.extend([other, other])
    for number in (1, 2):
        assert (await shop.send_template(number)).why is NotSent.ACCOUNT
    assert len(shop.gupshup.sent) == 2
    assert await _attention(shop) == "sending failed with code 400"


async def _attention(shop: Shop) -> str:
    async with shop.database.transaction() as session:
        return (await accounts.get_account(session, "account-1")).attention


async def test_answer_that_never_came_is_unknown(shop: Shop) -> None:  # F28
    """And stays so however often it is asked."""
    shop.gupshup.answers.append(Unknown("ReadTimeout"))
    assert (await shop.send_template()).is_unknown
    assert (await shop.send_template(attempt=2)).is_unknown
    assert len(shop.gupshup.sent) == 1


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (MessageStatus.DELIVERED, "", MessageResult(is_accepted=True)),
        (MessageStatus.FAILED, "1002", MessageResult(why=NotSent.RECIPIENT, detail="1002")),
    ],
)
async def test_status_that_overtook_an_interrupted_send_says_what_became_of_it(
    shop: Shop, status: MessageStatus, code: str, result: MessageResult
) -> None:  # F28, F30
    """It waited as an orphan until nobody could say more."""
    shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_template()
    hashed = shop.cipher.phone_hash(PHONE)
    report = statuses.StatusReport(
        account_id="account-1", status=status, gupshup_id="gs-9", phone_hash=hashed, code=code, at=NOW
    )
    await shop.change(lambda session: statuses.apply_status(session, report))
    assert await shop.send_template(attempt=2) == result
    assert len(shop.gupshup.sent) == 1


@pytest.mark.parametrize("number", [1, 2], ids=["the same command", "another command"])
async def test_failure_that_is_found_out_while_sending_is_told_once(
    shop: Shop, number: int
) -> None:  # R8.3, I15
    """It waited as an orphan; no callback will come that tells of it."""
    await shop.want_events()
    shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_template()
    hashed = shop.cipher.phone_hash(PHONE)
    report = statuses.StatusReport(
        account_id="account-1",
        status=MessageStatus.FAILED,
        gupshup_id="gs-9",
        phone_hash=hashed,
        code="1002",
        at=NOW,
    )
    await shop.change(lambda session: statuses.apply_status(session, report))
    result = await shop.send_template(number, attempt=2)
    await shop.send_template(number, attempt=3)
    (event,) = await shop.events_told()
    (message,) = [one for one in await shop.stored_messages() if one.command_id == shop.command_id()]
    assert (event.type, event.data["message_id"], event.data["why"]) == (
        "message.failed",
        message.id,
        "recipient",
    )
    if number == 1:
        assert result.event_ids == (event.id,)


async def test_send_and_reply_of_one_moment_do_not_block_each_other(shop: Shop) -> None:  # F20
    """Both lock the customer first and the case last."""
    hashed = shop.cipher.phone_hash(PHONE)
    async with shop._real.transaction() as replying:
        await customers.note_inbound(replying, "account-1", hashed, NOW)
        sending = asyncio.create_task(shop.send_template())
        await asyncio.sleep(0.2)
        await cases.note_reply(replying, "kapaskraft", shop.facts.case_id, NOW)
    assert (await sending).is_accepted
    assert shop.database._count == 2  # the intent and the outcome, neither of them twice


async def test_interrupted_send_and_its_status_do_not_block_each_other(shop: Shop) -> None:  # F20
    """Both lock what is the customer's first and the message after it."""
    shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_template()
    before = shop.database._count
    async with shop._real.transaction() as reporting:
        await serialize(reporting, "account-1", shop.cipher.phone_hash(PHONE))
        sending = asyncio.create_task(shop.send_template(attempt=2))
        await asyncio.sleep(0.2)
        await messages.find_by_command(reporting, "kapaskraft", shop.command_id())
    assert (await sending).is_unknown
    assert shop.database._count == before + 1


async def test_intent_that_lost_against_another_transaction_is_tried_again_at_once(shop: Shop) -> None:  # F20
    """A deadlock costs no attempt."""
    decide = shop.messages._decide

    async def lose(*_: object) -> MessageResult:
        shop.messages._decide = decide  # type: ignore[method-assign]
        raise TryAgain("40P01")

    shop.messages._decide = lose  # type: ignore[method-assign, assignment]
    assert (await shop.send_template()).is_accepted
    assert len(await shop.stored_messages()) == 1


async def test_attempt_whose_lease_ran_out_sends_nothing(shop: Shop) -> None:  # F7
    """A frozen process that thaws finds that it is late."""
    times = iter([NOW, NOW + timedelta(minutes=5), NOW + timedelta(minutes=5)])
    shop.messages._clock = shop.messages._sending._clock = lambda: next(times)
    assert (await shop.send_template()).is_unknown
    assert shop.gupshup.sent == []


# ---- what forbids a message


async def test_nothing_is_sent_without_a_phone(shop: Shop) -> None:
    """The case ends as undeliverable."""
    await shop.open_case(case_facts(shipment_id="SHIP2", customer_phone=""))
    await _is_not_sent(shop, NotSent.NO_PHONE)


async def test_nothing_is_sent_through_a_removed_account(shop: Shop) -> None:  # R3.3, I8
    """Neither is another account taken."""
    await shop.change(
        lambda session: installations.uninstall(session, "kapaskraft", "account-1", person="seller", now=NOW)
    )
    await _is_not_sent(shop, NotSent.ACCOUNT_REMOVED)


async def test_nothing_is_sent_to_who_opted_out(shop: Shop) -> None:  # R5.5, I6
    """Templates and session messages alike."""
    await shop.customer_wrote()
    hashed = shop.cipher.phone_hash(PHONE)
    await shop.change(
        lambda session: customers.set_opt_out(
            session, "account-1", hashed, opted_out=True, at=NOW, proof="stop"
        )
    )
    await _is_not_sent(shop, NotSent.OPTED_OUT)
    assert (await shop.send_session(_TEXT, 2)).why is NotSent.OPTED_OUT


async def test_template_of_marketing_is_not_sent_to_who_wants_none(shop: Shop) -> None:  # R5.5 category, I6
    """The category decides: what is of use goes on being sent."""
    await shop.customer_wrote()
    hashed = shop.cipher.phone_hash(PHONE)
    await shop.change(
        lambda session: customers.set_opt_out(
            session, "account-1", hashed, opted_out=True, at=NOW, proof="app", scope=Scope.MARKETING
        )
    )
    await shop.change(
        lambda session: notifications.save_notification(session, replace(NOTIFICATION, category="MARKETING"))
    )
    result = await _is_not_sent(shop, NotSent.OPTED_OUT)
    assert result.detail == "marketing"
    await shop.change(lambda session: notifications.save_notification(session, NOTIFICATION))
    assert (await shop.send_template(2)).is_accepted
    assert (await shop.send_session(_TEXT, 3)).is_accepted


async def test_nothing_is_sent_to_a_wrong_number(shop: Shop) -> None:  # R6.2, I6
    """Whoever has the phone said "not my order" to this seller: templates and session messages alike."""
    await shop.customer_wrote()
    hashed = shop.cipher.phone_hash(PHONE)
    await shop.change(
        lambda session: suppressions.suppress(
            session, "kapaskraft", hashed, case_id=shop.facts.case_id, since=NOW
        )
    )
    await _is_not_sent(shop, NotSent.WRONG_NUMBER)
    assert (await shop.send_session(_TEXT, 2)).why is NotSent.WRONG_NUMBER


async def test_nothing_is_sent_when_switched_off(shop: Shop) -> None:  # R4.1, I6
    """Also when there is no notification at all."""
    await shop.change(
        lambda session: notifications.save_notification(session, replace(NOTIFICATION, is_on=False))
    )
    await _is_not_sent(shop, NotSent.SWITCHED_OFF)


async def test_nothing_is_sent_while_the_template_is_held(shop: Shop) -> None:  # R4.8, F33
    """It goes on when the hold is lifted."""
    await shop.change(lambda session: hold_template(session, "account-1", "template-1", "paused by Meta"))
    await _is_not_sent(shop, NotSent.TEMPLATE)
    await shop.change(lambda session: hold_template(session, "account-1", "template-1", None))
    assert (await shop.send_template(2)).is_accepted


async def test_nothing_is_sent_with_a_hole_in_it(shop: Shop) -> None:  # R4.5
    """A variable without value and fallback."""
    await shop.open_case(case_facts(shipment_id="SHIP2", items=()))
    result = await _is_not_sent(shop, NotSent.MISSING_VALUE)
    assert result.detail == "product_title"


async def _is_not_sent(shop: Shop, why: NotSent) -> MessageResult:
    result = await shop.send_template()
    assert (result.is_accepted, result.is_unknown, result.why) == (False, False, why)
    assert shop.gupshup.sent == []
    assert await shop.stored_messages() == ()
    assert await shop.stored_usage() == ()
    assert await shop.topics() == ["failed_delivery_not_sent"]
    return result


@pytest.mark.parametrize(
    ("after", "is_sent"),
    [(timedelta(hours=23, minutes=59, seconds=59), True), (timedelta(hours=24), False)],
    ids=["inside", "outside"],
)
async def test_session_message_needs_the_24_hours(
    shop: Shop, after: timedelta, *, is_sent: bool
) -> None:  # R7.11, I6
    """Counted from the customer's last message."""
    await shop.customer_wrote()
    shop.now = NOW + after
    result = await shop.send_session(_TEXT)
    assert result.is_accepted is is_sent
    assert result.why is (None if is_sent else NotSent.WINDOW)
    assert len(shop.gupshup.sent) == int(is_sent)


async def test_session_message_to_who_never_wrote_is_not_sent(shop: Shop) -> None:  # R7.11
    """There is no window."""
    assert (await shop.send_session(_TEXT)).why is NotSent.WINDOW


async def test_session_message_found_half_done_is_not_sent_again(shop: Shop) -> None:  # I5
    """As with templates."""
    await shop.customer_wrote()
    shop.gupshup.answers.append(Died())
    with pytest.raises(Died):
        await shop.send_session(_TEXT)
    assert (await shop.send_session(_TEXT, attempt=2)).is_unknown
    assert len(shop.gupshup.sent) == 1


# ---- references, forms, prices


async def test_each_button_has_a_reference_that_only_the_customer_knows(shop: Shop) -> None:  # S4
    """Unguessable, all different; the database holds its hash, and finds what it stands for."""
    await shop.send_template()
    (sent,) = shop.gupshup.sent
    assert len(set(sent.postbacks)) == 2
    assert all(len(postback) >= 32 for postback in sent.postbacks)
    for postback, choice in zip(sent.postbacks, ("reattempt", "options"), strict=True):
        found = await shop.reference(postback)
        assert found is not None
        assert (found.case_id, found.choice) == (shop.facts.case_id, choice)
    stored = await shop.change(lambda session: session.execute(text("SELECT * FROM reply_references")))
    rows = str(stored.all())
    assert not any(postback in rows for postback in sent.postbacks)


async def test_session_messages_take_gupshups_forms(shop: Shop) -> None:
    """Text, buttons and list, each choice with its reference, and our message's id to know replies by."""
    await shop.customer_wrote()
    options = tuple(Option(f"date:2026-11-2{n}", f"Day {n}", "that day") for n in range(1, 5))
    await shop.send_session(_TEXT, 1)
    shop.now += timedelta(seconds=1)
    await shop.send_session(SessionMessage(SessionKind.BUTTONS, "Which?", options=options[:2]), 2)
    shop.now += timedelta(seconds=1)
    await shop.send_session(SessionMessage(SessionKind.LIST, "Which?", button="Choose", options=options), 3)
    plain, buttons, rows = (sent.message for sent in shop.gupshup.sent)
    assert isinstance(plain, TextMessage)
    assert isinstance(buttons, ButtonsMessage)
    assert isinstance(rows, ListMessage)
    assert [button.title for button in buttons.buttons] == ["Day 1", "Day 2"]
    assert len({row.postback for row in rows.rows} | {button.postback for button in buttons.buttons}) == 6
    stored = await shop.stored_messages()
    assert [message.kind for message in stored] == ["session"] * 3
    assert rows.message_ref == stored[2].id


async def test_everything_a_case_can_say_has_a_form(shop: Shop) -> None:
    """Gupshup's limits, which raise, forbid none of our own questions: a case that cannot speak waits in vain."""
    at = NOW + timedelta(minutes=1)
    facts = replace(some_facts(failed_at=NOW, is_cod=True, amount_due_paise=98_400), address_form=True)
    for steps in _TALKS:
        talk = Talk(facts, Policy(), at=at)
        talk.plays("open", *steps)
        for said in talk.sent():
            wire_message(said.message, ("r",) * len(said.message.options), "m")


_TALKS = (
    ("text hm?", "text hm?", "text hm?"),
    ("tap options", "tap reschedule", "text hm?", "tap reattempt", "system refused"),
    ("tap update_address", "text x", "form 4 Rose Villa MG Road|110001|", "text 4 Rose Villa, MG Road"),
    ("tap update_address", "pin gate 2", "tap address_change", "wait 31", "wake"),
    ("tap cancel", "tap keep", "tap cancel", "tap confirm_cancel", "system accepted", "tap reattempt"),
    ("tap dispute", "text nobody rang", "system not_waiting"),
    ("tap not_my_order",),
)


async def test_message_through_the_sellers_own_account_is_not_charged_by_us(shop: Shop) -> None:  # R5.4
    """The rate card prices what goes through Eshopbox's account only."""
    own = app_account(id="account-2", owner="client", workspace_id="kapaskraft", app_id="app-2")

    async def install(session: Session) -> None:
        await accounts.save_account(
            session, shop.cipher, own, api_key="key-2", webhook_token="token-2", header_secret=None
        )
        await installations.install(session, "kapaskraft", "account-2", NOW)
        await notifications.save_notification(session, replace(NOTIFICATION, account_id="account-2"))

    await shop.change(install)
    await shop.open_case(case_facts(account_id="account-2", shipment_id="SHIP2"))
    assert (await shop.send_template()).is_accepted
    assert shop.gupshup.sent[0].credentials.api_key == "key-2"
    (usage,) = await shop.stored_usage()
    assert (usage.account_id, usage.account_owner, usage.price_paise) == ("account-2", "client", 0)


async def test_price_is_the_rate_cards_at_the_time_of_sending(shop: Shop) -> None:  # R5.4
    """A session message is priced as service."""
    await shop.customer_wrote()
    await shop.send_template(1)
    await shop.send_session(_TEXT, 2)
    assert {usage.category: usage.price_paise for usage in await shop.stored_usage()} == {
        "utility": 35,
        "service": 5,
    }


async def test_reminder_is_a_message_of_its_own(shop: Shop) -> None:  # R6.7
    """Its own command, its own usage, its own line."""
    shop.gupshup.answers.extend([Accepted("gs-a"), Accepted("gs-b")])
    await shop.send_template(1)
    shop.now += timedelta(hours=4)
    await shop.send_template(2, purpose=Purpose.REMINDER)
    assert len(await shop.stored_usage()) == 2
    assert await shop.topics() == ["failed_delivery", "reminder"]
