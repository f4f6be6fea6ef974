"""Insights: what became of failed deliveries, as pictures with the same figures in a table beneath each."""

from calendar import month_name
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal.pages import render
from api.portal.parts import Bar, Column, Stat
from api.portal.visits import Seller
from db import insights, installations
from db.insights import AnswerTimes, Funnel, Part, Refusals, Scope, Steps
from domain.formats import count_words, duration_words, local_date, percent
from domain.seller_words import action_title, reason_title

__all__ = ["router"]

router = APIRouter()

_PERIODS: Final = {"7": "Last 7 days", "30": "Last 30 days", "90": "Last 90 days"}
_USUAL_PERIOD: Final = "30"
_ENOUGH: Final = 20
"""Of fewer cases a percentage says more than is known."""

_PINCODE_DIGITS: Final = 6
_LONGEST_NAME: Final = 100
_PARTS: Final = 8

_STEPS: Final = (
    ("failed", "Failed", ""),
    ("messaged", "Messaged", ""),
    ("delivered", "Delivered", "on WhatsApp"),
    ("read", "Read", ""),
    ("answered", "Answered", ""),
    ("accepted", "Action accepted", "by the courier"),
    ("rescued", "Parcel delivered", ""),
)

# The label under a column, and the words for who cannot see it.
_BUCKETS: Final = (
    ("< 5 min", "Under 5 minutes"),
    ("5–15", "5 to 15 minutes"),
    ("15–60", "15 to 60 minutes"),
    ("1–4 h", "1 to 4 hours"),
    ("4–8", "4 to 8 hours"),
    ("8–16", "8 to 16 hours"),
    ("later", "Later"),
)

Table = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved: a word, and whether that is good."""

    words: str
    rest: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The rescues of the parts of all failed deliveries: as bars, and as a table."""

    title: str
    key: str
    heading: str
    bars: tuple[Bar, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """What a courier refused, and how often."""

    courier: str
    action: str
    answer: str
    orders: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage:
    """The page.

    Attributes:
        lead: Of which time.
        period: The one that is chosen.
        periods: Pairs of value and words.
        courier: The one that is chosen; empty for all.
        couriers: Pairs of value and words.
        pincode: How the pincodes begin that are counted.
        is_narrowed: Whether a courier or pincode is chosen.
        is_installed: Whether an account sends for this workspace.
        is_empty: Whether there is nothing to count.
        is_few: Whether there is too little for percentages.
        rescued: The share rescued.
        change: How it moved; None where there is nothing to compare with.
        stats: The other figures at the top.
        steps: The way from failed to delivered.
        steps_lead: What it shows, in a sentence.
        steps_foot: What it leaves out; empty where it leaves out nothing.
        steps_table: The same as a table.
        breakdowns: By reason, by courier, by pincode.
        answers: How long answers took.
        answers_lead: The same in a sentence.
        answers_table: The same as a table.
        refusals: What couriers refused, the most frequent first.
    """

    lead: str
    period: str
    periods: tuple[tuple[str, str], ...]
    courier: str
    couriers: tuple[tuple[str, str], ...]
    pincode: str
    is_narrowed: bool
    is_installed: bool
    is_empty: bool
    is_few: bool
    rescued: Stat
    change: Change | None
    stats: tuple[Stat, ...]
    steps: tuple[Bar, ...]
    steps_lead: str
    steps_foot: str
    steps_table: Table
    breakdowns: tuple[Breakdown, ...]
    answers: tuple[Column, ...]
    answers_lead: str
    answers_table: Table
    refusals: tuple[RefusalRow, ...]


@router.get("/insights")
async def insights_page(
    visit: Seller, period: str = _USUAL_PERIOD, courier: str = "", pincode: str = ""
) -> Response:
    """Show what became of failed deliveries."""
    period = period if period in _PERIODS else _USUAL_PERIOD
    courier = "".join(sign for sign in courier if sign.isprintable())[:_LONGEST_NAME]
    pincode = "".join(sign for sign in pincode if sign in "0123456789")[:_PINCODE_DIGITS]
    zone, days = ZoneInfo(visit.workspace.policy.timezone), int(period)
    first = local_date(visit.now, zone) - timedelta(days=days - 1)
    since, until = _midnight(first, zone), visit.now
    scope = Scope(since=since, until=until, courier=courier, pincode=pincode)
    # As long as this one so far: today is not over, and neither is the last day compared with.
    before = Scope(
        since=since - timedelta(days=days),
        until=until - timedelta(days=days),
        courier=courier,
        pincode=pincode,
    )
    workspace_id = visit.workspace_id
    async with visit.services.resources.database.transaction(workspace_id) as session:
        funnel = await insights.read_funnel(session, workspace_id, scope, parts=_PARTS)
        former = await insights.read_funnel(session, workspace_id, before, parts=0)
        times = await insights.read_answer_times(session, workspace_id, scope)
        refusals = await insights.read_refusals(session, workspace_id, scope, limit=10)
        # The choice of couriers does not shrink to the one that is chosen.
        everything = await insights.read_funnel(
            session, workspace_id, Scope(since=since, until=until), parts=50
        )
        sender = await installations.find_sender(session, workspace_id)
    names = {part.name for part in everything.by_courier if part.name} | ({courier} if courier else set())
    steps = funnel.steps
    page = InsightsPage(
        lead=f"What became of failed deliveries, {_period_words(first, local_date(until, zone))}.",
        period=period,
        periods=tuple(_PERIODS.items()),
        courier=courier,
        couriers=(("", "All couriers"), *((name, name) for name in sorted(names))),
        pincode=pincode,
        is_narrowed=bool(courier or pincode),
        is_installed=sender is not None,
        is_empty=not steps.failed,
        is_few=steps.failed < _ENOUGH,
        rescued=_rescued(steps),
        change=_change(steps, former.steps, days),
        stats=_stats(steps, times, refusals),
        steps=_bars(steps),
        steps_lead=_steps_lead(steps),
        steps_foot=_steps_foot(steps),
        steps_table=_steps_table(steps),
        breakdowns=_breakdowns(funnel),
        answers=_columns(times),
        answers_lead=_answers_lead(times),
        answers_table=_answers_table(times),
        refusals=tuple(
            RefusalRow(
                each.courier or "Courier not known",
                action_title(each.action),
                _answer_words(each.answer, each.detail),
                count_words(each.cases),
            )
            for each in refusals.most
        ),
    )
    return await render(visit, "insights.html", page, current="insights")


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone)


def _period_words(first: date, last: date) -> str:
    """Return a span of days: "21 October to 20 November 2026"."""
    begin = f"{first.day} {month_name[first.month]}"
    if first.year != last.year:
        begin += f" {first.year}"
    return f"{begin} to {last.day} {month_name[last.month]} {last.year}"


def _share(part: int, whole: int) -> str:
    """Return a share; empty where there is too little for one."""
    return percent(part, whole) if whole >= _ENOUGH else ""


def _width(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0


def _rescued(steps: Steps) -> Stat:
    share = _share(steps.rescued_in_all, steps.failed)
    note = "" if share else "too few for a percentage"
    return Stat(label="Rescued", figure=share or count_words(steps.rescued_in_all), note=note)


def _change(steps: Steps, former: Steps, days: int) -> Change | None:
    """Return how the share rescued moved, in points; None where one of the two is no share."""
    if min(steps.failed, former.failed) < _ENOUGH:
        return None
    now = round(100 * steps.rescued_in_all / steps.failed)
    then = round(100 * former.rescued_in_all / former.failed)
    rest = f"on the {days} days before"
    if now == then:
        return Change("As many", f"as in the {days} days before", is_good=True)
    points = abs(now - then)
    word = f"{points} point{'s' if points > 1 else ''} {'up' if now > then else 'down'}"
    return Change(word, rest, is_good=now > then)


def _stats(steps: Steps, times: AnswerTimes, refusals: Refusals) -> tuple[Stat, ...]:
    still_open = steps.failed - steps.ended
    return (
        Stat(
            label="Orders rescued",
            figure=count_words(steps.rescued_in_all),
            note=f"of {count_words(steps.failed)} failed"
            + (f", {count_words(still_open)} still open" if still_open else ""),
        ),
        Stat(
            label="Typical time to answer",
            figure=duration_words(times.median) if times.median is not None else "–",
            note="half of all answers are faster" if times.answers else "nobody answered yet",
        ),
        Stat(
            label="Refused by couriers",
            figure=_share(refusals.refused, refusals.answered) or count_words(refusals.refused),
            note="of what was asked for"
            if refusals.answered >= _ENOUGH
            else f"of {count_words(refusals.answered)} asked for",
        ),
    )


def _bars(steps: Steps) -> tuple[Bar, ...]:
    silent = steps.failed - steps.messaged
    found = []
    for name, label, note in _STEPS:
        count = getattr(steps, name)
        said = f"{count_words(silent)} got no message" if name == "messaged" and silent else note
        found.append(
            Bar(
                label=label,
                note=said,
                share=_width(count, steps.failed),
                value=count_words(count),
                beside="" if name == "failed" else _share(count, steps.failed),
            )
        )
    return tuple(found)


def _steps_lead(steps: Steps) -> str:
    words = "Each bar is a share of all failed deliveries."
    counts = [(label.lower(), getattr(steps, name)) for name, label, _ in _STEPS]
    losses = [(left[1] - right[1], left[0], right[0]) for left, right in pairwise(counts)]
    most, before, after = max(losses, key=lambda loss: loss[0])
    if steps.failed < _ENOUGH or not most:
        return words
    return f"{words} The largest loss is between {before} and {after}."


def _steps_foot(steps: Steps) -> str:
    others = steps.rescued_in_all - steps.rescued
    if others <= 0:
        return ""
    verb = "parcel was" if others == 1 else "parcels were"
    return (
        f"{count_words(others)} more {verb} rescued without the customer’s answer: "
        "by an action of yours, or an automatic one."
    )


def _steps_table(steps: Steps) -> Table:
    rows: list[tuple[str, ...]] = []
    former = 0
    for name, label, note in _STEPS:
        count = getattr(steps, name)
        row = (
            f"{label} {note}".strip(),
            count_words(count),
            _share(count, steps.failed) or "–",
            (_share(count, former) or "–") if rows else "–",
        )
        rows.append(row)
        former = count
    return tuple(rows)


def _breakdowns(funnel: Funnel) -> tuple[Breakdown, ...]:
    return (
        _breakdown("Rescued, by reason", "reason", "Reason", funnel.by_reason, reason_title),
        _breakdown("Rescued, by courier", "courier", "Courier", funnel.by_courier, str),
        _breakdown("Rescued, by pincode", "pincode", "Pincode", funnel.by_pincode, str),
    )


def _breakdown(
    title: str, key: str, heading: str, found: tuple[Part, ...], words: Callable[[str], str]
) -> Breakdown:
    def name(part: Part) -> str:
        return words(part.name) if part.name else f"{heading} not known"

    bars = tuple(
        Bar(
            label=name(part),
            share=_width(part.steps.rescued_in_all, part.steps.failed),
            value=_share(part.steps.rescued_in_all, part.steps.failed)
            or count_words(part.steps.rescued_in_all),
            beside=f"of {count_words(part.steps.failed)}",
        )
        for part in found
    )
    table = tuple(
        (
            name(part),
            count_words(part.steps.failed),
            count_words(part.steps.answered),
            count_words(part.steps.rescued_in_all),
            _share(part.steps.rescued_in_all, part.steps.failed) or "–",
        )
        for part in found
    )
    return Breakdown(title, key, heading, bars, table)


def _columns(times: AnswerTimes) -> tuple[Column, ...]:
    return tuple(
        Column(label=label, words=words.lower(), count=bucket.answers)
        for (label, words), bucket in zip(_BUCKETS, times.buckets, strict=True)
    )


def _answers_lead(times: AnswerTimes) -> str:
    if not times.answers:
        return ""
    total = f"{count_words(times.answers)} answer{'s' if times.answers > 1 else ''}."
    within = sum(
        bucket.answers
        for bucket in times.buckets
        if bucket.within is not None and bucket.within <= timedelta(hours=1)
    )
    share = _share(within, times.answers)
    return f"{total} {share} come within an hour." if share else total


def _answers_table(times: AnswerTimes) -> Table:
    return tuple(
        (words, count_words(bucket.answers), _share(bucket.answers, times.answers) or "–")
        for (_, words), bucket in zip(_BUCKETS, times.buckets, strict=True)
    )


def _answer_words(answer: str, detail: str) -> str:
    """Return a courier's answer: its own words, else what kind of answer it was."""
    kinds = {"refused_date": "The date is not possible", "not_waiting": "The parcel had moved on"}
    return detail or kinds.get(answer, "Refused without a reason")
