"""The JSON API of workspaces: report failed deliveries, read cases and activity, act by hand (R8.1, R6.11)."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from api.acting import CaseOver, act, read_stand
from api.auth import Caller
from api.dependencies import Services, ServicesNow
from api.errors import Problem, ProblemField, documented, invalid
from api.idempotency import Once, OnceNow
from api.models import (
    ActionIn,
    ActivityOut,
    ActOut,
    CaseDetailOut,
    CaseOut,
    CasesOut,
    CloseIn,
    EntryOut,
    FailedDeliveryIn,
    Id,
    MessageOut,
    ResendIn,
)
from db import cases, messages, timeline
from db.cases import BadCursor, CaseRow
from domain.case_events import ActionTaken, CloseAsked, Event, ResendAsked
from domain.case_state import State
from domain.failures import Mode
from domain.replies import AddressDraft
from workflows.client import ActRefused

__all__ = ["router"]

_ALWAYS = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_WITH_BODY = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_MISSING = documented(HTTPStatus.NOT_FOUND)

router = APIRouter(prefix="/v1", tags=["Cases"], responses=_ALWAYS)

_CLOCKS_DIFFER_BY = timedelta(minutes=10)

CaseId = Annotated[str, Path(description="Our id of the case", max_length=64)]


@router.post(
    "/failed-deliveries",
    summary="Report a failed delivery",
    status_code=HTTPStatus.CREATED,
    response_model=CaseOut,
    responses={
        200: {"description": "Reported before; the case it has", "model": CaseOut},
        201: {"description": "A case was opened"},
        **_WITH_BODY,
    },
)
async def report_failed_delivery(
    report: FailedDeliveryIn, caller: Caller, services: ServicesNow, once: OnceNow
) -> Response:
    """Open the case of a failed attempt.

    The same report again gets the same case; another one for the same shipment and attempt is refused with 409, as is
    one that nobody may be asked about: no account installed, the notification switched off, or the parcel delivered.
    """
    if report.failed_at > services.clock() + _CLOCKS_DIFFER_BY:
        raise _invalid("body.failed_at", "in the future", "the time at which the attempt failed")
    return await once.do(lambda: _report(report, caller.workspace_id, services))


async def _report(report: FailedDeliveryIn, workspace_id: str, services: Services) -> Response:
    found = await services.intake.report(workspace_id, report.as_failure(workspace_id))
    if found.case is None or found.result not in ("opened", "known"):
        titles = {
            "conflict": "The attempt was reported with other content",
            "not_sent": "Nobody may be written to",
            "settled": "The shipment is past this",
            "outdated": "A later attempt has failed",
        }
        kind = found.result.replace("_", "-")
        raise Problem(HTTPStatus.CONFLICT, kind, titles.get(found.result, "Not opened"), found.reason)
    status = HTTPStatus.CREATED if found.result == "opened" else HTTPStatus.OK
    return _json(CaseOut.of(found.case), status)


@router.get("/cases", summary="List cases")
async def list_cases(  # noqa: PLR0917 - FastAPI gives every argument by its name
    caller: Caller,
    services: ServicesNow,
    order_id: Annotated[Id | None, Query(description="Only those of an order")] = None,
    tracking_id: Annotated[Id | None, Query(description="Only those of a parcel")] = None,
    state: Annotated[
        str | None,
        Query(description="`open`, `ended`, or one state", pattern=f"^(open|{'|'.join(State)})$"),
    ] = None,
    before: Annotated[str | None, Query(description="`next` of the page before", max_length=200)] = None,
    limit: Annotated[int, Query(description="Most cases of a page", ge=1, le=200)] = 50,
) -> CasesOut:
    """Return the workspace's cases, newest first."""
    try:
        async with services.resources.database.transaction(caller.workspace_id) as session:
            rows, following = await cases.list_cases(
                session,
                caller.workspace_id,
                order_id=order_id,
                tracking_id=tracking_id,
                state=state,
                before=before,
                limit=limit,
            )
    except BadCursor:
        raise _invalid("query.before", "unknown", "`next` of a page, as it came") from None
    return CasesOut(cases=[CaseOut.of(row) for row in rows], next=following)


@router.get("/cases/{case_id}", summary="Read a case", responses=_MISSING)
async def read_case(case_id: CaseId, caller: Caller, services: ServicesNow) -> CaseDetailOut:
    """Return a case, what can be done with it, and what was sent."""
    row = await _find(case_id, caller.workspace_id, services)
    async with services.resources.database.transaction(caller.workspace_id) as session:
        stand = await read_stand(session, services.resources.cipher, row, services.clock())
        sent = await messages.list_for_case(session, row.workspace_id, row.id)
    return CaseDetailOut(
        **CaseOut.of(row).model_dump(),
        possible_actions=list(stand.possible),
        messages=[MessageOut.of(message) for message in sent],
    )


@router.post(
    "/cases/{case_id}/actions",
    summary="Take an action",
    response_model=ActOut,
    responses={**_MISSING, **_WITH_BODY},
)
async def take_action(
    case_id: CaseId, ask: ActionIn, caller: Caller, services: ServicesNow, once: OnceNow
) -> Response:
    """Have the order system execute an action; waits for its answer.

    409 says that the case has ended or that the action is not possible now, and names the possible ones.
    """
    row = await _find(case_id, caller.workspace_id, services)
    address = ask.address.as_draft() if ask.address else AddressDraft()
    event = ActionTaken(
        ask.action, Mode.API, _person(ask.person, caller.public_id), ask.date, address, ask.words
    )
    return await once.do(lambda: _act(row, event, services, once))


@router.post(
    "/cases/{case_id}/resend",
    summary="Send the message again",
    response_model=ActOut,
    responses={**_MISSING, **_WITH_BODY},
)
async def resend(
    case_id: CaseId, ask: ResendIn, caller: Caller, services: ServicesNow, once: OnceNow
) -> Response:
    """Send the failed-delivery message of an open case once more."""
    row = await _find(case_id, caller.workspace_id, services)
    event = ResendAsked(Mode.API, _person(ask.person, caller.public_id))
    return await once.do(lambda: _act(row, event, services, once))


@router.post(
    "/cases/{case_id}/close",
    summary="Close a case",
    response_model=ActOut,
    responses={**_MISSING, **_WITH_BODY},
)
async def close(
    case_id: CaseId, ask: CloseIn, caller: Caller, services: ServicesNow, once: OnceNow
) -> Response:
    """End an open case by hand; the customer is not asked any more."""
    row = await _find(case_id, caller.workspace_id, services)
    event = CloseAsked(Mode.API, _person(ask.person, caller.public_id), ask.note)
    return await once.do(lambda: _act(row, event, services, once))


@router.get("/orders/{order_id:path}/activity", summary="Read an order's activity")
async def read_activity(
    order_id: Annotated[Id, Path(description="The seller's order number")],
    caller: Caller,
    services: ServicesNow,
    before: Annotated[str | None, Query(description="`next` of the page before", max_length=200)] = None,
    limit: Annotated[int, Query(description="Most entries of a page", ge=1, le=500)] = 200,
) -> ActivityOut:
    """Return each notification, reply, action and automatic step of an order, newest first (R5.3)."""
    try:
        async with services.resources.database.transaction(caller.workspace_id) as session:
            found = await timeline.list_entries(
                session,
                services.resources.cipher,
                caller.workspace_id,
                order_id,
                before=before,
                limit=limit + 1,
            )
    except BadCursor:
        raise _invalid("query.before", "unknown", "`next` of a page, as it came") from None
    page = found[:limit]
    return ActivityOut(
        entries=[EntryOut.of(entry) for entry in page],
        next=page[-1].cursor if len(found) > limit else None,
    )


async def _find(case_id: str, workspace_id: str, services: Services) -> CaseRow:
    """Return a case of the workspace; another workspace's is no different from one that never was (I11)."""
    async with services.resources.database.transaction(workspace_id) as session:
        row = await cases.find_case(session, workspace_id, case_id)
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-case", "There is no such case")
    return row


async def _act(row: CaseRow, event: Event, services: Services, once: Once) -> Response:
    """Put an act before the case and return what it came to."""
    try:
        came_to = await act(services, row, event, mail_id=once.mail_id(f"api:{uuid4()}"))
    except ActRefused as refused:
        raise _refused(refused, row) from refused
    except CaseOver as over:
        raise _ended(over.row) from over
    return _json(
        ActOut(is_done=came_to.is_done, state=came_to.state, outcome=came_to.outcome, note=came_to.note),
        HTTPStatus.OK,
    )


def _refused(refused: ActRefused, row: CaseRow) -> Problem:
    detail = str(refused)
    _, _, possible = detail.partition("possible: ")
    match refused.type:
        case "CaseEnded":
            return _ended(row)
        case "DayNotPossible":
            field = ProblemField(where="body.date", problem="not possible", expected=possible)
            return Problem(
                HTTPStatus.CONFLICT, "day-not-possible", "That day is not possible", detail, errors=[field]
            )
        case "AddressIncomplete":
            return _invalid("body.address.text", "incomplete", detail)
        case "OtherPincode":
            return _invalid("body.address.pincode", "another pincode than the order's", possible)
        case _:
            field = ProblemField(where="body.action", problem="not possible now", expected=possible)
            return Problem(
                HTTPStatus.CONFLICT,
                "action-not-possible",
                "That is not possible now",
                detail,
                errors=[field],
            )


def _ended(row: CaseRow) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "case-ended",
        "The case has ended",
        f"outcome: {row.outcome or 'not yet recorded'}",
    )


def _invalid(where: str, problem: str, expected: str) -> Problem:
    return invalid([ProblemField(where=where, problem=problem, expected=expected)])


def _person(said: str, key_id: str) -> str:
    """Name who asked: the person the caller names, and the key that was used."""
    return f"{said} (key {key_id})" if said else f"key {key_id}"


def _json(model: BaseModel, status: HTTPStatus) -> Response:
    return Response(model.model_dump_json(), status, media_type="application/json")
