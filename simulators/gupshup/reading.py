"""Reads what a caller sends: form fields, templates filled in, free-form messages of every kind.

What the real API refuses at once raises `Refused`. What it accepts and only later reports as failed comes back
as a code beside the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from .state import App, Button, Choice, Content, Template

PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
"""What a value stands for in a template: a number, or a name."""
_UNCLEAN: Final = re.compile(r"[\n\r\t]| {5,}")
_JSON_FIELDS: Final = ("template", "message", "postbackTexts")
_BODY_LIMIT: Final = 1024
_TEXT_LIMIT: Final = 4096
_MEDIA_KINDS: Final = frozenset({"image", "file", "audio", "video", "sticker"})
_NOT_APPROVED: Final = {"PAUSED": 4005, "DISABLED": 132016}
_NO_SUCH_TEMPLATE: Final = 4003
_WRONG_COUNT: Final = 132000
_WRONG_FORM: Final = 132018
_TOO_LONG: Final = 132005
_BAD_VALUE: Final = 131009


class Refused(Exception):
    """A request that the API refuses at once.

    Attributes:
        status: the HTTP status.
        message: the text of the answer.
    """

    def __init__(self, status: int, message: Any) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


def read_form(content_type: str, body: bytes) -> dict[str, Any]:
    """Decode a form, and the JSON inside its fields.

    Raises:
        Refused: the body is not form-urlencoded, or a field that must be JSON is not.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused(400, "Invalid Content Type")
    try:
        form: dict[str, Any] = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError as error:
        raise Refused(400, "Invalid Request Body") from error
    for name in _JSON_FIELDS:
        if name in form:
            try:
                form[name] = json.loads(form[name])
            except ValueError as error:
                raise Refused(400, f"Invalid {name}") from error
    return form


def placeholders(text: str) -> list[str]:
    """List a text's distinct placeholders in the order of their values: numbers by size, names as they first stand."""
    found = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    return sorted(found, key=int) if all(name.isdecimal() for name in found) else found


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `{{1}}` or `{{name}}`; one without a value stays as it is."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def read_template(app: App, form: Mapping[str, Any]) -> tuple[Content, int | None]:
    """Fill in the template that a request names.

    Returns:
        What the customer would see, and the code of what WhatsApp will object to, if anything.

    Raises:
        Refused: the `template` field is missing or of the wrong shape.
    """
    order = form.get("template")
    if not isinstance(order, dict) or not isinstance(order.get("params", []), list) or not order.get("id"):
        raise Refused(400, "Invalid Template")
    params = [str(value) for value in order.get("params", [])]
    template = app.templates.get(str(order["id"]))
    if template is None:
        # An external id or an element name is accepted too, and fails later.
        return Content(
            kind="template", text="", template=str(order["id"]), category="utility"
        ), _NO_SUCH_TEMPLATE
    content = _filled(template, params, form)
    return content, _objection(template, params, content.text)


def _filled(template: Template, params: list[str], form: Mapping[str, Any]) -> Content:
    in_header = len(placeholders(template.header))
    header_values = dict(zip(placeholders(template.header), params[:in_header], strict=False))
    values = dict(zip(placeholders(template.data), params[in_header:], strict=False))
    postbacks = _postbacks(form.get("postbackTexts"))
    return Content(
        kind="template",
        pattern=template.data,
        values=values,
        text=fill(template.data, values),
        header=fill(template.header, header_values),
        footer=template.footer,
        choices=tuple(
            Choice(title=button.text, postback=postbacks.get(index))
            for index, button in enumerate(template.buttons)
            if button.type == "QUICK_REPLY"
        ),
        links=tuple(
            Button(
                type=button.type,
                text=button.text,
                url=fill(button.url, values),
                phone_number=button.phone_number,
            )
            for button in template.buttons
            if button.type != "QUICK_REPLY"
        ),
        media=_header_media(form.get("message")),
        template=template.element_name,
        category=template.category.lower(),
    )


def _objection(template: Template, params: list[str], filled: str) -> int | None:
    if template.status.upper() != "APPROVED":
        return _NOT_APPROVED.get(template.status.upper(), 132001)
    if len(params) != len(placeholders(template.header)) + len(placeholders(template.data)):
        return _WRONG_COUNT
    if any(_UNCLEAN.search(value) for value in params):
        return _WRONG_FORM
    return _TOO_LONG if len(filled) > _BODY_LIMIT else None


def _postbacks(given: Any) -> dict[int, str]:
    if given is None:
        return {}
    if not isinstance(given, list):
        raise Refused(400, "Invalid postbackTexts")
    try:
        # Indexes are seen both as numbers and as strings.
        return {int(entry["index"]): str(entry["text"]) for entry in given}
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(400, "Invalid postbackTexts") from error


def _header_media(message: Any) -> Mapping[str, str]:
    if message is None:
        return {}
    if not isinstance(message, dict):
        raise Refused(400, "Invalid message")
    kind = str(message.get("type", ""))
    part = message.get(kind)
    details = {key: str(value) for key, value in part.items()} if isinstance(part, dict) else {}
    return {**details, "type": "file" if kind == "document" else kind}


def read_session(form: Mapping[str, Any]) -> tuple[Content, int | None]:
    """Read a free-form message.

    Returns:
        What the customer would see, and the code of what WhatsApp will object to, if anything.

    Raises:
        Refused: the `message` field is missing, of an unknown type or of the wrong shape.
    """
    message = form.get("message")
    if not isinstance(message, dict):
        raise Refused(400, "Invalid message")
    kind = str(message.get("type", ""))
    if "caption" in message and message["caption"] is None:
        raise Refused(400, "Invalid message")
    quoted = message.get("context")
    tag = str(message.get("msgid") or "")
    quoted_id = str(quoted.get("msgId") or "") if isinstance(quoted, dict) else ""
    try:
        content = _session_content(kind, message, tag=tag, quoted_id=quoted_id)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused(400, "Invalid message") from error
    return content, None if _within_limits(content) else _BAD_VALUE


def _session_content(kind: str, message: Mapping[str, Any], *, tag: str, quoted_id: str) -> Content:
    if kind in _MEDIA_KINDS:
        caption = str(message.get("caption") or "")
        media = {key: str(value) for key, value in message.items() if key != "caption"}
        return Content(kind=kind, pattern=caption, text=caption, media=media, quoted_id=quoted_id)
    match kind:
        case "text":
            text = str(message["text"])
            return Content(kind=kind, pattern=text, text=text, quoted_id=quoted_id)
        case "quick_reply":
            return _quick_reply(message, tag)
        case "list":
            return _list(message, tag)
        case "address_message":
            body = str(message["body"]["text"])
            return Content(
                kind=kind,
                pattern=body,
                text=body,
                header=_part(message, "header"),
                footer=_part(message, "footer"),
                opens="Provide address",
                form={
                    str(key): str(value) for key, value in (message["address"].get("values") or {}).items()
                },
                form_errors={
                    str(key): str(value)
                    for key, value in (message["address"].get("validationErrors") or {}).items()
                },
            )
        case "location_request_message":
            body = str(message["body"]["text"])
            return Content(kind=kind, pattern=body, text=body, opens="Send location")
        case "cta_url":
            body = str(message["body"])
            link = Button(type="URL", text=str(message["display_text"]), url=str(message["url"]))
            footer = str(message.get("footer") or "")
            return Content(kind=kind, pattern=body, text=body, footer=footer, links=(link,))
        case "location" | "contact":
            details = message["contact"] if kind == "contact" else message
            media = {str(key): str(value) for key, value in details.items() if key != "type"}
            return Content(kind=kind, media={**media, "type": kind}, quoted_id=quoted_id)
        case "reaction":
            return Content(kind=kind, text=str(message["emoji"]), quoted_id=str(message["msgId"]))
        case _:
            raise Refused(400, "Invalid message type")


def _quick_reply(message: Mapping[str, Any], tag: str) -> Content:
    content = message["content"]
    text = str(content.get("text") or "")
    media_kind = str(content.get("type", "text"))
    return Content(
        kind="quick_reply",
        pattern=text,
        text=text,
        header=str(content.get("header") or ""),
        footer=str(content.get("caption") or ""),
        choices=tuple(
            Choice(title=str(option["title"]), postback=option.get("postbackText"))
            for option in message["options"]
        ),
        media={"type": media_kind, "url": str(content.get("url", ""))} if media_kind in _MEDIA_KINDS else {},
        message_tag=tag,
    )


def _list(message: Mapping[str, Any], tag: str) -> Content:
    body = str(message["body"])
    return Content(
        kind="list",
        pattern=body,
        text=body,
        header=str(message.get("title") or ""),
        footer=str(message.get("footer") or ""),
        opens=str(message["globalButtons"][0]["title"]),
        choices=tuple(
            Choice(
                title=str(option["title"]),
                postback=option.get("postbackText"),
                description=str(option.get("description") or ""),
                section=str(section.get("title") or ""),
            )
            for section in message["items"]
            for option in section["options"]
        ),
        message_tag=tag,
    )


def _part(message: Mapping[str, Any], name: str) -> str:
    part = message.get(name)
    return str(part.get("text") or "") if isinstance(part, dict) else ""


def _within_limits(content: Content) -> bool:
    if content.kind == "text":
        return 0 < len(content.text) <= _TEXT_LIMIT
    titles = {"quick_reply": 20, "list": 24}.get(content.kind)
    if titles is None:
        return len(content.text) <= _BODY_LIMIT
    most = 3 if content.kind == "quick_reply" else 10
    return (
        0 < len(content.choices) <= most
        and all(0 < len(choice.title) <= titles for choice in content.choices)
        and all(len(choice.description) <= 72 for choice in content.choices)  # noqa: PLR2004 - a row's second line
        and 0 < len(content.text) <= _BODY_LIMIT
        and max(len(content.header), len(content.footer)) <= 60  # noqa: PLR2004 - header and footer alike
        and len(content.opens) <= 20  # noqa: PLR2004 - a button
    )
