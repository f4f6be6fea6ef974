"""Errors as answers: problem documents (RFC 9457), one table, with an id and nothing of the inside (S19).

Problem   what a route refuses, with its status and words for the caller
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
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
    "invalid",
]

MEDIA_TYPE = "application/problem+json"
_TRY_AGAIN_SECONDS = "2"
_SAID = 3  # wrong parts that the detail repeats

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


def unexpected(error: BaseException, *, route: str) -> tuple[str, JSONResponse]:
    """Log an error of ours; return its reference, and an answer that says nothing else."""
    reference = str(uuid4())
    _log.error("api.failed", reference=reference, route=route, error=type(error).__name__, exc_info=error)
    document = ProblemDocument(
        type="urn:problem:internal",
        title="Something went wrong on our side",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        id=reference,
    )
    return reference, JSONResponse(document.model_dump(), document.status, media_type=MEDIA_TYPE)


def unavailable(what: str) -> Problem:
    """Return the problem of a part of ours that does not answer: nothing was done, the caller tries again."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "Try again",
        f"{what} does not answer right now; the same request may be sent again.",
        headers={"Retry-After": _TRY_AGAIN_SECONDS},
    )


def invalid(fields: Sequence[ProblemField]) -> Problem:
    """Return the problem of a request with wrong parts."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        "The request is not valid",
        "; ".join(
            f"{field.where}: {field.problem}, expected is {field.expected}" for field in fields[:_SAID]
        ),
        errors=fields,
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
        for found in error.errors():
            if found["type"] == "json_invalid":
                return answer(_not_json(found))
        return answer(invalid([_field(found) for found in error.errors()]))

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


def _not_json(error: Mapping[str, Any]) -> Problem:
    place = error.get("loc", ())
    what = str(error.get("ctx", {}).get("error", "")).rstrip(".")
    field = ProblemField(
        where="body", problem=f"{what or 'not JSON'}, at character {place[-1]}", expected="a JSON object"
    )
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "not-json",
        "The body is not JSON",
        f"{field.problem}; expected is {field.expected}",
        errors=[field],
    )


_A_TIME = ("not a time", "a time with its zone, as 2026-11-21T14:20:00+05:30")
_A_DAY = ("not a day", "a day, as 2026-11-23")
_A_WHOLE_NUMBER = ("not a whole number", "a whole number")
_AN_OBJECT = ("not an object", "a JSON object, sent as application/json")
_A_LIST = ("not a list", "a list")
# What is wrong and what would be right, for each kind of error that our inputs can have.
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "a value"),
    "extra_forbidden": ("not a field of this request", "only the fields that the API's description names"),
    "value_error": ("not right", "{said}"),
    "string_type": ("not a text", "a text"),
    "string_unicode": ("not a text", "whole Unicode characters"),
    "string_too_short": ("too short", "at least {min_length} characters"),
    "string_too_long": ("too long", "at most {max_length} characters"),
    "string_pattern_mismatch": ("of another form", "a text of the form {pattern}"),
    "enum": ("not one of the known words", "{expected}"),
    "literal_error": ("not one of the known words", "{expected}"),
    "int_type": _A_WHOLE_NUMBER,
    "int_parsing": _A_WHOLE_NUMBER,
    "int_from_float": _A_WHOLE_NUMBER,
    "int_parsing_size": ("too large", "a smaller number"),
    "bool_type": ("neither true nor false", "true or false"),
    "bool_parsing": ("neither true nor false", "true or false"),
    "greater_than": ("too small", "more than {gt}"),
    "greater_than_equal": ("too small", "at least {ge}"),
    "less_than": ("too large", "less than {lt}"),
    "less_than_equal": ("too large", "at most {le}"),
    "timezone_aware": ("without its zone", _A_TIME[1]),
    "datetime_type": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
    "datetime_object_invalid": _A_TIME,
    "date_type": _A_DAY,
    "date_parsing": _A_DAY,
    "date_from_datetime_parsing": _A_DAY,
    "date_from_datetime_inexact": _A_DAY,
    "list_type": _A_LIST,
    "tuple_type": _A_LIST,
    "too_short": ("too few", "at least {min_length}"),
    "too_long": ("too many", "at most {max_length}"),
    "model_type": _AN_OBJECT,
    "model_attributes_type": _AN_OBJECT,
    "dict_type": _AN_OBJECT,
}


def _field(error: Mapping[str, Any]) -> ProblemField:
    """Return a validation error without the value that was sent: it may be personal."""
    said = str(error.get("msg", "")).removeprefix("Value error, ")
    problem, expected = _WORDS.get(str(error.get("type")), ("not right", "{said}"))
    context = error.get("ctx") or {}
    return ProblemField(
        where=".".join(str(part) for part in error.get("loc", ())),
        problem=problem,
        expected=expected.format(**{**context, "said": said}),
    )
