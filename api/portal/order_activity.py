"""An order's activity as the page draws it: entries in words, newest first, by day in the workspace's zone (R5.3).

What was asked of the courier and its answer become one entry; a step that only repeats what another entry says is left
out. Everything a customer wrote stays text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from api.portal.order_entries import Told, entry_of
from api.portal.order_words import MODES, action_line, quoted
from api.portal.parts import Day, Entry
from db.actions import AskedAction
from db.cases import CaseRow
from db.messages import Message
from db.timeline import TimelineEntry
from domain.case_events import Answer
from domain.failures import Mode
from domain.formats import clock, day_heading, iso, local_date, moment

__all__ = ["Known", "days_of", "entries_of"]

_SAME_STEP = timedelta(seconds=10)
"""Two entries of one step are written within it."""

_REFUSED = (Answer.REFUSED.value, Answer.REFUSED_DATE.value, Answer.NOT_WAITING.value)
_REPEATS = {"message_not_sent": "notification", "action_refused": "action"}
"""A note of a case, and the kind of entry that says the same with more words."""


@dataclass(frozen=True, slots=True)
class Known:
    """What entries are put into words with.

    Attributes:
        cases: The order's cases, by id.
        asked: What they asked the order system for.
        messages: The messages of the entries, by id.
        owners: Whose account messages went through, by the account's id.
        customer: The customer's name; empty where nobody told it.
        zone: The workspace's.
        now: The time.
    """

    cases: Mapping[str, CaseRow]
    asked: Sequence[AskedAction]
    messages: Mapping[str, Message]
    owners: Mapping[str, str]
    customer: str = field(repr=False)
    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """Return the day it is for the workspace."""
        return local_date(self.now, self.zone)


def days_of(found: Sequence[TimelineEntry], known: Known) -> tuple[Day, ...]:
    """Return an order's activity by day, newest first."""
    return _by_day(entries_of(found, known), known)


def entries_of(found: Sequence[TimelineEntry], known: Known) -> tuple[tuple[datetime, Entry], ...]:
    """Return what happened, in words, each with its time; in the order given."""
    requests = {each.id: each for each in known.asked}
    shown: list[tuple[datetime, Entry]] = []
    seen: set[str] = set()
    for each in found:
        if _is_repeated(each, found):
            continue
        request_id = _request_id(each)
        if request_id is None:
            shown.append((each.entry.at, _told(each, known)))
        elif request_id not in seen:  # newest first: the answer comes before its question
            seen.add(request_id)
            shown.append((each.entry.at, _action(each, requests.get(request_id), found, known)))
    return tuple(shown)


def _by_day(entries: Iterable[tuple[datetime, Entry]], known: Known) -> tuple[Day, ...]:
    by_day = groupby(entries, key=lambda pair: local_date(pair[0], known.zone))
    return tuple(
        Day(title=day_heading(on, today=known.today), entries=tuple(entry for _, entry in pairs))
        for on, pairs in by_day
    )


def _is_repeated(each: TimelineEntry, found: Sequence[TimelineEntry]) -> bool:
    """Tell whether a note only repeats what another entry of the same moment and case says."""
    note, kind = each.entry, _REPEATS.get(each.entry.topic)
    return kind is not None and any(
        other.entry.kind == kind
        and other.entry.case_id == note.case_id
        and abs(other.entry.at - note.at) <= _SAME_STEP
        and (other.entry.topic.endswith(("_not_sent", "_refused", "_refused_date")))
        for other in found
    )


def _request_id(each: TimelineEntry) -> str | None:
    """Return which request an entry is about: its key is "action:{request}:{what}"."""
    if each.entry.kind != "action" or not each.entry.key.startswith("action:"):
        return None
    return each.entry.key.removeprefix("action:").rpartition(":")[0]


def _told(each: TimelineEntry, known: Known) -> Entry:
    entry = each.entry
    row = known.cases.get(entry.case_id or "")
    message = known.messages.get(entry.message_id or "")
    told = Told(
        each,
        row,
        message,
        owner=known.owners.get(message.account_id, "") if message else "",
        customer=known.customer or "The customer",
        zone=known.zone,
        now=known.now,
    )
    return entry_of(told)


def _action(
    each: TimelineEntry, asked: AskedAction | None, found: Sequence[TimelineEntry], known: Known
) -> Entry:
    """Return one entry for what was asked of the courier and what it answered, at the time of the later one."""
    entry = each.entry
    request_id, row = _request_id(each), known.cases.get(entry.case_id or "")
    courier = (row.courier_name if row else "") or "the courier"
    first = next((other for other in found if other.entry.key == f"action:{request_id}:asked"), None)
    asked_at = first.entry.at if first else asked.asked_at if asked else None
    name, _, what = entry.topic.rpartition("_")
    for answer in Answer:  # "refused_date" and "not_waiting" are two words
        if entry.topic.endswith(f"_{answer.value}"):
            name, what = entry.topic.removesuffix(f"_{answer.value}"), answer.value
            break
    drawn = Entry(
        key=str(each.id),
        kind="refused" if what in _REFUSED else "action",
        what=action_line(name, _day_of(entry.data), today=known.today),
        time=clock(entry.at, known.zone),
        iso=iso(entry.at, known.zone),
        mode=MODES.get(entry.mode, entry.mode),
        facts=_by(entry.person, entry.mode, known),
        asked=f"Asked {_at(asked_at, entry.at, known)}" if asked_at else "Asked",
        say=_say(entry.data),
    )
    when = clock(entry.at, known.zone, seconds=True)
    if what == Answer.ACCEPTED:
        return replace(drawn, answer=f"Accepted by {courier} {when}", answer_tone="ok")
    if what in _REFUSED:
        why = f"Reason: {quoted(entry.detail)}" if entry.detail.strip() else ""
        says = ". ".join(filter(None, (why, drawn.say)))
        return replace(drawn, answer=f"Refused by {courier} {when}", answer_tone="bad", say=says)
    if asked is not None and asked.answer in (Answer.UNKNOWN, Answer.UNAVAILABLE):
        return replace(drawn, answer=f"No answer yet, asked {_times(asked.tries)}", answer_tone="warn")
    if row is not None and not row.is_open:
        return replace(drawn, answer="Never answered")
    return replace(drawn, answer="Waiting for the answer", answer_tone="info")


def _at(asked_at: datetime, answered_at: datetime, known: Known) -> str:
    if local_date(asked_at, known.zone) == local_date(answered_at, known.zone):
        return clock(asked_at, known.zone, seconds=True)
    return moment(asked_at, now=known.now, zone=known.zone)


def _by(person: str, mode: str, known: Known) -> tuple[str, ...]:
    who = person or (known.customer if mode == Mode.WHATSAPP else "")
    return (f"by {who}",) if who else ()


def _day_of(data: Mapping[str, object]) -> date | None:
    on = data.get("on")
    try:
        return date.fromisoformat(on) if isinstance(on, str) and on else None
    except ValueError:
        return None


def _say(data: Mapping[str, object]) -> str:
    """Return what was passed on with an action: the new address, the words of a dispute."""
    address, words = data.get("address"), data.get("words")
    says = [f"New address: {address}"] if isinstance(address, str) and address else []
    if isinstance(words, list) and words:
        says.append(f"Passed on: {' '.join(quoted(str(line)) for line in words)}")
    return ". ".join(says)


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"
