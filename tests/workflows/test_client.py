"""The door to workflows while Temporal is away: one error, soon, whatever is asked (F9)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from domain.case_events import CloseAsked, CustomerReplied
from domain.case_state import ended_case
from domain.cases import Outcome
from domain.failures import Mode
from domain.replies import Reply, ReplyKind
from domain.timing import Policy
from tests.domain.given import some_facts
from workflows.client import SampleMessageTask, Workflows, WorkflowsUnavailable, case_workflow_id
from workflows.values import CaseRef, CaseStart, LateReply, Mail

_REF = CaseRef("kapaskraft", "SH1", 1)
_REPLY = CustomerReplied(Reply("wamid.1", ReplyKind.TEXT, datetime(2026, 11, 20, 6, 30, tzinfo=UTC)))
_LATE = LateReply(ended_case(some_facts(), Policy(), Outcome.RTO, None), Policy(), _REPLY)

_CALLS: dict[str, Callable[[Workflows], Awaitable[object]]] = {
    "start a case": lambda door: door.start_case(CaseStart(some_facts(), Policy())),
    "tell a case": lambda door: door.tell_case(_REF, Mail("inbox:1", _REPLY)),
    "act by hand": lambda door: door.act(_REF, Mail("act:1", CloseAsked(Mode.API))),
    "answer late": lambda door: door.answer_late("wamid.1", _LATE),
    "send a test": lambda door: door.send_sample(
        SampleMessageTask("sample:1", "kapaskraft", "account-1", "919999900001", "failed_delivery", "en")
    ),
    "deliver an event": lambda door: door.deliver_event("kapaskraft", "event-1"),
    "deliver it again": lambda door: door.replay_event("kapaskraft", "event-1", _REPLY.reply.at),
}


@pytest.fixture
async def door() -> AsyncIterator[Workflows]:
    """A door behind which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        retries = RetryConfig(max_elapsed_time_millis=500)
        yield Workflows(await Client.connect(address, lazy=True, retry_config=retries))


@pytest.mark.parametrize("call", _CALLS)
async def test_temporal_away_is_one_error_and_soon(door: Workflows, call: str) -> None:
    """The caller keeps what it has and tries again; nobody waits for half a minute."""
    async with asyncio.timeout(6):
        with pytest.raises(WorkflowsUnavailable):
            await _CALLS[call](door)


class _Refusing(Client):
    """A connection to a server that answers every start with one error."""

    def __init__(self, status: RPCStatusCode) -> None:
        self._status = status

    async def start_workflow(self, *_: Any, **__: Any) -> Any:
        """Refuse."""
        raise RPCError("no", self._status, b"")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (RPCStatusCode.UNAVAILABLE, WorkflowsUnavailable),
        (RPCStatusCode.RESOURCE_EXHAUSTED, WorkflowsUnavailable),
        (RPCStatusCode.INVALID_ARGUMENT, RPCError),
        (RPCStatusCode.PERMISSION_DENIED, RPCError),
        (RPCStatusCode.NOT_FOUND, RPCError),
    ],
)
async def test_what_waiting_does_not_make_better_is_no_outage(
    status: RPCStatusCode, error: type[Exception]
) -> None:
    """Intake counts such a failure and parks the row, instead of trying for ever."""
    with pytest.raises(error):
        await Workflows(_Refusing(status)).deliver_event("kapaskraft", "event-1")


def test_runs_of_different_cases_have_different_ids() -> None:
    """I3: a shipment may be called anything."""
    refs = [
        CaseRef("w", shipment_id, attempt, visit)
        for shipment_id in ("S", "S:1", "S%3A1", "S~2", "S:1~2", "%", ":")
        for attempt in (1, 2, 12)
        for visit in (1, 2)
    ]
    assert len({case_workflow_id(ref) for ref in refs}) == len(refs)
    assert case_workflow_id(CaseRef("w", "S:1", 1, 2)) == "case:w:S%3A1:1~2"
    assert case_workflow_id(_REF) == "case:kapaskraft:SH1:1"


async def test_temporal_away_is_not_healthy(door: Workflows) -> None:
    """Readiness tells it, and does not depend on it."""
    async with asyncio.timeout(6):
        assert not await door.is_healthy()
