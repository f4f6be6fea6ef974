"""The rate card, a message's price, and usage by message (R5.4).

A price is fixed in the transaction that begins the send. How many were sent this month is counted there too, by one row
for each workspace, month and category: whoever counts holds it until the transaction ends, so that no two messages are
the same one of the month.

NoPrice   the rate card says nothing about a category at that time
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import distinct_on, insert

from db.rows import columns, many
from db.session import Session
from db.tables import customers, rate_card, usage, usage_counters
from domain import billing
from domain.billing import Counted, PriceDecision, Rate, Tier, Window
from domain.timing import SESSION_WINDOW


class NoPrice(LookupError):
    """The rate card says nothing about a category at that time."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one message counts as; what was booked for it later stands in `db.adjustments`.

    Attributes:
        outcome: "sending", "unknown", "refused" or "accepted", the last for good.
        is_charged: Whether its price was counted with its own month when it was accepted.
        rate_id: By which rate; None for what has no price of ours.
        customer_window: Whether the customer's window was open.
        tier_above: Above how many messages of the month its price holds.
        is_allowance: Whether it cost nothing by the month's allowance.
        month_number: The how-manieth it was of its month and category.
        corrected_paise: What it costs since Gupshup billed a cheaper category.
    """

    message_id: str
    workspace_id: str
    account_id: str
    account_owner: str
    order_id: str
    shipment_id: str
    event: str
    kind: str
    template_name: str
    language: str
    category: str
    price_paise: int
    outcome: str
    is_charged: bool
    sent_at: datetime
    phone_last4: str
    pricing_category: str
    provider_is_billable: bool | None
    provider_category: str
    rate_id: int | None
    customer_window: str
    tier_above: int
    is_allowance: bool
    month_number: int
    corrected_paise: int | None


# --- The rate card ---


async def find_rate(
    session: Session, category: str, at: datetime, *, is_inside_window: bool = False
) -> Rate | None:
    """Return the rate of a category at a time, for a customer who did not write lately unless told otherwise."""
    card = await _card(session, category, at)
    return billing.rate_in_force(card, category, is_inside_window=is_inside_window, at=at)


async def find_price(session: Session, category: str, at: datetime) -> int:
    """Return what a message of a category costs at a time by the rate alone, in paise.

    That is what sellers are told beforehand: without allowance and tiers, and for a customer who did not write lately.

    Raises:
        NoPrice: The rate card does not say.
    """
    rate = await find_rate(session, category, at)
    if rate is None:
        raise NoPrice(f"category {category}")
    return rate.price_paise


async def set_price(
    session: Session,
    category: str,
    price_paise: int,
    *,
    valid_from: datetime,
    window: Window = Window.ANY,
    free_monthly: int = 0,
    tiers: Sequence[Tier] = (),
) -> int:
    """Set what messages of a category cost from a time on, and return the rate's number.

    Messages sent before keep their price; of two rates from the same time the later one counts.

    Raises:
        ValueError: A price or an allowance is negative, or the tiers contradict one another.
    """
    if price_paise < 0 or free_monthly < 0:
        raise ValueError("a price and an allowance are not negative")
    pairs = [[tier.above, tier.price_paise] for tier in tiers]
    billing.tiers_of(pairs)
    values = {
        "category": category,
        "customer_window": window,
        "valid_from": valid_from,
        "price_paise": price_paise,
        "free_monthly": free_monthly,
        "tiers": pairs,
    }
    return int(
        (await session.execute(insert(rate_card).values(values).returning(rate_card.c.id))).scalar_one()
    )


async def list_rates(session: Session) -> tuple[Rate, ...]:
    """Return the whole rate card, announced rates included, the newest first."""
    statement = select(rate_card).order_by(
        rate_card.c.valid_from.desc(), rate_card.c.category, rate_card.c.id.desc()
    )
    return await many(session, statement, _rate)


# --- The price of a message ---


async def fix_price(
    session: Session, *, workspace_id: str, account_id: str, category: str, phone_hash: bytes, now: datetime
) -> PriceDecision:
    """Count a message that is about to be sent through the platform's account, and return its price.

    Args:
        session: The transaction that begins the send; from here on other sends of the workspace wait for its end.
        workspace_id: Whose message.
        account_id: Through which account; whether its customer wrote lately may decide.
        category: Its category.
        phone_hash: To whom.
        now: When.

    Raises:
        NoPrice: The rate card does not say.
    """
    card = await _card(session, category, now)
    key = {"of_account": account_id, "of_phone": phone_hash}
    heard = (await session.execute(_HEARD, key)).scalar_one_or_none()
    is_inside = heard is not None and now < heard + SESSION_WINDOW
    if billing.rate_in_force(card, category, is_inside_window=is_inside, at=now) is None:
        raise NoPrice(f"category {category}")
    counter = {"of_workspace": workspace_id, "of_category": category, "sent_at": now}
    month, sent, free = (await session.execute(_COUNT, counter)).one()
    decision = billing.price(
        card, category, is_inside_window=is_inside, counted=Counted(sent - 1, free), at=now
    )
    if decision is None:
        raise NoPrice(f"category {category}")
    if decision.is_allowance:
        of_month = {"of_workspace": workspace_id, "of_category": category, "of_month": month}
        await session.execute(_COUNT_FREE, of_month)
    return decision


async def give_back_place(session: Session, message_id: str) -> None:
    """Let a message that was refused or failed not count for the month: the next one takes its place."""
    await session.execute(_CHANGE_PLACE, {"of_message": message_id, "by": -1})


async def take_place_again(session: Session, message_id: str) -> None:
    """Let a message count again for the month: it was delivered after all."""
    await session.execute(_CHANGE_PLACE, {"of_message": message_id, "by": 1})


# --- Usage ---


async def list_usage(
    session: Session,
    workspace_id: str,
    *,
    since: datetime,
    until: datetime,
    order_id: str | None = None,
    limit: int = 10_000,
) -> tuple[Usage, ...]:
    """Return a workspace's usage of a time, oldest first."""
    statement = (
        select(*columns(usage, Usage))
        .where(usage.c.workspace_id == workspace_id, usage.c.sent_at >= since, usage.c.sent_at < until)
        .order_by(usage.c.sent_at, usage.c.message_id)
        .limit(limit)
    )
    if order_id is not None:
        statement = statement.where(usage.c.order_id == order_id)
    return await many(session, statement, Usage)


async def _card(session: Session, category: str, at: datetime) -> tuple[Rate, ...]:
    """Return of each window the newest rate of a category at a time: one of them is in force."""
    rows = (await session.execute(_CARD, {"of_category": category, "by": at})).all()
    return tuple(_rate(**row._asdict()) for row in rows)


def _rate(*, customer_window: Window, tiers: list[list[int]], **row: Any) -> Rate:
    return Rate(window=customer_window, tiers=billing.tiers_of(tiers), **row)


# Built once: putting a statement together costs more than sending it, and each message comes by here.

_CARD = (
    select(rate_card)
    .where(rate_card.c.category == bindparam("of_category"), rate_card.c.valid_from <= bindparam("by"))
    .ext(distinct_on(rate_card.c.customer_window))
    .order_by(rate_card.c.customer_window, rate_card.c.valid_from.desc(), rate_card.c.id.desc())
)
_HEARD = select(customers.c.last_inbound_at).where(
    customers.c.account_id == bindparam("of_account"), customers.c.phone_hash == bindparam("of_phone")
)
# The same month as the trigger of `usage` finds.
_MONTH = text(
    "SELECT date_trunc('month', timezone(coalesce(policy ->> 'timezone', 'Asia/Kolkata'),"
    " CAST(:sent_at AS timestamptz)))::date AS month FROM workspaces WHERE id = :of_workspace"
).columns(usage_counters.c.month)
_COUNT = (
    insert(usage_counters)
    .from_select(
        ["workspace_id", "month", "category", "sent"],
        select(
            bindparam("of_workspace", type_=usage_counters.c.workspace_id.type),
            _MONTH.subquery().c.month,
            bindparam("of_category", type_=usage_counters.c.category.type),
            1,
        ),
    )
    .on_conflict_do_update(
        index_elements=["workspace_id", "month", "category"], set_={"sent": usage_counters.c.sent + 1}
    )
    .returning(usage_counters.c.month, usage_counters.c.sent, usage_counters.c.free)
)
_COUNT_FREE = (
    update(usage_counters)
    .where(
        usage_counters.c.workspace_id == bindparam("of_workspace"),
        usage_counters.c.month == bindparam("of_month"),
        usage_counters.c.category == bindparam("of_category"),
    )
    .values(free=usage_counters.c.free + 1)
)
_CHANGE_PLACE = (
    update(usage_counters)
    .where(
        usage.c.message_id == bindparam("of_message"),
        usage.c.rate_id.is_not(None),
        usage_counters.c.workspace_id == usage.c.workspace_id,
        usage_counters.c.month == usage.c.month,
        usage_counters.c.category == usage.c.category,
    )
    .values(
        sent=func.greatest(usage_counters.c.sent + bindparam("by"), 0),
        free=func.greatest(
            usage_counters.c.free + sql_case((usage.c.is_allowance, bindparam("by")), else_=0), 0
        ),
    )
)
