"""Having an action executed: the intent first, the call with no transaction open, then the answer.

After an interruption or an unknown outcome the shipment's state is read before anything else (I4, F53, F55), and only
once the call of the earlier attempt must have ended: what is under way cannot be read yet (F7).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import alive
from activities.recording import record_entry, record_progress, tell_workspace
from activities.values import ActionResult, TakeActionTask
from clients.carriers.base import (
    ActionTarget,
    Carrier,
    CarrierAnswer,
    CarrierCredentials,
    CarrierUnavailable,
)
from clients.carriers.registry import carrier_for
from db import actions, cases, workspaces
from db.encryption import Cipher
from db.session import Database, NotFound, Session
from domain.case_events import ActionRequest, Answer
from domain.case_state import CaseFacts

_log = structlog.get_logger(__name__)

_LONGEST_CALL = timedelta(seconds=30)
_LEASE = timedelta(seconds=35)  # beyond the longest call: after it the order system has what it was sent
_FINAL = frozenset({Answer.ACCEPTED, Answer.REFUSED, Answer.REFUSED_DATE, Answer.NOT_WAITING})
_REFUSED = frozenset({Answer.REFUSED, Answer.REFUSED_DATE})


class Carriers:
    """Activities that call whoever executes a delivery action."""

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        carriers: Mapping[str, Carrier],
        clock: Callable[[], datetime],
        longest_call: timedelta = _LONGEST_CALL,
    ) -> None:
        self._longest_call = longest_call
        self._database = database
        self._cipher = cipher
        self._carriers = carriers
        self._clock = clock

    @activity.defn(name="carriers.take_action")
    async def take_action(self, task: TakeActionTask) -> ActionResult:
        """Ask once for an action; the same request again reads before it repeats.

        Raises:
            ApplicationError: `Busy`, retryable: an earlier attempt may have a call under way.
        """
        snapshot, request = task.snapshot, task.command.request
        try:
            begun = await self._begin(task)
        except actions.ActionBusy as busy:
            raise _busy(busy.until - self._clock()) from busy
        if isinstance(begun, ActionResult):
            return begun
        row, facts, credentials = begun
        carrier = carrier_for("eshopbox", self._carriers)
        perhaps_done = not row.is_new and row.status in ("asking", "unknown")
        async with alive():
            answer = await self._read_first(carrier, credentials, facts) if perhaps_done else None
            if answer is None:
                await self._hold(row)
                answer = await self._call(carrier, credentials, facts, request)
        async with self._database.transaction() as session:
            row = await actions.record_answer(
                session,
                request.id,
                tries=row.tries,
                answer=answer.answer,
                detail=answer.detail,
                now=self._clock(),
            )
            final = await self._conclude(session, task, facts, row) if row.answer in _FINAL else None
        _log.info(
            "case.action.answered",
            case_id=snapshot.case_id,
            command_id=request.id,
            answer=answer.answer.value,
            status=answer.raw_status,
        )
        return final or ActionResult(answer.answer, answer.detail)

    async def _begin(
        self, task: TakeActionTask
    ) -> tuple[actions.ActionRow, CaseFacts, CarrierCredentials] | ActionResult:
        """Commit the intent, or return what already became of it or forbids it.

        Raises:
            ActionBusy: An earlier attempt may have a call under way.
        """
        snapshot, request, now = task.snapshot, task.command.request, self._clock()
        async with self._database.transaction() as session:
            facts, _ = await cases.get_start(session, self._cipher, snapshot.workspace_id, snapshot.case_id)
            await record_progress(session, self._cipher, snapshot, facts, now)
            try:
                row = await actions.begin_action(
                    session,
                    self._cipher,
                    request,
                    workspace_id=snapshot.workspace_id,
                    case_id=snapshot.case_id,
                    now=now,
                    lease_until=now + _LEASE,
                )
            except actions.ActionNotAllowed as error:
                return ActionResult(Answer.NOT_WAITING, str(error))
            if row.answer in _FINAL:
                return await self._conclude(session, task, facts, row)
            await self._note(session, task, facts, what="asked", now=now)
            try:
                account = await workspaces.get_order_account(session, self._cipher, snapshot.workspace_id)
            except NotFound:
                row = await actions.record_answer(
                    session,
                    request.id,
                    tries=row.tries,
                    answer=Answer.REFUSED,
                    detail="no order system is connected",
                    now=now,
                )
                return await self._conclude(session, task, facts, row)
        credentials = CarrierCredentials(
            workspace_id=account.workspace_id,
            client_id=account.client_id,
            client_secret=account.client_secret,
            refresh_token=account.refresh_token,
        )
        return row, facts, credentials

    async def _hold(self, row: actions.ActionRow) -> None:
        """See to it, last before the request, that this attempt holds the lease until its call must have ended.

        The reading before it may have taken long, or the process may have been frozen.

        Raises:
            ApplicationError: `Busy`: another attempt has taken over, or may.
        """
        if self._covers(row.lease_until):
            return
        until = self._clock() + _LEASE
        async with self._database.transaction() as session:
            is_ours = await actions.renew_lease(session, row.id, tries=row.tries, lease_until=until)
        if not is_ours or not self._covers(until):
            raise _busy(_LEASE)

    def _covers(self, lease_until: datetime | None) -> bool:
        return lease_until is not None and self._clock() + self._longest_call <= lease_until

    async def _call(
        self, carrier: Carrier, credentials: CarrierCredentials, facts: CaseFacts, request: ActionRequest
    ) -> CarrierAnswer:
        """Ask the carrier, for as long as the lease is sure to last."""
        failure = facts.failure
        target = ActionTarget(
            order_id=failure.order_id,
            tracking_id=failure.tracking_id,
            phone=failure.customer_phone,
            customer_name=failure.customer_name,
            address=failure.address,
            attempt=failure.attempt,
        )
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                return await carrier.take_action(credentials, target, request)
        except TimeoutError:
            return CarrierAnswer(Answer.UNKNOWN, "no answer in time")

    async def _read_first(
        self, carrier: Carrier, credentials: CarrierCredentials, facts: CaseFacts
    ) -> CarrierAnswer | None:
        """Return what an earlier call came to; None when it surely did nothing and may be repeated."""
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                reading = await carrier.read_shipment(credentials, facts.failure.tracking_id)
        except TimeoutError:
            return CarrierAnswer(Answer.UNKNOWN, "the shipment could not be read in time")
        except CarrierUnavailable as error:
            return CarrierAnswer(Answer.UNKNOWN, f"the shipment could not be read: {error}", None)
        # After a long outage a later attempt may have failed, of which its own case has yet to ask the customer (I4).
        ours = reading.superseded(facts.failure.failed_at)
        if ours.is_resolved if ours else reading.resolution_recorded:
            return CarrierAnswer(Answer.ACCEPTED, "found recorded when the shipment was read", None)
        if ours:
            return CarrierAnswer(Answer.NOT_WAITING, "a later attempt has failed", None)
        if not reading.is_failed_delivery:
            return CarrierAnswer(Answer.NOT_WAITING, f"the shipment's state is {reading.status}", None)
        return None

    async def _conclude(
        self, session: Session, task: TakeActionTask, facts: CaseFacts, row: actions.ActionRow
    ) -> ActionResult:
        """Record an answer that is for good, and tell the seller of a refusal; both once."""
        request, answer, now = task.command.request, Answer(row.answer), self._clock()
        await self._note(session, task, facts, what=answer.value, detail=row.detail, now=now)
        event_ids: tuple[str, ...] = ()
        if answer in _REFUSED:
            event_ids = await tell_workspace(
                session,
                self._cipher,
                facts,
                type="case.action_refused",
                source_key=f"refused:{request.id}",
                data={
                    "action": request.action.value,
                    "date": request.on.isoformat() if request.on else "",
                    "answer": answer.value,
                    "reason": row.detail,
                    "mode": request.mode.value,
                },
                now=now,
            )
        return ActionResult(answer, row.detail, event_ids)

    async def _note(
        self,
        session: Session,
        task: TakeActionTask,
        facts: CaseFacts,
        *,
        what: str,
        detail: str = "",
        now: datetime,
    ) -> None:
        """Put the action on the order's activity: asked and answered are two entries, never mixed up."""
        request = task.command.request
        await record_entry(
            session,
            self._cipher,
            facts,
            at=now,
            kind="action",
            topic=f"{request.action.value}_{what}",
            key=f"action:{request.id}:{what}",
            detail=detail,
            mode=request.mode.value,
            person=request.person,
            data={
                "on": request.on.isoformat() if request.on else "",
                "address": request.address.text,
                "words": list(request.words),
                "evidence": [
                    {"reply": kept.id, "at": kept.at.isoformat(), "kind": kept.kind, "words": kept.words}
                    for kept in request.evidence
                ],
            },
        )


def _busy(rest: timedelta) -> ApplicationError:
    """Return what has the activity tried again once an earlier attempt's lease has run out."""
    return ApplicationError(
        "an earlier attempt may still be asking",
        type="Busy",
        next_retry_delay=max(rest, timedelta(seconds=1)),
        category=ApplicationErrorCategory.BENIGN,
    )
