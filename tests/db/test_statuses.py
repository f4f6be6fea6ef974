"""Statuses only forward, whatever order they come in, and evidence for what nobody answered (I7, I10)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from db.adjustments import list_of_message
from db.encryption import Cipher
from db.messages import find_message
from db.session import Database, NotFound, Session
from db.statuses import (
    ADOPTED_WITHIN,
    adopt_by_reference,
    apply_status,
    forget_orphan_statuses,
    record_outcome,
)
from domain.messages import MessageStatus, forward
from tests.db.sending import SECOND, send, status_report, submit, usage
from tests.factories import NOW, PHONE

S = MessageStatus


# --- The outcome of a send ---


@pytest.mark.parametrize(
    ("status", "outcome", "is_charged"),
    [(S.SUBMITTED, "accepted", True), (S.REFUSED, "refused", False), (S.UNKNOWN, "unknown", False)],
)
async def test_an_outcome_decides_what_is_charged(
    session: Session, cipher: Cipher, status: MessageStatus, outcome: str, *, is_charged: bool
) -> None:
    """Only what Gupshup accepted is charged (R5.4)."""
    message = await send(session, cipher)
    after = await record_outcome(session, message.id, status=status, now=NOW, code="1003", reason="wallet")
    assert (after.status, after.code, after.reason, after.lease_until) == (status, "1003", "wallet", None)
    (used,) = await usage(session)
    assert (used.outcome, used.is_charged) == (outcome, is_charged)


async def test_a_late_answer_to_an_unknown_send_is_taken(session: Session, cipher: Cipher) -> None:
    """A frozen attempt that thaws and has its answer after all adds evidence, nothing else."""  # F7
    message = await send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    after = await record_outcome(session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id="gs-1")
    assert (after.status, after.gupshup_message_id) == (S.SUBMITTED, "gs-1")
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    assert after.status is S.SUBMITTED


async def test_an_outcome_for_no_message_is_an_error(session: Session) -> None:
    """A caller that lost its message hears of it."""
    with pytest.raises(NotFound):
        await record_outcome(session, "00000000-0000-0000-0000-000000000000", status=S.SUBMITTED, now=NOW)


# --- What callbacks report ---

JOURNEY = (S.ENQUEUED, S.SENT, S.DELIVERED, S.READ)


@pytest.mark.parametrize("order", list(permutations(JOURNEY)))
async def test_statuses_in_any_order_end_at_the_furthest(
    session: Session, cipher: Cipher, order: Sequence[MessageStatus]
) -> None:
    """Forward only, each kept once, however often it comes (R5.2)."""  # I10 F40
    message = await submit(session, cipher)
    expected = message.status
    for status in order:
        report = status_report(status, gupshup_id="gs-1", whatsapp_id="wa-1")
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
        message = await send(session, cipher)
        ids = (f"gs-{number}", f"wa-{number}")
        for status, with_gupshup, with_whatsapp in order:
            gupshup_id, whatsapp_id = ids[0] if with_gupshup else None, ids[1] if with_whatsapp else None
            if status is S.SUBMITTED:
                await record_outcome(
                    session, message.id, status=status, now=NOW, gupshup_message_id=gupshup_id
                )
            else:
                await apply_status(
                    session, status_report(status, gupshup_id=gupshup_id, whatsapp_id=whatsapp_id)
                )
        after = await find_message(session, message.id)
        assert after is not None
        assert (after.status, after.gupshup_message_id, after.whatsapp_message_id) == (S.READ, *ids), order
    assert await forget_orphan_statuses(session, NOW + timedelta(days=9)) == 0


async def test_a_failure_is_not_charged_unless_the_phone_proves_otherwise(
    session: Session, cipher: Cipher
) -> None:
    """Failed after sent takes the charge back; read after failed puts it on again: each a booking of its own (R5.4)."""
    message = await submit(session, cipher)

    async def booked() -> list[tuple[str, int]]:
        found = await list_of_message(session, message.workspace_id, message.id)
        return [(one.reason.value, one.amount_paise) for one in found]

    await apply_status(session, status_report(S.SENT, gupshup_id="gs-1"))
    assert await booked() == []
    effect = await apply_status(
        session, status_report(S.FAILED, gupshup_id="gs-1", code="131026", reason="no")
    )
    assert effect.message is not None
    assert (effect.message.status, effect.message.code) == (S.FAILED, "131026")
    assert await booked() == [("failed", -35)]
    await apply_status(session, status_report(S.READ, gupshup_id="gs-1", pricing_category="utility"))
    assert await booked() == [("failed", -35), ("delivered", 35)]
    (used,) = await usage(session)
    assert used.is_charged
    assert used.pricing_category == "utility"


async def test_a_status_of_another_account_does_not_find_the_message(
    session: Session, cipher: Cipher
) -> None:
    """Ids mean something within their account only."""  # I11 F43
    await submit(session, cipher)
    effect = await apply_status(session, status_report(S.READ, account_id="account-2", gupshup_id="gs-1"))
    assert effect.message is None


async def test_answer_and_status_at_the_same_instant_find_each_other(
    database: Database, cipher: Cipher
) -> None:
    """Neither may look before the other is committed and miss it."""  # F30

    async def one(number: int) -> None:
        async with database.transaction() as session:
            message = await send(session, cipher, phone=f"9199999000{number:02d}")
        phone_hash = cipher.phone_hash(f"9199999000{number:02d}")

        async def outcome() -> None:
            async with database.transaction() as session:
                await record_outcome(
                    session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id=f"gs-{number}"
                )

        async def status(status: MessageStatus, **ids: str) -> None:
            async with database.transaction() as session:
                await apply_status(session, status_report(status, phone_hash=phone_hash, **ids))

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
    message = await send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    effect = await apply_status(
        session,
        status_report(S.ENQUEUED, gupshup_id="gs-9", whatsapp_id="wa-9", phone_hash=cipher.phone_hash(PHONE)),
    )
    assert effect.changed
    assert effect.message is not None
    assert (effect.message.id, effect.message.gupshup_message_id) == (message.id, "gs-9")
    (used,) = await usage(session)
    assert (used.outcome, used.is_charged) == ("accepted", True)
    assert (await apply_status(session, status_report(S.READ, whatsapp_id="wa-9"))).message is not None


async def test_statuses_that_came_before_the_outcome_was_known_to_be_unknown_prove_it_too(
    session: Session, cipher: Cipher
) -> None:
    """The worker died with the answer: what arrived meanwhile waits, and adopts afterwards."""  # F4
    message = await send(session, cipher)
    phone_hash = cipher.phone_hash(PHONE)
    for status in (S.ENQUEUED, S.SENT):
        report = status_report(status, gupshup_id="gs-9", whatsapp_id="wa-9", phone_hash=phone_hash)
        assert (await apply_status(session, report)).message is None
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW + 60 * SECOND)
    assert (after.status, after.gupshup_message_id) == (S.SENT, "gs-9")
    assert (await usage(session))[0].is_charged


@pytest.mark.parametrize("other", ["unknown", "sending"])
async def test_with_two_sends_in_question_nothing_is_adopted(
    session: Session, cipher: Cipher, other: str
) -> None:
    """A guess could charge the wrong message."""
    message = await send(session, cipher)
    second = await send(session, cipher)
    if other == "unknown":
        await record_outcome(session, second.id, status=S.UNKNOWN, now=NOW)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    report = status_report(S.SENT, gupshup_id="gs-9", phone_hash=cipher.phone_hash(PHONE))
    assert (await apply_status(session, report)).message is None


@pytest.mark.parametrize(
    "changes",
    [{"account_id": "account-2"}, {"at": NOW + ADOPTED_WITHIN + SECOND}, {"phone_hash": b"x" * 32}],
)
async def test_an_orphan_of_another_time_account_or_phone_proves_nothing(
    session: Session, cipher: Cipher, changes: dict[str, Any]
) -> None:
    """Evidence is narrow: that account, that customer, that quarter of an hour."""
    message = await send(session, cipher)
    await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    report = {"gupshup_id": "gs-9", "phone_hash": cipher.phone_hash(PHONE)} | changes
    assert (await apply_status(session, status_report(S.SENT, **report))).message is None
    after = await find_message(session, message.id)
    assert after is not None
    assert after.status is S.UNKNOWN


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_status_without_gupshups_id_proves_nothing(
    session: Session, cipher: Cipher, *, is_late: bool
) -> None:
    """It is of a message a week old, or of one that was accepted: not of the send in question."""  # I5 I10
    message = await send(session, cipher)
    report = status_report(S.READ, whatsapp_id="wa-1", phone_hash=cipher.phone_hash(PHONE))
    if is_late:
        await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW)
    assert (await apply_status(session, report)).message is None
    if not is_late:
        await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW + 9 * SECOND)
    after = await find_message(session, message.id)
    assert after is not None
    assert after.status is S.UNKNOWN


async def test_orphans_of_two_messages_prove_neither(session: Session, cipher: Cipher) -> None:
    """Two ids to one customer and one unknown send: nobody can say whose they are."""
    message = await send(session, cipher)
    for number in (1, 2):
        report = status_report(S.SENT, gupshup_id=f"gs-{number}", phone_hash=cipher.phone_hash(PHONE))
        await apply_status(session, report)
    after = await record_outcome(session, message.id, status=S.UNKNOWN, now=NOW + 9 * SECOND)
    assert after.status is S.UNKNOWN


async def test_a_tap_proves_delivery_of_an_unknown_send_only(session: Session, cipher: Cipher) -> None:
    """Our own reference came back from the customer's phone."""  # F28
    unknown = await send(session, cipher)
    await record_outcome(session, unknown.id, status=S.UNKNOWN, now=NOW)
    proven = await adopt_by_reference(session, unknown.id, "gs-9", at=NOW)
    assert proven is not None
    assert (proven.status, proven.gupshup_message_id) == (S.DELIVERED, "gs-9")
    submitted = await submit(session, cipher, "gs-1")
    assert await adopt_by_reference(session, submitted.id, "gs-8", at=NOW) == submitted
    assert [used.outcome for used in await usage(session)] == ["accepted", "accepted"]


async def test_orphans_are_forgotten_after_a_day(session: Session) -> None:
    """They wait 24 h for their message."""
    await apply_status(session, status_report(S.SENT, gupshup_id="gs-1"))
    assert await forget_orphan_statuses(session, NOW + timedelta(hours=23)) == 0
    assert await forget_orphan_statuses(session, NOW + timedelta(hours=25)) == 1
