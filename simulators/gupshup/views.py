"""What the phone's pages show: one frozen context per page, with times and texts already formatted.

Times are Indian here and only here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from markupsafe import Markup, escape

from .customers import ADDRESS_KEYS
from .network import Network
from .state import App, CallbackAttempt, Content, Message, Phone, Reply, SendRequest, now

INDIA: Final = timezone(timedelta(hours=5, minutes=30))
FAIL_REASONS: Final = {
    "unavailable": "Customer unavailable",
    "address": "Address incomplete",
    "cod": "Cash not ready",
    "refused": "Refused",
    "not_attempted": "Not attempted",
}
_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\d+)\s*\}\}")
_BOLD: Final = re.compile(r"\*(?! )([^*\n]+?)(?<! )\*")
_SECONDS: Final = 1000
_MOST_EXCHANGES: Final = 14
_FIELD_LABELS: Final = {
    "name": "Name",
    "phoneNumber": "Phone",
    "houseNumber": "Flat or house number",
    "buildingName": "Building",
    "address": "Street and area",
    "landmarkArea": "Landmark",
    "inPinCode": "Pincode",
    "city": "City",
}
_FULL_WIDTH: Final = frozenset({"address", "landmarkArea"})
_KINDS: Final = {
    "image": "Photo",
    "file": "Document",
    "audio": "Voice message",
    "video": "Video",
    "sticker": "Sticker",
    "contact": "Contact",
    "location": "Location",
}


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
class ButtonView:
    """Something to press in a message."""

    label: str
    icon: str
    index: int = -1
    href: str = ""
    sheet: str = ""
    pressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaView:
    """A picture, sound, file, person or place in a message."""

    kind: str
    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BubbleView:
    """One message, or a chip between messages when `chip` is set."""

    key: str
    outgoing: bool = False
    turn: bool = False
    chip: str = ""
    note: bool = False
    message_id: str = ""
    head: str = ""
    paragraphs: tuple[Markup, ...] = ()
    foot: str = ""
    media: MediaView | None = None
    buttons: tuple[ButtonView, ...] = ()
    quote: str = ""
    reaction: str = ""
    time: str = ""
    iso: str = ""
    ticks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row of a list sheet."""

    index: int
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """A field of the address sheet."""

    id: str
    name: str
    label: str
    value: str
    error: str
    wide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """What slides up from the bottom of the phone: a list, or the address form."""

    id: str
    message_id: str
    title: str
    sections: tuple[tuple[str, tuple[RowView, ...]], ...] = ()
    fields: tuple[FieldView, ...] = ()


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


def spaced(number: str) -> str:
    """Write an Indian number as people read it: +91 99990 00012."""
    if len(number) == 12 and number.startswith("91"):  # noqa: PLR2004 - country code and ten digits
        return f"+91 {number[2:7]} {number[7:]}"
    return f"+{number}"


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
    today = now().astimezone(INDIA).date()
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
        clock=_clock(now()),
        bubbles=tuple(_bubbles(chat, app, today)),
        sheets=tuple(_sheets(chat)),
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


def _clock(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%H:%M")


def _entry_at(entry: Message | Reply) -> datetime:
    return entry.arrived_at or entry.at if isinstance(entry, Message) else entry.at


def _last_at(network: Network, number: str, app: App) -> float:
    chat = network.world.chat(number, app.id)
    return _entry_at(chat[-1]).timestamp() if chat else 0.0


def _chat_rows(network: Network, phone: Phone, current: App, today: date) -> tuple[ChatRow, ...]:
    rows = []
    apps = network.world.apps.values()
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
                time=_chat_time(_entry_at(last), today) if last else "",
                iso=_entry_at(last).astimezone(INDIA).isoformat(timespec="seconds") if last else "",
                unread=0 if app is current else unread,
            )
        )
    return tuple(rows)


def _chat_time(at: datetime, today: date) -> str:
    on = at.astimezone(INDIA).date()
    if on == today:
        return _clock(at)
    if (today - on).days < 7:  # noqa: PLR2004 - within a week a weekday says enough
        return f"{on:%a}"
    return f"{on.day} {on:%b}"


def _summary(entry: Message | Reply) -> str:
    kind = entry.content.kind if isinstance(entry, Message) else entry.kind
    text = entry.content.text if isinstance(entry, Message) else entry.text
    text = text.replace("\n", " ")
    return text or _KINDS.get(kind, "Message")


def _day(on: date, today: date) -> str:
    if on == today:
        return "Today"
    if on == today - timedelta(days=1):
        return "Yesterday"
    return f"{on:%A}, {on.day} {on:%B}" + (f" {on.year}" if on.year != today.year else "")


def _bubbles(chat: list[Message | Reply], app: App, today: date) -> Iterator[BubbleView]:
    yield BubbleView(key="note", chip="Simulated messages. Nothing here reaches WhatsApp.", note=True)
    day: date | None = None
    before: bool | None = None
    for entry in chat:
        on = _entry_at(entry).astimezone(INDIA).date()
        if on != day:
            day, before = on, None
            yield BubbleView(key=f"day-{on}", chip=_day(on, today))
        outgoing = isinstance(entry, Reply)
        turn = before is not None and before != outgoing
        yield _sent(entry, app, turn=turn) if isinstance(entry, Reply) else _received(entry, turn=turn)
        before = outgoing


def _received(message: Message, *, turn: bool) -> BubbleView:
    content = message.content
    at = _entry_at(message)
    return BubbleView(
        key=f"m-{message.id}",
        turn=turn,
        message_id=message.id,
        head=content.header,
        paragraphs=_paragraphs(content),
        foot=content.footer,
        media=_media(content.media.get("type", ""), content.media),
        buttons=tuple(_buttons(message)),
        reaction=message.reaction,
        time=_clock(at),
        iso=at.astimezone(INDIA).isoformat(timespec="seconds"),
    )


def _sent(reply: Reply, app: App, *, turn: bool) -> BubbleView:
    media = _media(reply.kind, reply.body)
    text = "" if media is not None and media.kind not in {"image", "video"} else reply.text
    quoted = reply.quoted
    return BubbleView(
        key=f"r-{reply.id}",
        outgoing=True,
        turn=turn,
        message_id=reply.id,
        head=app.display_name if quoted else "",
        quote=(quoted.content.header or quoted.content.text.partition("\n")[0]) if quoted else "",
        paragraphs=tuple(escape(part) for part in text.split("\n\n") if part.strip()),
        media=media,
        time=_clock(reply.at),
        iso=reply.at.astimezone(INDIA).isoformat(timespec="seconds"),
        ticks=reply.status,
    )


def _paragraphs(content: Content) -> tuple[Markup, ...]:
    """Render the body: markup of the text is drawn, markup inside a filled-in value is shown as it is."""

    def value(match: re.Match[str]) -> str:
        number = int(match[1])
        return str(escape(content.values[number - 1])) if 0 < number <= len(content.values) else match[0]

    # Bold first, on the text with its placeholders; values go in afterwards and so cannot take part.
    return tuple(
        Markup(_PLACEHOLDER.sub(value, _BOLD.sub(r"<strong>\1</strong>", str(escape(part)))))  # noqa: S704 - escaped above
        for part in re.split(r"\n\s*\n", content.pattern)
        if part.strip()
    )


def _media(kind: str, details: Mapping[str, object]) -> MediaView | None:
    def said(*names: str) -> str:
        return next((str(details[name]) for name in names if details.get(name)), "")

    match kind:
        case "image" | "video" | "sticker":
            return MediaView(kind=kind, title=_KINDS[kind])
        case "audio":
            return MediaView(kind=kind, title="Voice message", detail="0:07")
        case "file":
            return MediaView(kind=kind, title=said("name", "filename") or "Document", detail="PDF, 84 kB")
        case "location":
            return MediaView(kind=kind, title=said("name") or "Location", detail=said("address"))
        case "contact":
            cards = details.get("contacts")
            card = cards[0] if isinstance(cards, list) and cards else {}
            name = card.get("name", {}).get("formatted_name", "") if isinstance(card, dict) else ""
            phones = card.get("phones", []) if isinstance(card, dict) else []
            return MediaView(kind=kind, title=name or "Contact", detail=phones[0]["phone"] if phones else "")
        case _:
            return None


def _buttons(message: Message) -> Iterator[ButtonView]:
    content = message.content
    if content.kind == "list":
        yield ButtonView(label=content.opens, icon="list", sheet=_sheet_id(message))
    elif content.kind == "address_message":
        yield ButtonView(label=content.opens, icon="pin", sheet=_sheet_id(message))
    elif content.kind == "location_request_message":
        yield ButtonView(label=content.opens, icon="pin", index=0, pressed=bool(message.tapped))
    else:
        for index, choice in enumerate(content.choices):
            yield ButtonView(label=choice.title, icon="reply", index=index, pressed=index in message.tapped)
    for link in content.links:
        safe = link.url if re.match(r"https?://", link.url) else ""
        yield ButtonView(label=link.text, icon="link" if link.type == "URL" else "call", href=safe)


def _sheet_id(message: Message) -> str:
    return f"sheet-{message.id}"


def _sheets(chat: list[Message | Reply]) -> Iterator[SheetView]:
    for entry in chat:
        if not isinstance(entry, Message):
            continue
        content = entry.content
        if content.kind == "list":
            titles = list(dict.fromkeys(choice.section for choice in content.choices))
            sections = tuple(
                (
                    title,
                    tuple(
                        RowView(index=index, title=choice.title, description=choice.description)
                        for index, choice in enumerate(content.choices)
                        if choice.section == title
                    ),
                )
                for title in titles
            )
            yield SheetView(id=_sheet_id(entry), message_id=entry.id, title=content.opens, sections=sections)
        elif content.kind == "address_message":
            yield SheetView(
                id=_sheet_id(entry),
                message_id=entry.id,
                title=content.header or "Delivery address",
                fields=tuple(_fields(entry)),
            )


def _fields(message: Message) -> Iterator[FieldView]:
    form = message.content.form
    for name, label in _FIELD_LABELS.items():
        yield FieldView(
            id=f"f-{message.id}-{name}",
            name=ADDRESS_KEYS[name],
            label=label,
            value=form.get(name, ""),
            error=message.content.form_errors.get(name, ""),
            wide=name in _FULL_WIDTH,
        )


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
    about = row.note if inbound and row.note else "to the webhook"
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
        time=_clock(row.at),
        iso=row.at.astimezone(INDIA).isoformat(timespec="seconds"),
        kind=kind,
        about=about,
        answer=f"{status}, {took}" if status else "no answer",
        bad=status is None or status >= 300 or kind == "message-event failed",  # noqa: PLR2004 - not a success
    )
