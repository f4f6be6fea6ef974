"""A month's charges put into words: the lines of a statement, what was not charged and why, prices (R5.4)."""

import calendar
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.portal.parts import Stat
from clients.gupshup.errors import failure_words
from db.acceptances import Acceptance
from db.accounts import AppAccount
from db.charges import Exempt, NotCharged, Price, Totals
from domain.billing import Adjusted, ChargeLine, percent_words
from domain.billing import Statement as Books
from domain.case_events import Purpose
from domain.formats import clock, count_words, local_date, phone_words, plain_day, rupees_exact
from domain.journey import find_event

__all__ = [
    "BillRow",
    "Month",
    "PriceRow",
    "Row",
    "Statement",
    "bill",
    "exempt_words",
    "price_rows",
    "purpose_words",
    "statements",
    "stats",
]

_PURPOSES: Final[dict[str, str]] = {
    Purpose.REMINDER: "Reminder, {event}",
    Purpose.SENT_AGAIN: "Sent again by hand, {event}",
    Purpose.ANSWER: "Answers to customers, {event}",
    Purpose.QUESTION: "Questions to customers, {event}",
    Purpose.NUDGE: "Nudge, {event}",
    Purpose.STANDARD_ANSWER: "Answer to a number we do not know",
    Purpose.WHICH_ORDER: "Question which order is meant",
}
_WHY: Final = {
    NotCharged.FAILED: "Could not be delivered, WhatsApp gives no reason",
    NotCharged.REFUSED: "Gupshup did not take it",
    NotCharged.UNKNOWN: "Gupshup did not say whether it took it",
    NotCharged.SENDING: "On its way to Gupshup",
    NotCharged.OWN_ACCOUNT: "Sent through your own account: Gupshup bills it",
    NotCharged.FREE: "Its price was zero when it was sent",
    NotCharged.LATER: "Proven after the month was closed: in a later statement",
}


_CORRECTED: Final = {
    Adjusted.FAILED: "Could not be delivered after all",
    Adjusted.DELIVERED: "Delivered after a failure had been reported",
    Adjusted.LATE: "Found to be accepted after all",
    Adjusted.CATEGORY: "Cheaper category than was charged",
    Adjusted.BY_HAND: "Booked by Eshopbox",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month by the workspace's calendar.

    Attributes:
        first: Its first day.
        since: When it begins.
        until: When it ends.
        today: The day that it is now.
    """

    first: date
    since: datetime
    until: datetime
    today: date

    @property
    def value(self) -> str:
        """Return it as an address has it."""
        return f"{self.first:%Y-%m}"

    @property
    def is_running(self) -> bool:
        """Tell whether it is the present one."""
        return (self.first.year, self.first.month) == (self.today.year, self.today.month)

    @property
    def words(self) -> str:
        """Return its name."""
        return _month_words(self.first)

    @property
    def days(self) -> str:
        """Return its days so far: "1 to 20 November"."""
        last = (
            self.today.day if self.is_running else calendar.monthrange(self.first.year, self.first.month)[1]
        )
        name = calendar.month_name[self.first.month]
        return f"1 to {last} {name}" if last > 1 else f"1 {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a statement."""

    name: str
    accepted: str
    delivered: str
    read: str
    failed: str
    price: str
    charged: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The lines of one account.

    Attributes:
        id: Of its heading.
        title: Whose account.
        lead: Its number, and who is charged.
        is_charged: Whether we charge it.
        rows: Its lines.
        total: Their sum.
    """

    id: str
    title: str
    lead: str
    is_charged: bool
    rows: tuple[Row, ...]
    total: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """A price, and who accepted it."""

    words: str
    since: str
    accepted: tuple[str, ...]
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """A sum of the bill, and what it is."""

    words: str
    note: str = ""
    amount: str
    is_sum: bool = False


def bill(books: Books) -> tuple[BillRow, ...]:
    """Return what a month comes to: messages, corrections of earlier months, taxes, and what is to be paid."""
    messages = sum(line.charged_paise for line in books.lines)
    rows = [BillRow(words="Messages of the month", amount=rupees_exact(messages))]
    for each in books.corrections:
        of = f"Sent in {_month_words(each.of_month)}" if each.of_month else each.detail
        count = f", {count_words(each.count)} messages" if each.of_month and each.count > 1 else ""
        rows.append(
            BillRow(words=_CORRECTED[each.reason], note=f"{of}{count}", amount=rupees_exact(each.paise))
        )
    rows.append(BillRow(words="Total before taxes", amount=rupees_exact(books.net_paise), is_sum=True))
    rows += [
        BillRow(words=f"{tax.name}, {percent_words(tax.basis_points)}", amount=rupees_exact(tax.paise))
        for tax in books.taxes
    ]
    if books.taxes:
        rows.append(BillRow(words="To pay", amount=rupees_exact(books.total_paise), is_sum=True))
    return tuple(rows)


def _month_words(first: date) -> str:
    return f"{calendar.month_name[first.month]} {first.year}"


def stats(
    lines: tuple[ChargeLine, ...], month: Month, rescued: int, *, net_paise: int | None = None
) -> tuple[Stat, ...]:
    """Return the figures above: what is to be paid, for how many messages, and for how many rescued orders.

    Args:
        lines: What the messages came to.
        month: Of which month.
        rescued: How many orders were rescued in it.
        net_paise: What the month comes to with its corrections; None for the lines alone.
    """
    totals = Totals.of(lines)
    shared = Totals.of(tuple(line for line in lines if line.account_owner == "eshopbox"))
    is_known = rescued > 0 and bool(shared.messages)
    per_order = rupees_exact(round(totals.charged_paise / rescued)) if is_known else "–"
    return (
        Stat(
            label="To pay, before GST",
            figure=rupees_exact(totals.charged_paise if net_paise is None else net_paise),
            note=month.days,
        ),
        Stat(
            label="Charged messages",
            figure=count_words(totals.charged),
            note=f"of {count_words(totals.accepted)} accepted",
        ),
        Stat(
            label="Not charged",
            figure=count_words(shared.not_charged),
            note="through the Eshopbox account",
        ),
        Stat(
            label="Per rescued order",
            figure=per_order,
            note=f"{count_words(rescued)} rescued" if rescued else "None rescued yet",
        ),
    )


def statements(
    lines: tuple[ChargeLine, ...], known: dict[str, AppAccount | None], month: Month
) -> tuple[Statement, ...]:
    """Return a statement for each account.

    Args:
        lines: What the messages came to.
        known: The accounts, by id; None for one that is not there any more.
        month: Of which month.
    """
    found: list[Statement] = []
    for account_id in dict.fromkeys(line.account_id for line in lines):
        of_account = tuple(line for line in lines if line.account_id == account_id)
        is_shared = of_account[0].account_owner == "eshopbox"
        account = known[account_id]
        number = phone_words(account.phone) if account is not None else "No longer connected"
        found.append(
            Statement(
                id=f"statement-{len(found) + 1}",
                title=f"Statement, {month.days} {month.first.year}" if is_shared else "Your own account",
                lead=f"Eshopbox account, {number}"
                if is_shared
                else f"{number}. Gupshup bills these to you; shown for your records.",
                is_charged=is_shared,
                rows=tuple(
                    _row(purpose_words(line.event, line.purpose), line, _price(line)) for line in of_account
                ),
                total=_row("Total before GST" if is_shared else "Total", Totals.of(of_account), ""),
            )
        )
    return tuple(found)


def _row(name: str, line: ChargeLine | Totals, price: str) -> Row:
    return Row(
        name=name,
        accepted=count_words(line.accepted),
        delivered=count_words(line.delivered),
        read=count_words(line.read),
        failed=count_words(line.failed),
        price=price,
        charged=rupees_exact(line.charged_paise),
    )


def _price(line: ChargeLine) -> str:
    if line.lowest_paise is None or line.highest_paise is None:
        return "–"
    low, high = rupees_exact(line.lowest_paise), rupees_exact(line.highest_paise)
    return low if low == high else f"{low} to {high}"


def purpose_words(event: str, purpose: str) -> str:
    """Return what a message was for: the notification, or what came of it."""
    entry = find_event(event)
    title = entry.title if entry is not None else event.replace("_", " ").capitalize()
    words = _PURPOSES.get(purpose)
    inside = title if title.isupper() else title[:1].lower() + title[1:]
    return words.format(event=inside) if words else title


def exempt_words(found: tuple[Exempt, ...]) -> tuple[tuple[str, str], ...]:
    """Return why messages were not charged, as pairs of words and count, most first."""
    counts: Counter[str] = Counter()
    for each in found:
        counts[failure_words(each.code) or each.reason or _WHY[each.why]] += each.messages
    return tuple((words, count_words(count)) for words, count in counts.most_common())


def price_rows(
    prices: tuple[Price, ...], accepted: tuple[Acceptance, ...], *, now: datetime, zone: ZoneInfo
) -> tuple[PriceRow, ...]:
    """Return prices, each with who accepted it."""
    today = local_date(now, zone)
    return tuple(
        PriceRow(
            words=price.category.capitalize(),
            since=plain_day(local_date(price.valid_from, zone), today=today),
            accepted=tuple(
                _accepted(each, zone, today)
                for each in accepted
                if (each.category, each.price_paise) == (price.category, price.price_paise)
            ),
            price=rupees_exact(price.price_paise),
        )
        for price in prices
    )


def _accepted(acceptance: Acceptance, zone: ZoneInfo, today: date) -> str:
    who = acceptance.person.partition(" <")[0]
    when = plain_day(local_date(acceptance.accepted_at, zone), today=today)
    return f"{purpose_words(acceptance.event, '')}: accepted by {who}, {when}, {clock(acceptance.accepted_at, zone)}"
