"""The main job on the running stack: each demo story, and what happens around an accepted action."""

import asyncio

import httpx
import pytest

from ops.demo import STORIES
from ops.stack import Stack
from tests.e2e.conftest import NewStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal]


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[title for title, _, _ in STORIES])
async def test_story_ends_right(new_story: NewStory, number: int) -> None:
    """The whole path, with one message for each step and one accepted action (R6.4 R6.5)."""
    _, reason, run = STORIES[number]
    story = new_story(reason, workspace=number % 3)
    await story.fail_delivery()
    await run(story)
    await story.ended()
    await story.nothing_twice()


async def test_two_different_taps_at_once_are_one_action(new_story: NewStory) -> None:
    """One is executed, the other is answered "already" (R6.6 I4 F50)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "See all options")
    options = await story.message("possible")
    await asyncio.gather(
        story.tap(first, "Try again"), story.tap(options, "Nobody came"), story.tap(first, "Try again")
    )
    await story.accepted_any()
    await story.ended()
    await story.message("already")


async def test_tap_after_the_end_is_answered_already_recorded(new_story: NewStory) -> None:
    """A later tap on the same message is logged and answered (R6.6 R7.3)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.ended()
    await story.message("will try again")
    await story.tap(first, "Choose another date")
    await story.message("already recorded")


async def test_tap_after_delivery_is_no_longer_waiting(
    new_story: NewStory, stack: Stack, http: httpx.AsyncClient
) -> None:
    """The shipment moved on: the case ends at once, and no action is asked for (R6.9 R7.2)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.ship("delivered")
    assert (await story.outcome()) == "delivered"
    await story.tap(first, "Try again")
    await story.message("no longer waiting")
    assert await story.resolutions() == []


async def test_second_failed_attempt_is_a_new_conversation(new_story: NewStory) -> None:
    """A later attempt's failure opens a new case and supersedes the first (R6.1 R7.4 R7.8)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.fail_again()
    second = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.message("no longer waiting")
    await story.tap(second, "Try again")
    await story.accepted("ACTF001")
    cases = (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"]
    assert {case["attempt"]: case["outcome"] or "open" for case in cases}[1] == "superseded"


async def test_not_attempted_is_reattempted_without_asking(new_story: NewStory) -> None:
    """Nobody came, so nobody is asked; mode is automatic (R6.12)."""
    story = new_story("not_attempted")
    await story.fail_delivery()
    await story.accepted("ACTF001")
    assert (await story.outcome()) == "resolved"
    entries = (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    assert {entry["mode"] for entry in entries if entry["kind"] == "action"} == {"automatic"}
    assert await story.messages() == []


async def test_number_not_on_whatsapp_is_undeliverable_at_once(new_story: NewStory) -> None:
    """The case ends, and the order system is told so that e-mail and SMS take over (R6.10 F31)."""
    story = new_story()
    story.phone = "919999990404"
    await story.fail_delivery()
    assert (await story.outcome()) == "undeliverable"
    event = await story.outgoing_event("case.undeliverable")
    assert event["data"]["order_id"] == story.order_id


async def test_order_system_refuses_and_the_rest_is_offered(new_story: NewStory) -> None:
    """Told at once, and offered what is still possible; nothing is told as done (R6.5 F54)."""
    story = new_story()
    await story.order_system_behaves(
        endpoint="resolution", mode="refuse", times=1, message="Reattempt not allowed"
    )
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    still = await story.message("still possible")
    assert "Try again" not in [choice["title"] for choice in still["choices"]]
    assert not any("Done." in message["text"] for message in await story.messages())


async def test_order_system_down_is_retried_and_told_once(new_story: NewStory) -> None:
    """In hand is told once; done only after the order system accepted (R6.5 F53 I14)."""
    story = new_story()
    await story.order_system_behaves(endpoint="resolution", mode="status", status=503, times=2)
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.message("keep trying")
    await story.accepted("ACTF001")
    await story.message("will try again")
    told = [message for message in await story.messages() if "keep trying" in message["text"]]
    assert len(told) == 1


async def test_order_system_accepts_and_the_answer_is_lost(new_story: NewStory) -> None:
    """The shipment is read, and no second call is made (F55 I4)."""
    story = new_story()
    await story.order_system_behaves(endpoint="resolution", mode="cut_after_accept", times=1)
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.message("will try again")
    assert len(await story.resolutions()) == 1


async def test_send_accepted_with_its_answer_cut_is_never_sent_again(new_story: NewStory) -> None:
    """Unknown, then adopted by its statuses; the conversation goes on (I5 F28)."""
    story = new_story()
    await story.gupshup_behaves(mode="cut_after_accept", times=1)
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.accepted("ACTF001")
    templates = [message for message in await story.messages() if message["kind"] == "template"]
    assert len(templates) == 1


async def test_throttled_send_is_sent_later_once(new_story: NewStory) -> None:
    """A 429 is surely not sent: tried again, one message (F25)."""
    story = new_story()
    await story.gupshup_behaves(mode="status", status=429, times=2)
    await story.fail_delivery()
    await story.message("could not deliver")
    assert len(await story.messages()) == 1


async def test_seller_acts_by_api(new_story: NewStory) -> None:
    """Mode says who, the customer's later tap is answered (R6.11)."""
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    case = (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"][0]
    answer = await story.post_api(
        f"/v1/cases/{case['id']}/actions", {"action": "reattempt", "person": "asha"}
    )
    assert answer["outcome"] == "resolved"
    await story.accepted("ACTF001")
    entries = (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    actions = [entry for entry in entries if entry["kind"] == "action"]
    assert {entry["mode"] for entry in actions} == {"api"}
    assert all(entry["person"].startswith("asha") for entry in actions)
