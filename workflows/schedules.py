"""What is started by the clock: money's daily round."""

from datetime import timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from activities.values import Round
from workflows import options
from workflows.reconciliation import ReconciliationWorkflow

ROUND_ID = "reconciliation"


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
