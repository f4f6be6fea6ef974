"""An identity provider that people may sign in at instead of here: OpenID Connect's code flow with PKCE (S8).

A login is `begin`, then the provider's own pages, then `finish` with the code that the browser brings back. What the
provider says of itself (its addresses and keys) is asked for once an hour, and again when a key is not known.

    SignInElsewhereFailed     nobody is signed in; the message says why, for the log
      IdentityRefused         the answer is not one to our question, or nothing that may be believed
      ProviderUnavailable     no answer came, or none that can be read
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

__all__ = [
    "Identity",
    "IdentityProvider",
    "IdentityRefused",
    "Login",
    "ProviderUnavailable",
    "SignInElsewhereFailed",
]

_ALGORITHMS: Final = ("RS256", "ES256")
_LARGEST_ANSWER: Final = 256 * 1024
_KNOWN_FOR: Final = timedelta(hours=1)
_NOT_ASKED_AGAIN_FOR: Final = timedelta(minutes=1)
_LEEWAY_SECONDS: Final = 60
_LONGEST_ID: Final = 255  # OpenID Connect's own limit for a subject


class SignInElsewhereFailed(Exception):
    """Nobody is signed in; the message says why and shows nothing of a token."""


class IdentityRefused(SignInElsewhereFailed):
    """The answer is not one to our question, or nothing that may be believed."""


class ProviderUnavailable(SignInElsewhereFailed):
    """No answer came, or none that can be read."""


@dataclass(frozen=True, slots=True)
class Login:
    """What ties an answer to the browser that asked; the browser keeps it meanwhile.

    Attributes:
        state: Comes back with the answer.
        nonce: Stands in the token.
        verifier: Proves that whoever brings the code is who asked for it.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is there.

    Attributes:
        issuer: The provider.
        subject: Its own, lasting name for the person.
        email: Their address, in lower case; empty where the provider does not say that it is verified.
    """

    issuer: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    keys: KeySet
    at: datetime


class IdentityProvider:
    """The provider of the settings.

    Attributes:
        issuer: Its address, as it stands in its tokens.

    Args:
        http: A client that follows no redirects and no proxy variables.
        issuer: Its address, as it stands in its tokens.
        client_id: What it knows us as.
        client_secret: What proves that it is us.
        redirect_uri: Where it sends browsers back to.
        clock: Tells the time.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._known: _Known | None = None

    async def begin(self, login: Login) -> str:
        """Return where to send the browser.

        Raises:
            ProviderUnavailable: The provider does not say where.
        """
        known = await self._about()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(login.verifier.encode()).digest()).rstrip(b"=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "scope": "openid email profile",
                "state": login.state,
                "nonce": login.nonce,
                "code_challenge": challenge.decode(),
                "code_challenge_method": "S256",
            }
        )
        joint = "&" if "?" in known.authorization_endpoint else "?"
        return f"{known.authorization_endpoint}{joint}{query}"

    async def finish(self, login: Login, code: str) -> Identity:
        """Exchange the code for a token and return whom it names.

        Raises:
            IdentityRefused: The code or the token is not to be believed.
            ProviderUnavailable: The provider does not answer.
        """
        known = await self._about()
        # The secret stands in the form: every provider takes it there, and none needs it quoted in a way of its own.
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": login.verifier,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        status, answer = await self._ask("POST", known.token_endpoint, data=form)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise IdentityRefused("the provider refused the code")
        token = answer.get("id_token")
        if status != HTTPStatus.OK or not isinstance(token, str):
            raise ProviderUnavailable(f"the token endpoint answered {status} without a token")
        claims = await self._believed(token, login.nonce)
        email = claims.get("email")
        is_verified = claims.get("email_verified") is True
        return Identity(
            self.issuer,
            claims["sub"],
            email.strip().casefold() if is_verified and isinstance(email, str) else "",
        )

    async def _believed(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of a token that is the provider's, for us, for this login and for now."""
        claims = await self._opened(token)
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as error:
            raise IdentityRefused(f"the token's claims: {error.error}") from error
        audience = claims["aud"]
        # A token for several has to say for whom it was made; whoever that is, only we may use it here.
        others = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if others else self._client_id) != self._client_id:
            raise IdentityRefused("the token was made for another party")
        subject = claims["sub"]
        if not 0 < len(subject) <= _LONGEST_ID or not subject.isprintable():
            raise IdentityRefused("the token's subject is no subject")
        return claims

    async def _opened(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature is the provider's."""
        known = await self._about()
        try:
            return jwt.decode(token, known.keys, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            # Perhaps by a key that is new since we asked; somebody who invents keys makes us ask once a minute.
            if self._clock() - known.at < _NOT_ASKED_AGAIN_FOR:
                raise IdentityRefused("the token is not signed by the provider") from None
        self._known = None
        known = await self._about()
        try:
            return jwt.decode(token, known.keys, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            raise IdentityRefused("the token is not signed by the provider") from None

    async def _about(self) -> _Known:
        now = self._clock()
        if self._known is not None and now - self._known.at < _KNOWN_FOR:
            return self._known
        status, said = await self._ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != HTTPStatus.OK or said.get("issuer") != self.issuer:
            raise ProviderUnavailable("the provider does not describe itself as the issuer")
        authorization, token, jwks = (
            self._endpoint(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        status, listed = await self._ask("GET", jwks)
        if status != HTTPStatus.OK:
            raise ProviderUnavailable(f"the provider's keys: {status}")
        self._known = _Known(authorization, token, _keys(listed), now)
        return self._known

    def _endpoint(self, said: Mapping[str, Any], name: str) -> str:
        """Return an address that the provider names; none that is less safe than its own."""
        url = said.get(name)
        scheme = urlsplit(self.issuer).scheme
        if not isinstance(url, str) or urlsplit(url).scheme not in {scheme, "https"}:
            raise ProviderUnavailable(f"the provider names no {name}")
        return url

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, Mapping[str, Any]]:
        """Return status and object of an answer, which is bounded in size."""
        body = b""
        try:
            asked = self._http.stream(method, url, headers={"Accept": "application/json"}, **more)
            async with asked as response:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _LARGEST_ANSWER:
                        raise ProviderUnavailable("the answer is too large")
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailable(type(error).__name__) from error
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        return status, said if isinstance(said, dict) else {}


def _keys(listed: Mapping[str, Any]) -> KeySet:
    """Return the keys that sign with what we take; others of the provider are none of ours."""
    offered = listed.get("keys")
    usable = [
        key
        for key in (offered if isinstance(offered, list) else ())
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderUnavailable("the provider's keys cannot be read") from error
