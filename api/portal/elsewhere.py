"""Signing in at the identity provider of the settings: there, and back with who somebody is (S8).

Only people who were added here get in. They are known by the provider's own name for them; the first time by an address
that the provider has verified, and that once. Whoever needs a second step takes it here all the same: what another system
asked for, we cannot check.
"""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.delays import wait_words
from api.dependencies import Services, ServicesNow
from api.portal.sign_in import SignInPage, begin, own_path, record_sign_in, sign_in_form
from api.portal.visits import cookie_name, drop_cookie, not_found
from clients.identity_provider import (
    Identity,
    IdentityProvider,
    IdentityRefused,
    Login,
    ProviderUnavailable,
    SignInElsewhereFailed,
)
from db import people
from db.people import SignIn

__all__ = ["router"]

router = APIRouter(prefix="/sign-in/elsewhere")

_log = structlog.get_logger(__name__)

_LASTS = timedelta(minutes=10)
_LONGEST_CODE = 2000
_COOKIE = "elsewhere"

_NOT_DONE = ("You are not signed in.", "Try once more, from here.")
_NOT_KNOWN = (
    "Nobody with this account is known here.",
    "Ask an owner of your workspace to add you, with the e-mail address you have there.",
)


@router.get("")
async def leave(request: Request, services: ServicesNow) -> Response:
    """Send the browser to the provider."""
    provider = _provider(services)
    following = own_path(request.query_params.get("next", ""))
    now = services.clock()
    token = secrets.token_urlsafe(32)
    if (free_at := services.sign_ins.take(services.callback_origins.address(request), now)) is not None:
        return _refused(request, services, _too_many(wait_words(free_at - now)), following)
    try:
        url = await provider.begin(_login(token))
    except SignInElsewhereFailed as error:
        return _failed(request, services, error, following)
    name, is_https = cookie_name(services, _COOKIE)
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    until = int((now + _LASTS).timestamp())
    response.set_cookie(
        name,
        _sealed(services, {"token": token, "until": until, "next": following}),
        max_age=int(_LASTS.total_seconds()),
        httponly=True,
        secure=is_https,
        # The provider's page leads back: a cookie for our own pages alone would not be sent along.
        samesite="lax",
    )
    return response


@router.get("/back")
async def come_back(request: Request, services: ServicesNow) -> Response:
    """Take what the provider sent with the browser, and begin the session of whom it names."""
    provider, now = _provider(services), services.clock()
    where = services.callback_origins.address(request)
    name, _ = cookie_name(services, _COOKIE)
    token, following = _opened(services, request.cookies.get(name, ""), int(now.timestamp()))
    login, query = _login(token), request.query_params
    is_answer = bool(token) and hmac.compare_digest(query.get("state", "").encode(), login.state.encode())
    # RFC 9207: a provider that names itself must be the one that was asked.
    if not is_answer or query.get("iss", provider.issuer) != provider.issuer:
        return _failed(request, services, IdentityRefused("no answer to a question of this browser"), "")
    if (free_at := services.sign_ins.take(where, now)) is not None:
        return _refused(request, services, _too_many(wait_words(free_at - now)), following)
    code = query.get("code", "")
    try:
        if not 0 < len(code) <= _LONGEST_CODE:
            raise IdentityRefused("the provider sent no code")
        identity = await provider.finish(login, code)
    except SignInElsewhereFailed as error:
        return _failed(request, services, error, following)
    found = await _who(services, identity)
    if found is None or found.person.disabled_at is not None:
        _log.warning("sign_in.failed", is_known=found is not None)
        return _refused(request, services, _NOT_KNOWN, following)
    response = await begin(request, services, found, following)
    drop_cookie(response, services, _COOKIE)
    return response


async def _who(services: Services, identity: Identity) -> SignIn | None:
    """Return who an identity is: known by the provider's name for them, the first time by a verified address."""
    cipher, now = services.resources.cipher, services.clock()
    # Of whichever workspace they are: that is what is asked.
    async with services.resources.database.transaction() as session:
        found = await people.find_sign_in_elsewhere(
            session, cipher, issuer=identity.issuer, subject=identity.subject
        )
        if found is not None or not identity.email:
            return found
        by_email = await people.find_sign_in(session, cipher, identity.email)
        if by_email is None or by_email.person.disabled_at is not None:
            return None
        is_new = await people.link_elsewhere(
            session, by_email.person.id, issuer=identity.issuer, subject=identity.subject
        )
        if not is_new:  # an address that was given to somebody else there
            return None
        await record_sign_in(session, by_email, "sign_in.linked", now, f"at {identity.issuer}")
        return by_email


def _provider(services: Services) -> IdentityProvider:
    """Return the provider of the settings.

    Raises:
        Problem: 404 where there is none.
    """
    provider = services.resources.identity_provider
    if provider is None:
        raise not_found()
    return provider


def _login(token: str) -> Login:
    """Return what ties the answer to this browser, all of it made from the one secret that its cookie keeps."""

    def part(what: str) -> str:
        digest = hmac.new(token.encode(), f"elsewhere:{what}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    return Login(part("state"), part("nonce"), part("verifier"))


def _sealed(services: Services, values: dict[str, str | int]) -> str:
    said = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    return f"{said}.{_signature(services, said)}"


def _opened(services: Services, sealed: str, now: int) -> tuple[str, str]:
    """Return secret and way on of a login that this browser began lately; empty for none."""
    said, _, signature = sealed.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(services, said).encode()):
        return "", ""
    values = json.loads(base64.urlsafe_b64decode(said))
    return (values["token"], values["next"]) if values["until"] > now else ("", "")


def _signature(services: Services, said: str) -> str:
    return services.resources.cipher.fingerprint(f"elsewhere:{said}").hex()


def _too_many(wait: str) -> tuple[str, str]:
    return ("There were too many tries from your network.", f"Try again in {wait}.")


def _failed(request: Request, services: Services, error: SignInElsewhereFailed, following: str) -> Response:
    _log.warning("sign_in.elsewhere_failed", reason=str(error))
    name = services.resources.settings.oidc_name
    if isinstance(error, ProviderUnavailable):
        trouble = (f"{name} does not answer.", "Try again in a minute, or sign in with your password.")
        return _refused(request, services, trouble, following)
    return _refused(request, services, _NOT_DONE, following)


def _refused(request: Request, services: Services, trouble: tuple[str, str], following: str) -> Response:
    return sign_in_form(request, services, SignInPage(next=following, trouble=trouble), HTTPStatus.FORBIDDEN)
