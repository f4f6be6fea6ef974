"""What a callback means, as values, and telling workflows of it after the commit.

Everything here may be done again: starting is idempotent by the run's id, mail by its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog

from db import cases, customers, journey_events, outgoing_events
from db.cases import CaseRow
from db.encryption import Cipher
from db.journey_events import JourneyStep
from db.session import Database, DatabaseUnavailable
from domain.case_events import ActionRequest, CustomerReplied
from domain.cases import Outcome, ended_case
from domain.failures import Action, Mode
from workflows.client import (
    AccountMessageTask,
    CaseNotRunning,
    CaseRef,
    CaseStart,
    LateReply,
    Mail,
    NotificationTask,
    Workflows,
    WorkflowsUnavailable,
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StartCase:
    """A case's run has to be started."""

    workspace_id: str
    case_id: str


@dataclass(frozen=True, slots=True)
class TellCase:
    """A case has to learn a fact."""

    workspace_id: str
    case_id: str
    mail: Mail


@dataclass(frozen=True, slots=True)
class SendAccountMessage:
    """A message of the sender's own has to be sent."""

    task: AccountMessageTask


@dataclass(frozen=True, slots=True)
class DeliverEvent:
    """An event has to reach a workspace's URL."""

    workspace_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class SendNotification:
    """A message about a step of the journey has to be sent."""

    step: JourneyStep


Telling = StartCase | TellCase | SendAccountMessage | SendNotification | DeliverEvent


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one callback came to.

    Attributes:
        state: `handled`, or `ignored` for what has no effect.
        note: Why, in words for ops; nothing personal.
        tell: What workflows have to learn, in this order.
    """

    state: Literal["handled", "ignored"]
    note: str = ""
    tell: tuple[Telling, ...] = ()


def handled(note: str = "", *tell: Telling) -> Meaning:
    """Return the meaning of a callback that had an effect."""
    return Meaning("handled", note, tell)


def ignored(note: str) -> Meaning:
    """Return the meaning of a callback without effect; the reason is kept (I1)."""
    return Meaning("ignored", note)


def case_ref(row: CaseRow) -> CaseRef:
    """Return which run belongs to a case."""
    return CaseRef(row.workspace_id, row.shipment_id, row.attempt, row.visit)


def about(telling: Telling) -> dict[str, str]:
    """Return the ids by which a log names a telling."""
    match telling:
        case DeliverEvent():
            return {"event_id": telling.event_id}
        case SendAccountMessage():
            return {"command_id": telling.task.id}
        case SendNotification():
            return {"command_id": telling.step.key.command_id}
        case _:
            return {"case_id": telling.case_id}


class Teller:
    """Tells workflows what was committed."""

    def __init__(
        self, *, database: Database, cipher: Cipher, workflows: Workflows, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._workflows = workflows
        self._clock = clock

    async def tell(self, telling: Telling) -> None:
        """Tell one thing.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
            CaseNotRunning: Our row is open and was started, and yet there is no run.
        """
        match telling:
            case StartCase():
                await self._start(telling.workspace_id, telling.case_id)
            case TellCase():
                await self._tell_case(telling)
            case SendAccountMessage():
                await self._workflows.send_account_message(telling.task)
            case SendNotification():
                await self._send_notification(telling.step)
            case DeliverEvent():
                await self._deliver(telling.workspace_id, telling.event_id)

    async def tell_all(self, tellings: Iterable[Telling]) -> None:
        """Tell things in their order: while Temporal is away all that follows waits, but never for one run's trouble.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
            ExceptionGroup: Some could not be told for reasons of their own; the others were.
        """
        failed: list[Exception] = []
        for telling in tellings:
            try:
                await self.tell(telling)
            except (WorkflowsUnavailable, DatabaseUnavailable):
                raise
            except CaseNotRunning:
                _log.exception("intake.case.not_running", **about(telling))
            except Exception as error:  # noqa: BLE001 - raised when the others had their turn
                _log.warning("intake.not_told", error=type(error).__name__, **about(telling))
                failed.append(error)
        if failed:
            raise ExceptionGroup("not told", failed)

    async def _start(self, workspace_id: str, case_id: str) -> None:
        async with self._database.transaction() as session:
            facts, policy = await cases.get_start(session, self._cipher, workspace_id, case_id)
        await self._workflows.start_case(CaseStart(facts, policy))
        async with self._database.transaction() as session:
            await cases.mark_started(session, workspace_id, case_id, self._clock())

    async def _send_notification(self, step: JourneyStep) -> None:
        task = NotificationTask(step.workspace_id, step.subject_id, step.event)
        await self._workflows.send_notification(
            task,
            command_id=step.key.command_id,
            order_id=step.order_id,
            seconds_left=(step.expires_at - self._clock()).total_seconds(),
        )
        async with self._database.transaction() as session:
            await journey_events.mark_started(session, step.key, self._clock())

    async def _deliver(self, workspace_id: str, event_id: str) -> None:
        await self._workflows.deliver_event(workspace_id, event_id)
        async with self._database.transaction() as session:
            await outgoing_events.mark_started(session, workspace_id, event_id, self._clock())

    async def _tell_case(self, telling: TellCase) -> None:
        row = await self._row(telling)
        if row is None:
            return
        if row.outcome:
            await self._after_end(telling, row)
            return
        if row.started_at is None:  # its report was committed and the start did not follow (F6)
            await self._start(telling.workspace_id, telling.case_id)
        try:
            await self._workflows.tell_case(case_ref(row), telling.mail)
        except CaseNotRunning:
            # The run records its end before it closes: if it is over, the row says so by now.
            row = await self._row(telling)
            if row is None or not row.outcome:
                raise
            await self._after_end(telling, row)

    async def _after_end(self, telling: TellCase, row: CaseRow) -> None:
        """Answer a reply that came too late (R6.9, R7.2); other facts mean nothing to an ended case."""
        event = telling.mail.event
        if not isinstance(event, CustomerReplied):
            return
        async with self._database.transaction() as session:
            facts, policy = await cases.get_start(session, self._cipher, row.workspace_id, row.id)
            known = await customers.customer(
                session, facts.account_id, self._cipher.phone_hash(facts.failure.customer_phone)
            )
        facts = replace(facts, language=known.language or facts.language)
        accepted = (
            ActionRequest(
                f"{row.id}/accepted", Action(row.accepted_action), Mode.WHATSAPP, on=row.accepted_on
            )
            if row.accepted_action
            else None
        )
        case = ended_case(facts, policy, Outcome(row.outcome), accepted)
        await self._workflows.answer_late(event.reply.id, LateReply(case, policy, event))

    async def _row(self, telling: TellCase) -> CaseRow | None:
        async with self._database.transaction() as session:
            return await cases.find_case(session, telling.workspace_id, telling.case_id)
