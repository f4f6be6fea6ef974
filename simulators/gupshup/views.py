"""What the phone's pages show: one frozen context per page, with times and texts already formatted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from .bubbles import KINDS, BubbleView, SheetView, bubbles_of, entry_at, sheets_of
from .indian import clock, day_of, iso, spaced
from .network import Network
from .state import App, CallbackAttempt, Message, Phone, Reply, SendRequest

FAIL_REASONS: Final = {
    "unavailable": "Customer unavailable",
    "address": "Address incomplete",
    "cod": "Cash not ready",
    "refused": "Refused",
    "not_attempted": "Not attempted",
}
_EMOJI_WORDS: Final = {"👍": "thumbs up"}
_SECONDS: Final = 1000
_MOST_EXCHANGES: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRow:
    """One business in the list of chats."""

    title: str
    initials: str
    href: str
    current: bool
    last: str
    time: str
    iso: str
    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """One exchange on the wire."""

    key: str
    time: str
    iso: str
    kind: str
    about: str
    answer: str
    bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneView:
    """The whole page."""

    whose: str
    number: str
    shown_number: str
    people: tuple[tuple[str, str, bool], ...]
    chats: tuple[ChatRow, ...]
    business: str
    initials: str
    business_number: str
    base: str
    clock: str
    bubbles: tuple[BubbleView, ...]
    sheets: tuple[SheetView, ...]
    typing: bool
    state: str
    reasons: Mapping[str, str]
    wire: tuple[ExchangeView, ...]
    notice: str
    notice_bad: bool
    version: str


def initials(name: str) -> str:
    """Return the two letters of an avatar: of two words, or of a word's own capitals."""
    words = name.split()
    letters = [word[0] for word in words] if len(words) > 1 else re.findall(r"[A-Z]", name) or list(name)
    return "".join(letters[:2]).upper()


def version_of(network: Network, number: str, app: App) -> str:
    """Return a word that changes whenever the page would look different."""
    return f"{network.world.version}-{int(network.is_typing(number, app.id))}"


def phone_view(network: Network, phone: Phone, app: App, notice: tuple[str, bool] = ("", False)) -> PhoneView:
    """Build the page of one phone with one chat open."""
    world = network.world
    now = world.clock()
    today = day_of(now)
    chat = world.chat(phone.number, app.id)
    people = [(each.number, _person(each), each is phone) for each in world.phones.values()]
    return PhoneView(
        whose=phone.name or spaced(phone.number),
        number=phone.number,
        shown_number=spaced(phone.number),
        people=tuple(people),
        chats=_chat_rows(network, phone, app, today),
        business=app.display_name,
        initials=initials(app.display_name),
        business_number=spaced(app.phone),
        base=f"/phone/{phone.number}/{app.name}",
        clock=clock(now),
        bubbles=tuple(bubbles_of(chat, app, today)),
        sheets=tuple(sheets_of(chat)),
        typing=network.is_typing(phone.number, app.id),
        state=phone.state_for(app.id),
        reasons=FAIL_REASONS,
        wire=_exchanges(network, phone.number),
        notice=notice[0],
        notice_bad=notice[1],
        version=version_of(network, phone.number, app),
    )


def latest_app(network: Network, number: str) -> App | None:
    """Return the business this phone heard from last, else the first there is."""
    apps = list(network.world.apps.values())
    return max(apps, key=lambda app: _last_at(network, number, app), default=None)


def _person(phone: Phone) -> str:
    local = spaced(phone.number).removeprefix("+91 ")
    return f"{phone.name}, {local}" if phone.name else spaced(phone.number)


def _last_at(network: Network, number: str, app: App) -> float:
    chat = network.world.chat(number, app.id)
    return entry_at(chat[-1]).timestamp() if chat else 0.0


def _chat_rows(network: Network, phone: Phone, current: App, today: date) -> tuple[ChatRow, ...]:
    rows = []
    apps = [app for app in network.world.apps.values() if app.is_live]  # who is not live cannot write
    for app in sorted(apps, key=lambda each: _last_at(network, phone.number, each), reverse=True):
        chat = network.world.chat(phone.number, app.id)
        last = chat[-1] if chat else None
        unread = sum(isinstance(entry, Message) for entry in chat[phone.seen.get(app.id, 0) :])
        rows.append(
            ChatRow(
                title=app.display_name,
                initials=initials(app.display_name),
                href=f"/phone/{phone.number}/{app.name}",
                current=app is current,
                last=_summary(last) if last else "No messages yet",
                time=_chat_time(entry_at(last), today) if last else "",
                iso=iso(entry_at(last)) if last else "",
                unread=0 if app is current else unread,
            )
        )
    return tuple(rows)


def _chat_time(at: datetime, today: date) -> str:
    on = day_of(at)
    if on == today:
        return clock(at)
    if (today - on).days < 7:  # noqa: PLR2004 - within a week a weekday says enough
        return f"{on:%a}"
    return f"{on.day} {on:%b}"


def _summary(entry: Message | Reply) -> str:
    kind = entry.content.kind if isinstance(entry, Message) else entry.kind
    text = entry.content.text if isinstance(entry, Message) else entry.text
    text = text.replace("\n", " ")
    return text or KINDS.get(kind, "Message")


def _exchanges(network: Network, number: str) -> tuple[ExchangeView, ...]:
    world = network.world
    rows: list[SendRequest | CallbackAttempt] = [row for row in world.requests if row.destination == number]
    rows += [row for row in world.callbacks if row.phone == number]
    rows.sort(key=lambda row: row.at, reverse=True)
    return tuple(
        _request(network, row) if isinstance(row, SendRequest) else _callback(row)
        for row in rows[:_MOST_EXCHANGES]
    )


def _request(network: Network, row: SendRequest) -> ExchangeView:
    accepted = network.world.messages.get(row.message_id or "")
    kind = row.path.rpartition("/v1/")[2]
    if accepted is not None:
        kind = f"{accepted.content.kind} {accepted.content.template}".rstrip()
    return _exchange(f"q{row.seq}", row, kind, "to this phone", row.http_status)


def _callback(row: CallbackAttempt) -> ExchangeView:
    inbound = row.kind.startswith("message ")
    about = _EMOJI_WORDS.get(row.note, row.note) if inbound and row.note else "to the webhook"
    if row.attempt > 1:
        about = f"attempt {row.attempt}"
    elif row.kind == "message-event failed":
        about = f"code {row.note}"
    return _exchange(f"c{row.seq}", row, row.kind.removeprefix("message "), about, row.status)


def _exchange(
    key: str, row: SendRequest | CallbackAttempt, kind: str, about: str, status: int | None
) -> ExchangeView:
    took = f"{row.ms} ms" if row.ms < _SECONDS else f"{row.ms / _SECONDS:.1f} s"
    return ExchangeView(
        key=key,
        time=clock(row.at),
        iso=iso(row.at),
        kind=kind,
        about=about,
        answer=f"{status}, {took}" if status else "no answer",
        bad=status is None or status >= 300 or kind == "message-event failed",  # noqa: PLR2004 - not a success
    )
