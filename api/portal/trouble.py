"""Errors as pages: what happened, that nothing is lost, what to do; a program that asks for no page gets a problem document."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api import errors
from api.errors import Problem
from api.portal.pages import plain_page
from api.portal.visits import Elsewhere
from db.session import DatabaseTrouble
from workflows.client import WorkflowsUnavailable

__all__ = ["ErrorPage", "add_error_pages", "unexpected_page"]

_UNAVAILABLE = "We cannot show this now"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A page that says why there is no other.

    Attributes:
        status: The HTTP status.
        title: What happened.
        text: What it means and what to do.
        reference: What to name when asking us; empty where there is nothing to look up.
        drawing: What is drawn above.
        href: The way on.
        button: Its words.
    """

    title: str
    text: str
    reference: str = ""
    drawing: str = "warn"
    href: str = "/"
    button: str = "Go to the first page"


_WORDS = {
    HTTPStatus.NOT_FOUND: (
        "There is no such page",
        "The address may be mistyped, or what it showed belongs to another workspace.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: ("This address takes no such request", "Open the page from the menu."),
}
_DRAWINGS = {HTTPStatus.NOT_FOUND: "search", HTTPStatus.FORBIDDEN: "lock"}


def add_error_pages(app: FastAPI) -> None:
    """Give every error of the portal its page."""

    @app.exception_handler(Elsewhere)
    async def _elsewhere(_: Request, elsewhere: Elsewhere) -> Response:
        return RedirectResponse(elsewhere.url, HTTPStatus.SEE_OTHER)

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return _answer(request, problem)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _: RequestValidationError) -> Response:
        # Addresses are the only input that FastAPI reads here: a wrong one is nobody's.
        return _answer(request, Problem(HTTPStatus.NOT_FOUND, "not-found", HTTPStatus.NOT_FOUND.phrase))

    @app.exception_handler(WorkflowsUnavailable)
    async def _no_workflows(request: Request, _: WorkflowsUnavailable) -> Response:
        return _answer(request, errors.unavailable("The workflow engine"))

    @app.exception_handler(DatabaseTrouble)
    async def _no_database(request: Request, _: DatabaseTrouble) -> Response:
        return _answer(request, errors.unavailable("The database"))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        kind = status.phrase.lower().replace(" ", "-")
        return _answer(request, Problem(status, kind, status.phrase, headers=error.headers))


def unexpected_page(scope: Scope, reference: str) -> Response | None:
    """Return the page for an error of ours, where a browser asked for a page."""
    if not _wants_page(Request(scope)):
        return None
    view = ErrorPage(
        _UNAVAILABLE, "Something went wrong on our side. Nothing of yours is lost. Try again.", reference
    )
    return plain_page("error.html", view, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(request: Request, problem: Problem) -> Response:
    if not _wants_page(request):
        return errors.answer(problem)
    title, text = _WORDS.get(problem.status, (problem.title, problem.detail))
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        title, text = (
            _UNAVAILABLE,
            "A part of ours does not answer. Nothing of yours is lost. Try again in a minute.",
        )
    reference = str(uuid4()) if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
    view = ErrorPage(title, text, reference, _DRAWINGS.get(problem.status, "warn"))
    response = plain_page("error.html", view, status=problem.status)
    response.headers.update(problem.headers)
    return response


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
