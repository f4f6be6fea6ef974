"""The daily round of money: scheduled once, each part done once, tried again while the database is away (R5.4)."""

import asyncio
import sys
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.values import ClosedMonths, Reconciled, Round
from tests.workflows.stage import on_stage
from workflows import options
from workflows.client import SchedulesUnknown, Workflows
from workflows.reconciliation import ReconciliationWorkflow
from workflows.schedules import ROUND_ID

pytestmark = pytest.mark.temporal


class Effects:
    """Both parts of a round by hand: the first try of each fails."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self.tries: list[str] = []

    @activity.defn(name="billing.reconcile")
    async def reconcile(self, task: Round) -> Reconciled:
        """Stand in for matching."""
        self._try(f"reconcile {task.days}")
        return Reconciled(2, 1, 3)

    @activity.defn(name="billing.close_months")
    async def close_months(self, task: Round) -> ClosedMonths:
        """Stand in for closing."""
        self._try(f"close as {task.person}")
        return ClosedMonths(1)

    def _try(self, name: str) -> None:
        self.tries.append(name)
        if self.tries.count(name) == 1:
            raise ConnectionError("the database is away")


async def test_a_round_matches_first_and_closes_then() -> None:
    """A late match of a month that is about to be closed still stands in it; its own history replays (I16)."""
    effects = Effects()
    path = str(Path(sys.executable).parent / "temporal-test-server")
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=path) as env,
        Worker(
            env.client,
            task_queue=options.TASK_QUEUE,
            workflows=[ReconciliationWorkflow],
            activities=[effects.reconcile, effects.close_months],
        ),
    ):
        run = await env.client.start_workflow(
            ReconciliationWorkflow.run, Round(), id=ROUND_ID, task_queue=options.TASK_QUEUE
        )
        assert await asyncio.wait_for(run.result(), 15) == Reconciled(2, 1, 3)
        assert effects.tries == ["reconcile 40", "reconcile 40", *["close as reconciliation"] * 2]
        await Replayer(workflows=[ReconciliationWorkflow]).replay_workflow(await run.fetch_history())


async def test_a_server_without_schedules_says_so() -> None:
    """That of skipped time is one: the worker goes on without the round."""
    async with on_stage() as stage:
        with pytest.raises(SchedulesUnknown):
            await stage.workflows.ensure_schedules()


async def test_the_round_is_scheduled_once_and_stays_paused_where_ops_paused_it() -> None:
    """However many workers start; each brings the times of its own release."""
    path = str(Path(sys.executable).parent / "temporal")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=path, dev_server_extra_args=["--headless"]
    ) as env:
        workflows = Workflows(env.client)
        assert await workflows.ensure_schedules()
        handle = env.client.get_schedule_handle(ROUND_ID)
        await handle.pause(note="month under dispute")
        assert not await workflows.ensure_schedules()
        described = await handle.describe()
        assert described.schedule.state.paused
        assert described.schedule.spec.time_zone_name == options.ROUND_ZONE
        assert len(described.info.next_action_times) > 0
