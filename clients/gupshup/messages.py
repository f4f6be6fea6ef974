"""What can be sent through Gupshup, and how it is written on the wire.

Limits are WhatsApp's. A message that breaks one is a mistake of ours and is never built: `ValueError`
names the field. Characters that WhatsApp refuses or that could disguise a text are taken out when written.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

_LONGEST_TEXT = 4096
_LONGEST_BODY = 1024
_LONGEST_EDGE = 60  # header, footer, title of a list
_LONGEST_BUTTON = 20
_LONGEST_ROW = 24
_LONGEST_DESCRIPTION = 72
_LONGEST_POSTBACK = 64
_MOST_BUTTONS = 3
_MOST_ROWS = 10

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFERENCE = re.compile(r"[!-~]+")  # printable ASCII without spaces comes back unchanged

# Our words for the parts of an address, and those of the form (which answers in yet other words).
_FORM_KEYS = MappingProxyType(
    {
        "name": "name",
        "phone": "phoneNumber",
        "pincode": "inPinCode",
        "house_number": "houseNumber",
        "floor_number": "floorNumber",
        "tower_number": "towerNumber",
        "building_name": "buildingName",
        "address": "address",
        "landmark": "landmarkArea",
        "city": "city",
    },
)


@dataclass(frozen=True, slots=True)
class MediaHeader:
    """The picture, film or document above a template's text."""

    kind: Literal["image", "video", "document"]
    link: str
    filename: str = ""  # documents only

    def __post_init__(self) -> None:
        if not self.link.startswith("https://"):
            raise ValueError("MediaHeader.link: https only")


@dataclass(frozen=True, slots=True)
class TextMessage:
    """Free text."""

    text: str

    def __post_init__(self) -> None:
        _within("TextMessage.text", self.text, _LONGEST_TEXT)


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a session message, and what comes back when it is tapped."""

    title: str
    postback: str

    def __post_init__(self) -> None:
        _within("Button.title", self.title, _LONGEST_BUTTON)
        _check_postback("Button.postback", self.postback)


@dataclass(frozen=True, slots=True)
class ButtonsMessage:
    """A text with one to three buttons. `message_ref` comes back with the tap."""

    body: str
    buttons: tuple[Button, ...]
    header: str = ""
    footer: str = ""
    message_ref: str = ""

    def __post_init__(self) -> None:
        _within("ButtonsMessage.body", self.body, _LONGEST_BODY)
        _within("ButtonsMessage.header", self.header, _LONGEST_EDGE, may_be_empty=True)
        _within("ButtonsMessage.footer", self.footer, _LONGEST_EDGE, may_be_empty=True)
        if not 1 <= len(self.buttons) <= _MOST_BUTTONS:
            raise ValueError(f"ButtonsMessage.buttons: {len(self.buttons)} are not 1 to {_MOST_BUTTONS}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list, and what comes back when it is chosen."""

    title: str
    description: str
    postback: str
    section: str = ""

    def __post_init__(self) -> None:
        _within("Row.title", self.title, _LONGEST_ROW)
        _within("Row.description", self.description, _LONGEST_DESCRIPTION, may_be_empty=True)
        _within("Row.section", self.section, _LONGEST_ROW, may_be_empty=True)
        _check_postback("Row.postback", self.postback)


@dataclass(frozen=True, slots=True)
class ListMessage:
    """A text with a button that opens one to ten rows. `message_ref` comes back with the choice."""

    title: str
    body: str
    button: str
    rows: tuple[Row, ...]
    footer: str = ""
    message_ref: str = ""

    def __post_init__(self) -> None:
        _within("ListMessage.title", self.title, _LONGEST_EDGE)
        _within("ListMessage.body", self.body, _LONGEST_BODY)
        _within("ListMessage.button", self.button, _LONGEST_BUTTON)
        _within("ListMessage.footer", self.footer, _LONGEST_EDGE, may_be_empty=True)
        if not 1 <= len(self.rows) <= _MOST_ROWS:
            raise ValueError(f"ListMessage.rows: {len(self.rows)} are not 1 to {_MOST_ROWS}")
        sections = {row.section for row in self.rows}
        if len(sections) > 1 and "" in sections:
            raise ValueError("ListMessage.rows: of several sections each needs a title")


@dataclass(frozen=True, slots=True)
class AddressForm:
    """WhatsApp's own form for an Indian address, filled in as far as we know it.

    `errors` says under which part what was wrong with the last answer; its keys are the names of `Address`.
    """

    body: str
    header: str = ""
    footer: str = ""
    name: str = ""
    phone: str = ""
    pincode: str = ""
    city: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _within("AddressForm.body", self.body, _LONGEST_BODY)
        _within("AddressForm.header", self.header, _LONGEST_EDGE, may_be_empty=True)
        _within("AddressForm.footer", self.footer, _LONGEST_EDGE, may_be_empty=True)
        strangers = sorted(self.errors.keys() - _FORM_KEYS.keys())
        if strangers:
            raise ValueError(f"AddressForm.errors: no such part: {', '.join(strangers)}")


@dataclass(frozen=True, slots=True)
class LocationRequest:
    """A text with the button that sends the customer's location."""

    body: str

    def __post_init__(self) -> None:
        _within("LocationRequest.body", self.body, _LONGEST_BODY)


SessionMessage = TextMessage | ButtonsMessage | ListMessage | AddressForm | LocationRequest


def write_template(template_id: str, params: Sequence[str]) -> str:
    """Write the form field `template`."""
    return _json({"id": template_id, "params": [clean_parameter(param) for param in params]})


def write_postbacks(postbacks: Sequence[str]) -> str:
    """Write the form field `postbackTexts`, one for each button; an empty one skips a button that cannot be tapped.

    Raises:
        ValueError: A postback would not come back as it was sent.
    """
    for postback in filter(None, postbacks):
        _check_postback("postbacks", postback)
    return _json([{"index": index, "text": postback} for index, postback in enumerate(postbacks) if postback])


def write_header(header: MediaHeader) -> str:
    """Write the form field `message` that goes with a template's header."""
    media = {"link": header.link}
    if header.kind == "document" and header.filename:
        media["filename"] = clean_parameter(header.filename)
    return _json({"type": header.kind, header.kind: media})


def write_session(message: SessionMessage) -> str:
    """Write the form field `message` of free-form sending."""
    match message:
        case TextMessage():
            return _json({"type": "text", "text": _clean(message.text)})
        case ButtonsMessage():
            return _json(_buttons(message))
        case ListMessage():
            return _json(_list(message))
        case AddressForm():
            return _json(_address_form(message))
        case LocationRequest():
            return _json(
                {
                    "type": "location_request_message",
                    "body": {"text": _clean(message.body)},
                    "action": {"name": "send_location"},
                },
            )


def clean_parameter(value: str) -> str:
    """Make a value fit for a template: one line, single spaces, nothing invisible that could disguise it.

    WhatsApp refuses newlines, tabs and more than four spaces in a row, and it refuses the whole message for
    an empty parameter, so that an empty value is sent as a dash.
    """
    return " ".join(_clean(value).split()) or "-"


def _clean(value: str) -> str:
    """Take out control and bidi characters and halves of emoji; line breaks and tabs stay."""
    return "".join(
        char
        for char in value
        if char in "\n\t" or (char not in _BIDI and unicodedata.category(char) not in {"Cc", "Cs"})
    )


def _buttons(message: ButtonsMessage) -> dict[str, Any]:
    return {
        "type": "quick_reply",
        **_reference(message.message_ref),
        "content": {
            "type": "text",
            "header": _clean(message.header),
            "text": _clean(message.body),
            "caption": _clean(message.footer),
        },
        "options": [
            {"type": "text", "title": _clean(button.title), "postbackText": button.postback}
            for button in message.buttons
        ],
    }


def _list(message: ListMessage) -> dict[str, Any]:
    sections: dict[str, list[dict[str, str]]] = {}
    for row in message.rows:
        sections.setdefault(row.section, []).append(
            {
                "type": "text",
                "title": _clean(row.title),
                "description": _clean(row.description),
                "postbackText": row.postback,
            },
        )
    return {
        "type": "list",
        "title": _clean(message.title),
        "body": _clean(message.body),
        "footer": _clean(message.footer),
        **_reference(message.message_ref),
        "globalButtons": [{"type": "text", "title": _clean(message.button)}],
        "items": [
            {"title": _clean(section), "subtitle": "", "options": options}
            for section, options in sections.items()
        ],
    }


def _address_form(message: AddressForm) -> dict[str, Any]:
    known = {"name": message.name, "phone": message.phone, "pincode": message.pincode, "city": message.city}
    address: dict[str, Any] = {"country": "IN", "values": _form_values(known)}
    if message.errors:
        address["validationErrors"] = _form_values(message.errors)
    return {
        "type": "address_message",
        **({"header": {"text": _clean(message.header)}} if message.header else {}),
        "body": {"text": _clean(message.body)},
        **({"footer": {"text": _clean(message.footer)}} if message.footer else {}),
        "address": address,
    }


def _form_values(parts: Mapping[str, str]) -> dict[str, str]:
    return {_FORM_KEYS[part]: " ".join(_clean(value).split()) for part, value in parts.items() if value}


def _reference(message_ref: str) -> dict[str, str]:
    return {"msgid": message_ref} if message_ref else {}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _within(name: str, value: str, longest: int, *, may_be_empty: bool = False) -> None:
    if not value.strip() and not may_be_empty:
        raise ValueError(f"{name}: empty")
    if len(value) > longest:
        raise ValueError(f"{name}: {len(value)} characters are more than {longest}")


def _check_postback(name: str, value: str) -> None:
    if len(value) > _LONGEST_POSTBACK or not _REFERENCE.fullmatch(value):
        raise ValueError(f"{name}: not 1 to {_LONGEST_POSTBACK} visible ASCII characters")
