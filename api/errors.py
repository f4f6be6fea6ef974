"""Errors as answers: problem documents (RFC 9457), one table, with an id and nothing of the inside (S19).

Problem   what a route refuses, with its status and words for the caller
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from db.session import DatabaseTrouble
from workflows.client import WorkflowsUnavailable

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "ProblemDocument",
    "ProblemField",
    "add_error_answers",
    "answer",
    "documented",
]

MEDIA_TYPE = "application/problem+json"
_TRY_AGAIN_SECONDS = "2"

_log = structlog.get_logger(__name__)


class ProblemField(BaseModel):
    """What is wrong in one place of a request."""

    where: str = Field(description="The place in the request", examples=["body.failed_at"])
    problem: str = Field(description="What is wrong with it", examples=["missing"])
    expected: str = Field(default="", description="What would be right", examples=["a time with its zone"])


class ProblemDocument(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(
        description="Which kind of problem; stays the same", examples=["urn:problem:case-ended"]
    )
    title: str = Field(description="The kind in words", examples=["The case has ended"])
    status: int = Field(description="The HTTP status", examples=[409])
    detail: str = Field(default="", description="This occurrence in words")
    id: str = Field(description="Name this when you ask us about it")
    errors: list[ProblemField] = Field(default_factory=list, description="What is wrong where")


class Problem(Exception):
    """A request that is not done.

    Attributes:
        status: The HTTP status.
        kind: A fixed word for it: the last part of `type`.
        title: The kind in words.
        detail: This occurrence in words; nothing personal.
        errors: What is wrong where.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[ProblemField] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def answer(problem: Problem) -> JSONResponse:
    """Return a problem as its document."""
    document = ProblemDocument(
        type=f"urn:problem:{problem.kind}",
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        id=str(uuid4()),
        errors=list(problem.errors),
    )
    return JSONResponse(document.model_dump(), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def unexpected(error: BaseException, *, route: str) -> JSONResponse:
    """Log an error of ours and return an answer that says nothing but its id."""
    reference = str(uuid4())
    _log.error("api.failed", reference=reference, route=route, error=type(error).__name__, exc_info=error)
    document = ProblemDocument(
        type="urn:problem:internal",
        title="Something went wrong on our side",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        id=reference,
    )
    return JSONResponse(document.model_dump(), document.status, media_type=MEDIA_TYPE)


def unavailable(what: str) -> Problem:
    """Return the problem of a part of ours that does not answer: nothing was done, the caller tries again."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "Try again",
        f"{what} does not answer right now; the same request may be sent again.",
        headers={"Retry-After": _TRY_AGAIN_SECONDS},
    )


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, object]]:
    """Return the error answers of a route for its OpenAPI description."""
    return {
        int(status): {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


def add_error_answers(app: FastAPI) -> None:
    """Give every error its answer."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, problem: Problem) -> JSONResponse:
        return answer(problem)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = [_field(found) for found in error.errors()]
        if any(found["type"] == "json_invalid" for found in error.errors()):
            return answer(Problem(HTTPStatus.BAD_REQUEST, "not-json", "The body is not JSON", errors=fields))
        return answer(
            Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "The request is not valid", errors=fields)
        )

    @app.exception_handler(WorkflowsUnavailable)
    async def _no_workflows(_: Request, __: WorkflowsUnavailable) -> JSONResponse:
        return answer(unavailable("The workflow engine"))

    @app.exception_handler(DatabaseTrouble)
    async def _no_database(_: Request, __: DatabaseTrouble) -> JSONResponse:
        return answer(unavailable("The database"))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        kind = status.phrase.lower().replace(" ", "-")
        return answer(Problem(status, kind, status.phrase, headers=error.headers))


def _field(error: Mapping[str, object]) -> ProblemField:
    """Return a validation error without the value that was sent: it may be personal."""
    place = error.get("loc", ())
    parts = place if isinstance(place, tuple) else ()
    context = error.get("ctx")
    expected = context.get("expected", "") if isinstance(context, Mapping) else ""
    problem = str(error.get("type", "")).replace("_", " ")
    message = str(error.get("msg", "")).removeprefix("Value error, ")
    return ProblemField(
        where=".".join(str(part) for part in parts), problem=problem, expected=str(expected) or message
    )
