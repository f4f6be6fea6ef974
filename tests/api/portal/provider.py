"""A small identity provider on this machine: real keys, real tokens, and every way to be wrong."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "rescue", "secret-of-rescue"


@dataclass
class Provider:
    """What it holds and what a test made it do.

    Attributes:
        issuer: Its address.
        claims: Claims of the next tokens beyond the usual, or in their place; None leaves one out.
        algorithm: What tokens are signed with.
        key_of_another: Whether they are signed with a key that it does not publish.
        said: What it says of itself in place of the usual.
        is_down: Whether its token endpoint fails.
    """

    issuer: str
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key_of_another: bool = False
    said: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: int = 0

    def token(self, nonce: str) -> str:
        """Return a token for whoever signed in."""
        now = int(time())
        usual = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": "Member@KapasKraft.example",
            "email_verified": True,
        }
        claims = {name: value for name, value in (usual | self.claims).items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        said = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        if self.algorithm == "none":
            return f"{said}."
        if self.algorithm == "HS256":  # the old trick: the public key as the secret
            secret = self.key.as_pem(private=False)
            return f"{said}.{_encoded(hmac.digest(secret, said.encode(), 'sha256'))}"
        key: Any = self.key
        if self.key_of_another:
            key = RSAKey.generate_key(2048, {"kid": "k1"})
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])

    def use_elliptic_key(self) -> None:
        """Change to another key of another kind, as providers do now and then."""
        self.key = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"})
        self.algorithm = "ES256"

    def app(self) -> FastAPI:
        """Return its pages."""
        app = FastAPI(openapi_url=None)

        @app.get("/.well-known/openid-configuration")
        async def describe() -> dict[str, Any]:
            self.asked += 1
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            } | self.said

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            other = {"kty": "oct", "k": "AAAA", "kid": "not-for-us"}
            return {"keys": [self.key.as_dict(private=False), other]}

        @app.get("/authorize")
        async def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            code = f"code-{len(self.codes)}"
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
            return RedirectResponse(f"{asked['redirect_uri']}?{back}")

        @app.post("/token")
        async def token(request: Request) -> Response:
            if self.is_down:
                return Response(status_code=500)
            form = {name: str(value) for name, value in (await request.form()).items()}
            asked = self.codes.pop(form["code"], None)
            proof = hashlib.sha256(form["code_verifier"].encode()).digest()
            is_right = (
                asked is not None
                and form["client_secret"] == CLIENT_SECRET
                and form["redirect_uri"] == asked["redirect_uri"]
                and asked["code_challenge_method"] == "S256"
                and asked["code_challenge"] == base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
            )
            if not is_right or asked is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"access_token": "a", "id_token": self.token(asked["nonce"])})

        return app


@asynccontextmanager
async def running_provider() -> AsyncIterator[Provider]:
    """Run one on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(
        uvicorn.Config(provider.app(), log_level="error", lifespan="off", ws="none", access_log=False)
    )
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield provider
    finally:
        server.should_exit = True
        await running


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
