"""What customers said they want, in order and for good: each word with who brought it and what proves it (R5.5).

What is in force stands with the customer (`db.customers`) and is changed here, in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from db import customers
from db.encryption import Cipher
from db.session import Session
from db.tables import consents
from domain.consent import Scope, Source

__all__ = ["Consent", "add_consent", "list_consents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One word about what a customer wants.

    Attributes:
        account_id: Of which sender.
        phone_hash: The customer.
        key: What makes it the same word when it comes again.
        scope: What it is about.
        is_wanted: Whether such messages are wanted from then on.
        at: Since when.
        source: Who brought it.
        proof: What it can be found by: a message in the inbox, a list, a request.
        person: Who entered it, where a person did.
        note: Their words.
    """

    account_id: str
    phone_hash: bytes
    key: str
    scope: Scope
    is_wanted: bool
    at: datetime
    source: Source
    proof: str
    person: str = ""
    note: str = field(default="", repr=False)


async def add_consent(session: Session, cipher: Cipher, consent: Consent) -> bool:
    """Keep a word and give it its effect, and tell whether it is new; one from before a later word is kept alone."""
    values: dict[str, Any] = asdict(consent)
    note = values.pop("note")
    values |= {"scope": consent.scope.value, "source": consent.source.value}
    if note:
        values["note_sealed"] = cipher.seal(
            note, context=_context(consent.account_id, consent.phone_hash, consent.key)
        )
    statement = insert(consents).values(values)
    added = await session.execute(
        statement.on_conflict_do_nothing(index_elements=["account_id", "phone_hash", "key"]).returning(
            consents.c.id
        )
    )
    if added.one_or_none() is None:
        return False
    await customers.set_opt_out(
        session,
        consent.account_id,
        consent.phone_hash,
        opted_out=not consent.is_wanted,
        at=consent.at,
        proof=f"{consent.source.value}: {consent.proof}",
        scope=consent.scope,
    )
    return True


async def list_consents(
    session: Session, cipher: Cipher, account_id: str, phone_hash: bytes, *, limit: int = 100
) -> tuple[Consent, ...]:
    """Return what a customer said of a sender's messages, newest first."""
    statement = (
        select(*(consents.c[name] for name in (*_PLAIN, "note_sealed")))
        .where(consents.c.account_id == account_id, consents.c.phone_hash == phone_hash)
        .order_by(consents.c.at.desc(), consents.c.id.desc())
        .limit(limit)
    )
    return tuple(_consent(cipher, row._asdict()) for row in (await session.execute(statement)).all())


_IDENTITY = ("account_id", "phone_hash", "key")
_PLAIN = (*_IDENTITY, "scope", "is_wanted", "at", "source", "proof", "person")


def _consent(cipher: Cipher, row: Mapping[str, Any]) -> Consent:
    sealed = row["note_sealed"]
    return Consent(
        note=cipher.open(sealed, context=_context(*(row[name] for name in _IDENTITY))) if sealed else "",
        **{name: row[name] for name in _PLAIN}
        | {"scope": Scope(row["scope"]), "source": Source(row["source"])},
    )


def _context(account_id: str, phone_hash: bytes, key: str) -> str:
    return f"consents/{account_id}/{phone_hash.hex()}/{key}/note"
