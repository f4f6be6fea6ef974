"""A parcel's events come in any order, and its end stands (F56)."""

from datetime import timedelta

import pytest

from db.session import Session
from db.shipments import find_shipment, record_move
from domain.shipments import ShipmentMove
from tests.factories import NOW

W = "kapaskraft"


@pytest.mark.usefixtures("_workspace")
async def test_a_shipments_end_stands_whatever_comes_late(session: Session) -> None:
    """Delivered, then an older failure: final. Lost, then delivered: the later end."""  # F56

    async def move(what: ShipmentMove | None, minutes: int, attempt: int | None = None) -> str | None:
        row = await record_move(
            session,
            W,
            "S1",
            order_id="O1",
            tracking_id="" if minutes else "T1",
            move=what,
            attempt=attempt,
            at=NOW + timedelta(minutes=minutes),
        )
        return row.final

    assert await move(None, 0, 1) is None
    assert await move(ShipmentMove.OUT_FOR_DELIVERY, 5) is None
    assert await move(ShipmentMove.LOST, 10) == "lost"
    assert await move(ShipmentMove.DELIVERED, 20) == "delivered"
    assert await move(ShipmentMove.RTO, 15) == "delivered"
    assert await move(None, 7, 2) == "delivered"
    row = await find_shipment(session, W, "S1")
    assert row is not None
    assert (row.tracking_id, row.attempt, row.last_move) == ("T1", 2, "delivered")
    assert await find_shipment(session, "other", "S1") is None
