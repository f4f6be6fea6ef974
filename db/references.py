"""What customers' taps refer to: unguessable references, of which only hashes are kept (S4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, one
from db.session import Session
from db.tables import reply_references


@dataclass(frozen=True, slots=True)
class Reference:
    """What a tap refers to: the hash of an unguessable token, what it stands for, and its words (S4)."""

    token_hash: bytes
    choice: str
    title: str


@dataclass(frozen=True, slots=True)
class FoundReference:
    """Where a tapped reference belongs."""

    workspace_id: str
    case_id: str | None
    message_id: str
    choice: str
    title: str


async def add_references(
    session: Session,
    *,
    workspace_id: str,
    case_id: str | None,
    message_id: str,
    references: Sequence[Reference],
) -> None:
    """Keep what can be tapped in a message."""
    if not references:
        return
    rows = [
        {
            "token_hash": reference.token_hash,
            "workspace_id": workspace_id,
            "case_id": case_id,
            "message_id": message_id,
            "choice": reference.choice,
            "title": reference.title,
        }
        for reference in references
    ]
    await session.execute(insert(reply_references).values(rows).on_conflict_do_nothing())


async def find_reference(session: Session, token_hash: bytes) -> FoundReference | None:
    """Return where a tapped reference belongs, whatever workspace that is: the token is the proof (S4)."""
    statement = select(*columns(reply_references, FoundReference)).where(
        reply_references.c.token_hash == token_hash
    )
    return await one(session, statement, FoundReference)


async def find_choice(session: Session, message_id: str, title: str) -> str | None:
    """Return what the words of a button of a message stand for, however they are spaced and written."""
    statement = (
        select(reply_references.c.choice)
        .where(
            reply_references.c.message_id == message_id,
            func.lower(func.btrim(reply_references.c.title)) == title.strip().lower(),
        )
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()
