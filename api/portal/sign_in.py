"""Signing in and out: password, second step, the first page afterwards (S7 to S9)."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import pyotp
import segno
import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from api.delays import wait_words
from api.dependencies import Services, ServicesNow
from api.portal import frame
from api.portal.devices import device_words
from api.portal.forms import FieldError
from api.portal.pages import plain_page
from api.portal.visits import (
    FieldsNow,
    FirstFields,
    SignInNeeded,
    Visit,
    Visitor,
    begun,
    cookie_name,
    drop_cookie,
)
from db import audit, browser_sessions, installations, orders, people
from db.people import SignIn
from db.session import Session
from db.workspaces import PLATFORM

__all__ = ["SignInPage", "begin", "own_path", "record_sign_in", "router", "sign_in_form"]

router = APIRouter()

_log = structlog.get_logger(__name__)

_STEP_SECONDS = 30
_WRONG = "The e-mail address or the password is not right. Check both and try again."


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The sign-in form.

    Attributes:
        next: Where to go on afterwards.
        elsewhere: What the identity provider is called; empty for none.
        trouble: Why nobody is signed in who comes from there: a bold sentence and a plain one.
    """

    email: str = ""
    next: str = ""
    elsewhere: str = ""
    trouble: tuple[str, str] | None = None
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class CodePage:
    """The second step: a code, or setting the codes up first."""

    next: str
    errors: tuple[FieldError, ...] = ()
    secret: str = ""
    picture: Markup | None = None


@router.get("/")
async def first_page(visit: Visitor) -> Response:
    """Lead to where the work is: the installation, else what waits, else the notifications."""
    if visit.workspace_id == PLATFORM:
        return RedirectResponse("/ops/attention", HTTPStatus.SEE_OTHER)
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        installed = await installations.list_installed(session, visit.workspace_id)
        waiting = await orders.count_waiting(session, visit.workspace_id, visit.now)
    first = "/orders" if waiting else "/notifications"
    return RedirectResponse(first if installed else "/apps", HTTPStatus.SEE_OTHER)


@router.get("/sign-in")
async def sign_in_page(request: Request, services: ServicesNow) -> Response:
    """Show the form."""
    return sign_in_form(request, services, SignInPage(next=own_path(request.query_params.get("next", ""))))


@router.post("/sign-in")
async def sign_in(request: Request, services: ServicesNow, fields: FirstFields) -> Response:
    """Check address and password; both wrong sound the same and take as long."""
    fields.only("email", "password", "next")
    email, following = fields.text("email", longest=254).casefold(), own_path(fields.text("next"))
    now, where = services.clock(), services.callback_origins.address(request)

    def refused(text: str) -> Response:
        page = SignInPage(email, following, errors=(FieldError("email", text),))
        return sign_in_form(request, services, page, HTTPStatus.UNPROCESSABLE_ENTITY)

    if (free_at := services.sign_ins.take(where, now)) is not None:
        return refused(
            f"There were too many tries from your network. Try again in {wait_words(free_at - now)}."
        )
    key = f"password|{email}|{where}"
    if wait := await services.delays.take(key, now):
        return refused(f"There were several wrong tries. Try again in {wait}.")
    resources = services.resources
    async with resources.database.transaction() as session:
        found = await people.find_sign_in(session, resources.cipher, email)
    kept = found.password_hash if found is not None else ""
    password = fields.secret("password")
    is_right = await services.passwords.matches(kept, password)
    if found is None or not is_right or found.person.disabled_at is not None:
        await _record_failure(services, found, where, now)
        return refused(_WRONG)
    await services.delays.clear(key)
    fresh = await services.passwords.hash(password) if services.passwords.is_outdated(kept) else ""
    if fresh:
        async with resources.database.transaction() as session:
            await people.set_password(
                session, found.person.id, fresh, is_temporary=found.person.password_is_temporary
            )
    return await begin(request, services, found, following)


async def begin(request: Request, services: Services, found: SignIn, following: str) -> Response:
    """Begin the session of somebody who proved who they are; whoever needs a second step has not arrived yet."""
    now, person = services.clock(), found.person
    is_complete = not (person.needs_second_step or found.totp_secret)
    name, is_https = cookie_name(services, "session")
    async with services.resources.database.transaction() as session:
        token = await browser_sessions.begin_session(
            session,
            person.id,
            device=device_words(request.headers.get("user-agent", "")),
            is_complete=is_complete,
            now=now,
        )
        if is_complete:
            await record_sign_in(session, found, "signed_in", now)
    ahead = following or "/"
    url = ahead if is_complete else f"/sign-in/code?next={quote(ahead, safe='')}"
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    _set_session(response, name, token, is_https=is_https)
    return response


Begun = Annotated[Visit, Depends(begun)]


@router.get("/sign-in/code")
async def code_page(visit: Begun) -> Response:
    """Show the second step."""
    following = own_path(visit.request.query_params.get("next", "")) or "/"
    if visit.session.is_complete:
        return RedirectResponse(following, HTTPStatus.SEE_OTHER)
    return await _code_form(visit, following)


@router.post("/sign-in/code")
async def check_code(visit: Begun, fields: FieldsNow) -> Response:
    """Check the code; who has no codes yet sets them up with it. Each counts once, wrong ones delay."""
    fields.only("code", "next")
    if visit.session.is_complete:
        raise SignInNeeded("/")
    following = own_path(fields.text("next")) or "/"
    services, now, cipher = visit.services, visit.now, visit.services.resources.cipher
    key = f"code|{visit.person.id}"

    async def refused(text: str) -> Response:
        return await _code_form(visit, following, (FieldError("code", text),))

    if wait := await services.delays.take(key, now):
        return await refused(f"There were several wrong codes. Try again in {wait}.")
    code = "".join(fields.text("code", longest=20).split())
    async with services.resources.database.transaction() as session:
        found = await people.get_sign_in(session, cipher, visit.person.id)
        secret = found.totp_secret or _pending_secret(visit.token)
        step = _step_of(secret, code, now)
        if step is not None and not found.totp_secret:
            await people.set_totp(session, cipher, visit.person.id, secret)
            await record_sign_in(session, found, "second_step.set_up", now)
        is_right = step is not None and await people.use_totp_step(session, visit.person.id, step)
        if is_right:
            # A new token with every step up: what was known before it is worth nothing afterwards.
            await browser_sessions.end_session(session, visit.person.id, visit.session.token_hash)
            token = await browser_sessions.begin_session(
                session, visit.person.id, device=visit.session.device, is_complete=True, now=now
            )
            await record_sign_in(session, found, "signed_in", now)
    if not is_right:
        await _record_failure(services, found, "", now)
        return await refused(
            "This code is not right, or was used already. Wait for the next one and enter it."
        )
    await services.delays.clear(key)
    response = RedirectResponse(following, HTTPStatus.SEE_OTHER)
    name, is_https = cookie_name(services, "session")
    _set_session(response, name, token, is_https=is_https)
    return response


@router.post("/sign-out")
async def sign_out(visit: Begun, fields: FieldsNow) -> Response:
    """End the session."""
    fields.only()
    async with visit.services.resources.database.transaction() as session:
        await browser_sessions.end_session(session, visit.person.id, visit.session.token_hash)
        await audit.add_record(
            session, visit.workspace_id, person=visit.by, action="signed_out", now=visit.now
        )
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    drop_cookie(response, visit.services, "session")
    return response


def sign_in_form(
    request: Request, services: Services, page: SignInPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Return the sign-in form, with the cookie that proves it to be the browser's own."""
    page = replace(page, elsewhere=services.resources.settings.oidc_name)
    name, is_https = cookie_name(services, "visitor")
    token = request.cookies.get(name) or secrets.token_urlsafe(32)
    response = plain_page("sign_in.html", page, csrf=frame.csrf_token(token), status=status)
    response.set_cookie(name, token, httponly=True, secure=is_https, samesite="lax")
    return response


async def _code_form(visit: Visit, following: str, errors: tuple[FieldError, ...] = ()) -> Response:
    resources = visit.services.resources
    async with resources.database.transaction() as session:
        found = await people.get_sign_in(session, resources.cipher, visit.person.id)
    secret, picture = "", None
    if not found.totp_secret:
        secret = _pending_secret(visit.token)
        address = pyotp.TOTP(secret).provisioning_uri(name=visit.person.email, issuer_name="Eshopbox")
        drawn = segno.make(address, micro=False).svg_inline(scale=5, border=2, svgclass="qr", lineclass=None)
        picture = Markup(drawn)  # noqa: S704 - drawn by the library from an address that is all ours
    page = CodePage(following, errors, secret, picture)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return plain_page("sign_in_code.html", page, csrf=frame.csrf_token(visit.token), status=status)


async def _record_failure(services: Services, found: SignIn | None, where: str, now: datetime) -> None:
    _log.warning("sign_in.failed", is_known=found is not None)
    if found is not None:
        async with services.resources.database.transaction() as session:
            await record_sign_in(session, found, "sign_in.failed", now, f"from {where}" if where else "")


async def record_sign_in(
    session: Session, found: SignIn, action: str, now: datetime, detail: str = ""
) -> None:
    """Record what becomes of somebody's sign-in."""
    person = found.person
    await audit.add_record(
        session,
        person.workspace_id or PLATFORM,
        person=f"{person.name} <{person.email}>",
        action=action,
        detail=detail,
        now=now,
    )


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step of a code: this one, or the one before or after, as clocks differ; None for a wrong code."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_SECONDS
    return next(
        (near for near in (step, step - 1, step + 1) if totp.verify(code, for_time=near * _STEP_SECONDS)),
        None,
    )


def _pending_secret(token: str) -> str:
    """Return the secret that a session offers for new codes: the same until they are set up, and kept nowhere."""
    return base64.b32encode(hmac.new(token.encode(), b"totp", hashlib.sha256).digest()[:20]).decode()


def own_path(path: str) -> str:
    """Return a path of ours to go on to; empty for what leads elsewhere."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path[:500] if is_ours else ""


def _set_session(response: Response, name: str, token: str, *, is_https: bool) -> None:
    response.set_cookie(name, token, httponly=True, secure=is_https, samesite="lax", path="/")
