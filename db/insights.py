"""What became of a workspace's failed deliveries in a time: the way from failed to delivered, answers, refusals.

One failed attempt is one case; a case belongs to the time in which it was opened. What each step means stands at
`Steps`, what a rescue is at `db.standing.IS_RESCUED`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, tuple_

from db.rows import many
from db.session import Session
from db.standing import IS_DELIVERED, IS_NEWEST, IS_RESCUED, OF_SHIPMENT
from db.tables import actions, cases, messages, shipments
from domain.messages import MessageStatus

_NOT_ACCEPTED = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNKNOWN, MessageStatus.REFUSED)

_BUCKETS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=16),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which failed deliveries are counted; what is empty says nothing.

    Attributes:
        since: Cases opened from then on.
        until: And before then.
        courier: Only those of a courier.
        pincode: Only those whose pincode begins so.
    """

    since: datetime
    until: datetime
    courier: str = ""
    pincode: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """How many failed deliveries came how far.

    The first seven are a way: each counts only what is also in the step before. A step of the customer proves those
    before it: who answered has the message and has read it, whatever WhatsApp reports (read receipts may be off).

    Attributes:
        failed: Failed attempts that opened a case.
        messaged: Gupshup took at least one message of the case, also one that failed later.
        delivered: One of them reached the customer's phone.
        read: The customer read one.
        answered: The customer wrote or tapped something.
        accepted: The customer answered, and the order system accepted an action of the case, whoever asked for it.
        rescued: The same, and the parcel was delivered after it (`db.standing.IS_RESCUED`).
        rescued_in_all: Rescues, those without an answer included: an action by hand or automatic. The share rescued is
            this one of `failed`.
        arrived: Parcels that were delivered after the failure whatever brought it about, each counted once.
        ended: Cases that have ended; the others may still be rescued.
    """

    failed: int = 0
    messaged: int = 0
    delivered: int = 0
    read: int = 0
    answered: int = 0
    accepted: int = 0
    rescued: int = 0
    rescued_in_all: int = 0
    arrived: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The steps of the failed deliveries that share a reason, a courier or a pincode."""

    name: str
    steps: Steps


@dataclass(frozen=True, slots=True)
class Funnel:
    """The steps of all failed deliveries of a scope, and of its parts, the largest first.

    Cases from before pincodes were kept have an empty one.
    """

    steps: Steps
    by_reason: tuple[Part, ...]
    by_courier: tuple[Part, ...]
    by_pincode: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many customers answered within a time, and not within that of the bucket before; None for all later ones."""

    within: timedelta | None
    answers: int


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How long customers took for their first answer, counted from the first message that Gupshup took.

    Attributes:
        answers: How many answered.
        median: Half of them were at least as fast; None where nobody answered.
        buckets: How many took how long.
    """

    answers: int
    median: timedelta | None
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a courier refused: how many cases asked for an action and got one answer.

    Attributes:
        courier: The courier's name.
        action: What was asked for.
        answer: The class of its answer: "refused", "refused_date", or "not_waiting" where the parcel had moved on.
        detail: Its words.
        cases: In how many cases.
    """

    courier: str
    action: str
    answer: str
    detail: str
    cases: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many actions were answered for good, how many of them refused, and what most often."""

    answered: int
    refused: int
    most: tuple[Refusal, ...]


async def read_funnel(session: Session, workspace_id: str, scope: Scope, *, parts: int = 12) -> Funnel:
    """Return how far a workspace's failed deliveries came.

    Args:
        session: The transaction.
        workspace_id: The workspace.
        scope: Which of them.
        parts: Most reasons, couriers and pincodes, each.
    """
    told = _told(workspace_id, scope).subquery("told")
    names = (told.c.reason, told.c.courier_name, told.c.pincode)
    answered = told.c.has_answered
    read = or_(told.c.was_read, answered)
    delivered = or_(told.c.was_delivered, read)
    accepted = and_(answered, told.c.accepted_action != "")
    rescued = and_(accepted, told.c.is_rescued)
    wanted = {
        "failed": literal_column("true"),
        "messaged": or_(told.c.was_accepted, delivered),
        "delivered": delivered,
        "read": read,
        "answered": answered,
        "accepted": accepted,
        "rescued": rescued,
        "rescued_in_all": told.c.is_rescued,
        "arrived": told.c.has_arrived,
        "ended": told.c.has_ended,
    }
    counts = [func.count().filter(condition).label(name) for name, condition in wanted.items()]
    statement = select(func.grouping(*names).label("part"), *names, *counts).group_by(
        func.grouping_sets(tuple_(), *(tuple_(name) for name in names))
    )
    steps = Steps()
    found: dict[int, list[Part]] = {}
    for part, reason, courier, pincode, *reached in await session.execute(statement):
        name = reason if reason is not None else courier if courier is not None else pincode
        if name is None:
            steps = Steps(*reached)
        else:
            found.setdefault(part, []).append(Part(name, Steps(*reached)))

    def largest(part: int) -> tuple[Part, ...]:
        by_size = sorted(found.get(part, ()), key=lambda each: (-each.steps.failed, each.name))
        return tuple(by_size[:parts])

    return Funnel(steps, largest(0b011), largest(0b101), largest(0b110))


async def read_answer_times(session: Session, workspace_id: str, scope: Scope) -> AnswerTimes:
    """Return how long customers took for their first answer."""
    told = _told(workspace_id, scope).subquery("told")
    since = func.coalesce(told.c.first_sent_at, told.c.opened_at)
    took = (
        select(func.greatest(told.c.first_reply_at - since, timedelta(0)).label("took"))
        .where(told.c.has_answered)
        .subquery("took")
    )
    edges = (None, *_BUCKETS, None)
    counts = [func.count().filter(_is_between(took.c.took, low, high)) for low, high in pairwise(edges)]
    median = func.percentile_cont(0.5).within_group(took.c.took)
    answers, middle, *by_bucket = (await session.execute(select(func.count(), median, *counts))).one()
    buckets = tuple(Bucket(*pair) for pair in zip((*_BUCKETS, None), by_bucket, strict=True))
    return AnswerTimes(answers, middle, buckets)


async def read_refusals(session: Session, workspace_id: str, scope: Scope, *, limit: int = 20) -> Refusals:
    """Return what couriers refused of what was asked for in a time, the most frequent first."""
    is_refused = actions.c.status == "refused"
    asked = (
        select(actions)
        .join(cases, and_(cases.c.workspace_id == actions.c.workspace_id, cases.c.id == actions.c.case_id))
        .where(
            actions.c.workspace_id == workspace_id,
            actions.c.asked_at >= scope.since,
            actions.c.asked_at < scope.until,
            actions.c.status.in_(["accepted", "refused"]),
            *_of_part(scope),
        )
    )
    totals = asked.with_only_columns(func.count(), func.count().filter(is_refused))
    answered, refused = (await session.execute(totals)).one()
    group = (cases.c.courier_name.label("courier"), actions.c.action, actions.c.answer, actions.c.detail)
    count = func.count(actions.c.case_id.distinct()).label("cases")
    statement = (
        asked.with_only_columns(*group, count)
        .where(is_refused)
        .group_by(cases.c.courier_name, actions.c.action, actions.c.answer, actions.c.detail)
        .order_by(count.desc(), *group)
        .limit(limit)
    )
    return Refusals(answered, refused, await many(session, statement, Refusal))


def _told(workspace_id: str, scope: Scope) -> Any:
    """Return each case of a scope with what happened to it."""
    of_scope = (
        cases.c.workspace_id == workspace_id,
        cases.c.opened_at >= scope.since,
        cases.c.opened_at < scope.until,
        *_of_part(scope),
    )
    status = messages.c.status
    is_accepted = status.not_in(_NOT_ACCEPTED)
    sent = (
        select(
            messages.c.case_id,
            func.bool_or(is_accepted).label("was_accepted"),
            func.bool_or(status.in_([MessageStatus.DELIVERED, MessageStatus.READ])).label("was_delivered"),
            func.bool_or(status == MessageStatus.READ).label("was_read"),
            func.min(messages.c.sending_at).filter(is_accepted).label("first_sent_at"),
        )
        .join_from(
            cases,
            messages,
            and_(messages.c.workspace_id == cases.c.workspace_id, messages.c.case_id == cases.c.id),
        )
        .where(*of_scope)
        .group_by(messages.c.case_id)
        .subquery("sent")
    )
    return (
        select(
            cases.c.reason,
            cases.c.courier_name,
            cases.c.pincode,
            cases.c.opened_at,
            cases.c.accepted_action,
            cases.c.first_reply_at,
            sent.c.first_sent_at,
            func.coalesce(sent.c.was_accepted, False).label("was_accepted"),
            func.coalesce(sent.c.was_delivered, False).label("was_delivered"),
            func.coalesce(sent.c.was_read, False).label("was_read"),
            cases.c.first_reply_at.is_not(None).label("has_answered"),
            cases.c.ended_at.is_not(None).label("has_ended"),
            IS_RESCUED.label("is_rescued"),
            and_(IS_DELIVERED, IS_NEWEST).label("has_arrived"),
        )
        .outerjoin_from(cases, sent, sent.c.case_id == cases.c.id)
        .outerjoin(shipments, OF_SHIPMENT)
        .where(*of_scope)
    )


def _of_part(scope: Scope) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if scope.courier:
        wanted.append(cases.c.courier_name == scope.courier)
    if scope.pincode:
        wanted.append(cases.c.pincode.startswith(scope.pincode, autoescape=True))
    return wanted


def _is_between(value: Any, low: timedelta | None, high: timedelta | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [literal_column("true")]
    if low is not None:
        conditions.append(value >= low)
    if high is not None:
        conditions.append(value < high)
    return and_(*conditions)
