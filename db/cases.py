"""Cases: the failed delivery each is about, sealed, and where it stands for whoever looks."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, ColumnElement, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.rows import columns, id_range, is_id, many, one
from db.session import NotFound, Session, TryAgain
from db.tables import cases, messages
from domain.case_events import Purpose
from domain.cases import CaseFacts, Progress, State
from domain.messages import MessageStatus
from domain.shipments import FailedDelivery
from domain.timing import Policy

_FACTS = TypeAdapter(CaseFacts)
_POLICY = TypeAdapter(Policy)
_FAILURE = TypeAdapter(FailedDelivery)

_LONG_NUMBER = re.compile(r"\+?\d(?:[\s-]?\d){9,}")


class BadCursor(ValueError):
    """A cursor is not one that a list of ours gave."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as pages, the API and intake see it; nothing in it is personal."""

    id: str
    workspace_id: str
    order_id: str
    shipment_id: str
    tracking_id: str
    attempt: int
    visit: int
    reason: str
    raw_code: str
    raw_reason: str
    raw_remark: str
    courier_name: str
    language: str
    account_id: str
    content_hash: bytes = field(repr=False)
    state: str
    waits_for: str
    wake_at: datetime | None
    outcome: str
    note: str
    accepted_action: str
    accepted_on: date | None
    deadline_at: datetime
    failed_at: datetime
    opened_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    last_reply_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the case has not ended."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class CustomerCase:
    """A case of a customer, with what was written to them about it.

    Attributes:
        row: The case.
        message_statuses: The statuses that its messages stand at.
        wrote_at: When it last wrote; None where it never did.
        spoke_at: When it last wrote freely, which it does only in a conversation.
    """

    row: CaseRow
    message_statuses: frozenset[MessageStatus]
    wrote_at: datetime | None = None
    spoke_at: datetime | None = None


async def add_case(
    session: Session,
    cipher: Cipher,
    facts: CaseFacts,
    policy: Policy,
    *,
    deadline_at: datetime,
    now: datetime,
) -> tuple[CaseRow, bool]:
    """Open a case, or return the one that this failed attempt already has (I3); and whether it is new.

    The event that opened the case stands behind `content_hash`: another event for the same attempt has another one.
    """
    failure = facts.failure
    statement = (
        insert(cases)
        .values(
            id=facts.case_id,
            workspace_id=failure.workspace_id,
            order_id=failure.order_id,
            shipment_id=failure.shipment_id,
            tracking_id=failure.tracking_id,
            attempt=failure.attempt,
            visit=failure.visit,
            reason=failure.reason,
            raw_code=failure.raw_code,
            raw_reason=without_numbers(failure.raw_reason),
            raw_remark=without_numbers(failure.raw_remark),
            courier_name=failure.courier_name,
            pincode=failure.address.pincode,
            language=facts.language,
            account_id=facts.account_id,
            phone_hash=cipher.phone_hash(failure.customer_phone),
            content_hash=content_hash(cipher, failure),
            facts_sealed=cipher.seal_bytes(_FACTS.dump_json(facts), context=_context(facts.case_id, "facts")),
            policy_sealed=cipher.seal_bytes(
                _POLICY.dump_json(policy), context=_context(facts.case_id, "policy")
            ),
            state=State.HELD.value,
            deadline_at=deadline_at,
            failed_at=failure.failed_at,
            opened_at=now,
            changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "shipment_id", "attempt", "visit"])
        .returning(*columns(cases, CaseRow))
    )
    added = await one(session, statement, CaseRow)
    if added is not None:
        return added, True
    found = await find_case_by_attempt(session, failure.workspace_id, failure.shipment_id, failure.attempt)
    if found is None:
        raise TryAgain(f"case of shipment {failure.shipment_id}, attempt {failure.attempt}, came and went")
    return found, False


def content_hash(cipher: Cipher, failure: FailedDelivery) -> bytes:
    """Return what tells one event from another about the same attempt (F56)."""
    return cipher.fingerprint(_FAILURE.dump_json(failure).decode())


async def get_start(
    session: Session, cipher: Cipher, workspace_id: str, case_id: str
) -> tuple[CaseFacts, Policy]:
    """Return what a case's run starts with.

    Raises:
        NotFound: The workspace has no such case.
    """
    statement = select(cases.c.facts_sealed, cases.c.policy_sealed).where(*_is(workspace_id, case_id))
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"case {case_id}")
    facts = _FACTS.validate_json(cipher.open_bytes(row.facts_sealed, context=_context(case_id, "facts")))
    policy = _POLICY.validate_json(cipher.open_bytes(row.policy_sealed, context=_context(case_id, "policy")))
    return facts, policy


async def list_facts(
    session: Session, cipher: Cipher, workspace_id: str, case_ids: Collection[str]
) -> Mapping[str, CaseFacts]:
    """Return what several cases of a workspace are about, by their ids; those of others are left out."""
    if not case_ids:
        return {}
    statement = select(cases.c.id, cases.c.facts_sealed).where(
        cases.c.workspace_id == workspace_id, cases.c.id.in_(case_ids)
    )
    return {
        row.id: _FACTS.validate_json(cipher.open_bytes(row.facts_sealed, context=_context(row.id, "facts")))
        for row in await session.execute(statement)
    }


async def find_case(session: Session, workspace_id: str, case_id: str) -> CaseRow | None:
    """Return a case of a workspace; any text may be asked for."""
    if not is_id(case_id):
        return None
    return await one(session, _select().where(*_is(workspace_id, case_id)), CaseRow)


async def find_case_by_attempt(
    session: Session, workspace_id: str, shipment_id: str, attempt: int
) -> CaseRow | None:
    """Return the case of a failed attempt; of several visits under one number, that of the last."""
    statement = _select().where(
        cases.c.workspace_id == workspace_id,
        cases.c.shipment_id == shipment_id,
        cases.c.attempt == attempt,
    )
    statement = statement.order_by(cases.c.visit.desc()).limit(1)
    return await one(session, statement, CaseRow)


async def find_newest_of_shipment(session: Session, workspace_id: str, shipment_id: str) -> CaseRow | None:
    """Return the case of a shipment's latest failed attempt."""
    statement = _select().where(cases.c.workspace_id == workspace_id, cases.c.shipment_id == shipment_id)
    statement = statement.order_by(cases.c.attempt.desc(), cases.c.visit.desc()).limit(1)
    return await one(session, statement, CaseRow)


async def list_cases(
    session: Session,
    workspace_id: str,
    *,
    order_id: str | None = None,
    tracking_id: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> tuple[tuple[CaseRow, ...], str | None]:
    """Return a workspace's cases, newest first, and the cursor of what follows.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        order_id: Only those of an order.
        tracking_id: Only those of a parcel.
        state: "open", "ended", or exactly this state.
        before: The cursor of the page before; None for the first page.
        limit: Most cases of a page.

    Raises:
        BadCursor: The cursor is not ours.
    """
    statement = _select().where(
        cases.c.workspace_id == workspace_id,
        *_wanted(order_id=order_id, tracking_id=tracking_id, state=state),
    )
    if before is not None:
        at, case_id = _from_cursor(before)
        last = tuple_(at, literal(case_id, cases.c.id.type))
        statement = statement.where(tuple_(cases.c.opened_at, cases.c.id) < last)
    statement = statement.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit + 1)
    found = await many(session, statement, CaseRow)
    page = found[:limit]
    return page, _cursor(page[-1]) if len(found) > limit else None


async def count_opened(session: Session, workspace_id: str, *, since: datetime, until: datetime) -> int:
    """Return how many failed deliveries a workspace had in a time: one case each."""
    statement = select(func.count()).where(
        cases.c.workspace_id == workspace_id, cases.c.opened_at >= since, cases.c.opened_at < until
    )
    return (await session.execute(statement)).scalar_one()


async def list_of_all_workspaces(
    session: Session,
    *,
    workspace_id: str | None = None,
    order_id: str | None = None,
    tracking_id: str | None = None,
    state: str | None = None,
    outcome: str | None = None,
    limit: int,
) -> tuple[CaseRow, ...]:
    """Return cases whosever they are, newest first; for ops only.

    Args:
        session: The transaction.
        workspace_id: Only those of a workspace.
        order_id: Only those of an order.
        tracking_id: Only those of a parcel.
        state: "open", "ended", or exactly this state.
        outcome: Only those that ended so.
        limit: At most so many.
    """
    statement = _select().where(*_wanted(order_id=order_id, tracking_id=tracking_id, state=state))
    if workspace_id is not None:
        statement = statement.where(cases.c.workspace_id == workspace_id)
    if outcome is not None:
        statement = statement.where(cases.c.outcome == outcome)
    statement = statement.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit)
    return await many(session, statement, CaseRow)


async def list_by_prefix(session: Session, prefix: str, *, limit: int) -> tuple[CaseRow, ...]:
    """Return the cases of all workspaces whose id begins so; for ops only."""
    ids = id_range(prefix)
    if ids is None:
        return ()
    return await many(session, _select().where(cases.c.id.between(*ids)).limit(limit), CaseRow)


async def list_customer_cases(
    session: Session, account_id: str, phone_hash: bytes, *, since: datetime
) -> tuple[CustomerCase, ...]:
    """Return the cases of a sender's customer that are open or ended since, newest first, of any workspace (R6.3)."""
    written = messages.c.purpose != Purpose.WHICH_ORDER.value  # which is about several

    def of_messages(value: Any) -> Any:
        own = (messages.c.workspace_id == cases.c.workspace_id, messages.c.case_id == cases.c.id)
        return select(value).where(*own, written).scalar_subquery()

    statuses = func.array_agg(messages.c.status.distinct(), type_=ARRAY(messages.c.status.type))
    spoken = func.max(messages.c.created_at).filter(messages.c.kind == "session")
    statement = (
        select(
            *columns(cases, CaseRow),
            of_messages(statuses).label("statuses"),
            of_messages(func.max(messages.c.created_at)).label("wrote_at"),
            of_messages(spoken).label("spoke_at"),
        )
        .where(
            cases.c.account_id == account_id,
            cases.c.phone_hash == phone_hash,
            or_(cases.c.ended_at.is_(None), cases.c.ended_at >= since),
        )
        .order_by(cases.c.opened_at.desc(), cases.c.id.desc())
    )

    def customer_case(
        *,
        statuses: Sequence[MessageStatus] | None,
        wrote_at: datetime | None,
        spoke_at: datetime | None,
        **row: Any,
    ) -> CustomerCase:
        return CustomerCase(CaseRow(**row), frozenset(statuses or ()), wrote_at, spoke_at)

    return await many(session, statement, customer_case)


async def list_open_of_shipment(session: Session, workspace_id: str, shipment_id: str) -> tuple[CaseRow, ...]:
    """Return a shipment's open cases, the earliest attempt first."""
    statement = (
        _select()
        .where(
            cases.c.workspace_id == workspace_id,
            cases.c.shipment_id == shipment_id,
            cases.c.ended_at.is_(None),
        )
        .order_by(cases.c.attempt, cases.c.visit)
    )
    return await many(session, statement, CaseRow)


async def list_unstarted(
    session: Session, *, older_than: datetime, limit: int, but: Collection[str] = ()
) -> tuple[CaseRow, ...]:
    """Return open cases whose run was not started, of all workspaces, oldest first; for the sweep (F6).

    Args:
        session: The transaction.
        older_than: Only those opened before.
        limit: At most so many.
        but: Ids of those that are not wanted.
    """
    statement = (
        _select()
        .where(
            cases.c.started_at.is_(None),
            cases.c.ended_at.is_(None),
            cases.c.opened_at < older_than,
            cases.c.id.not_in(but),
        )
        .order_by(cases.c.opened_at)
        .limit(limit)
    )
    return await many(session, statement, CaseRow)


async def mark_started(session: Session, workspace_id: str, case_id: str, now: datetime) -> None:
    """Note that a case's run was started; the first time stands."""
    await session.execute(
        update(cases).where(*_is(workspace_id, case_id), cases.c.started_at.is_(None)).values(started_at=now)
    )


async def save_progress(
    session: Session, workspace_id: str, case_id: str, progress: Progress, now: datetime
) -> None:
    """Show where a case stands; once it has ended nothing changes that."""
    statement = (
        update(cases)
        .where(*_is(workspace_id, case_id), cases.c.ended_at.is_(None))
        .values(_shown(progress) | {"changed_at": now})
    )
    await session.execute(statement)


async def end_case(
    session: Session, workspace_id: str, case_id: str, progress: Progress, *, ended_at: datetime
) -> bool:
    """End a case, and tell whether it was still open: the first end stands."""
    statement = (
        update(cases)
        .where(*_is(workspace_id, case_id), cases.c.ended_at.is_(None))
        .values(_shown(progress) | {"ended_at": ended_at, "changed_at": ended_at})
        .returning(cases.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def note_reply(session: Session, workspace_id: str, case_id: str, at: datetime) -> int:
    """Note that the customer answered a case, and return how many answers that makes.

    Raises:
        NotFound: The workspace has no such case.
    """
    statement = (
        update(cases)
        .where(*_is(workspace_id, case_id))
        .values(
            first_reply_at=func.least(cases.c.first_reply_at, at),
            last_reply_at=func.greatest(cases.c.last_reply_at, at),
            replies=cases.c.replies + 1,
        )
        .returning(cases.c.replies)
    )
    count: int | None = (await session.execute(statement)).scalar_one_or_none()
    if count is None:
        raise NotFound(f"case {case_id}")
    return count


def without_numbers(text: str) -> str:
    """Return other people's words without what may be a phone: runs of ten digits or more (I12)."""
    return _LONG_NUMBER.sub("…", text)


def _select() -> Any:
    return select(*columns(cases, CaseRow))


def _wanted(*, order_id: str | None, tracking_id: str | None, state: str | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if order_id is not None:
        wanted.append(cases.c.order_id == order_id)
    if tracking_id is not None:
        wanted.append(cases.c.tracking_id == tracking_id)
    match state:
        case None:
            pass
        case "open":
            wanted.append(cases.c.ended_at.is_(None))
        case "ended":
            wanted.append(cases.c.ended_at.is_not(None))
        case _:
            wanted.append(cases.c.state == state)
    return wanted


def _is(workspace_id: str, case_id: str) -> tuple[Any, Any]:
    return cases.c.workspace_id == workspace_id, cases.c.id == case_id


def _shown(progress: Progress) -> dict[str, Any]:
    return {
        "state": progress.state,
        "waits_for": progress.waits_for,
        "wake_at": progress.wake_at,
        "outcome": progress.outcome,
        "note": without_numbers(progress.note),
        "accepted_action": progress.accepted,
        "accepted_on": progress.accepted_on,
    }


def _cursor(row: CaseRow) -> str:
    return base64.urlsafe_b64encode(f"{row.opened_at.isoformat()}|{row.id}".encode()).decode()


def _from_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, case_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return datetime.fromisoformat(at), str(UUID(case_id))
    except (ValueError, binascii.Error) as error:
        raise BadCursor("not a cursor of ours") from error


def _context(case_id: str, column: str) -> str:
    return f"cases/{case_id}/{column}"
