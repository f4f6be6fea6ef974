"""One transaction at a time where there is no row to lock yet: for a customer, a phone, a provider's id."""

from hashlib import sha256

from sqlalchemy import text

from db.session import Session

_SERIALIZE = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")


async def serialize(session: Session, owner: str, *what: bytes | str | None) -> None:
    """Let one transaction at a time deal with something of an owner's, until it ends.

    Sorted, so that no two transactions wait for each other; to be called before any row is locked.
    """
    keys = sorted({_key(owner, one_of) for one_of in what if one_of})
    if keys:
        await session.execute(_SERIALIZE, {"keys": keys})


def _key(owner: str, what: bytes | str) -> int:
    name = what if isinstance(what, bytes) else what.encode("utf-8", "replace")
    return int.from_bytes(sha256(owner.encode() + b"\0" + name).digest()[:8], signed=True)
