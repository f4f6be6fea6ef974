"""What a message costs, what is taken back later, and what a month comes to, in whole paise (R5.4).

A message's price is fixed when it is sent: category, the customer's 24 h window, the month's free allowance and the
volume tier decide, all of them by the rate card; nothing is free by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

PLATFORM_OWNER = "eshopbox"
"""Whose account's messages are charged; through a seller's own account Gupshup bills the seller."""

_WHOLE = 10_000  # basis points
_DECEMBER = 12
# Gupshup bills some categories under a name of their own; to us they are what the template was approved as.
_FAMILY = {"marketing_lite": "marketing", "authentication_international": "authentication"}


class Window(StrEnum):
    """Whether the customer wrote in the 24 h before a message, or for which of both a rate holds."""

    ANY = "any"
    OPEN = "open"
    CLOSED = "closed"


class Adjusted(StrEnum):
    """Why a message's charge was changed after its price had been counted, or an amount was booked without one."""

    FAILED = "failed"  # it could not be delivered after all
    DELIVERED = "delivered"  # it was, though a failure had been reported
    LATE = "late"  # its acceptance was proven after its month was closed
    CATEGORY = "category"  # Gupshup billed a cheaper category
    BY_HAND = "by_hand"  # ops booked it


@dataclass(frozen=True, slots=True, order=True)
class Tier:
    """A price that holds from a month's n-th message on."""

    above: int
    price_paise: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What a category's messages cost from a time on, until the next rate.

    Attributes:
        id: Its number; of two for the same time the later one counts.
        category: Whose messages.
        window: For which messages.
        valid_from: Since when.
        price_paise: What one costs.
        free_monthly: How many of a workspace's month cost nothing.
        tiers: Other prices for those above some number in a month, the lowest number first.
    """

    id: int
    category: str
    window: Window
    valid_from: datetime
    price_paise: int
    free_monthly: int = 0
    tiers: tuple[Tier, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of a workspace's month and category were sent before, and how many of those cost nothing by allowance."""

    sent: int = 0
    free: int = 0


@dataclass(frozen=True, slots=True)
class PriceDecision:
    """What one message costs and by which rule.

    Attributes:
        paise: The price.
        rate_id: The rate.
        window: Whether the customer's window was open.
        tier_above: Above how many messages of the month its price holds; 0 for the rate's own price.
        is_allowance: Whether it costs nothing because the month's allowance was not used up.
        number: The how-manieth it is of the month and category.
    """

    paise: int
    rate_id: int
    window: Window
    tier_above: int = 0
    is_allowance: bool = False
    number: int = 1

    @property
    def words(self) -> str:
        """Return the rule in words."""
        if self.is_allowance:
            which = "free allowance of the month"
        elif self.tier_above:
            which = f"price above {self.tier_above} in the month"
        else:
            which = "price of the rate"
        return f"rate {self.rate_id}, window {self.window.value}, {which}"


def rate_in_force(
    card: Iterable[Rate], category: str, *, is_inside_window: bool, at: datetime
) -> Rate | None:
    """Return the rate of a category at a time; the newest counts, and of equally new ones the more particular."""
    fitting = (Window.ANY, Window.OPEN if is_inside_window else Window.CLOSED)
    found = [
        rate
        for rate in card
        if rate.category == category and rate.window in fitting and rate.valid_from <= at
    ]
    return max(
        found, key=lambda rate: (rate.valid_from, rate.window is not Window.ANY, rate.id), default=None
    )


def price(
    card: Iterable[Rate], category: str, *, is_inside_window: bool, counted: Counted, at: datetime
) -> PriceDecision | None:
    """Return what a message costs that is sent now; None where the rate card does not say.

    Args:
        card: The rates.
        category: Its category.
        is_inside_window: Whether the customer wrote in the 24 h before.
        counted: What was sent this month before it.
        at: When it is sent.
    """
    rate = rate_in_force(card, category, is_inside_window=is_inside_window, at=at)
    if rate is None:
        return None
    window = Window.OPEN if is_inside_window else Window.CLOSED
    number = counted.sent + 1
    if counted.free < rate.free_monthly:
        return PriceDecision(0, rate.id, window, is_allowance=True, number=number)
    tier = max((tier for tier in rate.tiers if tier.above < number), default=None)
    if tier is None:
        return PriceDecision(rate.price_paise, rate.id, window, number=number)
    return PriceDecision(tier.price_paise, rate.id, window, tier_above=tier.above, number=number)


def tiers_of(pairs: Sequence[Sequence[int]]) -> tuple[Tier, ...]:
    """Return tiers from pairs of number and price, as they are kept.

    Raises:
        ValueError: A number stands twice or is none, or a price is negative.
    """
    tiers = tuple(sorted(Tier(above, paise) for above, paise in pairs))
    if any(tier.above < 1 or tier.price_paise < 0 for tier in tiers):
        raise ValueError("a tier begins above 1 message or more, and its price is not negative")
    if len({tier.above for tier in tiers}) < len(tiers):
        raise ValueError("two tiers begin above the same number")
    return tiers


def billed_as(category: str) -> str:
    """Return our word for a category that Gupshup bills."""
    word = category.strip().lower()
    return _FAMILY.get(word, word)


# --- What is changed later ---


def correction(
    price_paise: int, *, corrected_paise: int | None, is_counted: bool, adjusted_paise: int, is_owed: bool
) -> int:
    """Return what has to be booked so that a message costs what is owed for it.

    Args:
        price_paise: Its price, fixed when it was sent.
        corrected_paise: What it costs since a cheaper category was billed; None where none was.
        is_counted: Whether its price was counted with its own month.
        adjusted_paise: What was booked for it since.
        is_owed: Whether it was accepted and did not fail.
    """
    costs = price_paise if corrected_paise is None else corrected_paise
    return (costs if is_owed else 0) - (price_paise if is_counted else 0) - adjusted_paise


# --- Months, taxes, statements ---


def month_of(at: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the month of a time, by a zone's calendar."""
    return at.astimezone(zone).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after a month's."""
    return date(month.year + 1, 1, 1) if month.month == _DECEMBER else date(month.year, month.month + 1, 1)


def closes_at(month: date, zone: ZoneInfo, *, days: int) -> datetime:
    """Return from when on a month may be closed: so many days after its end, at midnight of the zone."""
    after = next_month(month) + timedelta(days=days)
    return datetime(after.year, after.month, after.day, tzinfo=zone)


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax on statements from a day on; a share of 0 ends it."""

    name: str
    basis_points: int
    valid_from: date


@dataclass(frozen=True, slots=True)
class TaxLine:
    """A tax of one statement."""

    name: str
    basis_points: int
    paise: int


def share(paise: int, basis_points: int) -> int:
    """Return a share of an amount, rounded half up; a credit comes to as much as the debit that it takes back."""
    rounded = (2 * abs(paise) * basis_points + _WHOLE) // (2 * _WHOLE)
    return rounded if paise >= 0 else -rounded


def taxes(rates: Iterable[TaxRate], net_paise: int, month: date) -> tuple[TaxLine, ...]:
    """Return the taxes of a statement: of each name the rate in force on the month's last day, each once on the total."""
    last_day = next_month(month) - timedelta(days=1)
    in_force: dict[str, TaxRate] = {}
    for rate in rates:  # of two from the same day the later one given counts
        known = in_force.get(rate.name)
        if rate.valid_from <= last_day and (known is None or known.valid_from <= rate.valid_from):
            in_force[rate.name] = rate
    return tuple(
        TaxLine(rate.name, rate.basis_points, share(net_paise, rate.basis_points))
        for _, rate in sorted(in_force.items())
        if rate.basis_points
    )


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """What the messages of one notification through one account came to.

    Every message is either charged or not, so that `charged` and `not_charged` make `messages`.

    Attributes:
        account_id: The account.
        account_owner: Whose it is.
        event: The journey event.
        purpose: What the messages were for: the notification itself, a reminder, an answer.
        kind: "template" or "session".
        messages: How many were begun.
        accepted: How many Gupshup took, those that failed later included.
        delivered: How many of them were delivered, those that were read included.
        read: How many of them were read.
        failed: How many Gupshup took and could not deliver.
        charged: How many are charged.
        not_charged: How many are not.
        charged_paise: What they cost.
        lowest_paise: The lowest price of a charged message; None where none is charged.
        highest_paise: The highest one.
    """

    account_id: str
    account_owner: str
    event: str
    purpose: str
    kind: str
    messages: int
    accepted: int
    delivered: int
    read: int
    failed: int
    charged: int
    not_charged: int
    charged_paise: int
    lowest_paise: int | None
    highest_paise: int | None


@dataclass(frozen=True, slots=True)
class StatementCorrection:
    """What was booked in a month for messages of earlier months, or by hand.

    Attributes:
        reason: Why.
        of_month: First day of the month the messages were sent in; None for what is about no message.
        detail: Words of who booked it by hand.
        count: How many bookings.
        paise: What they come to.
    """

    reason: Adjusted
    of_month: date | None
    detail: str
    count: int
    paise: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What a workspace's month comes to.

    Attributes:
        workspace_id: Whose.
        month: Its first day.
        time_zone: By whose calendar.
        lines: What its messages come to.
        corrections: What was booked in it for earlier ones, or by hand.
        taxes: The taxes on the net total.
    """

    workspace_id: str
    month: date
    time_zone: str
    lines: tuple[ChargeLine, ...]
    corrections: tuple[StatementCorrection, ...]
    taxes: tuple[TaxLine, ...]

    @property
    def net_paise(self) -> int:
        """Return what the messages and the corrections come to, before taxes."""
        return sum(line.charged_paise for line in self.lines) + sum(one.paise for one in self.corrections)

    @property
    def tax_paise(self) -> int:
        """Return what the taxes come to."""
        return sum(tax.paise for tax in self.taxes)

    @property
    def total_paise(self) -> int:
        """Return what is to be paid."""
        return self.net_paise + self.tax_paise


STATEMENT_COLUMNS = (
    "part", "account", "owner", "notification", "purpose", "kind", "messages", "accepted", "delivered", "read",
    "failed", "charged", "not_charged", "lowest_paise", "highest_paise", "detail", "amount_paise",
)  # fmt: skip
"""The columns of a statement's CSV."""


def statement_rows(statement: Statement) -> tuple[tuple[object, ...], ...]:
    """Return the rows of a statement's CSV: its lines, corrections, net total, taxes and total."""
    rows: list[dict[str, Any]] = [
        {
            "part": "line",
            "account": line.account_id,
            "owner": line.account_owner,
            "notification": line.event,
            **{name: getattr(line, name) for name in STATEMENT_COLUMNS[4:15]},
            "amount_paise": line.charged_paise,
        }
        for line in statement.lines
    ]
    rows += [
        {
            "part": "correction",
            "purpose": one.reason.value,
            "messages": one.count,
            "detail": one.detail or (f"sent in {one.of_month:%Y-%m}" if one.of_month else ""),
            "amount_paise": one.paise,
        }
        for one in statement.corrections
    ]
    rows.append({"part": "net", "amount_paise": statement.net_paise})
    rows += [
        {"part": "tax", "detail": f"{tax.name} {percent_words(tax.basis_points)}", "amount_paise": tax.paise}
        for tax in statement.taxes
    ]
    rows.append({"part": "total", "amount_paise": statement.total_paise})
    return tuple(
        tuple("" if (value := row.get(name)) is None else _cell(value) for name in STATEMENT_COLUMNS)
        for row in rows
    )


def percent_words(basis_points: int) -> str:
    """Return a share with the decimals it has: 18%, 2.5%."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet runs as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
