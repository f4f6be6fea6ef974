"""What the macros draw, as values: what is around a page, and the parts that several pages share.

Everything here is ready to be shown: times, money and numbers are words already. A text may be `Markup` only where a macro
or a template made it. The comments above the macros say what each value does on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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
class Toast:
    """What the last act did, said once on the next page."""

    text: str
    detail: str = ""
    undo_url: str = ""
    undo_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is around every page of somebody who is signed in.

    `current` is the key of the navigation's entry, `once` the idempotency key of this page's forms, `theme` one that was chosen
    over the system's.
    """

    workspace_name: str
    person_name: str
    initials: str
    role_words: str
    csrf: str
    current: str
    attention: int = 0
    waiting: int = 0
    toast: Toast | None = None
    is_ops: bool = False
    zone_words: str = ""
    once: str = ""
    theme: Literal["", "light", "dark"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormError:
    """What is wrong with one field; `field` is empty where it is none's fault."""

    field: str
    text: str

    @property
    def first_sentence(self) -> str:
        """The part that stands in the summary: up to the first full stop, which it then does without."""
        return self.text.partition(". ")[0].removesuffix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """A page that cannot be shown, and the way on."""

    title: str
    text: str
    drawing: Literal["box", "search", "warn", "lock", "message", "preview"] = "warn"
    href: str = "/"
    button: str = "Go to the first page"
    reference: str = ""


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


class Part(Protocol):
    """A run of a paragraph, as `domain.preview` makes them: text, bold, italic, strike, mono or value."""

    @property
    def kind(self) -> str:
        """How it is drawn."""
        ...

    @property
    def text(self) -> str:
        """Its words."""
        ...


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
    head: str | Sequence[Part] = ""
    paragraphs: tuple[str | Sequence[Part], ...] = ()
    foot: str = ""
    media: Media | None = None
    buttons: tuple[MessageButton, ...] = ()
    quote: str = ""
    quote_by: str = ""
    reaction: str = ""
    time: str = ""
    iso: str = ""
    ticks: TickStatus | Literal[""] = ""


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
