"""Sessions of people in their browsers: found by the hash of a token, ended by time or by hand (S9).

And the failures of signing in, which delay the next try and lock nobody out (S8).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher, digest
from db.people import Person, Role
from db.rows import columns, many
from db.session import Session
from db.tables import browser_sessions, people, sign_in_failures

IDLE = timedelta(minutes=30)
"""How long a session lasts in which nothing is asked for."""

LONGEST = timedelta(hours=12)
"""How long a session lasts at most."""

_SEEN_EVERY = timedelta(minutes=1)
_FAILURES_COUNT_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session, without its token.

    Attributes:
        token_hash: What it is found by.
        person_id: Whose it is.
        device: Which browser it was begun in, in words.
        is_complete: Whether the second step was taken, where one is needed.
        created_at: When it began.
        seen_at: When something was last asked for; a minute coarse.
        confirmed_at: When the password was last given (S11).
    """

    token_hash: bytes
    person_id: str
    device: str
    is_complete: bool
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime | None


async def begin_session(
    session: Session, person_id: str, *, device: str, is_complete: bool, now: datetime
) -> str:
    """Begin a session and return its token, which is kept as a hash only."""
    token = secrets.token_urlsafe(32)
    await session.execute(
        insert(browser_sessions).values(
            token_hash=digest(token),
            person_id=person_id,
            device=device,
            is_complete=is_complete,
            created_at=now,
            seen_at=now,
            confirmed_at=now,
        )
    )
    return token


async def find_session(session: Session, token: str, now: datetime) -> tuple[BrowserSession, Person] | None:
    """Return the living session of a token and whose it is; its last use is noted once a minute."""
    statement = (
        select(*columns(browser_sessions, BrowserSession), *_PERSON)
        .join(people, people.c.id == browser_sessions.c.person_id)
        .where(browser_sessions.c.token_hash == digest(token), *_living(now))
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    of_person = {
        name.removeprefix("person_of_"): values.pop(name)
        for name in list(values)
        if name.startswith("person_of_")
    }
    of_person["role"] = Role(of_person["role"])
    found, person = BrowserSession(**values), Person(**of_person)
    if person.disabled_at is not None:
        return None
    if found.seen_at + _SEEN_EVERY <= now:
        await session.execute(
            update(browser_sessions)
            .where(browser_sessions.c.token_hash == found.token_hash)
            .values(seen_at=now)
        )
    return found, person


async def is_living(session: Session, token_hash: bytes, now: datetime) -> bool:
    """Tell whether a session lives, and its person may still come; asking is no use of it."""
    statement = (
        select(browser_sessions.c.token_hash)
        .join(people, people.c.id == browser_sessions.c.person_id)
        .where(browser_sessions.c.token_hash == token_hash, *_living(now), people.c.disabled_at.is_(None))
    )
    return (await session.execute(statement)).one_or_none() is not None


async def list_sessions(session: Session, person_id: str, now: datetime) -> tuple[BrowserSession, ...]:
    """Return a person's living sessions, the last used first."""
    statement = (
        select(*columns(browser_sessions, BrowserSession))
        .where(browser_sessions.c.person_id == person_id, *_living(now))
        .order_by(browser_sessions.c.seen_at.desc(), browser_sessions.c.created_at.desc())
    )
    return await many(session, statement, BrowserSession)


async def confirm_session(session: Session, token_hash: bytes, now: datetime) -> None:
    """Note that the password was given again (S11)."""
    await session.execute(
        update(browser_sessions).where(browser_sessions.c.token_hash == token_hash).values(confirmed_at=now)
    )


async def reopen_session(session: Session, token_hash: bytes) -> None:
    """Have a session take its second step again before it goes on: the codes were taken away."""
    await session.execute(
        update(browser_sessions).where(browser_sessions.c.token_hash == token_hash).values(is_complete=False)
    )


async def end_session(session: Session, person_id: str, token_hash: bytes) -> bool:
    """End one session of a person, and tell whether there was one."""
    statement = (
        delete(browser_sessions)
        .where(browser_sessions.c.person_id == person_id, browser_sessions.c.token_hash == token_hash)
        .returning(browser_sessions.c.person_id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def end_sessions(session: Session, person_id: str, *, but: bytes | None = None) -> None:
    """End every session of a person, or every other one: after a new password, or when they may not sign in any more."""
    statement = delete(browser_sessions).where(browser_sessions.c.person_id == person_id)
    if but is not None:
        statement = statement.where(browser_sessions.c.token_hash != but)
    await session.execute(statement)


async def forget_sessions(session: Session, now: datetime) -> None:
    """Delete what has run out: sessions and failures; the sweep's hourly cleaning."""
    await session.execute(delete(browser_sessions).where(browser_sessions.c.created_at < now - LONGEST))
    await session.execute(
        delete(sign_in_failures).where(sign_in_failures.c.failed_at < now - _FAILURES_COUNT_FOR)
    )


async def count_failures(
    session: Session, cipher: Cipher, key: str, now: datetime
) -> tuple[int, datetime | None]:
    """Return how often signing in failed lately for a key, such as an address's, and when it last did."""
    statement = select(sign_in_failures.c.failures, sign_in_failures.c.failed_at).where(
        sign_in_failures.c.key_hash == cipher.fingerprint(key),
        sign_in_failures.c.failed_at >= now - _FAILURES_COUNT_FOR,
    )
    row = (await session.execute(statement)).one_or_none()
    return (0, None) if row is None else (row.failures, row.failed_at)


async def add_failure(session: Session, cipher: Cipher, key: str, now: datetime) -> None:
    """Count a failure; those of more than an hour ago are forgotten."""
    table = sign_in_failures
    recent = table.c.failed_at >= now - _FAILURES_COUNT_FOR
    statement = insert(table).values(key_hash=cipher.fingerprint(key), failures=1, failed_at=now)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["key_hash"],
            set_={"failures": case((recent, table.c.failures + 1), else_=1), "failed_at": now},
        )
    )


async def clear_failures(session: Session, cipher: Cipher, key: str) -> None:
    """Forget the failures of a key: somebody signed in."""
    await session.execute(
        delete(sign_in_failures).where(sign_in_failures.c.key_hash == cipher.fingerprint(key))
    )


_PERSON = [people.c[name].label(f"person_of_{name}") for name in Person.__dataclass_fields__]


def _living(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    table = browser_sessions
    return table.c.seen_at > now - IDLE, table.c.created_at > now - LONGEST
