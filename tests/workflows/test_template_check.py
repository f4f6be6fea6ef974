"""The check of templates in use: by hand it answers, again and again; by the clock it comes every hour."""

from datetime import timedelta

import pytest
from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleOverlapPolicy

from activities.values import HeldNotification, TemplateCheck, TemplatesChecked
from tests.workflows.stage import on_stage
from workflows import options
from workflows.client import SchedulesUnknown
from workflows.schedules import SCHEDULES

pytestmark = pytest.mark.temporal

_HELD = HeldNotification(
    "kapaskraft", "account-1", "failed_delivery", "en", "delivery_failed_v3", "template paused"
)


async def test_check_by_hand_tells_what_it_came_to_each_time() -> None:
    """R4.8: what was held travels back as it is; one that has ended is no reason not to check again."""
    async with on_stage() as stage:
        came_to = TemplatesChecked(asked=2, held=(_HELD,), refused=("account-2",))
        stage.effects.script("templates.check", RuntimeError("the worker was killed"), came_to)
        assert await stage.workflows.check_templates(TemplateCheck()) == came_to
        assert await stage.workflows.check_templates(TemplateCheck("account-1")) == TemplatesChecked(asked=1)
        await stage.workflows.check_templates(TemplateCheck("account-1"))
        assert stage.effects.lines == ["check all", "check all", "check account-1", "check account-1"]


async def test_server_without_schedules_is_told_apart() -> None:
    """The worker goes on without them, and says so."""
    async with on_stage() as stage:
        with pytest.raises(SchedulesUnknown):
            await stage.workflows.ensure_schedules()


def test_templates_are_checked_every_hour_once_at_a_time() -> None:
    """R4.8: on the queue of our worker; a check that still runs is not begun a second time."""
    schedule: Schedule = SCHEDULES["template-check"]()
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert (schedule.action.workflow, schedule.action.task_queue) == ("TemplateCheck", options.TASK_QUEUE)
    (interval,) = schedule.spec.intervals
    assert interval.every == timedelta(hours=1)
    assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
