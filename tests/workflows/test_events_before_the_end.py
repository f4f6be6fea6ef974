"""What a workspace hears while a case is still open is on its way at once (R8.3), also between two releases (F14)."""

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.values import ActionResult, MessageResult, OutgoingEventTask
from domain.case_events import Answer, CloseAsked
from domain.failures import Mode
from domain.messages import NotSent
from tests.workflows.stage import WORKFLOWS, WORKSPACE, Stage, on_stage
from workflows import options
from workflows.outgoing_event import OutgoingEventWorkflow

pytestmark = pytest.mark.temporal

_REFUSED = ActionResult(Answer.REFUSED, "attempts used up", ("event-1",))


async def _refused(stage: Stage) -> None:
    """The order system refuses a reattempt."""
    stage.effects.script("carriers.take_action", _REFUSED)
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.tap("reattempt")
    await stage.until("take reattempt", "question: refused")


async def _close(stage: Stage) -> None:
    await stage.tell(CloseAsked(Mode.OPS), mail_id="act:1")
    assert await stage.outcome() == "closed"


async def test_refused_action_is_told_while_the_case_goes_on() -> None:
    """The seller sees it before the customer has chosen anew."""
    async with on_stage() as stage:
        await _refused(stage)
        await stage.until("take reattempt", "deliver event-1")
        assert (await stage.progress()).outcome == ""
        await _close(stage)
        assert stage.effects.lines.count("deliver event-1") == 1


async def test_message_that_failed_while_it_was_sent_is_told() -> None:
    """Its failure was known before the answer of the send."""
    async with on_stage() as stage:
        failed = MessageResult(why=NotSent.RECIPIENT, detail="1002", event_ids=("event-1",))
        stage.effects.script("messages.send_template", failed)
        await stage.start()
        assert await stage.outcome() == "undeliverable"
        await stage.until("template failed_delivery", "deliver event-1")


async def test_run_that_an_older_worker_carried_on_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """F14: it did not know what to do with the new field; the sweep delivers the event instead."""
    async with on_stage(with_worker=False) as stage:
        with monkeypatch.context() as older:
            older.setattr(workflow, "patched", lambda _: False)
            async with _older_worker(stage):
                await _refused(stage)
                await _close(stage)
        assert "deliver event-1" not in stage.effects.lines


async def test_delivery_that_an_older_worker_gave_up_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """F14: it recorded nothing, and failed the same way."""
    async with on_stage(with_worker=False) as stage:
        gone = ApplicationError("HTTP 410", type="Gone", non_retryable=True)
        stage.effects.script("outgoing_events.deliver", gone)
        with monkeypatch.context() as older:
            older.setattr(workflow, "patched", lambda _: False)
            async with _older_worker(stage):
                run = await stage.env.client.start_workflow(
                    OutgoingEventWorkflow.run,
                    OutgoingEventTask(WORKSPACE, "event-1"),
                    id="event:event-1",
                    task_queue=options.TASK_QUEUE,
                )
                stage.runs.append(run)  # type: ignore[arg-type]
                with pytest.raises(WorkflowFailureError):
                    await run.result()
        assert stage.effects.lines == ["deliver event-1"]


def _older_worker(stage: Stage) -> Worker:
    """Return a worker in whose code nothing is patched; within the sandbox it would be."""
    return Worker(
        stage.env.client,
        task_queue=options.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=stage.effects.all(),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
