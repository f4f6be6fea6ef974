"""Which adapter executes an action."""

import httpx
import pytest

from clients.carriers.base import Carrier
from clients.carriers.eshopbox import Eshopbox
from clients.carriers.registry import carrier_for
from domain.failures import Action


def _eshopbox(name: str) -> Carrier:
    return Eshopbox(
        httpx.AsyncClient(),
        base_url=f"https://{name}.example",
        auth_url=f"https://{name}.example",
        clock=lambda: pytest.fail("nobody asked for the time"),
    )


def test_a_courier_without_adapter_is_reached_through_the_order_system() -> None:
    """The default is the order system; a name of its own wins."""
    order_system, other = _eshopbox("wms"), _eshopbox("other")
    carriers = {"eshopbox": order_system, "delhivery": other}
    assert carrier_for("eshopbox", carriers) is order_system
    assert carrier_for("Delhivery", carriers) is other
    assert carrier_for("Blue Dart", carriers) is order_system
    assert carrier_for("", carriers) is order_system


def test_without_any_adapter_the_wiring_is_wrong() -> None:
    """An empty registry is a mistake of ours and says so."""
    with pytest.raises(LookupError, match="Delhivery"):
        carrier_for("Delhivery", {})


def test_the_order_system_executes_all_but_not_my_order() -> None:
    """R6.2: choices come from what the adapter can do; a wrong number needs no carrier."""
    assert set(Eshopbox.capabilities.actions) == set(Action) - {Action.NOT_MY_ORDER}
