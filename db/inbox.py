"""The inbox: every callback is stored once before it is answered, and handled once (I1, I2).

An item is `new` until it is `handled`, `ignored` with a reason, or `parked` where ops see it. Who claims it has it for
as long as the lease; what a dead process left comes back by itself.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, func, literal, literal_column, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.rows import columns, many
from db.session import Session, TryAgain
from db.tables import inbox, storable

# Written out, not as a parameter: the partial indexes are found by it.
_IS_NEW = inbox.c.state == literal_column("'new'")
_IS_PARKED = inbox.c.state == literal_column("'parked'")

Source = Literal["gupshup", "order_system"]


# Built once: putting a statement together costs more than sending it, and every callback waits for this one.
_KNOWN = select(inbox.c.id, literal(False).label("is_new")).where(  # noqa: FBT003 - SQL's own form
    inbox.c.source == bindparam("of_source"),
    inbox.c.owner_id == bindparam("of_owner"),
    inbox.c.event_key == bindparam("of_key"),
)
_ADDED = (
    insert(inbox)
    .values(
        source=bindparam("of_source"),
        owner_id=bindparam("of_owner"),
        event_key=bindparam("of_key"),
        body_sealed=bindparam("body"),
        position=bindparam("position"),
        state=bindparam("state"),
        note=bindparam("note"),
        received_at=bindparam("at"),
        due_at=bindparam("at"),
    )
    .on_conflict_do_nothing(index_elements=["source", "owner_id", "event_key"])
    .returning(inbox.c.id)
    .cte("added")
)
_STORE = union_all(select(_ADDED.c.id, literal(True).label("is_new")), _KNOWN)  # noqa: FBT003 - SQL's own form


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One event of a callback, claimed by the caller.

    Attributes:
        id: Our number; lower came first.
        source: Who sent it.
        owner_id: The app account or workspace whose address it came to.
        event_key: What makes it the same event when it comes again.
        body: The callback as it came.
        position: Which event of the body it is, from 0.
        received_at: When it came.
        tries: How often it was claimed, this time included.
        attempts_counted: How many of them failed in a way that counts towards parking.
        meant: What was found out before about which case it is for; empty where nothing was.
    """

    id: int
    source: Source
    owner_id: str
    event_key: str
    body: bytes = field(repr=False)
    position: int
    received_at: datetime
    tries: int
    attempts_counted: int
    meant: str = ""

    @property
    def fact_id(self) -> str:
        """Return what is the same for every repeat of one fact, whichever row or process brings it (I2)."""
        return f"{self.source}:{self.owner_id}:{self.event_key}"


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """An event that was put aside for ops: its body is opened by `find_item` alone.

    Attributes:
        id: Our number; lower came first.
        source: Who sent it.
        owner_id: The app account or workspace whose address it came to.
        note: Why it was put aside.
        tries: How often it was claimed.
        received_at: When it came.
        finished_at: When it was put aside; None for what could not be read in the first place.
    """

    id: int
    source: Source
    owner_id: str
    note: str
    tries: int
    received_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits."""

    new: int
    parked: int
    oldest_at: datetime | None


async def store(
    session: Session,
    cipher: Cipher,
    *,
    source: Source,
    owner_id: str,
    event_key: str,
    body: bytes,
    position: int,
    now: datetime,
    state: Literal["new", "parked"] = "new",
    note: str = "",
) -> tuple[int, bool]:
    """Store an event in one statement, and return its number and whether it is new.

    Args:
        session: The transaction; the callback is answered after its commit.
        cipher: Seals the body.
        source: Who sent it.
        owner_id: The app account or workspace whose address it came to.
        event_key: What makes it the same event when it comes again.
        body: The callback as it came.
        position: Which event of the body it is, from 0.
        now: When it came.
        state: "parked" for what is authentic but unreadable.
        note: Why it is parked.

    Raises:
        TryAgain: The same event was stored by another and was gone again.
    """
    sealed = cipher.seal_bytes(body, context=_context(source, owner_id, event_key))
    key = {"of_source": source, "of_owner": owner_id, "of_key": event_key}
    item = {"body": sealed, "position": position, "state": state, "note": note, "at": now}
    row = (await session.execute(_STORE, key | item)).first()
    if row is None:  # stored by another in the same instant: visible only to a statement that begins now
        row = (await session.execute(_KNOWN, key)).first()
    if row is None:
        raise TryAgain("an inbox item came and went")
    return row.id, row.is_new


async def claim(
    session: Session, cipher: Cipher, inbox_id: int, now: datetime, lease: timedelta
) -> InboxItem | None:
    """Claim one item; None if it is done, not due, or another's."""
    wanted = select(inbox.c.id).where(inbox.c.id == inbox_id, *_due(now)).with_for_update(skip_locked=True)
    items = await _claim(session, cipher, wanted, now + lease)
    return items[0] if items else None


async def find_item(session: Session, cipher: Cipher, inbox_id: int) -> InboxItem | None:
    """Return an item as it came, done or not; None once it is no longer kept."""
    statement = select(*_ITEM).where(inbox.c.id == inbox_id)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else _item(cipher, **row._asdict())


async def claim_due(
    session: Session, cipher: Cipher, *, limit: int, now: datetime, lease: timedelta
) -> tuple[InboxItem, ...]:
    """Claim what is due, oldest first, beside others who do the same."""
    wanted = (
        select(inbox.c.id)
        .where(*_due(now))
        .order_by(inbox.c.due_at, inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return await _claim(session, cipher, wanted, now + lease)


async def note_meant(session: Session, inbox_id: int, meant: str) -> None:
    """Keep what an item was found to be about: handled again, it must not be found to be about something else."""
    await session.execute(update(inbox).where(inbox.c.id == inbox_id).values(meant=meant))


async def finish(
    session: Session, inbox_id: int, state: Literal["handled", "ignored"], note: str, now: datetime
) -> None:
    """Mark an item as done, and say why where it was ignored."""
    await _close(session, inbox_id, state, note, now)


async def park(session: Session, inbox_id: int, note: str, now: datetime) -> None:
    """Put an item aside for ops; the queue moves on (F46)."""
    await _close(session, inbox_id, "parked", note, now)


async def postpone(session: Session, inbox_id: int, *, until: datetime, note: str, counted: bool) -> None:
    """Give an item back for later.

    Args:
        session: The transaction.
        inbox_id: The item.
        until: When it is due again.
        note: What went wrong.
        counted: Whether this counts towards parking; not when all of PostgreSQL or Temporal was away.
    """
    statement = (
        update(inbox)
        .where(inbox.c.id == inbox_id, _IS_NEW)
        .values(due_at=until, note=note, attempts_counted=inbox.c.attempts_counted + int(counted))
    )
    await session.execute(statement)


async def unpark(session: Session, inbox_id: int, now: datetime) -> bool:
    """Give a parked item another chance, and tell whether it was parked; for ops."""
    statement = (
        update(inbox)
        .where(inbox.c.id == inbox_id, _IS_PARKED)
        .values(state="new", due_at=now, finished_at=None, attempts_counted=0)
        .returning(inbox.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def backlog(session: Session) -> Backlog:
    """Return how much waits to be handled, and how much waits for ops."""
    statement = select(
        func.count().filter(_IS_NEW).label("new"),
        func.count().filter(_IS_PARKED).label("parked"),
        func.min(inbox.c.received_at).filter(_IS_NEW).label("oldest_at"),
    ).where(_IS_NEW | _IS_PARKED)
    row = (await session.execute(statement)).one()
    return Backlog(row.new, row.parked, row.oldest_at)


async def list_parked(
    session: Session, *, before: int | None = None, limit: int = 50
) -> tuple[ParkedItem, ...]:
    """Return what was put aside, the newest first and without bodies; for ops only.

    Args:
        session: The transaction.
        before: Only those whose number is lower.
        limit: At most so many.
    """
    statement = select(*columns(inbox, ParkedItem)).where(_IS_PARKED).order_by(inbox.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(inbox.c.id < before)
    return await many(session, statement, ParkedItem)


def _due(now: datetime) -> tuple[Any, Any]:
    return _IS_NEW, inbox.c.due_at <= now


async def _claim(session: Session, cipher: Cipher, wanted: Any, until: datetime) -> tuple[InboxItem, ...]:
    """Lease the wanted rows; a lease is nothing but a due time in the future."""
    # Materialized: PostgreSQL may otherwise run the selection once for each row it looks at, and each time it skips what
    # it locked before and takes as many again, however small the limit.
    chosen = wanted.cte("chosen").prefix_with("MATERIALIZED", dialect="postgresql")
    statement = (
        update(inbox)
        .where(inbox.c.id == chosen.c.id)
        .values(due_at=until, tries=inbox.c.tries + 1)
        .returning(*_ITEM)
    )
    rows = (await session.execute(statement)).all()
    return tuple(_item(cipher, **row._asdict()) for row in sorted(rows, key=lambda row: row.id))


_ITEM = (
    inbox.c.id,
    inbox.c.source,
    inbox.c.owner_id,
    inbox.c.event_key,
    inbox.c.body_sealed,
    inbox.c.position,
    inbox.c.received_at,
    inbox.c.tries,
    inbox.c.meant,
    inbox.c.attempts_counted,
)


def _item(cipher: Cipher, *, body_sealed: bytes, **plain: Any) -> InboxItem:
    context = _context(plain["source"], plain["owner_id"], plain["event_key"])
    return InboxItem(body=cipher.open_bytes(body_sealed, context=context), **plain)


async def _close(session: Session, inbox_id: int, state: str, note: str, now: datetime) -> None:
    await session.execute(
        update(inbox).where(inbox.c.id == inbox_id, _IS_NEW).values(state=state, note=note, finished_at=now)
    )


def _context(source: str, owner_id: str, event_key: str) -> str:
    return f"inbox/{source}/{storable(owner_id)}/{storable(event_key)}"
