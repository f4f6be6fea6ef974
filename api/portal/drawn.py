"""Messages as the portal draws them: what `domain.preview` made of a text becomes a bubble."""

from typing import Final, Literal

from api.portal.parts import Message, MessageButton
from domain.journey import TemplateText
from domain.preview import ButtonKind, Preview, preview
from domain.templates import placeholders

__all__ = ["drawn", "proposed"]

_ICONS: Final[dict[ButtonKind, Literal["reply", "link", "call", "list"]]] = {
    ButtonKind.QUICK_REPLY: "reply",
    ButtonKind.URL: "link",
    ButtonKind.PHONE: "call",
    ButtonKind.OTHER: "list",
}


def drawn(found: Preview, *, buttons: tuple[MessageButton, ...] = (), time: str = "") -> Message:
    """Return a preview as a bubble of ours; each value is a part of its own, which the page escapes."""
    own = tuple(MessageButton(label=button.label, icon=_ICONS[button.kind]) for button in found.buttons)
    return Message(
        head=found.header,
        paragraphs=found.paragraphs,
        foot=found.footer,
        buttons=buttons or own,
        time=time,
    )


def proposed(text: TemplateText, samples: dict[str, str], *, time: str = "") -> Message:
    """Return a proposed template as a bubble, filled with samples."""
    found = preview(
        header=text.header,
        body=text.named_body,
        footer=text.footer,
        buttons=[("QUICK_REPLY", label) for label in text.buttons],
        mapping=[(name, "") for name in placeholders(text.named_body)],
        samples=samples,
    )
    return drawn(found, time=time)
