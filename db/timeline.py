"""The order's activity: each notification, reply, action and automatic step, once (R5.3)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, BigInteger, Executable, Text, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from db.cases import BadCursor, CaseRow
from db.encryption import Cipher
from db.rows import columns, many
from db.session import Session
from db.tables import actions, cases, message_statuses, messages, shipments, storable, timeline
from domain.messages import MessageStatus, NotSent
from domain.shipments import JourneyEvent

EntryKind = Literal["notification", "reply", "action", "automatic", "report", "handover"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to an order.

    Attributes:
        workspace_id: Whose order.
        order_id: The order.
        at: When it happened.
        kind: What sort of thing it is.
        topic: A fixed word: what happened.
        key: What makes it the same entry when it is added again.
        case_id: The case it belongs to.
        shipment_id: The shipment it belongs to.
        detail: Words for people; nothing personal.
        mode: Where it came from.
        person: Who did it, where a person of ours did.
        message_id: The message it is about; its status is shown with it.
        data: Personal parts, such as the customer's words; sealed.
    """

    workspace_id: str
    order_id: str
    at: datetime
    kind: EntryKind
    topic: str
    key: str
    case_id: str | None = None
    shipment_id: str | None = None
    detail: str = ""
    mode: str = ""
    person: str = ""
    message_id: str | None = None
    data: Mapping[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def of_case(
        cls,
        row: CaseRow,
        *,
        at: datetime,
        kind: EntryKind,
        topic: str,
        key: str,
        mode: str,
        detail: str = "",
        data: Mapping[str, object] | None = None,
    ) -> "Entry":
        """Return an entry on the activity of a case's order; the parts as in the class."""
        return cls(
            workspace_id=row.workspace_id,
            order_id=row.order_id,
            shipment_id=row.shipment_id,
            case_id=row.id,
            at=at,
            kind=kind,
            topic=topic,
            key=key,
            mode=mode,
            detail=detail,
            data=data or {},
        )


@dataclass(frozen=True, slots=True)
class StatusTime:
    """When a message reached a status, and why where it failed."""

    status: MessageStatus
    at: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry as it is shown, with how far its message has come.

    Attributes:
        id: Grows with each entry; orders those of one instant.
        entry: What happened.
        message_status: The status of its message; None where it has none.
        statuses: When its message reached what, earliest first.
    """

    id: int
    entry: Entry
    message_status: MessageStatus | None
    statuses: tuple[StatusTime, ...]

    @property
    def cursor(self) -> str:
        """Return what `list_entries` continues after: the instant alone may be that of several entries."""
        return base64.urlsafe_b64encode(f"{self.entry.at.isoformat()}|{self.id}".encode()).decode()


async def add_entry(session: Session, cipher: Cipher, entry: Entry) -> bool:
    """Put something on an order's activity, and tell whether it is new: the same key again does nothing (I2)."""
    values: dict[str, Any] = {column.name: getattr(entry, column.name) for column in _PLAIN}
    if entry.data:
        plain = json.dumps(dict(entry.data), ensure_ascii=False)
        values["data_sealed"] = cipher.seal(plain, context=_context(entry.workspace_id, entry.key))
    statement = insert(timeline).values(values)
    added = await session.execute(
        statement.on_conflict_do_nothing(index_elements=["workspace_id", "key"]).returning(timeline.c.id)
    )
    return added.one_or_none() is not None


async def data_of(session: Session, cipher: Cipher, workspace_id: str, key: str) -> Mapping[str, object]:
    """Return the sealed parts of the entry with this key; nothing where there is no such entry, or it has none."""
    statement = select(timeline.c.data_sealed).where(
        timeline.c.workspace_id == workspace_id, timeline.c.key == key
    )
    sealed = (await session.execute(statement)).scalar_one_or_none()
    return _opened(cipher, sealed, workspace_id, key)


async def count_not_sent(
    session: Session, workspace_id: str, event: str, reason: NotSent, *, since: datetime
) -> int:
    """Return how many messages for a step were not sent since a time, for a reason (R4.8).

    A failed delivery is one, however many messages its case would have sent; they stand under words of their own.
    """
    is_cases = event == JourneyEvent.FAILED_DELIVERY
    what = timeline.c.topic.endswith("_not_sent") if is_cases else timeline.c.topic == f"{event}_not_sent"
    counted = timeline.c.case_id if is_cases else timeline.c.key
    statement = select(func.count(counted.distinct())).where(
        timeline.c.workspace_id == workspace_id,
        timeline.c.kind == "notification",
        what,
        timeline.c.detail.startswith(reason.value),
        timeline.c.at >= since,
    )
    return (await session.execute(statement)).scalar_one()


async def list_entries(
    session: Session,
    cipher: Cipher,
    workspace_id: str,
    order_id: str,
    *,
    case_id: str | None = None,
    before: str | None = None,
    limit: int = 200,
) -> tuple[TimelineEntry, ...]:
    """Return an order's activity, newest first, with the status of each message.

    Args:
        session: The transaction.
        cipher: Opens the personal parts.
        workspace_id: Whose order.
        order_id: The order.
        case_id: Only what belongs to a case of it.
        before: The cursor of an entry; only what stands after it is returned.
        limit: Most entries.

    Raises:
        BadCursor: The cursor is not ours.
    """
    statement = (
        _select()
        .where(timeline.c.workspace_id == workspace_id, timeline.c.order_id == order_id)
        .order_by(timeline.c.at.desc(), timeline.c.id.desc())
        .limit(limit)
    )
    if case_id is not None:
        statement = statement.where(timeline.c.case_id == case_id)
    if before is not None:
        at, number = _from_cursor(before)
        last = tuple_(at, literal(number, BigInteger))
        statement = statement.where(tuple_(timeline.c.at, timeline.c.id) < last)
    return await _shown(session, cipher, workspace_id, statement)


async def list_latest(
    session: Session, cipher: Cipher, workspace_id: str, order_ids: Collection[str]
) -> Mapping[str, TimelineEntry]:
    """Return the last thing that happened to each of some orders, by order; those without any are left out."""
    if not order_ids:
        return {}
    wanted = (
        func.unnest(literal(sorted(order_ids), ARRAY(Text)))
        .table_valued("order_id", name="wanted")
        .render_derived()
    )
    newest = (
        select(timeline.c.id)
        .where(timeline.c.workspace_id == workspace_id, timeline.c.order_id == wanted.c.order_id)
        .order_by(timeline.c.at.desc(), timeline.c.id.desc())
        .limit(1)
        .correlate(wanted)
        .scalar_subquery()
    )
    # In two steps: joined at once, whole tables are read.
    ids = [
        number for number in (await session.execute(select(newest).select_from(wanted))).scalars() if number
    ]
    of_ids = _select().where(timeline.c.workspace_id == workspace_id, timeline.c.id.in_(ids))
    found = await _shown(session, cipher, workspace_id, of_ids)
    return {each.entry.order_id: each for each in found}


async def latest_change(session: Session, workspace_id: str, order_id: str) -> str:
    """Return a mark that is another one once anything that an order's page shows has changed.

    A new entry, a status of a message, a case's progress, an action's answer, a move of a parcel.
    """
    entry = timeline.c
    of_order = (entry.workspace_id == workspace_id, entry.order_id == order_id)
    own_case = (cases.c.workspace_id == workspace_id, cases.c.order_id == order_id)
    own_shipment = (shipments.c.workspace_id == workspace_id, shipments.c.order_id == order_id)
    marks = (
        select(func.max(entry.id)).where(*of_order),
        select(func.max(messages.c.changed_at))
        .join_from(
            timeline,
            messages,
            (messages.c.workspace_id == entry.workspace_id) & (messages.c.id == entry.message_id),
        )
        .where(*of_order),
        select(func.max(func.greatest(cases.c.changed_at, cases.c.last_reply_at))).where(*own_case),
        select(func.max(func.greatest(actions.c.asked_at, actions.c.answered_at)))
        .join_from(
            cases,
            actions,
            (actions.c.workspace_id == cases.c.workspace_id) & (actions.c.case_id == cases.c.id),
        )
        .where(*own_case),
        select(func.max(shipments.c.seen_at)).where(*own_shipment),
    )
    row = (await session.execute(select(*(mark.scalar_subquery() for mark in marks)))).one()
    words = "|".join("" if value is None else str(value) for value in row)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


_NUMBERS_END = 2**63  # of PostgreSQL's bigint
_PLAIN = [timeline.c[name] for name in Entry.__dataclass_fields__ if name != "data"]


def _select() -> Any:
    return select(
        timeline.c.id, timeline.c.data_sealed, *_PLAIN, messages.c.status.label("message_status")
    ).join_from(
        timeline,
        messages,
        (messages.c.workspace_id == timeline.c.workspace_id) & (messages.c.id == timeline.c.message_id),
        isouter=True,
    )


async def _shown(
    session: Session, cipher: Cipher, workspace_id: str, statement: Executable
) -> tuple[TimelineEntry, ...]:
    """Return the entries of a statement, opened, with how far their messages have come."""
    rows = (await session.execute(statement)).all()
    times = await _list_status_times(
        session, workspace_id, [row.message_id for row in rows if row.message_status is not None]
    )

    def shown(
        *, data_sealed: bytes | None, message_status: MessageStatus | None, **plain: Any
    ) -> TimelineEntry:
        number = plain.pop("id")
        entry = Entry(data=_opened(cipher, data_sealed, plain["workspace_id"], plain["key"]), **plain)
        return TimelineEntry(number, entry, message_status, times.get(entry.message_id or "", ()))

    return tuple(shown(**row._asdict()) for row in rows)


@dataclass(frozen=True, slots=True)
class _StatusRow:
    message_id: str
    status: MessageStatus
    at: datetime
    code: str
    reason: str


async def _list_status_times(
    session: Session, workspace_id: str, message_ids: list[str]
) -> Mapping[str, tuple[StatusTime, ...]]:
    if not message_ids:
        return {}
    statement = (
        select(*columns(message_statuses, _StatusRow))
        .where(
            message_statuses.c.workspace_id == workspace_id, message_statuses.c.message_id.in_(message_ids)
        )
        .order_by(message_statuses.c.at)
    )
    times: dict[str, tuple[StatusTime, ...]] = {}
    for row in await many(session, statement, _StatusRow):
        reached = StatusTime(row.status, row.at, row.code, row.reason)
        times[row.message_id] = (*times.get(row.message_id, ()), reached)
    return times


def _from_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        at, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        parsed = datetime.fromisoformat(at), int(number)
    except (ValueError, binascii.Error) as error:
        raise BadCursor("not a cursor of ours") from error
    if parsed[0].tzinfo is None or not 0 <= parsed[1] < _NUMBERS_END:
        raise BadCursor("not a cursor of ours")
    return parsed


def _opened(cipher: Cipher, sealed: bytes | None, workspace_id: str, key: str) -> Mapping[str, object]:
    opened: Mapping[str, object] = (
        {} if sealed is None else json.loads(cipher.open(sealed, context=_context(workspace_id, key)))
    )
    return opened


def _context(workspace_id: str, key: str) -> str:
    return f"timeline/{workspace_id}/{storable(key)}/data"
