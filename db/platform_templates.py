"""The platform's templates: what Eshopbox's own account sends for each event, and the copies that workspaces send with.

A template of the platform is a notification of the platform's own workspace. A workspace that switches the event on
has a copy of it: sending reads a workspace's own rows alone. So a change is taken into the copies, here.
"""

from typing import Final

from sqlalchemy import Boolean, cast, delete, func, literal, literal_column, or_, select
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import insert

from db.session import Session
from db.tables import notifications
from db.workspaces import PLATFORM

__all__ = ["ASK_AGAIN", "count_copies", "spread"]

ASK_AGAIN: Final = "Eshopbox’s template is now of another category, with another price. Accept it to go on."
"""Why a copy is held after a change that costs the seller something else (R4.4): nobody accepted that price."""

_OF_TEMPLATE: Final = (
    "template_id",
    "template_name",
    "category",
    "header",
    "body",
    "footer",
    "buttons",
    "params",
)


async def count_copies(session: Session, account_id: str) -> dict[str, int]:
    """Return in how many workspaces each event is switched on for the platform's account; for ops only."""
    table = notifications
    statement = (
        select(table.c.event, func.count(table.c.workspace_id.distinct()))
        .where(table.c.account_id == account_id, table.c.workspace_id != PLATFORM, table.c.is_on)
        .group_by(table.c.event)
    )
    return {event: count for event, count in (await session.execute(statement)).all()}  # noqa: C416 - rows, not pairs


async def spread(session: Session, account_id: str, event: str) -> int:
    """Bring the copies of an event's templates up to date, and return in how many workspaces there are some.

    A language that is new comes to every workspace that has the event, one that is gone goes; what is on stays on. Where the category
    changed, and with it the price, the copy is held until the seller accepts that.

    Args:
        session: The transaction, for all workspaces: one that is confined to a workspace sees no other's copies.
        account_id: The platform's account.
        event: The journey event.
    """
    table = notifications
    original = table.alias("original")
    copies = (
        select(
            table.c.workspace_id,
            func.bool_or(table.c.is_on).label("is_on"),
            func.min(table.c.category).label("category"),
            func.bool_or(table.c.attention == ASK_AGAIN).label("is_asked"),
        )
        .where(table.c.account_id == account_id, table.c.event == event, table.c.workspace_id != PLATFORM)
        .group_by(table.c.workspace_id)
        .subquery("copies")
    )
    # Once asked, a copy waits until the seller accepts, however often the template is saved meanwhile.
    costs_else = or_(copies.c.is_asked, func.lower(copies.c.category) != func.lower(original.c.category))
    names = (
        "workspace_id",
        "account_id",
        "event",
        "language",
        *_OF_TEMPLATE,
        "is_on",
        "attention",
        "attention_at",
    )
    rows = (
        select(
            copies.c.workspace_id,
            original.c.account_id,
            original.c.event,
            original.c.language,
            *(original.c[name] for name in _OF_TEMPLATE),
            cast(copies.c.is_on, Boolean),
            sql_case((costs_else, literal(ASK_AGAIN)), else_=original.c.attention),
            sql_case((costs_else, func.now()), else_=original.c.attention_at),
        )
        .select_from(copies)
        .join(original, literal_column("true"))
        .where(
            original.c.workspace_id == PLATFORM,
            original.c.account_id == account_id,
            original.c.event == event,
            original.c.is_on,
        )
    )
    statement = insert(table).from_select(names, rows)
    fresh = {name: statement.excluded[name] for name in (*_OF_TEMPLATE, "attention", "attention_at")}
    changed = statement.on_conflict_do_update(
        index_elements=["workspace_id", "account_id", "event", "language"],
        set_=fresh | {"updated_at": func.now()},
    ).returning(table.c.workspace_id)
    reached = set((await session.execute(changed)).scalars())
    offered = select(original.c.language).where(
        original.c.workspace_id == PLATFORM,
        original.c.account_id == account_id,
        original.c.event == event,
        original.c.is_on,
    )
    if (
        reached
    ):  # a language that the platform has no more is nobody's; while it offers nothing, all stays as it is
        await session.execute(
            delete(table).where(
                table.c.account_id == account_id,
                table.c.event == event,
                table.c.workspace_id != PLATFORM,
                table.c.language.not_in(offered),
            )
        )
    return len(reached)
