"""What holds for every route: headers, description, health, the codec."""

import base64
import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from db import audit
from db.workspaces import PLATFORM
from tests.api.conftest import Opened, Outside, settings

_PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "public_base_url": "https://rescue.example.in",
    "codec_token": SecretStr("codec-token"),
    "metrics_token": SecretStr("metrics-token"),
}


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/v1/cases", "/metrics", "/openapi.json"])
async def test_security_headers_are_everywhere(outside: Outside, path: str) -> None:
    """S23: also on errors."""
    headers = (await outside.http.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "server" not in headers


async def test_errors_of_the_framework_are_problems_too(outside: Outside) -> None:
    """RFC 9457 for 404 and 405 as well."""
    for answer, status in (
        (await outside.http.get("/nowhere"), 404),
        (await outside.http.delete("/v1/cases"), 405),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_description_is_complete(outside: Outside) -> None:
    """R8.1: each route has a summary, a description and its error answers; each field of an input is described by type."""
    description = (await outside.http.get("/openapi.json")).json()
    routes = [
        (path, method, route)
        for path, methods in description["paths"].items()
        for method, route in methods.items()
    ]
    assert {path for path, _, _ in routes} >= {
        "/v1/failed-deliveries",
        "/v1/cases",
        "/v1/cases/{case_id}",
        "/v1/cases/{case_id}/actions",
        "/v1/cases/{case_id}/resend",
        "/v1/cases/{case_id}/close",
        "/v1/orders/{order_id}/activity",
        "/v1/opt-ins",
        "/v1/opt-outs",
        "/v1/opt-outs/look-up",
        "/webhooks/gupshup/{token}",
        "/webhooks/orders/{workspace_id}",
    }
    for path, method, route in routes:
        assert route["summary"], path
        assert route["description"], path
        assert route["tags"], path
        for parameter in route.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])
        if path.startswith("/v1/"):
            assert {"401", "403", "422", "429", "503"} <= set(route["responses"]), path
            assert route["security"] == [{"ApiKey": []}]
            if method == "post":
                assert {"400", "408", "409", "413", "415"} <= set(route["responses"]), path
    known = description["components"]["schemas"]
    for reference in _references(description):
        assert reference.removeprefix("#/components/schemas/") in known
    report = known["FailedDeliveryIn"]
    assert report["additionalProperties"] is False
    assert all("examples" in report["properties"][name] for name in report["required"])


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in _references(item)]
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    return []


async def test_documentation_is_not_public_in_production(opened: Opened) -> None:
    """S29: neither are the figures, which want their token."""
    async with opened(**_PRODUCTION) as outside:
        assert (await outside.http.get("/docs")).status_code == 404
        assert (await outside.http.get("/openapi.json")).status_code == 404
        assert (await outside.http.get("/metrics")).status_code == 401
        for token, status in (("no", 401), ("metrics-token", 200)):
            bearer = {"Authorization": f"Bearer {token}"}
            assert (await outside.http.get("/metrics", headers=bearer)).status_code == status
        assert "max-age" in (await outside.http.get("/healthz")).headers["Strict-Transport-Security"]


@pytest.mark.parametrize("missing", ["codec_token", "metrics_token"])
def test_production_needs_its_tokens(missing: str) -> None:
    """S29: an open codec shows customers' data, open figures show the business."""
    with pytest.raises(ValidationError, match=missing.upper()):
        settings("postgresql://127.0.0.1:1/none", **_PRODUCTION | {missing: SecretStr("")})


def test_production_has_the_real_clock() -> None:
    """S29: a clock that others can move moves deadlines and the ends of tokens."""
    with pytest.raises(ValidationError, match="clock"):
        settings("postgresql://127.0.0.1:1/none", **_PRODUCTION | {"clock_file": "var/clock"})


@pytest.mark.parametrize(
    "wrong", [{"allowed_callback_addresses": "203.0.113.0/33"}, {"forwarded_header": "X-Real-IP, X"}]
)
def test_unreadable_list_of_addresses_stops_the_start(wrong: dict[str, str]) -> None:
    """S2: a list that says nothing must not mean everybody."""
    with pytest.raises(ValidationError):
        settings("postgresql://127.0.0.1:1/none", **wrong)


async def test_documentation_is_there_in_development(outside: Outside) -> None:
    """The page loads its own parts and nothing else."""
    answer = await outside.http.get("/docs")
    assert answer.status_code == 200
    assert "script-src 'unsafe-inline'" in answer.headers["Content-Security-Policy"]


async def test_ready_needs_the_database_and_reports_temporal(outside: Outside) -> None:
    """I1: callbacks are taken while Temporal is away."""
    assert (await outside.http.get("/readyz")).json() == {"database": True, "workflows": True}
    outside.workflows.is_down = True
    answer = await outside.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "workflows": False})


async def test_figures_show_backlog_and_answers(outside: Outside) -> None:
    """Operation: what waits, what is parked, how fast answers are; no path that holds a secret."""
    await outside.http.post("/webhooks/gupshup/some-secret-token", json={})
    figures = (await outside.http.get("/metrics")).text
    assert 'inbox_rows{state="parked"} 0.0' in figures
    assert "callback_answer_seconds_bucket" in figures
    assert 'route="/webhooks/gupshup/{token}"' in figures
    assert "some-secret-token" not in figures


# --- The codec of Temporal UI (S18) ---


def _payloads(text: str) -> str:
    encoding = base64.b64encode(b"json/plain").decode()
    data = base64.b64encode(json.dumps(text).encode()).decode()
    return json.dumps({"payloads": [{"metadata": {"encoding": encoding}, "data": data}]})


async def test_codec_gives_back_what_it_encrypted(outside: Outside) -> None:
    """S18: for the origin of Temporal UI; each decoding stands in the audit."""
    sealed = await outside.http.post("/codec/encode", content=_payloads("Asha"))
    assert "Asha" not in base64.b64decode(sealed.json()["payloads"][0]["data"]).decode("latin-1")
    plain = await outside.http.post("/codec/decode", content=sealed.text)
    assert base64.b64decode(plain.json()["payloads"][0]["data"]) == b'"Asha"'
    assert plain.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8233"
    assert plain.headers["Access-Control-Allow-Credentials"] == "true"
    async with outside.stage.database.transaction() as session:
        assert [each.action for each in await audit.list_records(session, PLATFORM)] == ["payload.decoded"]


async def test_codec_answers_the_preflight(outside: Outside) -> None:
    """The browser asks before it sends."""
    answer = await outside.http.options("/codec/decode")
    assert answer.status_code == 204
    assert "x-namespace" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"


async def test_codec_wants_its_token(opened: Opened) -> None:
    """S18, S29: wrong or missing token 401, the right one 200."""
    async with opened(**_PRODUCTION) as outside:
        answers = [
            await outside.http.post("/codec/encode", content=_payloads("x"), headers=headers)
            for headers in (
                {},
                {"Authorization": "Bearer no"},
                {"Authorization": "Bearer codec-token"},
                {"X-Codec-Token": "codec-token"},
            )
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 200, 200]


@pytest.mark.parametrize("body", [b"", b"x", b'{"payloads":1}', b"\xff"])
async def test_codec_refuses_what_it_cannot_read(outside: Outside, body: bytes) -> None:
    """Never a 5xx."""
    assert (await outside.http.post("/codec/decode", content=body)).status_code in (200, 400)
