"""The rate card: what a message through the shared account costs, from when on, and what it cost before (R5.4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from api.portal.forms import FieldError, Form
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.staff import ask_password, moment_words, record, zone_of
from api.portal.visits import FieldsNow, Staff, Visit
from db import billing
from domain.billing import Rate, Window, rate_in_force
from domain.formats import count_words, local_date, rupees_exact

__all__ = ["router"]

router = APIRouter(prefix="/ops/rates")

_CATEGORIES: Final = {
    "utility": ("Utility", "Notifications about an order, failed delivery included"),
    "marketing": ("Marketing", "Templates that WhatsApp takes for advertising"),
    "authentication": ("Authentication", "One-time codes; not sent by us today"),
    "service": ("Service", "Answers within 24 hours of the customer’s last message"),
}
"""WhatsApp's categories, as they are called on pages and what each is."""

_PRICE: Final = re.compile(r"₹?\s*(\d{1,3})(?:[.,](\d{1,2}))?")
_MOST_PAISE: Final = 100_00
"""A message costs less than this everywhere: more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category's price: now, and the next one that is announced."""

    name: str
    about: str
    price: str
    since: str
    coming: str


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price of the history."""

    category: str
    price: str
    since: str
    state: str
    tone: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesPage:
    """The page.

    Attributes:
        categories: What each costs now.
        history: Every price, newest first.
        choices: Pairs of a category and its name.
        category: As it was chosen.
        price: As it was entered.
        starts: "now" or "later".
        on: The day, as it was entered.
        earliest: The first day that can be chosen.
        errors: What is wrong with the form.
    """

    categories: tuple[CategoryRow, ...]
    history: tuple[PriceRow, ...]
    choices: tuple[tuple[str, str], ...]
    category: str = "utility"
    price: str = ""
    starts: str = "now"
    on: str = ""
    earliest: str = ""
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def rates_page(visit: Staff) -> Response:
    """Show the rate card."""
    return await _page(visit, None)


@router.post("")
async def set_rate(visit: Staff, fields: FieldsNow) -> Response:
    """Set a price from now or from a day on; messages that were sent keep theirs."""
    fields.only("category", "price", "starts", "on")
    if asked := ask_password(visit, "/ops/rates"):
        return asked
    category = fields.text("category")
    paise, errors = _read_price(fields.text("price", longest=40))
    valid_from, more = _read_start(visit, fields)
    errors += more
    if category not in _CATEGORIES:
        errors = (FieldError("category", "Choose a category"), *errors)
    if errors or paise is None:
        return await _page(visit, fields, *errors)

    async def act() -> Response:
        words = f"{rupees_exact(paise)} from {_start_words(visit, valid_from)}"
        # The rate card is of no workspace.
        async with visit.services.resources.database.transaction() as session:
            await billing.set_price(session, category, paise, valid_from=valid_from)
            await record(session, visit, "rate.set", subject=category, detail=words)
        name = _CATEGORIES[category][0]
        return see_other(
            visit,
            "/ops/rates",
            Toast(f"{name} messages cost {words}.", "Messages that were sent before keep their price."),
        )

    return await once(visit, fields, act)


async def _page(visit: Visit, fields: Form | None, *errors: FieldError) -> Response:
    # The rate card is of no workspace.
    async with visit.services.resources.database.transaction() as session:
        rates = await billing.list_rates(session)
    entered = {
        name: fields.text(name)
        for name in ("category", "price", "starts", "on")
        if fields and fields.has(name)
    }
    page = RatesPage(
        categories=tuple(_category_row(visit, key, rates) for key in _CATEGORIES),
        history=tuple(_price_row(visit, rate, rates) for rate in rates),
        choices=tuple((key, name) for key, (name, _) in _CATEGORIES.items()),
        earliest=local_date(visit.now, zone_of(visit)).isoformat(),
        errors=errors,
        **entered,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(visit, "ops_rates.html", page, current="ops_rates", status=status)


def _read_price(said: str) -> tuple[int | None, tuple[FieldError, ...]]:
    """Return a price in paise, or what is wrong with it."""
    if not said:
        return None, (FieldError("price", "Enter a price in rupees, for example 0.35"),)
    found = _PRICE.fullmatch(said)
    if found is None:
        return None, (FieldError("price", "Enter rupees with at most two decimals, for example 0.35"),)
    paise = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    if paise >= _MOST_PAISE:
        return None, (
            FieldError("price", f"Enter less than {rupees_exact(_MOST_PAISE)}. No message costs that much."),
        )
    return paise, ()


def _read_start(visit: Visit, fields: Form) -> tuple[datetime, tuple[FieldError, ...]]:
    """Return from when a price is to count, or what is wrong with it."""
    if fields.text("starts") != "later":
        return visit.now, ()
    try:
        on = date.fromisoformat(fields.text("on"))
    except ValueError:
        return visit.now, (FieldError("on", "Enter a day"),)
    start = datetime.combine(on, time(), zone_of(visit))
    if start <= visit.now:
        return visit.now, (
            FieldError(
                "on", "Choose a day after today. A price cannot begin in the past; choose “now” for today."
            ),
        )
    return start, ()


def _start_words(visit: Visit, at: datetime) -> str:
    return "now on" if at == visit.now else f"{moment_words(visit, at)} on"


def _in_force(
    visit: Visit, category: str, rates: Iterable[Rate], *, is_inside_window: bool = False
) -> Rate | None:
    """Return the rate that counts now, for customers who did not write lately unless told otherwise."""
    return rate_in_force(rates, category, is_inside_window=is_inside_window, at=visit.now)


def _scope(rate: Rate) -> str:
    """Say for which messages a rate is, where that is not all of them."""
    parts = []
    if rate.window is not Window.ANY:
        parts.append(
            f"customer {'wrote' if rate.window is Window.OPEN else 'did not write'} in the 24 h before"
        )
    if rate.free_monthly:
        parts.append(f"first {count_words(rate.free_monthly)} of a month free")
    parts += [
        f"{rupees_exact(tier.price_paise)} above {count_words(tier.above)} in a month" for tier in rate.tiers
    ]
    return ", ".join(parts)


def _category_row(visit: Visit, category: str, rates: tuple[Rate, ...]) -> CategoryRow:
    name, about = _CATEGORIES[category]
    now = _in_force(visit, category, rates)
    coming = [rate for rate in rates if rate.category == category and rate.valid_from > visit.now]
    following = coming[-1] if coming else None
    return CategoryRow(
        name=name,
        about=about,
        price=rupees_exact(now.price_paise) if now else "No price",
        since=moment_words(visit, now.valid_from) if now else "Nothing of it is sent",
        coming=f"{rupees_exact(following.price_paise)} from {moment_words(visit, following.valid_from)}"
        if following
        else "–",
    )


def _price_row(visit: Visit, rate: Rate, rates: tuple[Rate, ...]) -> PriceRow:
    if rate.valid_from > visit.now:
        state, tone = "Announced", "info"
    elif rate in (
        _in_force(visit, rate.category, rates, is_inside_window=inside) for inside in (False, True)
    ):
        state, tone = "In force", "ok"
    else:
        state, tone = "Past", ""
    name, _ = _CATEGORIES.get(rate.category, (rate.category, ""))
    return PriceRow(
        name, rupees_exact(rate.price_paise), moment_words(visit, rate.valid_from), state, tone, _scope(rate)
    )
