"""How a page is made: one template, its context and the frame around it; and what follows a form."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import Scope

from api.errors import Problem
from api.portal import frame
from api.portal.forms import Form
from api.portal.frame import Frame, Toast
from api.portal.visits import Visit, cookie_name, drop_cookie
from db import inbox, installations, notifications, orders, workspaces
from db.attention import list_matters
from db.workspaces import PLATFORM
from domain.formats import zone_words

__all__ = ["Static", "environment", "once", "partial", "plain_page", "render", "see_other"]

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parent.parent
_STATIC: Final = (_HERE / "static", _ROOT / "look" / "static")
_TOAST_SECONDS: Final = 60
_LOOKS_AGAIN: Final = (0.2,) * 5 + (1.0,) * 10
"""Seconds between looks at what became of the first press: together longer than asking Gupshup takes."""


@cache
def environment() -> Environment:
    """Return the templates: everything is escaped, a name that is not there is an error (S24)."""
    made = Environment(
        loader=FileSystemLoader([_HERE / "templates", _ROOT / "look" / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    return made


@cache
def asset(name: str) -> str:
    """Return the address of a stylesheet or script; another content has another address, so browsers may keep it."""
    path = next(folder / name for folder in _STATIC if (folder / name).is_file())
    return f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


class Static(StaticFiles):
    """Stylesheets, scripts and pictures: of the portal, and of what it shares with the phone."""

    def __init__(self) -> None:
        super().__init__(directory=_STATIC[0])
        self.all_directories = [str(folder) for folder in _STATIC]

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, to be kept by the browser: its address names its content."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def render(
    visit: Visit, template: str, view: object, *, current: str, status: HTTPStatus = HTTPStatus.OK
) -> HTMLResponse:
    """Return a page of somebody who is signed in.

    Args:
        visit: Who sees it.
        template: Its file.
        view: Its context; the template finds it as `view`.
        current: Which entry of the navigation is current.
        status: 422 for a form with errors.
    """
    name, _ = cookie_name(visit.services, "toast")
    sealed = visit.request.cookies.get(name, "")
    toast = Toast.opened(sealed, visit.token) if sealed else None
    around = await _frame(visit, current=current, toast=toast)
    response = HTMLResponse(environment().get_template(template).render(frame=around, view=view), status)
    if sealed:
        drop_cookie(response, visit.services, "toast")
    return response


def partial(visit: Visit, template: str, view: object) -> HTMLResponse:
    """Return a part of a page, for the script that puts it where the old one was."""
    around = _bare_frame(visit)
    return HTMLResponse(environment().get_template(template).render(frame=around, view=view))


def plain_page(
    template: str, view: object, *, csrf: str = "", status: HTTPStatus = HTTPStatus.OK
) -> HTMLResponse:
    """Return a page for somebody who is not signed in, or of whom nothing is known now."""
    around = Frame(
        workspace_name="",
        person_name="",
        initials="",
        role_words="",
        is_owner=False,
        is_ops=False,
        csrf=csrf,
        once="",
    )
    return HTMLResponse(environment().get_template(template).render(frame=around, view=view), status)


def see_other(visit: Visit, url: str, toast: Toast | None = None) -> RedirectResponse:
    """Send the browser on after a form was done, with a word about it for the next page."""
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    if toast is not None:
        name, is_https = cookie_name(visit.services, "toast")
        response.set_cookie(
            name,
            toast.sealed(visit.token),
            max_age=_TOAST_SECONDS,
            httponly=True,
            secure=is_https,
            samesite="lax",
        )
    return response


async def once(visit: Visit, form: Form, act: Callable[[], Awaitable[Response]]) -> Response:
    """Do a form once: sent twice, the second sees what came of the first.

    A form that came back with errors may be sent again under the same key.

    Raises:
        Problem: 409 where the first is still being done after a while.
    """
    if not form.once:
        return await act()
    database = visit.services.resources.database
    key = f"page:{visit.person.id}:{form.once}"
    said = f"{visit.request.url.path}\n{sorted(form.fields)!r}".encode()
    for pause in _LOOKS_AGAIN:
        async with database.transaction(visit.workspace_id) as session:
            claim = await workspaces.claim_idempotency_key(
                session, visit.workspace_id, key, hashlib.sha256(said).digest(), visit.now
            )
        if claim.kind != "in_progress":
            break
        await asyncio.sleep(pause)
    if claim.kind == "replay":
        return RedirectResponse(claim.body, HTTPStatus.SEE_OTHER)
    if claim.kind == "in_progress":
        raise Problem(
            HTTPStatus.CONFLICT,
            "in-progress",
            "The first press is still being done",
            "Wait a moment, then open the page again: it shows what came of it.",
        )
    try:
        response = await act()  # "conflict": other fields under an old key are a form that was corrected
    except BaseException:
        if claim.kind == "new":  # as where Temporal was away: the same form may be sent again
            async with database.transaction(visit.workspace_id) as session:
                await workspaces.release_idempotency_key(session, visit.workspace_id, key)
        raise
    if claim.kind == "new":
        async with database.transaction(visit.workspace_id) as session:
            if response.status_code == HTTPStatus.SEE_OTHER:
                await workspaces.save_idempotent_answer(
                    session, visit.workspace_id, key, response.status_code, response.headers["location"]
                )
            else:
                await workspaces.release_idempotency_key(session, visit.workspace_id, key)
    return response


async def _frame(visit: Visit, *, current: str, toast: Toast | None) -> Frame:
    attention = waiting = 0
    if visit.workspace_id != PLATFORM:
        async with visit.services.resources.database.transaction(visit.workspace_id) as session:
            sender = await installations.find_sender(session, visit.workspace_id)
            if sender is not None:
                attention = await notifications.count_attention(session, visit.workspace_id, sender.id)
            waiting = await orders.count_waiting(session, visit.workspace_id, visit.now)
    else:
        # Staff look after every workspace: no transaction of one workspace could count that.
        async with visit.services.resources.database.transaction() as session:
            attention = len(await list_matters(session, visit.now))
            waiting = (await inbox.backlog(session)).parked
    return _bare_frame(visit, current=current, attention=attention, waiting=waiting, toast=toast)


def _bare_frame(visit: Visit, **more: Any) -> Frame:
    is_ops = visit.workspace_id == PLATFORM
    return Frame(
        workspace_name="Eshopbox" if is_ops else visit.workspace.name,
        person_name=visit.person.name,
        initials=frame.initials(visit.person.name),
        role_words=frame.role_words(visit.person),
        is_owner=visit.is_owner,
        is_ops=is_ops,
        csrf=frame.csrf_token(visit.token),
        once=secrets.token_urlsafe(16),
        zone_words=zone_words(ZoneInfo(visit.workspace.policy.timezone)),
        **more,
    )
