"""One case for a failed attempt, and the first end stands (I3, F56)."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from db.cases import (
    BadCursor,
    CaseRow,
    add_case,
    end_case,
    find_case,
    find_case_by_attempt,
    get_start,
    list_by_prefix,
    list_cases,
    list_customer_cases,
    list_of_all_workspaces,
    list_open_of_shipment,
    list_unstarted,
    mark_started,
    note_reply,
    save_progress,
    without_numbers,
)
from db.encryption import Cipher
from db.messages import add_message
from db.session import Database, NotFound, Session
from db.statuses import record_outcome
from db.tables import cases
from db.workspaces import add_workspace
from domain.cases import CaseFacts, Progress
from domain.messages import MessageStatus
from domain.timing import Policy
from tests.factories import NOW, PHONE, case_facts, new_message, workspace

W = "kapaskraft"
DAY = timedelta(days=1)
ENDED = Progress("ended", "nothing: the case has ended", outcome="resolved", note="a new delivery attempt")


async def _open(
    session: Session, cipher: Cipher, facts: CaseFacts | None = None, *, after: timedelta = timedelta(0)
) -> CaseRow:
    row, _ = await add_case(
        session, cipher, facts or case_facts(), Policy(), deadline_at=NOW + DAY, now=NOW + after
    )
    return row


async def test_the_same_failure_at_once_from_many_opens_one_case(database: Database, cipher: Cipher) -> None:
    """The database's unique key decides, and all see the same case."""  # I3 F12
    async with database.transaction() as session:
        await add_workspace(session, workspace())

    async def once() -> tuple[CaseRow, bool]:
        async with database.transaction() as session:
            return await add_case(session, cipher, case_facts(), Policy(), deadline_at=NOW + DAY, now=NOW)

    results = await asyncio.gather(*(once() for _ in range(30)))
    assert len({row.id for row, _ in results}) == 1
    assert sum(is_new for _, is_new in results) == 1


@pytest.mark.usefixtures("_workspace")
async def test_another_event_for_the_same_attempt_shows_by_its_content(
    session: Session, cipher: Cipher
) -> None:
    """The same content again has the same hash, whatever id the case was to have (F56)."""
    first = await _open(session, cipher)
    same, is_new = await add_case(session, cipher, case_facts(), Policy(), deadline_at=NOW, now=NOW)
    assert (same, is_new) == (first, False)
    other = case_facts(attempt=2, raw_remark="gate locked")
    assert (await _open(session, cipher, other)).content_hash != first.content_hash


@pytest.mark.usefixtures("_workspace")
async def test_a_case_starts_with_the_facts_and_policy_it_was_opened_with(
    session: Session, cipher: Cipher
) -> None:
    """Every field survives sealing."""
    facts = case_facts(is_cod=True, amount_due_paise=123_400)
    policy = Policy(holidays=(date(2026, 11, 21),), texts=(("nudge", "?"),))
    row, _ = await add_case(session, cipher, facts, policy, deadline_at=NOW, now=NOW)
    assert await get_start(session, cipher, W, row.id) == (facts, policy)
    with pytest.raises(NotFound):
        await get_start(session, cipher, "other", row.id)


@pytest.mark.usefixtures("_workspace")
async def test_a_case_is_found_in_its_own_workspace_only(session: Session, cipher: Cipher) -> None:
    """Whatever text is asked for."""  # I11 S14
    row = await _open(session, cipher)
    assert await find_case(session, W, row.id) == row
    assert await find_case_by_attempt(session, W, "SHIP1001", 1) == row
    for workspace_id, case_id in [("other", row.id), (W, "x"), (W, ""), (W, "0" * 32), (W, "\x00")]:
        assert await find_case(session, workspace_id, case_id) is None


@pytest.mark.usefixtures("_workspace")
async def test_progress_is_shown_until_the_first_end_which_stands(session: Session, cipher: Cipher) -> None:
    """A late save of a superseded run does not open a case again."""  # I9
    row = await _open(session, cipher)
    waiting = Progress("waiting", "the customer's choice", wake_at=NOW + DAY, note="called +91 99999-00001")
    await save_progress(session, W, row.id, waiting, NOW)
    assert await note_reply(session, W, row.id, NOW) == 1
    assert await note_reply(session, W, row.id, NOW - DAY) == 2
    times = await session.execute(select(cases.c.first_reply_at, cases.c.last_reply_at, cases.c.pincode))
    assert times.one() == (NOW - DAY, NOW, "560038")
    await mark_started(session, W, row.id, NOW)
    shown = await find_case(session, W, row.id)
    assert shown is not None
    assert (shown.state, shown.wake_at, shown.note, shown.last_reply_at, shown.started_at) == (
        "waiting",
        NOW + DAY,
        "called …",
        NOW,
        NOW,
    )
    assert await end_case(session, W, row.id, ENDED, ended_at=NOW)
    assert not await end_case(session, W, row.id, ENDED, ended_at=NOW + DAY)
    await save_progress(session, W, row.id, waiting, NOW)
    ended = await find_case(session, W, row.id)
    assert ended is not None
    assert (ended.state, ended.outcome, ended.ended_at, ended.is_open) == ("ended", "resolved", NOW, False)


@pytest.mark.usefixtures("_workspace")
async def test_cases_are_listed_page_by_page_newest_first(session: Session, cipher: Cipher) -> None:
    """Each once, also those of one instant; filtered by order, parcel and state (R8.1)."""
    for number in range(7):
        facts = case_facts(shipment_id=f"S{number}", order_id=f"O{number % 2}", tracking_id=f"T{number}")
        row = await _open(session, cipher, facts, after=timedelta(minutes=number // 3))
        if number == 0:
            await end_case(session, W, row.id, ENDED, ended_at=NOW)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await list_cases(session, W, before=cursor, limit=3)
        seen += [row.shipment_id for row in page]
        if cursor is None:
            break
    assert sorted(seen) == [f"S{number}" for number in range(7)]
    assert seen[0] == "S6"
    assert len((await list_cases(session, W, order_id="O1"))[0]) == 3
    assert [row.shipment_id for row in (await list_cases(session, W, tracking_id="T4"))[0]] == ["S4"]
    counts = [len((await list_cases(session, W, state=state))[0]) for state in ("open", "ended", "held", "x")]
    assert counts == [6, 1, 6, 0]
    assert (await list_cases(session, "other"))[0] == ()
    for bad in ("x", "", "ey", "MjAyNi0xMS0yMHx4", "é"):
        with pytest.raises(BadCursor):
            await list_cases(session, W, before=bad)


@pytest.mark.usefixtures("_workspace")
async def test_ops_find_cases_of_all_workspaces(session: Session, cipher: Cipher) -> None:
    """By what they know of one, and by the beginning of its id, however it is written (R6.11)."""
    await add_workspace(session, workspace(id="other"))
    first = await _open(session, cipher, case_facts(order_id="O1", tracking_id="T1"))
    other = await _open(
        session, cipher, case_facts(workspace_id="other", shipment_id="S2"), after=timedelta(hours=1)
    )
    await end_case(session, "other", other.id, ENDED, ended_at=NOW)

    async def found(**wanted: str) -> list[str]:
        return [row.id for row in await list_of_all_workspaces(session, **wanted, limit=9)]

    assert await found() == [other.id, first.id]
    assert [row.id for row in await list_of_all_workspaces(session, limit=1)] == [other.id]
    for only_first in ({"workspace_id": W}, {"order_id": "O1"}, {"tracking_id": "T1"}, {"state": "open"}):
        assert await found(**only_first) == [first.id]
    for only_other in ({"state": "ended"}, {"outcome": "resolved"}):
        assert await found(**only_other) == [other.id]
    assert await found(outcome="rto") == []
    for given in (first.id, first.id[:6], first.id[:11].upper(), first.id.replace("-", "")):
        assert [row.id for row in await list_by_prefix(session, given, limit=9)] == [first.id]
    for given in ("", "xyz", f"{first.id}0", "%", "é"):
        assert await list_by_prefix(session, given, limit=9) == ()


@pytest.mark.usefixtures("_workspace")
async def test_a_customers_cases_come_newest_first_with_what_their_messages_reached(
    session: Session, cipher: Cipher
) -> None:
    """Of one sender, of any workspace: the open ones, and those that ended lately (R6.3, R7.8)."""
    await add_workspace(session, workspace(id="other"))
    old = await _open(session, cipher, case_facts(shipment_id="S1"))
    lately = await _open(session, cipher, case_facts(shipment_id="S2"), after=timedelta(hours=1))
    newest = await _open(
        session, cipher, case_facts(shipment_id="S3", workspace_id="other"), after=timedelta(hours=2)
    )
    await _open(session, cipher, case_facts(shipment_id="S4", account_id="account-2"))
    await _open(session, cipher, case_facts(shipment_id="S5", customer_phone="919999900002"))
    await end_case(session, W, old.id, ENDED, ended_at=NOW)
    await end_case(session, W, lately.id, ENDED, ended_at=NOW + DAY)
    for number, status in ((1, MessageStatus.SUBMITTED), (2, MessageStatus.UNKNOWN)):
        message = await add_message(
            session,
            cipher,
            new_message(
                workspace_id="other",
                case_id=newest.id,
                command_id=f"{newest.id}/{number}",
                now=NOW + timedelta(minutes=number),
            ),
        )
        await record_outcome(session, message.id, status=status, now=NOW)
    found = await list_customer_cases(session, "account-1", cipher.phone_hash(PHONE), since=NOW + DAY / 2)
    assert [(each.row.shipment_id, each.message_statuses) for each in found] == [
        ("S3", frozenset({MessageStatus.SUBMITTED, MessageStatus.UNKNOWN})),
        ("S2", frozenset()),
    ]


@pytest.mark.usefixtures("_workspace")
async def test_the_sweep_sees_open_cases_whose_run_was_not_started(session: Session, cipher: Cipher) -> None:
    """Killed between the row and the start of the run."""  # F6
    first = await _open(session, cipher, case_facts(attempt=1))
    second = await _open(session, cipher, case_facts(attempt=2))
    later = NOW + timedelta(minutes=1)
    assert len(await list_unstarted(session, older_than=later, limit=9)) == 2
    assert await list_unstarted(session, older_than=NOW, limit=9) == ()
    assert [row.id for row in await list_unstarted(session, older_than=later, limit=1, but=[first.id])] == [
        second.id
    ]
    await mark_started(session, W, first.id, NOW)
    assert [row.id for row in await list_unstarted(session, older_than=later, limit=9)] == [second.id]
    assert [row.attempt for row in await list_open_of_shipment(session, W, "SHIP1001")] == [1, 2]
    await end_case(session, W, second.id, ENDED, ended_at=NOW)
    assert await list_unstarted(session, older_than=later, limit=9) == ()
    assert [row.attempt for row in await list_open_of_shipment(session, W, "SHIP1001")] == [1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("door locked", "door locked"),
        ("called 9999900001 twice", "called … twice"),
        ("+91 99999-00001.", "…."),
        ("AWB 123456789 at 10:30", "AWB 123456789 at 10:30"),
    ],
)
def test_other_peoples_words_lose_what_may_be_a_phone(words: str, expected: str) -> None:
    """Ten digits in a row, however they are spaced."""  # I12
    assert without_numbers(words) == expected
