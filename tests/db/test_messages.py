"""At most one message for a command, and never again what may have been sent (I5, I7)."""

from datetime import timedelta

import pytest

from db.encryption import Cipher
from db.messages import (
    MayHaveBeenSent,
    find_by_command,
    find_by_provider_ids,
    get_content,
    list_for_case,
    list_messages,
    restart_message,
)
from db.session import Session, TryAgain
from db.statuses import apply_status, record_outcome
from domain.messages import MessageStatus
from tests.db.sending import send, status_report, submit, usage
from tests.factories import NOW, PHONE

S = MessageStatus


async def test_several_messages_are_read_at_once(session: Session, cipher: Cipher) -> None:
    """Of one workspace (I11)."""
    message = await send(session, cipher)
    assert await list_messages(session, "kapaskraft", [message.id]) == {message.id: message}
    assert await list_messages(session, "other", [message.id]) == {}
    assert await list_messages(session, "kapaskraft", []) == {}


# --- Sending ---


async def test_an_intent_is_written_with_its_usage(session: Session, cipher: Cipher) -> None:
    """Message and usage exist before the request goes out, and nothing is charged yet."""  # I7
    message = await send(session, cipher, command_id="c/1")
    assert message.status is S.SENDING
    assert await find_by_command(session, "kapaskraft", "c/1") == message
    assert await find_by_command(session, "other", "c/1") is None
    (used,) = await usage(session)
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
    await send(session, cipher, command_id="c/1")
    with pytest.raises(TryAgain):
        await send(session, cipher, command_id="c/1")


@pytest.mark.parametrize("status", [S.SUBMITTED, S.UNKNOWN])
async def test_what_may_have_been_sent_is_never_sent_again(
    session: Session, cipher: Cipher, status: MessageStatus
) -> None:
    """Neither an unknown outcome nor a running send is restarted."""  # I5
    message = await send(session, cipher)
    again = {"attempt": 2, "lease_until": NOW, "now": NOW}
    with pytest.raises(MayHaveBeenSent):
        await restart_message(session, message.id, **again)  # type: ignore[arg-type]
    await record_outcome(session, message.id, status=status, now=NOW)
    with pytest.raises(MayHaveBeenSent):
        await restart_message(session, message.id, **again)  # type: ignore[arg-type]


async def test_what_was_surely_refused_may_be_sent_again(session: Session, cipher: Cipher) -> None:
    """The same message and the same usage record, not a second one."""  # F25
    message = await send(session, cipher)
    await record_outcome(session, message.id, status=S.REFUSED, now=NOW, code="429", reason="slow down")
    again = await restart_message(session, message.id, attempt=2, lease_until=NOW, now=NOW)
    assert (again.status, again.attempt, again.code) == (S.SENDING, 2, "")
    await record_outcome(session, message.id, status=S.SUBMITTED, now=NOW, gupshup_message_id="gs-1")
    (used,) = await usage(session)
    assert (used.outcome, used.is_charged) == ("accepted", True)


# --- Finding ---


async def test_a_message_is_found_by_either_provider_id_and_the_first_id_decides(
    session: Session, cipher: Cipher
) -> None:
    """`context` names Gupshup's id first, then WhatsApp's (R6.3)."""
    first = await submit(session, cipher, "gs-1")
    second = await submit(session, cipher, "gs-2")
    await apply_status(session, status_report(S.ENQUEUED, gupshup_id="gs-2", whatsapp_id="wa-2"))
    for ids, expected in [
        (["gs-1", "wa-2"], first),
        (["none", "wa-2"], second),
        (["none"], None),
        ([], None),
    ]:
        found = await find_by_provider_ids(session, "account-1", ids)
        assert (found and found.id) == (expected and expected.id)
    assert await find_by_provider_ids(session, "account-2", ["gs-1"]) is None


async def test_a_cases_messages_are_listed_oldest_first(session: Session, cipher: Cipher) -> None:
    """In its own workspace only."""  # I11
    case_id = "11111111-1111-4111-8111-111111111111"
    later = await send(session, cipher, case_id=case_id, now=NOW + timedelta(hours=4))
    first = await send(session, cipher, case_id=case_id)
    await send(session, cipher)
    listed = await list_for_case(session, "kapaskraft", case_id)
    assert [message.id for message in listed] == [first.id, later.id]
    assert await list_for_case(session, "other", case_id) == ()
