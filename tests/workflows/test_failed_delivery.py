"""One case as a run: what reaches it when, and what it makes of it; the effects are played by hand."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import Worker

from activities.values import ActionResult, EndCaseTask, MessageResult, SendTemplateTask
from domain.case_events import (
    ActionTaken,
    Answer,
    CloseAsked,
    CustomerOptedOut,
    Event,
    MessageNotSent,
    ResendAsked,
    ShipmentMoved,
    Superseded,
)
from domain.cases import Outcome
from domain.failures import Action, Mode, Reason
from domain.messages import NotSent
from domain.replies import AddressDraft, ReplyKind
from domain.shipments import ShipmentMove
from tests.workflows.endings import SHAPES, STORIES
from tests.workflows.stage import NO_QUIET_HOURS, WORKFLOWS, Stage, on_stage
from workflows import options
from workflows.client import ActRefused, CaseNotRunning
from workflows.values import ActionByHand, ManualAnswer, SendAgainByHand

pytestmark = pytest.mark.temporal

_BUSY = ActionResult(Answer.UNAVAILABLE, "503")
_LOST = ActionResult(Answer.UNKNOWN, "no answer")
_REATTEMPT = ActionTaken(Action.REATTEMPT, Mode.SELLER_PORTAL, "seller@example.com")


# ---- endings


@pytest.mark.parametrize("outcome", Outcome)
async def test_every_ending_is_reached_and_recorded_once(outcome: Outcome) -> None:
    """A run returns its outcome after recording it; whatever ended it, it is a completed run (R6.9, R6.10, R6.11)."""
    async with on_stage() as stage:
        await STORIES[outcome](stage)
        assert await stage.outcome() == outcome.value
        assert [line for line in stage.effects.lines if line.startswith("end")] == [f"end {outcome.value}"]
        assert stage.effects.last_progress.outcome == outcome.value
        assert (await stage.case.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_silence_is_reminded_of_twice_and_ends_at_the_deadline() -> None:  # R6.7
    """Reminders go out 4 h and 12 h after the first message; then the workspace's policy applies."""
    async with on_stage() as stage:
        await stage.start()
        await stage.pass_time(hours=3, minutes=59)
        assert stage.effects.lines == ["template failed_delivery"]
        await stage.pass_time(minutes=2)
        assert stage.effects.lines == ["template failed_delivery", "template reminder"]
        await stage.pass_time(hours=7, minutes=57)
        assert len(stage.effects.lines) == 2
        await stage.pass_time(minutes=3)
        assert len(stage.effects.lines) == 3
        assert await stage.outcome() == "handed_over"
        assert stage.effects.lines[2:] == ["template reminder", "end handed_over"]
        late = _ended_at(stage) - (stage.facts.failure.failed_at + timedelta(hours=24))
        assert timedelta() <= late < timedelta(minutes=1)  # I17


async def test_a_run_without_memory_does_the_same() -> None:  # I16
    """With no cache each task replays the run from its first event."""
    async with on_stage(cached=0) as stage:
        await STORIES[Outcome.RESOLVED](stage)
        assert await stage.outcome() == "resolved"


async def test_nobody_came_is_nobodys_question() -> None:  # R6.12
    """A failure that was no attempt asks the carrier again and the customer nothing."""
    async with on_stage() as stage:
        await stage.start(reason=Reason.NOT_ATTEMPTED)
        assert await stage.outcome() == "resolved"
        assert stage.effects.lines == ["take reattempt", "end resolved"]
        assert stage.effects.requests[0].mode is Mode.AUTOMATIC


async def test_opt_out_ends_the_case_as_undeliverable() -> None:  # R5.5
    """Who wants no more messages cannot be asked."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tell(CustomerOptedOut(), mail_id="inbox:stop")
        assert await stage.outcome() == "undeliverable"


async def test_account_that_is_uninstalled_ends_the_case_at_once() -> None:  # R3.3
    """Nothing was sent that could fail: intake's mail alone ends it."""
    gone = MessageNotSent("", NotSent.ACCOUNT_REMOVED, is_template=False)
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tell(gone, mail_id="account-removed:1")
        assert await stage.outcome() == "undeliverable"
        assert stage.effects.lines == ["template failed_delivery", "end undeliverable"]


# ---- replies and when they come


async def test_reply_before_the_first_message_is_out() -> None:
    """A customer may answer an older message while the first one of this case is still being sent."""
    async with on_stage() as stage:

        async def tap() -> None:
            await stage.tap("reattempt")

        stage.effects.during("messages.send_template", tap)
        await stage.start()
        assert await stage.outcome() == "resolved"
        assert stage.effects.lines == [
            "template failed_delivery",
            "take reattempt",
            "answer: accepted_reattempt",
            "end resolved",
        ]


async def test_reply_that_is_there_before_the_run_begins() -> None:
    """A signal may be in the very first task, before `run` has begun."""
    async with on_stage(with_worker=False) as stage:
        await stage.start()
        await stage.tap("reattempt")
        async with stage.worker(cached=0):
            assert await stage.outcome() == "resolved"


async def test_second_of_two_taps_in_one_instant_is_answered_already_recorded() -> None:  # R6.6, I4, F50
    """Both are in one task; one is executed."""
    async with on_stage(with_worker=False) as stage:
        await stage.start()
        await stage.tap("reattempt")
        await stage.tap("confirm_cancel")
        async with stage.worker(cached=0):
            assert await stage.outcome() == "resolved"
        assert [request.action for request in stage.effects.requests] == [Action.REATTEMPT]
        assert stage.effects.lines[-2:] == ["end resolved", "answer: already"]
        assert stage.effects.notes == ["contradiction"]


async def test_tap_while_an_action_is_asked_for_asks_for_no_second_one() -> None:  # I4
    """The first tap's action is on its way; the second is told so."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", _BUSY)
        stage.effects.during("carriers.take_action", lambda: stage.tap("confirm_cancel"))
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"
        assert {request.action for request in stage.effects.requests} == {Action.REATTEMPT}
        assert "answer: already_asked" in stage.effects.lines


async def test_same_mail_twice_is_one_fact() -> None:  # I2
    """Signals arrive at least once; the id makes them one."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        event = await stage.reply(ReplyKind.CHOICE, choice="cancel")
        await asyncio.gather(*(stage.tell(event, mail_id="inbox:7") for _ in range(5)))
        await stage.until("question: confirm_cancel")
        await stage.tell(event, mail_id="inbox:7")
        await stage.tap("keep")
        await stage.until("question: kept")
        assert stage.effects.lines.count("question: confirm_cancel") == 1


async def test_reply_during_the_last_effect_is_still_answered() -> None:  # R6.6
    """Nobody is left without an answer because the case was just ending."""
    async with on_stage() as stage:
        stage.effects.during("cases.end", lambda: stage.tap("cancel"))
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"
        assert stage.effects.lines[-2:] == ["end resolved", "answer: already"]
        assert stage.effects.notes == ["contradiction"]


async def test_reply_after_the_end_finds_no_run() -> None:  # F41
    """The door says so; what becomes of the answer is a run of its own."""
    async with on_stage() as stage:
        await STORIES[Outcome.DELIVERED](stage)
        await stage.outcome()
        with pytest.raises(CaseNotRunning):
            await stage.tap("reattempt")


async def test_undecodable_signal_changes_nothing() -> None:
    """It is dropped with a line in the log; the case goes on."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.case.signal("deliver", {"id": 7, "event": "nonsense"})
        await stage.case.signal("deliver", {"id": "inbox:8", "event": {"kind": "from_the_future"}})
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"


async def test_half_finished_step_is_nudged_once() -> None:  # R6.7
    """Half an hour of silence after a question; at the deadline it counts as silence."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reschedule")
        await stage.until("question: choose_day")
        await stage.pass_time(minutes=29)
        assert "nudge: nudge" not in stage.effects.lines
        await stage.pass_time(minutes=2)
        assert stage.effects.lines[-1] == "nudge: nudge"
        assert await stage.outcome() == "handed_over"
        assert stage.effects.lines.count("nudge: nudge") == 1
        assert stage.effects.requests == []


# ---- quiet hours


async def test_first_message_waits_for_the_end_of_quiet_hours() -> None:  # R6.8
    """It is noted as held, and goes out within a quarter of an hour after their end."""
    async with on_stage() as stage:
        await stage.start(await stage.quiet_now(hours=2))
        await stage.pass_time(hours=1, minutes=58)
        assert stage.effects.lines == ["note held"]
        assert (await stage.progress()).state == "held"
        await stage.pass_time(minutes=18)
        assert stage.effects.lines == ["note held", "template failed_delivery"]


async def test_reply_in_quiet_hours_is_answered_at_once() -> None:  # R6.8
    """Who just wrote is awake."""
    async with on_stage() as stage:
        await stage.start(await stage.quiet_now(hours=2))
        await stage.until("note held")
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"
        assert "template failed_delivery" not in stage.effects.lines


# ---- a worker that was away


async def test_reply_wins_over_a_deadline_that_passed_without_a_worker() -> None:  # R6.7
    """Both are in one task then; the customer did answer."""
    async with on_stage(with_worker=False) as stage:
        passing = await _deadline_without_a_worker(stage)
        await stage.tap("reattempt")
        async with stage.worker(cached=0):
            await passing
            assert await stage.outcome() == "resolved"


async def test_deadline_that_passed_without_a_worker_is_kept_afterwards() -> None:  # I9
    """The case ends as soon as somebody can end it."""
    async with on_stage(with_worker=False) as stage:
        passing = await _deadline_without_a_worker(stage)
        async with stage.worker(cached=0):
            await passing
            assert await stage.outcome() == "handed_over"
        assert stage.effects.lines == ["template failed_delivery", "end handed_over"]


async def _deadline_without_a_worker(stage: Stage) -> asyncio.Task[None]:
    """Let the deadline pass while no worker runs; time goes on when there is one again."""
    async with stage.worker(cached=0):
        # Time stands still at the first timer that nobody takes: here that is the deadline.
        await stage.start(replace(NO_QUIET_HOURS, reminders_after=()))
        await stage.until("template failed_delivery")
        await stage.has_happened(EventType.EVENT_TYPE_TIMER_STARTED)
    passing = asyncio.create_task(stage.pass_time(hours=25))
    await stage.has_happened(EventType.EVENT_TYPE_TIMER_FIRED)
    return passing


# ---- the order system and Gupshup in trouble


async def test_order_system_away_is_asked_again_with_back_off() -> None:  # R6.5, F53
    """The same request again and again, the customer told once that it is in hand, and done only when it is."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", _BUSY, _LOST, _BUSY, _BUSY)
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"
        assert len({request.id for request in stage.effects.requests}) == 1
        assert len(stage.effects.requests) == 5
        assert [line for line in stage.effects.lines if line.startswith("answer")] == [
            "answer: in_hand",
            "answer: accepted_reattempt",
        ]


async def test_other_mail_is_taken_while_the_order_system_is_away() -> None:  # F53
    """The parcel may be delivered meanwhile."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", *[_BUSY] * 50)
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        await stage.until("take reattempt", "take reattempt")
        await stage.tell(ShipmentMoved(ShipmentMove.DELIVERED), mail_id="inbox:move")
        assert await stage.outcome() == "delivered"


async def test_action_that_is_never_confirmed_is_handed_over_at_the_deadline() -> None:  # I9, I14
    """Nobody is told that it is done."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", *[_LOST] * 500)
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        assert await stage.outcome() == "handed_over"
        assert "answer: accepted_reattempt" not in stage.effects.lines
        assert len(stage.effects.requests) < 120  # quarter-hourly for a day, and the first quick ones
        assert len((await stage.case.fetch_history()).events) < 2000


async def test_refusal_is_told_and_the_rest_is_offered() -> None:  # R6.5, F54
    """The customer chooses something else."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", ActionResult(Answer.REFUSED, "not possible"))
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        await stage.until("question: refused")
        await stage.tap("confirm_cancel")
        assert await stage.outcome() == "resolved"
        assert stage.effects.lines[-2:] == ["answer: accepted_cancel", "end resolved"]


async def test_throttled_first_message_is_tried_again_while_mail_is_taken() -> None:  # F25
    """After five minutes of refusals the case is awake again, and tries later."""
    throttled = ApplicationError(
        "Gupshup did not take it: 429", type="Throttled", category=ApplicationErrorCategory.BENIGN
    )
    async with on_stage() as stage:
        stage.effects.script("messages.send_template", *[throttled] * 30)
        await stage.start()
        await stage.pass_time(hours=1)
        assert (await stage.progress()).state == "waiting"
        assert not stage.effects.answers["messages.send_template"]
        tries = [call.task for call in stage.effects.calls]
        assert len({task.command.id for task in tries if isinstance(task, SendTemplateTask)}) > 1
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"


async def test_message_of_unknown_fate_is_not_sent_again() -> None:  # I5
    """The next reminder is its second try."""
    async with on_stage() as stage:
        stage.effects.script("messages.send_template", MessageResult(is_unknown=True))
        await stage.start()
        await stage.pass_time(hours=3)
        assert stage.effects.lines == ["template failed_delivery", "note message_unknown"]
        await stage.pass_time(hours=2)
        assert stage.effects.lines[-1] == "template reminder"


async def test_failure_told_later_ends_the_case_as_undeliverable() -> None:  # R6.10, F31
    """Gupshup accepts first and says afterwards that the number is not on WhatsApp."""
    async with on_stage() as stage:
        stage.effects.event_ids = ("event-1",)
        await stage.start()
        await stage.until("template failed_delivery")
        failed = MessageNotSent(f"{stage.facts.case_id}/1", NotSent.RECIPIENT, "1002")
        await stage.tell(failed, mail_id="inbox:failed")
        assert await stage.outcome() == "undeliverable"
        await stage.until("end undeliverable", "deliver event-1")  # R8.3


async def test_event_that_the_sweep_started_first_does_not_disturb_the_end() -> None:
    """Its run is found running already."""
    async with on_stage() as stage:
        delivering = asyncio.Event()
        stage.effects.during("outgoing_events.deliver", delivering.wait)
        await stage.workflows.deliver_event("kapaskraft", "event-1")
        await stage.until("deliver event-1")
        await STORIES[Outcome.UNDELIVERABLE](stage)
        assert await stage.outcome() == "undeliverable"
        delivering.set()
        await stage.env.client.get_workflow_handle("event:event-1").result()
        assert stage.effects.lines.count("deliver event-1") == 1


# ---- acts by hand


async def test_act_by_hand_gets_its_answer_and_the_same_answer_again() -> None:  # R6.11, I13
    """One update, one effect, however often it is asked."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        answer = await stage.act(_REATTEMPT, mail_id="act:1")
        assert (answer.state, answer.outcome, answer.is_done) == ("ended", "resolved", True)
        assert await stage.outcome() == "resolved"
        assert len(stage.effects.requests) == 1
        assert stage.effects.requests[0].person == "seller@example.com"


async def test_act_by_hand_repeated_while_open_is_done_once() -> None:  # I13
    """The id of the act is the id of the update."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        first = await stage.act(ResendAsked(Mode.OPS, "ops@example.com"), mail_id="act:1")
        assert await stage.act(ResendAsked(Mode.OPS, "ops@example.com"), mail_id="act:1") == first
        assert stage.effects.lines.count("template sent_again") == 1


async def test_act_by_hand_that_the_order_system_does_not_answer_says_so() -> None:  # I14
    """The answer is where it stands, not "done"."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", _BUSY)
        await stage.start()
        await stage.until("template failed_delivery")
        answer = await stage.act(_REATTEMPT, mail_id="act:1")
        assert (answer.state, answer.is_done) == ("acting", False)
        assert await stage.outcome() == "resolved"


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_ends_as_it_says(shape: str) -> None:  # R6.5, R6.11, R6.13
    """Further ways through a case, saved as histories too."""
    async with on_stage() as stage:
        await SHAPES[shape](stage)
        assert await stage.outcome() == shape.partition("--")[0]


async def test_ops_do_everything_from_temporal_ui() -> None:  # R6.11
    """Plain texts are enough; mode and person are on record, and the same update is one act."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        again = await stage.case.execute_update(
            "send_again", SendAgainByHand("asha"), id="u1", result_type=ManualAnswer
        )
        assert again.is_done
        ask = ActionByHand(
            action="update_address", person="asha", address="Flat 4B, Lake View", pincode="560001"
        )
        answer = await stage.case.execute_update("take_action", ask, id="u2", result_type=ManualAnswer)
        assert (answer.is_done, answer.outcome) == (True, "resolved")
        assert await stage.outcome() == "resolved"
        assert stage.effects.lines.count("template sent_again") == 1
        request = stage.effects.requests[0]
        assert (request.mode, request.person, request.address.text) == (
            Mode.OPS,
            "asha",
            "Flat 4B, Lake View",
        )


async def test_close_from_temporal_ui_needs_no_more_than_a_word() -> None:  # R6.11
    """Even the person may be left out: then it says where it came from."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        answer = await stage.case.execute_update(
            "close", {"note": "talked on the phone"}, result_type=ManualAnswer
        )
        assert answer.outcome == "closed"
        assert answer.note == "talked on the phone"
        assert await stage.outcome() == "closed"


@pytest.mark.parametrize(
    ("ask", "type_", "words"),
    [
        ({"action": "teleport"}, "Unreadable", "one of: reattempt, reschedule, update_address"),
        ({"action": "reschedule", "on": "tomorrow"}, "Unreadable", "write it as 2026-12-01"),
        ({"action": "reschedule"}, "DayNotPossible", "possible: 20"),
        ({"action": "update_address", "address": "4B"}, "AddressIncomplete", "house, street and area"),
        ({"action": "update_address", "address": "4B", "pincode": "56000"}, "Unreadable", "six digits"),
        (
            {"action": "update_address", "address": "Flat 4B, Lake View", "pincode": "110001"},
            "OtherPincode",
            "possible: 560001",
        ),
        ({}, "Unreadable", "no action"),
    ],
)
async def test_what_ops_write_wrong_is_refused_in_words(ask: dict[str, str], type_: str, words: str) -> None:
    """R6.11: what was wrong and what would be right; nothing of it enters the history."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        with pytest.raises(WorkflowUpdateFailedError) as raised:
            await stage.case.execute_update("take_action", ask, result_type=ManualAnswer)
        cause = raised.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == type_
        assert words in cause.message
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"


@pytest.mark.parametrize(
    ("event", "type_"),
    [
        (ActionTaken(Action.RESCHEDULE, Mode.API), "DayNotPossible"),
        (
            ActionTaken(Action.UPDATE_ADDRESS, Mode.API, address=AddressDraft("short")),
            "AddressIncomplete",
        ),
        (Superseded(2), "NotByHand"),
    ],
    ids=["no day", "no address", "no act"],
)
async def test_act_by_hand_is_refused_before_it_enters_the_history(event: Event, type_: str) -> None:
    """The caller learns why; the case is as before."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        with pytest.raises(ActRefused) as refused:
            await stage.act(event, mail_id="act:1")
        assert refused.value.type == type_
        await stage.tap("reattempt")
        assert await stage.outcome() == "resolved"
        kinds = [event.event_type for event in (await stage.case.fetch_history()).events]
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED not in kinds


async def test_act_by_hand_that_is_not_possible_names_what_is() -> None:  # R6.2
    """Also while an action is under way, when nothing is."""
    async with on_stage() as stage:
        stage.effects.script("carriers.take_action", *[_BUSY] * 50)
        await stage.start(attempt=3)
        await stage.until("template failed_delivery")
        with pytest.raises(ActRefused, match="possible: cancel, not_my_order") as refused:
            await stage.act(_REATTEMPT, mail_id="act:1")
        assert refused.value.type == "ActionNotPossible"
        await stage.tap("confirm_cancel")
        await stage.until("take cancel")
        with pytest.raises(ActRefused, match="possible: none"):
            await stage.act(ActionTaken(Action.CANCEL, Mode.API), mail_id="act:2")
        await stage.act(CloseAsked(Mode.API), mail_id="act:3")
        assert await stage.outcome() == "closed"


async def test_act_by_hand_while_the_case_is_ending_is_refused() -> None:
    """The end is decided, its recording under way."""
    async with on_stage() as stage:
        refusals: list[str] = []

        async def act() -> None:
            with pytest.raises(ActRefused) as refused:
                await stage.act(_REATTEMPT, mail_id="act:late")
            refusals.append(refused.value.type)

        stage.effects.during("cases.end", act)
        await STORIES[Outcome.DELIVERED](stage)
        assert await stage.outcome() == "delivered"
        assert refusals == ["CaseEnded"]


async def test_act_by_hand_after_the_end_finds_no_run() -> None:
    """The door says so, whatever was asked before."""
    async with on_stage() as stage:
        await STORIES[Outcome.DELIVERED](stage)
        await stage.outcome()
        with pytest.raises(CaseNotRunning):
            await stage.act(_REATTEMPT, mail_id="act:1")


# ---- Temporal UI's Cancel button


async def test_cancel_button_closes_a_waiting_case() -> None:  # R6.11
    """It ends as a case ends, with its end recorded."""
    async with on_stage() as stage:
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.case.cancel()
        assert await stage.outcome() == "closed"
        assert stage.effects.lines == ["template failed_delivery", "end closed"]
        assert _end(stage).command.mode is Mode.OPS


@pytest.mark.parametrize("cached", [100, 0])
async def test_cancel_button_waits_for_the_effect_under_way(cached: int) -> None:
    """What was begun is finished first, also when the run leaves the cache meanwhile, which cancels its tasks too."""
    async with on_stage(cached=cached) as stage:

        async def press() -> None:
            await stage.case.cancel()
            await stage.has_happened(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)

        stage.effects.script("carriers.take_action", _BUSY)
        stage.effects.during("carriers.take_action", press)
        await stage.start()
        await stage.until("template failed_delivery")
        await stage.tap("reattempt")
        assert await stage.outcome() == "closed"
        assert stage.effects.lines[-1] == "end closed"


async def test_cancel_button_that_meets_the_result_of_an_effect_loses_nothing() -> None:
    """Both are in one task when no worker ran meanwhile."""
    async with on_stage(with_worker=False) as stage:
        done = asyncio.Event()
        stage.effects.during("messages.send_template", done.wait)
        effects = Worker(stage.env.client, task_queue=options.TASK_QUEUE, activities=stage.effects.all())
        async with effects:
            async with _decider(stage):
                await stage.start()
                await stage.until("template failed_delivery")
            done.set()
            await stage.has_happened(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            await stage.case.cancel()
            async with _decider(stage):
                assert await stage.outcome() == "closed"
        assert stage.effects.lines == ["template failed_delivery", "end closed"]


def _decider(stage: Stage) -> Worker:
    """Return a worker that only decides, so that effects can go on without it."""
    return Worker(
        stage.env.client, task_queue=options.TASK_QUEUE, workflows=WORKFLOWS, max_cached_workflows=0
    )


def _end(stage: Stage) -> EndCaseTask:
    (task,) = [call.task for call in stage.effects.calls if isinstance(call.task, EndCaseTask)]
    return task


def _ended_at(stage: Stage) -> datetime:
    ended_at = _end(stage).command.ended_at
    assert ended_at is not None
    return ended_at
