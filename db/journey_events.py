"""Steps of the journey that a customer may be told of: each once for a parcel or a return, whatever is repeated (R5.1).

The unique key decides that a step was seen. A row waits until it is due, is started, and ends with what came of it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.rows import columns, many, one
from db.session import NotFound, Session
from db.tables import journey_events, storable
from domain.shipments import OrderFacts

_FACTS = TypeAdapter(OrderFacts)

_MARKS = str.maketrans({"%": "%25", ":": "%3A", "~": "%7E"})  # what the parts of an id are told apart by


@dataclass(frozen=True, slots=True)
class JourneyKey:
    """Which step is meant: of a parcel, or of a return by its own number."""

    workspace_id: str
    subject_id: str
    event: str

    @property
    def command_id(self) -> str:
        """Return the idempotency key of its message; built here, parsed nowhere."""
        return f"ntf:{self.workspace_id}:{self.subject_id.translate(_MARKS)}:{self.event}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyStep:
    """One step of a journey.

    Attributes:
        workspace_id: Whose order.
        subject_id: The parcel, or the return by its own number.
        event: Which step.
        order_id: The order.
        shipment_id: The parcel.
        tracking_id: Its number.
        account_id: The account that is to send; empty where none is.
        occurred_at: When it happened.
        seen_at: When it was first heard of.
        due_at: When its message may go out.
        expires_at: From when on it is not sent any more.
        started_at: When its sending was begun; None while it waits.
        ended_at: When it was settled; None until then.
        outcome: What came of it: "sent", "unknown", or why it was not sent.
    """

    workspace_id: str
    subject_id: str
    event: str
    order_id: str
    shipment_id: str
    tracking_id: str
    account_id: str
    occurred_at: datetime
    seen_at: datetime
    due_at: datetime
    expires_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""

    @property
    def key(self) -> JourneyKey:
        """Return which step it is."""
        return JourneyKey(self.workspace_id, self.subject_id, self.event)


@dataclass(frozen=True, slots=True)
class StepWithFacts:
    """A step with what its message is filled with; nothing where that was forgotten."""

    step: JourneyStep
    facts: OrderFacts = field(repr=False)


async def add_step(session: Session, cipher: Cipher, step: JourneyStep, facts: OrderFacts | None) -> bool:
    """Add a step, and tell whether it is new: the same again changes nothing.

    Args:
        session: The transaction.
        cipher: Seals the facts.
        step: The step.
        facts: What its message will be filled with; None for one that is settled already.
    """
    values: dict[str, Any] = {name: getattr(step, name) for name in JourneyStep.__dataclass_fields__}
    if facts is not None:
        values["facts_sealed"] = cipher.seal(_FACTS.dump_json(facts).decode(), context=_context(step.key))
    statement = (
        insert(journey_events).values(values).on_conflict_do_nothing().returning(journey_events.c.event)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def list_of_subject(session: Session, workspace_id: str, subject_id: str) -> tuple[JourneyStep, ...]:
    """Return the steps that are known of a parcel or a return."""
    statement = select(*columns(journey_events, JourneyStep)).where(
        journey_events.c.workspace_id == workspace_id, journey_events.c.subject_id == subject_id
    )
    return await many(session, statement, JourneyStep)


async def count_seen(
    session: Session, workspace_id: str, event: str, *, since: datetime, until: datetime
) -> int:
    """Return how often a step was reached in a time; what was not sent is counted too."""
    table = journey_events.c
    statement = select(func.count()).where(
        table.workspace_id == workspace_id,
        table.event == event,
        table.seen_at >= since,
        table.seen_at < until,
    )
    return (await session.execute(statement)).scalar_one()


async def find_step(session: Session, key: JourneyKey) -> JourneyStep | None:
    """Return a step."""
    return await one(session, select(*columns(journey_events, JourneyStep)).where(*_is(key)), JourneyStep)


async def get_step(session: Session, cipher: Cipher, key: JourneyKey) -> StepWithFacts:
    """Return a step with its facts; not locked, for a send locks the customer first and the message's key decides.

    Raises:
        NotFound: There is no such step.
    """
    statement = select(*columns(journey_events, JourneyStep), journey_events.c.facts_sealed).where(*_is(key))
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"journey step {key.command_id}")
    plain = row._asdict()
    sealed: bytes | None = plain.pop("facts_sealed")
    facts = (
        OrderFacts() if sealed is None else _FACTS.validate_json(cipher.open(sealed, context=_context(key)))
    )
    return StepWithFacts(JourneyStep(**plain), facts)


async def mark_started(session: Session, key: JourneyKey, now: datetime) -> None:
    """Note that a step's sending was begun."""
    await session.execute(
        update(journey_events).where(*_is(key), journey_events.c.started_at.is_(None)).values(started_at=now)
    )


async def end_step(session: Session, key: JourneyKey, outcome: str, now: datetime) -> bool:
    """Settle a step and forget what it was to be filled with; tell whether it was not settled before."""
    statement = (
        update(journey_events)
        .where(*_is(key), journey_events.c.ended_at.is_(None))
        .values(
            ended_at=now,
            started_at=func.coalesce(journey_events.c.started_at, now),
            outcome=outcome,
            facts_sealed=None,
        )
        .returning(journey_events.c.event)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def list_unstarted(session: Session, *, due_before: datetime, limit: int) -> tuple[JourneyStep, ...]:
    """Return steps of all workspaces that are due and whose sending was not begun, earliest first; for the sweep."""
    table = journey_events.c
    statement = (
        select(*columns(journey_events, JourneyStep))
        .where(table.started_at.is_(None), table.ended_at.is_(None), table.due_at <= due_before)
        .order_by(table.due_at)
        .limit(limit)
    )
    return await many(session, statement, JourneyStep)


async def list_expired(session: Session, *, expired_before: datetime, limit: int) -> tuple[JourneyStep, ...]:
    """Return steps of all workspaces that nobody settled in their time, earliest first; for the sweep."""
    table = journey_events.c
    statement = (
        select(*columns(journey_events, JourneyStep))
        .where(table.ended_at.is_(None), table.expires_at < expired_before)
        .order_by(table.expires_at)
        .limit(limit)
    )
    return await many(session, statement, JourneyStep)


def _is(key: JourneyKey) -> tuple[Any, ...]:
    table = journey_events.c
    return (
        table.workspace_id == key.workspace_id,
        table.subject_id == key.subject_id,
        table.event == key.event,
    )


def _context(key: JourneyKey) -> str:
    return f"journey_events/{key.workspace_id}/{storable(key.subject_id)}/{key.event}/facts"
