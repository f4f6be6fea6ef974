"""Reading templates in all the shapes in which they are listed."""

import json
from typing import Any

import pytest

from clients.gupshup import TemplateButton, is_sendable
from clients.gupshup.templates import read_template

ENTRY = {"id": "t-1", "elementName": "delivery_failed", "status": "approved"}
CONTAINER = {
    "data": "Hi {{1}}, {{ 2 }} and {{1}}",
    "header": "For {{1}}",
    "footer": "Example Store",
    "buttons": [{"type": "url", "text": "Track", "url": "https://example.com/{{1}}"}],
}


@pytest.mark.parametrize("meta", [CONTAINER, json.dumps(CONTAINER)])
def test_container_as_object_or_text(meta: object) -> None:
    """`containerMeta` is JSON in a string in one list, an object in another."""
    template = read_template({**ENTRY, "containerMeta": meta, "data": "other | [No]", "quality": "Yellow"})
    assert template is not None
    assert template.body == "Hi {{1}}, {{ 2 }} and {{1}}"
    assert template.placeholders == ("1", "2")
    assert template.header_placeholders == ("1",)
    assert template.footer == "Example Store"
    assert template.buttons == (TemplateButton("URL", "Track", "https://example.com/{{1}}"),)
    assert (template.status, template.quality) == ("APPROVED", "YELLOW")


@pytest.mark.parametrize("meta", ["", "{}", "{", "null", "[]", None, 5, []])
def test_buttons_from_flattened_text(meta: object) -> None:
    """Without a container the bracketed tail of `data` names the buttons, in order."""
    data = "Choose [one]: | [Yes, please] | [Track,https://example.com/t] | [Call us,+919999900099]"
    template = read_template({**ENTRY, "containerMeta": meta, "data": data})
    assert template is not None
    assert template.body == "Choose [one]:"
    assert template.buttons == (
        TemplateButton("QUICK_REPLY", "Yes, please"),
        TemplateButton("URL", "Track", "https://example.com/t"),
        TemplateButton("PHONE_NUMBER", "Call us"),
    )
    assert template.quick_replies == ("Yes, please",)


def test_bracket_of_the_text_is_no_button() -> None:
    """Only what follows a bar is a button."""
    template = read_template({**ENTRY, "data": "Hello [Asha]"})
    assert template is not None
    assert (template.body, template.buttons) == ("Hello [Asha]", ())


@pytest.mark.parametrize("missing", ["id", "elementName", "status"])
@pytest.mark.parametrize("value", [None, "", {}, []])
def test_entry_without_what_every_template_has(missing: str, value: Any) -> None:
    """Such an entry cannot be used, and is not worth losing the list for."""
    assert read_template({**ENTRY, missing: value}) is None


@pytest.mark.parametrize("entry", [None, "", [], 5])
def test_entry_that_is_no_object(entry: object) -> None:
    """Whatever stands in the list, nothing is raised."""
    assert read_template(entry) is None


@pytest.mark.parametrize(
    ("status", "sendable"),
    [
        ("APPROVED", True),
        ("approved", True),
        (" Approved ", True),
        *((status, False) for status in ("PENDING", "PAUSED", "REINSTATED", "FLAGGED", "", "new word")),
    ],
)
def test_only_approved_is_sendable(status: str, *, sendable: bool) -> None:
    """A word not known is not sendable. # I6."""
    assert is_sendable(status) is sendable
