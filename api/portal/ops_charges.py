"""Charges as staff read them: what every workspace's month comes to, and where Gupshup's bill differs (R5.4)."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Response

from api.portal.pages import render
from api.portal.parts import Stat
from api.portal.staff import moment_words, zone_of
from api.portal.visits import Staff, Visit, not_found
from db import accounts, reconciliation, statements, workspaces
from db.reconciliation import Comparison, Difference, Differs
from db.statements import MonthRow
from domain.billing import month_of, next_month
from domain.formats import count_words, local_date, plain_day, rupees_exact

__all__ = ["router"]

router = APIRouter(prefix="/ops/charges")

_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_MONTHS_BACK: Final = 12
_ROWS: Final = 20
_WORDS: Final = {
    Differs.UNKNOWN: "Nobody knows whether Gupshup took it",
    Differs.THEIRS_ONLY: "Billed, and none of our messages",
    Differs.OURS_ONLY: "Accepted, and not billed",
    Differs.CATEGORY: "Billed as another category",
    Differs.CHARGE: "Charged and not billed, or the reverse",
}
_TONES: Final = {Differs.THEIRS_ONLY: "bad", Differs.CHARGE: "bad", Differs.OURS_ONLY: ""}


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """What a workspace's month comes to."""

    href: str
    name: str
    accepted: str
    messages: str
    booked: str
    net: str
    stands: str
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """Something to look into."""

    words: str
    tone: str
    what: str
    note: str
    ours: str
    billed: str
    charged: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargesPage:
    """The page.

    Attributes:
        months: To choose from, as pairs of value and words.
        month: The chosen one.
        month_words: Its name.
        stats: Its figures.
        rows: The workspaces, the dearest first.
        differences: What differs, way by way.
        words: How many are shown of how many.
        hours: How long Gupshup may take to bill a message.
    """

    months: tuple[tuple[str, str], ...]
    month: str
    month_words: str
    stats: tuple[Stat, ...]
    rows: tuple[WorkspaceRow, ...]
    differences: tuple[DifferenceRow, ...]
    words: str
    hours: int


@router.get("")
async def charges_page(visit: Staff, month: str = "") -> Response:
    """Show a month of every workspace, and what Gupshup billed differently in it."""
    first = _read_month(visit, month)
    zone = zone_of(visit)
    hours = visit.services.resources.settings.reconciled_after_hours
    since, until = (datetime(day.year, day.month, 1, tzinfo=zone) for day in (first, next_month(first)))
    # Staff see every workspace's charges: no transaction of one workspace could.
    async with visit.services.resources.database.transaction() as session:
        found = await statements.list_of_all_workspaces(session, first)
        names = {known.id: known.name for known in await workspaces.list_workspaces(session)}
        shared = await accounts.find_shared_account(session)
        comparison = await reconciliation.compare(
            session, since=since, until=until, now=visit.now, after=timedelta(hours=hours)
        )
        differences = await reconciliation.list_differences(
            session, since=since, until=until, now=visit.now, after=timedelta(hours=hours), limit=_ROWS
        )
    differing = sum(comparison.differing.values())
    page = ChargesPage(
        months=_months(visit),
        month=f"{first:%Y-%m}",
        month_words=_month_words(first),
        stats=_stats(found, comparison),
        rows=tuple(_workspace_row(visit, row, names) for row in found),
        differences=tuple(
            _difference_row(visit, one, shared.app_name if shared else "") for one in differences
        ),
        words=f"{count_words(len(differences))} of {count_words(differing)}"
        if len(differences) < differing
        else count_words(differing),
        hours=hours,
    )
    return await render(visit, "ops_charges.html", page, current="ops_charges")


def _read_month(visit: Visit, asked: str) -> date:
    """Return the first day of the month that is asked for.

    Raises:
        Problem: 404 for what is no month.
    """
    if not asked:
        return month_of(visit.now, zone_of(visit))
    found = _MONTH.fullmatch(asked)
    if found is None:
        raise not_found()
    return date(int(found[1]), int(found[2]), 1)


def _months(visit: Visit) -> tuple[tuple[str, str], ...]:
    this = month_of(visit.now, zone_of(visit))
    number = this.year * 12 + this.month - 1
    firsts = [date(back // 12, back % 12 + 1, 1) for back in range(number, number - _MONTHS_BACK, -1)]
    return tuple(
        (f"{first:%Y-%m}", f"{_month_words(first)}{', so far' if first == this else ''}") for first in firsts
    )


def _month_words(first: date) -> str:
    return f"{calendar.month_name[first.month]} {first.year}"


def _stats(rows: tuple[MonthRow, ...], comparison: Comparison) -> tuple[Stat, ...]:
    closed = sum(row.closed_at is not None for row in rows)
    return (
        Stat(
            label="All workspaces, before taxes",
            figure=rupees_exact(sum(row.net_paise for row in rows)),
            note=f"{count_words(len(rows))} workspaces",
        ),
        Stat(label="Closed statements", figure=count_words(closed), note=f"of {count_words(len(rows))}"),
        Stat(label="Agree with Gupshup's bill", figure=count_words(comparison.matched), note="messages"),
        Stat(
            label="Differ", figure=count_words(sum(comparison.differing.values())), note="messages and bills"
        ),
    )


def _workspace_row(visit: Visit, row: MonthRow, names: dict[str, str]) -> WorkspaceRow:
    today = local_date(visit.now, zone_of(visit))
    closed = row.closed_at and plain_day(local_date(row.closed_at, zone_of(visit)), today=today)
    return WorkspaceRow(
        href=f"/ops/workspaces/{row.workspace_id}",
        name=names.get(row.workspace_id, row.workspace_id),
        accepted=count_words(row.accepted),
        messages=rupees_exact(row.counted_paise),
        booked=rupees_exact(row.adjusted_paise),
        net=rupees_exact(row.net_paise),
        stands="Closed" if closed else "Open",
        tone="ok" if closed else "",
        note=f"{closed}, taxes {rupees_exact(row.tax_paise or 0)}" if closed else "",
    )


def _difference_row(visit: Visit, one: Difference, app_name: str) -> DifferenceRow:
    bill = {True: "Billed", False: "Not billed", None: "Nothing heard"}[one.is_billed]
    category = f" as {one.billed_category}" if one.billed_category else ""
    return DifferenceRow(
        words=_WORDS[one.differs],
        tone=_TONES.get(one.differs, "warn"),
        what=f"Order {one.order_id}" if one.order_id else f"Gupshup's id {one.gupshup_id or 'not given'}",
        note=one.workspace_id or app_name or one.account_id,
        ours=" · ".join(filter(None, (one.category, one.status))) or "–",
        billed=f"{bill}{category}",
        charged=rupees_exact(one.charged_paise),
        when=moment_words(visit, one.at),
    )
