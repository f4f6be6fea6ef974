"""A test to a seller's own phone: once, however often it is asked for; not for ever while Gupshup is away."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.values import SampleMessageTask
from tests.workflows.stage import on_stage
from workflows import options
from workflows.sample_message import SampleMessageWorkflow

pytestmark = pytest.mark.temporal

_TASK = SampleMessageTask("sample:1", "kapaskraft", "account-1", "919999900001", "failed_delivery", "en")


async def test_a_test_is_sent_once_however_often_it_is_asked_for() -> None:
    """The same press again is the same run."""
    async with on_stage() as stage:
        await stage.workflows.send_sample(_TASK)
        await stage.workflows.send_sample(_TASK)
        await stage.env.client.get_workflow_handle("sample-message:sample:1").result()
        await stage.workflows.send_sample(_TASK)
        assert stage.effects.lines == ["test failed_delivery"]


async def test_a_test_is_given_up_while_somebody_still_waits_for_it() -> None:
    """Five minutes later nobody looks at their phone any more."""
    async with on_stage() as stage:
        throttled = [ApplicationError("too many", type="Throttled") for _ in range(100)]
        stage.effects.script("account_messages.send_sample", *throttled)
        run = await stage.env.client.start_workflow(
            SampleMessageWorkflow.run, _TASK, id="sample-message:sample:1", task_queue=options.TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError):
            await run.result()
        first, *_, last = stage.effects.calls
        assert last.at - first.at <= timedelta(minutes=5)
