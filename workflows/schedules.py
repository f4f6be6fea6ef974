"""What is started by the clock."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from activities.values import TemplateCheck
from workflows import options
from workflows.template_check import TemplateCheckWorkflow

TEMPLATES_ID: Final = "template-check"


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


SCHEDULES: Final[Mapping[str, Callable[[], Schedule]]] = {TEMPLATES_ID: hourly_templates}
"""All of them, by the id under which Temporal keeps them."""
