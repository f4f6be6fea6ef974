"""Every route is authenticated, or on this list."""

import re

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from api.app import ROUTERS, create_app
from tests.api.conftest import settings

_PUBLIC = {"/healthz", "/readyz"}
_BY_SECRET = {
    "/webhooks/gupshup/{token}": 404,
    "/webhooks/orders/{workspace_id}": 401,
    "/codec/decode": 401,
    "/codec/encode": 401,
}


def _routes() -> list[tuple[str, str]]:
    found = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert sum(len(router.routes) for router in ROUTERS) == len(found)
    return sorted((method, route.path) for route in found for method in route.methods or ())


def test_app_has_no_other_routes() -> None:
    """What is checked below is everything; in production not even the documentation is added."""
    app = create_app(settings("postgresql://127.0.0.1:1/none"))
    others = {getattr(route, "path", None) for route in app.routes} - {None}
    assert others == {"", "/openapi.json", "/docs", "/docs/oauth2-redirect"}
    assert len([route for route in app.routes if getattr(route, "path", None) is None]) == len(ROUTERS)
    assert [route for route in app.routes if isinstance(route, Mount) and route.path == ""] == [
        app.routes[-1]
    ]


@pytest.mark.parametrize(("method", "path"), _routes())
async def test_route_wants_a_secret_or_is_listed(
    database_url: str, database: object, method: str, path: str
) -> None:
    """S12: what is not on the list answers nobody without a key; preflights carry nothing."""
    assert database
    if path in _PUBLIC or method == "OPTIONS":
        return
    app = create_app(settings(database_url, codec_token="token", metrics_token="token"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
    ):
        content = b"{}" if method == "POST" else None
        answer = await http.request(method, re.sub(r"\{[^}]*\}", "x", path), content=content)
    assert answer.status_code == _BY_SECRET.get(path, 401)
