"""Serve the order system's own paths: its auth host's and its warehouse host's, and a receiver of our events."""

import json
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from simulators.carriers.faults import Outcome, perform
from simulators.carriers.journey import RESOLUTIONS
from simulators.carriers.resolutions import NOT_FOUND, UNAUTHORIZED, Refusal, malformed, refusal
from simulators.carriers.state import INDIA, OrderSystem, Workspace
from simulators.carriers.webhooks import WebhookSender
from simulators.carriers.wire import error_body, tracking_details, webhook_body

MAX_TRACKING_IDS: Final = 50


def provider_routes(system: OrderSystem, sender: WebhookSender) -> APIRouter:
    """Build the routes that production code calls."""
    router = APIRouter()

    @router.post("/api/v1/generateToken")
    async def generate_token(request: Request) -> Response:
        """Exchange a refresh token for an access token."""
        body = _decoded(await request.body())
        return await perform(
            system,
            request,
            endpoint="token",
            workspace=None,
            process=partial(_issue_token, system, body),
            record=partial(_record_token, system, body),
        )

    @router.post("/api/v2/ndrResolution")
    async def submit_resolution(request: Request) -> Response:
        """Take a delivery action for a failed attempt."""
        body = _decoded(await request.body())
        workspace = _caller(system, request)
        return await perform(
            system,
            request,
            endpoint="resolution",
            workspace=workspace.slug if workspace else None,
            process=partial(_resolve, system, sender, workspace, body),
            record=partial(_record_resolution, system, workspace, body),
        )

    @router.get("/api/v1/shipping/trackingDetails")
    @router.post("/api/v1/shipping/trackingDetails")
    async def read_tracking(request: Request) -> Response:
        """Tell where parcels are."""
        await request.body()
        wanted = tuple(part for part in request.query_params.get("trackingIds", "").split(",") if part)
        workspace = _caller(system, request)

        def record(outcome: Outcome) -> None:
            system.ledger.add(
                "tracking_reads",
                workspace=workspace.slug if workspace else None,
                method=request.method,
                trackingIds=wanted,
                http_status=outcome.status,
                answered=outcome.answered,
                reason=outcome.reason,
            )

        return await perform(
            system,
            request,
            endpoint="tracking",
            workspace=workspace.slug if workspace else None,
            process=partial(_track, system, workspace, wanted),
            record=record,
        )

    @router.post("/events/{slug}")
    async def receive_event(slug: str, request: Request) -> Response:
        """Receive what we tell a workspace's own address."""
        raw = (await request.body()).decode(errors="replace")

        def record(outcome: Outcome) -> None:
            system.ledger.add(
                "events",
                workspace=slug,
                headers=dict(request.headers),
                body=_decoded(raw),
                raw=raw,
                http_status=outcome.status,
                answered=outcome.answered,
            )

        return await perform(
            system, request, endpoint="events", workspace=slug, process=Outcome, record=record
        )

    return router


def _issue_token(system: OrderSystem, body: Any) -> Outcome:
    fields = body if isinstance(body, dict) else {}
    if fields.get("grant_type") != "refresh_token":
        return _refused(
            system, Refusal(status=400, code="INVALID_REQUEST", message="grant_type is not supported")
        )
    given = tuple(str(fields.get(name, "")) for name in ("client_id", "client_secret", "refresh_token"))
    issued = system.issue_token((given[0], given[1], given[2]))
    if issued is None:
        return _refused(
            system, Refusal(status=401, code="INVALID_CREDENTIALS", message="Invalid credentials")
        )
    token, needless = issued
    if needless and system.options.limit_needless_tokens:
        return _refused(system, Refusal(status=429, code="RATE_LIMITED", message="Too many token requests"))
    return Outcome(
        body={
            "access_token": token.value,
            "id_token": f"id.{token.value}",
            "scope": "openid profile offline_access",
            "expires_in": max(1, int((token.expires_at - system.clock()).total_seconds())),
            "token_type": "Bearer",
        }
    )


def _record_token(system: OrderSystem, body: Any, outcome: Outcome) -> None:
    # The client id alone: secrets do not belong into a ledger that tests print.
    system.ledger.add(
        "tokens",
        client_id=body.get("client_id") if isinstance(body, dict) else None,
        http_status=outcome.status,
        answered=outcome.answered,
        reason=outcome.reason,
    )


def _resolve(system: OrderSystem, sender: WebhookSender, workspace: Workspace | None, body: Any) -> Outcome:
    if workspace is None:
        return _refused(system, UNAUTHORIZED)
    if (why := malformed(body)) is not None:
        return _refused(system, why)
    shipment = system.find_tracked(body["trackingId"], workspace=workspace.slug)
    if shipment is None:
        return _refused(system, NOT_FOUND)
    now = system.clock()
    why = refusal(body, shipment, workspace=workspace, today=now.astimezone(INDIA).date())
    if why is not None:
        return _refused(system, why)
    code = body["resolutionCode"]
    resolution_id = shipment.resolve(code, at=now, remark=str(body.get("remarks") or RESOLUTIONS[code]))
    sender.send(
        webhook_body(workspace, shipment, resource="shipment", event="ndr_resolution_submitted", at=now)
    )
    return Outcome(body={"message": "Resolution submitted successfully", "id": resolution_id})


def _record_resolution(system: OrderSystem, workspace: Workspace | None, body: Any, outcome: Outcome) -> None:
    system.ledger.add(
        "resolutions",
        workspace=workspace.slug if workspace else None,
        trackingId=body.get("trackingId") if isinstance(body, dict) else None,
        body=body,
        http_status=outcome.status,
        accepted=outcome.accepted,
        id=outcome.body.get("id"),
        answered=outcome.answered,
        reason=outcome.reason,
    )


def _track(system: OrderSystem, workspace: Workspace | None, wanted: tuple[str, ...]) -> Outcome:
    if workspace is None:
        return _refused(system, UNAUTHORIZED)
    if not 0 < len(wanted) <= MAX_TRACKING_IDS:
        message = f"trackingIds must name 1 to {MAX_TRACKING_IDS} ids"
        return _refused(system, Refusal(status=400, code="INVALID_REQUEST", message=message))
    found = (system.find_tracked(tracking_id, workspace=workspace.slug) for tracking_id in wanted)
    return Outcome(
        body={
            "Status": "SUCCESS",
            "trackingDetails": [tracking_details(shipment) for shipment in found if shipment is not None],
        }
    )


def _refused(system: OrderSystem, why: Refusal) -> Outcome:
    body = error_body(system.options.error_shape, code=why.code, message=why.message)
    return Outcome(status=why.status, body=body, reason=why.message)


def _caller(system: OrderSystem, request: Request) -> Workspace | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return system.workspace_of_token(token) if scheme.lower() == "bearer" else None


def _decoded(raw: bytes | str) -> Any:
    """Decode JSON; what is none stays text, for the ledger to show."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw if isinstance(raw, str) else raw.decode(errors="replace")
