"""The worker: registers workflows and activities, and runs intake's sweep beside them. Wiring only."""

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from activities.account_messages import AccountMessages
from activities.billing import Billing
from activities.carriers import Carriers
from activities.cases import Cases
from activities.messages import Messages
from activities.notifications import Deliver, Notifications
from activities.outgoing_events import OutgoingEvents
from bootstrap.logs import configure
from bootstrap.resources import CONCURRENT_ACTIVITIES, Resources, open_resources
from bootstrap.settings import Settings
from bootstrap.temporal import connect
from intake.inbox import Intake
from workflows import options
from workflows.account_message import AccountMessageWorkflow
from workflows.client import SchedulesUnknown, Workflows, WorkflowsUnavailable
from workflows.failed_delivery import FailedDeliveryWorkflow
from workflows.late_reply import LateReplyWorkflow
from workflows.outgoing_event import OutgoingEventWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sample_message import SampleMessageWorkflow

_log = structlog.get_logger("worker")


WORKFLOWS = (
    FailedDeliveryWorkflow,
    LateReplyWorkflow,
    AccountMessageWorkflow,
    SampleMessageWorkflow,
    OutgoingEventWorkflow,
    ReconciliationWorkflow,
)


def activities_of(resources: Resources, deliver: Deliver | None = None) -> list[Callable[..., object]]:
    """Return every activity, each with what it works with.

    Args:
        resources: Connections and keys.
        deliver: Delivers what an activity without a workflow has to tell at once; without it the sweep does.
    """
    shared: dict[str, Any] = {
        "database": resources.database,
        "cipher": resources.cipher,
        "clock": resources.clock,
    }
    messages = Messages(gupshup=resources.gupshup, **shared)
    account_messages = AccountMessages(gupshup=resources.gupshup, **shared)
    notifications = Notifications(
        gupshup=resources.gupshup, carriers=resources.carriers, deliver=deliver, **shared
    )
    carriers = Carriers(carriers=resources.carriers, **shared)
    cases = Cases(**shared)
    events = OutgoingEvents(webhook=resources.workspace_webhook, **shared)
    billing = Billing(
        database=resources.database,
        clock=resources.clock,
        statement_days=resources.settings.statement_days,
        reconciled_after=resources.settings.reconciled_after_hours,
    )
    return [
        messages.send_template,
        messages.send_session,
        account_messages.send,
        notifications.send,
        account_messages.send_sample,
        carriers.take_action,
        cases.record,
        cases.end,
        events.deliver,
        events.give_up,
        billing.reconcile,
        billing.close_months,
    ]


def build_worker(client: Client, resources: Resources) -> Worker:
    """Return the worker with everything it runs."""
    return Worker(
        client,
        task_queue=options.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=activities_of(resources, Workflows(client).deliver_event),
        max_cached_workflows=1000,
        max_concurrent_workflow_tasks=20,  # replays after a restart must not trip the 2 s deadlock detector
        max_concurrent_activities=CONCURRENT_ACTIVITIES,
        sticky_queue_schedule_to_start_timeout=timedelta(
            seconds=2
        ),  # what the next signal waits after kill -9
        graceful_shutdown_timeout=timedelta(seconds=25),
    )


async def _connected(settings: Settings, runtime: Runtime) -> Client:
    """Connect; while Temporal is away, wait for it."""
    pause = 0.5
    while True:
        try:
            return await connect(settings, lazy=False, runtime=runtime)
        except RuntimeError as error:
            _log.warning("worker.temporal.away", error=str(error)[:200])
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)


async def _sweep(intake: Intake, pause: float, stopping: asyncio.Event) -> None:
    """Take up again and again what callbacks left over."""
    while not stopping.is_set():
        try:
            handled = await intake.sweep(limit=100)
        except Exception:  # noqa: BLE001 - whatever went wrong, the next sweep comes; the trouble is logged whole
            _log.exception("intake.sweep.failed")
            handled = 0
        if not handled:
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue


async def _schedule(workflows: Workflows) -> None:
    """Have the daily round scheduled; where that cannot be, ops may do it or start a round by hand."""
    try:
        await workflows.ensure_schedules()
    except (SchedulesUnknown, WorkflowsUnavailable) as error:
        _log.warning("worker.schedules.missing", error=type(error).__name__)


async def main() -> None:
    """Run until SIGTERM or SIGINT; running effects finish first."""
    settings = Settings()  # type: ignore[call-arg]  # from the environment
    configure(settings.log_level)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    metrics = PrometheusConfig(bind_address=f"0.0.0.0:{settings.metrics_port}", durations_as_seconds=True)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics if settings.metrics_port else None))
    async with open_resources(settings, name="worker") as resources:
        client = await _connected(settings, runtime)
        intake = Intake(
            database=resources.database,
            cipher=resources.cipher,
            workflows=Workflows(client),
            clock=resources.clock,
        )
        async with build_worker(client, resources):
            _log.info("worker.started", address=settings.temporal_address)
            await _schedule(Workflows(client))
            await _sweep(intake, settings.sweep_seconds, stopping)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
