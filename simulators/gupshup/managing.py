"""Gupshup's management calls: templates, business details, wallet, subscriptions."""

from __future__ import annotations

import json
import re
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from .answers import app_of, apps_of, limit, no_answer, odd_answer
from .network import Network
from .reading import Refused, read_form
from .state import ALL_MODES, App, Reply, Subscription, Template, template_from_json
from .wire import business_json, subscription_json, template_json, url_check

_MOST_SUBSCRIPTIONS: Final = 5
_ELEMENT_NAME: Final = re.compile(r"[a-z0-9_]{1,180}")


class Management:
    """Answers what is asked about apps, and changes them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world
        self._subscription_calls: dict[str, deque[float]] = {}

    def add_to(self, routes: APIRouter) -> None:
        """Add the calls to the routes."""
        for path, call, method in (
            ("/wa/app/{app_id}/template", self.list_templates, "GET"),
            ("/wa/app/{app_id}/template", self.create_template, "POST"),
            ("/wa/app/{app_id}/template/{template_id}", self.get_template, "GET"),
            ("/wa/app/{app_id}/template/{template_id}", self.delete_template, "DELETE"),
            ("/wa/app/{app_id}/business", self.business, "GET"),
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

    async def list_templates(self, request: Request, app_id: str) -> Response:
        """List all templates of an app."""
        app = app_of(self._world, request, app_id)
        if odd := await self._oddly("templates", app):
            return odd
        shown = [template_json(app, template) for template in app.templates.values()]
        return JSONResponse({"status": "success", "templates": shown})

    async def get_template(self, request: Request, app_id: str, template_id: str) -> Response:
        """Show one template."""
        app = app_of(self._world, request, app_id)
        if odd := await self._oddly("templates", app):
            return odd
        template = app.templates.get(template_id)
        if template is None:
            raise Refused(400, "Template not found")
        return JSONResponse({"status": "success", "template": template_json(app, template)})

    async def create_template(self, request: Request, app_id: str) -> Response:
        """Take a template in; it waits for review as PENDING."""
        app = app_of(self._world, request, app_id)
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
        app = app_of(self._world, request, app_id)
        doomed = [each for each in app.templates.values() if each.element_name == template_id]
        if not doomed:
            raise Refused(400, "Template not found")
        for template in doomed:
            app.templates[template.id] = _deleted(template)
        return JSONResponse({"status": "success"})

    async def mark_read(self, request: Request, app_id: str, message_id: str) -> Response:
        """Mark a customer's message as read by the business."""
        app = app_of(self._world, request, app_id)
        for (_, owner), chat in self._world.chats.items():
            for entry in chat if owner == app.id else ():
                if isinstance(entry, Reply) and entry.id == message_id:
                    entry.status = "read"
                    self._world.version += 1
        return Response(status_code=202)

    async def business(self, request: Request, app_id: str) -> Response:
        """Show the business behind an app; of an app that is not live, nothing."""
        app = app_of(self._world, request, app_id)
        if odd := await self._oddly("business", app):
            return odd
        if not app.is_live:
            raise Refused(400, "App is not live.")
        return JSONResponse({"status": "success", "business": business_json(app)})

    async def wallet(self, request: Request) -> Response:
        """Show the money left; proves the key alone."""
        app = apps_of(self._world, request)[0]
        if odd := await self._oddly("wallet", app):
            return odd
        return JSONResponse({"status": "success", "balance": app.balance})

    async def _oddly(self, endpoint: str, app: App) -> Response | None:
        behaviour = self._world.take_behaviour(endpoint, app.name)
        if behaviour is None:
            return None
        if behaviour.mode in {"hang", "cut_after_accept"}:
            return await no_answer(behaviour)
        return odd_answer(behaviour)

    # Subscriptions ------------------------------------------------------------------------------

    async def list_subscriptions(self, request: Request, app_id: str) -> Response:
        """List the subscriptions of an app."""
        app = await self._for_subscriptions(request, app_id)
        if odd := await self._oddly("subscriptions", app):
            return odd
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
        app = app_of(self._world, request, app_id)
        if not app.is_live:
            raise Refused(401, "Authentication Failed")  # so the real one was seen to answer for a right key
        calls = self._subscription_calls.setdefault(app.id, deque())
        limit(calls, self._world.subscription_calls_per_minute, 60.0)
        return app

    async def _check_address(self, app: App, subscription: Subscription, form: Mapping[str, Any]) -> None:
        if str(form.get("doCheck", "true")).lower() == "false":
            return
        event = url_check(app, self._world.clock())
        body = event.body(subscription.version)
        if not await self._network.try_once(subscription.url, subscription.headers, event, body):
            raise Refused(400, "Invalid URL Passed")


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
