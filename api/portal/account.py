"""One's own account: password, second step, the sessions that are open (S7 to S9, S11)."""

import hmac
from dataclasses import dataclass
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.forms import FieldError
from api.portal.frame import Toast, role_words
from api.portal.pages import render, see_other
from api.portal.visits import FieldsNow, Visit, Visitor, not_found
from bootstrap.passwords import weakness
from db import audit, browser_sessions, people
from db.session import Session
from domain.formats import moment

__all__ = ["check_password", "router"]

router = APIRouter(prefix="/account")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as its person sees it."""

    id: str
    device: str
    began: str
    seen: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One's own account."""

    email: str
    role: str
    workspace: str
    is_owner: bool
    has_codes: bool
    needs_codes: bool
    sessions: tuple[SessionRow, ...]


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """A new password."""

    is_temporary: bool
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """The password, asked for again before something that matters."""

    next: str
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def account_page(visit: Visitor) -> Response:
    """Show the account."""
    resources = visit.services.resources
    async with resources.database.transaction() as session:
        found = await people.get_sign_in(session, resources.cipher, visit.person.id)
        open_ones = await browser_sessions.list_sessions(session, visit.person.id, visit.now)
    zone = ZoneInfo(visit.workspace.policy.timezone)
    rows = tuple(
        SessionRow(
            id=_shown_id(visit, row.token_hash),
            device=row.device,
            began=moment(row.created_at, now=visit.now, zone=zone),
            seen=moment(row.seen_at, now=visit.now, zone=zone),
            is_this=row.token_hash == visit.session.token_hash,
        )
        for row in open_ones
    )
    page = AccountPage(
        email=visit.person.email,
        role=role_words(visit.person),
        workspace=visit.workspace.name,
        is_owner=visit.is_owner,
        has_codes=bool(found.totp_secret),
        needs_codes=visit.person.needs_second_step,
        sessions=rows,
    )
    return await render(visit, "account.html", page, current="account")


@router.get("/password")
async def password_page(visit: Visitor) -> Response:
    """Show the form for a new password."""
    page = PasswordPage(visit.person.password_is_temporary)
    return await render(visit, "account_password.html", page, current="account")


@router.post("/password")
async def change_password(visit: Visitor, fields: FieldsNow) -> Response:
    """Change the password, and end every other session: somebody may have known the old one."""
    fields.only("current", "password", "again")
    person, resources = visit.person, visit.services.resources
    fresh = fields.secret("password", longest=1000)
    current = fields.secret("current")
    # Of a temporary password others know: the same one again would stay known.
    is_same = "Choose another password than the present one" if fresh == current else ""
    errors = [
        FieldError(field, text)
        for field, text in (
            ("current", await check_password(visit, current)),
            (
                "password",
                is_same
                or weakness(fresh, person.email, person.name, visit.workspace.name, visit.workspace_id),
            ),
            ("again", "" if fresh == fields.secret("again", longest=1000) else "The two are not the same"),
        )
        if text
    ]
    if errors:
        page = PasswordPage(person.password_is_temporary, tuple(errors))
        return await render(
            visit, "account_password.html", page, current="account", status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    kept = await visit.services.passwords.hash(fresh)
    async with resources.database.transaction() as session:
        await people.set_password(session, person.id, kept, is_temporary=False)
        await browser_sessions.end_sessions(session, person.id, but=visit.session.token_hash)
        await _record(session, visit, "password.changed")
    return see_other(
        visit,
        "/" if person.password_is_temporary else "/account",
        Toast("Your password is changed.", "Every other session of yours has ended."),
    )


@router.post("/second-step/replace")
async def replace_second_step(visit: Visitor, fields: FieldsNow) -> Response:
    """Begin new codes, as for a new phone: the session has to show one of them before it goes on."""
    fields.only()
    if not visit.is_confirmed:
        return RedirectResponse("/account/confirm?next=/account", HTTPStatus.SEE_OTHER)
    async with visit.services.resources.database.transaction() as session:
        await people.set_totp(session, visit.services.resources.cipher, visit.person.id, None)
        await browser_sessions.end_sessions(session, visit.person.id, but=visit.session.token_hash)
        await browser_sessions.reopen_session(session, visit.session.token_hash)
        await _record(session, visit, "second_step.removed")
    return RedirectResponse("/sign-in/code?next=/account", HTTPStatus.SEE_OTHER)


@router.post("/sessions/{session_id}/end")
async def end_session(session_id: str, visit: Visitor, fields: FieldsNow) -> Response:
    """End one of one's own sessions."""
    fields.only()
    async with visit.services.resources.database.transaction() as session:
        for row in await browser_sessions.list_sessions(session, visit.person.id, visit.now):
            if hmac.compare_digest(_shown_id(visit, row.token_hash), session_id):
                await browser_sessions.end_session(session, visit.person.id, row.token_hash)
                await _record(session, visit, "session.ended", row.device)
                return see_other(visit, "/account", Toast("The session has ended.", row.device))
    raise not_found()


@router.get("/confirm")
async def confirm_page(visit: Visitor) -> Response:
    """Ask for the password again (S11)."""
    page = ConfirmPage(_next(visit.request.query_params.get("next", "")))
    return await render(visit, "account_confirm.html", page, current="account")


@router.post("/confirm")
async def confirm(visit: Visitor, fields: FieldsNow) -> Response:
    """Check the password, and go on to what it was asked for."""
    fields.only("password", "next")
    following = _next(fields.text("next"))
    if wrong := await check_password(visit, fields.secret("password")):
        page = ConfirmPage(following, (FieldError("password", wrong),))
        return await render(
            visit, "account_confirm.html", page, current="account", status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    async with visit.services.resources.database.transaction() as session:
        await browser_sessions.confirm_session(session, visit.session.token_hash, visit.now)
    return RedirectResponse(following, HTTPStatus.SEE_OTHER)


async def check_password(visit: Visit, password: str) -> str:
    """Return what is wrong with a password that was asked for again; empty where it is right.

    Wrong ones count like those of a sign-in, so that an open browser is no place to guess.
    """
    services, cipher = visit.services, visit.services.resources.cipher
    key = f"confirm|{visit.person.id}"
    if wait := await services.delays.take(key, visit.now):
        return f"There were several wrong tries. Try again in {wait}."
    async with services.resources.database.transaction() as session:
        found = await people.get_sign_in(session, cipher, visit.person.id)
    if await services.passwords.matches(found.password_hash, password):
        await services.delays.clear(key)
        return ""
    return "This is not your password. Check it and try again."


async def _record(session: Session, visit: Visit, action: str, detail: str = "") -> None:
    await audit.add_record(
        session, visit.workspace_id, person=visit.by, action=action, detail=detail, now=visit.now
    )


def _shown_id(visit: Visit, token_hash: bytes) -> str:
    """Return what a session is called in an address: nothing that it could be used with."""
    return visit.services.resources.cipher.fingerprint(f"session/{token_hash.hex()}").hex()[:24]


def _next(path: str) -> str:
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/account"
