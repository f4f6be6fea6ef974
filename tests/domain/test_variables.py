"""Variables: complete, honest about when they are known, and found under the names that sellers use."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import Reason
from domain.journey import JOURNEY, JourneyGroup, find_event
from domain.shipments import Address, FailedDelivery, Item, JourneyEvent
from domain.templates import placeholders, variables
from domain.variables import (
    SAMPLES,
    VARIABLES,
    Variable,
    VariableGroup,
    find_variable,
    meant_by,
    suggested,
    variables_for,
)

PROMISED = re.findall(
    r"\w+",
    """customer_order_id brand sku gtin ean upc product_title item_quantity customer_name customer_phone address city
    state pincode payment_method invoice refund_amount tracking_id tracking_url courier_name failure_reason
    attempt_number expected_date""",
)

SAMPLE_FAILURE = FailedDelivery(
    workspace_id="kapaskraft",
    order_id="ORD123456",
    shipment_id="SH1",
    tracking_id="70011223344",
    attempt=1,
    reason=Reason.CUSTOMER_UNAVAILABLE,
    failed_at=datetime(2026, 11, 20, 6, 0, tzinfo=UTC),
    customer_name="Asha Rao",
    customer_phone="919999000012",
    address=Address("Asha Rao", ("12, 5th Cross", "Indiranagar"), "Bengaluru", "Karnataka", "560038"),
    items=(Item("KK-KRT-0412-M", "Handloom cotton kurta", "KapasKraft", 2),),
    courier_name="Delhivery",
    tracking_url="https://track.eshopbox.example/70011223344",
    is_cod=True,
    amount_due_paise=124_900,
    expected_on="2026-11-23",
)


def names_for(event: JourneyEvent) -> set[str]:
    entry = find_event(event)
    assert entry is not None
    return {variable.name for variable in variables_for(entry)}


def test_every_promised_variable_is_there() -> None:
    """The product's list, and what is due at the door besides."""
    assert {variable.name for variable in VARIABLES} == {*PROMISED, "amount_due"}
    assert len(VARIABLES) == len(SAMPLES)
    assert {variable.group for variable in VARIABLES} == set(VariableGroup)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_every_variable_says_what_it_holds(variable: Variable) -> None:
    """Name, words and sample: help and preview have no hole, and the name is one that Gupshup takes."""
    found = find_variable(variable.name)
    assert found is variable
    assert re.fullmatch(r"[a-z][a-z_]*", found.name)
    assert found.holds[0].isupper() or found.holds[0].isdigit()
    assert not found.holds.endswith(".")
    assert not found.note or found.note.endswith(".")
    assert found.sample.strip() == found.sample != ""
    assert placeholders(found.placeholder) == (found.name,)
    assert found.events
    assert found.journeys


def test_a_failed_delivery_knows_exactly_what_is_offered_for_it() -> None:
    """Nothing is offered that a failed delivery never fills, and nothing that it fills is left out."""
    assert names_for(JourneyEvent.FAILED_DELIVERY) == set(variables(SAMPLE_FAILURE, "en"))


def test_samples_look_as_the_values_that_are_sent() -> None:
    """The preview promises no other way of writing than the message has."""  # R4.6
    sent = variables(SAMPLE_FAILURE, "en")
    assert sent == {name: SAMPLES[name] for name in sent}


def test_a_failures_words_are_for_failures_only() -> None:
    """No other step can say why an attempt failed, or which it was."""
    for entry in JOURNEY:
        is_failure = entry.key is JourneyEvent.FAILED_DELIVERY
        names = {variable.name for variable in variables_for(entry)}
        assert (names >= {"failure_reason", "attempt_number"}) == is_failure
        assert ("refund_amount" in names) == (
            entry.group is JourneyGroup.RETURN or entry.key in {JourneyEvent.CANCELLED, JourneyEvent.RTO}
        )


@pytest.mark.parametrize(
    ("placeholder", "variable"),
    [
        ("customer_name", "customer_name"),
        ("Customer_Name", "customer_name"),
        ("customerName", "customer_name"),
        ("customer name", "customer_name"),
        ("customer-name", "customer_name"),
        (" CUSTOMER  NAME ", "customer_name"),
        ("name", "customer_name"),
        ("order_id", "customer_order_id"),
        ("orderId", "customer_order_id"),
        ("Order Number", "customer_order_id"),
        ("brand_name", "brand"),
        ("phone", "customer_phone"),
        ("zip", "pincode"),
        ("tracking_number", "tracking_id"),
        ("tracking_link", "tracking_url"),
        ("courier", "courier_name"),
        ("reason", "failure_reason"),
        ("edd", "expected_date"),
        ("qty", "item_quantity"),
        ("cod_amount", "amount_due"),
        ("1", ""),
        ("12", ""),
        ("", ""),
        ("discount_code", ""),
        ("customer_names_all", ""),
        ("नाम", ""),
    ],
)
def test_named_placeholders_map_themselves(placeholder: str, variable: str) -> None:
    """Case, spaces, hyphens and common names do not matter; a number or another word is not guessed."""  # R4.5
    assert suggested([placeholder]) == ((variable, ""),)


def test_a_spelling_means_one_variable() -> None:
    """No alias belongs to two variables or is another's name."""
    spellings = [
        re.sub(r"[^a-z0-9]", "", spelling)
        for variable in VARIABLES
        for spelling in {re.sub("_", "", one) for one in (variable.name, *variable.aliases)}
    ]
    assert len(spellings) == len(set(spellings))
    for variable in VARIABLES:
        assert {meant_by(spelling) for spelling in (variable.name, *variable.aliases)} == {variable}


def test_what_a_step_cannot_fill_is_not_suggested() -> None:
    """A placeholder for a refund is left open for a parcel that is on its way."""
    entry = find_event("on_the_way")
    assert entry is not None
    known = variables_for(entry)
    assert suggested(["name", "2", "refund_amount", "reason"], known=known) == (
        ("customer_name", ""),
        ("", ""),
        ("", ""),
        ("", ""),
    )


@given(st.lists(st.text()))
def test_every_placeholder_gets_an_answer_in_its_place(names: list[str]) -> None:
    """As many suggestions as placeholders, each a variable or nothing, never a fallback of our own."""
    found = suggested(names)
    assert len(found) == len(names)
    assert all((name == "" or name in SAMPLES) and fallback == "" for name, fallback in found)


def test_a_phone_that_is_missing_stays_empty() -> None:
    """No value, so that the message is not sent with a hole."""
    assert variables(replace(SAMPLE_FAILURE, customer_phone=""), "en")["customer_phone"] == ""
