"""Delivering signed events to a workspace's URL."""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.values import OutgoingEventTask
from clients.workspace_webhook import Delivered, WorkspaceWebhook
from db import outgoing_events, workspaces
from db.encryption import Cipher
from db.session import Database


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
        if event.delivered_at is not None or endpoint is None:
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
            await outgoing_events.mark_failed(
                session, task.workspace_id, event.id, note=result.detail, now=self._clock()
            )
        raise ApplicationError(
            result.detail,
            type="Gone" if result.gone else "NotDelivered",
            non_retryable=not result.retryable,
            category=ApplicationErrorCategory.BENIGN,
        )
