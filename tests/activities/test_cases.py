"""Recording: the same again changes nothing, and who asked for it hears of the end."""

from functools import partial

import pytest
from temporalio.testing import ActivityEnvironment

from activities.cases import EVENT_TYPES
from activities.values import EndCaseTask, EndResult
from db import cases, suppressions
from domain.case_events import EndCase, Note
from domain.cases import Outcome
from domain.failures import Mode
from tests.activities.conftest import Died, Shop
from tests.factories import NOW, PHONE

_OF_ITS_OWN = {
    Outcome.RESOLVED: "case.resolved",
    Outcome.UNDELIVERABLE: "case.undeliverable",
    Outcome.HANDED_OVER: "case.handed_over",
    Outcome.NOT_MY_ORDER: "case.handed_over",
}


async def _end(
    shop: Shop, outcome: Outcome = Outcome.RESOLVED, detail: str = "a new delivery attempt"
) -> EndResult:
    snapshot = shop.snapshot(state="ended", outcome=outcome.value, accepted="reattempt")
    command = EndCase(shop.command_id(9), outcome.value, detail, NOW, Mode.WHATSAPP)
    return await ActivityEnvironment().run(shop.cases.end, EndCaseTask(snapshot, command))


async def test_progress_and_notes_are_recorded_once(shop: Shop) -> None:
    """An activity may run twice."""
    note = Note(shop.command_id(3), "contradiction", "cancel after reattempt")
    for _ in range(2):
        await ActivityEnvironment().run(shop.cases.record, shop.snapshot(note, state="choosing_date"))
    row = await shop.change(lambda session: cases.find_case(session, "kapaskraft", shop.facts.case_id))
    assert row is not None
    assert (row.state, row.is_open) == ("choosing_date", True)
    assert await shop.topics() == ["contradiction"]


async def test_end_is_recorded_and_stays(shop: Shop) -> None:
    """What is recorded later does not open the case again."""
    assert await _end(shop) == EndResult()
    await ActivityEnvironment().run(shop.cases.record, shop.snapshot(state="waiting"))
    row = await shop.change(lambda session: cases.find_case(session, "kapaskraft", shop.facts.case_id))
    assert row is not None
    assert (row.state, row.outcome, row.ended_at) == ("ended", "resolved", NOW)
    assert await shop.topics() == ["ended_resolved"]


@pytest.mark.parametrize("outcome", Outcome)
async def test_workspace_that_wants_events_hears_of_every_end(
    shop: Shop, outcome: Outcome
) -> None:  # R6.10, R8.3
    """What it must act on has a type of its own; nothing names the customer."""
    await shop.want_events()
    (event_id,) = (await _end(shop, outcome, f"call {PHONE}")).event_ids
    event = await shop.event(event_id)
    assert event.type == _OF_ITS_OWN.get(outcome, "case.ended")
    assert event.data == {
        "case_id": shop.facts.case_id,
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "attempt": 1,
        "outcome": outcome.value,
        "reason": "call …",
        "action": "reattempt",
        "mode": "whatsapp",
    }


def test_every_end_is_told_as_something() -> None:  # R8.3
    """A new outcome needs a decision."""
    assert set(EVENT_TYPES) == set(Outcome)


@pytest.mark.parametrize("outcome", Outcome)
async def test_wrong_number_is_suppressed_for_this_seller(shop: Shop, outcome: Outcome) -> None:  # R6.2
    """By no other end, and for no other seller."""
    await _end(shop, outcome)
    hashed = shop.cipher.phone_hash(PHONE)
    for workspace_id, expected in (("kapaskraft", outcome is Outcome.NOT_MY_ORDER), ("other", False)):
        found = await shop.change(
            partial(suppressions.is_suppressed, workspace_id=workspace_id, phone_hash=hashed)
        )
        assert found is expected


async def test_workspace_without_an_endpoint_gets_no_event(shop: Shop) -> None:
    """There is nobody to deliver it to."""
    await _end(shop, Outcome.UNDELIVERABLE)
    assert await shop.events_told() == ()


async def test_end_that_is_repeated_makes_no_second_event(shop: Shop) -> None:  # I15
    """When the first attempt died after its commit, the sweep finds the event."""
    await shop.want_events()
    shop.database.dies = (1, "after")
    with pytest.raises(Died):
        await _end(shop)
    shop.database.dies = None
    await _end(shop)
    assert len(await shop.events_told()) == 1
