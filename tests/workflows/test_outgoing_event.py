"""An event on its way to a workspace's URL: once, for a day, and then visibly failed (R8.3, I15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.values import OutgoingEventTask
from tests.workflows.stage import Stage, on_stage
from workflows import options
from workflows.outgoing_event import OutgoingEventWorkflow

pytestmark = pytest.mark.temporal

_TASK = OutgoingEventTask("kapaskraft", "event-1")


def _not_delivered() -> ApplicationError:
    return ApplicationError("HTTP 503", type="NotDelivered", category=ApplicationErrorCategory.BENIGN)


async def _delivered(stage: Stage) -> None:
    run = await stage.env.client.start_workflow(
        OutgoingEventWorkflow.run, _TASK, id="event:event-1", task_queue=options.TASK_QUEUE
    )
    stage.runs.append(run)  # type: ignore[arg-type]
    await run.result()


async def test_event_is_delivered_once_however_often_it_is_asked_for() -> None:
    """Case and sweep may both start it, also after it was delivered."""
    async with on_stage() as stage:
        await stage.workflows.deliver_event("kapaskraft", "event-1")
        await stage.workflows.deliver_event("kapaskraft", "event-1")
        await stage.env.client.get_workflow_handle("event:event-1").result()
        await stage.workflows.deliver_event("kapaskraft", "event-1")
        assert stage.effects.lines == ["deliver event-1"]


async def test_event_is_tried_again_while_the_receiver_is_away() -> None:  # F57
    """Some failures later it arrives."""
    async with on_stage() as stage:
        stage.effects.script("outgoing_events.deliver", *[_not_delivered() for _ in range(20)])
        await _delivered(stage)
        assert len(stage.effects.calls) == 21


async def test_event_that_nobody_takes_for_a_day_fails_visibly() -> None:
    """About fifty tries, then an open failure that ops see."""
    async with on_stage() as stage:
        begun = await stage.now()
        stage.effects.script("outgoing_events.deliver", *[_not_delivered() for _ in range(200)])
        with pytest.raises(WorkflowFailureError):
            await _delivered(stage)
        *tries, given_up = stage.effects.calls
        assert 20 < len(tries) < 100
        assert given_up.name == "outgoing_events.give_up"
        last = max(call.at for call in tries)
        assert 23 * 3600 < (last - begun).total_seconds() <= 24 * 3600


async def test_receiver_that_is_gone_for_good_is_not_asked_again() -> None:  # F57
    """410 stops it."""
    async with on_stage() as stage:
        stage.effects.script(
            "outgoing_events.deliver", ApplicationError("HTTP 410", type="Gone", non_retryable=True)
        )
        with pytest.raises(WorkflowFailureError):
            await _delivered(stage)
        assert stage.effects.lines == ["deliver event-1", "give up event-1"]


async def test_event_is_delivered_again_when_ops_want_it() -> None:  # I15
    """Also after its own run; two who press in the same second want the same."""
    async with on_stage() as stage:
        await stage.workflows.deliver_event("kapaskraft", "event-1")
        await stage.env.client.get_workflow_handle("event:event-1").result()
        at = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
        for _ in range(2):
            await stage.workflows.replay_event("kapaskraft", "event-1", at)
        await stage.env.client.get_workflow_handle("event:event-1:replay:1795156200").result()
        await stage.workflows.replay_event("kapaskraft", "event-1", at)
        later = at + timedelta(seconds=1)
        await stage.workflows.replay_event("kapaskraft", "event-1", later)
        await stage.env.client.get_workflow_handle("event:event-1:replay:1795156201").result()
        assert [call.task for call in stage.effects.calls] == [
            _TASK,
            replace(_TASK, replayed_at=at),
            replace(_TASK, replayed_at=later),
        ]
