"""Delivering signed events to a workspace's URL."""

from collections.abc import Callable
from datetime import datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.values import OutgoingEventTask
from clients.workspace_webhook import Delivered, WorkspaceWebhook
from db import outgoing_events, workspaces
from db.encryption import Cipher
from db.outgoing_events import OutgoingEvent
from db.session import Database

_log = structlog.get_logger(__name__)


class OutgoingEvents:
    """Activities that post events."""

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        webhook: WorkspaceWebhook,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._webhook = webhook
        self._clock = clock

    @activity.defn(name="outgoing_events.deliver")
    async def deliver(self, task: OutgoingEventTask) -> None:
        """Post one event; it keeps its id on every try (I15).

        Raises:
            ApplicationError: `NotDelivered`, retried for a day; `Gone`, not retried.
        """
        async with self._database.transaction() as session:
            event = await outgoing_events.get_event(session, self._cipher, task.workspace_id, task.event_id)
            endpoint = await workspaces.find_event_endpoint(session, self._cipher, task.workspace_id)
            if endpoint is None:
                await outgoing_events.mark_failed(
                    session,
                    task.workspace_id,
                    task.event_id,
                    self._clock(),
                    note="the workspace wants no events any more",
                    replayed_at=task.replayed_at,
                )
        if endpoint is None or _is_delivered(event, task):
            return
        result = await self._webhook.deliver(
            url=endpoint.url,
            secret=endpoint.secret,
            event_id=event.id,
            type=event.type,
            data=event.data,
            at=event.created_at,
        )
        async with self._database.transaction() as session:
            if isinstance(result, Delivered):
                await outgoing_events.mark_delivered(session, task.workspace_id, event.id, now=self._clock())
                return
            await outgoing_events.note_try(
                session, task.workspace_id, event.id, note=result.detail, replayed_at=task.replayed_at
            )
        raise ApplicationError(
            result.detail,
            type="Gone" if result.gone else "NotDelivered",
            non_retryable=not result.retryable,
            category=ApplicationErrorCategory.BENIGN,
        )

    @activity.defn(name="outgoing_events.give_up")
    async def give_up(self, task: OutgoingEventTask) -> None:
        """Record that an event is not tried any more; ops can have it delivered again."""
        async with self._database.transaction() as session:
            await outgoing_events.mark_failed(
                session, task.workspace_id, task.event_id, self._clock(), replayed_at=task.replayed_at
            )
        _log.warning("event.given_up", workspace_id=task.workspace_id, event_id=task.event_id)


def _is_delivered(event: OutgoingEvent, task: OutgoingEventTask) -> bool:
    if event.delivered_at is None:
        return False
    return task.replayed_at is None or event.delivered_at >= task.replayed_at
