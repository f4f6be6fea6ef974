"""The only door to workflows: ids, start, signal, update. Everybody else speaks in our own values and errors.

Errors::

    WorkflowsUnavailable   Temporal did not answer; nothing is known to be done, the caller tries again
    CaseNotRunning         the run has ended, or there never was one
    ActRefused             the case refused an act by hand; `type` and message say why
    SchedulesUnknown       this Temporal server has no schedules
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    ScheduleAlreadyRunningError,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    ActivityIDReusePolicy,
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import (
    ActivityAlreadyStartedError,
    ApplicationError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.notifications import Notifications
from activities.values import (
    AboutCase,
    AccountMessageTask,
    NotificationTask,
    OutgoingEventTask,
    SampleMessageTask,
)
from workflows import options
from workflows.account_message import AccountMessageWorkflow
from workflows.failed_delivery import FailedDeliveryWorkflow
from workflows.late_reply import LateReplyWorkflow
from workflows.options import SEARCH_ATTRIBUTES
from workflows.outgoing_event import OutgoingEventWorkflow
from workflows.sample_message import SampleMessageWorkflow
from workflows.schedules import ROUND_ID, daily_round
from workflows.values import CaseRef, CaseStart, LateReply, Mail, ManualAnswer

__all__ = [
    "SEARCH_ATTRIBUTES",
    "AboutCase",
    "AccountMessageTask",
    "ActRefused",
    "CaseNotRunning",
    "CaseRef",
    "CaseStart",
    "LateReply",
    "Mail",
    "ManualAnswer",
    "NotificationTask",
    "SampleMessageTask",
    "SchedulesUnknown",
    "Workflows",
    "WorkflowsUnavailable",
    "case_workflow_id",
]

_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.CANCELLED,
    }
)
"""What the server says when it cannot just now. All else is about the question, which no waiting makes better."""

_MARKS = str.maketrans({"%": "%25", ":": "%3A", "~": "%7E"})  # what the parts of an id are told apart by

_CALL_SECONDS = 5.0
_ACT_SECONDS = 25.0  # an act by hand waits for the order system's answer; the same id asks again


class WorkflowsUnavailable(Exception):
    """Temporal did not answer."""


class CaseNotRunning(Exception):
    """The case's run has ended, or there never was one."""


class SchedulesUnknown(Exception):
    """This Temporal server has no schedules; that of skipped time is one."""


class ActRefused(Exception):
    """The case refused an act by hand.

    Attributes:
        type: CaseEnded, ActionNotPossible, DayNotPossible, AddressIncomplete, OtherPincode.
    """

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(message)
        self.type = type_


def case_workflow_id(ref: CaseRef) -> str:
    """Return the id of a case's run, its own whatever the shipment is called; built here, parsed nowhere."""
    visit = f"~{ref.visit}" if ref.visit > 1 else ""
    return f"case:{ref.workspace_id}:{ref.shipment_id.translate(_MARKS)}:{ref.attempt}{visit}"


class Workflows:
    """What may be asked of workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start_case(self, start: CaseStart) -> bool:
        """Start a case's run; False if it was started before.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        failure = start.facts.failure
        ref = CaseRef(failure.workspace_id, failure.shipment_id, failure.attempt, failure.visit)
        summary = (
            f"Order {failure.order_id}, attempt {failure.attempt}: {failure.reason.value.replace('_', ' ')}"
        )
        try:
            with _asking(case_workflow_id(ref)):
                await asyncio.wait_for(
                    self._client.start_workflow(
                        FailedDeliveryWorkflow.run,
                        start,
                        id=case_workflow_id(ref),
                        task_queue=options.TASK_QUEUE,
                        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                        search_attributes=TypedSearchAttributes(
                            [
                                SearchAttributePair(options.WORKSPACE_ID, failure.workspace_id),
                                SearchAttributePair(options.ORDER_ID, failure.order_id),
                                SearchAttributePair(options.TRACKING_ID, failure.tracking_id),
                                SearchAttributePair(options.CASE_STATE, "waiting"),
                            ]
                        ),
                        static_summary=summary,
                        static_details=f"{summary}\n\nWorkspace {failure.workspace_id}, case {start.facts.case_id}, "
                        f"tracking id {failure.tracking_id}",
                    ),
                    _CALL_SECONDS,
                )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def tell_case(self, ref: CaseRef, mail: Mail) -> None:
        """Give a fact to a case.

        Raises:
            CaseNotRunning: The run has ended or never began.
            WorkflowsUnavailable: Temporal did not answer.
        """
        handle = self._client.get_workflow_handle_for(FailedDeliveryWorkflow.run, case_workflow_id(ref))
        with _asking(case_workflow_id(ref), of_a_run=True):
            await asyncio.wait_for(handle.signal(FailedDeliveryWorkflow.deliver, mail), _CALL_SECONDS)

    async def act(self, ref: CaseRef, mail: Mail) -> ManualAnswer:
        """Take an act by hand and wait for what it comes to; the same mail id gets the same answer.

        Raises:
            ActRefused: The case refused it.
            CaseNotRunning: The run has ended or never began.
            WorkflowsUnavailable: Temporal did not answer in time; the act may still be done.
        """
        handle = self._client.get_workflow_handle_for(FailedDeliveryWorkflow.run, case_workflow_id(ref))
        try:
            with _asking(case_workflow_id(ref), of_a_run=True):
                return await asyncio.wait_for(
                    handle.execute_update("act", mail, id=mail.id, result_type=ManualAnswer), _ACT_SECONDS
                )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError):
                raise ActRefused(cause.type or "Refused", cause.message) from error
            raise

    async def answer_late(self, reply_id: str, late: LateReply) -> None:
        """Answer a reply whose case has ended, once.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        await self._start_once(LateReplyWorkflow.run, late, f"late:{late.case.id}:{reply_id}")

    async def send_account_message(self, task: AccountMessageTask) -> None:
        """Have a message of the sender's own sent, once.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        await self._start_once(AccountMessageWorkflow.run, task, f"account-message:{task.id}")

    async def send_notification(
        self, task: NotificationTask, *, command_id: str, order_id: str, seconds_left: float
    ) -> None:
        """Have the message about a step of the journey sent, once: an activity of its own, without a run around it.

        Args:
            task: The step.
            command_id: Its idempotency key.
            order_id: The order, so that ops find it.
            seconds_left: How long it may still be sent.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        choices = dict(options.NOTIFY)
        priority = Priority(priority_key=choices.pop("priority_key"), fairness_key=task.workspace_id[:64])
        with suppress(ActivityAlreadyStartedError), _asking(command_id):
            await asyncio.wait_for(
                self._client.start_activity_method(
                    Notifications.send,
                    task,
                    id=command_id,
                    task_queue=options.TASK_QUEUE,
                    id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
                    schedule_to_close_timeout=timedelta(seconds=max(seconds_left, 0)) + options.LAST_TRY,
                    search_attributes=TypedSearchAttributes(
                        [
                            SearchAttributePair(options.WORKSPACE_ID, task.workspace_id),
                            SearchAttributePair(options.ORDER_ID, order_id),
                        ]
                    ),
                    summary=task.event,
                    priority=priority,
                    **choices,
                ),
                _CALL_SECONDS,
            )

    async def send_sample(self, task: SampleMessageTask) -> None:
        """Have a notification sent to a phone of the seller's own, once.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        await self._start_once(SampleMessageWorkflow.run, task, f"sample-message:{task.id}")

    async def deliver_event(self, workspace_id: str, event_id: str) -> None:
        """Have an outgoing event delivered, once.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        task = OutgoingEventTask(workspace_id, event_id)
        await self._start_once(OutgoingEventWorkflow.run, task, f"event:{event_id}")

    async def replay_event(self, workspace_id: str, event_id: str, replayed_at: datetime) -> None:
        """Have an outgoing event delivered again, under its own id; asked for twice in one second it is once.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        task = OutgoingEventTask(workspace_id, event_id, replayed_at)
        workflow_id = f"event:{event_id}:replay:{int(replayed_at.timestamp())}"
        await self._start_once(OutgoingEventWorkflow.run, task, workflow_id)

    async def ensure_schedules(self) -> bool:
        """Make sure that the daily round is scheduled as this release wants it; True if it was not there before.

        What ops paused stays paused.

        Raises:
            SchedulesUnknown: The server has no schedules.
            WorkflowsUnavailable: Temporal did not answer.
        """
        wanted = daily_round()

        def updated(known: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=replace(wanted, state=known.description.schedule.state))

        with _asking(ROUND_ID):
            try:
                await asyncio.wait_for(self._client.create_schedule(ROUND_ID, wanted), _CALL_SECONDS)
            except ScheduleAlreadyRunningError:
                handle = self._client.get_schedule_handle(ROUND_ID)
                await asyncio.wait_for(handle.update(updated), _CALL_SECONDS)
                return False
            except RPCError as error:
                if error.status is not RPCStatusCode.UNIMPLEMENTED:
                    raise
                raise SchedulesUnknown(ROUND_ID) from error
        return True

    async def is_healthy(self) -> bool:
        """Tell whether Temporal answers."""
        try:
            return await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, TimeoutError, RuntimeError):
            return False

    async def _start_once(self, run: object, argument: object, workflow_id: str) -> None:
        with suppress(WorkflowAlreadyStartedError), _asking(workflow_id):
            await asyncio.wait_for(
                self._client.start_workflow(
                    run,  # type: ignore[arg-type]
                    argument,
                    id=workflow_id,
                    task_queue=options.TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                ),
                _CALL_SECONDS,
            )


@contextmanager
def _asking(workflow_id: str, *, of_a_run: bool = False) -> Iterator[None]:
    """Turn what says that Temporal is away, or that a run is over, into our errors."""
    try:
        yield
    except RPCError as error:
        if of_a_run and error.status is RPCStatusCode.NOT_FOUND:
            raise CaseNotRunning(workflow_id) from error
        if error.status not in _AWAY:
            raise
        raise WorkflowsUnavailable(workflow_id) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise WorkflowsUnavailable(workflow_id) from error
    except RuntimeError as error:
        # A lazy client that was never connected says only in words that it cannot connect.
        if not str(error).startswith("Failed client connect"):
            raise
        raise WorkflowsUnavailable(workflow_id) from error
