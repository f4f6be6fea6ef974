"""Message templates as Gupshup lists them: what can be sent, with which parameters and buttons."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clients.gupshup import wire
from domain.preview import button_kind
from domain.template_checks import Listed
from domain.templates import placeholders

_MOST_BUTTONS = 10
_DIALLED = re.compile(r"\+?[0-9]{6,15}")


@dataclass(frozen=True, slots=True)
class TemplateButton:
    """One button. Its place among all buttons is the index of its postback."""

    type: str  # QUICK_REPLY, URL, PHONE_NUMBER, FLOW or a newer word
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template in one language. Words of status, category and quality are upper case."""

    id: str
    element_name: str
    language: str
    category: str
    status: str
    body: str
    header: str = ""
    footer: str = ""
    buttons: tuple[TemplateButton, ...] = ()
    placeholders: tuple[str, ...] = ()  # of the body, each once, in the order of `params`
    quality: str = ""
    reason: str = ""
    template_type: str = ""

    @property
    def header_placeholders(self) -> tuple[str, ...]:
        """Return the header's placeholders: such a template needs more parameters than its body shows."""
        return placeholders(self.header)

    @property
    def listed(self) -> Listed:
        """Return what decides whether a notification may go on being sent with it (R4.8)."""
        return Listed(
            status=self.status,
            reason=self.reason,
            category=self.category,
            kind=self.template_type,
            body=self.body,
            others=(self.header, *(button.url for button in self.buttons)),
            buttons=tuple((button.text, button_kind(button.type).value) for button in self.buttons),
        )

    @property
    def quick_replies(self) -> tuple[str, ...]:
        """Return the labels that a customer can tap to answer, in button order."""
        return tuple(button.text for button in self.buttons if button.type == "QUICK_REPLY")


def is_sendable(status: str) -> bool:
    """Tell whether a template in this status may be sent; a word not known may not."""
    return status.strip().upper() == "APPROVED"


def read_template(value: object) -> Template | None:
    """Read one entry of the list; None when it lacks what every template has."""
    entry = wire.mapping(value)
    template_id = wire.identifier(entry.get("id"))
    element_name = wire.first_text(entry.get("elementName"))
    status = _word(entry.get("status"))
    if not (template_id and element_name and status):
        return None
    container = _container(entry.get("containerMeta"))
    text, labels = _flattened_parts(wire.text(entry.get("data")))
    body = wire.text(container.get("data")) or text
    return Template(
        id=template_id,
        element_name=element_name,
        language=wire.first_text(entry.get("languageCode")),
        category=_word(entry.get("category")),
        status=status,
        body=body,
        header=wire.text(container.get("header")),
        footer=wire.text(container.get("footer")),
        buttons=_buttons(container) or tuple(_flattened_button(label) for label in labels),
        placeholders=placeholders(body),
        quality=_word(entry.get("quality")),
        reason=wire.first_text(entry.get("reason")),
        template_type=_word(entry.get("templateType")),
    )


def _word(value: object) -> str:
    return wire.first_text(value).upper()


def _container(value: object) -> Mapping[str, Any]:
    """Read `containerMeta`: JSON in a string, sometimes empty or absent, in one list a real object."""
    return wire.mapping(value) or wire.mapping(wire.load_quietly(value))


def _buttons(container: Mapping[str, Any]) -> tuple[TemplateButton, ...]:
    return tuple(
        TemplateButton(_word(button.get("type")), wire.text(button.get("text")), wire.text(button.get("url")))
        for button in wire.mappings(container.get("buttons"))
    )


def _flattened_parts(flattened: str) -> tuple[str, tuple[str, ...]]:
    """Part a flattened text from its buttons: older templates name them nowhere else.

    Such a text ends "... | [Yes] | [Track,https://example.com]".
    """
    rest, labels = flattened.rstrip(), list[str]()
    while rest.endswith("]") and len(labels) < _MOST_BUTTONS:
        before, bar, label = rest[:-1].rpartition("| [")
        if not bar:
            break  # a bracket of the body's own
        labels.append(label)
        rest = before.rstrip()
    return rest, tuple(reversed(labels))


def _flattened_button(written: str) -> TemplateButton:
    label, _, target = (part.strip() for part in written.rpartition(","))
    if label and target.startswith(("https://", "http://")):
        return TemplateButton("URL", label, target)
    if label and _DIALLED.fullmatch(target):
        return TemplateButton("PHONE_NUMBER", label)
    return TemplateButton("QUICK_REPLY", written.strip())  # a comma of the label's own: "Yes, please"
