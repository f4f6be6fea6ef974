"""At most one message for a command, statuses only forward, and evidence for what nobody answered (I5, I7, I10)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from db import billing
from db.encryption import Cipher, digest
from db.messages import (
    ADOPTED_WITHIN,
    MayHaveBeenSent,
    Message,
    Reference,
    StatusReport,
    add_message,
    add_references,
    adopt_by_reference,
    apply_status,
    claim_standard_answer,
    customer,
    find_by_command,
    find_by_provider_ids,
    find_choice,
    find_message,
    find_reference,
    forget_orphan_statuses,
    get_content,
    list_for_case,
    note_inbound,
    record_outcome,
    restart_message,
    set_opt_out,
)
from db.session import Database, NotFound, Session, TryAgain
from db.workspaces import add_workspace
from domain.messages import MessageStatus, forward
from tests.factories import NOW, PHONE, new_message, workspace

S = MessageStatus
SECOND = timedelta(seconds=1)


async def _send(session: Session, cipher: Cipher, **changes: Any) -> Message:
    await add_workspace(session, workspace())
    return await add_message(session, cipher, new_message(**changes))


async def _submit(session: Session, cipher: Cipher, gupshup_id: str = "gs-1", **changes: Any) -> Message:
    message = await _send(session, cipher, **changes)
    return await record_outcome(
        session, message.id, status=S.SUBMITTED, now=NOW + SECOND, gupshup_message_id=gupshup_id
    )


def _report(status: MessageStatus, **changes: Any) -> StatusReport:
    values: dict[str, Any] = {"account_id": "account-1", "status": status, "at": NOW + 2 * SECOND}
    return StatusReport(**(values | changes))


async def _usage(session: Session) -> tuple[billing.Usage, ...]:
    day = timedelta(days=1)
    return await billing.list_usage(session, "kapaskraft", since=NOW - day, until=NOW + day)


# --- Sending ---


async def test_an_intent_is_written_with_its_usage(session: Session, cipher: Cipher) -> None:
    """Message and usage exist before the request goes out, and nothing is charged yet."""  # I7
    message = await _send(session, cipher, command_id="c/1")
    assert message.status is S.SENDING
    assert await find_by_command(session, "kapaskraft", "c/1") == message
    assert await find_by_command(session, "other", "c/1") is None
    (used,) = await _usage(session)
    assert (used.outcome, used.is_charged, used.price_paise, used.phone_last4) == (
        "sending",
        False,
        35,
        "0001",
    )
    content = await get_content(session, cipher, "kapaskraft", message.id)
    assert (content.phone, content.content["params"]) == (PHONE, ["Asha Rao", "14 Lotus Lane"])


async def test_a_second_intent_for_a_command_is_told_to_look_again(session: Session, cipher: Cipher) -> None:
    """Two attempts of one activity at once write one message."""  # I5
    await _send(session, cipher, command_id="c/1")
    with pytest.raises(TryAgain):
        await _send(session, cipher, command_id="c/1")


@pytest.mark.parametrize(
    ("status", "outcome", "is_charged"),
    [(S.SUBMITTED, "accepted", True), (S.REFUSED, "refused", False), (S.UNKNOWN, "unknown", False)],
)
async def test_an_outcome_decides_what_is_charged(
    session: Session, cipher: Cipher, status: MessageStatus, outcome: str, *, is_charged: bool
) -> None:
    """Only what Gupshup accepted is charged (R5.4)."""
    message = await _send(session, cipher)
    after = await record_outcome(session, message.id, status=status, now=NOW, code="1003", reason="wallet")
    assert (after.status, after.code, after.reason, after.lease_until) == (status, "1003", "wallet", None)
    (used,) = await _usage(session)
    assert (used.outcome, used.is_charged) == (outcome, is_charged)


@pytest.mark.parametrize("status", [S.SUBMITTED, S.UNKNOWN])
async def test_what_may_have_been_sent_is_never_sent_again(
    session: Session, cipher: Cipher, status: MessageStatus
) -> None:
    """Neither an unknown outcome nor a running send is restarted."""  # I5
    message = await _send(session, cipher)
    again = {"attempt": 2, "lease_until": NOW, "now": NOW}
    with pytest.raises(MayHaveBeenSent):
        await restart_message(session, message.id, **again)  # type: ignore[arg-type]
    await record_outcome(session, message.id, status=status, now=NOW)
    with pytest.raises(MayHaveBeenSent):
        await restart_message(session, message.id, **again)  # type: ignore[arg-type]


async def test_what_was_surely_refused_may_be_sent_again(session: Session, cipher: Cipher) -> None:
    """The same message and the same usage record, not a second one."""  # F25
    message = await _send(session, cipher)
    await record_outcome(session, message.id, status=S.REFUSED, now=NOW, code="429", reason="slow down")
    again = await restart_message(session, message.id, attempt=2, lease_until=NOW, now=NOW)
    assert (again.status, again.attempt, again.code) == (S.SENDING, 2, "")
    await record_outcome(session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id="gs-1")
    (used,) = await _usage(session)
    assert (used.outcome, used.is_charged) == ("accepted", True)


async def test_a_late_answer_to_an_unknown_send_is_taken(session: Session, cipher: Cipher) -> None:
    """A frozen attempt that thaws and has its answer after all adds evidence, nothing else."""  # F7
    message = await _send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    after = await record_outcome(session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id="gs-1")
    assert (after.status, after.gupshup_message_id) == (S.SUBMITTED, "gs-1")
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    assert after.status is S.SUBMITTED


async def test_an_outcome_for_no_message_is_an_error(session: Session) -> None:
    """A caller that lost its message hears of it."""
    with pytest.raises(NotFound):
        await record_outcome(session, "00000000-0000-0000-0000-000000000000", status=S.SUBMITTED, now=NOW)


# --- Statuses ---

JOURNEY = (S.ENQUEUED, S.SENT, S.DELIVERED, S.READ)


@pytest.mark.parametrize("order", list(permutations(JOURNEY)))
async def test_statuses_in_any_order_end_at_the_furthest(
    session: Session, cipher: Cipher, order: Sequence[MessageStatus]
) -> None:
    """Forward only, each kept once, however often it comes (R5.2)."""  # I10 F40
    message = await _submit(session, cipher)
    expected = message.status
    for status in order:
        report = _report(status, gupshup_id="gs-1", whatsapp_id="wa-1")
        effect = await apply_status(session, report)
        assert effect.changed == (forward(expected, status) is not expected)
        expected = forward(expected, status)
        assert effect.message is not None
        assert effect.message.status is expected
        assert not (await apply_status(session, report)).changed
    assert expected is S.READ


async def test_answer_and_statuses_in_any_order_come_to_the_same(session: Session, cipher: Cipher) -> None:
    """Statuses may overtake the answer of their send, and one another's ids; none is lost."""  # F30
    steps: list[tuple[MessageStatus, bool, bool]] = [  # with Gupshup's id, with WhatsApp's id
        (S.SUBMITTED, True, False),
        (S.ENQUEUED, True, True),
        (S.SENT, False, True),
        (S.DELIVERED, False, True),
        (S.READ, False, True),
    ]
    for number, order in enumerate(permutations(steps)):
        message = await _send(session, cipher)
        ids = (f"gs-{number}", f"wa-{number}")
        for status, with_gupshup, with_whatsapp in order:
            gupshup_id, whatsapp_id = ids[0] if with_gupshup else None, ids[1] if with_whatsapp else None
            if status is S.SUBMITTED:
                await record_outcome(
                    session, message.id, status=status, now=NOW, gupshup_message_id=gupshup_id
                )
            else:
                await apply_status(session, _report(status, gupshup_id=gupshup_id, whatsapp_id=whatsapp_id))
        after = await find_message(session, message.id)
        assert after is not None
        assert (after.status, after.gupshup_message_id, after.whatsapp_message_id) == (S.READ, *ids), order
    assert await forget_orphan_statuses(session, NOW + timedelta(days=9)) == 0


async def test_a_failure_is_not_charged_unless_the_phone_proves_otherwise(
    session: Session, cipher: Cipher
) -> None:
    """Failed after sent takes the charge back; read after failed puts it on again (R5.4)."""
    await _submit(session, cipher)
    await apply_status(session, _report(S.SENT, gupshup_id="gs-1"))
    effect = await apply_status(session, _report(S.FAILED, gupshup_id="gs-1", code="131026", reason="no"))
    assert effect.message is not None
    assert (effect.message.status, effect.message.code) == (S.FAILED, "131026")
    assert not (await _usage(session))[0].is_charged
    await apply_status(session, _report(S.READ, gupshup_id="gs-1", pricing_category="utility"))
    (used,) = await _usage(session)
    assert used.is_charged
    assert used.pricing_category == "utility"


async def test_a_status_of_another_account_does_not_find_the_message(
    session: Session, cipher: Cipher
) -> None:
    """Ids mean something within their account only."""  # I11 F43
    await _submit(session, cipher)
    effect = await apply_status(session, _report(S.READ, account_id="account-2", gupshup_id="gs-1"))
    assert effect.message is None


async def test_answer_and_status_at_the_same_instant_find_each_other(
    database: Database, cipher: Cipher
) -> None:
    """Neither may look before the other is committed and miss it."""  # F30

    async def one(number: int) -> None:
        async with database.transaction() as session:
            message = await _send(session, cipher, phone=f"9199999000{number:02d}")
        phone_hash = cipher.phone_hash(f"9199999000{number:02d}")

        async def outcome() -> None:
            async with database.transaction() as session:
                await record_outcome(
                    session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id=f"gs-{number}"
                )

        async def status(status: MessageStatus, **ids: str) -> None:
            async with database.transaction() as session:
                await apply_status(session, _report(status, phone_hash=phone_hash, **ids))

        await asyncio.gather(
            status(S.ENQUEUED, gupshup_id=f"gs-{number}", whatsapp_id=f"wa-{number}"),
            outcome(),
            status(S.SENT, whatsapp_id=f"wa-{number}"),
            status(S.DELIVERED, whatsapp_id=f"wa-{number}"),
        )
        async with database.transaction() as session:
            after = await find_message(session, message.id)
            assert after is not None
            assert after.status is S.DELIVERED

    await asyncio.gather(*(one(number) for number in range(15)))


# --- Evidence for what nobody answered ---


async def test_an_orphan_proves_the_one_unknown_send(session: Session, cipher: Cipher) -> None:
    """Cut after acceptance: the first status adopts the message, and it is charged once."""  # F28 I7
    message = await _send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    effect = await apply_status(
        session,
        _report(S.ENQUEUED, gupshup_id="gs-9", whatsapp_id="wa-9", phone_hash=cipher.phone_hash(PHONE)),
    )
    assert effect.changed
    assert effect.message is not None
    assert (effect.message.id, effect.message.gupshup_message_id) == (message.id, "gs-9")
    (used,) = await _usage(session)
    assert (used.outcome, used.is_charged) == ("accepted", True)
    assert (await apply_status(session, _report(S.READ, whatsapp_id="wa-9"))).message is not None


async def test_statuses_that_came_before_the_outcome_was_known_to_be_unknown_prove_it_too(
    session: Session, cipher: Cipher
) -> None:
    """The worker died with the answer: what arrived meanwhile waits, and adopts afterwards."""  # F4
    message = await _send(session, cipher)
    phone_hash = cipher.phone_hash(PHONE)
    for status in (S.ENQUEUED, S.SENT):
        report = _report(status, gupshup_id="gs-9", whatsapp_id="wa-9", phone_hash=phone_hash)
        assert (await apply_status(session, report)).message is None
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW + 60 * SECOND)
    assert (after.status, after.gupshup_message_id) == (S.SENT, "gs-9")
    assert (await _usage(session))[0].is_charged


@pytest.mark.parametrize("other", ["unknown", "sending"])
async def test_with_two_sends_in_question_nothing_is_adopted(
    session: Session, cipher: Cipher, other: str
) -> None:
    """A guess could charge the wrong message."""
    message = await _send(session, cipher)
    second = await _send(session, cipher)
    if other == "unknown":
        await record_outcome(session, second.id, status=S.UNKNOWN, now=NOW)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    report = _report(S.SENT, gupshup_id="gs-9", phone_hash=cipher.phone_hash(PHONE))
    assert (await apply_status(session, report)).message is None


@pytest.mark.parametrize(
    "changes",
    [{"account_id": "account-2"}, {"at": NOW + ADOPTED_WITHIN + SECOND}, {"phone_hash": b"x" * 32}],
)
async def test_an_orphan_of_another_time_account_or_phone_proves_nothing(
    session: Session, cipher: Cipher, changes: dict[str, Any]
) -> None:
    """Evidence is narrow: that account, that customer, that quarter of an hour."""
    message = await _send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    report = {"gupshup_id": "gs-9", "phone_hash": cipher.phone_hash(PHONE)} | changes
    assert (await apply_status(session, _report(S.SENT, **report))).message is None
    after = await find_message(session, message.id)
    assert after is not None
    assert after.status is S.UNKNOWN


async def test_orphans_of_two_messages_prove_neither(session: Session, cipher: Cipher) -> None:
    """Two ids to one customer and one unknown send: nobody can say whose they are."""
    message = await _send(session, cipher)
    for number in (1, 2):
        report = _report(S.SENT, gupshup_id=f"gs-{number}", phone_hash=cipher.phone_hash(PHONE))
        await apply_status(session, report)
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW + 9 * SECOND)
    assert after.status is S.UNKNOWN


async def test_a_tap_proves_delivery_of_an_unknown_send_only(session: Session, cipher: Cipher) -> None:
    """Our own reference came back from the customer's phone."""  # F28
    unknown = await _send(session, cipher)
    await record_outcome(session, unknown.id, status=S.UNKNOWN, now=NOW)
    proven = await adopt_by_reference(session, unknown.id, "gs-9")
    assert proven is not None
    assert (proven.status, proven.gupshup_message_id) == (S.DELIVERED, "gs-9")
    submitted = await _submit(session, cipher, "gs-1")
    assert await adopt_by_reference(session, submitted.id, "gs-8") == submitted
    assert [used.outcome for used in await _usage(session)] == ["accepted", "accepted"]


async def test_orphans_are_forgotten_after_a_day(session: Session) -> None:
    """They wait 24 h for their message."""
    await apply_status(session, _report(S.SENT, gupshup_id="gs-1"))
    assert await forget_orphan_statuses(session, NOW + timedelta(hours=23)) == 0
    assert await forget_orphan_statuses(session, NOW + timedelta(hours=25)) == 1


# --- Finding ---


async def test_a_message_is_found_by_either_provider_id_and_the_first_id_decides(
    session: Session, cipher: Cipher
) -> None:
    """`context` names Gupshup's id first, then WhatsApp's (R6.3)."""
    first = await _submit(session, cipher, "gs-1")
    second = await _submit(session, cipher, "gs-2")
    await apply_status(session, _report(S.ENQUEUED, gupshup_id="gs-2", whatsapp_id="wa-2"))
    for ids, expected in [
        (["gs-1", "wa-2"], first),
        (["none", "wa-2"], second),
        (["none"], None),
        ([], None),
    ]:
        found = await find_by_provider_ids(session, "account-1", ids)
        assert (found and found.id) == (expected and expected.id)
    assert await find_by_provider_ids(session, "account-2", ["gs-1"]) is None


async def test_references_lead_to_one_case_and_choice(session: Session, cipher: Cipher) -> None:
    """By the token's hash, or by the words of the message's own buttons."""  # S4
    case_id = "11111111-1111-4111-8111-111111111111"
    message = await _submit(session, cipher, case_id=case_id)
    references = [
        Reference(digest("token-1"), "reattempt", "Try again"),
        Reference(digest("token-2"), "cancel", "Cancel the order"),
    ]
    for _ in range(2):
        await add_references(
            session,
            workspace_id="kapaskraft",
            case_id=case_id,
            message_id=message.id,
            references=references,
        )
    found = await find_reference(session, digest("token-2"))
    assert found is not None
    assert (found.workspace_id, found.case_id, found.message_id, found.choice) == (
        "kapaskraft",
        case_id,
        message.id,
        "cancel",
    )
    assert await find_reference(session, digest("token-3")) is None
    assert await find_choice(session, message.id, "  try AGAIN ") == "reattempt"
    assert await find_choice(session, message.id, "Try") is None
    assert [each.id for each in await list_for_case(session, "kapaskraft", case_id)] == [message.id]


# --- Customers ---


async def test_a_customer_is_known_by_sender(session: Session) -> None:
    """The 24 h window and the opt-out belong to one sender and one phone (R5.5, R7.11)."""
    phone_hash = b"p" * 32
    assert (await customer(session, "account-1", phone_hash)).last_inbound_at is None
    await note_inbound(session, "account-1", phone_hash, NOW)
    await note_inbound(session, "account-1", phone_hash, NOW - SECOND)
    known = await customer(session, "account-1", phone_hash, lock=True)
    assert (known.last_inbound_at, known.opted_out_at) == (NOW, None)
    assert (await customer(session, "account-2", phone_hash)).last_inbound_at is None


async def test_a_late_opt_out_does_not_undo_a_newer_opt_in(session: Session) -> None:
    """Callbacks come in any order; the customer's last word stands."""
    phone_hash = b"p" * 32
    await set_opt_out(session, "account-1", phone_hash, opted_out=False, at=NOW, proof="start")
    await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW - SECOND, proof="stop")
    assert (await customer(session, "account-1", phone_hash)).opted_out_at is None
    await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW + SECOND, proof="stop")
    assert (await customer(session, "account-1", phone_hash)).opted_out_at == NOW + SECOND


async def test_no_intent_is_committed_after_an_opt_out(database: Database) -> None:
    """A send that has looked holds the opt-out back until it has committed."""  # I6
    phone_hash = b"p" * 32
    order: list[str] = []

    async def opt_out() -> None:
        async with database.transaction() as session:
            await set_opt_out(session, "account-1", phone_hash, opted_out=True, at=NOW, proof="stop")
        order.append("opt-out")

    async with database.transaction() as session:
        assert (await customer(session, "account-1", phone_hash, lock=True)).opted_out_at is None
        waiting = asyncio.create_task(opt_out())
        await asyncio.sleep(0.1)
        order.append("send")
    await waiting
    assert order == ["send", "opt-out"]


async def test_the_standard_answer_goes_out_once_a_day(session: Session) -> None:
    """At most once per 24 h and sender (R7.5)."""
    day = timedelta(hours=24)
    claims = [
        await claim_standard_answer(session, "account-1", b"p" * 32, NOW + after, every=day)
        for after in (timedelta(0), day - SECOND, day)
    ]
    assert claims == [True, False, True]
