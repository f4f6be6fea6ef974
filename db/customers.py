"""What a sender knows of its customers, by account and phone: the 24 h window, the opt-out, the standard answer.

They are the sender's, not a workspace's: one phone may have orders of several.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, one
from db.session import Session
from db.tables import customers
from domain.consent import Scope


@dataclass(frozen=True, slots=True)
class Customer:
    """What a sender knows of one of its customers.

    Attributes:
        last_inbound_at: When they last wrote.
        opted_out_at: Since when they want no messages; None where they do.
        marketing_opted_out_at: Since when they want none of marketing; None where they do, or want none at all.
        language: The language they asked for; empty for none.
        asked_which_at: When they were last asked which of several cases they mean.
        asked_which_to: Number in the inbox of the message that was unclear.
        asked_which: Ids of the cases they were shown, in that order.
    """

    last_inbound_at: datetime | None = None
    opted_out_at: datetime | None = None
    language: str = ""
    asked_which_at: datetime | None = None
    asked_which_to: int | None = None
    asked_which: Sequence[str] = ()
    marketing_opted_out_at: datetime | None = None

    def refuses(self, category: str = "") -> bool:
        """Tell whether they want no message of a category, as a template has it; of none for a free text (R5.5)."""
        if self.opted_out_at is not None:
            return True
        return Scope.of(category) is Scope.MARKETING and self.marketing_opted_out_at is not None


async def customer(session: Session, account_id: str, phone_hash: bytes, *, lock: bool = False) -> Customer:
    """Return what a sender knows of a customer.

    Args:
        session: The transaction.
        account_id: The sender.
        phone_hash: The customer.
        lock: Keep it as it is until the transaction ends, as a send must (I6).
    """
    if lock:  # an opt-out that comes in the same moment must find a row to wait for
        await session.execute(
            insert(customers).values(account_id=account_id, phone_hash=phone_hash).on_conflict_do_nothing()
        )
    statement = select(*columns(customers, Customer)).where(
        customers.c.account_id == account_id, customers.c.phone_hash == phone_hash
    )
    found = await one(session, statement.with_for_update(read=True) if lock else statement, Customer)
    return found or Customer()


async def note_inbound(session: Session, account_id: str, phone_hash: bytes, at: datetime) -> None:
    """Note that a customer wrote: it opens the 24 h window (R7.11)."""
    statement = insert(customers).values(account_id=account_id, phone_hash=phone_hash, last_inbound_at=at)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "phone_hash"],
            set_={"last_inbound_at": func.greatest(customers.c.last_inbound_at, at)},
        )
    )


async def set_opt_out(
    session: Session,
    account_id: str,
    phone_hash: bytes,
    *,
    opted_out: bool,
    at: datetime,
    proof: str,
    scope: Scope = Scope.ALL,
) -> None:
    """Note that a customer wants no more messages, or wants them again; a late callback changes nothing (R5.5)."""
    values: dict[str, Any]
    if scope is Scope.MARKETING:
        changed = customers.c.marketing_changed_at
        values = {"marketing_opted_out_at": at if opted_out else None, "marketing_changed_at": at}
    else:
        changed = customers.c.opt_changed_at
        values = {"opted_out_at": at if opted_out else None, "opt_changed_at": at, "opt_out_proof": proof}
    statement = insert(customers).values(account_id=account_id, phone_hash=phone_hash, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "phone_hash"],
            set_=values,
            where=func.coalesce(changed, at) <= at,
        )
    )


async def set_language(session: Session, account_id: str, phone_hash: bytes, language: str) -> None:
    """Note the language in which a customer wants to be written to (R6.13)."""
    values = {"language": language}
    await _claim(session, account_id, phone_hash, values, customers.c.language != language)


async def learn_hidden_id(
    session: Session, account_id: str, phone_hash: bytes, hidden_id_hash: bytes
) -> None:
    """Note by which id WhatsApp names a customer whose phone it may hide one day (F49)."""
    known = select(customers.c.hidden_id_hash).where(
        customers.c.account_id == account_id, customers.c.phone_hash == phone_hash
    )
    if (await session.execute(known)).scalar_one_or_none() == hidden_id_hash:
        return  # every status brings it: it is written, and locked, once
    values = {"hidden_id_hash": hidden_id_hash}
    is_news = customers.c.hidden_id_hash.is_distinct_from(hidden_id_hash)
    await _claim(session, account_id, phone_hash, values, is_news)


async def find_by_hidden_id(session: Session, account_id: str, hidden_id_hash: bytes) -> bytes | None:
    """Return the phone, as its hash, of the customer whom WhatsApp names by an id; None while nobody told us.

    A phone that was given to somebody else had another id before: whoever wrote last counts.
    """
    statement = (
        select(customers.c.phone_hash)
        .where(customers.c.account_id == account_id, customers.c.hidden_id_hash == hidden_id_hash)
        .order_by(customers.c.last_inbound_at.desc().nulls_last())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def claim_standard_answer(
    session: Session, account_id: str, phone_hash: bytes, *, to: int, now: datetime, every: timedelta
) -> bool:
    """Tell whether a message without a case is to be answered now; of several at once, one is told so (R7.5).

    Args:
        session: The transaction.
        account_id: The sender.
        phone_hash: The customer.
        to: Number of the message in the inbox; the same one may ask again.
        now: When it came.
        every: How seldom a customer is answered so.
    """
    values = {"last_standard_answer_at": now, "standard_answer_to": to}
    last, by = customers.c.last_standard_answer_at, customers.c.standard_answer_to
    free = or_(last.is_(None), last <= now - every, by == to)
    return await _claim(session, account_id, phone_hash, values, free)


async def claim_which_order(
    session: Session,
    account_id: str,
    phone_hash: bytes,
    *,
    to: int,
    among: Sequence[str],
    now: datetime,
    every: timedelta,
) -> bool:
    """Tell whether a customer with several cases is to be asked now which one a message is about (R6.3).

    Args:
        session: The transaction.
        account_id: The sender.
        phone_hash: The customer.
        to: Number of the message in the inbox; the same one may ask again.
        among: Ids of the cases, as the customer is shown them.
        now: When it came.
        every: How seldom a customer is asked so.
    """
    values = {"asked_which_at": now, "asked_which_to": to, "asked_which": list(among)}
    last, by = customers.c.asked_which_at, customers.c.asked_which_to
    free = or_(last.is_(None), last <= now - every, by == to)
    return await _claim(session, account_id, phone_hash, values, free)


async def _claim(
    session: Session, account_id: str, phone_hash: bytes, values: Mapping[str, Any], free: ColumnElement[bool]
) -> bool:
    """Write values unless somebody else's are in force, and tell whether that was done."""
    statement = insert(customers).values(account_id=account_id, phone_hash=phone_hash, **values)
    claimed = await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "phone_hash"], set_=values, where=free
        ).returning(customers.c.account_id)
    )
    return claimed.one_or_none() is not None
