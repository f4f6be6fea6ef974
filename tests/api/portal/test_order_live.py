"""News of an order while its page is open: said when something changed, to who is still signed in, for a while."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update

from api.portal.order_live import changes
from api.portal.visits import Visit, cookie_name
from db import browser_sessions, tables, timeline, workspaces
from tests.api.conftest import Outside
from tests.api.portal.given_orders import Told, order
from tests.api.portal.somebody import Somebody

AT_ONCE = 0.001


@pytest.fixture
async def told(outside: Outside) -> Told:
    """An order."""
    return await order(outside.stage)


@pytest.fixture
async def visit(outside: Outside, owner: Somebody) -> Visit:
    """Its owner, who looks at it."""
    name, _ = cookie_name(outside.services, "session")
    token = owner.http.cookies[name]
    async with outside.stage.database.transaction() as session:
        found = await browser_sessions.find_session(session, token, outside.services.clock())
        workspace = await workspaces.get_workspace(session, "kapaskraft")
    assert found is not None
    request = (await owner.open("/orders")).answer.request
    return Visit(
        request,  # type: ignore[arg-type]  # not looked at here
        outside.services,
        found[1],
        found[0],
        token,
        outside.services.clock(),
        workspace,
    )


async def _mark(outside: Outside, told: Told) -> str:
    async with outside.stage.database.transaction() as session:
        return await timeline.latest_change(session, "kapaskraft", told.row.order_id)


async def _next(stream: AsyncIterator[str], event: str) -> str:
    async for said in stream:
        if said.startswith(f"event: {event}"):
            return said
    raise AssertionError(f"no {event}")


async def test_change_is_said_once_it_is_there(outside: Outside, visit: Visit, told: Told) -> None:
    """Whatever changes on the page."""
    stream = changes(visit, "ORD1", since=await _mark(outside, told), every=AT_ONCE)
    assert "event: time" in await _next(stream, "time")
    await told.says("text", text="hello")
    assert await _next(stream, "changed") == "event: changed\ndata: \n\n"
    await told.stands("waiting")
    assert await _next(stream, "changed")


async def test_change_between_the_page_and_the_stream_is_not_missed(
    outside: Outside, visit: Visit, told: Told
) -> None:
    """The page says what it shows."""
    since = await _mark(outside, told)
    await told.says("text", text="hello")
    stream = changes(visit, "ORD1", since=since, every=AT_ONCE)
    assert [await anext(stream), await anext(stream)][1].startswith("event: changed")


async def test_stream_ends_with_the_session(outside: Outside, visit: Visit, told: Told) -> None:
    """S9: who signed out, or may not come any more, is told nothing."""
    stream = changes(visit, "ORD1", since=await _mark(outside, told), every=AT_ONCE)
    assert await _next(stream, "time")
    async with outside.stage.database.transaction() as session:
        await browser_sessions.end_session(session, visit.person.id, visit.session.token_hash)
    await told.says("text", text="hello")
    assert [said async for said in stream] == []


async def test_stream_does_not_keep_a_session_alive(outside: Outside, visit: Visit, told: Told) -> None:
    """S9: half an hour without use ends it, however long a page stays open."""
    assert told.row.is_open
    stream = changes(visit, "ORD1", every=AT_ONCE, longest=timedelta(hours=2))
    assert await _next(stream, "time")
    outside.stage.clock.pass_by(minutes=29)
    assert await _next(stream, "time")
    outside.stage.clock.pass_by(minutes=2)
    assert "event: changed" not in "".join([said async for said in stream])


async def test_stream_ends_for_a_person_who_is_disabled(outside: Outside, visit: Visit, told: Told) -> None:
    """S9: at once."""
    assert told.row.is_open
    stream = changes(visit, "ORD1", every=AT_ONCE)
    assert await _next(stream, "time")
    async with outside.stage.database.transaction() as session:
        await session.execute(
            update(tables.people)
            .where(tables.people.c.id == visit.person.id)
            .values(disabled_at=outside.services.clock())
        )
    assert [said async for said in stream if "changed" in said] == []


async def test_stream_ends_after_a_while_and_lets_go_of_its_place(
    outside: Outside, visit: Visit, told: Told
) -> None:
    """The browser connects again; a person follows so many pages at a time."""
    assert told.row.is_open
    held = outside.services.followed_pages
    streams = [changes(visit, "ORD1", every=AT_ONCE) for _ in range(6)]
    for stream in streams:
        await anext(stream)
    assert held.is_full(visit.person.id)
    outside.stage.clock.pass_by(minutes=11)
    for stream in streams:
        assert [said async for said in stream] == []
    assert not held.is_full(visit.person.id)


async def test_too_many_pages_are_refused(outside: Outside, owner: Somebody, told: Told) -> None:
    """S26: each costs a question every two seconds."""
    assert owner.person is not None
    assert told.row.is_open
    with ExitStack() as held:
        for _ in range(6):
            held.enter_context(outside.services.followed_pages.one(owner.person.id))
        await owner.open("/orders/ORD1/live", Accept="text/event-stream")
    assert owner.answer.status_code == 429


async def test_stream_is_no_page(owner: Somebody, told: Told) -> None:
    """Opened like one, it says so."""
    assert told.row.is_open
    await owner.open("/orders/ORD1/live")
    assert owner.answer.status_code == 406
    await owner.open("/orders/ORD1")
    assert str(owner.one("[data-live]")["data-live"]).startswith("/orders/ORD1/live?since=")
