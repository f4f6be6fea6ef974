"""The phone on the screen: pages that work as plain forms and links, with one script that keeps them live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .customers import Customers, NoSuchChoice
from .network import Network, PhoneCannotSend
from .state import App, Message, Phone, PhoneState
from .views import FAIL_REASONS, latest_app, phone_view, version_of

_HERE: Final = Path(__file__).parent.parent
_LOOK: Final = _HERE.parent / "look"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MEDIA_KINDS: Final = frozenset({"image", "file", "audio", "video", "sticker"})


class PhonePages:
    """The pages over one network."""

    def __init__(self, network: Network, customers: Customers) -> None:
        self._network = network
        self._world = network.world
        self._customers = customers
        self._notices: dict[str, tuple[str, bool]] = {}
        environment = Environment(
            loader=FileSystemLoader([_HERE / "templates" / "gupshup", _LOOK / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._page = environment.get_template("phone.html")
        self._empty = environment.get_template("empty.html")

    def static(self) -> StaticFiles:
        """Return the phone's own style sheets and its script."""
        return StaticFiles(directory=_HERE / "static")

    def look(self) -> StaticFiles:
        """Return the style sheet that everything on a screen is drawn with."""
        return StaticFiles(directory=_LOOK / "static")

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(include_in_schema=False)
        routes.add_api_route("/", self.index, methods=["GET"], response_class=Response)
        routes.add_api_route("/phone", self.index, methods=["GET"], response_class=Response)
        routes.add_api_route("/phone/{number}", self.newest, methods=["GET"], response_class=Response)
        routes.add_api_route("/phone/{number}/{name}", self.show, methods=["GET"], response_class=Response)
        routes.add_api_route(
            "/phone/{number}/{name}/version", self.version, methods=["GET"], response_class=Response
        )
        routes.add_api_route(
            "/phone/{number}/{name}/{act}", self.act, methods=["POST"], response_class=Response
        )
        routes.add_api_route(
            "/phone/{number}/{name}/{act}/{message_id}", self.act, methods=["POST"], response_class=Response
        )
        return routes

    async def index(self, phone: str | None = None) -> Response:
        """Go to a phone: the one asked for, else the first."""
        number = phone or next(iter(self._world.phones), None)
        if number is None or not self._world.apps:
            return HTMLResponse(self._empty.render(), headers=_HEADERS)
        return await self.newest(number)

    async def newest(self, number: str) -> Response:
        """Go to the chat that moved last."""
        app = latest_app(self._network, self._phone(number).number)
        if app is None:
            return HTMLResponse(self._empty.render(), headers=_HEADERS)
        return RedirectResponse(f"/phone/{number}/{app.name}", status_code=303)

    async def show(self, number: str, name: str) -> Response:
        """Show one chat of one phone."""
        phone, app = self._phone(number), self._app(name)
        notice = self._notices.pop(number, ("", False))
        phone.seen[app.id] = len(self._world.chat(number, app.id))
        view = phone_view(self._network, phone, app, notice)
        return HTMLResponse(self._page.render(view=view), headers=_HEADERS)

    async def version(self, number: str, name: str) -> Response:
        """Say whether a page would look different now."""
        phone, app = self._phone(number), self._app(name)
        return JSONResponse({"version": version_of(self._network, phone.number, app)}, headers=_HEADERS)

    async def act(
        self, request: Request, number: str, name: str, act: str, message_id: str | None = None
    ) -> Response:
        """Do what a form of the page asks for, and go back to the page."""
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            raise HTTPException(403, "only from this page")
        phone, app = self._phone(number), self._app(name)
        try:
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        except UnicodeDecodeError as error:
            raise HTTPException(400, "unreadable form") from error
        try:
            await self._do(act, phone, app, form, self._find(message_id))
        except PhoneCannotSend:
            self._notices[number] = ("This phone cannot send to this business in its present state.", True)
        return RedirectResponse(f"/phone/{number}/{name}", status_code=303)

    async def _do(
        self, act: str, phone: Phone, app: App, form: Mapping[str, str], message: Message | None
    ) -> None:
        match act:
            case "say":
                if text := form.get("text", "").strip():
                    self._customers.write(app, phone, text)
            case "tap" if message is not None:
                self._tap(phone, app, form, message)
            case "address":
                self._customers.send_address(app, phone, form, message)
            case "attach":
                self._attach(phone, app, form)
            case "react":
                self._react(phone, app, form.get("emoji", ""))
            case "state":
                self._set_state(phone, app, form.get("state", ""))
            case "fail":
                reason = form.get("reason", "")
                if reason not in FAIL_REASONS:
                    raise HTTPException(422, "no such reason")
                problem = await self._network.fail_delivery(phone.number, reason)
                self._notices[phone.number] = (problem or "The delivery has failed.", bool(problem))
            case _:
                raise HTTPException(404, "nothing to do")

    def _tap(self, phone: Phone, app: App, form: Mapping[str, str], message: Message) -> None:
        if message.content.kind == "location_request_message":
            message.tapped.add(0)
            self._customers.send_location(app, phone, {}, message)
            return
        index = form.get("index", "")
        try:
            self._customers.tap(message, index=int(index) if index.isdecimal() else -1)
        except NoSuchChoice as error:
            raise HTTPException(422, "no such choice") from error

    def _attach(self, phone: Phone, app: App, form: Mapping[str, str]) -> None:
        kind = form.get("kind", "")
        if kind in _MEDIA_KINDS:
            self._customers.send_media(app, phone, kind, form, None)
        elif kind == "location":
            self._customers.send_location(app, phone, form, None)
        elif kind == "contact":
            self._customers.send_contact(app, phone, form, None)
        else:
            raise HTTPException(422, "nothing to send")

    def _react(self, phone: Phone, app: App, emoji: str) -> None:
        received = [entry for entry in self._world.chat(phone.number, app.id) if isinstance(entry, Message)]
        if received:
            self._customers.react(app, phone, emoji, received[-1])

    def _set_state(self, phone: Phone, app: App, word: str) -> None:
        try:
            state = PhoneState(word)
        except ValueError as error:
            raise HTTPException(422, "no such state") from error
        self._network.set_state(phone, state, app)

    def _phone(self, number: str) -> Phone:
        if number not in self._world.phones:
            raise HTTPException(404, "no such phone")
        return self._world.phones[number]

    def _app(self, name: str) -> App:
        app = self._world.find_app(name)
        if app is None:
            raise HTTPException(404, "no such app")
        return app

    def _find(self, message_id: str | None) -> Message | None:
        if message_id is None:
            return None
        message = self._world.messages.get(message_id)
        if message is None:
            raise HTTPException(404, "no such message")
        return message
