"""The actions that cases ask the order system for: the intent before the call, then the answer.

ActionNotAllowed
├── AlreadyAccepted   another action of the case was accepted: there is at most one (I4)
└── AlreadyEnded      the case has ended: nothing is asked for any more
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from db.cases import without_numbers
from db.encryption import Cipher
from db.session import NotFound, Session
from db.tables import actions, cases
from domain.case_events import ActionRequest, Answer

_REQUEST = TypeAdapter(ActionRequest)

ActionStatus = Literal["asking", "accepted", "refused", "unknown", "unavailable"]
"""Where an action stands; "asking" is what a process that died leaves behind."""

_STATUS_OF: dict[Answer, ActionStatus] = {
    Answer.ACCEPTED: "accepted",
    Answer.REFUSED: "refused",
    Answer.REFUSED_DATE: "refused",
    Answer.NOT_WAITING: "refused",
    Answer.UNAVAILABLE: "unavailable",
    Answer.UNKNOWN: "unknown",
}
_DECIDED: tuple[ActionStatus, ...] = ("accepted", "refused")


class ActionNotAllowed(Exception):
    """The case may not ask for this action."""


class AlreadyAccepted(ActionNotAllowed):
    """Another action of the case was accepted (I4)."""


class AlreadyEnded(ActionNotAllowed):
    """The case has ended (R6.9)."""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action that a case asks for.

    Attributes:
        id: The request's id.
        status: Where it stood before it was begun again; "asking" for a new one. After "asking" or "unknown" the
            shipment must be read before the order system is asked again.
        is_new: Whether it was begun just now, for the first time.
        answer: The order system's last answer; empty before the first.
        detail: Its words.
        tries: How often it was begun.
    """

    id: str
    status: ActionStatus
    is_new: bool
    answer: str
    detail: str
    tries: int


async def begin_action(
    session: Session,
    cipher: Cipher,
    request: ActionRequest,
    *,
    workspace_id: str,
    case_id: str,
    now: datetime,
) -> ActionRow:
    """Write the intent to ask the order system for an action, or take it up again.

    The case stays locked until the transaction ends. An action that was answered for good is returned as it is.

    Raises:
        NotFound: The workspace has no such case.
        AlreadyAccepted: Another action of the case was accepted.
        AlreadyEnded: The case has ended.
    """
    case_row = await _lock_case(session, workspace_id, case_id)
    if case_row is None:
        raise NotFound(f"case {case_id}")
    known = await _find_action(session, workspace_id, case_id, request.id)
    if known is not None and known.status in _DECIDED:
        return known
    others = select(actions.c.id).where(
        actions.c.workspace_id == workspace_id,
        actions.c.case_id == case_id,
        actions.c.status == "accepted",
    )
    if (await session.execute(others)).first() is not None:
        raise AlreadyAccepted(f"case {case_id}")
    if case_row.ended_at is not None:
        raise AlreadyEnded(f"case {case_id}")
    if known is not None:
        again = (
            update(actions)
            .where(actions.c.id == request.id, actions.c.workspace_id == workspace_id)
            .values(status="asking", tries=actions.c.tries + 1, asked_at=now)
        )
        await session.execute(again)
        return ActionRow(
            known.id,
            known.status,
            is_new=False,
            answer=known.answer,
            detail=known.detail,
            tries=known.tries + 1,
        )
    await session.execute(
        insert(actions).values(
            id=request.id,
            workspace_id=workspace_id,
            case_id=case_id,
            action=request.action.value,
            mode=request.mode.value,
            person=request.person,
            request_sealed=cipher.seal_bytes(
                _REQUEST.dump_json(request), context=f"actions/{request.id}/request"
            ),
            status="asking",
            asked_at=now,
        )
    )
    return ActionRow(request.id, "asking", is_new=True, answer="", detail="", tries=1)


async def record_answer(
    session: Session, action_id: str, *, answer: Answer, detail: str, now: datetime
) -> None:
    """Record the order system's answer to an action; an answer for good is not replaced.

    Raises:
        AlreadyAccepted: It accepted another action of the case before: ops must look at this one.
    """
    owner = select(actions.c.workspace_id, actions.c.case_id).where(actions.c.id == action_id)
    row = (await session.execute(owner)).one_or_none()
    if row is None:
        raise NotFound(f"action {action_id}")
    await _lock_case(session, row.workspace_id, row.case_id)
    status = _STATUS_OF[answer]
    if status == "accepted":
        others = select(actions.c.id).where(
            actions.c.workspace_id == row.workspace_id,
            actions.c.case_id == row.case_id,
            actions.c.status == "accepted",
            actions.c.id != action_id,
        )
        if (await session.execute(others)).first() is not None:
            raise AlreadyAccepted(f"case {row.case_id}: action {action_id} came second")
    await session.execute(
        update(actions)
        .where(
            actions.c.id == action_id,
            actions.c.workspace_id == row.workspace_id,
            actions.c.status.not_in(_DECIDED),
        )
        .values(status=status, answer=answer.value, detail=without_numbers(detail), answered_at=now)
    )


async def _lock_case(session: Session, workspace_id: str, case_id: str) -> Row[Any] | None:
    """Return a case's end, and let one transaction at a time deal with the case's actions."""
    statement = (
        select(cases.c.ended_at)
        .where(cases.c.workspace_id == workspace_id, cases.c.id == case_id)
        .with_for_update()
    )
    return (await session.execute(statement)).one_or_none()


async def _find_action(session: Session, workspace_id: str, case_id: str, action_id: str) -> ActionRow | None:
    statement = select(
        actions.c.id, actions.c.status, actions.c.answer, actions.c.detail, actions.c.tries
    ).where(actions.c.workspace_id == workspace_id, actions.c.case_id == case_id, actions.c.id == action_id)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else ActionRow(is_new=False, **row._asdict())
