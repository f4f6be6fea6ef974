"""A message about the journey is an activity of its own at Temporal: once, tried again, found by ops."""

import asyncio
import sys
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.values import MessageResult, NotificationTask
from workflows import options
from workflows.client import Workflows, WorkflowsUnavailable

pytestmark = pytest.mark.temporal

TASK = NotificationTask("kapaskraft", "SHIP1", "packed")
COMMAND = "ntf:kapaskraft:SHIP1:packed"


class _Fake:
    """Sends, after a first try that Gupshup did not take."""

    def __init__(self) -> None:
        self.tasks: list[NotificationTask] = []
        self.is_sent = asyncio.Event()

    @activity.defn(name="notifications.send")
    async def send(self, task: NotificationTask) -> MessageResult:
        """Take it the second time."""
        self.tasks.append(task)
        if len(self.tasks) == 1:
            raise ApplicationError("HTTP 429", type="Throttled")
        self.is_sent.set()
        return MessageResult(is_accepted=True)


async def test_message_is_started_once_and_tried_until_it_is_out() -> None:
    """R5.1 journey, I5: the id is the message's own, before and after its end; ops find it by the order."""
    binary = Path(sys.executable).parent / "temporal"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary),
        search_attributes=[options.WORKSPACE_ID, options.ORDER_ID],
        dev_server_extra_args=["--headless"],
    ) as env:
        fake, workflows = _Fake(), Workflows(env.client)
        async with (
            asyncio.timeout(30),
            Worker(env.client, task_queue=options.TASK_QUEUE, activities=[fake.send]),
        ):
            for _ in range(2):
                await workflows.send_notification(TASK, command_id=COMMAND, order_id="ORD1", seconds_left=60)
            await fake.is_sent.wait()
            result: MessageResult = await env.client.get_activity_handle(
                COMMAND, result_type=MessageResult
            ).result()
            assert result == MessageResult(is_accepted=True)
            await workflows.send_notification(TASK, command_id=COMMAND, order_id="ORD1", seconds_left=60)
            found: list[str] = []
            while not found:
                found = [each.activity_id async for each in env.client.list_activities("OrderId = 'ORD1'")]
            assert found == [COMMAND]
        assert fake.tasks == [TASK, TASK]
    with pytest.raises(WorkflowsUnavailable):
        await workflows.send_notification(TASK, command_id=COMMAND, order_id="ORD1", seconds_left=60)
