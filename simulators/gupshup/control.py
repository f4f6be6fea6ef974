"""Control routes, for tests and demos: look into the record, act as the customer, make things go wrong.

They answer JSON. Nothing here exists at the real provider.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from . import wire
from .customers import Customers, NoSuchChoice, Variant
from .network import Network, PhoneCannotSend
from .state import App, Behaviour, Message, PhoneState, Reply

_MEDIA_KINDS = frozenset({"image", "file", "audio", "video", "sticker"})


class Tap(BaseModel):
    """A tap on a button or a row."""

    phone: str
    message_id: str
    title: str | None = None
    index: int | None = None
    variant: Variant = "A"


class Said(BaseModel):
    """Something typed or sent; the further fields are those of its type."""

    model_config = ConfigDict(extra="allow")

    phone: str
    app: str
    type: Literal[
        "text", "image", "file", "audio", "video", "sticker", "contact", "location", "reaction", "address"
    ] = "text"
    reply_to: str | None = None


class Misbehaviour(BaseModel):
    """What the next calls meet."""

    app: str | None = None
    endpoint: Literal["send", "templates", "wallet", "business", "subscriptions"] = "send"
    mode: Literal["status", "hang", "cut_after_accept", "http_200_success", "status_error_in_2xx", "html"]
    status: int = 503
    retry_after: int | None = None
    seconds: float = 30.0
    message: Any = None
    times: int = Field(default=1, ge=1)


class RawCallback(BaseModel):
    """Any callback at all."""

    app: str
    body: Any
    repeat: int = Field(default=1, ge=1)
    at_once: bool = False


class OptionChange(BaseModel):
    """What is to change; what is absent stays."""

    shuffle: bool | None = None
    duplicate: bool | None = None
    drop_gs_id: bool | None = None
    statuses: bool | None = None
    late_seconds: float | None = None
    window_seconds: float | None = None
    down: bool | None = None
    recipient_first: bool | None = None
    stranger_status: Literal[400, 401, 404] | None = None


class PhoneChange(BaseModel):
    """A phone's new state; blocking may name the business."""

    state: PhoneState
    app: str | None = None
    name: str | None = None


class TemplateChange(BaseModel):
    """What WhatsApp decided about a template."""

    app: str
    id: str
    status: str | None = None
    category: str | None = None
    reason: str = ""


class Control:
    """The control routes over one network."""

    def __init__(self, network: Network, customers: Customers) -> None:
        self._network = network
        self._world = network.world
        self._customers = customers

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(prefix="/control")
        for path, call, method in (
            ("/ledger", self.ledger, "GET"),
            ("/messages", self.messages, "GET"),
            ("/under-way", self.under_way, "GET"),
            ("/taps", self.tap, "POST"),
            ("/replies", self.reply, "POST"),
            ("/behaviour", self.misbehave, "POST"),
            ("/behaviour", self.behave, "DELETE"),
            ("/callbacks", self.callback, "POST"),
            ("/options", self.set_options, "POST"),
            ("/phones/{number}", self.set_phone, "POST"),
            ("/templates", self.decide_template, "POST"),
            ("/apps", self.put_app, "PUT"),
        ):
            routes.add_api_route(path, call, methods=[method])
        return routes

    async def ledger(self, destination: str | None = None) -> dict[str, Any]:
        """Return what was received and what was posted, oldest first."""
        return {
            "requests": [
                {
                    "seq": row.seq,
                    "at": row.at,
                    "app": row.app,
                    "path": row.path,
                    "form": row.form,
                    "destination": row.destination,
                    "http_status": row.http_status,
                    "message_id": row.message_id,
                    "outcome": row.outcome,
                    "ms": row.ms,
                }
                for row in self._world.requests
                if destination in {None, row.destination}
            ],
            "callbacks": [
                {
                    "seq": row.seq,
                    "at": row.at,
                    "url": row.url,
                    "kind": row.kind,
                    "body": row.body,
                    "status": row.status,
                    "ms": row.ms,
                    "attempt": row.attempt,
                }
                for row in self._world.callbacks
                if destination in {None, row.phone}
            ],
        }

    async def messages(self, phone: str | None = None, app: str | None = None) -> list[dict[str, Any]]:
        """List the accepted messages to a phone, or to all of them, oldest first."""
        owner = self._app(app) if app else None
        return [_shown(message) for message in self._world.messages_to(phone, owner.id if owner else None)]

    async def under_way(self) -> dict[str, int]:
        """Tell how much still moves, and count what has changed so far."""
        return {"under_way": self._network.under_way, "version": self._world.version}

    async def tap(self, tap: Tap) -> dict[str, str]:
        """Tap a choice of a message."""
        message = self._message(tap.message_id)
        if message.phone != tap.phone:
            raise HTTPException(404, "no such message on this phone")
        try:
            reply = self._customers.tap(message, title=tap.title, index=tap.index, variant=tap.variant)
        except NoSuchChoice as error:
            raise HTTPException(422, "no such choice") from error
        except PhoneCannotSend as error:
            raise HTTPException(409, str(error)) from error
        return {"inbound_id": reply.id}

    async def reply(self, said: Said) -> dict[str, str]:
        """Send something as the customer."""
        try:
            return {"inbound_id": self._say(said).id}
        except PhoneCannotSend as error:
            raise HTTPException(409, str(error)) from error

    def _say(self, said: Said) -> Reply:
        app = self._app(said.app)
        phone = self._world.phone(said.phone)
        answers = self._message(said.reply_to) if said.reply_to else None
        extra = said.model_extra or {}
        nested = extra.get("address")
        details = nested if said.type == "address" and isinstance(nested, dict) else extra
        given = {key: str(value) for key, value in details.items() if value is not None}
        if said.type in _MEDIA_KINDS:
            return self._customers.send_media(app, phone, said.type, given, answers)
        match said.type:
            case "location":
                return self._customers.send_location(app, phone, given, answers)
            case "contact":
                return self._customers.send_contact(app, phone, given, answers)
            case "address":
                return self._customers.send_address(app, phone, given, answers)
            case "reaction":
                if answers is None:
                    raise HTTPException(422, "a reaction needs reply_to")
                return self._customers.react(app, phone, given.get("emoji", "👍"), answers)
            case _:
                return self._customers.write(app, phone, given.get("text", ""), answers)

    async def misbehave(self, order: Misbehaviour) -> dict[str, str]:
        """Order what the next calls meet."""
        app = self._app(order.app).name if order.app else None
        status = 502 if order.mode == "html" and "status" not in order.model_fields_set else order.status
        self._world.behaviours.append(
            Behaviour(
                app=app,
                endpoint=order.endpoint,
                mode=order.mode,
                status=status,
                retry_after=order.retry_after,
                seconds=order.seconds,
                message=order.message,
                times=order.times,
            )
        )
        return {"status": "ok"}

    async def behave(self) -> dict[str, str]:
        """Forget what was ordered."""
        self._world.behaviours.clear()
        return {"status": "ok"}

    async def callback(self, raw: RawCallback) -> dict[str, str]:
        """Post a body to every subscription of an app, whatever its format and modes."""
        app = self._app(raw.app)
        kind = str(raw.body.get("type", "raw")) if isinstance(raw.body, dict) else "raw"
        event = wire.Event(kind=kind, mode="ALL", v2={}, v3={})
        rounds = [
            [
                self._network.post(each.url, each.headers, event, raw.body)
                for each in list(app.subscriptions.values())
            ]
            for _ in range(raw.repeat)
        ]
        if raw.at_once:
            await asyncio.gather(*(post for posts in rounds for post in posts))
        else:
            for posts in rounds:
                await asyncio.gather(*posts)
        return {"status": "ok"}

    async def set_options(self, change: OptionChange) -> dict[str, Any]:
        """Change how callbacks and answers misbehave; answer with all options."""
        self._world.options = replace(self._world.options, **change.model_dump(exclude_none=True))
        options = self._world.options
        return {name: getattr(options, name) for name in OptionChange.model_fields}

    async def set_phone(self, number: str, change: PhoneChange) -> dict[str, str]:
        """Change a phone's state, or its owner's name."""
        phone = self._world.phone(number)
        if change.name is not None:
            phone.name = change.name
        app = self._app(change.app) if change.app else None
        self._network.set_state(phone, change.state, app)
        return {"phone": number, "state": change.state}

    async def decide_template(self, change: TemplateChange) -> dict[str, str]:
        """Change a template's status or category, and tell the subscriptions."""
        app = self._app(change.app)
        before = app.templates.get(change.id)
        if before is None:
            raise HTTPException(404, "no such template")
        after = replace(
            before,
            status=(change.status or before.status).upper(),
            category=(change.category or before.category).upper(),
            reason=change.reason,
        )
        app.templates[after.id] = after
        if after.status != before.status:
            await self._network.emit(app, wire.template_event(app, after, self._world.clock()))
        if after.category != before.category:
            await self._network.emit(
                app, wire.template_event(app, after, self._world.clock(), old_category=before.category)
            )
        return {"status": after.status, "category": after.category}

    async def put_app(self, entry: dict[str, Any]) -> dict[str, str]:
        """Add an app, or replace the one of the same id."""
        try:
            app = self._world.put_app(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(422, f"not an app: {error}") from error
        return {"id": app.id, "name": app.name}

    def _app(self, name: str) -> App:
        app = self._world.find_app(name)
        if app is None:
            raise HTTPException(404, "no such app")
        return app

    def _message(self, message_id: str) -> Message:
        try:
            return self._world.messages[message_id]
        except KeyError:
            raise HTTPException(404, "no such message") from None


def _shown(message: Message) -> dict[str, Any]:
    content = message.content
    return {
        "message_id": message.id,
        "app": message.app.name,
        "phone": message.phone,
        "kind": content.kind,
        "template": content.template or None,
        "text": content.text,
        "header": content.header,
        "footer": content.footer,
        "opens": content.opens,
        "choices": [
            {"title": choice.title, "description": choice.description, "postback": choice.postback}
            for choice in content.choices
        ],
        "status": message.status,
        "code": message.code,
        "at": message.at,
    }
