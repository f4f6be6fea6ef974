"""A stage for one case: Temporal's server with skipped time, a worker, and effects played by hand.

One server per test, because all of its runs share one clock. Every run that a test started is replayed at its end.
"""

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from google.protobuf.message import Message
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.values import (
    ActionResult,
    EndCaseTask,
    EndResult,
    MessageResult,
    OutgoingEventTask,
    SampleMessageTask,
    SendSessionTask,
    SendTemplateTask,
    Snapshot,
    TakeActionTask,
)
from domain.case_events import ActionRequest, Answer, CustomerReplied, Event
from domain.cases import CaseFacts, Progress
from domain.replies import Reply, ReplyKind
from domain.timing import Policy, local_day
from domain.understanding import understand
from domain.wording import PRESETS, SessionMessage
from tests.domain.given import some_facts
from workflows import options
from workflows.client import Workflows, case_workflow_id
from workflows.failed_delivery import FailedDeliveryWorkflow
from workflows.late_reply import LateReplyWorkflow
from workflows.outgoing_event import OutgoingEventWorkflow
from workflows.sample_message import SampleMessageWorkflow
from workflows.values import CaseRef, CaseStart, Mail, ManualAnswer

WORKFLOWS = [FailedDeliveryWorkflow, LateReplyWorkflow, SampleMessageWorkflow, OutgoingEventWorkflow]
NO_QUIET_HOURS = Policy(quiet_from="", quiet_until="", texts=tuple((key, key) for key in PRESETS["en"]))
"""A test runs at any time of the day; each session text is its own key."""

PERSON = "919999900001"
WORKSPACE = "kapaskraft"
END_SECONDS = 0.3
"""Before the interpreter ends, the client's own threads give back what they hold of it; else it may abort."""

_SECONDS = 15.0  # a failing workflow task is retried for ever and would look like a hang
_ZONE = ZoneInfo("Asia/Kolkata")

Task = (
    SendTemplateTask
    | SendSessionTask
    | SampleMessageTask
    | TakeActionTask
    | Snapshot
    | EndCaseTask
    | OutgoingEventTask
)
Result = TypeVar("Result")
Hook = Callable[[], Awaitable[object]]

SENT = MessageResult(is_accepted=True)
ACCEPTED = ActionResult(Answer.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Call:
    """One try of an activity, and when the server gave it out."""

    name: str
    task: Task
    at: datetime


class Effects:
    """Activities under their real names: they keep what they were asked and answer what the test wrote.

    Attributes:
        calls: Every try, in order.
        answers: Per activity what it returns or raises, one after the other; afterwards all goes well.
        hooks: Per activity what happens while it runs, once for each try.
        event_ids: The events that ending a case calls for.
        asked: Set at each try.
    """

    def __init__(self) -> None:
        """Begin with effects that all go well."""
        self.calls: list[Call] = []
        self.answers: defaultdict[str, deque[object]] = defaultdict(deque)
        self.hooks: defaultdict[str, deque[Hook]] = defaultdict(deque)
        self.event_ids: tuple[str, ...] = ()
        self.asked = asyncio.Event()

    @activity.defn(name="messages.send_template")
    async def send_template(self, task: SendTemplateTask) -> MessageResult:
        """Stand in for a template."""
        return await self._play("messages.send_template", task, SENT)

    @activity.defn(name="messages.send_session")
    async def send_session(self, task: SendSessionTask) -> MessageResult:
        """Stand in for a session message."""
        return await self._play("messages.send_session", task, SENT)

    @activity.defn(name="account_messages.send_sample")
    async def send_sample(self, task: SampleMessageTask) -> MessageResult:
        """Stand in for a test to a seller's own phone."""
        return await self._play("account_messages.send_sample", task, SENT)

    @activity.defn(name="carriers.take_action")
    async def take_action(self, task: TakeActionTask) -> ActionResult:
        """Stand in for the order system."""
        return await self._play("carriers.take_action", task, ACCEPTED)

    @activity.defn(name="cases.record")
    async def record(self, snapshot: Snapshot) -> None:
        """Stand in for what is recorded without another effect."""
        await self._play("cases.record", snapshot, None)

    @activity.defn(name="cases.end")
    async def end(self, task: EndCaseTask) -> EndResult:
        """Stand in for recording the end."""
        return await self._play("cases.end", task, EndResult(self.event_ids))

    @activity.defn(name="outgoing_events.deliver")
    async def deliver(self, task: OutgoingEventTask) -> None:
        """Stand in for the workspace's URL."""
        await self._play("outgoing_events.deliver", task, None)

    @activity.defn(name="outgoing_events.give_up")
    async def give_up(self, task: OutgoingEventTask) -> None:
        """Stand in for recording that an event is not tried any more."""
        await self._play("outgoing_events.give_up", task, None)

    def all(self) -> list[Callable[..., Awaitable[object]]]:
        """Return what a worker registers."""
        return [
            self.send_template,
            self.send_session,
            self.send_sample,
            self.take_action,
            self.record,
            self.end,
            self.deliver,
            self.give_up,
        ]

    def script(self, name: str, *answers: object) -> None:
        """Write what an activity answers, try by try."""
        self.answers[name].extend(answers)

    def during(self, name: str, hook: Hook) -> None:
        """Write what happens while an activity runs."""
        self.hooks[name].append(hook)

    @property
    def lines(self) -> list[str]:
        """Everything that was asked for, one short line each."""
        return [_line(call) for call in self.calls]

    @property
    def messages(self) -> list[SessionMessage]:
        """Every session message that was asked for."""
        return [call.task.command.message for call in self.calls if isinstance(call.task, SendSessionTask)]

    @property
    def requests(self) -> list[ActionRequest]:
        """Every try of an action."""
        return [call.task.command.request for call in self.calls if isinstance(call.task, TakeActionTask)]

    @property
    def notes(self) -> list[str]:
        """The topics of all notes, whatever effect carried them."""
        return [note.topic for snapshot in self._snapshots() for note in snapshot.notes]

    @property
    def last_progress(self) -> Progress:
        """What the last effect saved of the case."""
        return self._snapshots()[-1].progress

    def _snapshots(self) -> list[Snapshot]:
        found: list[Snapshot] = []
        for call in self.calls:
            if isinstance(call.task, Snapshot):
                found.append(call.task)
            elif not isinstance(call.task, OutgoingEventTask | SampleMessageTask):
                found.append(call.task.snapshot)
        return found

    async def _play(self, name: str, task: Task, usual: Result) -> Result:
        self.calls.append(Call(name, task, activity.info().started_time))
        self.asked.set()
        if self.hooks[name]:
            await self.hooks[name].popleft()()
        answer = self.answers[name].popleft() if self.answers[name] else usual
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[return-value]


def _line(call: Call) -> str:
    match call.task:
        case SendTemplateTask(command=command):
            return f"template {command.purpose.value}"
        case SendSessionTask(command=command):
            return f"{command.purpose.value}: {command.message.body}"
        case SampleMessageTask(event=event):
            return f"test {event}"
        case TakeActionTask(command=command):
            return f"take {command.request.action.value}"
        case EndCaseTask(command=command):
            return f"end {command.outcome}"
        case OutgoingEventTask(event_id=event_id):
            return f"{call.name.rpartition('.')[2].replace('_', ' ')} {event_id}"
        case Snapshot(notes=notes):
            return "note " + " ".join(note.topic for note in notes)


class Stage:
    """One case on stage; `start` begins it, `effects` tells what it did."""

    def __init__(self, env: WorkflowEnvironment, effects: Effects, converter: DataConverter) -> None:
        """Set the stage; a worker is hired separately."""
        self.env = env
        self.effects = effects
        self.workflows = Workflows(env.client)
        self.facts: CaseFacts = some_facts()
        self.runs: list[WorkflowHandle[object, object]] = []
        self.converter = converter
        self._started: WorkflowHandle[FailedDeliveryWorkflow, str] | None = None
        self._replies = 0

    @property
    def case(self) -> WorkflowHandle[FailedDeliveryWorkflow, str]:
        """The run of the case."""
        if self._started is None:
            raise LookupError("start the case first")
        return self._started

    @property
    def ref(self) -> CaseRef:
        """How others name the case."""
        failure = self.facts.failure
        return CaseRef(failure.workspace_id, failure.shipment_id, failure.attempt)

    def worker(self, *, cached: int = 100) -> Worker:
        """Return a worker with these effects.

        Without a cache each task replays its run. A worker that is to be replaced needs that: the test server keeps
        tasks for the worker that has the run in memory, also when it is gone.
        """
        return Worker(
            self.env.client,
            task_queue=options.TASK_QUEUE,
            workflows=WORKFLOWS,
            activities=self.effects.all(),
            max_cached_workflows=cached,
            graceful_shutdown_timeout=timedelta(
                seconds=5
            ),  # time stands still while an activity is left open
        )

    async def now(self) -> datetime:
        """Return the server's time."""
        return await self.env.get_current_time()

    async def quiet_now(self, *, hours: float) -> Policy:
        """Return a policy whose quiet hours have begun and last some hours more."""
        local = (await self.now()).astimezone(_ZONE)
        begin, end = local - timedelta(hours=1), local + timedelta(hours=hours)
        return Policy(quiet_from=f"{begin:%H:%M}", quiet_until=f"{end:%H:%M}", texts=NO_QUIET_HOURS.texts)

    async def start(self, policy: Policy = NO_QUIET_HOURS, **changes: object) -> None:
        """Start the case of a delivery that failed just now; fields of the failure may be given."""
        self.facts = some_facts(**({"failed_at": await self.now(), "workspace_id": WORKSPACE} | changes))
        # Not through our own door: only a handle from a start moves the skipped time.
        self._started = await self.env.client.start_workflow(
            FailedDeliveryWorkflow.run,
            CaseStart(self.facts, policy),
            id=case_workflow_id(self.ref),
            task_queue=options.TASK_QUEUE,
        )
        self.runs.append(self._started)  # type: ignore[arg-type]

    async def tell(self, event: Event, *, mail_id: str) -> None:
        """Give the case a fact, as intake does."""
        await self.workflows.tell_case(self.ref, Mail(mail_id, event))

    async def act(self, event: Event, *, mail_id: str) -> ManualAnswer:
        """Act by hand, as portal and API do."""
        return await self.workflows.act(self.ref, Mail(mail_id, event))

    async def tap(self, choice: str) -> None:
        """Have the customer tap something."""
        await self.tell(await self.reply(ReplyKind.CHOICE, choice=choice), mail_id=f"inbox:{self._replies}")

    async def write(self, text: str) -> None:
        """Have the customer write something."""
        read = understand(text, local_day(await self.now(), NO_QUIET_HOURS))
        reply = await self.reply(ReplyKind.TEXT, text=text, said=read)
        await self.tell(reply, mail_id=f"inbox:{self._replies}")

    async def reply(self, kind: ReplyKind, **fields: object) -> CustomerReplied:
        """Return an answer that the customer gives now."""
        self._replies += 1
        return CustomerReplied(
            Reply(f"wamid.{self._replies}", kind, await self.now(), **fields)  # type: ignore[arg-type]
        )

    async def pass_time(self, **delta: float) -> None:
        """Let time pass."""
        await self.env.sleep(timedelta(**delta))

    async def until(self, *lines: str) -> None:
        """Wait, without moving time, until these effects were asked for in this order."""
        while not _has_in_order(self.effects.lines, lines):
            self.effects.asked.clear()
            await self.effects.asked.wait()

    async def has_happened(self, kind: EventType.ValueType) -> None:
        """Wait, without moving time, until the history of the case has an event of this kind."""
        while kind not in [event.event_type for event in (await self.case.fetch_history()).events]:  # noqa: ASYNC110 - the server tells only who asks
            await asyncio.sleep(0.01)

    async def outcome(self) -> str:
        """Let time run to the end of the case, and return how it ended."""
        return await self.case.result()

    async def progress(self) -> Progress:
        """Ask the run where it stands."""
        return await self.case.query(FailedDeliveryWorkflow.case)

    async def replay(self) -> None:
        """Replay every run of this stage from its history (I16)."""
        replayer = Replayer(workflows=WORKFLOWS, data_converter=self.converter)
        for run in self.runs:
            await replayer.replay_workflow(await run.fetch_history())

    async def trouble(self) -> str:
        """Tell why workflow tasks failed, and what was done so far."""
        said = [f"asked for so far: {self.effects.lines}"]
        for run in self.runs:
            said += [
                event.workflow_task_failed_event_attributes.failure.message
                async for event in run.fetch_history_events()
                if event.HasField("workflow_task_failed_event_attributes")
            ]
        return "\n".join(said)


def payload_data(message: Message) -> Iterator[bytes]:
    """Return what every payload within one of Temporal's own messages holds."""
    if isinstance(message, Payload):
        yield message.data
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            values = [part for part in value.values() if isinstance(part, Message)]
        elif field.is_repeated:
            values = list(value)
        else:
            values = [value]
        for part in values:
            yield from payload_data(part)


def _has_in_order(done: Iterable[str], wanted: Iterable[str]) -> bool:
    left = iter(done)
    return all(any(line == want for line in left) for want in wanted)


@asynccontextmanager
async def on_stage(
    *, converter: DataConverter = DataConverter.default, with_worker: bool = True, cached: int = 100
) -> AsyncIterator[Stage]:
    """Open a stage with a server of its own; at the end every run is replayed.

    Args:
        converter: How payloads are written.
        with_worker: Whether a worker runs all the time; else the test hires its own.
        cached: How many runs the worker keeps in memory.
    """
    binary = Path(sys.executable).parent / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=converter, identity="tests", test_server_existing_path=str(binary)
    ) as env:
        await env.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=env.client.namespace,
                search_attributes=dict.fromkeys(
                    options.SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
                ),
            )
        )
        stage = Stage(env, Effects(), converter)
        try:
            async with asyncio.timeout(_SECONDS):
                if with_worker:
                    async with stage.worker(cached=cached):
                        yield stage
                else:
                    yield stage
                await stage.replay()
        except TimeoutError:
            raise AssertionError(await stage.trouble()) from None
