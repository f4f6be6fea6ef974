"""An answer after the end of its case: a run of its own, once."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.case_events import ActionRequest
from domain.case_state import ended_case
from domain.cases import Outcome
from domain.failures import Action, Mode
from domain.replies import ReplyKind
from tests.domain.given import some_facts
from tests.workflows.stage import NO_QUIET_HOURS, Stage, on_stage
from workflows.values import LateReply

pytestmark = pytest.mark.temporal

_REATTEMPT = ActionRequest("c1/2", Action.REATTEMPT, Mode.WHATSAPP)


async def _answer_late(
    stage: Stage, kind: ReplyKind, *, outcome: Outcome, accepted: ActionRequest | None = None, **reply: str
) -> None:
    """Hand in an answer twice, as intake may, and wait until it is answered."""
    case = ended_case(some_facts(), NO_QUIET_HOURS, outcome, accepted)
    late = LateReply(case, NO_QUIET_HOURS, await stage.reply(kind, **reply))
    await stage.workflows.answer_late("wamid.1", late)
    await stage.workflows.answer_late("wamid.1", late)
    run = stage.env.client.get_workflow_handle("late:c1:wamid.1")
    await run.result()
    stage.runs.append(run)
    await stage.workflows.answer_late("wamid.1", late)
    assert (await run.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_tap_after_a_resolved_case_is_answered_already_recorded() -> None:  # R6.6
    """However often intake hands it in, there is one answer."""
    async with on_stage() as stage:
        await _answer_late(
            stage, ReplyKind.CHOICE, outcome=Outcome.RESOLVED, accepted=_REATTEMPT, choice="reattempt"
        )
        assert stage.effects.lines == ["answer: already"]


async def test_tap_that_contradicts_is_put_before_the_seller_too() -> None:  # R6.6
    """The note is recorded even if the answer cannot be sent."""
    async with on_stage() as stage:
        await _answer_late(
            stage, ReplyKind.CHOICE, outcome=Outcome.RESOLVED, accepted=_REATTEMPT, choice="confirm_cancel"
        )
        assert stage.effects.lines == ["note contradiction", "answer: already"]


async def test_tap_after_the_parcel_moved_on_is_no_longer_waited_for() -> None:  # R6.9, F41
    """The customer is told so."""
    async with on_stage() as stage:
        await _answer_late(stage, ReplyKind.CHOICE, outcome=Outcome.DELIVERED, choice="reattempt")
        assert stage.effects.lines == ["answer: no_longer_waiting"]


async def test_reaction_after_the_end_is_not_answered() -> None:  # R7.1
    """It opens no window and asks nothing."""
    async with on_stage() as stage:
        await _answer_late(stage, ReplyKind.REACTION, outcome=Outcome.RESOLVED, accepted=_REATTEMPT)
        assert stage.effects.lines == []
