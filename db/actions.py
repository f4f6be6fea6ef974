"""The actions that cases ask the order system for: the intent before the call, then the answer.

An attempt holds a lease while its call may be under way; until that ends nobody else reads or calls for the request.

ActionNotAllowed
├── AlreadyAccepted   another action of the case was accepted: there is at most one (I4)
├── AlreadyEnded      the case has ended: nothing is asked for any more
└── ShipmentPast      a later attempt has its case, or the parcel came to its end; the case only has not heard of it
ActionBusy            an earlier attempt may have a call under way (F7)
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, exists, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.cases import without_numbers
from db.encryption import Cipher
from db.rows import many
from db.session import NotFound, Session
from db.tables import actions, cases, shipments
from domain.case_events import ActionRequest, Answer
from domain.failures import Action

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


class ShipmentPast(ActionNotAllowed):
    """The shipment is past what the case is about (R6.9)."""


class ActionBusy(Exception):
    """An earlier attempt may have a call under way: what it comes to cannot be read yet (I4, F7)."""

    def __init__(self, action_id: str, *, until: datetime) -> None:
        super().__init__(f"action {action_id}: an earlier attempt may still be asking")
        self.until = until


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
        tries: How often it was begun; the attempt that began it last holds the lease and knows it by this number.
        lease_until: Until when that attempt may have a call under way; None once it said what came of it.
    """

    id: str
    status: ActionStatus
    is_new: bool
    answer: str
    detail: str
    tries: int
    lease_until: datetime | None


@dataclass(frozen=True, slots=True)
class AskedAction:
    """An action with what became of it, as pages show it.

    Attributes:
        id: The request's id; the entries of the activity about it have the keys `action:{id}:asked` and
            `action:{id}:{answer}`.
        case_id: The case.
        status: Where it stands.
        answer: The order system's last answer; empty before the first.
        detail: Its words.
        tries: How often it was asked for.
        asked_at: When it was asked for last; the first time is that of its entry on the activity.
        answered_at: When the last answer came; None before the first.
        request: What was asked for, by whom and from where; the new address and the customer's words are personal.
    """

    id: str
    case_id: str
    status: ActionStatus
    answer: str
    detail: str
    tries: int
    asked_at: datetime
    answered_at: datetime | None
    request: ActionRequest = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcceptedAction:
    """The action of a case that the order system accepted, and when."""

    request: ActionRequest
    answered_at: datetime


async def find_accepted(
    session: Session, cipher: Cipher, workspace_id: str, case_id: str
) -> AcceptedAction | None:
    """Return the action of a case that the order system accepted, if there is one."""
    statement = select(actions.c.id, actions.c.request_sealed, actions.c.answered_at).where(
        actions.c.workspace_id == workspace_id, actions.c.case_id == case_id, actions.c.status == "accepted"
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    request = _REQUEST.validate_json(
        cipher.open_bytes(row.request_sealed, context=f"actions/{row.id}/request")
    )
    return AcceptedAction(request, row.answered_at)


async def list_asked(
    session: Session, cipher: Cipher, workspace_id: str, case_ids: Collection[str]
) -> tuple[AskedAction, ...]:
    """Return what some cases of a workspace asked the order system for, latest first."""
    if not case_ids:
        return ()
    plain = [actions.c[name] for name in AskedAction.__dataclass_fields__ if name != "request"]
    statement = (
        select(*plain, actions.c.request_sealed)
        .where(actions.c.workspace_id == workspace_id, actions.c.case_id.in_(case_ids))
        .order_by(actions.c.asked_at.desc(), actions.c.id)
    )

    def asked(*, request_sealed: bytes, **plain: Any) -> AskedAction:
        opened = cipher.open_bytes(request_sealed, context=f"actions/{plain['id']}/request")
        return AskedAction(request=_REQUEST.validate_json(opened), **plain)

    return await many(session, statement, asked)


async def begin_action(
    session: Session,
    cipher: Cipher,
    request: ActionRequest,
    *,
    workspace_id: str,
    case_id: str,
    now: datetime,
    lease_until: datetime,
) -> ActionRow:
    """Write the intent to ask the order system for an action, or take it up again.

    The case stays locked until the transaction ends. An action that was answered for good is returned as it is.

    Args:
        session: The transaction.
        cipher: Seals what is asked for.
        request: What is asked for.
        workspace_id: Whose case it is.
        case_id: The case.
        now: The time.
        lease_until: When the call that follows must have ended.

    Raises:
        NotFound: The workspace has no such case.
        AlreadyAccepted: Another action of the case was accepted.
        AlreadyEnded: The case has ended.
        ShipmentPast: The shipment is past what the case is about.
        ActionBusy: An earlier attempt's lease is running.
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
    # What may have been executed already has to be read first, whatever happened since.
    is_surely_undone = known is None or known.status == "unavailable"
    if is_surely_undone and await _shipment_is_past(session, workspace_id, case_id):
        raise ShipmentPast("the parcel has moved on since")
    if known is not None:
        if known.status == "asking" and known.lease_until is not None and now < known.lease_until:
            raise ActionBusy(request.id, until=known.lease_until)
        again = (
            update(actions)
            .where(actions.c.id == request.id, actions.c.workspace_id == workspace_id)
            .values(status="asking", tries=actions.c.tries + 1, asked_at=now, lease_until=lease_until)
        )
        await session.execute(again)
        return replace(known, tries=known.tries + 1, lease_until=lease_until)
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
            lease_until=lease_until,
        )
    )
    return ActionRow(
        request.id, "asking", is_new=True, answer="", detail="", tries=1, lease_until=lease_until
    )


async def renew_lease(session: Session, action_id: str, *, tries: int, lease_until: datetime) -> bool:
    """Extend the lease of the attempt that began an action as its `tries`-th; False if it is no longer its own."""
    statement = (
        update(actions)
        .where(actions.c.id == action_id, actions.c.tries == tries, actions.c.status == "asking")
        .values(lease_until=lease_until)
        .returning(actions.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def record_answer(
    session: Session, action_id: str, *, tries: int, answer: Answer, detail: str, now: datetime
) -> ActionRow:
    """Record the order system's answer to an action, and return how the action stands then.

    "Accepted" replaces whatever another attempt of the same request recorded before, for it is a fact; else the first
    answer for good stays. An attempt that no longer holds the lease says nothing by not knowing.

    Args:
        session: The transaction.
        action_id: The request's id.
        tries: Which attempt got the answer.
        answer: The answer.
        detail: Its words.
        now: The time.

    Raises:
        NotFound: There is no such action.
        AlreadyAccepted: It accepted another action of the case before: ops must look at this one.
    """
    owner = select(actions.c.workspace_id, actions.c.case_id).where(actions.c.id == action_id)
    row = (await session.execute(owner)).one_or_none()
    if row is None:
        raise NotFound(f"action {action_id}")
    await _lock_case(session, row.workspace_id, row.case_id)
    known = await _find_action(session, row.workspace_id, row.case_id, action_id)
    if known is None:
        raise NotFound(f"action {action_id}")
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
    if not _counts(known, status, tries):
        return known
    said = without_numbers(detail)
    await session.execute(
        update(actions)
        .where(actions.c.id == action_id, actions.c.workspace_id == row.workspace_id)
        .values(status=status, answer=answer.value, detail=said, answered_at=now, lease_until=None)
    )
    return replace(known, status=status, answer=answer.value, detail=said, lease_until=None)


async def list_withdrawn(session: Session, workspace_id: str, case_id: str) -> tuple[Action, ...]:
    """Return the actions that the order system refused for a case, whatever the day or the address."""
    statement = (
        select(actions.c.action)
        .where(
            actions.c.workspace_id == workspace_id,
            actions.c.case_id == case_id,
            actions.c.answer == Answer.REFUSED,
        )
        .order_by(actions.c.asked_at)
    )
    return tuple(Action(name) for name in (await session.execute(statement)).scalars())


def _counts(known: ActionRow, status: ActionStatus, tries: int) -> bool:
    """Tell whether an attempt's answer replaces what is known of an action."""
    if known.status in _DECIDED:
        return known.status == "refused" and status == "accepted"
    return status in _DECIDED or tries == known.tries


async def _lock_case(session: Session, workspace_id: str, case_id: str) -> Row[Any] | None:
    """Return a case's end, and let one transaction at a time deal with the case's actions."""
    statement = (
        select(cases.c.ended_at)
        .where(cases.c.workspace_id == workspace_id, cases.c.id == case_id)
        .with_for_update()
    )
    return (await session.execute(statement)).one_or_none()


async def _shipment_is_past(session: Session, workspace_id: str, case_id: str) -> bool:
    later = cases.alias("later")
    statement = select(
        exists().where(
            later.c.workspace_id == cases.c.workspace_id,
            later.c.shipment_id == cases.c.shipment_id,
            tuple_(later.c.attempt, later.c.visit) > tuple_(cases.c.attempt, cases.c.visit),
        )
        | exists().where(
            shipments.c.workspace_id == cases.c.workspace_id,
            shipments.c.shipment_id == cases.c.shipment_id,
            shipments.c.final.is_not(None),
        )
    ).where(cases.c.workspace_id == workspace_id, cases.c.id == case_id)
    return bool((await session.execute(statement)).scalar_one_or_none())


async def _find_action(session: Session, workspace_id: str, case_id: str, action_id: str) -> ActionRow | None:
    statement = select(
        actions.c.id,
        actions.c.status,
        actions.c.answer,
        actions.c.detail,
        actions.c.tries,
        actions.c.lease_until,
    ).where(actions.c.workspace_id == workspace_id, actions.c.case_id == case_id, actions.c.id == action_id)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else ActionRow(is_new=False, **row._asdict())
