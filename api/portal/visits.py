"""Who visits a page, and what their forms may do: sessions, roles, forged forms (S8 to S12).

A route asks for one of `Visitor` (anybody signed in), `Seller` (a person of a workspace), `Owner` and `Staff`; a route
that changes something also for `Fields`, which are only given where the form is this session's own.

    Elsewhere          the browser is sent on to another page
    └── SignInNeeded   nobody is signed in, or not completely
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response

from api.dependencies import Services, ServicesNow
from api.errors import Problem
from api.portal.forms import Form, checked, forged, read_form
from api.portal.frame import csrf_token
from db import browser_sessions, workspaces
from db.browser_sessions import BrowserSession
from db.people import Person, Role
from db.workspaces import PLATFORM, Workspace

__all__ = [
    "CONFIRMED_FOR",
    "Elsewhere",
    "FieldsNow",
    "FirstFields",
    "Owner",
    "Seller",
    "SignInNeeded",
    "Staff",
    "Visit",
    "Visitor",
    "check_same_origin",
    "cookie_name",
    "drop_cookie",
]

CONFIRMED_FOR = timedelta(minutes=10)
"""How long a password that was given again counts (S11)."""


class Elsewhere(Exception):
    """What was asked for is not to be had here; the browser is sent on.

    Attributes:
        url: Where to go on.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class SignInNeeded(Elsewhere):
    """Nobody is signed in, or not completely."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in.

    Attributes:
        request: The request.
        services: The app's services.
        person: Who it is.
        session: Their session.
        token: The session's token.
        now: When.
        workspace: Whose pages they see; the platform's for Eshopbox's staff.
    """

    request: Request
    services: Services
    person: Person
    session: BrowserSession
    token: str = field(repr=False)
    now: datetime
    workspace: Workspace

    @property
    def workspace_id(self) -> str:
        """Return whose data this visit may see; only signing in says so (S12)."""
        return self.workspace.id

    @property
    def by(self) -> str:
        """Return who it is, for the audit and the history."""
        return f"{self.person.name} <{self.person.email}>"

    @property
    def is_owner(self) -> bool:
        """Tell whether they may do what costs money or concerns access."""
        return self.person.role is Role.OWNER

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the password was given a short while ago (S11)."""
        at = self.session.confirmed_at
        return at is not None and at + CONFIRMED_FOR > self.now


def cookie_name(services: Services, name: str) -> tuple[str, bool]:
    """Return a cookie's name, and whether it is for https only; browsers keep the prefix for secure origins (S9)."""
    is_https = services.resources.settings.public_base_url.startswith("https://")
    return (f"__Host-{name}", True) if is_https else (name, False)


def drop_cookie(response: Response, services: Services, name: str) -> None:
    """Have the browser forget a cookie; one with the prefix of secure origins it only touches where `Secure` is said."""
    full, is_https = cookie_name(services, name)
    response.delete_cookie(full, httponly=True, secure=is_https, samesite="lax")


def check_same_origin(request: Request) -> None:
    """Refuse a form that another site sent (S10).

    Raises:
        Problem: 403.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise forged()
    if site is None and origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise forged()


async def _complete(request: Request, services: ServicesNow) -> Visit:
    """Return the visit of somebody who is signed in completely.

    Raises:
        SignInNeeded: The sign-in, its second step or a password of their own is missing.
    """
    visit = await begun(request, services)
    if not visit.session.is_complete:
        raise SignInNeeded("/sign-in/code")
    if visit.person.password_is_temporary and request.url.path != "/account/password":
        raise SignInNeeded("/account/password")
    return visit


async def begun(request: Request, services: ServicesNow) -> Visit:
    """Return the visit of somebody who gave their password, the second step taken or not.

    Raises:
        SignInNeeded: Nobody did.
    """
    name, _ = cookie_name(services, "session")
    token, now = request.cookies.get(name, ""), services.clock()
    database = services.resources.database
    async with database.transaction() as session:
        found = await browser_sessions.find_session(session, token, now) if token else None
        if found is None:
            raise SignInNeeded(_sign_in_url(request))
        _, person = found
        workspace = (
            await workspaces.get_workspace(session, person.workspace_id)
            if person.workspace_id is not None
            else await workspaces.ensure_platform(session)
        )
    return Visit(request, services, person, found[0], token, now, workspace)


def _sign_in_url(request: Request) -> str:
    """Return where to sign in, and for a page where to go afterwards."""
    if request.method != "GET" or request.url.path in ("/", "/sign-in"):
        return "/sign-in"
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(asked, safe='')}"


Visitor = Annotated[Visit, Depends(_complete)]
"""Anybody who is signed in."""


async def _seller(visit: Visitor) -> Visit:
    if visit.workspace_id == PLATFORM:
        raise not_found()
    return visit


Seller = Annotated[Visit, Depends(_seller)]
"""A person of a workspace."""


async def _owner(visit: Seller) -> Visit:
    if not visit.is_owner:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "owners-only",
            "Only owners can do this",
            "Ask an owner of the workspace. Nothing has changed.",
        )
    return visit


Owner = Annotated[Visit, Depends(_owner)]
"""An owner of a workspace."""


async def _staff(visit: Visitor) -> Visit:
    if visit.person.role is not Role.OPS:
        raise not_found()
    return visit


Staff = Annotated[Visit, Depends(_staff)]
"""Eshopbox's own staff; for anybody else their pages do not exist."""


async def _fields(request: Request, visit: Annotated[Visit, Depends(begun)]) -> Form:
    """Return the fields of this session's own form.

    Raises:
        Problem: 403 for a form that this session was not given; 400 and 413 for what is no form.
    """
    check_same_origin(request)
    form = await read_form(request)
    return checked(form, csrf_token(visit.token))


FieldsNow = Annotated[Form, Depends(_fields)]
"""The fields of a form that this session was given; anything else is refused before the route runs (S10)."""


async def _first_fields(request: Request, services: ServicesNow) -> Form:
    """Return the fields of a form from before somebody signed in, which a cookie of its own proves."""
    check_same_origin(request)
    name, _ = cookie_name(services, "visitor")
    form = await read_form(request)
    return checked(form, csrf_token(request.cookies.get(name, "")) if request.cookies.get(name) else "")


FirstFields = Annotated[Form, Depends(_first_fields)]
"""The fields of the sign-in form."""


def not_found() -> Problem:
    """Return the answer to an address that is nobody's, or not this visitor's: they are the same (I11)."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", HTTPStatus.NOT_FOUND.phrase)
