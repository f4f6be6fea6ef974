"""Stand-ins written by hand, under the real names and with the real manners."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clients.carriers.base import (
    ActionTarget,
    CarrierAnswer,
    CarrierCredentials,
    CarrierUnavailable,
    ShipmentReading,
)
from clients.gupshup import Accepted, Credentials, Gupshup, MediaHeader, SendOutcome, SessionMessage
from clients.workspace_webhook import Delivered, NotDelivered, WorkspaceWebhook
from domain.case_events import ActionRequest, Answer
from domain.failures import Action, Capabilities
from workflows.client import (
    AccountMessageTask,
    ActRefused,
    CaseNotRunning,
    CaseRef,
    CaseStart,
    LateReply,
    Mail,
    ManualAnswer,
    NotificationTask,
    SampleMessageTask,
    Workflows,
    WorkflowsUnavailable,
    case_workflow_id,
)

__all__ = ["FakeCarrier", "FakeGupshup", "FakeWebhook", "FakeWorkflows", "Sent"]


class FakeWorkflows(Workflows):
    """Runs that remember what they were told; can be away, and refuse acts.

    Attributes:
        is_down: Whether Temporal answers nothing.
        outages: For how many of the next calls it is away.
        failures: How many of the next calls fail although Temporal is there.
        stuck: Shipments and events whose run never starts, whatever is tried.
        dies_next: Whether the process that tells a run next dies right after it.
        started: What runs began with, by run.
        mail: What runs were told, in order; repeats are dropped as a run drops them.
        told: The same with repeats.
        acts: Acts by hand, in order.
        late: Replies that came after the end, by their id.
        account_messages: Messages of the sender's own, by their id.
        notified: Messages about the journey, by their idempotency key.
        samples: Notifications sent to sellers' own phones, by their id.
        delivered: Outgoing events whose delivery began.
        replayed: Outgoing events whose delivery began again, and since when what was delivered does not count.
        ended: Runs that are over.
        act_answer: What the next acts come to.
    """

    def __init__(self) -> None:  # no client behind it
        self.is_down = False
        self.outages = 0
        self.failures = 0
        self.stuck: set[str] = set()
        self.dies_next = False
        self.started: dict[CaseRef, CaseStart] = {}
        self.mail: list[tuple[CaseRef, Mail]] = []
        self.told: list[tuple[CaseRef, Mail]] = []
        self.acts: list[tuple[CaseRef, Mail]] = []
        self.late: dict[str, LateReply] = {}
        self.account_messages: dict[str, AccountMessageTask] = {}
        self.notified: dict[str, NotificationTask] = {}
        self.samples: dict[str, SampleMessageTask] = {}
        self.delivered: list[str] = []
        self.replayed: list[tuple[str, datetime]] = []
        self.ended: set[CaseRef] = set()
        self.act_answer: ManualAnswer | ActRefused = ManualAnswer("ended", "resolved", "done")

    def _answer(self) -> None:
        if self.is_down or self.outages:
            self.outages = max(self.outages - 1, 0)
            raise WorkflowsUnavailable("away")
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a bug")

    def _check_runs(self, ref: CaseRef) -> None:
        if ref not in self.started or ref in self.ended:
            raise CaseNotRunning(case_workflow_id(ref))

    def _check_starts(self, what: str) -> None:
        if what in self.stuck:
            raise RuntimeError("cannot start")

    async def start_case(self, start: CaseStart) -> bool:
        """Start a run once."""
        self._answer()
        failure = start.facts.failure
        self._check_starts(failure.shipment_id)
        ref = CaseRef(failure.workspace_id, failure.shipment_id, failure.attempt, failure.visit)
        is_new = ref not in self.started
        self.started.setdefault(ref, start)
        return is_new

    async def tell_case(self, ref: CaseRef, mail: Mail) -> None:
        """Remember mail."""
        self._answer()
        self._check_runs(ref)
        self.told.append((ref, mail))
        if mail.id not in {known.id for run, known in self.mail if run == ref}:
            self.mail.append((ref, mail))
        if self.dies_next:
            self.dies_next = False
            raise asyncio.CancelledError

    async def act(self, ref: CaseRef, mail: Mail) -> ManualAnswer:
        """Remember an act and answer it."""
        self._answer()
        self._check_runs(ref)
        self.acts.append((ref, mail))
        if isinstance(self.act_answer, ActRefused):
            raise self.act_answer
        return self.act_answer

    async def answer_late(self, reply_id: str, late: LateReply) -> None:
        """Remember a late reply once."""
        self._answer()
        self.late.setdefault(reply_id, late)

    async def send_account_message(self, task: AccountMessageTask) -> None:
        """Remember a message of the sender's own once."""
        self._answer()
        self.account_messages.setdefault(task.id, task)

    async def send_notification(
        self,
        task: NotificationTask,
        *,
        command_id: str,
        order_id: str,  # noqa: ARG002 - part of the real one
        seconds_left: float,  # noqa: ARG002 - part of the real one
    ) -> None:
        """Remember a message about the journey once."""
        self._answer()
        self._check_starts(task.subject_id)
        self.notified.setdefault(command_id, task)

    async def send_sample(self, task: SampleMessageTask) -> None:
        """Remember a test once."""
        self._answer()
        self.samples.setdefault(task.id, task)

    async def deliver_event(self, workspace_id: str, event_id: str) -> None:
        """Remember an event once."""
        self._answer()
        self._check_starts(event_id)
        if (key := f"{workspace_id}/{event_id}") not in self.delivered:
            self.delivered.append(key)

    async def replay_event(self, workspace_id: str, event_id: str, replayed_at: datetime) -> None:
        """Remember a replay."""
        self._answer()
        self._check_starts(event_id)
        self.replayed.append((f"{workspace_id}/{event_id}", replayed_at))

    async def is_healthy(self) -> bool:
        """Tell whether it is there."""
        return not self.is_down


@dataclass(frozen=True, slots=True)
class Sent:
    """One request to send, as it reached Gupshup.

    Attributes:
        credentials: Whose key was used.
        destination: To whom.
        template_id: The template; empty for a session message.
        params: Its parameters.
        postbacks: What its buttons answer.
        message: The session message; None for a template.
    """

    credentials: Credentials
    destination: str
    template_id: str = ""
    params: tuple[str, ...] = ()
    postbacks: tuple[str, ...] = ()
    message: SessionMessage | None = None


class FakeGupshup(Gupshup):
    """Gupshup, as far as sending goes.

    Attributes:
        sent: Every request that reached it.
        answers: What it answers, or what happens instead of an answer; afterwards it accepts.
    """

    def __init__(self) -> None:  # no HTTP behind it
        self.sent: list[Sent] = []
        self.answers: deque[SendOutcome | Exception] = deque()

    async def send_template(
        self,
        credentials: Credentials,
        *,
        destination: str,
        template_id: str,
        params: Sequence[str],
        postbacks: Sequence[str],
        header: MediaHeader | None = None,  # noqa: ARG002 - part of the real one
    ) -> SendOutcome:
        """Take a template."""
        return self._take(Sent(credentials, destination, template_id, tuple(params), tuple(postbacks)))

    async def send_session(
        self, credentials: Credentials, *, destination: str, message: SessionMessage
    ) -> SendOutcome:
        """Take a session message."""
        return self._take(Sent(credentials, destination, message=message))

    def _take(self, sent: Sent) -> SendOutcome:
        self.sent.append(sent)
        answer = self.answers.popleft() if self.answers else Accepted(f"gs-{len(self.sent)}")
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeCarrier:
    """An order system that remembers what it was asked.

    Attributes:
        capabilities: What it can execute.
        requests: Every action that reached it, with the parcel.
        reads: Every parcel that was looked up.
        answers: What it answers, or what happens instead; afterwards it accepts.
        meanwhile: What happens while it works on a request, one after the other.
        reading: How the parcel stands; None while it cannot be read.
    """

    def __init__(self) -> None:
        self.capabilities = Capabilities(
            (Action.REATTEMPT, Action.RESCHEDULE, Action.UPDATE_ADDRESS, Action.CANCEL, Action.DISPUTE)
        )
        self.requests: list[tuple[ActionTarget, ActionRequest]] = []
        self.reads: list[str] = []
        self.answers: deque[CarrierAnswer | Exception] = deque()
        self.meanwhile: deque[Callable[[], Awaitable[None]]] = deque()
        self.reading: ShipmentReading | None = ShipmentReading(
            "failed_delivery", is_failed_delivery=True, resolution_recorded=False
        )

    async def take_action(
        self,
        credentials: CarrierCredentials,  # noqa: ARG002 - part of the real one
        order: ActionTarget,
        request: ActionRequest,
    ) -> CarrierAnswer:
        """Take a request for an action."""
        self.requests.append((order, request))
        if self.meanwhile:
            await self.meanwhile.popleft()()
        answer = self.answers.popleft() if self.answers else CarrierAnswer(Answer.ACCEPTED, "ok", 200)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read_shipment(
        self,
        credentials: CarrierCredentials,  # noqa: ARG002 - part of the real one
        tracking_id: str,
    ) -> ShipmentReading:
        """Tell how a parcel stands."""
        self.reads.append(tracking_id)
        if self.reading is None:
            raise CarrierUnavailable("HTTP 503", status=503)
        return self.reading


@dataclass
class FakeWebhook(WorkspaceWebhook):
    """A workspace's URL.

    Attributes:
        posts: What arrived: event id, type and data.
        answers: What it answers; afterwards it takes everything.
    """

    posts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    answers: deque[Delivered | NotDelivered] = field(default_factory=deque)

    async def deliver(
        self,
        *,
        url: str,  # noqa: ARG002 - part of the real one
        secret: str,  # noqa: ARG002 - part of the real one
        event_id: str,
        type: str,  # noqa: A002 - Standard Webhooks' own word
        data: Mapping[str, Any],
        at: datetime,  # noqa: ARG002 - part of the real one
    ) -> Delivered | NotDelivered:
        """Take an event."""
        self.posts.append((event_id, type, dict(data)))
        return self.answers.popleft() if self.answers else Delivered(200)
