"""A parcel's whole journey, and its way back, on the running stack: one message for each step."""

from dataclasses import replace
from typing import Any

import pytest

from db import installations, notifications
from db.notifications import Param
from db.session import Database
from ops.stack import Stack
from tests.e2e.conftest import NewStory
from tests.e2e.driving import DrivenStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal]

FORWARD = ("created", "packed", "on_the_way", "out_for_delivery", "delivered")
BACK = ("return_created", "return_picked_up", "restocked")


async def _switch_on(stack: Stack, slug: str) -> None:
    """Send for every step what the seed offers for a failed delivery, with the step's own name in it."""
    database = Database(stack.addresses.database, pool_size=1, name="tests")
    async with database.transaction() as session:
        sender = await installations.find_sender(session, slug)
        assert sender is not None
        for row in await notifications.list_notifications(session, slug, sender.id):
            for event in (*FORWARD, *BACK):
                params = tuple(
                    Param("failure_reason", event) if param.variable == "failure_reason" else param
                    for param in row.params
                )
                await notifications.save_notification(session, replace(row, event=event, params=params))
    await database.dispose()


async def _arrived(story: DrivenStory, steps: tuple[str, ...]) -> list[str]:
    async def look() -> dict[str, Any] | None:
        messages = await story.messages()
        return {"messages": messages} if len(messages) >= len(steps) else None

    found = (await story.until(look, f"{len(steps)} messages on the phone"))["messages"]
    longest_first = sorted(steps, key=len, reverse=True)  # "created" is part of "return_created"
    return [next((step for step in longest_first if step in str(message)), str(message)) for message in found]


async def test_every_step_reaches_the_phone_once(new_story: NewStory, stack: Stack) -> None:
    """R5.1 journey: each step once although each is told twice; the activity shows them, Temporal runs no workflow."""
    story = new_story()
    await _switch_on(stack, story.workspace.slug)
    journeys = f"{stack.addresses.order_system}/control/journeys"
    begun = await story.post(
        journeys, {"workspace": story.workspace.slug, "phone": story.phone, "seconds_apart": 1.5}
    )
    assert sorted(await _arrived(story, FORWARD)) == sorted(FORWARD)
    for step in ("packed", "delivered"):
        await story.post(
            f"{stack.addresses.order_system}/control/events",
            {"shipment_id": begun["shipment_id"], "event": step},
        )
    await story.post(
        journeys,
        {"shipment_id": begun["shipment_id"], "resource": "returnShipment", "seconds_apart": 1.5},
    )
    arrived = await _arrived(story, (*FORWARD, *BACK))
    assert sorted(arrived) == sorted((*FORWARD, *BACK))
    entries = (await story.api(f"/v1/orders/{begun['order_id']}/activity"))["entries"]
    sent = [entry["topic"] for entry in entries if entry["kind"] == "notification"]
    assert sorted(sent) == sorted((*FORWARD, *BACK))
