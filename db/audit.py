"""The audit: what matters for security, one record each, chained by hashes; the program may only add (S28, I19).

Each workspace has a chain of its own, the platform too. A record's hash covers the one before it: a record that was
changed, removed or put in between breaks the chain, which `find_break` shows.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, many
from db.session import Session
from db.tables import audit, storable

_BEGINNING = bytes(32)
_BATCH = 1_000

Cursor = tuple[datetime, str, int]
"""Where a record stands in the list of all: when it was written, in whose chain, and its number there."""


@dataclass(frozen=True, slots=True)
class Record:
    """Something that was done.

    Attributes:
        workspace_id: In whose workspace; the platform's for what concerns all.
        number: 1, 2, 3 … in its chain.
        at: When.
        person: Who, as "name <address>" or a program's name.
        action: What, as a fixed dotted word: "sender.selected".
        subject: With what: an id, an event's key, a person's address.
        detail: In words; no secret, nothing of a customer.
        previous_hash: The hash of the record before.
        hash: Its own.
    """

    workspace_id: str
    number: int
    at: datetime
    person: str
    action: str
    subject: str
    detail: str
    previous_hash: bytes
    hash: bytes

    @property
    def is_whole(self) -> bool:
        """Tell whether the record is as it was written."""
        return self.hash == _hash(self)


async def add_record(
    session: Session,
    workspace_id: str,
    *,
    person: str,
    action: str,
    subject: str = "",
    detail: str = "",
    now: datetime,
) -> None:
    """Record what is done, in the transaction that does it; those of one chain follow one another."""
    # One at a time within a chain; the lock ends with the transaction.
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"audit/{workspace_id}", 0)))
    )
    last = (
        await session.execute(
            select(audit.c.number, audit.c.hash)
            .where(audit.c.workspace_id == workspace_id)
            .order_by(audit.c.number.desc())
            .limit(1)
        )
    ).one_or_none()
    number, previous = (1, _BEGINNING) if last is None else (last.number + 1, last.hash)
    said = [storable(text) for text in (person, action, subject, detail)]
    record = Record(workspace_id, number, now, said[0], said[1], said[2], said[3], previous, b"")
    values = {name: getattr(record, name) for name in Record.__dataclass_fields__} | {"hash": _hash(record)}
    await session.execute(insert(audit).values(values))


async def list_records(
    session: Session, workspace_id: str, *, before: int | None = None, limit: int = 100
) -> tuple[Record, ...]:
    """Return a chain's records, newest first, or those before a number."""
    statement = select(*columns(audit, Record)).where(audit.c.workspace_id == workspace_id)
    if before is not None:
        statement = statement.where(audit.c.number < before)
    return await many(session, statement.order_by(audit.c.number.desc()).limit(limit), Record)


async def list_of_all_workspaces(
    session: Session, *, workspace_id: str | None = None, before: Cursor | None = None, limit: int = 100
) -> tuple[Record, ...]:
    """Return the records of every chain, newest first; for ops only.

    Args:
        session: The transaction, for all workspaces.
        workspace_id: Only those of one chain.
        before: Only those that follow this one in the list.
        limit: At most so many.
    """
    statement = select(*columns(audit, Record))
    if workspace_id is not None:
        statement = statement.where(audit.c.workspace_id == workspace_id)
    if before is not None:
        at, of_workspace, number = before
        follows = or_(
            audit.c.workspace_id > of_workspace,
            and_(audit.c.workspace_id == of_workspace, audit.c.number < number),
        )
        statement = statement.where(audit.c.at <= at, or_(audit.c.at < at, follows))
    statement = statement.order_by(audit.c.at.desc(), audit.c.workspace_id, audit.c.number.desc())
    return await many(session, statement.limit(limit), Record)


async def list_chains(session: Session) -> tuple[str, ...]:
    """Return whose chains there are; for ops only."""
    statement = select(audit.c.workspace_id).distinct().order_by(audit.c.workspace_id)
    return tuple((await session.execute(statement)).scalars())


async def find_break(session: Session, workspace_id: str) -> int | None:
    """Return the number at which a chain is broken; None while it is whole.

    What was cut off at the end cannot be seen in the chain: compare the last number and hash with an earlier check's.
    """
    expected, previous = 1, _BEGINNING
    while True:
        statement = (
            select(*columns(audit, Record))
            .where(audit.c.workspace_id == workspace_id, audit.c.number >= expected)
            .order_by(audit.c.number)
            .limit(_BATCH)
        )
        records = await many(session, statement, Record)
        for record in records:
            if record.number != expected or record.previous_hash != previous or not record.is_whole:
                return expected
            expected, previous = expected + 1, record.hash
        if len(records) < _BATCH:
            return None


def _hash(record: Record) -> bytes:
    said = [
        record.workspace_id,
        record.number,
        record.at.timestamp(),
        record.person,
        record.action,
        record.subject,
        record.detail,
        record.previous_hash.hex(),
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).digest()
