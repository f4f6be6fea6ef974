"""What a person of ops has to look at, over all workspaces, and the workspaces at a glance. For ops only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, literal, or_, select, text
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import aggregate_order_by

from db.cases import CaseRow
from db.rows import columns, many
from db.session import Session
from db.standing import waiting_for_seller
from db.tables import (
    app_accounts,
    cases,
    inbox,
    installations,
    messages,
    notifications,
    outgoing_events,
    senders,
    usage,
    workspaces,
)
from db.workspaces import PLATFORM

LOOKED_BACK = timedelta(days=7)
"""How long what nobody can repair any more, such as a send of unknown outcome, is listed."""

UNKNOWN_FOR = timedelta(hours=24)
"""How long the outcome of a send may stay unknown before somebody should look: statuses may still prove it."""

OVERDUE_BY = timedelta(hours=1)
"""A case ends at its deadline; one that is open so long after it hangs."""


class Trouble(StrEnum):
    """What may need a person, the most harmful first: the first two keep messages from being sent."""

    ACCOUNT = "account"  # a key, a wallet or a number is not in order
    NOTIFICATION = "notification"  # a template is paused, disabled or rejected
    CASE_OVERDUE = "case_overdue"
    CALLBACK_PARKED = "callback_parked"
    EVENT_GIVEN_UP = "event_given_up"
    SEND_UNKNOWN = "send_unknown"


BLOCKING = frozenset({Trouble.ACCOUNT, Trouble.NOTIFICATION})
"""Nothing is sent meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that needs attention; the same trouble of one place is one matter.

    Attributes:
        trouble: What it is.
        workspace_id: Whose; empty for the platform's own, or where it concerns several.
        account_id: The app account; empty where it is about none.
        subject: What exactly: an event, a case's id, a callback's source.
        words: What is wrong.
        count: How many messages, callbacks, events or workspaces it concerns.
        since: Since when; None where that is not known.
    """

    trouble: Trouble
    workspace_id: str = ""
    account_id: str = ""
    subject: str = ""
    words: str = ""
    count: int = 1
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A workspace at a glance.

    Attributes:
        id: The order system's slug.
        name: Its name.
        created_at: Since when it is here.
        installed: Whose accounts are installed: "client", "eshopbox".
        sender_id: The account that sends; None where none is selected.
        sender_owner: Whose it is.
        sender_attention: What is wrong with it; empty while all is well.
        notifications_on: How many events are switched on for the sender.
        notifications_held: How many of them nothing is sent for.
        open_cases: How many cases are open.
        messages: How many messages were begun in the time asked for.
    """

    id: str
    name: str
    created_at: datetime
    installed: tuple[str, ...]
    sender_id: str | None
    sender_owner: str | None
    sender_attention: str | None
    notifications_on: int
    notifications_held: int
    open_cases: int
    messages: int


async def list_matters(session: Session, now: datetime, *, limit: int = 50) -> tuple[Matter, ...]:
    """Return what needs attention, the most harmful first, at most so many of each trouble."""
    found: list[Matter] = []
    for list_some in (_accounts, _notifications, _overdue, _parked, _given_up, _unknown):
        found.extend(await many(session, list_some(now).limit(limit), _matter))
    return tuple(found)


async def count_waiting_for_sellers(session: Session, now: datetime, *, within: timedelta) -> tuple[int, int]:
    """Return how many orders wait for a seller, and how many of them have little time left."""
    waiting = waiting_for_seller(None, now)
    has_little = cases.c.deadline_at.between(now, now + within)
    statement = select(func.count(), func.count().filter(has_little)).join_from(
        waiting, cases, cases.c.id == waiting.c.id
    )
    row = (await session.execute(statement)).one()
    return row[0], row[1]


async def count_open_cases(session: Session) -> tuple[int, int]:
    """Return how many cases are open, and in how many workspaces."""
    statement = select(func.count(), func.count(cases.c.workspace_id.distinct())).where(
        cases.c.ended_at.is_(None)
    )
    row = (await session.execute(statement)).one()
    return row[0], row[1]


async def list_near_deadline(
    session: Session, now: datetime, *, within: timedelta, limit: int = 20
) -> tuple[CaseRow, ...]:
    """Return open cases whose deadline is near or past, the earliest first."""
    statement = (
        select(*columns(cases, CaseRow))
        .where(cases.c.ended_at.is_(None), cases.c.deadline_at < now + within)
        .order_by(cases.c.deadline_at, cases.c.id)
        .limit(limit)
    )
    return await many(session, statement, CaseRow)


async def list_workspace_rows(session: Session, *, since: datetime) -> tuple[WorkspaceRow, ...]:
    """Return every seller's workspace at a glance, by slug; messages are counted since a time."""
    own = installations.alias()
    installed = (
        select(
            own.c.workspace_id, func.array_agg(aggregate_order_by(own.c.owner, own.c.owner)).label("owners")
        )
        .where(own.c.uninstalled_at.is_(None))
        .group_by(own.c.workspace_id)
        .subquery()
    )
    sent = (
        select(usage.c.workspace_id, func.count().label("count"))
        .where(usage.c.sent_at >= since)
        .group_by(usage.c.workspace_id)
        .subquery()
    )
    still_open = (
        select(cases.c.workspace_id, func.count().label("count"))
        .where(cases.c.ended_at.is_(None))
        .group_by(cases.c.workspace_id)
        .subquery()
    )
    latest = (
        select(senders.c.account_id)
        .where(senders.c.workspace_id == workspaces.c.id)
        .order_by(senders.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    sender = app_accounts.alias("sender")
    is_installed = (
        select(installations.c.account_id)
        .where(
            installations.c.workspace_id == workspaces.c.id,
            installations.c.account_id == sender.c.id,
            installations.c.uninstalled_at.is_(None),
        )
        .exists()
    )

    def of_sender(condition: Any) -> Any:
        return (
            select(func.count(notifications.c.event.distinct()))
            .where(
                notifications.c.workspace_id == workspaces.c.id,
                notifications.c.account_id == sender.c.id,
                notifications.c.is_on,
                condition,
            )
            .scalar_subquery()
        )

    statement = (
        select(
            workspaces.c.id,
            workspaces.c.name,
            workspaces.c.created_at,
            installed.c.owners.label("installed"),
            sender.c.id.label("sender_id"),
            sender.c.owner.label("sender_owner"),
            sender.c.attention.label("sender_attention"),
            of_sender(notifications.c.is_on).label("notifications_on"),
            of_sender(notifications.c.attention != "").label("notifications_held"),
            func.coalesce(still_open.c.count, 0).label("open_cases"),
            func.coalesce(sent.c.count, 0).label("messages"),
        )
        .outerjoin_from(workspaces, installed, installed.c.workspace_id == workspaces.c.id)
        .outerjoin(sent, sent.c.workspace_id == workspaces.c.id)
        .outerjoin(still_open, still_open.c.workspace_id == workspaces.c.id)
        .outerjoin(sender, and_(sender.c.id == latest, is_installed))
        .where(workspaces.c.id != PLATFORM)
        .order_by(workspaces.c.id)
    )

    def row(*, installed: list[str] | None, **plain: Any) -> WorkspaceRow:
        return WorkspaceRow(installed=tuple(installed or ()), **plain)

    return await many(session, statement, row)


# --- One statement for each trouble ---


def _accounts(_now: datetime) -> Any:
    """Accounts that something is wrong with, and in how many workspaces they are installed."""
    used = (
        select(func.count())
        .where(installations.c.account_id == app_accounts.c.id, installations.c.uninstalled_at.is_(None))
        .scalar_subquery()
    )
    # One that is installed nowhere any more harms nobody; the platform's own concerns its templates too.
    return (
        select(
            _is(Trouble.ACCOUNT),
            func.coalesce(app_accounts.c.workspace_id, "").label("workspace_id"),
            app_accounts.c.id.label("account_id"),
            app_accounts.c.app_name.label("subject"),
            app_accounts.c.attention.label("words"),
            used.label("count"),
            app_accounts.c.attention_at.label("since"),
        )
        .where(app_accounts.c.attention != "", or_(app_accounts.c.workspace_id.is_(None), used > 0))
        .order_by(used.desc(), app_accounts.c.id)
    )


def _notifications(_now: datetime) -> Any:
    """Switched-on notifications that nothing is sent for, of the account that sends now."""
    table = notifications
    newest = senders.alias()
    latest = (
        select(newest.c.account_id)
        .where(newest.c.workspace_id == table.c.workspace_id)
        .order_by(newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            _is(Trouble.NOTIFICATION),
            table.c.workspace_id,
            table.c.account_id,
            table.c.event.label("subject"),
            func.min(table.c.attention).label("words"),
            func.count().label("count"),
            func.min(table.c.attention_at).label("since"),
        )
        .where(table.c.is_on, table.c.attention != "", table.c.account_id == latest)
        .group_by(table.c.workspace_id, table.c.account_id, table.c.event)
        .order_by(table.c.workspace_id, table.c.event)
    )


def _overdue(now: datetime) -> Any:
    """Cases that should have ended."""
    return (
        select(
            _is(Trouble.CASE_OVERDUE),
            cases.c.workspace_id,
            cases.c.id.cast(messages.c.reason.type).label("subject"),
            cases.c.waits_for.label("words"),
            cases.c.deadline_at.label("since"),
        )
        .where(cases.c.ended_at.is_(None), cases.c.deadline_at < now - OVERDUE_BY)
        .order_by(cases.c.deadline_at, cases.c.id)
    )


def _parked(_now: datetime) -> Any:
    """Callbacks that were put aside, by where they came to and why."""
    is_sellers = inbox.c.source == "order_system"
    return (
        select(
            _is(Trouble.CALLBACK_PARKED),
            sql_case((is_sellers, inbox.c.owner_id), else_="").label("workspace_id"),
            sql_case((is_sellers, ""), else_=inbox.c.owner_id).label("account_id"),
            inbox.c.source.label("subject"),
            inbox.c.note.label("words"),
            func.count().label("count"),
            func.min(inbox.c.received_at).label("since"),
        )
        .where(text("inbox.state = 'parked'"))  # written out: the partial index is found by it
        .group_by(inbox.c.source, inbox.c.owner_id, inbox.c.note)
        .order_by(func.min(inbox.c.received_at))
    )


def _given_up(now: datetime) -> Any:
    """Events that a workspace's URL did not take in a day; they can be sent again."""
    table = outgoing_events
    return (
        select(
            _is(Trouble.EVENT_GIVEN_UP),
            table.c.workspace_id,
            table.c.type.label("subject"),
            func.max(table.c.note).label("words"),
            func.count().label("count"),
            func.min(table.c.failed_at).label("since"),
        )
        .where(table.c.failed_at.is_not(None), table.c.failed_at >= now - LOOKED_BACK)
        .group_by(table.c.workspace_id, table.c.type)
        .order_by(func.count().desc(), table.c.workspace_id, table.c.type)
    )


def _unknown(now: datetime) -> Any:
    """Sends of which nobody knows whether they were accepted, and no status came to tell."""
    return (
        select(
            _is(Trouble.SEND_UNKNOWN),
            messages.c.workspace_id,
            messages.c.account_id,
            messages.c.event.label("subject"),
            func.max(messages.c.reason).label("words"),
            func.count().label("count"),
            func.min(messages.c.sending_at).label("since"),
        )
        .where(
            text("messages.status = 'unknown'"),  # written out: the partial index is found by it
            messages.c.sending_at >= now - LOOKED_BACK,
            messages.c.sending_at < now - UNKNOWN_FOR,
        )
        .group_by(messages.c.workspace_id, messages.c.account_id, messages.c.event)
        .order_by(func.count().desc(), messages.c.workspace_id)
    )


def _matter(*, trouble: str, **parts: Any) -> Matter:
    return Matter(trouble=Trouble(trouble), **parts)


def _is(trouble: Trouble) -> Any:
    return literal(trouble.value).label("trouble")
