"""Show and write encrypted payloads in Temporal UI (S18): for its own origin, with a token where one is set."""

import hmac
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response

from api.dependencies import Services, ServicesNow
from api.errors import Problem, documented
from bootstrap.temporal import UndecodablePayload
from db import audit
from db.workspaces import PLATFORM

__all__ = ["router"]

router = APIRouter(prefix="/codec", tags=["Codec"], include_in_schema=False)

_log = structlog.get_logger(__name__)

_ANSWERS = documented(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)


@router.post("/decode", summary="Decrypt payloads", responses=_ANSWERS)
async def decode(request: Request, services: ServicesNow) -> Response:
    """Decrypt the payloads that Temporal UI shows."""
    _check(request, services)
    try:
        text = await services.codec.decode(await request.body())
    except UndecodablePayload as error:
        raise _unreadable() from error
    _log.info("codec.decoded")
    async with services.resources.database.transaction() as session:  # of no workspace: a run names its own
        await audit.add_record(
            session, PLATFORM, person="Temporal UI", action="payload.decoded", now=services.clock()
        )
    return Response(text, media_type="application/json", headers=_allowed(services))


@router.post("/encode", summary="Encrypt payloads", responses=_ANSWERS)
async def encode(request: Request, services: ServicesNow) -> Response:
    """Encrypt the payloads of a signal that is written in Temporal UI."""
    _check(request, services)
    try:
        text = await services.codec.encode(await request.body())
    except UndecodablePayload as error:
        raise _unreadable() from error
    return Response(text, media_type="application/json", headers=_allowed(services))


@router.options("/decode", summary="Answer the browser's preflight")
@router.options("/encode", summary="Answer the browser's preflight")
async def preflight(services: ServicesNow) -> Response:
    """Tell the browser that Temporal UI's own origin may ask."""
    headers = _allowed(services) | {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "authorization, content-type, x-namespace, x-codec-token",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


def _allowed(services: Services) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": services.resources.settings.codec_origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
        # The guard's default would keep the answer from the page of another origin that asks for it.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _check(request: Request, services: Services) -> None:
    """Check the token; in production nothing is decoded without one.

    Raises:
        Problem: 404 or 401.
    """
    settings = services.resources.settings
    token = settings.codec_token.get_secret_value()
    if not token:
        if settings.environment == "production":
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", HTTPStatus.NOT_FOUND.phrase)
        return
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    presented = request.headers.get("x-codec-token") or (bearer if scheme.lower() == "bearer" else "")
    if not hmac.compare_digest(presented.encode(), token.encode()):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "The codec's token is needed",
            headers=_allowed(services),
        )


def _unreadable() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "undecodable", "The payloads cannot be read")
