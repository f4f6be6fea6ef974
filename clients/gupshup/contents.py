"""Read what a customer sent, from Gupshup's own format (v2) and from Meta's (v3)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from clients.gupshup import wire
from clients.gupshup.events import (
    Address,
    Contact,
    Content,
    Location,
    Media,
    MediaKind,
    Reaction,
    Tap,
    Text,
    Unsupported,
)

_Object = Mapping[str, Any]

_POLE = 90.0
_DATE_LINE = 180.0
_MEDIA: Mapping[str, MediaKind] = {
    "image": "image",
    "file": "file",
    "document": "file",
    "audio": "audio",
    "voice": "audio",
    "video": "video",
    "sticker": "sticker",
}


class Reply(NamedTuple):
    """A reply's content, and our own reference on the message that it answers."""

    content: Content
    message_ref: str | None = None


def read_v2(payload: _Object) -> Reply:
    """Read the payload of a v2 `message`."""
    kind = wire.first_text(payload.get("type"))
    inner = wire.mapping(payload.get("payload"))
    if not inner:
        # Test senders post flatter bodies. Id and type on this level are the message's, not the content's.
        inner = {key: value for key, value in payload.items() if key not in {"id", "type"}}
    match kind:
        case "quick_reply" | "button_reply" | "list_reply" | "button":
            return _tap(kind, inner)
        case "text" if inner.get("type") == "button":
            return _tap("quick_reply", inner)
        case "nfm_reply":
            return Reply(_address(inner.get("addressDetails"), body=inner.get("body")) or Unsupported(kind))
        case _:
            read = _READERS.get(kind, _nothing)
            return Reply(read(kind, inner) or Unsupported(kind))


def read_v3(message: _Object) -> Reply:
    """Read one entry of v3's `messages`."""
    kind = wire.first_text(message.get("type"))
    inner = wire.mapping(message.get(kind))
    match kind:
        case "button":
            label = wire.first_text(inner.get("text"))
            postback = wire.first_text(inner.get("payload")) or None
            return Reply(Tap(label, postback, "template") if label or postback else Unsupported(kind))
        case "interactive":
            return _interactive(inner)
        case "contacts":
            return Reply(_contact(kind, message) or Unsupported(kind))
        case _:
            read = _READERS.get(kind, _nothing)
            return Reply(read(kind, inner) or Unsupported(kind))


def _tap(kind: str, inner: _Object) -> Reply:
    """Read a v2 tap. A session button may come as `quick_reply` too: then it has a title and no text."""
    title = wire.first_text(inner.get("text"), inner.get("title"), inner.get("reply"))
    postback = wire.first_text(inner.get("postbackText")) or None
    if not (title or postback):
        return Reply(Unsupported(kind))
    if kind == "list_reply":
        return Reply(Tap(title, postback, "list"), wire.identifier(inner.get("id")))
    if kind == "button_reply" or (not wire.first_text(inner.get("text")) and "title" in inner):
        return Reply(Tap(title, postback, "buttons"), wire.identifier(inner.get("id")))
    return Reply(Tap(title, postback, "template"))


def _interactive(interactive: _Object) -> Reply:
    kind = wire.first_text(interactive.get("type"))
    inner = wire.mapping(interactive.get(kind))
    if kind == "nfm_reply":
        answered = wire.mapping(wire.load_quietly(inner.get("response_json")))
        details = wire.mapping(answered.get("values")) or answered
        is_address = wire.first_text(inner.get("name")) == "address_message"
        address = _address(details, body=inner.get("body")) if is_address else None
        return Reply(address or Unsupported(kind))
    if kind not in {"button_reply", "list_reply"}:
        return Reply(Unsupported(kind or "interactive"))
    title = wire.first_text(inner.get("title"))
    # The id is what we sent with the button: Gupshup packs reference and postback into it, as JSON.
    packed = wire.mapping(wire.load_quietly(inner.get("id")))
    postback = wire.first_text(packed.get("postbackText")) or (
        None if packed else wire.first_text(inner.get("id")) or None
    )
    if not (title or postback):
        return Reply(Unsupported(kind))
    via = Tap(title, postback, "buttons" if kind == "button_reply" else "list")
    return Reply(via, wire.identifier(packed.get("msgid")))


def _text(_kind: str, inner: _Object) -> Content | None:
    text = wire.text(inner.get("text")) or wire.text(inner.get("body"))
    return Text(text) if text.strip() else None


def _media(kind: str, inner: _Object) -> Content:
    return Media(
        _MEDIA[kind],
        url=wire.first_text(inner.get("url"), inner.get("link")),
        caption=wire.text(inner.get("caption")),
        content_type=wire.first_text(inner.get("contentType"), inner.get("mime_type")),
        name=wire.first_text(inner.get("name"), inner.get("filename")),
    )


def _location(_kind: str, inner: _Object) -> Content | None:
    latitude, longitude = wire.number(inner.get("latitude")), wire.number(inner.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > _POLE or abs(longitude) > _DATE_LINE:
        return None
    return Location(
        latitude, longitude, wire.first_text(inner.get("name")), wire.first_text(inner.get("address"))
    )


def _contact(_kind: str, inner: _Object) -> Content | None:
    cards = wire.mappings(inner.get("contacts"))
    names = (_card_name(wire.mapping(card.get("name"))) for card in cards)
    entries = (entry for card in cards for entry in wire.mappings(card.get("phones")))
    phones = (wire.phone(entry.get("wa_id"), entry.get("phone")) for entry in entries)
    return Contact(tuple(filter(None, names)), tuple(filter(None, phones))) if cards else None


def _card_name(name: _Object) -> str:
    return wire.first_text(name.get("formatted_name"), name.get("first_name"))


def _reaction(_kind: str, inner: _Object) -> Content:
    return Reaction(wire.first_text(inner.get("emoji")))


def _address(details: object, *, body: object) -> Address | None:
    parts = wire.mapping(details)
    address = Address(
        name=wire.first_text(parts.get("name")),
        phone=wire.first_text(parts.get("phone_number")),
        pincode=wire.first_text(parts.get("in_pin_code")),
        house_number=wire.first_text(parts.get("house_number")),
        floor_number=wire.first_text(parts.get("floor_number")),
        tower_number=wire.first_text(parts.get("tower_number")),
        building_name=wire.first_text(parts.get("building_name")),
        address=wire.first_text(parts.get("address")),
        landmark=wire.first_text(parts.get("landmark_area")),
        city=wire.first_text(parts.get("city")),
        state=wire.first_text(parts.get("state")),
        body=wire.first_text(body),
    )
    return address if address != Address() else None


def _nothing(_kind: str, _inner: _Object) -> Content | None:
    return None


_READERS: Mapping[str, Callable[[str, _Object], Content | None]] = {
    "text": _text,
    "location": _location,
    "contact": _contact,
    "reaction": _reaction,
    **dict.fromkeys(_MEDIA, _media),
}
