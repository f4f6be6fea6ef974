"""Open cases by the account they talk through, which a case never changes; and those whose account was uninstalled (R3.3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from db.cases import CaseRow
from db.rows import columns, many
from db.session import Session
from db.tables import cases, installations
from domain.cases import State


@dataclass(frozen=True, slots=True)
class Orphan:
    """An open case that cannot write any more: its account was uninstalled."""

    case: CaseRow
    uninstalled_at: datetime


async def count_open(session: Session, workspace_id: str, account_id: str) -> int:
    """Return how many open cases of a workspace talk through an account."""
    statement = select(func.count()).where(
        cases.c.workspace_id == workspace_id, cases.c.account_id == account_id, cases.c.ended_at.is_(None)
    )
    return (await session.execute(statement)).scalar_one()


async def list_orphans(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    limit: int,
    workspace_id: str | None = None,
    but: Collection[str] = (),
) -> tuple[Orphan, ...]:
    """Return open cases whose account was uninstalled, oldest first.

    Not those that wait for the order system: their action goes on, and whatever they would write next finds out.

    Args:
        session: The transaction.
        since: Only of accounts that were uninstalled then or later.
        until: Only of accounts that were uninstalled then or earlier.
        limit: At most so many.
        workspace_id: Only of this workspace; None for the sweep, which looks at all.
        but: Ids of those that are not wanted.
    """
    statement = (
        select(*columns(cases, CaseRow), installations.c.uninstalled_at)
        .join_from(
            cases,
            installations,
            and_(
                installations.c.workspace_id == cases.c.workspace_id,
                installations.c.account_id == cases.c.account_id,
            ),
        )
        .where(
            installations.c.uninstalled_at.between(since, until),
            cases.c.ended_at.is_(None),
            cases.c.state != State.ACTING.value,
            cases.c.id.not_in(list(but)),
        )
        .order_by(cases.c.opened_at, cases.c.id)
        .limit(limit)
    )
    if workspace_id is not None:
        statement = statement.where(cases.c.workspace_id == workspace_id)

    def orphan(*, uninstalled_at: datetime, **row: Any) -> Orphan:
        return Orphan(CaseRow(**row), uninstalled_at)

    return await many(session, statement, orphan)
