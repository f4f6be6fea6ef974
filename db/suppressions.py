"""Numbers that a seller must not write to: whoever has the phone said that the order is not theirs (R6.2)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from db.locks import serialize
from db.session import Session
from db.tables import suppressions


async def suppress(
    session: Session, workspace_id: str, phone_hash: bytes, *, case_id: str, since: datetime
) -> None:
    """Suppress a number for a seller; the first time stands. To be called before any row is locked."""
    await serialize(session, workspace_id, phone_hash)
    await session.execute(
        insert(suppressions)
        .values(workspace_id=workspace_id, phone_hash=phone_hash, case_id=case_id, since_at=since)
        .on_conflict_do_nothing()
    )


async def is_suppressed(
    session: Session, workspace_id: str, phone_hash: bytes, *, lock: bool = False
) -> bool:
    """Tell whether a number is suppressed for a seller.

    Args:
        session: The transaction.
        workspace_id: The seller's workspace.
        phone_hash: The number.
        lock: Keep it as it is until the transaction ends, as a send must (I6); before any row is locked.
    """
    if lock:
        await serialize(session, workspace_id, phone_hash)
    statement = select(suppressions.c.case_id).where(
        suppressions.c.workspace_id == workspace_id, suppressions.c.phone_hash == phone_hash
    )
    return (await session.execute(statement)).one_or_none() is not None
