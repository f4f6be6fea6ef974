"""Templates in use: which notifications send them, holding those that may not be sent, and telling the workspace (R4.8).

Each notification is held by itself: of two with one template, one may have been set up with what the other was not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select, update

from db.encryption import Cipher
from db.notifications import Notification, notification_of
from db.outgoing_events import UnstartedEvent, tell_workspace
from db.rows import columns
from db.session import Session
from db.tables import app_accounts, installations, notifications
from domain.template_checks import Saved

__all__ = [
    "Settled",
    "Standing",
    "list_accounts",
    "list_in_use",
    "list_of_template",
    "saved_of",
    "settle",
    "tell_released",
]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a notification stands from now on: why it is held, or empty where it is sent."""

    notification: Notification
    attention: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What changed, and the events that tell of it."""

    changed: tuple[Standing, ...]
    events: tuple[UnstartedEvent, ...]


async def list_accounts(session: Session) -> tuple[str, ...]:
    """Return the accounts whose templates are in use, of all workspaces; those that can be asked."""
    is_installed = exists().where(
        installations.c.account_id == app_accounts.c.id, installations.c.uninstalled_at.is_(None)
    )
    in_use = exists().where(notifications.c.account_id == app_accounts.c.id, *_in_use())
    statement = (
        select(app_accounts.c.id)
        .where(
            app_accounts.c.api_key_sealed.is_not(None),
            in_use,
            or_(is_installed, app_accounts.c.owner == "eshopbox"),
        )
        .order_by(app_accounts.c.id)
    )
    return tuple((await session.execute(statement)).scalars())


async def list_in_use(session: Session, account_id: str) -> tuple[Notification, ...]:
    """Return an account's notifications that are on, or held, of all workspaces; the platform's too."""
    return await _list(session, notifications.c.account_id == account_id, *_in_use())


async def list_of_template(session: Session, account_id: str, template_id: str) -> tuple[Notification, ...]:
    """Return all notifications with a template of an account, and keep them as they are until the transaction ends."""
    table = notifications
    return await _list(
        session, table.c.account_id == account_id, table.c.template_id == template_id, lock=True
    )


def saved_of(notification: Notification) -> Saved:
    """Return what a notification was set up with."""
    return Saved(
        category=notification.category,
        body=notification.body,
        buttons=tuple((button.label, button.kind) for button in notification.buttons),
    )


async def settle(
    session: Session, cipher: Cipher, standings: Iterable[Standing], *, now: datetime
) -> Settled:
    """Have notifications stand so, and tell each workspace what changed of those that are on.

    What was set up anew or held otherwise meanwhile is left as it is.
    """
    changed: list[Standing] = []
    events: list[UnstartedEvent] = []
    for standing in standings:
        row, attention = standing.notification, standing.attention
        if attention == row.attention or not await _write(session, row, attention, now):
            continue
        changed.append(standing)
        if row.is_on:
            told = await _tell(session, cipher, row, attention, now)
            events += (UnstartedEvent(event_id, row.workspace_id) for event_id in told)
    return Settled(tuple(changed), tuple(events))


async def tell_released(
    session: Session, cipher: Cipher, rows: Iterable[Notification], *, now: datetime
) -> tuple[UnstartedEvent, ...]:
    """Tell workspaces that what was held of an event is sent again: it was set up anew."""
    events: list[UnstartedEvent] = []
    for row in rows:
        if row.attention and row.is_on:
            told = await _tell(session, cipher, row, "", now)
            events += (UnstartedEvent(event_id, row.workspace_id) for event_id in told)
    return tuple(events)


async def _write(session: Session, row: Notification, attention: str, now: datetime) -> bool:
    table = notifications
    statement = (
        update(table)
        .where(
            table.c.workspace_id == row.workspace_id,
            table.c.account_id == row.account_id,
            table.c.event == row.event,
            table.c.language == row.language,
            table.c.template_id == row.template_id,
            table.c.attention == row.attention,
        )
        .values(attention=attention, attention_at=now if attention else None, updated_at=now)
        .returning(table.c.workspace_id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def _tell(
    session: Session, cipher: Cipher, row: Notification, attention: str, now: datetime
) -> tuple[str, ...]:
    word = "held" if attention else "released"
    return await tell_workspace(
        session,
        cipher,
        workspace_id=row.workspace_id,
        type=f"notification.{word}",
        data={
            "event": row.event,
            "language": row.language,
            "template_id": row.template_id,
            "template_name": row.template_name,
            "reason": attention or row.attention,
            "since": (row.attention_at or now).isoformat() if not attention else now.isoformat(),
        },
        source_key=f"{word}:{row.account_id}:{row.event}:{row.language}:{row.template_id}:{now.isoformat()}",
        now=now,
    )


def _in_use() -> tuple[ColumnElement[bool], ...]:
    table = notifications
    return table.c.template_id != "", or_(table.c.is_on, table.c.attention != "")


async def _list(
    session: Session, *wanted: ColumnElement[bool], lock: bool = False
) -> tuple[Notification, ...]:
    table = notifications
    statement = (
        select(*columns(table, Notification))
        .where(*wanted)
        .order_by(table.c.workspace_id, table.c.event, table.c.language)
    )
    if lock:
        statement = statement.with_for_update()
    return tuple(notification_of(**row._asdict()) for row in (await session.execute(statement)).all())
