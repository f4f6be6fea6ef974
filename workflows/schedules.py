"""What is started by the clock: money's daily round, and the hourly check of templates in use."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from activities.values import Round, TemplateCheck
from workflows import options
from workflows.reconciliation import ReconciliationWorkflow
from workflows.template_check import TemplateCheckWorkflow

ROUND_ID: Final = "reconciliation"
TEMPLATES_ID: Final = "template-check"


def daily_round() -> Schedule:
    """Return when and how the round begins; one that still runs is not begun a second time."""
    hour, minute = options.ROUND_AT
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ReconciliationWorkflow.run, Round(), id=ROUND_ID, task_queue=options.TASK_QUEUE
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(hour)], minute=[ScheduleRange(minute)])],
            time_zone_name=options.ROUND_ZONE,
        ),
        # After an outage of a day the last round that was missed is made up for.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1)),
    )


def hourly_templates() -> Schedule:
    """Return when and how templates in use are checked; one check that still runs is not begun a second time."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            TemplateCheckWorkflow.run, TemplateCheck(), id=TEMPLATES_ID, task_queue=options.TASK_QUEUE
        ),
        # Not at the full hour, when everybody asks Gupshup something.
        spec=ScheduleSpec(
            intervals=[
                ScheduleIntervalSpec(every=options.TEMPLATES_EVERY, offset=options.TEMPLATES_EVERY / 3)
            ]
        ),
        # What was missed for longer is made good by the next check.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=10)),
    )


SCHEDULES: Final[Mapping[str, Callable[[], Schedule]]] = {
    ROUND_ID: daily_round,
    TEMPLATES_ID: hourly_templates,
}
"""All of them, by the id under which Temporal keeps them."""
