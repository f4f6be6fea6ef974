"""The conversation in full on the running stack: several orders, words and languages, the late no, strangers, opt-out."""

import asyncio
from typing import Any

import pytest

from tests.e2e.conftest import NewStory
from tests.e2e.driving import DrivenStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal]

_STRANGER = "919999930001"


async def _two_orders(new_story: NewStory, *workspaces: int) -> list[DrivenStory]:
    """Open a case at each workspace for one and the same phone, of parcels of their own."""
    stories = [new_story(workspace=workspace) for workspace in workspaces]
    seen: set[str] = set()
    for story in stories:
        story.phone, story.seen = stories[0].phone, seen
        at = story.stack.addresses.order_system
        parcel = await story.post(
            f"{at}/control/shipments", {"workspace": story.workspace.slug, "phone": story.phone}
        )
        story.order_id, story.tracking_id = parcel["order_id"], parcel["tracking_id"]
        await story.post(
            f"{at}/control/fail", {"shipment_id": parcel["shipment_id"], "reason": "unavailable"}
        )
        await story.message(story.order_id.casefold())
    return stories


async def _texts(story: DrivenStory) -> list[str]:
    entries = (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    return [
        str((entry.get("data") or {}).get("body") or (entry.get("data") or {}).get("text"))
        for entry in entries
    ]


async def test_two_sellers_of_one_customer_are_told_apart(new_story: NewStory) -> None:
    """Words without context ask which order; the chosen one gets them, and no seller reads the other's (R6.3 F48 I11)."""
    tea, threads = await _two_orders(new_story, 1, 2)
    await tea.reply("text", text="kal bhej do")
    which = await tea.message("which one do you mean")
    for story in (tea, threads):
        assert story.order_id in which["text"]
        assert story.workspace.name in which["text"]
    await tea.tap(which, f"Order {tea.order_id}")
    sure = await tea.message("shall we ask for it")
    assert tea.order_id in sure["text"]
    await tea.tap(sure, sure["choices"][0]["title"])
    await tea.accepted("ACTF002")
    await tea.ended()
    assert not await threads.resolutions()
    for story, other in ((tea, threads), (threads, tea)):
        said = " ".join(await _texts(story))
        assert other.order_id not in said
        assert other.workspace.name not in said
    await threads.post_api(f"/v1/cases/{(await _case(threads))['id']}/close", {"note": "the test is over"})


async def test_taps_are_right_whatever_was_written(new_story: NewStory) -> None:
    """A tap belongs to its own message's order, also of two orders at one seller (R6.3 R7.8)."""
    first, second = await _two_orders(new_story, 0, 0)
    await first.reply("text", text="hm")
    await first.message("which one do you mean")
    for story, code in ((second, "ACTF001"), (first, "ACTF001")):
        message = next(one for one in await story.messages() if story.order_id in one["text"])
        await story.tap(message, "Try again")
        await story.accepted(code)
        await story.message(f"with your kapaskraft order {story.order_id}".casefold())
        await story.ended()


async def _case(story: DrivenStory) -> dict[str, Any]:
    cases: list[dict[str, Any]] = (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"]
    return cases[0]


async def test_action_taken_back_is_told_and_chosen_again(new_story: NewStory) -> None:
    """Accepted, then rejected: the customer hears what is left, the seller sees it, the next choice is executed (R6.5 F54)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "Try again")
    await story.accepted("ACTF001")
    await story.message("will try again")
    await story.ended()
    await story.post(
        f"{story.stack.addresses.order_system}/control/reject",
        {"shipment_id": await story.shipment_id(), "remark": "Route closed"},
    )
    told = await story.message("could not do it after all")
    assert "Try again" not in [choice["title"] for choice in told["choices"]]
    await story.tap(told, "Choose another date")
    days = await story.message("which day")
    await story.tap(days, days["choices"][0]["title"])
    await story.message(days["choices"][0]["title"])

    async def both() -> dict[str, Any] | None:
        cases = (await story.api(f"/v1/cases?order_id={story.order_id}"))["cases"]
        return {"cases": cases} if [case["outcome"] for case in cases] == ["resolved", "resolved"] else None

    await story.until(both, "both cases to end")
    assert [one["body"]["resolutionCode"] for one in await story.resolutions()] == ["ACTF001", "ACTF002"]
    topics = [
        entry["topic"] for entry in (await story.api(f"/v1/orders/{story.order_id}/activity"))["entries"]
    ]
    assert "reattempt_taken_back" in topics
    await story.nothing_twice()


async def test_hindi_order_is_asked_in_hindi(new_story: NewStory) -> None:
    """The language comes with the order: template, buttons and answers are in it (R6.13)."""
    story = new_story()
    await story.post(
        f"{story.stack.addresses.order_system}/control/fail",
        {"workspace": story.workspace.slug, "phone": story.phone, "reason": "unavailable", "language": "hi"},
    )
    first = await story.message("कूरियर")
    shipment = next(iter((await story.api("/v1/cases?limit=1"))["cases"]))
    story.order_id, story.tracking_id = shipment["order_id"], shipment["tracking_id"]
    await story.tap(first, first["choices"][0]["title"])
    await story.accepted("ACTF001")
    await story.message("हो गया")
    await story.ended()


async def test_digit_after_a_list_is_a_choice(new_story: NewStory) -> None:
    """Typed "1" picks the first row of the list shown last (R7.1)."""
    story = new_story()
    await story.fail_delivery()
    first = await story.message("could not deliver")
    await story.tap(first, "See all options")
    await story.message("these are possible")
    await story.reply("text", text="1")
    await story.accepted("ACTF001")
    await story.message("will try again")
    await story.ended()
    await story.nothing_twice()


async def test_stranger_gets_one_standard_answer(new_story: NewStory) -> None:
    """Once per day and sender, whatever they write; on nobody's activity (R7.5 F47)."""
    story = new_story(workspace=1)
    story.phone = _STRANGER
    for text in ("hello", "anybody?", "?"):
        await story.reply("text", text=text)
    await story.message("no delivery of yours waits")
    await asyncio.sleep(2)
    assert len(await story.messages()) == 1


async def test_stop_silences_and_start_speaks_again(new_story: NewStory) -> None:
    """Nothing is sent between STOP and START; the case ends and the order system hears of it (R5.5 R6.10)."""
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    await story.reply("text", text="STOP")
    assert await story.outcome() == "undeliverable"
    await story.outgoing_event("case.undeliverable")
    await story.reply("text", text="hello?")
    await asyncio.sleep(2)
    await story.nothing_twice()
    await story.reply("text", text="START")
    await story.reply("text", text="hello again")
    await story.message("no longer waiting")
