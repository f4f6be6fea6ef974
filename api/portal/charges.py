"""Charges: a month's statement by notification and account, what was not charged and why, prices, and all of it as CSV."""

import calendar
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.errors import Problem
from api.portal import statements
from api.portal.pages import render
from api.portal.parts import Stat
from api.portal.sheets import sheet
from api.portal.statements import BillRow, Month, PriceRow, Statement, purpose_words
from api.portal.visits import Seller, Visit, not_found
from clients.gupshup.errors import failure_words
from db import acceptances, accounts, audit, billing, charges, insights
from db.acceptances import Acceptance
from db.accounts import AppAccount
from db.charges import ChargeRow
from db.session import NotFound, Session
from db.statements import Closed, get_statement
from domain.billing import closes_at
from domain.formats import iso, local_date, plain_day, rupees_exact
from domain.journey import UTILITY

__all__ = ["router"]

router = APIRouter(prefix="")

_OWNERS: Final = (("", "Both accounts"), ("eshopbox", "Eshopbox account"), ("client", "Your own account"))
_HEAD: Final = (
    *("Sent at", "Order", "Shipment", "Notification", "Kind", "Account", "Template", "Language", "Category"),
    *("Status", "Code", "Reason", "Price in rupees", "Charged in rupees", "Message"),
)
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_ANNOUNCED: Final = timedelta(days=366)  # prices of the year to come are shown as well


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargesPage:
    """The page.

    Attributes:
        months: To choose from, as pairs of value and words.
        month: The chosen one.
        month_words: Its name.
        owners: Accounts to choose from.
        owner: The chosen one.
        csv_href: Where the same is as CSV.
        stats: Its figures.
        statements: Its tables.
        bill: What it comes to with corrections and taxes; empty where there is nothing to pay for.
        bill_words: Whether that still changes.
        would_cost: What a message costs now, where there is none.
        exempt: Why messages were not charged, as pairs of words and count.
        prices: The prices that applied.
    """

    months: tuple[tuple[str, str], ...]
    month: str
    month_words: str
    owners: tuple[tuple[str, str], ...]
    owner: str
    csv_href: str
    stats: tuple[Stat, ...]
    statements: tuple[Statement, ...]
    bill: tuple[BillRow, ...]
    bill_words: str
    would_cost: str
    exempt: tuple[tuple[str, str], ...]
    prices: tuple[PriceRow, ...]


@router.get("/charges")
async def charges_page(visit: Seller) -> Response:
    """Show a month."""
    month, owner = _asked(visit)
    workspace_id = visit.workspace_id
    async with visit.services.resources.database.transaction(workspace_id) as session:
        months = await charges.list_months(session, workspace_id, visit.workspace.policy.timezone)
        books, closed = await get_statement(session, workspace_id, month.first)
        lines = books.lines
        exempt = await charges.list_exempt(session, workspace_id, since=month.since, until=month.until)
        prices = await charges.list_prices(session, workspace_id, until=visit.now + _ANNOUNCED)
        accepted = await _acceptances(session, workspace_id)
        known = {line.account_id: await _account(session, line.account_id) for line in lines}
        price_now = await _price_now(session, visit.now)
        scope = insights.Scope(since=month.since, until=month.until)
        rescued = (await insights.read_funnel(session, workspace_id, scope)).steps.rescued_in_all
    lines = tuple(line for line in lines if owner in ("", line.account_owner))
    exempt = tuple(each for each in exempt if owner in ("", each.account_owner))
    page = ChargesPage(
        months=_months(months, month),
        month=month.value,
        month_words=month.words,
        owners=_OWNERS,
        owner=owner,
        csv_href=f"/charges.csv?month={month.value}" + (f"&account={owner}" if owner else ""),
        stats=statements.stats(
            lines, month, rescued, net_paise=books.net_paise if owner != "client" else None
        ),
        statements=statements.statements(lines, known, month),
        bill=statements.bill(books) if owner != "client" and (books.lines or books.corrections) else (),
        bill_words=_bill_words(visit, month, closed),
        would_cost=rupees_exact(price_now) if price_now is not None else "",
        exempt=statements.exempt_words(exempt),
        prices=statements.price_rows(
            prices, accepted, now=visit.now, zone=ZoneInfo(visit.workspace.policy.timezone)
        ),
    )
    return await render(visit, "charges.html", page, current="charges")


@router.get("/charges.csv")
async def charges_file(visit: Seller) -> Response:
    """Send a month as CSV; who took it is recorded.

    Raises:
        Problem: 429 for more than a few in a minute.
    """
    month, owner = _asked(visit)
    again_at = visit.services.exports.take(str(visit.person.id), visit.now)
    if again_at is not None:
        wait = max(1, round((again_at - visit.now).total_seconds()))
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-exports",
            "Too many downloads",
            "You have taken five files in a minute. Wait a minute, then take the next one.",
            headers={"Retry-After": str(wait)},
        )
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await audit.add_record(
            session,
            visit.workspace_id,
            person=visit.by,
            action="charges.exported",
            subject=month.value,
            detail=dict(_OWNERS)[owner],
            now=visit.now,
        )
    name = re.sub(r"[^a-z0-9-]+", "-", f"charges-{visit.workspace_id}-{month.value}".lower())
    return sheet(f"{name}.csv", _HEAD, _batches(visit, month, owner))


async def _batches(visit: Visit, month: Month, owner: str) -> AsyncIterator[Iterable[tuple[str, ...]]]:
    zone = ZoneInfo(visit.workspace.policy.timezone)
    found = charges.each_row(
        visit.services.resources.database, visit.workspace_id, since=month.since, until=month.until
    )
    async for rows in found:
        yield [_cells(row, zone) for row in rows if owner in ("", row.account_owner)]


def _cells(row: ChargeRow, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        iso(row.sent_at, zone),
        row.order_id,
        row.shipment_id,
        purpose_words(row.event, row.purpose),
        "Template" if row.kind == "template" else "Answer in the conversation",
        "Eshopbox account" if row.account_owner == "eshopbox" else "Your own account",
        row.template_name,
        row.language,
        row.category,
        row.status.value,
        row.code,
        failure_words(row.code) or row.reason,
        _rupees(row.price_paise),
        _rupees(row.charged_paise),
        row.message_id,
    )


def _rupees(paise: int) -> str:
    """Return an amount as spreadsheets read it, without sign and grouping."""
    return f"{paise // 100}.{paise % 100:02d}"


def _asked(visit: Visit) -> tuple[Month, str]:
    """Return which month and whose account is asked for.

    Raises:
        Problem: 404 for what is no month or no account.
    """
    zone = ZoneInfo(visit.workspace.policy.timezone)
    today = local_date(visit.now, zone)
    asked, owner = (visit.request.query_params.get(name, "") for name in ("month", "account"))
    found = _MONTH.fullmatch(asked or f"{today:%Y-%m}")
    if found is None or owner not in dict(_OWNERS):
        raise not_found()
    first = date(int(found[1]), int(found[2]), 1)
    after = (first + timedelta(days=31)).replace(day=1)
    since, until = (datetime(day.year, day.month, 1, tzinfo=zone) for day in (first, after))
    return Month(first=first, since=since, until=until, today=today), owner


def _months(found: tuple[date, ...], month: Month) -> tuple[tuple[str, str], ...]:
    firsts = sorted({*found, month.first, month.today.replace(day=1)}, reverse=True)
    return tuple(
        (
            f"{first:%Y-%m}",
            f"{calendar.month_name[first.month]} {first.year}"
            + (", so far" if first == month.today.replace(day=1) else ""),
        )
        for first in firsts
    )


def _bill_words(visit: Visit, month: Month, closed: Closed | None) -> str:
    """Say whether a month's bill still changes."""
    zone = ZoneInfo(visit.workspace.policy.timezone)
    if closed is not None:
        on = plain_day(local_date(closed.closed_at, zone), today=month.today)
        return f"Closed on {on}. It does not change any more: what comes later stands in a later month."
    closes = closes_at(month.first, zone, days=visit.services.resources.settings.statement_days)
    on = plain_day(local_date(closes, zone), today=month.today)
    return f"It still changes: messages can fail after they were sent. It is closed on {on} or soon after."


async def _acceptances(session: Session, workspace_id: str) -> tuple[Acceptance, ...]:
    shared = await accounts.find_shared_account(session)
    if shared is None:
        return ()
    return await acceptances.list_acceptances(session, workspace_id, shared.id)


async def _account(session: Session, account_id: str) -> AppAccount | None:
    try:
        return await accounts.get_account(session, account_id)
    except NotFound:
        return None


async def _price_now(session: Session, now: datetime) -> int | None:
    try:
        return await billing.find_price(session, UTILITY.lower(), now)
    except billing.NoPrice:
        return None
