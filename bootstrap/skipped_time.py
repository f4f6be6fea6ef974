"""Temporal's server for tests as the clock of a rehearsal: it tells what the runs wait for, and jumps there.

Its time goes on like any other until it is moved, and stands still while an activity runs. Development only.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from google.protobuf.empty_pb2 import Empty
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.testservice.v1 import SleepRequest, UnlockTimeSkippingRequest
from temporalio.api.workflowservice.v1 import ListOpenWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bootstrap.settings import Settings
from bootstrap.temporal import connect

__all__ = ["Runs", "SkippedTime"]

_STUCK_SECONDS = 1.0  # a jump takes milliseconds, and letting go of what is not held is an error


@dataclass(frozen=True, slots=True)
class Runs:
    """What the open runs do now.

    Attributes:
        are_waiting: Whether nothing is done in any of them: each waits for a timer, or for mail.
        wake_at: When the first of their timers is due; None where there is none.
        events: How far each history has come, by the run's id.
    """

    are_waiting: bool
    wake_at: datetime | None
    events: tuple[tuple[str, int], ...]


class SkippedTime:
    """The server's clock, and the runs that live by it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Return the clock of the server that the settings name.

        Raises:
            RuntimeError: It does not answer.
        """
        return cls(await connect(settings, lazy=False))

    async def register_search_attributes(self, names: Sequence[str]) -> None:
        """Make our search attributes known to the server, which begins without any and cannot list them."""
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        await self._client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=self._client.namespace, search_attributes=dict.fromkeys(names, keyword)
            )
        )

    async def ahead(self) -> timedelta:
        """Return how far the server's time is ahead of the machine's."""
        answer = await self._client.test_service.get_current_time(Empty())
        return answer.time.ToDatetime(UTC) - datetime.now(UTC)

    async def jump(self, ahead: timedelta) -> None:
        """Let time pass at once, while nothing is under way: what is due then happens at its time."""
        request = SleepRequest()
        request.duration.FromTimedelta(ahead)
        before = await self.ahead()
        jumping = asyncio.create_task(self._client.test_service.unlock_time_skipping_with_sleep(request))
        while not (await asyncio.wait({jumping}, timeout=_STUCK_SECONDS))[0]:
            if await self.ahead() - before < ahead / 2:
                # The server holds its time for a run that begins a child, until both are over; it never lets go when
                # the child is the last to end, as our outgoing events may be. Nothing is under way, so we let go.
                await self._client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        await jumping

    async def runs(self) -> Runs:
        """Return what the open runs do now."""
        request = ListOpenWorkflowExecutionsRequest(namespace=self._client.namespace)
        listed = await self._client.workflow_service.list_open_workflow_executions(request)
        histories = {
            one.execution.workflow_id: await self._history(one.execution.workflow_id)
            for one in listed.executions
        }
        timers = [timer for history in histories.values() for timer in _timers(history)]
        return Runs(
            are_waiting=all(_is_waiting(history) for history in histories.values()),
            wake_at=min(timers, default=None),
            events=tuple(sorted((name, len(history)) for name, history in histories.items())),
        )

    async def _history(self, workflow_id: str) -> list[HistoryEvent]:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            return [event async for event in handle.fetch_history_events()]
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return []
            raise


def _timers(history: list[HistoryEvent]) -> list[datetime]:
    """Return when each timer that is running will fire."""
    running: dict[str, datetime] = {}
    for event in history:
        if event.HasField("timer_started_event_attributes"):
            started = event.timer_started_event_attributes
            running[started.timer_id] = (
                event.event_time.ToDatetime(UTC) + started.start_to_fire_timeout.ToTimedelta()
            )
        elif event.HasField("timer_fired_event_attributes"):
            running.pop(event.timer_fired_event_attributes.timer_id, None)
        elif event.HasField("timer_canceled_event_attributes"):
            running.pop(event.timer_canceled_event_attributes.timer_id, None)
    return list(running.values())


def _is_waiting(history: list[HistoryEvent]) -> bool:
    """Tell whether a run has neither a task nor an activity under way, nor a child that is still to begin."""
    under_way: set[int] = set()
    for event in history:
        match event.WhichOneof("attributes"):
            case (
                "workflow_task_scheduled_event_attributes"
                | "activity_task_scheduled_event_attributes"
                | "start_child_workflow_execution_initiated_event_attributes"
            ):
                under_way.add(event.event_id)
            case (
                "workflow_task_completed_event_attributes"
                | "workflow_task_failed_event_attributes"
                | "workflow_task_timed_out_event_attributes"
                | "activity_task_completed_event_attributes"
                | "activity_task_failed_event_attributes"
                | "activity_task_timed_out_event_attributes"
                | "activity_task_canceled_event_attributes"
            ) as name:
                under_way.discard(getattr(event, name).scheduled_event_id)
            case (
                "child_workflow_execution_started_event_attributes"
                | "start_child_workflow_execution_failed_event_attributes"
            ) as name:
                under_way.discard(getattr(event, name).initiated_event_id)
    # Begun and without a task yet: the first one comes at once.
    return len(history) > 1 and not under_way
