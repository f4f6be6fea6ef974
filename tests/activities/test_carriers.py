"""Actions: the order system is asked once, and read before it is asked again."""

from datetime import date
from typing import Literal

import pytest

from activities.values import ActionResult
from clients.carriers.base import CarrierAnswer, ShipmentReading
from db import cases
from domain.case_events import ActionRequest, Answer
from domain.case_state import Progress
from domain.failures import Action, Mode
from tests.activities.conftest import Died, Shop
from tests.factories import NOW, PHONE

_STILL_FAILED = ShipmentReading("failed_delivery", is_failed_delivery=True, resolution_recorded=False)
_RECORDED = ShipmentReading("failed_delivery", is_failed_delivery=True, resolution_recorded=True)
_MOVED = ShipmentReading("out_for_delivery", is_failed_delivery=False, resolution_recorded=False)


def _request(shop: Shop, action: Action = Action.REATTEMPT, *, number: int = 2) -> ActionRequest:
    return ActionRequest(shop.command_id(number), action, Mode.WHATSAPP)


async def test_action_is_asked_for_once(shop: Shop) -> None:  # R6.5, I4
    """With the parcel's facts; the same request again is answered from what is known."""
    request = ActionRequest(shop.command_id(2), Action.RESCHEDULE, Mode.WHATSAPP, on=date(2026, 11, 23))
    assert await shop.take_action(request) == ActionResult(Answer.ACCEPTED, "ok")
    assert await shop.take_action(request, attempt=2) == ActionResult(Answer.ACCEPTED, "ok")
    ((target, asked),) = shop.carrier.requests
    assert asked == request
    assert (target.tracking_id, target.phone, target.attempt) == ("TRK1001", PHONE, 1)
    assert shop.carrier.reads == []
    assert await shop.topics() == ["reschedule_asked", "reschedule_accepted"]


async def test_refusal_is_remembered(shop: Shop) -> None:  # R6.5
    """It is an answer for good."""
    shop.carrier.answers.append(CarrierAnswer(Answer.REFUSED, "attempts used up", 400))
    first = await shop.take_action(_request(shop))
    assert first == await shop.take_action(_request(shop)) == ActionResult(Answer.REFUSED, "attempts used up")
    assert len(shop.carrier.requests) == 1
    assert await shop.topics() == ["reattempt_asked", "reattempt_refused"]


async def test_action_that_was_surely_not_executed_is_asked_again_at_once(shop: Shop) -> None:  # F53
    """Nothing has to be read first."""
    shop.carrier.answers.append(CarrierAnswer(Answer.UNAVAILABLE, "503", 503))
    assert (await shop.take_action(_request(shop))).answer is Answer.UNAVAILABLE
    assert (await shop.take_action(_request(shop))).answer is Answer.ACCEPTED
    assert shop.carrier.reads == []
    assert await shop.topics() == ["reattempt_asked", "reattempt_accepted"]


@pytest.mark.parametrize(
    ("reading", "answer", "calls"),
    [
        pytest.param(_RECORDED, Answer.ACCEPTED, 1, id="found recorded"),
        pytest.param(_STILL_FAILED, Answer.ACCEPTED, 2, id="surely not done: asked once more"),
        pytest.param(_MOVED, Answer.NOT_WAITING, 1, id="moved on"),
        pytest.param(None, Answer.UNKNOWN, 1, id="unreadable"),
    ],
)
@pytest.mark.parametrize("interrupted", ["lost answer", "died"])
async def test_shipment_is_read_before_an_action_is_asked_again(
    shop: Shop,
    interrupted: str,
    reading: ShipmentReading | None,
    answer: Answer,
    calls: int,
) -> None:  # I4, F5, F55
    """After an unknown outcome and after our own death alike."""
    if interrupted == "died":
        shop.carrier.answers.append(Died())
        with pytest.raises(Died):
            await shop.take_action(_request(shop))
    else:
        shop.carrier.answers.append(CarrierAnswer(Answer.UNKNOWN, "ReadTimeout"))
        assert (await shop.take_action(_request(shop))).answer is Answer.UNKNOWN
    shop.carrier.reading = reading
    assert (await shop.take_action(_request(shop), attempt=2)).answer is answer
    assert shop.carrier.reads == ["TRK1001"]
    assert len(shop.carrier.requests) == calls


@pytest.mark.parametrize(
    ("dies", "calls", "reads"),
    [
        pytest.param((1, "before"), 1, 0, id="before the intent is committed"),
        pytest.param((1, "after"), 1, 1, id="before the call"),
        pytest.param((2, "before"), 1, 1, id="before the answer is recorded"),
        pytest.param((2, "after"), 1, 0, id="after the answer is recorded"),
    ],
)
async def test_dead_attempt_is_never_followed_by_a_second_action(
    shop: Shop, dies: tuple[int, Literal["before", "after"]], calls: int, reads: int
) -> None:  # I4, F5
    """Whatever the point, the order system accepts once."""
    shop.database.dies = dies
    with pytest.raises(Died):
        await shop.take_action(_request(shop))
    shop.database.dies = None
    shop.carrier.reading = _RECORDED if shop.carrier.requests else _STILL_FAILED
    assert (await shop.take_action(_request(shop), attempt=2)).answer is Answer.ACCEPTED
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (calls, reads)


async def test_second_action_of_a_case_is_not_asked_for(shop: Shop) -> None:  # I4
    """Once one is accepted."""
    await shop.take_action(_request(shop))
    second = await shop.take_action(_request(shop, Action.CANCEL, number=3))
    assert second.answer is Answer.NOT_WAITING
    assert len(shop.carrier.requests) == 1


async def test_second_worker_on_the_same_action_reads_first(shop: Shop) -> None:  # I4, F7
    """It finds the action begun, and cannot know that the first worker is alive."""
    seen: list[ActionResult] = []

    async def second() -> None:
        shop.carrier.reading = _RECORDED
        seen.append(await shop.take_action(_request(shop), attempt=2))

    shop.carrier.meanwhile.append(second)
    seen.append(await shop.take_action(_request(shop)))
    assert [result.answer for result in seen] == [Answer.ACCEPTED] * 2
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (1, 1)


async def test_nothing_is_asked_for_once_the_case_has_ended(shop: Shop) -> None:  # I4, R6.9
    """Also not by an attempt that comes late."""
    ended = Progress(state="ended", waits_for="nothing", outcome="delivered")
    await shop.change(
        lambda session: cases.end_case(session, "kapaskraft", shop.facts.case_id, ended, ended_at=NOW)
    )
    assert (await shop.take_action(_request(shop))).answer is Answer.NOT_WAITING
    assert shop.carrier.requests == []
