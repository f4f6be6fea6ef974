"""Events on their way: one id for all tries, and an error that says whether to try again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.values import OutgoingEventTask
from clients.workspace_webhook import NotDelivered
from db import outgoing_events
from db.session import Session
from tests.activities.conftest import Shop
from tests.factories import NOW

_DATA: Mapping[str, object] = {"outcome": "resolved"}


async def _event(shop: Shop, *, with_endpoint: bool = True) -> OutgoingEventTask:
    if with_endpoint:
        await shop.want_events()

    async def add(session: Session) -> str:
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
    event = await shop.event(task.event_id)
    assert (event.stand, event.delivered_at) == ("delivered", NOW)


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
    event = await shop.event(task.event_id)
    assert (event.stand, event.note) == ("given up", "the workspace wants no events any more")


async def test_event_is_given_up_only_when_its_run_says_so(shop: Shop) -> None:  # F57
    """Until then each failed try is one of many; afterwards ops see why the last one failed."""
    task = await _event(shop)
    shop.webhook.answers.append(NotDelivered(retryable=True, detail="HTTP 503"))
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(shop.events.deliver, task)
    assert (await shop.event(task.event_id)).stand == "retrying"
    await ActivityEnvironment().run(shop.events.give_up, task)
    event = await shop.event(task.event_id)
    assert (event.stand, event.failed_at, event.note) == ("given up", NOW, "HTTP 503")


async def test_replay_delivers_again_under_the_same_id_once(shop: Shop) -> None:  # I15
    """Also what was delivered before; a try that is repeated after it succeeded posts nothing more."""
    task = await _event(shop)
    await ActivityEnvironment().run(shop.events.deliver, task)
    shop.now += timedelta(hours=1)
    replay = replace(task, replayed_at=shop.now)
    shop.now += timedelta(seconds=1)
    for _ in range(2):
        await ActivityEnvironment().run(shop.events.deliver, replay)
    assert shop.webhook.posts == [(task.event_id, "case.resolved", {"outcome": "resolved"})] * 2
    assert (await shop.event(task.event_id)).delivered_at == shop.now


async def test_event_that_was_given_up_is_delivered_by_a_replay(shop: Shop) -> None:  # F57
    """The receiver is back after a day."""
    task = await _event(shop)
    await ActivityEnvironment().run(shop.events.give_up, task)
    shop.now += timedelta(days=2)
    await ActivityEnvironment().run(shop.events.deliver, replace(task, replayed_at=shop.now))
    assert len(shop.webhook.posts) == 1
    assert (await shop.event(task.event_id)).stand == "delivered"


@pytest.mark.parametrize(
    ("type_", "rows"), [("message.failed", 1), ("case.undeliverable", 1), ("case.resolved", 0)]
)
async def test_activity_says_once_that_other_channels_may_take_over(
    shop: Shop, type_: str, rows: int
) -> None:
    """R6.10, R8.3: only when the order system took it; delivered again, it is said once."""
    await shop.want_events()
    data = {"order_id": "KK1001", "shipment_id": "SHIP1001", "case_id": shop.facts.case_id}
    event_id = await shop.change(
        lambda session: outgoing_events.add_event(
            session, shop.cipher, workspace_id="kapaskraft", type=type_, data=data, now=NOW
        )
    )
    task = OutgoingEventTask("kapaskraft", event_id)
    shop.webhook.answers.append(NotDelivered(retryable=True, detail="HTTP 503"))
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(shop.events.deliver, task)
    assert await shop.topics() == []
    await ActivityEnvironment().run(shop.events.deliver, task)
    await ActivityEnvironment().run(shop.events.deliver, replace(task, replayed_at=NOW + timedelta(hours=1)))
    assert await shop.topics() == ["order_system_told"] * rows
