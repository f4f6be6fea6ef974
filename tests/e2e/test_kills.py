"""kill -9 in the middle of a story: it still ends right, one message for each step, one accepted action."""

import asyncio

import httpx
import pytest

from ops.stack import Stack
from tests.e2e.conftest import NewStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal]


@pytest.mark.parametrize("victim", ["worker", "api", "temporal"])
async def test_killed_between_message_and_tap(new_story: NewStory, stack: Stack, victim: str) -> None:
    """The process dies while the case waits, and the tap comes at once (F3 F4 F10 I4 I5)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await stack.processes.kill(victim)
    await story.tap(first, "Choose another date")
    days = await story.message("which day", within=90)
    await story.tap(days, days["choices"][0]["title"])
    await story.accepted("ACTF002", within=90)
    await story.message("will come on", within=90)
    await story.ended(within=90)
    await story.nothing_twice()


@pytest.mark.parametrize("victim", ["worker", "api", "temporal"])
async def test_killed_while_the_order_system_is_asked(new_story: NewStory, stack: Stack, victim: str) -> None:
    """The call is under way: after the death the shipment is read first, and asked for once (F5 I4)."""
    story = new_story()
    await story.order_system_behaves(endpoint="resolution", mode="hang_after_accept", seconds=15, times=1)
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.accepted("ACTF001")
    await stack.processes.kill(victim)
    await story.message("will try again", within=120)
    await story.ended(within=60)
    await story.nothing_twice()


@pytest.mark.parametrize("victim", ["worker", "api", "temporal"])
async def test_killed_at_the_very_start(new_story: NewStory, stack: Stack, victim: str) -> None:
    """The failure is reported, and the process dies before anybody wrote to the customer (F1 F2 F6)."""
    story = new_story()
    killing = asyncio.create_task(stack.processes.kill(victim))
    await story.fail_delivery()
    await killing
    first = await story.message("could not deliver", within=90)
    await story.tap(first, "Try again")
    await story.accepted("ACTF001", within=90)
    await story.message("will try again", within=90)
    await story.ended(within=90)
    await story.nothing_twice()


async def test_callbacks_are_accepted_while_temporal_is_down(
    new_story: NewStory, stack: Stack, http: httpx.AsyncClient
) -> None:
    """Stored and answered 2xx at once; all drains when Temporal is back (F9 I1)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await stack.processes.hold_down("temporal")
    try:
        await story.tap(first, "Try again")
        other = new_story()
        await other.fail_delivery()
        answers = await story.callback_answers(minimum=1)
        assert {answer // 100 for answer in answers} == {2}
        ready = (await http.get(f"{stack.addresses.api}/readyz")).json()
        assert ready == {"database": True, "workflows": False}
    finally:
        await stack.processes.let_up("temporal")
    await story.accepted("ACTF001", within=90)
    await story.ended(within=60)
    await other.message("could not deliver", within=60)
