"""Gupshup's own calls at Gupshup's own paths: sending, templates, wallet, subscriptions.

Accepted means queued: everything WhatsApp would object to comes later, as a callback.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from .hanging_up import HangUp
from .network import Network
from .reading import Refused, read_form, read_session, read_template
from .state import (
    ALL_MODES,
    App,
    Behaviour,
    Content,
    Reply,
    SendRequest,
    Subscription,
    Template,
    template_from_json,
)
from .wire import subscription_json, template_json, url_check

_DESTINATION: Final = re.compile(r"[0-9]{10,15}")
_MOST_SUBSCRIPTIONS: Final = 5
_SERVER_ERROR: Final = 500
_ELEMENT_NAME: Final = re.compile(r"[a-z0-9_]{1,180}")


class Api:
    """Answers the calls, with the network behind them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world
        self._sends: dict[str, deque[float]] = {}
        self._subscription_calls: dict[str, deque[float]] = {}

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(include_in_schema=False)
        for path, call, method in (
            ("/wa/api/v1/template/msg", self.send_template, "POST"),
            ("/wa/api/v1/msg", self.send_session, "POST"),
            ("/wa/app/{app_id}/template", self.list_templates, "GET"),
            ("/wa/app/{app_id}/template", self.create_template, "POST"),
            ("/wa/app/{app_id}/template/{template_id}", self.get_template, "GET"),
            ("/wa/app/{app_id}/template/{template_id}", self.delete_template, "DELETE"),
            ("/wa/app/{app_id}/msg/{message_id}/read", self.mark_read, "PUT"),
            ("/wa/app/{app_id}/subscription", self.list_subscriptions, "GET"),
            ("/wa/app/{app_id}/subscription", self.create_subscription, "POST"),
            ("/wa/app/{app_id}/subscription", self.delete_subscriptions, "DELETE"),
            ("/wa/app/{app_id}/subscription/{subscription_id}", self.get_subscription, "GET"),
            ("/wa/app/{app_id}/subscription/{subscription_id}", self.change_subscription, "PUT"),
            ("/wa/app/{app_id}/subscription/{subscription_id}", self.delete_subscription, "DELETE"),
            ("/sm/api/v2/wallet/balance", self.wallet, "GET"),
        ):
            routes.add_api_route(path, call, methods=[method], response_class=Response, response_model=None)
        return routes

    # Sending ------------------------------------------------------------------------------------

    async def send_template(self, request: Request) -> Response:
        """Queue a template."""
        return await self._send(request, "template")

    async def send_session(self, request: Request) -> Response:
        """Queue a free-form message."""
        return await self._send(request, "session")

    async def _send(self, request: Request, kind: Literal["template", "session"]) -> Response:
        started = time.monotonic()
        row = SendRequest(
            seq=len(self._world.requests) + 1,
            at=self._world.clock(),
            app=None,
            path=request.url.path,
            form={},
            destination="",
        )
        self._world.requests.append(row)
        try:
            row.form = read_form(request.headers.get("content-type", ""), await request.body())
            row.destination = str(row.form.get("destination", ""))
            app = self._sender(request, row.form)
            row.app = app.name
            self._limit_sends(app)
            _check_destination(row.destination)
            content, fault = read_template(app, row.form) if kind == "template" else read_session(row.form)
        except Refused as refusal:
            row.http_status = refusal.status
            return _refusal(refusal)
        finally:
            row.ms = math.ceil((time.monotonic() - started) * 1000)
            self._world.version += 1
        behaviour = self._world.take_behaviour("send", app.name)
        if behaviour is None:
            return self._queue(row, app, content, fault)
        return await self._misbehave(behaviour, row, app, content, fault)

    def _queue(
        self,
        row: SendRequest,
        app: App,
        content: Content,
        fault: int | None,
        *,
        status: int = 202,
        word: str = "submitted",
    ) -> Response:
        message = self._network.accept(app, row.destination, content, fault)
        row.message_id, row.http_status, row.outcome = message.id, status, "accepted"
        return JSONResponse({"status": word, "messageId": message.id}, status_code=status)

    async def _misbehave(
        self, behaviour: Behaviour, row: SendRequest, app: App, content: Content, fault: int | None
    ) -> Response:
        match behaviour.mode:
            case "http_200_success":
                return self._queue(row, app, content, fault, status=200, word="success")
            case "hang" | "cut_after_accept":
                self._queue(row, app, content, fault)
                # Queued, but nobody was told: the caller cannot know the outcome.
                row.http_status, row.outcome = None, "cut"
                return await _no_answer(behaviour)
            case _:
                answer = _odd_answer(behaviour)
                row.http_status = answer.status_code
                return answer

    def _sender(self, request: Request, form: Mapping[str, Any]) -> App:
        owned = self._apps_of(request)
        name = form.get("src.name")
        for app in owned:
            # Some clients leave the name out and are served; a wrong one is refused, to the letter.
            if app.phone == form.get("source") and name in {None, app.name}:
                return app
        raise Refused(400, "Invalid App Details")

    def _limit_sends(self, app: App) -> None:
        if app.sends_per_second:
            _limit(self._sends.setdefault(app.id, deque()), app.sends_per_second, 1.0)

    def _apps_of(self, request: Request) -> list[App]:
        key = request.headers.get("apikey", "")
        owned = [app for app in self._world.apps.values() if key and app.api_key == key]
        if not owned:
            raise Refused(401, "Authentication Failed")
        return owned

    def _app_of(self, request: Request, app_id: str) -> App:
        for app in self._apps_of(request):
            if app.id == app_id:
                return app
        raise Refused(400, "Invalid App Details")

    # Managing -----------------------------------------------------------------------------------

    async def list_templates(self, request: Request, app_id: str) -> Response:
        """List all templates of an app."""
        app = self._app_of(request, app_id)
        if odd := await self._oddly("templates", app):
            return odd
        shown = [template_json(app, template) for template in app.templates.values()]
        return JSONResponse({"status": "success", "templates": shown})

    async def get_template(self, request: Request, app_id: str, template_id: str) -> Response:
        """Show one template."""
        app = self._app_of(request, app_id)
        if odd := await self._oddly("templates", app):
            return odd
        template = app.templates.get(template_id)
        if template is None:
            raise Refused(400, "Template not found")
        return JSONResponse({"status": "success", "template": template_json(app, template)})

    async def create_template(self, request: Request, app_id: str) -> Response:
        """Take a template in; it waits for review as PENDING."""
        app = self._app_of(request, app_id)
        form = read_form(request.headers.get("content-type", ""), await request.body())
        name = str(form.get("elementName", ""))
        try:
            buttons = json.loads(form.get("buttons") or "[]")
            template = template_from_json(
                {
                    **form,
                    "id": str(uuid.uuid4()),
                    "data": form["content"],
                    "buttons": buttons,
                    "status": "PENDING",
                }
            )
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise Refused(400, "Invalid template") from error
        if not _ELEMENT_NAME.fullmatch(name):
            raise Refused(400, "Invalid elementName")
        known = {(each.element_name, each.language_code) for each in app.templates.values()}
        if (name, template.language_code) in known:
            raise Refused(400, "Template Already exists with same namespace and elementName and languageCode")
        app.templates[template.id] = template
        return JSONResponse({"status": "success", "template": template_json(app, template)})

    async def delete_template(self, request: Request, app_id: str, template_id: str) -> Response:
        """Delete every language of an element name."""
        app = self._app_of(request, app_id)
        doomed = [each for each in app.templates.values() if each.element_name == template_id]
        if not doomed:
            raise Refused(400, "Template not found")
        for template in doomed:
            app.templates[template.id] = _deleted(template)
        return JSONResponse({"status": "success"})

    async def mark_read(self, request: Request, app_id: str, message_id: str) -> Response:
        """Mark a customer's message as read by the business."""
        app = self._app_of(request, app_id)
        for (_, owner), chat in self._world.chats.items():
            for entry in chat if owner == app.id else ():
                if isinstance(entry, Reply) and entry.id == message_id:
                    entry.status = "read"
                    self._world.version += 1
        return Response(status_code=202)

    async def wallet(self, request: Request) -> Response:
        """Show the money left; proves the key alone."""
        app = self._apps_of(request)[0]
        if odd := await self._oddly("wallet", app):
            return odd
        return JSONResponse({"status": "success", "balance": app.balance})

    async def _oddly(self, endpoint: str, app: App) -> Response | None:
        behaviour = self._world.take_behaviour(endpoint, app.name)
        if behaviour is None:
            return None
        if behaviour.mode in {"hang", "cut_after_accept"}:
            return await _no_answer(behaviour)
        return _odd_answer(behaviour)

    # Subscriptions ------------------------------------------------------------------------------

    async def list_subscriptions(self, request: Request, app_id: str) -> Response:
        """List the subscriptions of an app."""
        app = await self._for_subscriptions(request, app_id)
        shown = [subscription_json(app, each) for each in app.subscriptions.values()]
        return JSONResponse({"status": "success", "subscriptions": shown})

    async def get_subscription(self, request: Request, app_id: str, subscription_id: str) -> Response:
        """Show one subscription."""
        app = await self._for_subscriptions(request, app_id)
        return _subscription_answer(app, _known(app, subscription_id))

    async def create_subscription(self, request: Request, app_id: str) -> Response:
        """Add a subscription, at most five for an app, after trying its address."""
        app = await self._for_subscriptions(request, app_id)
        form = read_form(request.headers.get("content-type", ""), await request.body())
        if len(app.subscriptions) >= _MOST_SUBSCRIPTIONS:
            raise Refused(400, "Subscription limit exceeded")
        if form.get("tag") in {each.tag for each in app.subscriptions.values()}:
            raise Refused(400, "Subscription with this tag already exists")
        number = (
            max((int(each.id) for each in app.subscriptions.values() if each.id.isdigit()), default=8165) + 1
        )
        subscription = _read_subscription(form, Subscription(id=str(number), url="", tag=""))
        await self._check_address(app, subscription, form)
        app.subscriptions[subscription.id] = subscription
        return _subscription_answer(app, subscription)

    async def change_subscription(self, request: Request, app_id: str, subscription_id: str) -> Response:
        """Change what is named in the form of a subscription."""
        app = await self._for_subscriptions(request, app_id)
        form = read_form(request.headers.get("content-type", ""), await request.body())
        subscription = _read_subscription(form, _known(app, subscription_id))
        await self._check_address(app, subscription, form)
        app.subscriptions[subscription.id] = subscription
        return _subscription_answer(app, subscription)

    async def delete_subscription(self, request: Request, app_id: str, subscription_id: str) -> Response:
        """Remove one subscription."""
        app = await self._for_subscriptions(request, app_id)
        del app.subscriptions[_known(app, subscription_id).id]
        return JSONResponse({"status": "success"})

    async def delete_subscriptions(self, request: Request, app_id: str) -> Response:
        """Remove all subscriptions of an app."""
        app = await self._for_subscriptions(request, app_id)
        app.subscriptions.clear()
        return JSONResponse({"status": "success"})

    async def _for_subscriptions(self, request: Request, app_id: str) -> App:
        app = self._app_of(request, app_id)
        calls = self._subscription_calls.setdefault(app.id, deque())
        _limit(calls, self._world.subscription_calls_per_minute, 60.0)
        return app

    async def _check_address(self, app: App, subscription: Subscription, form: Mapping[str, Any]) -> None:
        if str(form.get("doCheck", "true")).lower() == "false":
            return
        event = url_check(app, self._world.clock())
        body = event.body(subscription.version)
        if not await self._network.try_once(subscription.url, subscription.headers, event, body):
            raise Refused(400, "Invalid URL Passed")


def _check_destination(number: str) -> None:
    if not _DESTINATION.fullmatch(number):
        raise Refused(400, "Invalid Destination")


def _limit(calls: deque[float], most: int, within: float) -> None:
    moment = time.monotonic()
    while calls and moment - calls[0] > within:
        calls.popleft()
    if len(calls) >= most:
        raise Refused(429, "Too Many Requests")
    calls.append(moment)


def _known(app: App, subscription_id: str) -> Subscription:
    try:
        return app.subscriptions[subscription_id]
    except KeyError:
        raise Refused(400, "Subscription not found") from None


def _read_subscription(form: Mapping[str, Any], before: Subscription) -> Subscription:
    url = str(form.get("url", before.url))
    if not re.match(r"https?://[^\s/]+", url):
        raise Refused(400, "Invalid URL Passed")
    modes = before.modes
    if "modes" in form:
        modes = tuple(mode.strip().upper() for mode in str(form["modes"]).split(",") if mode.strip())
    if not modes or not set(modes) <= set(ALL_MODES):
        raise Refused(400, "Invalid Modes Passed")
    version = str(form.get("version", before.version))
    if version not in {"2", "3"}:
        raise Refused(400, "Invalid Version Passed")
    tag = str(form.get("tag", before.tag))
    if not tag:
        raise Refused(400, "Invalid Tag Passed")
    headers = before.headers
    if "meta" in form:
        try:
            given = json.loads(form["meta"])["headers"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(400, "Invalid Meta Passed") from error
        headers = {str(name): str(value) for name, value in given}
    return replace(before, url=url, modes=modes, version=int(version), tag=tag, headers=headers)


def _deleted(template: Template) -> Template:
    return replace(template, status="DELETED")


def _subscription_answer(app: App, subscription: Subscription) -> Response:
    return JSONResponse({"status": "success", "subscription": subscription_json(app, subscription)})


def _refusal(refusal: Refused) -> Response:
    return JSONResponse({"status": "error", "message": refusal.message}, status_code=refusal.status)


async def answer_refusal(_: Request, error: Exception) -> Response:
    """Answer a refused call in the API's own words."""
    if not isinstance(error, Refused):
        raise error
    return _refusal(error)


async def _no_answer(behaviour: Behaviour) -> Response:
    if behaviour.mode == "hang":
        await asyncio.sleep(behaviour.seconds)
    return HangUp()


def _odd_answer(behaviour: Behaviour) -> Response:
    """Answer without having queued anything."""
    headers = {} if behaviour.retry_after is None else {"Retry-After": str(behaviour.retry_after)}
    if behaviour.mode == "status_error_in_2xx":
        message = behaviour.message or "Something went wrong"
        return JSONResponse({"status": "error", "message": message}, status_code=200, headers=headers)
    if behaviour.mode == "html":
        page = "<html><head><title>Error</title></head><body><h1>Bad Gateway</h1></body></html>"
        return HTMLResponse(page, status_code=behaviour.status, headers=headers)
    if behaviour.status >= _SERVER_ERROR and behaviour.message is None:
        # Seldom JSON in real life.
        return PlainTextResponse("upstream connect error", status_code=behaviour.status, headers=headers)
    usual = {401: "Authentication Failed", 429: "Too Many Requests"}.get(behaviour.status, "Invalid Request")
    message = usual if behaviour.message is None else behaviour.message
    return JSONResponse(
        {"status": "error", "message": message}, status_code=behaviour.status, headers=headers
    )
