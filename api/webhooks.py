"""Webhooks: check the secret, read the body, store it, answer; what it means is intake's, afterwards.

Only PostgreSQL is needed to answer 2xx (I1). What is authentic and cannot be read is stored, parked and answered 2xx too:
sending it again would not help.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Path, Request, Response

from api.auth import check_order_system, find_callback_account
from api.dependencies import Services, ServicesNow
from api.errors import Problem, documented
from api.limits import read_body
from clients.carriers.eshopbox import UnreadableOrderEvent, parse_order_event
from clients.gupshup import UnreadableCallback, parse_callback
from db import inbox

__all__ = ["router"]

router = APIRouter(prefix="/webhooks", tags=["Webhooks"])

_log = structlog.get_logger(__name__)

_MOST_EVENTS = 50  # of one body; each is a row that holds the body
_LONGEST_KEY = 200

_Source = Literal["gupshup", "order_system"]


@dataclass(frozen=True, slots=True)
class _Row:
    """One event of a body, as it goes into the inbox; with a note it is parked."""

    event_key: str
    position: int = 0
    note: str = ""


_STORED: dict[int | str, dict[str, object]] = {200: {"description": "Stored; the body is empty"}}
_REFUSALS = documented(
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@router.post(
    "/gupshup/{token}",
    summary="Take a callback of Gupshup",
    response_class=Response,
    responses={**_STORED, **_REFUSALS, **documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)},
)
async def take_gupshup_callback(
    token: Annotated[str, Path(description="The secret of the app account", max_length=_LONGEST_KEY)],
    request: Request,
    services: ServicesNow,
) -> Response:
    """Store every event of a callback, in either payload format, and answer at once."""
    with _counted(services, "gupshup"):
        services.callback_origins.check(request)
        account = await find_callback_account(
            services.resources.callbacks_database, services.callback_accounts, token, request.headers
        )
        _check_rate(services, f"gupshup:{account.id}")
        body = await read_body(request.stream(), request.headers)
        await _store(services, "gupshup", account.id, body, _gupshup_rows(body))
    return Response()


@router.get(
    "/gupshup/{token}",
    summary="Answer Gupshup's check of the address",
    response_class=Response,
    responses={
        200: {"description": "The address is right"},
        **documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
    },
)
async def check_gupshup_address(
    token: Annotated[str, Path(description="The secret of the app account", max_length=_LONGEST_KEY)],
    request: Request,
    services: ServicesNow,
) -> Response:
    """Say that a callback would be taken here."""
    services.callback_origins.check(request)
    await find_callback_account(
        services.resources.callbacks_database, services.callback_accounts, token, request.headers
    )
    return Response()


@router.post(
    "/orders/{workspace_id}",
    summary="Take an event of the order system",
    response_class=Response,
    responses={**_STORED, **_REFUSALS, **documented(HTTPStatus.UNAUTHORIZED)},
)
async def take_order_event(
    workspace_id: Annotated[str, Path(description="The workspace's id", max_length=_LONGEST_KEY)],
    request: Request,
    services: ServicesNow,
) -> Response:
    """Store a shipment's event and answer at once; the secret comes as `X-Webhook-Secret` or as a bearer."""
    with _counted(services, "order_system"):
        services.callback_origins.check(request)
        await check_order_system(
            services.resources.callbacks_database, services.order_systems, workspace_id, request.headers
        )
        _check_rate(services, f"order_system:{workspace_id}")
        body = await read_body(request.stream(), request.headers)
        await _store(services, "order_system", workspace_id, body, _order_rows(services, body))
    return Response()


def _gupshup_rows(body: bytes) -> Sequence[_Row]:
    try:
        events = parse_callback(body).events
    except UnreadableCallback as error:
        return (_parked(body, str(error)),)
    if len(events) > _MOST_EVENTS:
        return (_parked(body, f"{len(events)} events in one body"),)
    return tuple(_Row(event.event_key, position) for position, event in enumerate(events))


def _order_rows(services: Services, body: bytes) -> Sequence[_Row]:
    try:
        event = parse_order_event(body, received_at=services.clock())
    except UnreadableOrderEvent as error:
        return (_parked(body, str(error)),)
    return (_Row(event.event_key),)


def _parked(body: bytes, note: str) -> _Row:
    return _Row(hashlib.sha256(body).hexdigest(), note=note)


async def _store(
    services: Services, source: _Source, owner_id: str, body: bytes, rows: Sequence[_Row]
) -> None:
    """Commit the rows, then hand the new ones to intake."""
    new: list[int] = []
    async with services.resources.callbacks_database.transaction() as session:
        for row in rows:
            inbox_id, is_new = await inbox.store(
                session,
                services.resources.cipher,
                source=source,
                owner_id=owner_id,
                event_key=row.event_key,
                body=body,
                position=row.position,
                now=services.clock(),
                state="parked" if row.note else "new",
                note=row.note,
            )
            if row.note and is_new:
                _log.error("callback.parked", source=source, inbox_id=inbox_id, reason=row.note)
            elif is_new:
                new.append(inbox_id)
            services.metrics.callbacks.labels(source, _result(row, is_new=is_new)).inc()
    services.background.put(new)


def _result(row: _Row, *, is_new: bool) -> str:
    if not is_new:
        return "repeated"
    return "parked" if row.note else "stored"


def _check_rate(services: Services, owner: str) -> None:
    if not services.callback_rates.take(owner):
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "too-many", "Too many callbacks", headers={"Retry-After": "1"}
        )


@contextmanager
def _counted(services: Services, source: _Source) -> Iterator[None]:
    """Measure the answer, and count what was refused."""
    began = perf_counter()
    try:
        yield
    except Problem as problem:
        services.metrics.callbacks.labels(source, str(int(problem.status))).inc()
        raise
    except Exception:
        services.metrics.callbacks.labels(source, "not_stored").inc()
        raise
    finally:
        services.metrics.callback_seconds.labels(source).observe(perf_counter() - began)
