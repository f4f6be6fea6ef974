"""Actions: the order system is asked once, and read before it is asked again."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

import pytest
from sqlalchemy import delete
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.values import ActionResult, TakeActionTask
from clients.carriers.base import CarrierAnswer, FailedAttempt, ShipmentReading
from db import actions, cases
from db.tables import order_accounts
from domain.case_events import ActionRequest, Answer
from domain.case_state import Progress
from domain.failures import Action, Mode
from tests.activities.conftest import Died, Shop
from tests.factories import NOW, PHONE

_LEASE = timedelta(seconds=35)
_STILL_FAILED = ShipmentReading("failed_delivery", is_failed_delivery=True, resolution_recorded=False)
_RECORDED = ShipmentReading("failed_delivery", is_failed_delivery=True, resolution_recorded=True)
_LATER = NOW + timedelta(days=1)
_FAILED_AGAIN = replace(
    _STILL_FAILED, attempts=(FailedAttempt(NOW, is_resolved=False), FailedAttempt(_LATER, is_resolved=False))
)
_RESOLVED_THEN_FAILED_AGAIN = replace(
    _STILL_FAILED, attempts=(FailedAttempt(NOW, is_resolved=True), FailedAttempt(_LATER, is_resolved=False))
)
_FAILED_AGAIN_AND_RESOLVED = replace(
    _RECORDED, attempts=(FailedAttempt(NOW, is_resolved=False), FailedAttempt(_LATER, is_resolved=True))
)
_TOLD_TWICE = replace(
    _RECORDED,
    attempts=(
        FailedAttempt(NOW, is_resolved=False),
        FailedAttempt(NOW + timedelta(minutes=3), is_resolved=True),
    ),
)
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
        pytest.param(_FAILED_AGAIN, Answer.NOT_WAITING, 1, id="a later attempt failed"),
        pytest.param(_FAILED_AGAIN_AND_RESOLVED, Answer.NOT_WAITING, 1, id="that attempt's own action"),
        pytest.param(_RESOLVED_THEN_FAILED_AGAIN, Answer.ACCEPTED, 1, id="done, and failed again"),
        pytest.param(_TOLD_TWICE, Answer.ACCEPTED, 1, id="one failure told twice"),
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
    shop.now += _LEASE
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
    shop.now += _LEASE
    assert (await shop.take_action(_request(shop), attempt=2)).answer is Answer.ACCEPTED
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (calls, reads)


async def test_second_action_of_a_case_is_not_asked_for(shop: Shop) -> None:  # I4
    """Once one is accepted."""
    await shop.take_action(_request(shop))
    second = await shop.take_action(_request(shop, Action.CANCEL, number=3))
    assert second.answer is Answer.NOT_WAITING
    assert len(shop.carrier.requests) == 1


async def test_second_worker_waits_while_the_first_may_be_asking(shop: Shop) -> None:  # I4, F7
    """In flight and not yet recorded, the parcel reads as if nobody had asked."""
    shop.carrier.reading = _STILL_FAILED

    async def second() -> None:
        shop.now += timedelta(seconds=9)
        with pytest.raises(ApplicationError) as busy:
            await shop.take_action(_request(shop), attempt=2)
        assert (busy.value.type, busy.value.next_retry_delay) == ("Busy", timedelta(seconds=26))
        assert (busy.value.category, busy.value.non_retryable) == (ApplicationErrorCategory.BENIGN, False)

    shop.carrier.meanwhile.append(second)
    assert (await shop.take_action(_request(shop))).answer is Answer.ACCEPTED
    assert (await shop.take_action(_request(shop), attempt=3)).answer is Answer.ACCEPTED
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (1, 0)


async def test_call_is_cut_while_the_lease_is_sure_to_last(shop: Shop) -> None:  # I4, F55
    """Then nobody knows, and the parcel is read before it is asked again."""
    shop.carriers._longest_call = timedelta(seconds=0.05)
    shop.carrier.meanwhile.append(lambda: asyncio.sleep(5))
    assert await shop.take_action(_request(shop)) == ActionResult(Answer.UNKNOWN, "no answer in time")
    shop.carrier.reading = _RECORDED
    assert (await shop.take_action(_request(shop))).answer is Answer.ACCEPTED
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (1, 1)


@pytest.mark.parametrize("is_taken_over", [True, False])
async def test_thawed_worker_asks_only_if_the_lease_is_still_its_own(
    shop: Shop, *, is_taken_over: bool
) -> None:  # I4, F7
    """It froze between the intent and the request, for longer than the lease."""
    begin = shop.carriers._begin

    async def begin_and_freeze(task: TakeActionTask) -> object:
        begun = await begin(task)
        shop.carriers._begin = begin  # type: ignore[method-assign]
        shop.now += timedelta(minutes=5)
        if is_taken_over:
            assert (await shop.take_action(_request(shop), attempt=2)).answer is Answer.ACCEPTED
        return begun

    shop.carriers._begin = begin_and_freeze  # type: ignore[method-assign, assignment]
    if is_taken_over:
        with pytest.raises(ApplicationError, match="may still be asking"):
            await shop.take_action(_request(shop))
    else:
        assert (await shop.take_action(_request(shop))).answer is Answer.ACCEPTED
    assert (len(shop.carrier.requests), len(shop.carrier.reads)) == (1, int(is_taken_over))


async def test_answer_that_another_attempt_got_is_the_answer(shop: Shop) -> None:  # I4
    """A refusal of the late one does not hide that the order system has accepted."""
    request = _request(shop)

    async def accepted_meanwhile() -> None:
        await shop.change(
            lambda session: actions.record_answer(
                session, request.id, tries=1, answer=Answer.ACCEPTED, detail="first", now=shop.now
            )
        )

    shop.carrier.meanwhile.append(accepted_meanwhile)
    shop.carrier.answers.append(CarrierAnswer(Answer.NOT_WAITING, "already submitted", 400))
    assert await shop.take_action(request) == ActionResult(Answer.ACCEPTED, "first")


async def test_seller_without_an_order_system_is_told_no(shop: Shop) -> None:
    """It is an answer for good, not an error to be tried for ever."""
    await shop.change(lambda session: session.execute(delete(order_accounts)))
    refused = ActionResult(Answer.REFUSED, "no order system is connected")
    assert await shop.take_action(_request(shop)) == refused
    assert await shop.take_action(_request(shop), attempt=2) == refused
    assert shop.carrier.requests == []
    assert await shop.topics() == ["reattempt_asked", "reattempt_refused"]


async def test_nothing_is_asked_for_once_the_case_has_ended(shop: Shop) -> None:  # I4, R6.9
    """Also not by an attempt that comes late."""
    ended = Progress(state="ended", waits_for="nothing", outcome="delivered")
    await shop.change(
        lambda session: cases.end_case(session, "kapaskraft", shop.facts.case_id, ended, ended_at=NOW)
    )
    assert (await shop.take_action(_request(shop))).answer is Answer.NOT_WAITING
    assert shop.carrier.requests == []


# ---- what the seller hears of it


@pytest.mark.parametrize("answer", [Answer.REFUSED, Answer.REFUSED_DATE])
async def test_seller_hears_of_a_refusal_once(shop: Shop, answer: Answer) -> None:  # R8.3, I15
    """With what was asked for and the order system's words, and without a phone in them."""
    await shop.want_events()
    request = ActionRequest(shop.command_id(2), Action.RESCHEDULE, Mode.OPS, "asha", on=date(2026, 11, 23))
    shop.carrier.answers.append(CarrierAnswer(answer, f"{PHONE} is unreachable", 400))
    first = await shop.take_action(request)
    assert first == await shop.take_action(request, attempt=2)
    (event,) = await shop.events_told()
    assert first == ActionResult(answer, "… is unreachable", (event.id,))
    assert event.type == "case.action_refused"
    assert event.data == {
        "case_id": shop.facts.case_id,
        "order_id": "KK1001",
        "shipment_id": "SHIP1001",
        "tracking_id": "TRK1001",
        "attempt": 1,
        "action": "reschedule",
        "date": "2026-11-23",
        "answer": answer.value,
        "reason": "… is unreachable",
        "mode": "ops",
    }


@pytest.mark.parametrize("dies", [(2, "before"), (2, "after")])
async def test_refusal_is_told_once_whenever_the_process_dies(
    shop: Shop, dies: tuple[int, Literal["before", "after"]]
) -> None:  # I15, F5
    """In the transaction that records it: both or neither."""
    await shop.want_events()
    shop.carrier.answers.extend([CarrierAnswer(Answer.REFUSED, "attempts used up", 400)] * 2)
    shop.database.dies = dies
    with pytest.raises(Died):
        await shop.take_action(_request(shop))
    assert len(await shop.events_told()) == (1 if dies[1] == "after" else 0)
    shop.database.dies = None
    shop.now += _LEASE
    result = await shop.take_action(_request(shop), attempt=2)
    (event,) = await shop.events_told()
    assert result == ActionResult(Answer.REFUSED, "attempts used up", (event.id,))


@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.NOT_WAITING, Answer.UNAVAILABLE, Answer.UNKNOWN])
async def test_seller_hears_of_refusals_only(shop: Shop, answer: Answer) -> None:  # R8.3
    """The case's end tells the rest, and what is not known yet is told to nobody."""
    await shop.want_events()
    shop.carrier.answers.append(CarrierAnswer(answer, "said"))
    assert (await shop.take_action(_request(shop))).event_ids == ()
    assert await shop.events_told() == ()


async def test_seller_without_an_order_system_hears_of_it(shop: Shop) -> None:  # R8.3
    """It is the seller's to mend."""
    await shop.want_events()
    await shop.change(lambda session: session.execute(delete(order_accounts)))
    result = await shop.take_action(_request(shop))
    (event,) = await shop.events_told()
    assert result.event_ids == (event.id,)
    assert event.data["reason"] == "no order system is connected"
