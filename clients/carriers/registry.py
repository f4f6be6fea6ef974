"""Which adapter executes an action. Another carrier is one file beside this one and one entry in the mapping."""

from collections.abc import Mapping

from clients.carriers.base import Carrier

DEFAULT_CARRIER = "eshopbox"
"""The order system reaches every courier that has no adapter of its own."""


def carrier_for(name: str, carriers: Mapping[str, Carrier]) -> Carrier:
    """Return the adapter of that name, else the order system's.

    Raises:
        LookupError: There is neither.
    """
    found = carriers.get(name.strip().lower()) or carriers.get(DEFAULT_CARRIER)
    if found is None:
        raise LookupError(f"no carrier {name!r}, and no {DEFAULT_CARRIER!r} to fall back on")
    return found
