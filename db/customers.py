"""What a sender knows of its customers, by account and phone: the 24 h window, the opt-out, the standard answer.

They are the sender's, not a workspace's: one phone may have orders of several.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, one
from db.session import Session
from db.tables import customers


@dataclass(frozen=True, slots=True)
class Customer:
    """What a sender knows of one of its customers."""

    last_inbound_at: datetime | None = None
    opted_out_at: datetime | None = None


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
    session: Session, account_id: str, phone_hash: bytes, *, opted_out: bool, at: datetime, proof: str
) -> None:
    """Note that a customer wants no more messages, or wants them again; a late callback changes nothing (R5.5)."""
    values = {
        "opted_out_at": at if opted_out else None,
        "opt_changed_at": at,
        "opt_out_proof": proof,
    }
    statement = insert(customers).values(account_id=account_id, phone_hash=phone_hash, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "phone_hash"],
            set_=values,
            where=func.coalesce(customers.c.opt_changed_at, at) <= at,
        )
    )


async def claim_standard_answer(
    session: Session, account_id: str, phone_hash: bytes, now: datetime, *, every: timedelta
) -> bool:
    """Tell whether a customer without a case is to be answered now; of several at once, one is told so (R7.5)."""
    statement = insert(customers).values(
        account_id=account_id, phone_hash=phone_hash, last_standard_answer_at=now
    )
    last = customers.c.last_standard_answer_at
    claimed = await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "phone_hash"],
            set_={"last_standard_answer_at": now},
            where=or_(last.is_(None), last <= now - every),
        ).returning(customers.c.account_id)
    )
    return claimed.one_or_none() is not None
