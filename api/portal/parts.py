"""What the macros draw, as values: the parts that several pages share.

Everything here is ready to be shown: times, money and numbers are words already. A text may be `Markup` only where a macro
or a template made it. The comments above the macros say what each value does on the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.preview import ButtonKind, Part, Preview

Tone = Literal["", "ok", "info", "warn", "bad"]
TickStatus = Literal["queued", "sent", "delivered", "read", "failed"]
EntryKind = Literal[
    "message",
    "not_sent",
    "failed_message",
    "reply",
    "action",
    "refused",
    "automatic",
    "handed_over",
    "courier",
    "moved",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer to a question; `badge` is markup or empty."""

    value: str
    label: str
    hint: str = ""
    badge: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of what is so."""

    words: str
    note: str = ""
    tone: Literal["", "bad", "warn"] = ""
    drawing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One way to narrow a list."""

    words: str
    href: str
    count: int | None = None
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """One figure; `note` may be markup."""

    label: str
    figure: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a list or a funnel; `share` is what of its length is filled, 0 to 100."""

    label: str
    share: float
    value: str
    beside: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a histogram: the label under it, and the words for who cannot see it ("under 5 minutes")."""

    label: str
    words: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture, sound, file, person or place in a message; what else there may be is `other`, with its type as title."""

    kind: Literal["image", "video", "location", "sticker", "audio", "file", "contact", "other"]
    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageButton:
    """A button of a message, as words; `icon` is reply, list, link, call or pin."""

    label: str
    icon: Literal["reply", "list", "link", "call", "pin"] = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One WhatsApp message."""

    by_customer: bool = False
    head: str | tuple[Part, ...] = ""
    paragraphs: tuple[str | tuple[Part, ...], ...] = ()
    foot: str = ""
    media: Media | None = None
    buttons: tuple[MessageButton, ...] = ()
    quote: str = ""
    quote_by: str = ""
    reaction: str = ""
    time: str = ""
    iso: str = ""
    ticks: TickStatus | Literal[""] = ""


_BUTTON_ICONS: Final[dict[ButtonKind, Literal["reply", "link", "call"]]] = {
    ButtonKind.URL: "link",
    ButtonKind.PHONE: "call",
}


def message_of(preview: Preview, *, time: str = "") -> Message:
    """Return a template's preview as a message; `time` stands in its corner."""
    return Message(
        head=preview.header,
        paragraphs=preview.paragraphs,
        foot=preview.footer,
        buttons=tuple(
            MessageButton(label=button.label, icon=_BUTTON_ICONS.get(button.kind, "reply"))
            for button in preview.buttons
        ),
        time=time,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderBar:
    """Who a preview comes from."""

    name: str
    number: str
    initials: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language that a template has."""

    words: str
    lang: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened to an order."""

    key: str
    kind: EntryKind
    what: str
    time: str
    iso: str
    rest: str = ""
    mode: str = ""
    facts: tuple[str, ...] = ()
    ticks: tuple[TickStatus, str] | None = None
    link: tuple[str, str] | None = None
    asked: str = ""
    answer: str = ""
    answer_tone: Tone = ""
    say: str = ""
    messages: tuple[Message, ...] = ()
    customer: str = "The customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The entries of one day, newest first."""

    title: str
    entries: tuple[Entry, ...]
