"""The platform's templates: what Eshopbox's own account sends for each event, and the copies that workspaces send with.

A template of the platform is a notification of the platform's own workspace. A workspace that switches the event on
has a copy of it: sending reads a workspace's own rows alone. So a change is taken into the copies, here.
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from db.session import Session
from db.tables import notifications
from db.workspaces import PLATFORM

__all__ = ["Spread", "count_copies", "spread"]

_OF_TEMPLATE = (
    "template_id",
    "template_name",
    "category",
    "header",
    "body",
    "footer",
    "buttons",
    "params",
    "attention",
    "attention_at",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """How many workspaces that have an event on send what is offered now, and how many what was before."""

    reached: int
    waiting: int


async def count_copies(session: Session, account_id: str) -> dict[str, int]:
    """Return in how many workspaces each event is switched on for the platform's account; for ops only."""
    table = notifications
    statement = (
        select(table.c.event, func.count(table.c.workspace_id.distinct()).label("used"))
        .where(table.c.account_id == account_id, table.c.workspace_id != PLATFORM, table.c.is_on)
        .group_by(table.c.event)
    )
    return {row.event: row.used for row in await session.execute(statement)}


async def spread(session: Session, account_id: str, event: str) -> Spread:
    """Bring the copies of an event's templates up to date.

    A language that is new comes to every workspace that has the event, one that is gone goes; what is on stays on, what
    is off stays off. Where the category changed, and with it the price, the copies stay as they are: what the seller
    accepted goes on being sent until they accept the other price (R4.4).

    Args:
        session: The transaction, for all workspaces: one that is confined to a workspace sees no other's copies.
        account_id: The platform's account.
        event: The journey event.
    """
    table = notifications
    original, is_of_event = (
        table.alias("original"),
        (table.c.account_id == account_id, table.c.event == event),
    )
    is_offered = (
        original.c.workspace_id == PLATFORM,
        original.c.account_id == account_id,
        original.c.event == event,
        original.c.is_on,
    )
    offered = select(func.lower(original.c.category)).where(*is_offered)
    copies = (
        select(table.c.workspace_id, func.bool_or(table.c.is_on).label("is_on"))
        .where(*is_of_event, table.c.workspace_id != PLATFORM)
        .group_by(table.c.workspace_id)
    )
    same = copies.having(func.bool_and(func.lower(table.c.category).in_(offered))).subquery("same")
    rows = (
        select(
            same.c.workspace_id,
            original.c.account_id,
            original.c.event,
            original.c.language,
            *(original.c[name] for name in _OF_TEMPLATE),
            same.c.is_on,
        )
        .select_from(same)
        .join(original, literal_column("true"))
        .where(*is_offered)
    )
    names = ("workspace_id", "account_id", "event", "language", *_OF_TEMPLATE, "is_on")
    statement = insert(table).from_select(names, rows)
    fresh = {name: statement.excluded[name] for name in _OF_TEMPLATE} | {"updated_at": func.now()}
    changed = statement.on_conflict_do_update(
        index_elements=["workspace_id", "account_id", "event", "language"], set_=fresh
    ).returning(table.c.workspace_id)
    reached = set((await session.execute(changed)).scalars())
    await session.execute(
        delete(table).where(
            *is_of_event,
            table.c.workspace_id.in_(reached),
            table.c.language.not_in(select(original.c.language).where(*is_offered)),
        )
    )
    on = {row.workspace_id for row in await session.execute(copies) if row.is_on}
    return Spread(len(on & reached), len(on - reached))
