"""Messages about the journey: what overtakes a step, until when it is news, and that nobody is written to at night."""

from datetime import datetime, timedelta, timezone

import pytest

from domain.journey import JOURNEY, LAST_STAGE, JourneyGroup, find_event
from domain.journey_messages import KEPT_FOR, Standing, due_at, expires_at, passed_by
from domain.journey_variables import journey_values, to_be_read
from domain.shipments import Address, Item, JourneyEvent, OrderFacts
from domain.templates import filled_from
from domain.timing import Policy
from domain.variables import VARIABLES

INDIA = timezone(timedelta(hours=5, minutes=30))
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=INDIA)


@pytest.mark.parametrize(
    ("step", "standing", "passed"),
    [
        ("created", Standing(), ""),
        ("created", Standing(frozenset({"created"})), ""),
        ("created", Standing(frozenset({"packed", "on_the_way"})), "on_the_way"),
        ("packed", Standing(frozenset({"created"})), ""),
        ("packed", Standing(final="delivered"), "delivered"),
        ("packed", Standing(final="lost"), "lost"),
        ("delivered", Standing(frozenset({"out_for_delivery"}), "delivered"), ""),
        ("delivered", Standing(frozenset({"cancelled"}), "cancelled"), "cancelled"),
        ("rto", Standing(frozenset({"delivered"}), "rto"), ""),
        ("on_the_way", Standing(failed_attempts=1, heard_at=NOON), "failed_delivery"),
        (
            "out_for_delivery",
            Standing(failed_attempts=1, heard_at=NOON + timedelta(hours=1)),
            "failed_delivery",
        ),
        ("out_for_delivery", Standing(failed_attempts=1, heard_at=NOON), ""),
        ("delivered", Standing(failed_attempts=1, heard_at=NOON + timedelta(hours=1)), ""),
        ("return_created", Standing(frozenset({"return_picked_up"})), "return_picked_up"),
        ("return_picked_up", Standing(frozenset({"return_created"})), ""),
    ],
)
def test_step_that_is_overtaken_is_no_news(step: str, standing: Standing, passed: str) -> None:
    """A later step or another end overtakes it; a failure overtakes what was before it, not the attempt after it."""  # R5.1 journey F56
    entry = find_event(step)
    assert entry is not None
    assert passed_by(entry, NOON, standing) == passed


def test_every_step_has_its_stage() -> None:
    """Each journey begins with one step, goes on upwards, and ends at the last stage."""  # R4.1
    for group in JourneyGroup:
        stages = [entry.stage for entry in JOURNEY if entry.group is group]
        assert stages == sorted(stages)
        assert stages.count(min(stages)) == 1
        assert max(stages) == LAST_STAGE


def test_news_of_the_day_ends_with_the_day_and_the_rest_after_one() -> None:
    """“Out for delivery today” is not sent tomorrow; the day is the workspace's."""  # R6.8
    for entry in JOURNEY:
        until = expires_at(entry, NOON, Policy())
        if entry.key in {JourneyEvent.OUT_FOR_DELIVERY, JourneyEvent.DELIVERED}:
            assert until == datetime(2026, 11, 21, tzinfo=INDIA)
        else:
            assert until == NOON + KEPT_FOR


def test_quiet_hours_are_waited_for_and_left_spread() -> None:
    """What waits for one parcel is due at once; parcels are spread over a quarter of an hour."""  # R6.8 F62
    night = NOON.replace(hour=23)
    eight = (night + timedelta(days=1)).replace(hour=8)
    due = {due_at(night, Policy(), spread_by=f"S{number}") for number in range(50)}
    assert len(due) > 40
    assert all(eight <= at < eight + timedelta(minutes=15) for at in due)
    assert due_at(NOON, Policy(), spread_by="S1") == NOON


FACTS = OrderFacts(
    customer_name="Asha Rao",
    customer_phone="919999900001",
    address=Address("Asha Rao", ("House 168", "Indiranagar"), "Bengaluru", "Karnataka", "560038"),
    items=(Item("KK-1", "Kurta", "KapasKraft", 2), Item("KK-2", "Shawl", "", 1)),
    brand="KapasKraft",
    courier_name="Delhivery",
    tracking_url="https://track.example.in/7",
    is_cod=True,
    amount_due_paise=124_900,
    expected_on="2026-11-23",
    invoice="INV1",
    refund_paise=98_431_050,
    gtin="0890",
    ean="890",
    upc="89",
)


def _values(facts: OrderFacts = FACTS, language: str = "en") -> dict[str, str]:
    return journey_values(facts, order_id="ORD1", tracking_id="70011223344", brand="Shop", language=language)


def test_values_are_written_as_indians_read_them() -> None:
    """Days, rupees and phones; the day and the payment in the template's language."""  # section 9
    values = _values()
    assert values["expected_date"] == "Mon 23 Nov"
    assert values["refund_amount"] == "₹9,84,310.50"
    assert values["amount_due"] == "₹1,249"
    assert values["customer_phone"] == "+91 99999 00001"
    assert values["address"] == "House 168, Indiranagar"
    assert values["item_quantity"] == "3"
    assert (values["gtin"], values["ean"], values["upc"]) == ("0890", "890", "89")
    assert _values(language="hi")["payment_method"] != values["payment_method"]


def test_every_variable_of_a_step_has_its_value() -> None:
    """What the help article promises for a step can be filled."""  # R4.5
    promised = {variable.name for variable in VARIABLES} - {"failure_reason", "attempt_number"}
    values = _values()
    assert set(values) == promised
    assert all(values.values())


def test_value_that_is_missing_leaves_no_hole() -> None:
    """The fallback stands in, else the message is not sent and the variable is named; tracking knows two of them."""  # R4.5
    values = _values(OrderFacts())
    filled = filled_from(values, (("expected_date", ""), ("courier_name", "the courier"), ("brand", "")))
    assert filled.missing == ("expected_date",)
    assert filled.params == ("", "the courier", "Shop")
    assert to_be_read(values, ("brand", "expected_date"))
    assert not to_be_read(values, ("brand", "invoice"))
    assert not to_be_read(_values(), ("expected_date", "courier_name"))
