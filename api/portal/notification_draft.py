"""What is drafted for a notification: the template, and what stands in its placeholders (R4.5).

A draft comes from the form or from what is saved. Nothing here asks Gupshup or stores anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.portal.account_templates import Checked, language_of
from api.portal.forms import Form
from clients.gupshup import Template
from db.notifications import Button, Notification, Param
from domain.journey import JourneyEntry
from domain.preview import ButtonKind, button_kind
from domain.template_checks import TEMPLATE_FIELD, Trouble, check_values, value_field
from domain.templates import OPTIONS_CHOICE, choice_for, placeholders
from domain.variables import suggested, variables_for

__all__ = [
    "CHOSEN",
    "Draft",
    "buttons_of",
    "check_draft",
    "draft_of",
    "fallback_field",
    "mapping_of",
    "read_draft",
    "rows_of",
]

CHOSEN: Final = "chosen"
"""The field in which a template is chosen; one that is pasted stands in another."""

_LONGEST_FALLBACK: Final = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form says.

    Attributes:
        template_id: The template that is chosen or pasted; empty for none.
        is_pasted: Whether it was pasted.
        values: Pairs of variable and fallback text, by placeholder.
        language: Which of the template's languages the preview shows; empty for its own.
        takes_marketing: The seller accepts that the template's category became marketing.
    """

    template_id: str = ""
    is_pasted: bool = False
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    language: str = ""
    takes_marketing: bool = False


def read_draft(form: Form, names: Sequence[str] = ()) -> Draft:
    """Read the form: the template, and a value for each placeholder that the form has.

    Raises:
        Problem: 400 for what no input of ours lets through.
    """
    pasted = form.text(TEMPLATE_FIELD, longest=200)
    found = [name.removeprefix("value_") for name, _ in form.fields if name.startswith("value_")]
    return Draft(
        template_id=pasted or form.text(CHOSEN, longest=64),
        is_pasted=bool(pasted),
        values={
            name: (
                form.text(value_field(name), longest=64),
                form.text(fallback_field(name), longest=_LONGEST_FALLBACK),
            )
            for name in names or found
        },
        language=form.text("language", longest=16) or form.text("shown", longest=16),
        takes_marketing=form.has("marketing"),
    )


def draft_of(rows: Sequence[Notification], preferred: str, *, template_id: str = "") -> Draft:
    """Return what is saved as a draft; without anything saved an empty one.

    Args:
        rows: What is saved, one for each language.
        preferred: The workspace's own language.
        template_id: Another template to begin with, as a link may name it.
    """
    row = next((each for each in rows if each.language == preferred), rows[0] if rows else None)
    if row is None or (template_id and template_id != row.template_id):
        return Draft(template_id)
    names = placeholders(row.body)
    pairs = [(param.variable, param.fallback) for param in row.params]
    return Draft(row.template_id, values=dict(zip(names, pairs, strict=False)))


def mapping_of(draft: Draft, entry: JourneyEntry, template: Template) -> dict[str, tuple[str, str]]:
    """Return what stands in each of a template's placeholders: as drafted, else as its name or our proposal suggests."""
    names = template.placeholders
    proposed = _proposed(entry, template) or suggested(names, known=variables_for(entry))
    return {name: draft.values.get(name, pair) for name, pair in zip(names, proposed, strict=True)}


def check_draft(draft: Draft, entry: JourneyEntry, template: Template) -> tuple[Trouble, ...]:
    """Return which placeholders of a template have no value (R4.5)."""
    mapping = mapping_of(draft, entry, template)
    known = [variable.name for variable in variables_for(entry)]
    return check_values(template.placeholders, list(mapping.values()), known=known)


def rows_of(
    checked: Checked,
    draft: Draft,
    entry: JourneyEntry,
    *,
    workspace_id: str,
    account_id: str,
    is_on: bool,
) -> tuple[Notification, ...]:
    """Return what to save: one notification for each language that can be sent."""
    if checked.template is None:
        return ()
    mapping = mapping_of(draft, entry, checked.template)
    return tuple(
        Notification(
            workspace_id=workspace_id,
            account_id=account_id,
            event=entry.key,
            language=language_of(template),
            template_id=template.id,
            template_name=template.element_name,
            category=template.category,
            header=template.header,
            body=template.body,
            footer=template.footer,
            buttons=buttons_of(entry, template),
            params=tuple(Param(*mapping[name]) for name in template.placeholders),
            is_on=is_on,
        )
        for template in checked.languages
    )


def buttons_of(entry: JourneyEntry, template: Template) -> tuple[Button, ...]:
    """Return all buttons of a template in their order, with what a tap stands for where one answers (R6.3)."""
    found: list[Button] = []
    for button in template.buttons:
        kind = button_kind(button.type)
        # Words that we do not know lead to the list of what is possible; where no case asks, there is none.
        default = OPTIONS_CHOICE if entry.needs_buttons else ""
        choice = (choice_for(button.text) or default) if kind is ButtonKind.QUICK_REPLY else ""
        found.append(Button(button.text, choice, kind.value))
    return tuple(found)


def fallback_field(name: str) -> str:
    """Return the form's field for the text that stands in a placeholder without a value."""
    return f"fallback_{name}"


def _proposed(entry: JourneyEntry, template: Template) -> tuple[tuple[str, str], ...]:
    """Return the values of our own proposal where a template is just that."""

    def bare(text: str) -> str:
        return " ".join(text.split())

    text = next((each for each in entry.texts if bare(each.body) == bare(template.body)), None)
    return tuple((variable, "") for variable in text.variables) if text is not None else ()
