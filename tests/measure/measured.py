"""What the measured worker runs: one activity that only counts, alone or in a workflow."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from tests.measure.values import Ids

COUNT: Final = "MEASURED_COUNT"
"""The variable of the environment that names the file in which is counted."""

OPTIONS: Final[dict[str, Any]] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "schedule_to_close_timeout": timedelta(hours=24),
}


@activity.defn(name="measured.send")
async def send(task: Ids) -> None:
    """Count, and do nothing else."""
    with Path(os.environ[COUNT]).open("ab") as counted:  # noqa: ASYNC230 - one byte, and the same for both
        counted.write(b".")


@workflow.defn(name="Measured")
class Measured:
    """One message, one activity."""

    @workflow.run
    async def run(self, task: Ids) -> None:
        """Send it."""
        await workflow.execute_activity(send, task, **OPTIONS)


def counted_by(counted: Path) -> int:
    """Return how many were sent so far."""
    return counted.stat().st_size
