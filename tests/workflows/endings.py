"""How each ending comes about: one short story for each, played in tests and saved as history."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.values import ActionResult, MessageResult
from domain.case_events import Answer, CloseAsked, ShipmentMoved, Superseded
from domain.cases import Outcome, TakenBack
from domain.failures import Action, Mode
from domain.messages import NotSent
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline
from tests.workflows.stage import NO_QUIET_HOURS, Stage
from workflows.values import ActionByHand, ManualAnswer, SendAgainByHand

Story = Callable[[Stage], Awaitable[None]]


def _moved(move: ShipmentMove) -> Story:
    async def story(stage: Stage) -> None:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tell(ShipmentMoved(move), mail_id="inbox:move")

    return story


async def _resolved(stage: Stage) -> None:
    """An address after a nudge, in two messages, shown back, confirmed; the order system is away at first."""
    away = (ActionResult(Answer.UNAVAILABLE, "503"), ActionResult(Answer.UNKNOWN, "no answer"))
    stage.effects.script("carriers.take_action", *away)
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.tap(Action.UPDATE_ADDRESS.value)
    await stage.until("question: ask_address")
    await stage.pass_time(minutes=31)
    await stage.until("nudge: ask_address")
    await stage.write("Flat 12, Rose Villa, MG Road")
    await stage.until("question: confirm_address")
    await stage.write("Landmark: opposite the temple")
    await stage.until("question: confirm_address", "question: confirm_address")
    await stage.tap("address_yes")


async def _superseded(stage: Stage) -> None:
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.tell(Superseded(2), mail_id="inbox:next-attempt")


async def _undeliverable(stage: Stage) -> None:
    stage.effects.event_ids = ("event-1",)
    stage.effects.script("messages.send_template", MessageResult(why=NotSent.RECIPIENT, detail="1002"))
    await stage.start()


async def _handed_over(stage: Stage) -> None:
    """Silence through both reminders to the deadline."""
    await stage.start()


async def _not_my_order(stage: Stage) -> None:
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.tap(Action.NOT_MY_ORDER.value)


async def _no_answer(stage: Stage) -> None:
    await stage.start(replace(NO_QUIET_HOURS, at_deadline=AtDeadline.NOTHING))


async def _closed(stage: Stage) -> None:
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.act(CloseAsked(Mode.OPS, "ops@example.com", "a duplicate"), mail_id="act:1")


async def _words(stage: Stage) -> None:
    """Another language, an action in words, a yes: what rules 1 could not follow."""
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.write("hindi")
    await stage.until("question: अब से हम आपको हिन्दी में लिखेंगे। आपके KapasKraft ऑर्डर ORD123456 का क्या करें?")
    await stage.write("phir se bhej do")
    await stage.until("question: आपका KapasKraft ऑर्डर ORD123456 अगले कार्य दिवस पर फिर से भेजें?")
    await stage.write("haan")


async def _refused(stage: Stage) -> None:
    """The order system's no, and the events that tell of it and of the end."""
    stage.effects.event_ids = ("event-1",)
    refused = ActionResult(Answer.REFUSED, "not on this route", event_ids=("event-2",))
    stage.effects.script("carriers.take_action", refused)
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.tap(Action.REATTEMPT.value)
    await stage.until("question: refused")
    await stage.tap("confirm_cancel")


async def _taken_back(stage: Stage) -> None:
    """The next visit of an attempt whose action was accepted and not done."""
    now = await stage.now()
    taken_back = TakenBack(Action.REATTEMPT, None, "route closed")
    await stage.start(taken_back=taken_back, withdrawn=(Action.REATTEMPT,), heard_at=now, visit=2)
    await stage.until("question: refused_later")
    await stage.tap("confirm_cancel")


async def _by_hand(stage: Stage) -> None:
    """Ops do everything from Temporal UI."""
    await stage.start()
    await stage.until("template failed_delivery")
    await stage.case.execute_update("send_again", SendAgainByHand("asha"), result_type=ManualAnswer)
    await stage.case.execute_update(
        "take_action", ActionByHand("reattempt", "asha"), id="u1", result_type=ManualAnswer
    )


SHAPES: dict[str, Story] = {
    "resolved--words": _words,
    "resolved--refused-first": _refused,
    "resolved--taken-back": _taken_back,
    "resolved--by-hand": _by_hand,
}
"""Further ways through a case, whose histories are kept beside those of the endings."""

STORIES: dict[Outcome, Story] = {
    Outcome.RESOLVED: _resolved,
    Outcome.RESOLVED_ELSEWHERE: _moved(ShipmentMove.RESOLUTION_SUBMITTED),
    Outcome.DELIVERED: _moved(ShipmentMove.DELIVERED),
    Outcome.RTO: _moved(ShipmentMove.RTO),
    Outcome.CANCELLED: _moved(ShipmentMove.CANCELLED),
    Outcome.LOST: _moved(ShipmentMove.LOST),
    Outcome.MOVED_ON: _moved(ShipmentMove.OUT_FOR_DELIVERY),
    Outcome.SUPERSEDED: _superseded,
    Outcome.UNDELIVERABLE: _undeliverable,
    Outcome.HANDED_OVER: _handed_over,
    Outcome.NOT_MY_ORDER: _not_my_order,
    Outcome.NO_ANSWER: _no_answer,
    Outcome.CLOSED: _closed,
}
