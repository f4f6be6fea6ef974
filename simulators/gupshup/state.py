"""What the stand-in knows: apps, phones, the messages between them and the record of what passed.

Everything lives in one `World`, in memory. Changing it is left to `network`; how it looks on the wire to `wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

Step = Literal["submitted", "enqueued", "sent", "delivered", "read", "failed"]

ALL_MODES = (
    "SENT",
    "DELIVERED",
    "READ",
    "DELETED",
    "OTHERS",
    "FAILED",
    "MESSAGE",
    "TEMPLATE",
    "ACCOUNT",
    "BILLING",
    "ENQUEUED",
    "FLOWS_MESSAGE",
    "PAYMENTS",
    "ALL",
    "NONE",
    "COPY",
    "COEXISTENCE",
)


def now() -> datetime:
    """Say what time it is, in UTC."""
    return datetime.now(UTC)


def moved_clock(ahead: Path) -> Callable[[], datetime]:
    """Return a clock that is ahead by the seconds that stand in a file."""
    return lambda: now() + timedelta(seconds=float(ahead.read_text()))


class PhoneState(StrEnum):
    """What a customer's phone does with what is sent to it."""

    ONLINE = "online"
    OFF = "off"
    BLOCKED = "blocked"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of a template, fixed when the template was approved."""

    type: str
    text: str
    url: str = ""
    phone_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An approved (or not yet approved) text; `data` is the body alone."""

    id: str
    element_name: str
    language_code: str = "en"
    category: str = "UTILITY"
    status: str = "APPROVED"
    template_type: str = "TEXT"
    header: str = ""
    data: str = ""
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    reason: str = ""
    quality: str = "UNKNOWN"
    container_meta: bool | str = True
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An address that gets an app's callbacks, in one of the two payload formats."""

    id: str
    url: str
    tag: str
    version: int = 2
    modes: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now)

    def wants(self, mode: str) -> bool:
        """Say whether callbacks of this mode go to this address."""
        return mode in self.modes or "ALL" in self.modes


@dataclass(slots=True, kw_only=True)
class App:
    """One business number with its key, templates and subscriptions."""

    id: str
    name: str
    phone: str
    api_key: str
    display_name: str
    balance: float = 25.0
    sends_per_second: int = 0
    """0 = no limit of its own."""
    is_live: bool = True
    templates: dict[str, Template] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Phone:
    """A customer's phone. Blocking is per business, the other states are the whole phone's."""

    number: str
    name: str = ""
    state: PhoneState = PhoneState.ONLINE
    blocked: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    """How many entries of each app's chat have been looked at."""

    def state_for(self, app_id: str) -> PhoneState:
        """Say what this phone does with messages of one business."""
        return PhoneState.BLOCKED if app_id in self.blocked else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something the customer can tap: a reply button or a row of a list."""

    title: str
    postback: str | None = None
    description: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message of the business shows, whatever form it was sent in.

    `pattern` and `values` are the body before and after filling in: markup is the pattern's right alone.
    """

    kind: str
    pattern: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    header: str = ""
    footer: str = ""
    choices: tuple[Choice, ...] = ()
    links: tuple[Button, ...] = ()
    opens: str = ""
    """Label of the button that opens a list or a form."""
    media: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    form_errors: Mapping[str, str] = field(default_factory=dict)
    message_tag: str = ""
    """The sender's own `msgid`."""
    quoted_id: str = ""
    template: str = ""
    category: str = "service"


@dataclass(slots=True, kw_only=True)
class Message:
    """A message that the API accepted."""

    id: str
    whatsapp_id: str
    meta_id: str
    app: App
    phone: str
    content: Content
    at: datetime
    in_window: bool
    status: Step = "submitted"
    code: int | None = None
    reason: str = ""
    tapped: set[int] = field(default_factory=set)
    arrived_at: datetime | None = None
    reaction: str = ""


@dataclass(slots=True, kw_only=True)
class Reply:
    """Something a customer sent; `body` is the inner payload of the v2 callback."""

    id: str
    app: App
    phone: Phone
    kind: str
    body: Mapping[str, Any]
    text: str
    at: datetime
    context: Mapping[str, Any] | None = None
    quoted: Message | None = None
    status: Literal["queued", "sent", "delivered", "read"] = "queued"


@dataclass(slots=True, kw_only=True)
class SendRequest:
    """One request to send, as received and as answered."""

    seq: int
    at: datetime
    app: str | None
    path: str
    form: Mapping[str, Any]
    destination: str
    http_status: int | None = None
    message_id: str | None = None
    outcome: Literal["accepted", "refused", "cut"] = "refused"
    ms: int = 0


@dataclass(slots=True, kw_only=True)
class CallbackAttempt:
    """One callback posted once; `status` is None when no answer came."""

    seq: int
    at: datetime
    url: str
    kind: str
    body: Any
    attempt: int
    phone: str = ""
    note: str = ""
    status: int | None = None
    ms: int = 0


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """What the next calls of one endpoint meet instead of the ordinary answer."""

    app: str | None
    endpoint: str
    mode: str
    status: int
    retry_after: int | None
    seconds: float
    message: Any
    times: int


@dataclass(slots=True)
class Options:
    """How callbacks and answers misbehave, and the window for session messages."""

    shuffle: bool = False
    duplicate: bool = False
    drop_gs_id: bool = False
    statuses: bool = True
    late_seconds: float = 0.0
    """Each status waits for up to so long, and overtakes others."""
    window_seconds: float = 86_400.0
    down: bool = False
    """No call is answered."""
    recipient_first: bool = False
    """A send's recipient is looked at before its sender."""
    stranger_status: int = 400
    """What a key is told about an app of another key; 401 as if the key were wrong."""


@dataclass(slots=True)
class World:
    """All of the stand-in's memory."""

    clock: Callable[[], datetime] = now
    apps: dict[str, App] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    order_system_url: str = ""
    media_base_url: str = "https://filemanager.gupshup.io"
    subscription_calls_per_minute: int = 5
    messages: dict[str, Message] = field(default_factory=dict)
    chats: dict[tuple[str, str], list[Message | Reply]] = field(default_factory=dict)
    wrote_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    requests: list[SendRequest] = field(default_factory=list)
    callbacks: list[CallbackAttempt] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    version: int = 0
    """Counts changes, so that a page knows when to look again."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, clock: Callable[[], datetime] = now) -> World:
        """Build the world that a configuration file describes.

        Raises:
            KeyError: an app lacks its id, name, phone or key.
        """
        world = cls(clock=clock, order_system_url=str(config.get("order_system_url") or ""))
        world.media_base_url = str(config.get("media_base_url") or world.media_base_url)
        world.subscription_calls_per_minute = int(config.get("subscription_calls_per_minute", 5))
        for entry in config.get("apps", ()):
            world.put_app(entry)
        for entry in config.get("people", ()):
            world.phone(str(entry["phone"])).name = str(entry.get("name") or "")
        return world

    def put_app(self, entry: Mapping[str, Any]) -> App:
        """Add an app, or replace the one of the same id.

        Raises:
            KeyError: a compulsory key is missing.
        """
        app = App(
            id=str(entry["id"]),
            name=str(entry["name"]),
            phone=str(entry["phone"]),
            api_key=str(entry["api_key"]),
            display_name=str(entry.get("display_name") or entry["name"]),
            balance=float(entry.get("balance", 25)),
            sends_per_second=int(entry.get("sends_per_second", 0)),
            is_live=bool(entry.get("live", True)),
        )
        app.templates = {each.id: each for each in map(template_from_json, entry.get("templates", ()))}
        for number, each in enumerate(entry.get("subscriptions", ()), start=1):
            subscription = Subscription(
                id=str(each.get("id") or 8000 + number),
                url=str(each["url"]),
                tag=str(each.get("tag") or f"configured-{number}"),
                version=int(each.get("version", 2)),
                modes=tuple(each.get("modes", ("ALL",))),
                headers={str(name): str(value) for name, value in (each.get("headers") or {}).items()},
            )
            app.subscriptions[subscription.id] = subscription
        known = self.apps.get(app.id)
        if known is None:
            self.apps[app.id] = app
            return app
        # Messages under way hold the app itself: change it in place.
        for name in App.__slots__:
            setattr(known, name, getattr(app, name))
        return known

    def phone(self, number: str) -> Phone:
        """Return the phone of this number, which comes into being when first named."""
        return self.phones.setdefault(number, Phone(number=number))

    def find_app(self, name: str) -> App | None:
        """Find an app by its name or id."""
        return self.apps.get(name) or next((app for app in self.apps.values() if app.name == name), None)

    def chat(self, number: str, app_id: str) -> list[Message | Reply]:
        """Return what this phone shows of one business, oldest first."""
        return self.chats.setdefault((number, app_id), [])

    def messages_to(self, number: str | None, app_id: str | None = None) -> Iterator[Message]:
        """List the accepted messages to a phone, or to all of them, oldest first."""
        return (
            message
            for message in self.messages.values()
            if number in {None, message.phone} and app_id in {None, message.app.id}
        )

    def in_window(self, app_id: str, number: str, at: datetime) -> bool:
        """Say whether the customer wrote recently enough for free-form messages."""
        wrote = self.wrote_at.get((app_id, number))
        return wrote is not None and at - wrote < timedelta(seconds=self.options.window_seconds)

    def take_behaviour(self, endpoint: str, app: str | None) -> Behaviour | None:
        """Use up one turn of the behaviour that was ordered for this call."""
        for behaviour in self.behaviours:
            if behaviour.endpoint == endpoint and behaviour.app in {None, app}:
                behaviour.times -= 1
                if behaviour.times <= 0:
                    self.behaviours.remove(behaviour)
                return behaviour
        return None


def template_from_json(entry: Mapping[str, Any]) -> Template:
    """Read a template as the configuration writes it.

    Raises:
        KeyError: the id or the element name is missing.
    """
    return Template(
        id=str(entry["id"]),
        element_name=str(entry["elementName"]),
        language_code=str(entry.get("languageCode", "en")),
        category=str(entry.get("category", "UTILITY")),
        status=str(entry.get("status", "APPROVED")),
        template_type=str(entry.get("templateType", "TEXT")),
        header=str(entry.get("header") or ""),
        data=str(entry.get("data") or ""),
        footer=str(entry.get("footer") or ""),
        buttons=tuple(
            Button(
                type=str(button.get("type", "QUICK_REPLY")),
                text=str(button.get("text", "")),
                url=str(button.get("url") or ""),
                phone_number=str(button.get("phone_number") or ""),
            )
            for button in entry.get("buttons") or ()
        ),
        reason=str(entry.get("reason") or ""),
        quality=str(entry.get("quality", "UNKNOWN")),
        container_meta=entry.get("containerMeta", True),
    )
