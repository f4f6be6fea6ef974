"""One failed delivery: a mailbox of facts, a loop around `domain.cases.decide`, effects as activities.

Signals and updates only put into the mailbox; the loop takes one fact or the timer, decides, runs each command as one
activity and feeds its result back as a fact. No rule of the product stands here.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.carriers import Carriers
    from activities.cases import Cases
    from activities.messages import Messages
    from activities.values import (
        EndCaseTask,
        MessageResult,
        OutgoingEventTask,
        SendSessionTask,
        SendTemplateTask,
        Snapshot,
        TakeActionTask,
    )
    from domain import cases
    from domain.case_events import (
        ActionAnswered,
        ActionTaken,
        Answer,
        CloseAsked,
        Command,
        EndCase,
        Event,
        MessageAccepted,
        MessageNotSent,
        MessageUnknown,
        Note,
        Opened,
        ResendAsked,
        SendSession,
        SendTemplate,
        TakeAction,
        WokeUp,
    )
    from domain.failures import Action, Mode
    from domain.messages import NotSent
    from domain.timing import local_words
    from workflows import options
    from workflows.outgoing_event import OutgoingEventWorkflow
    from workflows.rules import rules_of_run
    from workflows.values import (
        ActionByHand,
        CaseStart,
        CloseByHand,
        Mail,
        ManualAnswer,
        SendAgainByHand,
    )


Result = TypeVar("Result")


@workflow.defn(name="FailedDelivery")
class FailedDeliveryWorkflow:
    """One case, from the failed attempt to its end."""

    @workflow.init
    def __init__(self, start: CaseStart) -> None:
        """Be ready for mail before `run` begins: a signal may come with the start."""
        self._policy = start.policy
        self._case = cases.open_case(start.facts, start.policy)
        self._rules = 1
        self._mail: deque[Mail] = deque()
        self._seen: set[str] = set()
        self._answers: dict[str, ManualAnswer] = {}
        self._last_reply = "none yet"
        self._found_as = "waiting"

    @workflow.run
    async def run(self, start: CaseStart) -> str:  # noqa: ARG002 - Temporal hands the same argument to both
        """Run the case to its end and return the outcome."""
        self._rules = rules_of_run()
        await self._follow(Opened())
        while True:
            while self._mail:
                mail = self._mail.popleft()
                before = self._case
                results = await self._follow(mail.event)
                self._answers[mail.id] = self._manual_answer(mail, before, results)
            if self._case.outcome is not None:
                # The server may have taken a signal while the last step ran: drain before the end.
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._mail:
                    return self._case.outcome.value
            elif await self._is_time():
                await self._follow(WokeUp())

    async def _is_time(self) -> bool:
        """Wait for mail or for the time the case wants to be woken; mail wins when both are there."""
        wake_at = cases.wake_at(self._case, self._policy)
        self._tell_ops()
        left = (wake_at - workflow.now()).total_seconds() if wake_at else None
        if left is None or left > 0:
            try:
                await workflow.wait_condition(
                    lambda: bool(self._mail),
                    timeout=left,
                    timeout_summary=cases.waits_for(self._case, self._policy),
                )
            except TimeoutError:
                pass  # the timer and mail can come in one task, after a time without a worker: mail goes first
            except asyncio.CancelledError:
                self._close_for_ui()
        return not self._mail

    async def _follow(self, event: Event) -> list[Event]:
        """Take one fact and everything that follows from it; return the results of the effects."""
        pending: deque[Event] = deque([event])
        results: list[Event] = []
        while pending:
            self._case, commands = cases.decide(
                self._case, pending.popleft(), workflow.now(), self._policy, self._rules
            )
            self._be_found()
            self._tell_ops()
            came = await self._run(commands)
            pending.extend(came)
            results.extend(came)
        return results

    async def _run(self, commands: tuple[Command, ...]) -> list[Event]:
        """Run the commands of one decision; notes travel with the first effect."""
        notes = tuple(command for command in commands if isinstance(command, Note))
        effects = [command for command in commands if not isinstance(command, Note)]
        results: list[Event] = []
        if notes and not effects:
            await self._effect(
                workflow.start_activity_method(
                    Cases.record, self._snapshot(notes), summary=notes[0].topic, **options.RECORD
                )
            )
        for command in effects:
            snapshot, notes = self._snapshot(notes), ()
            match command:
                case SendTemplate() | SendSession():
                    results.append(await self._send(command, snapshot))
                case TakeAction():
                    results.append(await self._act(command, snapshot))
                case EndCase():
                    await self._end(command, snapshot)
        return results

    def _snapshot(self, notes: tuple[Note, ...]) -> Snapshot:
        return Snapshot(
            workspace_id=self._case.facts.failure.workspace_id,
            case_id=self._case.id,
            progress=cases.progress(self._case, self._policy),
            notes=notes,
        )

    async def _effect(self, effect: asyncio.Task[Result]) -> Result:
        """Wait for an effect under way, also when somebody presses Cancel meanwhile."""
        while True:
            try:
                return await asyncio.shield(effect)
            except asyncio.CancelledError:
                # Without a reason nobody pressed Cancel: the run leaves the cache, and all its tasks end.
                if workflow.cancellation_reason() is None or effect.cancelled():
                    raise
                self._close_for_ui()

    def _close_for_ui(self) -> None:
        """Take the UI's Cancel button as mail: a case ends by mail, so that its end is recorded."""
        self._put(Mail("cancelled-in-ui", CloseAsked(Mode.OPS, note="cancelled in Temporal UI")))

    async def _send(self, command: SendTemplate | SendSession, snapshot: Snapshot) -> Event:
        try:
            if isinstance(command, SendTemplate):
                result = await self._effect(
                    workflow.start_activity_method(
                        Messages.send_template,
                        SendTemplateTask(snapshot, command),
                        summary=command.purpose.value,
                        **options.SEND,
                    )
                )
            else:
                result = await self._effect(
                    workflow.start_activity_method(
                        Messages.send_session,
                        SendSessionTask(snapshot, command),
                        summary=command.purpose.value,
                        **options.SEND,
                    )
                )
        except ActivityError as error:
            cause, detail = error.cause, str(error.cause or error)
            kind = cause.type if isinstance(cause, ApplicationError) else None
            # Whatever else went wrong is our own trouble, and nobody knows how far it came. The same command asked
            # again finds out; it never sends twice.
            known = {"Throttled": NotSent.TRANSIENT, "Unsendable": NotSent.OURS}
            result = MessageResult(why=known.get(kind or "", NotSent.STALLED), detail=detail)
        await self._deliver_events(snapshot, result.event_ids)
        if result.is_accepted:
            return MessageAccepted(command.id)
        if result.is_unknown:
            return MessageUnknown(command.id)
        is_template = isinstance(command, SendTemplate)
        return MessageNotSent(command.id, result.why or NotSent.UNKNOWN, result.detail, is_template)

    async def _act(self, command: TakeAction, snapshot: Snapshot) -> Event:
        try:
            result = await self._effect(
                workflow.start_activity_method(
                    Carriers.take_action,
                    TakeActionTask(snapshot, command),
                    summary=f"{command.request.action.value}, {command.request.mode.value}",
                    **options.ACT,
                )
            )
        except ActivityError as error:
            return ActionAnswered(command.request.id, Answer.UNKNOWN, str(error.cause or error))
        await self._deliver_events(snapshot, result.event_ids)
        return ActionAnswered(command.request.id, result.answer, result.detail)

    async def _end(self, command: EndCase, snapshot: Snapshot) -> None:
        result = await self._effect(
            workflow.start_activity_method(
                Cases.end, EndCaseTask(snapshot, command), summary=command.outcome, **options.RECORD
            )
        )
        await self._start_deliveries(snapshot, result.event_ids)

    async def _deliver_events(self, snapshot: Snapshot, event_ids: tuple[str, ...]) -> None:
        """Start the deliveries that an effect before the end calls for."""
        # Runs whose effects an older worker took up left these to the sweep.
        if event_ids and workflow.patched("events-before-the-end"):
            await self._start_deliveries(snapshot, event_ids)

    async def _start_deliveries(self, snapshot: Snapshot, event_ids: tuple[str, ...]) -> None:
        for event_id in event_ids:
            child = workflow.start_child_workflow(
                OutgoingEventWorkflow.run,
                OutgoingEventTask(snapshot.workspace_id, event_id),
                id=f"event:{event_id}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
            # The sweep may have been faster: then the event is on its way already.
            with suppress(WorkflowAlreadyStartedError):
                await self._effect(asyncio.create_task(child))

    def _be_found(self) -> None:
        """Keep what ops search by, where it changed: each change is an event and a write of the server."""
        found_as = cases.found_as(self._case)
        if found_as == self._found_as:
            return
        self._found_as = found_as
        changes: list[SearchAttributeUpdate[str]] = [options.CASE_STATE.value_set(found_as)]
        if self._case.outcome is not None:
            changes.append(options.CASE_OUTCOME.value_set(self._case.outcome.value))
        workflow.upsert_search_attributes(changes)

    def _tell_ops(self) -> None:
        """Show in words what the run waits for (R6.11)."""
        workflow.set_current_details(
            f"{cases.describe(self._case, self._policy)}\n\n"
            f"possible by hand: {', '.join(cases.allowed_actions(self._case)) or 'nothing now'}\n\n"
            f"last reply: {self._last_reply}\n\nlast step: {self._case.note or 'none yet'}"
        )

    def _put(self, mail: Mail) -> None:
        """Take mail once, however often it is delivered."""
        if mail.id not in self._seen:
            self._seen.add(mail.id)
            self._mail.append(mail)

    def _manual_answer(self, mail: Mail, before: cases.Case, results: list[Event]) -> ManualAnswer:
        """Return what an act by hand came to: whether this very act did what it asked for."""
        now, event = self._case, mail.event
        match event:
            case ActionTaken(action=Action.NOT_MY_ORDER):
                is_done = before.is_open and now.outcome is cases.Outcome.NOT_MY_ORDER
            case ActionTaken():
                accepted = now.accepted if before.accepted is None else None
                is_done = accepted is not None and (accepted.action, accepted.on) == (event.action, event.on)
            case ResendAsked():
                is_done = any(isinstance(result, MessageAccepted) for result in results)
            case CloseAsked():
                is_done = before.is_open and now.outcome is cases.Outcome.CLOSED
            case _:
                is_done = True
        return ManualAnswer(now.state.value, now.outcome.value if now.outcome else "", now.note, is_done)

    @workflow.signal(
        name="deliver", description="A fact for the case: a reply, a shipment's move, a failed message"
    )
    def deliver(self, mail: Mail) -> None:
        """Take a fact."""
        if mail.event.kind == "customer_replied":
            reply = mail.event.reply
            # Asked for by a query, encrypted on its way like every payload, and kept nowhere.
            words = f" “{reply.text[:120]}”" if reply.text else ""
            self._last_reply = f"{reply.kind.value}{words}, {local_words(reply.at, self._policy)}"
        self._put(mail)

    @workflow.update(name="act", description="For programs: take an action, send again or close, by hand")
    async def act(self, mail: Mail) -> ManualAnswer:
        """Take an act by hand and return what it came to."""
        return await self._come_to(mail)

    @act.validator
    def _validate_act(self, mail: Mail) -> None:
        if mail.id not in self._seen:
            self._check_by_hand(mail.event)

    # What ops send from Temporal UI: plain texts, no id to make up. The update's own id makes it one fact.

    @workflow.update(
        name="take_action",
        description='Take an action: {"action": "reattempt", "person": "you"}. Also "reschedule" with "on": "2026-12-01", '
        '"update_address" with "address", "pincode", "landmark", "cancel", "dispute" with "words", "not_my_order".',
    )
    async def take_action(self, ask: ActionByHand) -> ManualAnswer:
        """Take an action by hand and return what it came to."""
        return await self._come_to(self._by_hand(ask.event()))

    @take_action.validator
    def _validate_take_action(self, ask: ActionByHand) -> None:
        try:
            event = ask.event()
        except ValueError as error:
            raise ApplicationError(str(error), type="Unreadable") from error
        self._check_by_hand(event)

    @workflow.update(
        name="send_again", description='Send the failed-delivery message once more: {"person": "you"}'
    )
    async def send_again(self, ask: SendAgainByHand) -> ManualAnswer:
        """Send the first message again and return what it came to."""
        return await self._come_to(self._by_hand(ask.event()))

    @send_again.validator
    def _validate_send_again(self, ask: SendAgainByHand) -> None:
        self._check_by_hand(ask.event())

    @workflow.update(
        name="close", description='End the case; nobody is asked any more: {"person": "you", "note": "why"}'
    )
    async def close(self, ask: CloseByHand) -> ManualAnswer:
        """Close the case and return what it came to."""
        return await self._come_to(self._by_hand(ask.event()))

    @close.validator
    def _validate_close(self, ask: CloseByHand) -> None:
        self._check_by_hand(ask.event())

    async def _come_to(self, mail: Mail) -> ManualAnswer:
        """Take an act by hand and wait for what it comes to."""
        self._put(mail)
        await workflow.wait_condition(lambda: mail.id in self._answers)
        return self._answers[mail.id]

    @staticmethod
    def _by_hand(event: Event) -> Mail:
        info = workflow.current_update_info()
        return Mail(f"by-hand:{info.id if info else workflow.uuid4()}", event)

    def _check_by_hand(self, event: Event) -> None:
        """Refuse what is not possible now, in words that say what is (R6.11)."""
        if not self._case.is_open:
            raise ApplicationError("the case has ended", type="CaseEnded")
        if isinstance(event, ResendAsked | CloseAsked):
            return
        if not isinstance(event, ActionTaken):
            raise ApplicationError("this is not an act by hand: send it as a signal", type="NotByHand")
        if refusal := cases.refusal_of(self._case, event, workflow.now(), self._policy):
            raise ApplicationError(str(refusal), type=refusal.type)

    @workflow.query(name="case")
    def case(self) -> cases.Progress:
        """Return what is shown of the case."""
        return cases.progress(self._case, self._policy)
