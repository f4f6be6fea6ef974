"""The order system (Eshopbox): its delivery actions, tracking and shipment events; its words stop here."""

from clients.carriers.eshopbox.calls import Eshopbox
from clients.carriers.eshopbox.events import (
    OrderEvent,
    UnreadableOrderEvent,
    parse_order_event,
    read_phone,
)

__all__ = [
    "Eshopbox",
    "OrderEvent",
    "UnreadableOrderEvent",
    "parse_order_event",
    "read_phone",
]
