"""Shipments: where a parcel is, put together from events that come in any order (F56)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case as sql_case
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.rows import columns, one
from db.session import NotFound, Session
from db.tables import shipments
from domain.shipments import FINAL_MOVES, ShipmentMove


@dataclass(frozen=True, slots=True)
class ShipmentRow:
    """What we know of a shipment: its newest move, its highest failed attempt, its end, and when it was last heard of."""

    workspace_id: str
    shipment_id: str
    order_id: str
    tracking_id: str
    attempt: int
    last_move: str
    last_moved_at: datetime | None
    final: str | None
    seen_at: datetime | None = None


async def record_move(
    session: Session,
    workspace_id: str,
    shipment_id: str,
    *,
    order_id: str,
    tracking_id: str,
    move: ShipmentMove | None,
    attempt: int | None,
    at: datetime,
) -> ShipmentRow:
    """Record an event of a shipment, in whatever order events come, and return what is known now (F56).

    The shipment stays locked until the transaction ends, so that its events are dealt with one after another.
    """
    table = shipments
    final = move if move in FINAL_MOVES else None
    statement = insert(table).values(
        workspace_id=workspace_id,
        shipment_id=shipment_id,
        order_id=order_id,
        tracking_id=tracking_id,
        attempt=attempt or 0,
        last_move=move or "",
        last_moved_at=at if move else None,
        final=final,
        final_at=at if final else None,
        seen_at=at,
    )
    changes: dict[str, Any] = {
        "order_id": func.coalesce(func.nullif(order_id, ""), table.c.order_id),
        "tracking_id": func.coalesce(func.nullif(tracking_id, ""), table.c.tracking_id),
        "attempt": func.greatest(table.c.attempt, attempt or 0),
        "seen_at": func.greatest(table.c.seen_at, at),
    }
    if move is not None:
        is_newest = func.coalesce(table.c.last_moved_at, at) <= at
        changes["last_move"] = _if(is_newest, move.value, table.c.last_move)
        changes["last_moved_at"] = func.greatest(table.c.last_moved_at, at)
    if final is not None:
        is_last = func.coalesce(table.c.final_at, at) <= at
        changes["final"] = _if(is_last, final.value, table.c.final)
        changes["final_at"] = func.greatest(table.c.final_at, at)
    row = await one(
        session,
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "shipment_id"], set_=changes
        ).returning(*columns(table, ShipmentRow)),
        ShipmentRow,
    )
    if row is None:
        raise NotFound(f"shipment {shipment_id}")
    return row


async def find_shipment(session: Session, workspace_id: str, shipment_id: str) -> ShipmentRow | None:
    """Return what is known of a shipment."""
    statement = select(*columns(shipments, ShipmentRow)).where(
        shipments.c.workspace_id == workspace_id, shipments.c.shipment_id == shipment_id
    )
    return await one(session, statement, ShipmentRow)


def _if(condition: Any, then: Any, otherwise: Any) -> Any:
    return sql_case((condition, then), else_=otherwise)
