"""Whether the process lives, whether it can work, and its figures."""

import hmac
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from api.dependencies import ServicesNow
from api.errors import Problem, documented
from db import inbox
from db.session import DatabaseTrouble

__all__ = ["router"]

router = APIRouter(tags=["Operation"])


class Alive(BaseModel):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the process works with."""

    database: bool = Field(description="PostgreSQL answers; nothing works without it")
    workflows: bool = Field(description="Temporal answers; callbacks are taken without it, and kept")


@router.get("/healthz", summary="Tell whether the process lives")
async def tell_alive() -> Alive:
    """Answer; no part of ours is asked."""
    return Alive()


@router.get(
    "/readyz",
    summary="Tell whether requests can be served",
    responses={503: {"description": "PostgreSQL does not answer", "model": Ready}},
)
async def tell_ready(services: ServicesNow, response: Response) -> Ready:
    """Ask PostgreSQL, which is needed, and Temporal, which is not."""
    try:
        await services.resources.database.ping()
        database = True
    except DatabaseTrouble:
        database = False
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Ready(database=database, workflows=await services.workflows.is_healthy())


_bearer = HTTPBearer(auto_error=False, scheme_name="MetricsToken", description="METRICS_TOKEN, where set")


@router.get(
    "/metrics",
    summary="Give Prometheus its figures",
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format", "content": {"text/plain": {}}},
        **documented(HTTPStatus.UNAUTHORIZED),
    },
)
async def show_metrics(
    services: ServicesNow, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Response:
    """Show the figures to whoever carries their token; production always has one (S29)."""
    token = services.resources.settings.metrics_token.get_secret_value()
    presented = credentials.credentials if credentials else ""
    if token and not hmac.compare_digest(presented.encode(), token.encode()):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "The token of the figures is needed",
            headers={"WWW-Authenticate": "Bearer"},
        )
    metrics = services.metrics
    metrics.queued.set(services.background.size())
    try:
        async with services.resources.database.transaction() as session:
            backlog = await inbox.backlog(session)
    except DatabaseTrouble:
        pass  # the figures of the process are worth having without the inbox's
    else:
        metrics.inbox.labels("new").set(backlog.new)
        metrics.inbox.labels("parked").set(backlog.parked)
        age = (services.clock() - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
        metrics.inbox_age.set(age)
    return Response(metrics.text(), media_type="text/plain; version=0.0.4")
