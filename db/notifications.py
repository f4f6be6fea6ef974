"""Notifications: which template a workspace sends for an event, through which account, and whether it does (R4)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns
from db.session import Session
from db.tables import notifications, workspaces
from db.workspaces import PLATFORM
from domain.preview import ButtonKind


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a template.

    Attributes:
        label: Its words.
        choice: What it stands for when it is tapped; empty where it stands for nothing of ours.
        kind: What it does, in our words; only quick replies come back as an answer.
    """

    label: str
    choice: str
    kind: str = ButtonKind.QUICK_REPLY.value  # older rows know quick replies only

    @property
    def is_reply(self) -> bool:
        """Tell whether a tap on it comes back as an answer."""
        return self.kind == ButtonKind.QUICK_REPLY


@dataclass(frozen=True, slots=True)
class Param:
    """What fills a placeholder: a variable, and the text to use when it has no value."""

    variable: str
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """The switch and the template of one event, account and language.

    Attributes:
        workspace_id: Whose it is.
        account_id: The account it was set up for; it is never sent through another (R4.2).
        event: The journey event.
        language: The template's language.
        template_id: Gupshup's id of the template.
        template_name: Its name.
        category: Its category, which decides the price.
        header: Its text above.
        body: Its text, placeholders included.
        footer: Its text beneath.
        buttons: All its buttons, in their order: what a tap refers to is told by a button's place among all of them.
        params: What fills its placeholders, in their order.
        is_on: Whether it is sent at all.
        attention: Why nothing is sent with it now; empty while all is well (R4.8).
        attention_at: Since when.
    """

    workspace_id: str
    account_id: str
    event: str
    language: str
    template_id: str
    template_name: str = ""
    category: str = ""
    header: str = ""
    body: str = ""
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    params: tuple[Param, ...] = ()
    is_on: bool = False
    attention: str = ""
    attention_at: datetime | None = None


async def find_notification(
    session: Session, workspace_id: str, account_id: str, event: str, language: str, *, lock: bool = False
) -> Notification | None:
    """Return an event's notification in a language, else in the workspace's own, else in any (R6.13).

    Args:
        session: The transaction.
        workspace_id: The workspace.
        account_id: The account that is to send.
        event: The journey event.
        language: The customer's language.
        lock: Keep it as it is until the transaction ends, as a send must (I6).
    """
    table = notifications
    own = select(workspaces.c.default_language).where(workspaces.c.id == workspace_id).scalar_subquery()
    statement = (
        select(*columns(table, Notification))
        .where(table.c.workspace_id == workspace_id, table.c.account_id == account_id, table.c.event == event)
        .order_by((table.c.language == language).desc(), (table.c.language == own).desc(), table.c.language)
        .limit(1)
    )
    if lock:
        statement = statement.with_for_update(read=True, of=table)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else notification_of(**row._asdict())


async def list_notifications(
    session: Session, workspace_id: str, account_id: str
) -> tuple[Notification, ...]:
    """Return what a workspace has set up for an account."""
    table = notifications
    statement = (
        select(*columns(table, Notification))
        .where(table.c.workspace_id == workspace_id, table.c.account_id == account_id)
        .order_by(table.c.event, table.c.language)
    )
    return tuple(notification_of(**row._asdict()) for row in (await session.execute(statement)).all())


async def list_of_event(
    session: Session, workspace_id: str, account_id: str, event: str
) -> tuple[Notification, ...]:
    """Return what a workspace has set up for an event and an account, in each language."""
    table = notifications
    statement = (
        select(*columns(table, Notification))
        .where(table.c.workspace_id == workspace_id, table.c.account_id == account_id, table.c.event == event)
        .order_by(table.c.language)
    )
    return tuple(notification_of(**row._asdict()) for row in (await session.execute(statement)).all())


async def list_offered(session: Session, account_id: str) -> tuple[Notification, ...]:
    """Return what the platform offers to every workspace that sends through its account, by event and language (R4.4).

    These are rows of the platform's own workspace: a transaction that is confined to another one sees none of them. One
    that is not on is not offered.
    """
    return tuple(each for each in await list_notifications(session, PLATFORM, account_id) if each.is_on)


def taken_over(offered: Iterable[Notification], workspace_id: str) -> tuple[Notification, ...]:
    """Return what the platform offers as a workspace's own, switched on: once its price was accepted (R4.4)."""
    return tuple(replace(each, workspace_id=workspace_id) for each in offered)


async def save_event(session: Session, rows: Sequence[Notification]) -> None:
    """Keep an event's notification in each of its languages; those of a template that it had before go.

    Raises:
        ValueError: They are not the same event's.
    """
    if len({(row.workspace_id, row.account_id, row.event) for row in rows}) != 1:
        raise ValueError("notifications of one event are saved together")
    table = notifications
    await session.execute(
        delete(table).where(
            table.c.workspace_id == rows[0].workspace_id,
            table.c.account_id == rows[0].account_id,
            table.c.event == rows[0].event,
            table.c.language.not_in([row.language for row in rows]),
        )
    )
    for row in rows:
        await save_notification(session, row)


async def switch(session: Session, workspace_id: str, account_id: str, event: str, *, is_on: bool) -> bool:
    """Switch an event's notification in each language, and tell whether that changed anything."""
    table = notifications
    statement = (
        update(table)
        .where(
            table.c.workspace_id == workspace_id,
            table.c.account_id == account_id,
            table.c.event == event,
            table.c.is_on != is_on,
        )
        .values(is_on=is_on, updated_at=func.now())
        .returning(table.c.language)
    )
    return bool((await session.execute(statement)).all())


async def save_notification(session: Session, notification: Notification) -> None:
    """Keep a notification; there is one for each workspace, account, event and language."""
    values = asdict(notification) | {"updated_at": func.now()}
    statement = insert(notifications).values(values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "account_id", "event", "language"], set_=values
        )
    )


async def count_attention(session: Session, workspace_id: str, account_id: str) -> int:
    """Return how many events that are on cannot be sent through an account now (R4.8); a language each is one event."""
    table = notifications
    statement = select(func.count(table.c.event.distinct())).where(
        table.c.workspace_id == workspace_id,
        table.c.account_id == account_id,
        table.c.is_on,
        table.c.attention != "",
    )
    return (await session.execute(statement)).scalar_one()


def notification_of(
    *, buttons: list[dict[str, Any]], params: list[dict[str, Any]], **values: Any
) -> Notification:
    """Return a notification by the columns of its row."""
    return Notification(
        buttons=tuple(Button(**button) for button in buttons),
        params=tuple(Param(**param) for param in params),
        **values,
    )
