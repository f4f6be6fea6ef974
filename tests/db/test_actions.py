"""One accepted action for a case, and none after its end (I4)."""

import asyncio
from datetime import timedelta

import pytest

from db.actions import AlreadyAccepted, AlreadyEnded, begin_action, record_answer
from db.cases import add_case, end_case
from db.encryption import Cipher
from db.session import Database, NotFound, Session
from db.workspaces import add_workspace
from domain.case_events import ActionRequest, Answer
from domain.cases import Progress
from domain.failures import Action, Mode
from domain.replies import AddressDraft
from domain.timing import Policy
from tests.factories import NOW, case_facts, workspace

W = "kapaskraft"
DAY = timedelta(days=1)
ENDED = Progress("ended", "nothing: the case has ended", outcome="resolved", note="a new delivery attempt")


async def _open(session: Session, cipher: Cipher) -> str:
    row, _ = await add_case(session, cipher, case_facts(), Policy(), deadline_at=NOW + DAY, now=NOW)
    return row.id


def _request(case_id: str, number: int = 1, action: Action = Action.REATTEMPT) -> ActionRequest:
    return ActionRequest(
        f"{case_id}/{number}", action, Mode.WHATSAPP, address=AddressDraft("14 Lotus Lane, Indiranagar")
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
        row = await begin_action(session, cipher, request, workspace_id=W, case_id=case_id, now=NOW)
        return row.status, row.is_new, row.answer, row.tries

    assert await begin() == ("asking", True, "", 1)
    assert await begin() == ("asking", False, "", 2)
    await record_answer(session, request.id, answer=answer, detail="call 99999 00001", now=NOW)
    decided = status in ("accepted", "refused")
    assert await begin() == (status, False, answer.value, 2 if decided else 3)
    late = Answer.REFUSED if answer is Answer.ACCEPTED else Answer.ACCEPTED
    if decided:
        await record_answer(session, request.id, answer=late, detail="", now=NOW)
        assert (await begin())[0] == status


async def test_one_action_of_a_case_is_accepted_however_many_ask(database: Database, cipher: Cipher) -> None:
    """Also if all of them were begun before any was answered."""  # I4
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        case_id = await _open(session, cipher)
        for number in range(10):
            await begin_action(
                session, cipher, _request(case_id, number), workspace_id=W, case_id=case_id, now=NOW
            )

    async def accept(number: int) -> bool:
        try:
            async with database.transaction() as session:
                await record_answer(
                    session, f"{case_id}/{number}", answer=Answer.ACCEPTED, detail="", now=NOW
                )
        except AlreadyAccepted:
            return False
        return True

    assert sum(await asyncio.gather(*(accept(number) for number in range(10)))) == 1
    with pytest.raises(AlreadyAccepted):
        async with database.transaction() as session:
            await begin_action(
                session, cipher, _request(case_id, 99), workspace_id=W, case_id=case_id, now=NOW
            )


@pytest.mark.usefixtures("_workspace")
async def test_nothing_is_asked_for_after_the_end(session: Session, cipher: Cipher) -> None:
    """Neither a new action nor one that was under way."""  # I4
    case_id = await _open(session, cipher)
    await begin_action(session, cipher, _request(case_id), workspace_id=W, case_id=case_id, now=NOW)
    await end_case(session, W, case_id, ENDED, ended_at=NOW)
    for number in (1, 2):
        with pytest.raises(AlreadyEnded):
            await begin_action(
                session, cipher, _request(case_id, number), workspace_id=W, case_id=case_id, now=NOW
            )
    with pytest.raises(NotFound):
        await begin_action(session, cipher, _request(case_id), workspace_id="other", case_id=case_id, now=NOW)
    with pytest.raises(NotFound):
        await record_answer(session, "no-such/1", answer=Answer.ACCEPTED, detail="", now=NOW)
