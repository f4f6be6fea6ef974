"""How each ending comes about: one short story for each, played in tests and saved as history."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.values import ActionResult, MessageResult
from domain.case_events import Answer, CloseAsked, ShipmentMoved, Superseded
from domain.cases import Outcome
from domain.failures import Action, Mode
from domain.messages import NotSent
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline
from tests.workflows.stage import NO_QUIET_HOURS, Stage

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
