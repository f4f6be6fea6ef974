"""A month is reckoned from its rows, closed once, and never changes afterwards (R5.4 statement)."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from db import adjustments
from db.charges import NotCharged, list_exempt, list_lines
from db.encryption import Cipher
from db.messages import Message, add_message
from db.session import Database, NotFound, Session
from db.statements import (
    NotYet,
    close,
    find_break,
    get_statement,
    list_closed,
    list_due,
    list_of_all_workspaces,
    list_tax_rates,
    reckon,
    set_tax,
)
from db.statuses import StatusReport, adopt_by_reference, apply_status, record_outcome
from db.tables import statements
from db.workspaces import PLATFORM, add_workspace, ensure_platform
from domain.billing import Adjusted, StatementCorrection, TaxLine, TaxRate
from domain.messages import MessageStatus
from domain.timing import Policy
from tests.factories import new_message, workspace

W = "kapaskraft"
DAY = timedelta(days=1)
OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
IN_OCTOBER = datetime(2026, 10, 31, 18, tzinfo=UTC)
"""Half an hour before midnight in India."""
DUE = datetime(2026, 11, 5, 18, 30, tzinfo=UTC)
"""Five days after the end of October in India."""


async def begin(session: Session, cipher: Cipher, *, now: datetime = IN_OCTOBER, **changes: Any) -> Message:
    """Write the intent to send a message."""
    return await add_message(session, cipher, new_message(now=now, **changes))


async def accept(session: Session, message: Message, at: datetime | None = None) -> Message:
    """Have Gupshup take a message."""
    return await record_outcome(
        session,
        message.id,
        status=MessageStatus.SUBMITTED,
        now=at or message.sending_at,
        gupshup_message_id=f"gs-{message.id}",
    )


async def report(session: Session, message: Message, status: MessageStatus, at: datetime) -> None:
    """Report a status of a message that Gupshup took."""
    await apply_status(
        session,
        StatusReport(account_id=message.account_id, status=status, gupshup_id=f"gs-{message.id}", at=at),
    )


async def close_october(session: Session, *, workspace_id: str = W, now: datetime = DUE) -> None:
    """Close October."""
    await close(session, workspace_id, OCTOBER, now=now, days=5, person="meera")


@pytest.fixture
async def _october(session: Session, cipher: Cipher) -> None:
    """A workspace that sent three messages in October: one came, one failed, one went through its own account."""
    await add_workspace(session, workspace())
    for number, owner in enumerate(("eshopbox", "eshopbox", "client")):
        changes: dict[str, Any] = {
            "account_owner": owner,
            "account_id": f"account-{owner}",
            "phone": f"91999990000{number}",
        }
        message = await accept(session, await begin(session, cipher, **changes))
        if number == 1:
            await report(session, message, MessageStatus.FAILED, IN_OCTOBER)


@pytest.mark.usefixtures("_october")
async def test_a_statement_is_the_sum_of_its_rows_with_taxes(session: Session) -> None:
    """What failed within the month stands in its line; taxes are reckoned once on the total (R5.4 statement)."""
    await set_tax(session, TaxRate("GST", 1800, OCTOBER))
    statement, closed = await get_statement(session, W, OCTOBER)
    assert closed is None
    shared, own = statement.lines
    assert (shared.account_owner, shared.accepted, shared.failed, shared.charged, shared.charged_paise) == (
        "eshopbox", 2, 1, 1, 35,
    )  # fmt: skip
    assert (own.account_owner, own.accepted, own.charged_paise) == ("client", 1, 0)
    assert statement.corrections == ()
    assert statement.taxes == (TaxLine("GST", 1800, 6),)  # 6.3
    assert (statement.net_paise, statement.total_paise) == (35, 41)
    assert (await reckon(session, W, NOVEMBER)).total_paise == 0
    with pytest.raises(NotFound):
        await reckon(session, "nobody", OCTOBER)


@pytest.mark.usefixtures("_october")
async def test_a_month_is_closed_some_days_after_its_end_and_once(session: Session) -> None:
    """By the workspace's calendar; closing it again gives what was closed (R5.4 statement)."""
    with pytest.raises(NotYet, match="2026-11-06"):
        await close_october(session, now=DUE - timedelta(seconds=1))
    with pytest.raises(ValueError, match="a day after"):
        await close(session, W, OCTOBER, now=DUE, days=0, person="meera")
    assert await list_due(session, DUE - timedelta(seconds=1), days=5) == ()
    assert await list_due(session, DUE, days=5) == ((W, OCTOBER),)
    first = await close(session, W, OCTOBER, now=DUE, days=5, person="meera")
    await set_tax(session, TaxRate("GST", 1800, OCTOBER))
    assert await close(session, W, OCTOBER, now=DUE + DAY, days=5, person="arjun") == first
    assert (first.net_paise, first.tax_paise, first.person, first.closed_at) == (35, 0, "meera", DUE)
    assert await list_due(session, DUE + DAY, days=5) == ()
    statement, closed = await get_statement(session, W, OCTOBER)
    assert (closed, statement.total_paise, first.is_whole) == (first, 35, True)


@pytest.mark.usefixtures("_october")
async def test_what_comes_after_the_close_stands_in_the_open_month(session: Session, cipher: Cipher) -> None:
    """A failure, a delivery after all and an acceptance proven late are booked there; October stays (R5.4 bookings)."""
    unknown = await begin(session, cipher, phone="919999900007")
    await record_outcome(session, unknown.id, status=MessageStatus.UNKNOWN, now=IN_OCTOBER)
    came = await accept(session, await begin(session, cipher, phone="919999900008"))
    failed = await accept(session, await begin(session, cipher, phone="919999900009"))
    await report(session, failed, MessageStatus.FAILED, IN_OCTOBER)
    before = await close(session, W, OCTOBER, now=DUE, days=5, person="meera")
    assert before.net_paise == 70
    october: dict[str, Any] = {"since": IN_OCTOBER - DAY, "until": IN_OCTOBER + DAY}
    lines = await list_lines(session, W, **october)

    later = DUE + DAY
    await report(session, came, MessageStatus.FAILED, later)
    await report(session, failed, MessageStatus.READ, later)
    for repeated in range(2):
        await adopt_by_reference(session, unknown.id, "gs-late", at=later + repeated * DAY)
    assert (await get_statement(session, W, OCTOBER))[1] == before
    assert (await reckon(session, W, OCTOBER)).net_paise == before.net_paise
    assert [line.charged_paise for line in await list_lines(session, W, **october)] == [
        line.charged_paise for line in lines
    ]
    november = await reckon(session, W, NOVEMBER)
    assert november.lines == ()
    assert november.corrections == (
        StatementCorrection(Adjusted.DELIVERED, OCTOBER, "", 1, 35),
        StatementCorrection(Adjusted.FAILED, OCTOBER, "", 1, -35),
        StatementCorrection(Adjusted.LATE, OCTOBER, "", 1, 35),
    )
    reasons = {one.why: one.messages for one in await list_exempt(session, W, **october)}
    assert reasons[NotCharged.LATER] == 2  # the unknown one, and the failed one that came after all


@pytest.mark.usefixtures("_october")
async def test_months_are_closed_in_their_order(session: Session, cipher: Cipher) -> None:
    """Each document's hash covers the one before: one that was changed is found (R5.4, S28)."""
    message = await accept(session, await begin(session, cipher, now=IN_OCTOBER + DAY))
    at = datetime(2026, 12, 20, tzinfo=UTC)
    assert await list_due(session, at, days=5) == ((W, OCTOBER), (W, NOVEMBER))
    with pytest.raises(NotYet, match="2026-10"):
        await close(session, W, NOVEMBER, now=at, days=5, person="meera")
    october = await close(session, W, OCTOBER, now=at, days=5, person="meera")
    november = await close(session, W, NOVEMBER, now=at, days=5, person="meera")
    assert november.previous_hash == october.hash
    assert [one.month for one in await list_closed(session, W)] == [NOVEMBER, OCTOBER]
    assert await find_break(session, W) is None
    await report(session, message, MessageStatus.FAILED, at)
    (booked,) = await adjustments.list_of_message(session, W, message.id)
    assert booked.month == DECEMBER
    with pytest.raises(NotYet, match="closed already"):
        await close(session, W, date(2026, 9, 1), now=at, days=5, person="meera")


async def test_a_statement_that_was_changed_is_found(
    database: Database, owner_database: Database, cipher: Cipher
) -> None:
    """By whoever owns the tables: the program cannot."""  # S28
    async with database.transaction() as session:
        await add_workspace(session, workspace())
        await accept(session, await begin(session, cipher))
    async with database.transaction() as session:
        await close_october(session)
    async with owner_database.transaction() as session:
        await session.execute(
            update(statements)
            .values(content=statements.c.content.concat(" "))
            .where(statements.c.month == OCTOBER)
        )
    async with database.transaction(W) as session:
        assert await find_break(session, W) == OCTOBER


async def test_closing_waits_for_who_books_and_they_for_it(database: Database, cipher: Cipher) -> None:
    """A failure reported while its month is being closed stands in one month, never in two or none (R5.4 bookings)."""
    for number in range(6):
        workspace_id = f"seller-{number}"
        async with database.transaction() as session:
            await add_workspace(session, workspace(id=workspace_id))
            message = await accept(session, await begin(session, cipher, workspace_id=workspace_id))

        async def fail(message: Message = message, number: int = number) -> None:
            async with database.transaction() as session:
                await report(session, message, MessageStatus.FAILED, DUE)
                await asyncio.sleep(0.01 * (number % 3))

        async def close_it(workspace_id: str = workspace_id, number: int = number) -> None:
            await asyncio.sleep(0.004 * (number % 2))
            async with database.transaction() as session:
                await close_october(session, workspace_id=workspace_id)

        await asyncio.gather(fail(), close_it())
        async with database.transaction() as session:
            statement, closed = await get_statement(session, workspace_id, OCTOBER)
            assert closed is not None
            following = await reckon(session, workspace_id, NOVEMBER)
            assert statement.net_paise + following.net_paise == 0
            assert (await reckon(session, workspace_id, OCTOBER)).net_paise == statement.net_paise


async def test_an_amount_by_hand_is_booked_once_in_the_open_month(session: Session) -> None:
    """With its words on the statement and its person in the books (R5.4 bookings)."""
    await add_workspace(session, workspace())
    values: dict[str, Any] = {"key": "ticket-7", "detail": "goodwill", "person": "meera", "at": DUE}
    assert await adjustments.book_by_hand(session, W, -1000, **values) == NOVEMBER
    assert await adjustments.book_by_hand(session, W, -1000, **values) is None
    (booked,) = await adjustments.list_adjustments(session, W, NOVEMBER)
    assert (booked.amount_paise, booked.person, booked.message_id) == (-1000, "meera", None)
    (row,) = (await reckon(session, W, NOVEMBER)).corrections
    assert row == StatementCorrection(Adjusted.BY_HAND, None, "goodwill", 1, -1000)
    with pytest.raises(NotFound):
        await adjustments.book_by_hand(session, "nobody", 1, **values)


@pytest.mark.usefixtures("_october")
async def test_ops_see_every_workspace_and_the_platform_has_no_statement(
    session: Session, cipher: Cipher
) -> None:
    """The dearest first, open or closed, each as its statement says (R5.4 statement)."""
    await ensure_platform(session)
    await accept(session, await begin(session, cipher, workspace_id=PLATFORM))
    await add_workspace(session, workspace(id="other", policy=replace(Policy(), timezone="UTC")))
    for number in range(3):
        await accept(
            session, await begin(session, cipher, workspace_id="other", phone=f"91999990000{number}")
        )
    assert await list_due(session, DUE, days=5) == ((W, OCTOBER),)
    await close_october(session)
    first, second = await list_of_all_workspaces(session, OCTOBER)
    assert (first.workspace_id, first.accepted, first.net_paise, first.closed_at) == ("other", 3, 105, None)
    assert (second.workspace_id, second.net_paise, second.counted_paise, second.closed_at) == (W, 35, 70, DUE)
    assert second.adjusted_paise == -35
    assert await list_of_all_workspaces(session, NOVEMBER) == ()


async def test_a_tax_needs_a_name_and_a_share_of_the_whole(session: Session) -> None:
    """What is set stands in the order it was set."""
    for wrong in (TaxRate(" ", 1, OCTOBER), TaxRate("GST", -1, OCTOBER), TaxRate("GST", 10_001, OCTOBER)):
        with pytest.raises(ValueError, match="tax"):
            await set_tax(session, wrong)
    await set_tax(session, TaxRate(" GST ", 1800, OCTOBER))
    assert await list_tax_rates(session) == (TaxRate("GST", 1800, OCTOBER),)


async def test_a_workspace_that_moves_loses_no_message(session: Session, cipher: Cipher) -> None:
    """A message's month is fixed with its price; another time zone later moves nothing (R5.4, I17)."""
    await add_workspace(session, workspace())
    await accept(session, await begin(session, cipher, now=IN_OCTOBER + timedelta(hours=2)))
    await add_workspace(session, workspace(policy=replace(Policy(), timezone="UTC")))
    assert (await reckon(session, W, NOVEMBER)).net_paise == 35
    assert (await reckon(session, W, OCTOBER)).net_paise == 0
    assert (await session.execute(text("SELECT month FROM usage"))).scalar_one() == NOVEMBER
