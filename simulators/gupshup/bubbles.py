"""Messages as the phone draws them: bubbles on the wall, sheets that slide up from the bottom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from markupsafe import Markup, escape

from .customers import ADDRESS_KEYS
from .indian import clock, day_name, day_of, iso
from .reading import PLACEHOLDER
from .state import App, Content, Message, Reply

_BOLD: Final = re.compile(r"\*(?! )([^*\n]+?)(?<! )\*")
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
KINDS: Final = {
    "image": "Photo",
    "file": "Document",
    "audio": "Voice message",
    "video": "Video",
    "sticker": "Sticker",
    "contact": "Contact",
    "location": "Location",
}
"""What a message without text is called."""


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
    quote_by: str = ""
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


def entry_at(entry: Message | Reply) -> datetime:
    """Return when an entry came to stand in its chat."""
    return entry.arrived_at or entry.at if isinstance(entry, Message) else entry.at


def bubbles_of(chat: list[Message | Reply], app: App, today: date) -> Iterator[BubbleView]:
    """Draw a chat, oldest first, with a chip before each day."""
    yield BubbleView(key="note", chip="Simulated messages. Nothing here reaches WhatsApp.", note=True)
    day: date | None = None
    before: bool | None = None
    for entry in chat:
        on = day_of(entry_at(entry))
        if on != day:
            day, before = on, None
            yield BubbleView(key=f"day-{on}", chip=day_name(on, today))
        outgoing = isinstance(entry, Reply)
        turn = before is not None and before != outgoing
        yield _sent(entry, app, turn=turn) if isinstance(entry, Reply) else _received(entry, turn=turn)
        before = outgoing


def _received(message: Message, *, turn: bool) -> BubbleView:
    content = message.content
    at = entry_at(message)
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
        time=clock(at),
        iso=iso(at),
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
        quote_by=app.display_name if quoted else "",
        quote=(quoted.content.header or quoted.content.text.partition("\n")[0]) if quoted else "",
        paragraphs=tuple(escape(part) for part in text.split("\n\n") if part.strip()),
        media=media,
        time=clock(reply.at),
        iso=iso(reply.at),
        ticks=reply.status,
    )


def _paragraphs(content: Content) -> tuple[Markup, ...]:
    """Render the body: markup of the text is drawn, markup inside a filled-in value is shown as it is."""

    def value(match: re.Match[str]) -> str:
        return str(escape(content.values.get(match[1], match[0])))

    # Bold first, on the text with its placeholders; values go in afterwards and so cannot take part.
    return tuple(
        Markup(PLACEHOLDER.sub(value, _BOLD.sub(r"<strong>\1</strong>", str(escape(part)))))  # noqa: S704 - escaped above
        for part in re.split(r"\n\s*\n", content.pattern)
        if part.strip()
    )


def _media(kind: str, details: Mapping[str, object]) -> MediaView | None:
    def said(*names: str) -> str:
        return next((str(details[name]) for name in names if details.get(name)), "")

    match kind:
        case "image" | "video" | "sticker":
            return MediaView(kind=kind, title=KINDS[kind])
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


def sheets_of(chat: list[Message | Reply]) -> Iterator[SheetView]:
    """Draw the sheet of each list and each address form in a chat."""
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
