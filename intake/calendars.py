"""Public holidays of a state, from the library that keeps them; they become part of a case's policy when it opens.

Fixed there, since a run must decide the same on every replay, whatever a later version of the library says.
"""

from datetime import date, timedelta

import holidays

__all__ = ["UnknownRegion", "check_region", "holidays_ahead", "states"]

_AHEAD = timedelta(days=45)  # a case lives a day, and its customer chooses among the days of the next weeks


class UnknownRegion(ValueError):
    """A region that the library does not know; the message says what would be right."""


def check_region(region: str) -> None:
    """Make sure that a region's holidays are known: a country as "IN", or one with its state as "IN-KA".

    Raises:
        UnknownRegion: They are not.
    """
    country, _, state = region.partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise UnknownRegion(f"no holidays are known for “{region}”; India is IN, with a state as IN-KA")
    if state and state not in known[country]:
        raise UnknownRegion(f"no state “{state}” in {country}; one of: {', '.join(known[country])}")


def states(country: str = "IN") -> tuple[tuple[str, str], ...]:
    """Return the regions of a country whose holidays are known, as pairs of region and name, by name."""
    names: dict[str, str] = {}
    for name, code in type(holidays.country_holidays(country)).subdivisions_aliases.items():
        if len(name) > len(code):  # an alias may also be another code
            names.setdefault(code, name)
    return tuple(
        sorted(((f"{country}-{code}", name) for code, name in names.items()), key=lambda each: each[1])
    )


def holidays_ahead(region: str, today: date) -> tuple[date, ...]:
    """Return the public holidays of a region in the weeks to come; none where no region is set.

    Raises:
        UnknownRegion: The region's holidays are not known.
    """
    if not region:
        return ()
    check_region(region)
    country, _, state = region.partition("-")
    until = today + _AHEAD
    known = holidays.country_holidays(country, subdiv=state or None, years={today.year, until.year})
    return tuple(sorted(day for day in known if today <= day <= until))
