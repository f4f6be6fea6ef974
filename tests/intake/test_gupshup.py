"""Gupshup's callbacks: statuses move messages, replies find their case, opt-outs end the talking."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from db import accounts, cases, customers, messages, statuses
from db.billing import list_usage
from db.encryption import digest
from db.references import Reference, add_references
from domain.case_events import CustomerOptedOut, CustomerReplied, MessageNotSent
from domain.cases import Outcome
from domain.failures import Action
from domain.messages import MessageStatus, NotSent
from domain.replies import AddressDraft, Reply, ReplyKind
from tests.dumps import read_rows
from tests.factories import NOW, PHONE, failed_delivery, new_message
from tests.intake.stage import ACCOUNT, GUPSHUP_ID, SAMPLES, TEMPLATE, Stage, sample
from tests.intake.stage import as_new as _fresh
from tests.intake.stage import gupshup as _gupshup
from tests.intake.stage import typed as _text

_DAY = timedelta(days=1)
_REATTEMPT = "REATTEMPT:attempt-42"
_TRY_AGAIN = {_REATTEMPT: ("reattempt", "Try again")}
_WAMID = "wamid." + base64.b64encode(b"\x1c\x18\x0c" + PHONE.encode() + bytes(range(24))).decode()


def _replies(stage: Stage) -> list[Reply]:
    return [mail.event.reply for _, mail in stage.workflows.mail if isinstance(mail.event, CustomerReplied)]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("gupshup/webhook-*.json")), ids=lambda path: path.stem)
async def test_every_sample_is_handled_or_ignored_with_a_reason(stage: Stage, path: Any) -> None:
    """I1: nothing that Gupshup sends is left over, parked or without a word."""
    await stage.open(failed_delivery())
    inbox_id = await stage.callback(sample(f"gupshup/{path.stem}"))
    state, note = await stage.came_to(inbox_id)
    assert state in ("handled", "ignored")
    assert note or state == "handled"


# --- What Gupshup bills ---


async def test_what_gupshup_bills_finds_its_message(stage: Stage) -> None:
    """R5.4: kept once, on the usage row of its message; WhatsApp's id rests as a fingerprint."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, gupshup_id=GUPSHUP_ID)
    inbox_id = await stage.callback(_gupshup("v2-billing-event-pmp"))
    assert await stage.came_to(inbox_id) == ("handled", "billing: utility, regular, billable")
    async with stage.database.transaction() as session:
        (used,) = await list_usage(session, row.workspace_id, since=NOW - _DAY, until=NOW + _DAY)
    assert (used.message_id, used.provider_is_billable, used.provider_category) == (
        message.id,
        True,
        "utility",
    )


async def test_what_gupshup_bills_proves_an_unknown_send(stage: Stage) -> None:
    """I7, F28, R5.4: nobody knew, and now the message is accepted and counted."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, status=MessageStatus.UNKNOWN)
    inbox_id = await stage.callback(_gupshup("v2-billing-event-pmp"))
    assert await stage.came_to(inbox_id) == (
        "handled",
        "billing: utility, regular, billable, proves an unknown send",
    )
    assert (await stage.message(message)).status is MessageStatus.SUBMITTED


# --- Statuses ---


async def test_statuses_only_move_forward(stage: Stage) -> None:
    """R5.2, I10, F40: in whatever order they come."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, gupshup_id=GUPSHUP_ID)
    for name in ("read", "enqueued", "delivered", "sent"):
        await stage.callback(_gupshup(f"v2-message-event-{name}"))
    assert (await stage.message(message)).status is MessageStatus.READ


async def test_status_that_overtakes_the_send_is_matched_later(stage: Stage) -> None:
    """F30: a status callback before the answer of the send is kept."""
    row = await stage.open(failed_delivery())
    inbox_id = await stage.callback(_gupshup("v2-message-event-delivered"))
    assert await stage.came_to(inbox_id) == ("handled", "no message yet: kept for a day")
    message = await stage.send(row, gupshup_id=GUPSHUP_ID)
    assert (await stage.message(message)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("failed", NotSent.RECIPIENT),
        ("failed-sync", NotSent.ACCOUNT),
        ("failed-param-count", NotSent.TEMPLATE),
        ("failed-meta-code", NotSent.RECIPIENT),
    ],
)
async def test_failed_template_is_told_to_its_case(stage: Stage, name: str, why: NotSent) -> None:
    """F31-F33: the code decides what it means; the account or template is held where it is to blame."""
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    await stage.callback(_gupshup(f"v2-message-event-{name}"))
    ((ref, mail),) = stage.workflows.mail
    assert ref.shipment_id == row.shipment_id
    assert isinstance(mail.event, MessageNotSent)
    assert (mail.event.command_id, mail.event.why, mail.event.is_template) == (f"{row.id}/1", why, True)
    assert bool(await stage.attention()) is (why is NotSent.TEMPLATE)
    async with stage.database.transaction() as session:
        account = await accounts.get_account(session, ACCOUNT)
    assert bool(account.attention) is (why is NotSent.ACCOUNT)


async def test_failure_is_told_also_when_temporal_was_away(stage: Stage) -> None:
    """F3: the status is applied already, and the case still has to learn of it."""
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    stage.workflows.is_down = True
    await stage.callback(_gupshup("v2-message-event-failed"))
    assert not stage.workflows.mail
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=5)
    await stage.intake.sweep()
    assert [mail.event.kind for _, mail in stage.workflows.mail] == ["message_not_sent"]


@pytest.mark.parametrize("kind", ["template", "session"])
async def test_failed_message_is_told_to_its_workspace_at_once_and_once(stage: Stage, kind: str) -> None:
    """R8.3, I15: whatever sort it is and however often it is reported; no sweep is waited for."""
    await stage.want_events()
    row = await stage.open(failed_delivery())
    message = await stage.send(row, gupshup_id=GUPSHUP_ID, kind=kind)
    failed = _gupshup("v2-message-event-failed")
    first = await stage.callback(failed)
    failed["payload"]["payload"]["code"] = 1003  # another callback about the same message
    assert await stage.callback(failed) != first
    (event,) = await stage.events_told()
    assert stage.workflows.delivered == [f"kapaskraft/{event.id}"]
    assert (event.type, event.data["message_id"]) == ("message.failed", message.id)
    assert (event.data["code"], event.data["why"]) == ("1002", "recipient")
    assert (event.data["case_id"], event.data["order_id"]) == (row.id, row.order_id)
    stage.clock.pass_by(minutes=1)
    await stage.intake.sweep()
    assert len(stage.workflows.delivered) == 1


async def test_failed_message_of_a_workspace_that_wants_no_events_is_told_to_its_case_alone(
    stage: Stage,
) -> None:
    """R8.3: another workspace's address is not its own."""
    await stage.want_events("nakshi")
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    await stage.callback(_gupshup("v2-message-event-failed"))
    assert len(stage.workflows.mail) == 1
    assert await stage.events_told() == ()


async def test_failure_is_told_to_its_workspace_also_when_temporal_was_away(stage: Stage) -> None:
    """I15: the event stands in the database from the moment of the failure."""
    await stage.want_events()
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID, kind="session")
    stage.workflows.is_down = True
    await stage.callback(_gupshup("v2-message-event-failed"))
    (event,) = await stage.events_told()
    assert not stage.workflows.delivered
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=5)
    await stage.new_intake().sweep()
    assert stage.workflows.delivered == [f"kapaskraft/{event.id}"]


async def test_failure_that_waited_for_its_message_is_told_with_the_ids_that_bring_it(stage: Stage) -> None:
    """F30: it names the message by WhatsApp's id alone, which a later "sent" ties to ours."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, gupshup_id=GUPSHUP_ID)
    failed = _gupshup("v2-message-event-failed")
    del failed["payload"]["gsId"]
    failed["payload"] |= {
        "id": _WAMID,
        "payload": {"code": 131049, "reason": "", "whatsappMessageId": _WAMID},
    }
    await stage.callback(failed)
    assert not stage.workflows.mail
    sent = _gupshup("v2-message-event-sent")
    sent["payload"]["id"] = _WAMID
    await stage.callback(sent)
    assert (await stage.message(message)).status is MessageStatus.FAILED
    ((_, mail),) = stage.workflows.mail
    assert isinstance(mail.event, MessageNotSent)
    assert (mail.event.command_id, mail.event.detail) == (f"{row.id}/1", "131049")


async def test_ids_of_whatsapp_are_kept_unreadable_and_found_all_the_same(
    stage: Stage, database_url: str
) -> None:
    """I12: they spell the customer's phone in base64; statuses, orphans and contexts are compared by fingerprint."""
    row = await stage.open(failed_delivery())
    await stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    message = await stage.send(row, gupshup_id=GUPSHUP_ID)
    sent, orphan = _gupshup("v2-message-event-sent"), _gupshup("v2-message-event-delivered")
    sent["payload"]["id"] = _WAMID
    orphan["payload"] |= {"id": f"{_WAMID}1", "gsId": f"{_WAMID}2"}
    await stage.callback(sent)
    await stage.callback(orphan)
    answer = _fresh(_gupshup("v2-message-text-with-context"))
    answer["payload"]["context"] = {"id": _WAMID}
    await stage.callback(answer)
    ((ref, _),) = stage.workflows.mail
    assert ref.shipment_id == row.shipment_id
    assert (await stage.message(message)).whatsapp_message_id == stage.cipher.fingerprint(_WAMID).hex()
    async for table, readable in read_rows(database_url):
        assert PHONE.encode() not in readable, table


async def test_failed_session_message_leaves_the_case_alone(stage: Stage) -> None:
    """An unsent answer never changes the case."""
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID, kind="session")
    await stage.callback(_gupshup("v2-message-event-failed"))
    assert not stage.workflows.mail


# --- Replies: whose they are (R6.3) ---


async def test_tap_finds_its_case_by_the_reference(stage: Stage) -> None:
    """R6.3, S4: the reference goes before everything else, also without context."""
    row = await stage.open(failed_delivery())
    await stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    await stage.send(row, references=_TRY_AGAIN, gupshup_id=GUPSHUP_ID)
    await stage.callback(_gupshup("v2-message-quick-reply-no-context"))
    ((ref, _),) = stage.workflows.mail
    assert ref.shipment_id == row.shipment_id
    (reply,) = _replies(stage)
    assert (reply.kind, reply.choice, reply.text) == (ReplyKind.CHOICE, "reattempt", "Try again")


async def test_tap_on_an_older_case_is_that_cases(stage: Stage) -> None:
    """R7.8, F51: even if a newer case of the same phone is open; an ended one answers late, once."""
    old = await stage.open(failed_delivery())
    await stage.send(old, references=_TRY_AGAIN)
    await stage.end(old, Outcome.RESOLVED, accepted=Action.RESCHEDULE)
    await stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    body = _gupshup("v2-message-quick-reply")
    await stage.callback(body)
    assert not stage.workflows.mail
    ((_, late),) = stage.workflows.late.items()
    assert late.case.id == old.id
    assert late.case.outcome is Outcome.RESOLVED
    assert late.case.accepted is not None
    assert late.case.accepted.action is Action.RESCHEDULE
    assert late.event.reply.choice == "reattempt"


async def test_run_that_ends_meanwhile_gets_a_late_answer(stage: Stage) -> None:
    """Reliability rule 10: a signal to a closed run is "no longer waiting", not an error."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN)
    stage.workflows.ended.update(stage.workflows.started)
    inbox_id = await stage.callback(_gupshup("v2-message-quick-reply"))
    assert (await stage.came_to(inbox_id))[0] == "new"  # open in our books, no run: looked at again
    await stage.end(row, Outcome.DELIVERED)
    stage.clock.pass_by(minutes=1)
    await stage.intake.sweep()
    assert (await stage.came_to(inbox_id))[0] == "handled"
    assert len(stage.workflows.late) == 1


async def test_tap_on_a_sellers_test_is_no_answer_about_a_parcel(stage: Stage) -> None:
    """S4, R6.3: even where the seller's own phone has a parcel with the same buttons."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references={"token": ("reattempt", "Try again")})
    async with stage.database.transaction() as session:
        new = new_message(purpose="test", order_id="", shipment_id="", tracking_id="", command_id="sample:1")
        message = await messages.add_message(session, stage.cipher, new)
        await add_references(
            session,
            workspace_id=row.workspace_id,
            case_id=None,
            message_id=message.id,
            references=[Reference(digest(_REATTEMPT), "reattempt", "Try again")],
        )
    inbox_id = await stage.callback(_gupshup("v2-message-quick-reply"))
    assert await stage.came_to(inbox_id) == ("ignored", "the reference's case is gone")
    assert not _replies(stage)
    assert not stage.workflows.account_messages


async def test_test_that_fails_concerns_nobody_but_its_template(stage: Stage) -> None:
    """R4.8, R8.3: the template is held as after any message; no order's messages have to be taken over."""
    await stage.want_events()
    async with stage.database.transaction() as session:
        new = new_message(
            purpose="test", order_id="", shipment_id="", command_id="sample:1", template_id=TEMPLATE
        )
        message = await messages.add_message(session, stage.cipher, new)
        await statuses.record_outcome(
            session,
            message.id,
            status=MessageStatus.SUBMITTED,
            now=stage.clock(),
            gupshup_message_id=GUPSHUP_ID,
        )
    await stage.callback(_gupshup("v2-message-event-failed-param-count"))
    assert await stage.attention() == "sending failed with code 132000"
    assert not await stage.events_told()


async def test_label_without_postback_is_read_by_its_message(stage: Stage) -> None:
    """R6.3: context names the message, the label its choice, however it is spaced and written."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references={"token": ("reattempt", "TRY AGAIN ")}, gupshup_id=GUPSHUP_ID)
    await stage.callback(_gupshup("v2-message-quick-reply-as-text"))
    await stage.callback(_gupshup("v2-message-quick-reply-no-postback"))
    assert [reply.choice for reply in _replies(stage)] == ["reattempt", "reattempt"]


async def test_context_goes_before_the_phones_cases(stage: Stage) -> None:
    """R6.3: a typed reply to a message belongs to that message's case."""
    quoted = await stage.open(failed_delivery())
    newer = await stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    await stage.send(quoted, gupshup_id=GUPSHUP_ID)
    await stage.send(newer, status=MessageStatus.SUBMITTED)
    await stage.callback(_gupshup("v2-message-text-with-context"))
    ((ref, _),) = stage.workflows.mail
    assert ref.shipment_id == quoted.shipment_id


async def test_our_own_reference_on_buttons_goes_before_the_phones_cases(stage: Stage) -> None:
    """R6.3: the message id that we gave to the buttons names the message."""
    asked = await stage.open(failed_delivery())
    message = await stage.send(asked, references={"x": ("reattempt", "Try again")})
    await stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    body = _gupshup("v2-message-button-reply")
    body["payload"]["payload"] |= {"id": message.id, "postbackText": ""}
    body["payload"].pop("context", None)
    await stage.callback(body)
    ((ref, _),) = stage.workflows.mail
    assert ref.shipment_id == asked.shipment_id
    assert _replies(stage)[0].choice == "reattempt"


async def test_free_text_after_the_end_belongs_to_the_newest_ended_case(stage: Stage) -> None:
    """R7.2, F41: hours later too."""
    row = await stage.open(failed_delivery())
    await stage.end(row, Outcome.DELIVERED)
    stage.clock.pass_by(hours=9)
    await stage.callback(_text("thank you"))
    (late,) = stage.workflows.late.values()
    assert late.case.id == row.id


async def test_unknown_number_reaches_no_case(stage: Stage) -> None:
    """F47, R7.5: no case, no activity; the standard answer is the sender's own."""
    await stage.open(failed_delivery())
    inbox_id = await stage.callback(_text("hello", phone="919999900077"))
    assert await stage.came_to(inbox_id) == ("handled", "no case: the standard answer")
    assert not stage.workflows.mail
    assert [entry for entry in await stage.activity("KK1001") if entry.kind == "reply"] == []


# --- What has no right to an effect (F43, S3) ---


async def test_unknown_reference_has_no_effect(stage: Stage) -> None:
    """F43: also though the phone has an open case and the context fits."""
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    inbox_id = await stage.callback(_gupshup("v2-message-quick-reply"))
    assert await stage.came_to(inbox_id) == ("ignored", "unknown reference")
    assert not stage.workflows.mail


@pytest.mark.parametrize("name", ["v2-message-quick-reply", "v2-message-text-with-context"])
async def test_reference_from_another_phone_has_no_effect(stage: Stage, name: str) -> None:
    """S3: an effect needs a message of ours, sent to that phone."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN, gupshup_id=GUPSHUP_ID)
    inbox_id = await stage.callback(_fresh(_gupshup(name), phone="919999900077"))
    assert await stage.came_to(inbox_id) == ("ignored", "sent to another phone")
    assert not stage.workflows.mail


async def test_reference_of_another_account_has_no_effect(stage: Stage) -> None:
    """I11, S3: what was sent through one account is not answered through another."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN, account_id="account-2")
    inbox_id = await stage.callback(_gupshup("v2-message-quick-reply"))
    assert await stage.came_to(inbox_id) == ("ignored", "another account's message")


@pytest.mark.parametrize("changes", [{"app": "OtherStore"}, {"appId": "other"}, {"app": None}])
async def test_another_apps_callback_has_no_effect(stage: Stage, changes: dict[str, Any]) -> None:
    """F43: right secret, foreign app."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN)
    inbox_id = await stage.callback(_gupshup("v2-message-quick-reply") | changes)
    assert await stage.came_to(inbox_id) == ("ignored", "another app's callback")
    assert not stage.workflows.mail


async def test_hidden_phone_is_matched_by_the_reference_alone(stage: Stage) -> None:
    """F49: with a business-scoped id in the phone's place what cannot be guessed counts, and teaches whose id it is."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN)
    before = await stage.callback(_text("hello", phone="IN.1648Ab77"))
    assert await stage.came_to(before) == ("ignored", "no case")
    tap = _fresh(_gupshup("v2-message-quick-reply"), phone="IN.1648Ab77")
    await stage.callback(tap)
    await stage.callback(_text("hello", phone="IN.1648Ab77"))
    await stage.callback(_text("hello", phone="IN.1648Ab78"))
    assert [reply.text for reply in _replies(stage)] == ["Try again", "hello"]


async def test_status_of_our_message_teaches_the_hidden_id(stage: Stage) -> None:
    """F49: WhatsApp names the customer by both while it still does; later the id alone is enough, for STOP too."""
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    delivered = _gupshup("v2-message-event-delivered")
    delivered["payload"]["userId"] = "IN.1648Ab77"
    await stage.callback(delivered)
    await stage.callback(_text("tomorrow", phone="IN.1648Ab77"))
    assert [reply.text for reply in _replies(stage)] == ["tomorrow"]
    stop = await stage.callback(_text("STOP", phone="IN.1648Ab77"))
    assert await stage.came_to(stop) == ("handled", "opted_out")


# --- What a reply says ---


async def test_reply_is_kept_as_it_came_and_noted_on_the_case(stage: Stage) -> None:
    """R5.3, R7.11: on the activity, on the row, and as the opening of the 24 h window."""
    row = await stage.open(failed_delivery())
    await stage.callback(_text("  come\u202e after \x07six "))
    (reply,) = _replies(stage)
    assert (reply.kind, reply.text, reply.at) == (ReplyKind.TEXT, "come after six", stage.clock())
    assert "wamid" not in reply.id
    entry = (await stage.activity(row.order_id))[-1]
    assert (entry.kind, entry.topic, entry.mode, entry.data["text"]) == (
        "reply",
        "text",
        "whatsapp",
        "come after six",
    )
    async with stage.database.transaction() as session:
        found = await cases.find_case(session, row.workspace_id, row.id)
        customer = await customers.customer(session, ACCOUNT, stage.cipher.phone_hash(PHONE))
    assert found is not None
    assert found.last_reply_at == customer.last_inbound_at == stage.clock()


@pytest.mark.parametrize(
    ("name", "kind", "topic"),
    [
        ("image", ReplyKind.MEDIA, "image"),
        ("file", ReplyKind.MEDIA, "file"),
        ("audio", ReplyKind.MEDIA, "audio"),
        ("video", ReplyKind.MEDIA, "video"),
        ("sticker", ReplyKind.MEDIA, "sticker"),
        ("contact", ReplyKind.CONTACT, "contact"),
        ("reaction", ReplyKind.REACTION, "reaction"),
        ("location", ReplyKind.LOCATION, "location"),
        ("location-named", ReplyKind.LOCATION, "location"),
        ("text-referral", ReplyKind.TEXT, "text"),
    ],
)
async def test_each_kind_of_reply_reaches_the_case(
    stage: Stage, name: str, kind: ReplyKind, topic: str
) -> None:
    """R7.1: whatever comes is logged as it came and given to the case."""
    row = await stage.open(failed_delivery())
    await stage.callback(_gupshup(f"v2-message-{name}"))
    (reply,) = _replies(stage)
    assert reply.kind is kind
    entry = (await stage.activity(row.order_id))[-1]
    assert (entry.kind, entry.topic) == ("reply", topic)
    assert entry.data


async def test_location_becomes_a_pin(stage: Stage) -> None:
    """R6.4: latitude, longitude and the place's words."""
    await stage.open(failed_delivery())
    await stage.callback(_gupshup("v2-message-location-named"))
    (reply,) = _replies(stage)
    assert (reply.latitude, reply.longitude) == (12.971599, 77.594566)
    assert reply.place == "Lake View, MG Road, Bengaluru 560001"


async def test_address_form_becomes_a_draft(stage: Stage) -> None:
    """R6.4: name and phone are taken only where they differ from the order's."""
    await stage.open(failed_delivery())
    body = _gupshup("v2-message-nfm-reply-address")
    await stage.callback(body)
    other = _fresh(body)
    other["payload"]["payload"]["addressDetails"] |= {"phone_number": "+91 99999 00002", "name": "Ravi"}
    await stage.callback(other)
    first, second = (reply.address for reply in _replies(stage))
    assert first == AddressDraft(
        text="12, Floor 3, Tower B, Lake View, MG Road", pincode="560001", landmark="Near metro station"
    )
    assert (second.phone, second.name) == ("9999900002", "Ravi")


async def test_answer_proves_a_message_of_unknown_outcome(stage: Stage) -> None:
    """F28, reliability rule 6: who taps our reference has the message."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, references=_TRY_AGAIN, status=MessageStatus.UNKNOWN)
    await stage.callback(_gupshup("v2-message-quick-reply"))
    assert (await stage.message(message)).status is MessageStatus.DELIVERED


async def test_flood_is_logged_and_not_passed_on(stage: Stage) -> None:
    """F13, S26: twenty answers a minute reach the case; a minute later it listens again."""
    row = await stage.open(failed_delivery())
    for number in range(25):
        await stage.callback(_text(f"message {number}"))
    assert len(_replies(stage)) == 20
    assert len([entry for entry in await stage.activity(row.order_id) if entry.kind == "reply"]) == 25
    stage.clock.pass_by(minutes=1)
    await stage.callback(_text("one more"))
    assert len(_replies(stage)) == 21


async def test_after_fifty_answers_only_what_is_tapped_reaches_the_case(stage: Stage) -> None:
    """F13: also when they come slowly; each is on the activity."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN)
    async with stage.database.transaction() as session:
        for _ in range(49):
            await cases.note_reply(session, row.workspace_id, row.id, stage.clock())
    for _ in range(3):
        stage.clock.pass_by(minutes=5)
        await stage.callback(_text("hello?"))
    await stage.callback(_gupshup("v2-message-quick-reply"))
    assert [reply.choice for reply in _replies(stage)] == ["", "reattempt"]
    assert len([entry for entry in await stage.activity(row.order_id) if entry.kind == "reply"]) == 4


async def test_tap_among_a_flood_of_words_reaches_the_case(stage: Stage) -> None:
    """S26: who writes too much can still choose."""
    row = await stage.open(failed_delivery())
    await stage.send(row, references=_TRY_AGAIN)
    for number in range(25):
        await stage.callback(_text(f"message {number}"))
    await stage.callback(_gupshup("v2-message-quick-reply"))
    assert _replies(stage)[-1].choice == "reattempt"


# --- Opting out ---


@pytest.mark.parametrize("name", ["v2-message-text-stop", "v2-user-event-opted-out"])
async def test_opt_out_stops_every_open_case_of_the_sender(stage: Stage, name: str) -> None:
    """R5.5: all messages of that sender to that customer; the activity says so."""
    rows = [
        await stage.open(failed_delivery()),
        await stage.open(failed_delivery(workspace_id="nakshi")),
    ]
    await stage.open(failed_delivery(shipment_id="SHIP3", customer_phone="919999900077"))
    await stage.callback(_gupshup(name))
    assert {ref.workspace_id for ref, _ in stage.workflows.mail} == {row.workspace_id for row in rows}
    assert {type(mail.event) for _, mail in stage.workflows.mail} == {CustomerOptedOut}
    assert len(stage.workflows.mail) == 2
    async with stage.database.transaction() as session:
        customer = await customers.customer(session, ACCOUNT, stage.cipher.phone_hash(PHONE))
    assert customer.opted_out_at is not None
    assert (await stage.activity("KK1001"))[-1].topic == "opted_out"


async def test_opting_in_lifts_it(stage: Stage) -> None:
    """R5.5: START, or Gupshup's event."""
    await stage.open(failed_delivery())
    await stage.callback(_text("Stop."))
    stage.clock.pass_by(seconds=1)
    await stage.callback(_text("start"))
    async with stage.database.transaction() as session:
        customer = await customers.customer(session, ACCOUNT, stage.cipher.phone_hash(PHONE))
    assert customer.opted_out_at is None


async def test_address_being_set_is_no_customer(stage: Stage) -> None:
    """gupshup-api 10.12: the phone is a literal word there."""
    inbox_id = await stage.callback(_gupshup("v2-user-event-sandbox-start"))
    assert await stage.came_to(inbox_id) == ("ignored", "user event: sandbox_start")


# --- Templates and account ---


@pytest.mark.parametrize("name", ["paused", "disabled", "rejected", "category-update"])
async def test_template_in_trouble_is_held_until_approved(stage: Stage, name: str) -> None:
    """R4.8, F33: nothing is sent with it meanwhile, in every workspace that uses it."""
    await stage.callback(_gupshup(f"v2-template-event-{name}"))
    assert await stage.attention("kapaskraft")
    assert await stage.attention("nakshi")
    await stage.callback(_gupshup("v2-template-event-approved"))
    assert not await stage.attention("kapaskraft")


async def test_template_of_nobody_is_ignored(stage: Stage) -> None:
    """The account may have templates that are not ours."""
    body = _gupshup("v2-template-event-paused")
    body["payload"]["id"] = "another"
    assert body["payload"]["id"] != TEMPLATE
    inbox_id = await stage.callback(body)
    assert await stage.came_to(inbox_id) == ("ignored", "no notification uses the template")


async def test_restricted_account_needs_attention(stage: Stage) -> None:
    """F32, F34: the seller sees why nothing goes out; reinstating lifts it."""
    body = _gupshup("v2-account-event-status")
    await stage.callback(body)
    async with stage.database.transaction() as session:
        assert (await accounts.get_account(session, ACCOUNT)).attention == "WhatsApp: account restricted"
    body["payload"]["payload"] = {"status": "REINSTATE"}
    await stage.callback(body)
    async with stage.database.transaction() as session:
        assert not (await accounts.get_account(session, ACCOUNT)).attention


async def test_payload_format_does_not_matter(stage: Stage) -> None:
    """gupshup-api 11: v3 means the same as v2."""
    row = await stage.open(failed_delivery())
    message = await stage.send(row, references=_TRY_AGAIN, gupshup_id=GUPSHUP_ID)
    await stage.callback(_gupshup("v3-status-delivered"))
    assert (await stage.message(message)).status is MessageStatus.DELIVERED
    await stage.callback(_gupshup("v3-message-button"))
    assert [reply.choice for reply in _replies(stage)] == ["reattempt"]
    assert timedelta(0) == stage.clock() - _replies(stage)[0].at
