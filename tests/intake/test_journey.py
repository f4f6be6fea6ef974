"""A step of the journey is taken once; what is not sent says why, what waits is started when it is due."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from db import customers, installations, journey_events, messages, notifications, suppressions
from db.journey_events import JourneyKey
from db.notifications import Notification
from tests.factories import NOW, PHONE, failed_delivery, new_message
from tests.intake.stage import ACCOUNT, Stage, sample

ORDER, SHIPMENT = "ORD123456", "ORD123456-5943-9018"


def _event(
    name: str = "shipment-packed", *, at: str = "2026-11-20 11:00:00", **changes: Any
) -> dict[str, Any]:
    body = sample(f"eshopbox/webhook-{name}")
    body["eventTime"] = at
    body["response_data"] |= changes
    return body


async def _switch_on(stage: Stage, *events: str, **changes: Any) -> None:
    async with stage.database.transaction() as session:
        for event in events:
            values: dict[str, Any] = {"is_on": True, "category": "UTILITY", "body": "Hi"} | changes
            row = Notification("kapaskraft", ACCOUNT, event, "en", f"template-{event}", **values)
            await notifications.save_notification(session, row)


async def _not_sent(stage: Stage) -> list[tuple[str, str]]:
    return [
        (entry.topic, entry.detail)
        for entry in await stage.activity(ORDER)
        if entry.topic.endswith("_not_sent")
    ]


async def test_step_is_sent_once_whatever_is_repeated(stage: Stage) -> None:
    """R5.1 journey, I3: the same step told again, also as another event and at the same instant, has one message."""
    await _switch_on(stage, "packed")
    bodies = [_event(at=f"2026-11-20 11:0{minute}:00") for minute in range(6)]
    rows = await asyncio.gather(*(stage.order_event(body) for body in bodies))
    assert list(stage.workflows.notified) == [f"ntf:kapaskraft:{SHIPMENT}:packed"]
    notes = sorted([(await stage.came_to(row))[1] for row in rows])
    assert notes == ["a message is to be sent", *["the same step again"] * 5]
    assert not await _not_sent(stage)


async def test_return_has_its_own_steps(stage: Stage) -> None:
    """Each return of a parcel is told of by its own number, and leaves the parcel where it is."""
    await _switch_on(stage, "return_created", "restocked")
    await stage.order_event(_event("return-created", trackingID="R1"))
    await stage.order_event(_event("return-created", externalReturnID="RET-779"))
    await stage.order_event(_event("return-complete"))
    assert set(stage.workflows.notified) == {
        "ntf:kapaskraft:RET-778:return_created",
        "ntf:kapaskraft:RET-779:return_created",
        "ntf:kapaskraft:RET-778:restocked",
    }


async def test_return_without_a_number_of_its_own_is_no_step_of_the_parcel(stage: Stage) -> None:
    """R4.1, R5.1 journey: it stands under the parcel's number, and its first step is news after the delivery."""
    await _switch_on(stage, "delivered", "return_created", "restocked", "packed")
    ids = {"customerOrderNumber": ORDER, "externalShipmentID": SHIPMENT}
    await stage.order_event(_event("shipment-delivered", **ids))
    await stage.order_event(_event("return-created", externalReturnID=None))
    await stage.order_event(_event("return-complete", externalReturnID=None))
    await stage.order_event(_event("return-complete", externalShipmentID="S2", externalReturnID=None))
    await stage.order_event(_event("shipment-packed", externalShipmentID="S2"))
    assert not await _not_sent(stage)
    assert len(stage.workflows.notified) == 5


async def test_clock_of_theirs_that_is_ahead_does_not_outlast_what_follows(stage: Stage) -> None:
    """F56, F58: of a step from another year it counts when we heard of it; the end that follows is the end."""
    await _switch_on(stage, "delivered", "cancelled")
    ids = {"customerOrderNumber": ORDER, "externalShipmentID": SHIPMENT}
    await stage.order_event(_event("shipment-cancelled-order", at="2036-11-20 11:00:00", **ids))
    stage.clock.pass_by(minutes=5)
    await stage.order_event(_event("shipment-delivered", at="2026-11-20 12:03:00", **ids))
    assert not await _not_sent(stage)
    assert len(stage.workflows.notified) == 2


async def test_move_ends_the_case_and_tells_the_customer(stage: Stage) -> None:
    """R6.9: delivered is a fact for the open case and a step of the journey."""
    await _switch_on(stage, "delivered")
    failed = _event("shipment-failed-delivery-unavailable")
    await stage.order_event(failed)
    ids = {key: failed["response_data"][key] for key in ("externalShipmentID", "customerOrderNumber")}
    row = await stage.order_event(_event("shipment-delivered", at="2026-11-20 11:30:00", **ids))
    assert await stage.came_to(row) == ("handled", "delivered; a message is to be sent")
    assert [mail.event.kind for _, mail in stage.workflows.mail] == ["shipment_moved"]
    assert len(stage.workflows.notified) == 1


async def test_what_the_seller_does_not_want_is_not_sent(stage: Stage) -> None:
    """R4.1, R4.8: off, not set up, held, not installed: the activity says which."""
    await _switch_on(stage, "created", is_on=False)
    await _switch_on(stage, "on_the_way", attention="template paused")
    await stage.order_event(_event("shipment-created"))
    await stage.order_event(_event("shipment-packed"))
    await stage.order_event(_event("shipment-intransit"))
    async with stage.database.transaction() as session:
        await installations.uninstall(session, "kapaskraft", ACCOUNT, person="", now=stage.clock())
    await stage.order_event(_event("shipment-out-for-delivery"))
    assert await _not_sent(stage) == [
        ("created_not_sent", "the notification is switched off"),
        ("packed_not_sent", "the notification is switched off"),
        ("on_the_way_not_sent", "template: template paused"),
        ("out_for_delivery_not_sent", "no WhatsApp account is installed"),
    ]
    assert not stage.workflows.notified


async def test_customer_who_cannot_or_must_not_be_written_to(stage: Stage) -> None:
    """R5.1 journey, R5.5, R6.2: no phone, an invalid one, opted out, a wrong number."""
    await _switch_on(stage, "created", "packed", "on_the_way", "out_for_delivery")
    await stage.want_events()
    case = await stage.open(failed_delivery(shipment_id="OTHER"))
    body = _event("shipment-created")
    body["response_data"]["shippingAddress"]["contactPhone"] = ""
    await stage.order_event(body)
    body = _event("shipment-packed")
    body["response_data"]["shippingAddress"]["contactPhone"] = "12345"
    await stage.order_event(body)
    hashed = stage.cipher.phone_hash(PHONE)
    async with stage.database.transaction() as session:
        await customers.set_opt_out(session, ACCOUNT, hashed, opted_out=True, at=NOW, proof="")
    await stage.order_event(_event("shipment-intransit"))
    async with stage.database.transaction() as session:
        await suppressions.suppress(session, "kapaskraft", hashed, case_id=case.id, since=NOW)
    await stage.order_event(_event("shipment-out-for-delivery"))
    assert [detail for _, detail in await _not_sent(stage)] == [
        "no_phone",
        "invalid_phone",
        "opted_out",
        "wrong_number",
    ]
    told = [(each.type, each.data["event"], each.data["why"]) for each in await stage.events_told()]
    assert sorted(told) == [
        ("message.failed", "created", "no_phone"),
        ("message.failed", "on_the_way", "opted_out"),
        ("message.failed", "out_for_delivery", "wrong_number"),
        ("message.failed", "packed", "invalid_phone"),
    ]
    assert len(stage.workflows.delivered) == 4  # at once, not by the sweep


async def test_step_that_the_parcel_is_past_is_not_sent(stage: Stage) -> None:
    """R5.1 journey, F56: packed after on the way, and anything after the end."""
    await _switch_on(stage, "created", "packed", "on_the_way", "delivered")
    await stage.order_event(_event("shipment-intransit"))
    await stage.order_event(_event("shipment-packed"))
    await stage.order_event(_event("shipment-delivered"))
    await stage.order_event(_event("shipment-created", at="2026-11-20 11:59:00"))
    assert await _not_sent(stage) == [
        ("packed_not_sent", "the parcel is past this: on the way"),
        ("created_not_sent", "the parcel is past this: delivered"),
    ]
    assert len(stage.workflows.notified) == 2


async def test_old_news_is_not_sent(stage: Stage) -> None:
    """A day after its event nobody wants to hear of it; news of a day ends with the day."""
    await _switch_on(stage, "packed", "out_for_delivery")
    await stage.order_event(_event("shipment-packed", at="2026-11-19 11:59:00"))
    await stage.order_event(_event("shipment-out-for-delivery", at="2026-11-19 23:00:00"))
    assert [detail for _, detail in await _not_sent(stage)] == ["too late: it happened too long ago"] * 2


async def test_quiet_hours_are_waited_for_and_the_sweep_starts_what_is_due(stage: Stage) -> None:
    """R6.8: nobody is written to at night; of what waited only the latest step is left to tell."""
    await _switch_on(stage, "created", "delivered")
    stage.clock.now = NOW + timedelta(hours=10)  # 22:00 in India
    row = await stage.order_event(_event("shipment-created", at="2026-11-20 21:59:00"))
    assert await stage.came_to(row) == ("handled", "a message waits for the end of quiet hours")
    other = _event("shipment-delivered", at="2026-11-20 21:59:00", externalShipmentID="S2")
    await stage.order_event(other)
    assert await _not_sent(stage) == [
        ("delivered_not_sent", "too late: quiet hours end when it is no news any more")
    ]
    assert await stage.intake.sweep() == 0
    stage.clock.pass_by(hours=10, minutes=16)
    assert await stage.intake.sweep() == 1
    assert list(stage.workflows.notified) == [f"ntf:kapaskraft:{SHIPMENT}:created"]
    assert await stage.intake.sweep() == 0


async def test_temporal_away_delays_the_message_and_loses_nothing(stage: Stage) -> None:
    """F9: the step is there; it is started when Temporal is back, once."""
    await _switch_on(stage, "packed")
    stage.workflows.is_down = True
    row = await stage.order_event(_event())
    assert (await stage.came_to(row))[0] == "new"
    stage.clock.pass_by(minutes=2)
    stage.workflows.is_down = False
    assert await stage.intake.sweep() > 0
    assert len(stage.workflows.notified) == 1
    assert (await stage.came_to(row))[0] == "handled"
    step = await _step(stage)
    assert step.started_at is not None
    assert await stage.intake.sweep() == 0


async def test_step_that_never_starts_keeps_no_other_from_starting(stage: Stage) -> None:
    """I18: it is left alone for a while, and the others go on."""
    await _switch_on(stage, "packed")
    stage.workflows.is_down = True
    await stage.order_event(_event())
    await stage.order_event(_event(externalShipmentID="S2"))
    stage.workflows.is_down, stage.workflows.stuck = False, {SHIPMENT}
    stage.clock.pass_by(minutes=10)
    await stage.intake.sweep()
    assert list(stage.workflows.notified) == ["ntf:kapaskraft:S2:packed"]


@pytest.mark.parametrize("is_written", [True, False])
async def test_step_that_nobody_settled_is_settled_by_the_sweep(stage: Stage, *, is_written: bool) -> None:
    """I9: what was begun and never ended is closed after its time, by what is known of its message."""
    await _switch_on(stage, "packed")
    await stage.want_events()
    await stage.order_event(_event())
    key = JourneyKey("kapaskraft", SHIPMENT, "packed")
    if is_written:
        async with stage.database.transaction() as session:
            new = new_message(command_id=key.command_id, event="packed", now=stage.clock())
            await messages.add_message(session, stage.cipher, new)
    stage.clock.pass_by(hours=25)
    await stage.intake.sweep()
    step = await _step(stage)
    assert step.ended_at is not None
    assert step.outcome == ("unknown" if is_written else "stalled")
    assert len(await stage.events_told()) == int(not is_written)
    expected = [] if is_written else ["packed_not_sent"]
    assert [topic for topic, _ in await _not_sent(stage)] == expected


async def _step(stage: Stage) -> journey_events.JourneyStep:
    async with stage.database.transaction() as session:
        found = await journey_events.find_step(session, JourneyKey("kapaskraft", SHIPMENT, "packed"))
    assert found is not None
    return found
