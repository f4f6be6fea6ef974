"""What pages say of a case, as SQL: whether it waits for the seller, is in hand, was rescued.

For the lists of orders and for figures alike, so that a number and the list behind it agree.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal_column, or_, select, true, tuple_
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import distinct_on

from db.tables import cases, shipments, timeline
from domain.case_state import Outcome, State
from domain.failures import Action
from domain.shipments import ShipmentMove

WAITED_FOR = timedelta(days=14)
"""How long an order is shown as waiting for the seller: after that the parcel is elsewhere, whether we heard or not."""

ON_ITS_WAY_FOR = timedelta(days=30)
"""How long a parcel whose action was accepted counts as on its way without any news of it."""


class Tab(StrEnum):
    """Who has to act on an order next, or what became of it; each order stands in exactly one of the first five."""

    WAITING = "waiting"  # for the seller
    CUSTOMER = "customer"
    IN_HAND = "in_hand"  # an action is being asked for, or was accepted and the parcel is on its way
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    ENDED = "ended"  # every ended case that does not wait for the seller
    ALL = "all"


_LATER = cases.alias("later")

IS_NEWEST = ~exists().where(
    _LATER.c.workspace_id == cases.c.workspace_id,
    _LATER.c.shipment_id == cases.c.shipment_id,
    tuple_(_LATER.c.attempt, _LATER.c.visit) > tuple_(cases.c.attempt, cases.c.visit),
)
"""No later attempt of the shipment has its case."""

IS_DELIVERED = func.coalesce(shipments.c.final == ShipmentMove.DELIVERED.value, false())
"""The parcel reached its customer; of cases joined with their shipment."""

_NO_DELIVERY = ("", Action.CANCEL.value, Action.NOT_MY_ORDER.value)

IS_RESCUED = and_(IS_DELIVERED, cases.c.accepted_action.not_in(_NO_DELIVERY), IS_NEWEST)
"""The order system accepted an action that sends the parcel out again, and the parcel was then delivered.

Whoever asked for it: the customer, the seller, or nobody (automatic). A parcel that the courier delivered without such
an action is delivered, and not rescued. Of several failed attempts the last one's case is the rescue.
"""

OF_SHIPMENT = and_(
    shipments.c.workspace_id == cases.c.workspace_id, shipments.c.shipment_id == cases.c.shipment_id
)
"""Joins a case with what is known of its parcel."""

# Written out: the partial index is found by it.
_IS_HANDOVER = timeline.c.kind == literal_column("'handover'")
_FOR_THE_CUSTOMER = ("action_refused", "action_taken_back")
"""Entries of this kind after which the customer is offered what else is possible; where nothing is, the case ends."""

_LEFT_TO_PEOPLE = (
    Outcome.HANDED_OVER.value,
    Outcome.NOT_MY_ORDER.value,
    Outcome.UNDELIVERABLE.value,
    Outcome.NO_ANSWER.value,
)
"""A case that ended so did not settle what was put before the seller while it was open."""

_ON_ITS_WAY = (Outcome.RESOLVED.value, Outcome.RESOLVED_ELSEWHERE.value, Outcome.MOVED_ON.value)


def waiting_for_seller(workspace_id: str | None, now: datetime) -> Any:
    """Return the cases that wait for the seller, each with what it waits for; with None of all workspaces, for ops.

    Something was put before the seller in the last `WAITED_FOR`: the case ended as handed over or as somebody else's
    order; the customer asks for a person, or could not be understood three times; they ask for the opposite of what was
    asked for; or an accepted action was not done after all. And since then nothing settled it: the parcel is not at its
    end and has not moved, no later attempt has failed, the case did not end otherwise.

    A contradiction outlives the acceptance of the action that it contradicts, and its echo from the order system.
    """
    asked = timeline.c
    contradicts = asked.topic == "contradiction"
    is_unsettled = or_(
        cases.c.ended_at.is_(None),
        cases.c.ended_at < asked.at,
        cases.c.outcome.in_(_LEFT_TO_PEOPLE),
        and_(contradicts, cases.c.outcome == Outcome.RESOLVED.value),
    )
    is_where_it_was = or_(
        shipments.c.last_moved_at.is_(None),
        shipments.c.last_moved_at <= asked.at,
        and_(contradicts, shipments.c.last_move == ShipmentMove.RESOLUTION_SUBMITTED.value),
    )
    statement = (
        select(
            cases.c.id,
            asked.at.label("asked_at"),
            asked.topic.label("asked_topic"),
            asked.detail.label("asked_detail"),
        )
        .join_from(
            timeline, cases, and_(cases.c.workspace_id == asked.workspace_id, cases.c.id == asked.case_id)
        )
        .outerjoin(shipments, OF_SHIPMENT)
        .where(
            asked.workspace_id == workspace_id if workspace_id is not None else true(),
            _IS_HANDOVER,
            asked.at >= now - WAITED_FOR,
            asked.topic.not_in(_FOR_THE_CUSTOMER),
            is_unsettled,
            shipments.c.final.is_(None),
            is_where_it_was,
            IS_NEWEST,
        )
        .ext(distinct_on(cases.c.id))
        .order_by(cases.c.id, asked.at.desc())
    )
    return statement.cte("waiting").prefix_with("MATERIALIZED", dialect="postgresql")


def stand_of(waiting: Any, now: datetime) -> ColumnElement[str]:
    """Return in which of the first five tabs a case stands."""
    is_on_its_way = and_(
        or_(cases.c.outcome.in_(_ON_ITS_WAY), shipments.c.last_moved_at > cases.c.ended_at),
        cases.c.accepted_action.not_in((Action.CANCEL.value, Action.NOT_MY_ORDER.value)),
        shipments.c.final.is_(None),
        cases.c.ended_at >= now - ON_ITS_WAY_FOR,
    )
    return sql_case(
        (waiting.c.id.is_not(None), Tab.WAITING.value),
        (and_(cases.c.ended_at.is_(None), cases.c.state == State.ACTING.value), Tab.IN_HAND.value),
        (cases.c.ended_at.is_(None), Tab.CUSTOMER.value),
        (or_(IS_DELIVERED, cases.c.outcome == Outcome.DELIVERED.value), Tab.DELIVERED.value),
        (is_on_its_way, Tab.IN_HAND.value),
        else_=Tab.NOT_DELIVERED.value,
    )
