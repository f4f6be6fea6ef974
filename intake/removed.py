"""Telling open cases that their account was uninstalled: they end as undeliverable, and say why (R3.3)."""

from datetime import datetime, timedelta

from db import open_cases
from db.open_cases import Orphan
from db.session import Session
from domain.case_events import MessageNotSent
from domain.messages import NotSent
from intake.telling import TellCase
from workflows.client import Mail

__all__ = ["to_tell"]

_LOOKED_BACK = timedelta(days=7)  # longer than any case lives


async def to_tell(
    session: Session,
    *,
    until: datetime,
    limit: int,
    workspace_id: str | None = None,
    but: list[str] | None = None,
) -> tuple[TellCase, ...]:
    """Return what open cases have to learn whose account was uninstalled.

    Args:
        session: The transaction.
        until: Only of accounts that were uninstalled then or earlier.
        limit: At most so many.
        workspace_id: Only of this workspace.
        but: Ids of cases that are left out.
    """
    orphans = await open_cases.list_orphans(
        session,
        since=until - _LOOKED_BACK,
        until=until,
        limit=limit,
        workspace_id=workspace_id,
        but=but or (),
    )
    return tuple(_telling(orphan) for orphan in orphans)


def _telling(orphan: Orphan) -> TellCase:
    # No message of the case's own failed: the fact is that none can be sent any more.
    gone = MessageNotSent("", NotSent.ACCOUNT_REMOVED, is_template=False)
    # Named by the time: installed again and uninstalled again is another fact.
    mail = Mail(f"account-removed:{orphan.uninstalled_at.isoformat()}", gone)
    return TellCase(orphan.case.workspace_id, orphan.case.id, mail)
