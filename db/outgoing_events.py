"""Signed events to a workspace's URL: written in the transaction of what they tell of, delivered by a run (I15)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.session import NotFound, Session
from db.tables import outgoing_events


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event for a workspace.

    Attributes:
        id: What the receiver knows it by; the same at every delivery.
        workspace_id: For whom.
        type: What happened, such as "case.resolved".
        data: What is told.
        created_at: When it happened.
        delivered_at: When the receiver took it.
    """

    id: str
    workspace_id: str
    type: str
    data: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnstartedEvent:
    """An event whose delivery was not begun."""

    id: str
    workspace_id: str


async def add_event(
    session: Session,
    cipher: Cipher,
    *,
    workspace_id: str,
    type: str,  # noqa: A002 - Standard Webhooks' own word
    data: Mapping[str, Any],
    now: datetime,
) -> str:
    """Add an event for a workspace and return its id."""
    event_id = str(uuid4())
    await session.execute(
        insert(outgoing_events).values(
            id=event_id,
            workspace_id=workspace_id,
            type=type,
            data_sealed=cipher.seal(
                json.dumps(dict(data), ensure_ascii=False), context=_context(workspace_id, event_id)
            ),
            created_at=now,
        )
    )
    return event_id


async def get_event(session: Session, cipher: Cipher, workspace_id: str, event_id: str) -> OutgoingEvent:
    """Return an event.

    Raises:
        NotFound: The workspace has no such event.
    """
    statement = select(
        outgoing_events.c.type,
        outgoing_events.c.data_sealed,
        outgoing_events.c.created_at,
        outgoing_events.c.delivered_at,
    ).where(*_is(workspace_id, event_id))
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"outgoing event {event_id}")
    data = json.loads(cipher.open(row.data_sealed, context=_context(workspace_id, event_id)))
    return OutgoingEvent(event_id, workspace_id, row.type, data, row.created_at, row.delivered_at)


async def mark_started(session: Session, workspace_id: str, event_id: str, now: datetime) -> None:
    """Note that an event's delivery was begun."""
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), outgoing_events.c.started_at.is_(None))
        .values(started_at=now)
    )


async def mark_delivered(session: Session, workspace_id: str, event_id: str, now: datetime) -> None:
    """Note that the receiver took an event."""
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), outgoing_events.c.delivered_at.is_(None))
        .values(delivered_at=now, failed_at=None, note="")
    )


async def mark_failed(session: Session, workspace_id: str, event_id: str, now: datetime, note: str) -> None:
    """Note that an event was given up, and why."""
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), outgoing_events.c.delivered_at.is_(None))
        .values(failed_at=now, note=note)
    )


async def list_unstarted(
    session: Session, *, older_than: datetime, limit: int, but: Collection[str] = ()
) -> tuple[UnstartedEvent, ...]:
    """Return events of all workspaces whose delivery was not begun, oldest first; for the sweep.

    Args:
        session: The transaction.
        older_than: Only those written before.
        limit: At most so many.
        but: Ids of those that are not wanted.
    """
    statement = (
        select(outgoing_events.c.id, outgoing_events.c.workspace_id)
        .where(
            outgoing_events.c.started_at.is_(None),
            outgoing_events.c.created_at < older_than,
            outgoing_events.c.id.not_in(but),
        )
        .order_by(outgoing_events.c.created_at)
        .limit(limit)
    )
    return tuple(UnstartedEvent(row.id, row.workspace_id) for row in await session.execute(statement))


def _is(workspace_id: str, event_id: str) -> tuple[Any, Any]:
    return outgoing_events.c.workspace_id == workspace_id, outgoing_events.c.id == event_id


def _context(workspace_id: str, event_id: str) -> str:
    return f"outgoing_events/{workspace_id}/{event_id}/data"
