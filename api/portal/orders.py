"""The list of orders with a failed delivery: whose turn it is, what happened last, how much time is left (R6.11).

A search is part of the address like every filter, so that one can go back to it; our logs leave queries out (S19).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal.order_activity import Known, entries_of
from api.portal.order_entries import CASE_CLOSED
from api.portal.order_words import stand_badge
from api.portal.pages import render
from api.portal.parts import Entry, Tab, Tone
from api.portal.visits import Seller, Visit, not_found
from db import cases, orders, timeline
from db.cases import BadCursor
from db.orders import OrderRow, Wanted
from db.session import Session
from db.standing import Tab as Stand
from db.timeline import TimelineEntry
from domain.case_state import CaseFacts
from domain.failures import Reason
from domain.formats import count_words, duration_words, local_date, moment, phone_words
from domain.seller_words import reason_title

__all__ = ["order_url", "router"]

router = APIRouter(prefix="/orders")

_TABS: Final[dict[Stand, str]] = {
    Stand.WAITING: "Waiting for you",
    Stand.CUSTOMER: "With the customer",
    Stand.IN_HAND: "In hand",
    Stand.DELIVERED: "Delivered",
    Stand.NOT_DELIVERED: "Not delivered",
    Stand.ALL: "All",
}
_EMPTY: Final[dict[Stand, tuple[str, str]]] = {
    Stand.WAITING: (
        "Nothing waits for you",
        "Orders come here when a customer asks for you or a case is handed over.",
    ),
    Stand.CUSTOMER: ("Nobody is being asked", "Orders stand here while their customer decides."),
    Stand.IN_HAND: ("Nothing is in hand", "Orders stand here once the courier accepted what was asked for."),
    Stand.DELIVERED: (
        "Nothing delivered yet",
        "Orders come here when a parcel reached its customer after all.",
    ),
    Stand.NOT_DELIVERED: ("Nothing was lost", "Orders come here when a parcel did not reach its customer."),
    Stand.ALL: ("No failed deliveries", "An order appears here when one of its delivery attempts fails."),
}
_PERIODS: Final[dict[str, tuple[str, int]]] = {
    "7": ("Last 7 days", 7),
    "30": ("Last 30 days", 30),
    "90": ("Last 90 days", 90),
    "all": ("Any time", 400),
}
_USUAL_PERIOD: Final = "30"
_PAGE: Final = 25
_BELOW: Final = 5
_SOON: Final = timedelta(hours=2)
_LONGEST_SAID: Final = 80
_LONGEST_QUESTION: Final = 100


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of the list.

    Attributes:
        time_label: What the last column says: "Time left" or "Ended".
        is_soon: Whether less than two hours are left.
        is_over: Whether the deadline has passed.
    """

    order_id: str
    href: str
    customer: str
    phone: str
    reason: str
    courier: str
    badge: str
    tone: Tone
    last: str
    last_when: str
    time_label: str
    time: str
    until: str
    is_soon: bool = False
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class OrdersPage:
    """The list of orders.

    Attributes:
        question: What is searched for.
        reasons: Pairs for the choice of a reason; likewise couriers and periods.
        keep_tab: The list that a further search stays in; empty for the usual one.
        caption: What the table holds.
        empty: Title, text, address and words of the way on, where there is no order.
        below: A few of those with the customer, beneath what waits for the seller; and how many there are.
    """

    question: str
    reason: str
    courier: str
    period: str
    reasons: tuple[tuple[str, str], ...]
    couriers: tuple[tuple[str, str], ...]
    periods: tuple[tuple[str, str], ...]
    keep_tab: str
    tabs: tuple[Tab, ...]
    caption: str
    rows: tuple[OrderLine, ...]
    empty: tuple[str, str, str, str]
    pages: str
    newest: str
    older: str
    below: tuple[OrderLine, ...] = ()
    below_count: int = 0
    below_href: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for."""

    question: str = field(repr=False)
    reason: str
    courier: str
    period: str
    tab: Stand
    after: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "_Asked":
        question = query.get("q", "").strip()[:_LONGEST_QUESTION]
        reason, period = query.get("reason", ""), query.get("period", "")
        courier = query.get("courier", "")[:_LONGEST_QUESTION]
        # Who searches wants to find it, wherever it stands; who comes along sees what waits.
        usual = Stand.ALL if question or reason or courier else Stand.WAITING
        tab = query.get("tab", "")
        return cls(
            question=question,
            reason=reason if reason in set(Reason) else "",
            courier=courier,
            period=period if period in _PERIODS else _USUAL_PERIOD,
            tab=Stand(tab) if tab in {each.value for each in _TABS} else usual,
            after=query.get("after", "")[:300],
        )

    @property
    def is_narrow(self) -> bool:
        """Whether not every order is asked for."""
        return bool(self.question or self.reason or self.courier)

    def wanted(self, now: datetime) -> Wanted:
        """Return it as the database takes it."""
        since = now - timedelta(days=_PERIODS[self.period][1])
        return Wanted(text=self.question, reason=self.reason, courier=self.courier, since=since)

    def url(self, **changes: str) -> str:
        """Return the address of another list or page of the same search."""
        values = {
            "tab": self.tab.value,
            "q": self.question,
            "reason": self.reason,
            "courier": self.courier,
            "period": "" if self.period == _USUAL_PERIOD else self.period,
            **changes,
        }
        said = urlencode({name: value for name, value in values.items() if value})
        return f"/orders?{said}" if said else "/orders"


def order_url(order_id: str, more: str = "") -> str:
    """Return the address of an order's page; order numbers may hold anything."""
    return f"/orders/{quote(order_id, safe='')}{more}"


@router.get("")
async def orders_page(visit: Seller) -> Response:
    """Show the orders that are asked for."""
    asked = _Asked.of(visit.request.query_params)
    resources, zone = visit.services.resources, ZoneInfo(visit.workspace.policy.timezone)
    wanted = asked.wanted(visit.now)
    async with resources.database.transaction(visit.workspace_id) as session:
        counts = await orders.count_orders(
            session, resources.cipher, visit.workspace_id, wanted=wanted, now=visit.now
        )
        try:
            found, following = await orders.find_orders(
                session,
                resources.cipher,
                visit.workspace_id,
                tab=asked.tab,
                wanted=wanted,
                now=visit.now,
                after=asked.after or None,
                limit=_PAGE,
            )
        except BadCursor:
            raise not_found() from None
        has_below = asked.tab is Stand.WAITING and not asked.after and bool(counts[Stand.CUSTOMER])
        below: tuple[OrderRow, ...] = ()
        if has_below:
            below, _ = await orders.find_orders(
                session,
                resources.cipher,
                visit.workspace_id,
                tab=Stand.CUSTOMER,
                wanted=wanted,
                now=visit.now,
                limit=_BELOW,
            )
        couriers = await orders.list_couriers(
            session, visit.workspace_id, since=visit.now - timedelta(days=_PERIODS["all"][1])
        )
        lines = await _lines(session, visit, (*found, *below), zone)
    page = OrdersPage(
        question=asked.question,
        reason=asked.reason,
        courier=asked.courier,
        period=asked.period,
        reasons=(("", "All reasons"), *((reason.value, reason_title(reason)) for reason in Reason)),
        couriers=(("", "All couriers"), *((name, name) for name in couriers)),
        periods=tuple((key, words) for key, (words, _) in _PERIODS.items()),
        keep_tab=asked.tab.value if asked.tab is not Stand.WAITING else "",
        tabs=tuple(
            Tab(
                words=words,
                href=asked.url(tab=stand.value),
                count=counts[stand],
                current=stand is asked.tab,
            )
            for stand, words in _TABS.items()
        ),
        caption=_caption(asked.tab),
        rows=lines[: len(found)],
        empty=_empty(asked, counts),
        pages=_pages(len(found), counts[asked.tab], is_first=not asked.after),
        newest=asked.url() if asked.after else "",
        older=asked.url(after=following) if following else "",
        below=lines[len(found) :],
        below_count=counts[Stand.CUSTOMER],
        below_href=asked.url(tab=Stand.CUSTOMER.value),
    )
    return await render(visit, "orders.html", page, current="orders")


def _caption(tab: Stand) -> str:
    if tab is Stand.WAITING:
        return "Orders waiting for you, those with the least time first"
    return f"Orders, {_TABS[tab].lower()}, the newest first"


def _pages(shown: int, count: int, *, is_first: bool) -> str:
    if is_first:
        return f"1 to {shown} of {count_words(count)}" if shown < count else f"{count_words(count)} in all"
    return f"{shown} of {count_words(count)}"


def _empty(asked: _Asked, counts: Mapping[Stand, int]) -> tuple[str, str, str, str]:
    """Return what stands where no order does, and the way on."""
    if asked.is_narrow and counts[Stand.ALL]:
        is_one = counts[Stand.ALL] == 1
        where = "One order elsewhere does." if is_one else f"{counts[Stand.ALL]} orders elsewhere do."
        return (
            f"Nothing here matches {_what(asked)}",
            where,
            asked.url(tab=Stand.ALL.value),
            "Look in all orders",
        )
    if asked.is_narrow and asked.period != "all":
        text = (
            f"Not in this time: {_PERIODS[asked.period][0].lower()}. Check the number, or look further back."
        )
        return f"Nothing matches {_what(asked)}", text, asked.url(period="all", tab=""), "Look at any time"
    if asked.is_narrow:
        text = "Check the number. Only orders with a failed delivery are listed here."
        return f"Nothing matches {_what(asked)}", text, "/orders", "Clear the search"
    title, text = _EMPTY[Stand.ALL if not counts[Stand.ALL] else asked.tab]
    return title, text, "", ""


def _what(asked: _Asked) -> str:
    return f"“{asked.question}”" if asked.question else "this choice"


async def _lines(
    session: Session, visit: Visit, rows: tuple[OrderRow, ...], zone: ZoneInfo
) -> tuple[OrderLine, ...]:
    """Return rows as the page shows them; the personal parts of these alone are opened."""
    cipher, workspace_id = visit.services.resources.cipher, visit.workspace_id
    facts = await cases.list_facts(session, cipher, workspace_id, {row.case_id for row in rows})
    latest = await timeline.list_latest(session, cipher, workspace_id, {row.order_id for row in rows})
    return tuple(
        _line(row, facts[row.case_id], latest.get(row.order_id), zone=zone, now=visit.now) for row in rows
    )


def _line(
    row: OrderRow, facts: CaseFacts, latest: TimelineEntry | None, *, zone: ZoneInfo, now: datetime
) -> OrderLine:
    failure = facts.failure
    words, tone = stand_badge(row, today=local_date(now, zone))
    last, last_when = _last(latest, failure.customer_name, zone=zone, now=now)
    line = OrderLine(
        order_id=row.order_id,
        href=order_url(row.order_id),
        customer=failure.customer_name or "No name on the order",
        phone=phone_words(failure.customer_phone) if failure.customer_phone else "No phone",
        reason=reason_title(row.reason),
        courier=", ".join(filter(None, (row.courier_name, f"attempt {row.attempt}"))),
        badge=words,
        tone=tone,
        last=last,
        last_when=last_when,
        time_label="Ended",
        time="Ended",
        until=moment(row.ended_at or now, now=now, zone=zone),
    )
    if row.ended_at is not None and row.stand != Stand.WAITING:
        return line
    left = row.deadline_at - now
    return replace(
        line,
        time_label="Time left",
        time=duration_words(left) if left > timedelta() else "None",
        until=moment(row.deadline_at, now=now, zone=zone),
        is_soon=timedelta() < left < _SOON,
        is_over=left <= timedelta(),
    )


def _last(latest: TimelineEntry | None, customer: str, *, zone: ZoneInfo, now: datetime) -> tuple[str, str]:
    """Return what happened to an order last, in one line, and when."""
    if latest is None:
        return "Nothing yet", ""
    known = Known(cases={}, asked=(), messages={}, owners={}, customer=customer, zone=zone, now=now)
    shown = entries_of((latest,), known)
    if not shown:
        return "Nothing yet", ""
    at, entry = shown[0]
    return _short(entry), moment(at, now=now, zone=zone)


def _short(entry: Entry) -> str:
    said = next(
        (words for message in entry.messages for words in message.paragraphs if isinstance(words, str)), ""
    )
    if entry.kind == "reply" and said and entry.rest == "wrote":
        return f"{entry.what}: “{said if len(said) <= _LONGEST_SAID else said[:_LONGEST_SAID] + '…'}”"
    line = " ".join(filter(None, (entry.what, entry.rest)))
    if entry.answer:
        return f"{line}: {entry.answer[0].lower()}{entry.answer[1:]}"
    if entry.ticks is not None:
        return f"{line}, {entry.ticks[1][0].lower()}{entry.ticks[1][1:]}"
    if entry.facts and (entry.kind == "handed_over" or entry.what == CASE_CLOSED):
        return entry.facts[0]
    return f"{line}: {entry.facts[0]}" if entry.facts and entry.kind in ("not_sent", "automatic") else line
