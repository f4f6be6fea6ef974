"""One accepted action for a case, none after its end, and one call at a time for a request (I4, F7)."""

import asyncio
from datetime import datetime, timedelta

import pytest

from db.actions import (
    ActionBusy,
    ActionRow,
    AlreadyAccepted,
    AlreadyEnded,
    ShipmentPast,
    list_asked,
    list_withdrawn,
    record_answer,
    renew_lease,
)
from db.actions import begin_action as begin_with_lease
from db.cases import add_case, end_case
from db.encryption import Cipher
from db.session import Database, NotFound, Session
from db.shipments import record_move
from db.workspaces import add_workspace
from domain.case_events import ActionRequest, Answer
from domain.cases import Progress
from domain.failures import Action, Mode
from domain.replies import AddressDraft
from domain.shipments import ShipmentMove
from domain.timing import Policy
from tests.factories import NOW, case_facts, workspace

W = "kapaskraft"
DAY = timedelta(days=1)
LEASE = timedelta(seconds=35)
ENDED = Progress("ended", "nothing: the case has ended", outcome="resolved", note="a new delivery attempt")


async def _open(session: Session, cipher: Cipher) -> str:
    row, _ = await add_case(session, cipher, case_facts(), Policy(), deadline_at=NOW + DAY, now=NOW)
    return row.id


def _request(case_id: str, number: int = 1, action: Action = Action.REATTEMPT) -> ActionRequest:
    return ActionRequest(
        f"{case_id}/{number}", action, Mode.WHATSAPP, address=AddressDraft("14 Lotus Lane, Indiranagar")
    )


async def begin_action(
    session: Session,
    cipher: Cipher,
    request: ActionRequest,
    *,
    case_id: str,
    workspace_id: str = W,
    now: datetime = NOW,
    lease: timedelta = LEASE,
) -> ActionRow:
    return await begin_with_lease(
        session,
        cipher,
        request,
        workspace_id=workspace_id,
        case_id=case_id,
        now=now,
        lease_until=now + lease,
    )


@pytest.mark.usefixtures("_workspace")
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer.UNAVAILABLE, "unavailable"),
        (Answer.UNKNOWN, "unknown"),
        (Answer.REFUSED_DATE, "refused"),
        (Answer.NOT_WAITING, "refused"),
        (Answer.ACCEPTED, "accepted"),
    ],
)
async def test_an_action_taken_up_again_tells_how_it_stood(
    session: Session, cipher: Cipher, answer: Answer, status: str
) -> None:
    """What was answered for good is not asked again; after "asking" and "unknown" the shipment is read first."""  # F5
    case_id = await _open(session, cipher)
    request = _request(case_id)

    async def begin() -> tuple[str, bool, str, int]:
        row = await begin_action(session, cipher, request, case_id=case_id, lease=timedelta())
        return row.status, row.is_new, row.answer, row.tries

    assert await begin() == ("asking", True, "", 1)
    assert await begin() == ("asking", False, "", 2)
    await record_answer(session, request.id, tries=2, answer=answer, detail="call 99999 00001", now=NOW)
    decided = status in ("accepted", "refused")
    assert await begin() == (status, False, answer.value, 2 if decided else 3)
    if decided:
        await record_answer(session, request.id, tries=2, answer=Answer.REFUSED, detail="", now=NOW)
        assert (await begin())[0] == status


@pytest.mark.usefixtures("_workspace")
@pytest.mark.parametrize("change", ["a later attempt", "delivered"])
async def test_nothing_is_asked_for_a_shipment_that_is_past_it(
    session: Session, cipher: Cipher, change: str
) -> None:
    """R6.9: also before the case has heard of it; what may have been executed is still taken up, to be read."""
    case_id = await _open(session, cipher)
    await begin_action(session, cipher, _request(case_id), case_id=case_id, lease=timedelta())
    if change == "delivered":
        await record_move(
            session,
            W,
            "SHIP1001",
            order_id="KK1001",
            tracking_id="TRK1001",
            move=ShipmentMove.DELIVERED,
            attempt=None,
            at=NOW,
        )
    else:
        await add_case(
            session, cipher, case_facts(attempt=2), Policy(), deadline_at=NOW + DAY, now=NOW + timedelta(1)
        )
    with pytest.raises(ShipmentPast):
        await begin_action(session, cipher, _request(case_id, 2), case_id=case_id)
    assert (await begin_action(session, cipher, _request(case_id), case_id=case_id)).tries == 2


@pytest.mark.usefixtures("_workspace")
async def test_nobody_else_begins_while_a_call_may_be_under_way(session: Session, cipher: Cipher) -> None:
    """What an open call comes to cannot be read yet: the next attempt waits the lease out."""  # I4 F7
    case_id = await _open(session, cipher)
    request = _request(case_id)
    await begin_action(session, cipher, request, case_id=case_id)
    late = NOW + LEASE - timedelta(seconds=1)
    with pytest.raises(ActionBusy) as busy:
        await begin_action(session, cipher, request, case_id=case_id, now=late)
    assert busy.value.until == NOW + LEASE
    again = await begin_action(session, cipher, request, case_id=case_id, now=NOW + LEASE)
    assert (again.status, again.tries, again.is_new) == ("asking", 2, False)


@pytest.mark.usefixtures("_workspace")
async def test_lease_is_renewed_by_its_holder_only(session: Session, cipher: Cipher) -> None:
    """A process that thaws finds that another attempt has taken over, or that the answer is known."""  # F7
    case_id = await _open(session, cipher)
    request = _request(case_id)
    for _ in range(2):
        await begin_action(session, cipher, request, case_id=case_id, lease=timedelta())
    until = NOW + LEASE
    assert not await renew_lease(session, request.id, tries=1, lease_until=until)
    assert await renew_lease(session, request.id, tries=2, lease_until=until)
    with pytest.raises(ActionBusy):
        await begin_action(session, cipher, request, case_id=case_id)
    await record_answer(session, request.id, tries=2, answer=Answer.UNKNOWN, detail="", now=NOW)
    assert not await renew_lease(session, request.id, tries=2, lease_until=until)


@pytest.mark.usefixtures("_workspace")
@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (Answer.REFUSED, Answer.ACCEPTED, Answer.ACCEPTED),
        (Answer.NOT_WAITING, Answer.ACCEPTED, Answer.ACCEPTED),
        (Answer.ACCEPTED, Answer.NOT_WAITING, Answer.ACCEPTED),
        (Answer.REFUSED, Answer.NOT_WAITING, Answer.REFUSED),
        (Answer.UNKNOWN, Answer.REFUSED, Answer.REFUSED),
    ],
)
async def test_acceptance_wins_over_every_answer_to_the_same_request(
    session: Session, cipher: Cipher, first: Answer, second: Answer, stands: Answer
) -> None:
    """Two attempts of one request may both be answered: what is recorded is what is told."""  # I4 F7
    case_id = await _open(session, cipher)
    request = _request(case_id)
    for _ in range(2):
        await begin_action(session, cipher, request, case_id=case_id, lease=timedelta())
    await record_answer(session, request.id, tries=2, answer=first, detail="one", now=NOW)
    row = await record_answer(session, request.id, tries=1, answer=second, detail="other", now=NOW)
    assert (row.answer, row.detail) == (stands.value, "one" if stands is first else "other")
    assert await begin_action(session, cipher, request, case_id=case_id) == row


@pytest.mark.usefixtures("_workspace")
async def test_attempt_that_was_taken_over_says_nothing_by_not_knowing(
    session: Session, cipher: Cipher
) -> None:
    """The other's call may be under way: "surely not executed" is true of the one alone."""  # I4
    case_id = await _open(session, cipher)
    request = _request(case_id)
    await begin_action(session, cipher, request, case_id=case_id, lease=timedelta())
    await begin_action(session, cipher, request, case_id=case_id)
    for answer in (Answer.UNAVAILABLE, Answer.UNKNOWN):
        row = await record_answer(session, request.id, tries=1, answer=answer, detail="", now=NOW)
        assert (row.status, row.lease_until) == ("asking", NOW + LEASE)


async def test_one_action_of_a_case_is_accepted_however_many_ask(database: Database, cipher: Cipher) -> None:
    """Also if all of them were begun before any was answered."""  # I4
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        case_id = await _open(session, cipher)
        for number in range(10):
            await begin_action(session, cipher, _request(case_id, number), case_id=case_id)

    async def accept(number: int) -> bool:
        try:
            async with database.transaction() as session:
                await record_answer(
                    session, f"{case_id}/{number}", tries=1, answer=Answer.ACCEPTED, detail="", now=NOW
                )
        except AlreadyAccepted:
            return False
        return True

    assert sum(await asyncio.gather(*(accept(number) for number in range(10)))) == 1
    with pytest.raises(AlreadyAccepted):
        async with database.transaction() as session:
            await begin_action(session, cipher, _request(case_id, 99), case_id=case_id)


@pytest.mark.usefixtures("_workspace")
async def test_nothing_is_asked_for_after_the_end(session: Session, cipher: Cipher) -> None:
    """Neither a new action nor one that was under way."""  # I4
    case_id = await _open(session, cipher)
    await begin_action(session, cipher, _request(case_id), case_id=case_id)
    await end_case(session, W, case_id, ENDED, ended_at=NOW)
    for number in (1, 2):
        with pytest.raises(AlreadyEnded):
            await begin_action(session, cipher, _request(case_id, number), case_id=case_id)
    with pytest.raises(NotFound):
        await begin_action(session, cipher, _request(case_id), workspace_id="other", case_id=case_id)
    with pytest.raises(NotFound):
        await record_answer(session, "no-such/1", tries=1, answer=Answer.ACCEPTED, detail="", now=NOW)


@pytest.mark.usefixtures("_workspace")
async def test_actions_that_were_refused_for_the_case_are_known(session: Session, cipher: Cipher) -> None:
    """Not those of which only the day was refused: another day may be taken (R6.5)."""
    case_id = await _open(session, cipher)
    answers = {
        Action.CANCEL: Answer.REFUSED,
        Action.RESCHEDULE: Answer.REFUSED_DATE,
        Action.DISPUTE: Answer.UNKNOWN,
        Action.REATTEMPT: Answer.ACCEPTED,
    }
    for number, (action, answer) in enumerate(answers.items()):
        await begin_action(session, cipher, _request(case_id, number, action), case_id=case_id)
        await record_answer(session, f"{case_id}/{number}", tries=1, answer=answer, detail="", now=NOW)
    assert await list_withdrawn(session, W, case_id) == (Action.CANCEL,)
    assert await list_withdrawn(session, "other", case_id) == ()


@pytest.mark.usefixtures("_workspace")
async def test_a_page_sees_what_was_asked_for_and_what_came_of_it(session: Session, cipher: Cipher) -> None:
    """Of the cases of one workspace, the latest first: asked and answered are two times (R6.5, I11)."""
    case_id = await _open(session, cipher)
    refused, accepted = _request(case_id, 1, Action.UPDATE_ADDRESS), _request(case_id, 2)
    await begin_action(session, cipher, refused, case_id=case_id)
    await record_answer(
        session, refused.id, tries=1, answer=Answer.REFUSED, detail="pincode differs", now=NOW + LEASE
    )
    await begin_action(session, cipher, accepted, case_id=case_id, now=NOW + DAY)
    asked = await list_asked(session, cipher, W, [case_id])
    assert [(each.id, each.status, each.answer, each.asked_at, each.answered_at) for each in asked] == [
        (accepted.id, "asking", "", NOW + DAY, None),
        (refused.id, "refused", "refused", NOW, NOW + LEASE),
    ]
    assert (asked[1].request, asked[1].detail) == (refused, "pincode differs")
    assert await list_asked(session, cipher, "other", [case_id]) == ()
    assert await list_asked(session, cipher, W, []) == ()
