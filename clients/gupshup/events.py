"""What a callback tells: one value for each fact, the same for both payload formats.

Every event has an `event_key`, equal for repeats of one fact and different for different facts, and the time at
which Gupshup says it happened. That time orders statuses; it decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

StatusKind = Literal["enqueued", "sent", "delivered", "read", "failed", "deleted", "mismatch", "other"]
MediaKind = Literal["image", "file", "audio", "video", "sticker"]


@dataclass(frozen=True, slots=True)
class Tap:
    """A button tapped or a row chosen. Without postback only the label tells which."""

    title: str
    postback: str | None
    via: Literal["template", "buttons", "list"]


@dataclass(frozen=True, slots=True)
class Text:
    """Typed text, as it came."""

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, document, recording or sticker. Its link expires within days and is never fetched here."""

    kind: MediaKind
    url: str = ""
    caption: str = ""
    content_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address form sent back. Any part may be empty; `body` is all of it as free text."""

    name: str = ""
    phone: str = ""
    pincode: str = ""
    house_number: str = ""
    floor_number: str = ""
    tower_number: str = ""
    building_name: str = ""
    address: str = ""
    landmark: str = ""
    city: str = ""
    state: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact cards: names, and phones as digits."""

    names: tuple[str, ...]
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction to a message of ours; empty when it was taken back."""

    emoji: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A message of a kind we do not read, or without its content."""

    kind: str


Content = Tap | Text | Media | Location | Address | Contact | Reaction | Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    event_key: str
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage(_Event):
    """A message from a customer.

    The phone may be hidden, then the business-scoped id (`bsuid`) is all there is. `context_ids` are the ids of
    the message replied to, Gupshup's first; `message_ref` is the one we gave to buttons or list.
    """

    message_id: str
    phone: str | None
    bsuid: str | None
    profile_name: str
    content: Content
    context_ids: tuple[str, ...]
    message_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent(_Event):
    """A step of a message we sent; at least one of its two ids is known."""

    kind: StatusKind
    gupshup_id: str | None
    whatsapp_id: str | None
    destination: str | None
    bsuid: str | None
    code: str | None
    reason: str
    pricing_category: str
    pricing_model: str
    pricing_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEvent(_Event):
    """What Gupshup charges, or does not charge, for a message we sent."""

    gupshup_id: str | None
    whatsapp_id: str | None
    billable: bool
    category: str
    model: str
    type: str
    destination: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateEvent(_Event):
    """A template changed. Words are upper case, as in `Template`.

    A category that is only announced (`is_announcement`) is not yet in force.
    """

    template_id: str
    element_name: str
    language: str
    kind: Literal["status", "category", "quality"]
    status: str = ""
    old_category: str = ""
    new_category: str = ""
    is_announcement: bool = False
    quality: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent(_Event):
    """The sender's standing with WhatsApp changed. `status` is upper case."""

    kind: Literal["tier", "status", "review", "display_name", "capability", "other"]
    status: str = ""
    old_limit: str = ""
    new_limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(_Event):
    """A customer opted in or out, or the callback address was just set (`sandbox_start`, with no real phone)."""

    kind: Literal["opted_in", "opted_out", "sandbox_start", "other"]
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceEvent(_Event):
    """A customer stopped or resumed a category of messages in WhatsApp itself."""

    phone: str | None
    bsuid: str | None
    category: str
    value: Literal["stop", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(_Event):
    """Anything else: connectivity checks, kinds to come, known kinds without what makes them useful."""

    kind: str
    raw: Mapping[str, Any] = field(repr=False)


CallbackEvent = (
    InboundMessage
    | StatusEvent
    | BillingEvent
    | TemplateEvent
    | AccountEvent
    | UserEvent
    | PreferenceEvent
    | OtherEvent
)


@dataclass(frozen=True, slots=True)
class Callback:
    """One request's body. It holds at least one event; names of the app are a filter, never a proof."""

    app_name: str | None
    app_id: str | None
    version: Literal[2, 3]
    events: tuple[CallbackEvent, ...]
    phone: str | None = None  # the app's own number, where it is told
