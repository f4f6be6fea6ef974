"""Delivering signed events to a workspace's URL."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.values import OutgoingEventTask
from clients.workspace_webhook import Delivered, WorkspaceWebhook
from db import outgoing_events, timeline, workspaces
from db.encryption import Cipher
from db.outgoing_events import OutgoingEvent
from db.session import Database, Session
from domain.failures import Mode

_log = structlog.get_logger(__name__)


_TAKEN_OVER: Final = {
    "message.failed": "a message did not reach the customer",
    "case.undeliverable": "no message can reach the customer",
}
"""After these the order system's own channels, e-mail and SMS, can take over."""


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
                now = self._clock()
                await outgoing_events.mark_delivered(session, task.workspace_id, event.id, now=now)
                await _note_told(session, self._cipher, event, now)
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


async def _note_told(session: Session, cipher: Cipher, event: OutgoingEvent, now: datetime) -> None:
    """Put on the order's activity that other channels may take over: from now on the order system knows (R6.10)."""
    order_id = event.data.get("order_id")
    if event.type not in _TAKEN_OVER or not order_id:
        return
    entry = timeline.Entry(
        workspace_id=event.workspace_id,
        order_id=str(order_id),
        shipment_id=event.data.get("shipment_id"),
        case_id=event.data.get("case_id"),
        at=now,
        kind="automatic",
        topic="order_system_told",
        key=f"told:{event.id}",
        detail=_TAKEN_OVER[event.type],
        mode=Mode.AUTOMATIC.value,
    )
    await timeline.add_entry(session, cipher, entry)


def _is_delivered(event: OutgoingEvent, task: OutgoingEventTask) -> bool:
    if event.delivered_at is None:
        return False
    return task.replayed_at is None or event.delivered_at >= task.replayed_at
