"""Public holidays by region: what can be chosen is what is known."""

import pytest

from intake.calendars import UnknownRegion, check_region, states


def test_every_state_that_can_be_chosen_is_known() -> None:
    """Each has one name, and its holidays."""
    found = states()
    assert ("IN-KA", "Karnataka") in found
    assert len({name for _, name in found}) == len({region for region, _ in found}) == len(found)
    for region, _ in found:
        check_region(region)


def test_a_state_that_is_none_is_told() -> None:
    """The message names those that there are."""
    with pytest.raises(UnknownRegion, match="KA"):
        check_region("IN-XX")
