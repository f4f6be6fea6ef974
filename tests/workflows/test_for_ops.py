"""What ops see of a run in Temporal UI, and by what they find it; the full server knows both (R6.11)."""

import asyncio
import sys
from pathlib import Path

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from domain.case_events import CloseAsked
from domain.failures import Mode
from tests.domain.given import some_facts
from tests.workflows.stage import NO_QUIET_HOURS, Effects, Stage
from workflows import options
from workflows.client import case_workflow_id
from workflows.values import CaseStart

pytestmark = pytest.mark.temporal

_FOUND_BY = ("OrderId = 'ORD123456'", "TrackingId = 'TRK1'", "WorkspaceId = 'kapaskraft'")


async def test_ops_read_the_run_and_find_it_by_what_they_know() -> None:
    """Summary at start, current details while it waits, search attributes that follow the state."""
    keys = [
        options.WORKSPACE_ID,
        options.ORDER_ID,
        options.TRACKING_ID,
        options.CASE_STATE,
        options.CASE_OUTCOME,
    ]
    assert [key.name for key in keys] == list(options.SEARCH_ATTRIBUTES)
    binary = Path(sys.executable).parent / "temporal"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary),
        search_attributes=keys,
        identity="tests",
        dev_server_extra_args=["--headless"],
    ) as env:
        stage = Stage(env, Effects(), DataConverter.default)
        async with asyncio.timeout(30), stage.worker():
            now = await stage.now()
            stage.facts = some_facts(failed_at=now)
            start = CaseStart(stage.facts, NO_QUIET_HOURS)
            assert await stage.workflows.start_case(start)
            run = env.client.get_workflow_handle(case_workflow_id(stage.ref))
            stage.runs.append(run)
            await stage.until("template failed_delivery")
            await stage.tap("reschedule")
            await stage.until("question: choose_day")

            description = await run.describe()
            assert await description.static_summary() == "Order ORD123456, attempt 1: customer unavailable"
            assert "tracking id TRK1" in (await description.static_details() or "")
            metadata = await run.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
            assert "**choosing date**: waits for the customer to choose a day" in metadata.current_details
            assert ", else a nudge at " in metadata.current_details
            assert "last reply: choice" in metadata.current_details
            signals = {signal.name: signal.description for signal in metadata.definition.signal_definitions}
            assert signals["deliver"]
            for query in _FOUND_BY:
                await _finds(env.client, f"{query} AND CaseState = 'waiting'", run.id)

            assert await stage.workflows.start_case(start)  # still running: it is the same run
            first = await stage.act(CloseAsked(Mode.OPS, note="by hand"), mail_id="act:1")
            assert await run.result() == "closed"
            await _finds(env.client, "CaseState = 'ended' AND CaseOutcome = 'closed'", run.id)
            again = await stage.act(CloseAsked(Mode.OPS, note="by hand"), mail_id="act:1")
            assert again == first  # I13: the same act is answered the same, also after the end
            assert not await stage.workflows.start_case(start)  # I3: one run for ever
            assert await stage.workflows.is_healthy()
            await stage.replay()


async def _finds(client: Client, query: str, workflow_id: str) -> None:
    """Wait until a search finds the run; what is searched lags behind by about a second."""
    while workflow_id not in [found.id async for found in client.list_workflows(query)]:  # noqa: ASYNC110 - the server tells only who asks
        await asyncio.sleep(0.1)
