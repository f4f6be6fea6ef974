"""The order system's events: cases open once, moves end them, what may not be sent says why."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from db import installations
from domain.case_events import ShipmentMoved, Superseded
from domain.failures import Reason
from domain.shipments import ShipmentMove
from tests.factories import NOW, failed_delivery
from tests.intake.stage import ACCOUNT, Stage, sample

_ORDER = "ORD123456"


def _event(name: str, **changes: Any) -> dict[str, Any]:
    body = sample(f"eshopbox/webhook-{name}")
    body["eventTime"] = changes.pop("at", "2026-11-20 11:00:00")
    body["response_data"] |= changes
    return body


async def test_failed_delivery_opens_one_case_and_starts_its_run(stage: Stage) -> None:
    """R6.1: one failed delivery is one case and one run."""
    inbox_id = await stage.order_event(_event("shipment-failed-delivery-unavailable"))
    (row,) = await stage.cases()
    assert await stage.came_to(inbox_id) == ("handled", "opened")
    assert (row.order_id, row.attempt, row.reason, row.raw_code) == (_ORDER, 1, "customer_unavailable", "1")
    assert row.started_at is not None
    (start,) = stage.workflows.started.values()
    assert start.facts.case_id == row.id
    assert start.facts.failure.workspace_id == "kapaskraft"
    assert start.facts.account_id == "account-1"
    (entry,) = await stage.activity(_ORDER)
    assert (entry.kind, entry.topic, entry.case_id) == ("report", "failed_delivery", row.id)


async def test_same_failure_again_changes_nothing(stage: Stage) -> None:
    """R6.1, I3: also when another row brings it and ten bring it at once."""
    failed = failed_delivery()
    reports = await asyncio.gather(*(stage.intake.report("kapaskraft", failed) for _ in range(10)))
    assert sorted(report.result for report in reports) == ["known"] * 9 + ["opened"]
    assert len(await stage.cases()) == 1
    assert len(stage.workflows.started) == 1
    assert len(await stage.activity(failed.order_id)) == 1


async def test_other_content_for_the_same_attempt_is_put_on_record(stage: Stage) -> None:
    """F56: a conflicting repeat is a timeline note and nothing else."""
    await stage.open(failed_delivery())
    report = await stage.intake.report("kapaskraft", failed_delivery(raw_remark="gate closed"))
    again = await stage.intake.report("kapaskraft", failed_delivery(raw_remark="gate closed"))
    assert (report.result, again.result) == ("conflict", "conflict")
    topics = [entry.topic for entry in await stage.activity("KK1001")]
    assert topics == ["failed_delivery", "conflicting_repeat"]


async def test_visit_after_an_attempt_that_was_not_made_has_a_case_of_its_own(stage: Stage) -> None:
    """R6.12: an attempt not made does not count, so its number comes again; each real visit is asked about once."""
    not_made = failed_delivery(reason=Reason.NOT_ATTEMPTED)
    await stage.open(not_made)
    told_again = await stage.intake.report("kapaskraft", not_made)
    visited = failed_delivery(failed_at=not_made.failed_at + timedelta(hours=20))
    report = await stage.intake.report("kapaskraft", visited)
    again = await stage.intake.report("kapaskraft", visited)
    assert [told_again.result, report.result, again.result] == ["known", "opened", "known"]
    assert {(row.attempt, row.visit, row.reason) for row in await stage.cases()} == {
        (1, 1, "not_attempted"),
        (1, 2, "customer_unavailable"),
    }
    assert len(stage.workflows.started) == 2  # each has a run of its own


async def test_later_attempt_supersedes_the_earlier_case(stage: Stage) -> None:
    """R6.1: the earlier case ends as superseded; an older attempt that comes late opens nothing."""
    first = await stage.open(failed_delivery(attempt=2))
    await stage.open(failed_delivery(attempt=3, failed_at=NOW + timedelta(minutes=1)))
    ((ref, mail),) = stage.workflows.mail
    assert (ref.attempt, mail.event) == (first.attempt, Superseded(3))
    late = await stage.intake.report("kapaskraft", failed_delivery(attempt=1))
    assert late.result == "outdated"
    assert len(await stage.cases()) == 2


@pytest.mark.parametrize("is_down", [True, False])
async def test_superseding_outlives_an_outage_of_temporal(stage: Stage, *, is_down: bool) -> None:
    """F9: away for good, or for one call: by the API nothing else brings the fact again, so the sweep does."""
    first = await stage.open(failed_delivery(attempt=2))
    stage.workflows.is_down, stage.workflows.outages = is_down, int(not is_down)
    await stage.intake.report("kapaskraft", failed_delivery(attempt=3, failed_at=NOW + timedelta(minutes=1)))
    assert not stage.workflows.mail
    assert len(stage.workflows.started) == 1  # the new run waits: both may be open, never both unaware
    stage.workflows.is_down = False
    stage.clock.pass_by(minutes=1)
    assert await stage.intake.sweep() == 1
    ((ref, mail),) = stage.workflows.mail
    assert (ref.attempt, mail.event) == (first.attempt, Superseded(3))
    assert len(stage.workflows.started) == 2


@pytest.mark.parametrize("is_gone", [True, False])
async def test_earlier_run_in_trouble_keeps_no_case_from_starting(stage: Stage, *, is_gone: bool) -> None:
    """Our row is open and its run is not there, or takes no mail: that one is logged, the next one goes on."""
    await stage.open(failed_delivery(attempt=2))
    if is_gone:
        stage.workflows.ended.update(stage.workflows.started)
    else:
        stage.workflows.failures = 1
    await stage.open(failed_delivery(attempt=3, failed_at=NOW + timedelta(minutes=1)))
    assert [ref.attempt for ref in stage.workflows.started] == [2, 3]


@pytest.mark.parametrize(
    ("name", "move"),
    [
        ("shipment-delivered", ShipmentMove.DELIVERED),
        ("shipment-rto", ShipmentMove.RTO),
        ("shipment-cancelled-order", ShipmentMove.CANCELLED),
        ("shipment-out-for-delivery", ShipmentMove.OUT_FOR_DELIVERY),
    ],
)
async def test_move_is_told_to_the_open_case(stage: Stage, name: str, move: ShipmentMove) -> None:
    """R6.9: the world moves on."""
    failed = _event("shipment-failed-delivery-unavailable")
    await stage.order_event(failed)
    ids = {key: failed["response_data"][key] for key in ("externalShipmentID", "customerOrderNumber")}
    inbox_id = await stage.order_event(_event(name, at="2026-11-20 12:00:00", **ids))
    state, note = await stage.came_to(inbox_id)
    assert (state, note.partition(";")[0]) == ("handled", move.value)
    ((_, mail),) = stage.workflows.mail
    assert mail.event == ShipmentMoved(move)


async def test_step_from_before_the_failure_says_nothing(stage: Stage) -> None:
    """F56: out for delivery, reported late, does not end the case; delivered does, whenever it comes."""
    failed = _event("shipment-failed-delivery-unavailable")
    await stage.order_event(failed)
    ids = {key: failed["response_data"][key] for key in ("externalShipmentID", "customerOrderNumber")}
    await stage.order_event(_event("shipment-out-for-delivery", at="2026-11-20 09:00:00", **ids))
    assert not stage.workflows.mail
    await stage.order_event(_event("shipment-delivered", at="2026-11-20 09:30:00", **ids))
    assert [mail.event for _, mail in stage.workflows.mail] == [ShipmentMoved(ShipmentMove.DELIVERED)]


async def test_failure_after_delivery_opens_nothing(stage: Stage) -> None:
    """F56: delivered before failed; the final state wins."""
    failed = _event("shipment-failed-delivery-unavailable")
    ids = {key: failed["response_data"][key] for key in ("externalShipmentID", "customerOrderNumber")}
    await stage.order_event(_event("shipment-delivered", **ids))
    inbox_id = await stage.order_event(failed)
    assert await stage.came_to(inbox_id) == ("ignored", "settled: the shipment's state is delivered")
    assert not await stage.cases()


async def test_switched_off_says_why_nothing_is_sent(stage: Stage) -> None:
    """R5.1: off: not sent, and the activity says why."""
    await stage.switch("kapaskraft", on=False)
    inbox_id = await stage.order_event(_event("shipment-failed-delivery-unavailable"))
    assert await stage.came_to(inbox_id) == ("ignored", "not_sent: the notification is switched off")
    (entry,) = await stage.activity(_ORDER)
    assert (entry.kind, entry.topic, entry.detail) == (
        "notification",
        "failed_delivery_not_sent",
        "the notification is switched off",
    )
    assert not stage.workflows.started


@pytest.mark.parametrize("is_installed", [True, False])
async def test_attempt_not_made_is_asked_for_again_whoever_may_be_written_to(
    stage: Stage, *, is_installed: bool
) -> None:
    """R6.12: nobody is asked and nobody is told, so neither switch nor account is needed."""
    await stage.switch("kapaskraft", on=False)
    if not is_installed:
        async with stage.database.transaction() as session:
            await installations.uninstall(session, "kapaskraft", ACCOUNT, person="", now=stage.clock())
    report = await stage.intake.report("kapaskraft", failed_delivery(reason=Reason.NOT_ATTEMPTED))
    assert report.result == "opened"
    (start,) = stage.workflows.started.values()
    assert start.facts.account_id == (ACCOUNT if is_installed else "")
    asked = await stage.intake.report("kapaskraft", failed_delivery(shipment_id="SHIP2"))
    assert asked.result == "not_sent"


async def test_missing_phone_opens_a_case_that_ends_itself(stage: Stage) -> None:
    """R5.1, R6.10: the order system has to learn of it, so the case runs; the activity says what is wrong."""
    body = _event("shipment-failed-delivery-unavailable")
    body["response_data"]["shippingAddress"]["contactPhone"] = "12345"
    await stage.order_event(body)
    (start,) = stage.workflows.started.values()
    assert not start.facts.failure.customer_phone
    (entry,) = await stage.activity(_ORDER)
    assert entry.data["phone_problem"] == "invalid_phone"


async def test_another_workspaces_event_has_no_effect(stage: Stage) -> None:
    """F43, I11: what comes to one workspace's address is about that workspace."""
    body = _event("shipment-failed-delivery-unavailable")
    inbox_id = await stage.order_event(body, workspace_id="nakshi")
    assert await stage.came_to(inbox_id) == ("ignored", "another workspace's event")
    assert not await stage.cases("nakshi")
    assert not await stage.cases()


async def test_event_without_effect_is_kept_with_a_reason(stage: Stage) -> None:
    """I1: a return's failed delivery is no failed delivery of ours."""
    state, note = await stage.came_to(await stage.order_event(_event("return-failed-delivery")))
    assert state == "ignored"
    assert note.endswith("nothing follows from it")


async def test_temporal_away_delays_the_run_and_loses_nothing(stage: Stage) -> None:
    """F6, F9: the case row is there; the sweep starts its run when Temporal is back."""
    stage.workflows.is_down = True
    inbox_id = await stage.order_event(_event("shipment-failed-delivery-unavailable"))
    assert (await stage.came_to(inbox_id))[0] == "new"
    stage.clock.pass_by(minutes=10)
    stage.workflows.is_down = False
    assert await stage.intake.sweep() > 0
    (row,) = await stage.cases()
    assert row.started_at is not None
    assert len(stage.workflows.started) == 1
    assert (await stage.came_to(inbox_id))[0] == "handled"
    assert await stage.intake.sweep() == 0
