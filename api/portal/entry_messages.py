"""What was said on WhatsApp as bubbles: a message of ours as it was sent, an answer as it came (R5.3).

Media of customers is never fetched and nothing they wrote can be pressed: a picture is drawn, its words say what it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from api.portal.parts import Media, Message, MessageButton, TickStatus, message_of
from domain.formats import clock, iso, phone_words
from domain.preview import Part, PartKind, as_sent

__all__ = ["as_written", "bubble_of", "location_link", "reply_of", "sent_of"]

_REPLIES: Final[dict[str, str]] = {
    "choice": "tapped",
    "text": "wrote",
    "address": "sent an address",
    "location": "sent a location",
    "contact": "sent a contact",
    "reaction": "reacted",
    "media": "sent a file",
    "image": "sent a photo",
    "video": "sent a video",
    "audio": "sent a voice message",
    "file": "sent a document",
    "document": "sent a document",
    "sticker": "sent a sticker",
    "other": "sent something we cannot show",
    "opted_out": "wants no more messages",
    "opted_in": "wants messages again",
}
_MEDIA: Final[dict[str, tuple[Literal["image", "video", "audio", "file", "sticker"], str]]] = {
    "image": ("image", "Photo"),
    "video": ("video", "Video"),
    "audio": ("audio", "Voice message"),
    "file": ("file", "Document"),
    "document": ("file", "Document"),
    "sticker": ("sticker", "Sticker"),
}
_ADDRESS_LINES: Final = (
    ("name",),
    ("house_number", "floor_number", "tower_number", "building_name"),
    ("address",),
    ("landmark",),
    ("city", "state", "pincode"),
    ("phone",),
)


def _word(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""


def _words(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = data.get(name)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def as_written(message: Message) -> Message:
    """Return a message that is really sent: its values are words like any other, not samples."""

    def plain(parts: str | tuple[Part, ...]) -> str | tuple[Part, ...]:
        return parts if isinstance(parts, str) else tuple(replace(part, kind=PartKind.TEXT) for part in parts)

    return replace(message, head=plain(message.head), paragraphs=tuple(map(plain, message.paragraphs)))


def sent_of(
    data: Mapping[str, object], *, at: datetime, zone: ZoneInfo, ticks: TickStatus | Literal[""]
) -> Message | None:
    """Return a message of ours as it was sent; None where nothing of it was kept."""
    opens_list = _word(data, "list_button")
    labels = (opens_list,) if opens_list else _words(data, "buttons")
    found = message_of(
        as_sent(
            header=_word(data, "header"),
            body=_word(data, "body"),
            footer=_word(data, "footer"),
            labels=labels,
            kinds=() if opens_list else _words(data, "button_kinds"),
            template=_word(data, "template"),
            params=_words(data, "params"),
        )
    )
    if not (found.head or found.paragraphs):
        return None
    buttons = found.buttons
    if opens_list:
        buttons = (MessageButton(label=opens_list, icon="list"),)
    elif data.get("form"):
        buttons = (MessageButton(label="Provide address", icon="pin"),)
    return replace(as_written(found), buttons=buttons, time=clock(at, zone), iso=iso(at, zone), ticks=ticks)


def reply_of(topic: str, data: Mapping[str, object]) -> str | None:
    """Return what a customer did, after their name; None for what nobody knows."""
    words = _REPLIES.get(topic)
    text = _word(data, "text")
    if topic == "choice" and text:
        return f"chose “{text}” from the list" if data.get("tapped") == "list" else f"tapped “{text}”"
    if topic == "reaction":
        return f"reacted {text}" if text else "took a reaction back"
    return words


def bubble_of(
    topic: str, data: Mapping[str, object], *, customer: str, at: datetime, zone: ZoneInfo
) -> Message | None:
    """Return a customer's answer as a bubble; None where the line above it says everything."""
    if topic in ("choice", "reaction"):
        return None
    media, paragraphs = _media(topic, data, customer), _paragraphs(topic, data)
    if media is None and not paragraphs:
        return None
    return Message(
        by_customer=True, media=media, paragraphs=paragraphs, time=clock(at, zone), iso=iso(at, zone)
    )


def _paragraphs(topic: str, data: Mapping[str, object]) -> tuple[str, ...]:
    text, fields = _word(data, "text"), data.get("fields")
    if topic == "location":
        return ()  # its words stand beneath the map
    if topic == "address" and isinstance(fields, dict):
        lines = [
            ", ".join(_word(fields, name) for name in names if _word(fields, name))
            for names in _ADDRESS_LINES
        ]
        return ("\n".join(filter(None, lines)) or text,)
    return (text,) if text else ()


def _media(topic: str, data: Mapping[str, object], customer: str) -> Media | None:
    if topic in _MEDIA:
        kind, title = _MEDIA[topic]
        if kind == "file":
            return Media(kind=kind, title=_word(data, "name") or title, detail=_word(data, "content_type"))
        if kind == "audio":
            return Media(kind=kind, title=f"{title} from {customer}", detail=title)
        return Media(kind=kind, title=f"{title} from {customer}")
    if topic == "location":
        place = _place(data)
        point = f"{place[0]:.5f}, {place[1]:.5f}" if place else ""
        named = _word(data, "text")
        return Media(kind="location", title=named or point or "A place", detail=point if named else "")
    if topic == "contact":
        phones = ", ".join(phone_words(phone) for phone in _words(data, "phones"))
        return Media(kind="contact", title=", ".join(_words(data, "names")) or "A contact", detail=phones)
    if topic == "other":
        return Media(kind="other", title=_word(data, "unsupported") or "unknown")
    return None


def _place(data: Mapping[str, object]) -> tuple[float, float] | None:
    latitude, longitude = data.get("latitude"), data.get("longitude")
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        return float(latitude), float(longitude)
    return None


def location_link(data: Mapping[str, object]) -> tuple[str, str] | None:
    """Return a link to where a pin stands on a map; built from its numbers, nothing of it is the customer's text."""
    place = _place(data)
    if place is None:
        return None
    point = f"{place[0]:.6f},{place[1]:.6f}"
    return "Open on a map", f"https://www.google.com/maps/search/?api=1&query={point}"
