"""Prices that sellers accepted: who, which, when; kept for good (R4.4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, many, one
from db.session import Session
from db.tables import price_acceptances


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A price that somebody accepted for the messages of one event."""

    workspace_id: str
    account_id: str
    event: str
    category: str
    price_paise: int
    person: str
    accepted_at: datetime


async def add_acceptance(session: Session, acceptance: Acceptance) -> None:
    """Keep that a price was accepted; nothing takes it back."""
    values = {name: getattr(acceptance, name) for name in Acceptance.__dataclass_fields__}
    await session.execute(insert(price_acceptances).values(values))


async def find_acceptance(
    session: Session, workspace_id: str, account_id: str, event: str
) -> Acceptance | None:
    """Return the last price that was accepted for an event, if one was."""
    statement = _select(workspace_id, account_id).where(price_acceptances.c.event == event)
    return await one(session, statement.order_by(price_acceptances.c.id.desc()).limit(1), Acceptance)


async def list_acceptances(session: Session, workspace_id: str, account_id: str) -> tuple[Acceptance, ...]:
    """Return every price that was accepted for messages through an account, newest first."""
    statement = _select(workspace_id, account_id).order_by(price_acceptances.c.id.desc())
    return await many(session, statement, Acceptance)


def _select(workspace_id: str, account_id: str) -> Select[Any]:
    table = price_acceptances
    return select(*columns(table, Acceptance)).where(
        table.c.workspace_id == workspace_id, table.c.account_id == account_id
    )
