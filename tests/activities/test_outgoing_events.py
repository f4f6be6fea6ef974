"""Events on their way: one id for all tries, and an error that says whether to try again."""

from collections.abc import Mapping

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.values import OutgoingEventTask
from clients.workspace_webhook import NotDelivered
from db import outgoing_events, workspaces
from db.session import Session
from tests.activities.conftest import Shop
from tests.factories import NOW

_DATA: Mapping[str, object] = {"outcome": "resolved"}


async def _event(shop: Shop, *, with_endpoint: bool = True) -> OutgoingEventTask:
    async def add(session: Session) -> str:
        if with_endpoint:
            endpoint = workspaces.EventEndpoint(
                "kapaskraft", "https://seller.example/events", "whsec_c2VjcmV0LXNlY3JldA=="
            )
            await workspaces.save_event_endpoint(session, shop.cipher, endpoint)
        return await outgoing_events.add_event(
            session, shop.cipher, workspace_id="kapaskraft", type="case.resolved", data=_DATA, now=NOW
        )

    return OutgoingEventTask("kapaskraft", await shop.change(add))


async def test_event_is_posted_once(shop: Shop) -> None:  # R8.3, I15
    """What was delivered is not delivered again."""
    task = await _event(shop)
    for _ in range(2):
        await ActivityEnvironment().run(shop.events.deliver, task)
    assert shop.webhook.posts == [(task.event_id, "case.resolved", {"outcome": "resolved"})]


async def test_event_keeps_its_id_on_every_try(shop: Shop) -> None:  # I15
    """By it the receiver knows a repeat."""
    task = await _event(shop)
    shop.webhook.answers.append(NotDelivered(retryable=True, detail="HTTP 503"))
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(shop.events.deliver, task)
    assert (failed.value.type, failed.value.non_retryable) == ("NotDelivered", False)
    await ActivityEnvironment().run(shop.events.deliver, task)
    assert {event_id for event_id, _, _ in shop.webhook.posts} == {task.event_id}
    event = await shop.change(
        lambda session: outgoing_events.get_event(session, shop.cipher, "kapaskraft", task.event_id)
    )
    assert event.delivered_at == NOW


async def test_receiver_that_is_gone_is_not_tried_again(shop: Shop) -> None:  # F57
    """410 is for good."""
    task = await _event(shop)
    shop.webhook.answers.append(NotDelivered(retryable=False, gone=True, detail="HTTP 410"))
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(shop.events.deliver, task)
    assert (failed.value.type, failed.value.non_retryable) == ("Gone", True)


async def test_event_without_an_endpoint_any_more_is_left(shop: Shop) -> None:
    """The workspace took its URL back."""
    task = await _event(shop, with_endpoint=False)
    await ActivityEnvironment().run(shop.events.deliver, task)
    assert shop.webhook.posts == []
