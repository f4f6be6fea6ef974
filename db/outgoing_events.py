"""Signed events to a workspace's URL: written in the transaction of what they tell of, delivered by a run (I15)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.journey_events import JourneyStep
from db.messages import Message
from db.rows import id_range
from db.session import NotFound, Session, TryAgain
from db.tables import event_endpoints, outgoing_events
from domain.case_events import Purpose
from domain.messages import NotSent

EventStand = Literal["waiting", "retrying", "delivered", "given up"]
"""How far an event has come; only what was given up is no longer tried."""


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event for a workspace.

    Attributes:
        id: What the receiver knows it by; the same at every delivery.
        workspace_id: For whom.
        type: What happened, such as "case.resolved".
        data: What is told.
        created_at: When it happened.
        delivered_at: When the receiver took it last.
        failed_at: When it was given up; None while it is tried.
        note: Why the last try failed; empty after one that did not.
    """

    id: str
    workspace_id: str
    type: str
    data: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    delivered_at: datetime | None
    failed_at: datetime | None = None
    note: str = ""

    @property
    def stand(self) -> EventStand:
        """How far it has come."""
        if self.failed_at is not None:
            return "given up"
        if self.note:
            return "retrying"
        return "waiting" if self.delivered_at is None else "delivered"


@dataclass(frozen=True, slots=True)
class UnstartedEvent:
    """An event whose delivery was not begun."""

    id: str
    workspace_id: str


# --- Writing what happened ---


async def tell_workspace(
    session: Session,
    cipher: Cipher,
    *,
    workspace_id: str,
    type: str,  # noqa: A002 - Standard Webhooks' own word
    data: Mapping[str, Any],
    source_key: str,
    now: datetime,
) -> tuple[str, ...]:
    """Add an event if the workspace wants any, and return its id: what has to be delivered now.

    The same source again adds nothing and gives the same id.
    """
    wanted = select(event_endpoints.c.workspace_id).where(event_endpoints.c.workspace_id == workspace_id)
    if (await session.execute(wanted)).one_or_none() is None:
        return ()
    event_id = await add_event(
        session, cipher, workspace_id=workspace_id, type=type, data=data, source_key=source_key, now=now
    )
    return (event_id,)


async def tell_message_failed(
    session: Session, cipher: Cipher, message: Message, why: NotSent, now: datetime
) -> tuple[str, ...]:
    """Tell a workspace that a message failed for good, once, and return the event's id if it wants any.

    A seller's test is about no order: nobody else has to take over for it.
    """
    if message.purpose == Purpose.TEST:
        return ()
    return await tell_workspace(
        session,
        cipher,
        workspace_id=message.workspace_id,
        type="message.failed",
        data={
            "message_id": message.id,
            "case_id": message.case_id,
            "order_id": message.order_id,
            "shipment_id": message.shipment_id,
            "tracking_id": message.tracking_id,
            "purpose": message.purpose,
            "event": message.event,
            "code": message.code,
            "why": why.value,
        },
        source_key=f"failed:{message.id}",
        now=now,
    )


async def tell_step_not_sent(
    session: Session, cipher: Cipher, step: JourneyStep, why: NotSent, now: datetime
) -> tuple[str, ...]:
    """Tell a workspace that a step of the journey has no message, once, and return the event's id if it wants any.

    It is told as a failed message is, with no message's id: other channels take over either way.
    """
    return await tell_workspace(
        session,
        cipher,
        workspace_id=step.workspace_id,
        type="message.failed",
        data={
            "message_id": None,
            "case_id": None,
            "order_id": step.order_id,
            "shipment_id": step.shipment_id,
            "tracking_id": step.tracking_id,
            "purpose": "notification",
            "event": step.event,
            "code": "",
            "why": why.value,
        },
        source_key=f"not-sent:{step.key.command_id}",
        now=now,
    )


async def add_event(
    session: Session,
    cipher: Cipher,
    *,
    workspace_id: str,
    type: str,  # noqa: A002 - Standard Webhooks' own word
    data: Mapping[str, Any],
    now: datetime,
    source_key: str | None = None,
) -> str:
    """Add an event for a workspace and return its id; with a source that has one, the id of that.

    Raises:
        TryAgain: The event of the same source came and went.
    """
    event_id = str(uuid4())
    statement = (
        insert(outgoing_events)
        .values(
            id=event_id,
            workspace_id=workspace_id,
            type=type,
            source_key=source_key,
            data_sealed=cipher.seal(
                json.dumps(dict(data), ensure_ascii=False), context=_context(workspace_id, event_id)
            ),
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "source_key"])
        .returning(outgoing_events.c.id)
    )
    if (await session.execute(statement)).one_or_none() is not None:
        return event_id
    known = select(outgoing_events.c.id).where(
        outgoing_events.c.workspace_id == workspace_id, outgoing_events.c.source_key == source_key
    )
    found: str | None = (await session.execute(known)).scalar_one_or_none()
    if found is None:
        raise TryAgain(f"the event of {source_key} came and went")
    return found


# --- How far it has come ---


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
        .where(*_is(workspace_id, event_id))
        .values(delivered_at=now, failed_at=None, note="")
    )


async def note_try(
    session: Session, workspace_id: str, event_id: str, *, note: str, replayed_at: datetime | None = None
) -> None:
    """Note why a try failed that is not the last one; what is tried is not given up."""
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), _is_undelivered_since(replayed_at))
        .values(failed_at=None, note=note)
    )


async def mark_failed(
    session: Session,
    workspace_id: str,
    event_id: str,
    now: datetime,
    *,
    note: str = "",
    replayed_at: datetime | None = None,
) -> None:
    """Note that an event was given up; why its last try failed is known, unless a note says otherwise."""
    values = {"failed_at": now} | ({"note": note} if note else {})
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), _is_undelivered_since(replayed_at))
        .values(values)
    )


async def mark_replayed(session: Session, workspace_id: str, event_id: str, replayed_at: datetime) -> None:
    """Note that an event that was given up is tried again since a time."""
    await session.execute(
        update(outgoing_events)
        .where(*_is(workspace_id, event_id), outgoing_events.c.failed_at < replayed_at)
        .values(failed_at=None)
    )


# --- Finding ---


async def get_event(session: Session, cipher: Cipher, workspace_id: str, event_id: str) -> OutgoingEvent:
    """Return an event.

    Raises:
        NotFound: The workspace has no such event.
    """
    found = await _list(session, cipher, select(*_SHOWN).where(*_is(workspace_id, event_id)))
    if not found:
        raise NotFound(f"outgoing event {event_id}")
    return found[0]


async def list_events(
    session: Session,
    cipher: Cipher,
    *,
    workspace_id: str | None = None,
    type: str | None = None,  # noqa: A002 - Standard Webhooks' own word
    is_failed: bool = False,
    is_undelivered: bool = False,
    since: datetime | None = None,
    limit: int,
) -> tuple[OutgoingEvent, ...]:
    """Return events of all workspaces, newest first; for ops only.

    Args:
        session: The transaction.
        cipher: Opens what is told.
        workspace_id: Only those for a workspace.
        type: Only those of a type.
        is_failed: Only what was given up.
        is_undelivered: Only what no receiver has taken yet, given up or not.
        since: Only what happened since.
        limit: At most so many.
    """
    table = outgoing_events
    wanted: list[ColumnElement[bool]] = []
    if workspace_id is not None:
        wanted.append(table.c.workspace_id == workspace_id)
    if type is not None:
        wanted.append(table.c.type == type)
    if is_failed:
        wanted.append(table.c.failed_at.is_not(None))
    if is_undelivered:
        wanted.append(table.c.delivered_at.is_(None))
    if since is not None:
        wanted.append(table.c.created_at >= since)
    statement = select(*_SHOWN).where(*wanted).order_by(table.c.created_at.desc(), table.c.id).limit(limit)
    return await _list(session, cipher, statement)


async def list_by_prefix(
    session: Session, cipher: Cipher, prefix: str, *, limit: int
) -> tuple[OutgoingEvent, ...]:
    """Return the events of all workspaces whose id begins so; for ops only."""
    ids = id_range(prefix)
    if ids is None:
        return ()
    statement = select(*_SHOWN).where(outgoing_events.c.id.between(*ids)).limit(limit)
    return await _list(session, cipher, statement)


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


_SHOWN = [
    outgoing_events.c[name]
    for name in (
        "id",
        "workspace_id",
        "type",
        "data_sealed",
        "created_at",
        "delivered_at",
        "failed_at",
        "note",
    )
]


async def _list(session: Session, cipher: Cipher, statement: Any) -> tuple[OutgoingEvent, ...]:
    def event(*, data_sealed: bytes, **plain: Any) -> OutgoingEvent:
        context = _context(plain["workspace_id"], plain["id"])
        return OutgoingEvent(data=json.loads(cipher.open(data_sealed, context=context)), **plain)

    return tuple(event(**row._asdict()) for row in (await session.execute(statement)).all())


def _is(workspace_id: str, event_id: str) -> tuple[Any, Any]:
    return outgoing_events.c.workspace_id == workspace_id, outgoing_events.c.id == event_id


def _is_undelivered_since(replayed_at: datetime | None) -> ColumnElement[bool]:
    """Say that no receiver took an event, or none since somebody wanted it sent once more."""
    never = outgoing_events.c.delivered_at.is_(None)
    return never if replayed_at is None else or_(never, outgoing_events.c.delivered_at < replayed_at)


def _context(workspace_id: str, event_id: str) -> str:
    return f"outgoing_events/{workspace_id}/{event_id}/data"
