"""Having an action executed: the intent first, the call with no transaction open, then the answer.

After an interruption or an unknown outcome the shipment's state is read before anything else (I4, F53, F55).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from temporalio import activity

from activities.heartbeat import alive
from activities.recording import record_entry, record_progress
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
from db.session import Database, Session
from domain.case_events import Answer
from domain.case_state import CaseFacts

_log = structlog.get_logger(__name__)

_FINAL = frozenset({Answer.ACCEPTED, Answer.REFUSED, Answer.REFUSED_DATE, Answer.NOT_WAITING})


class Carriers:
    """Activities that call whoever executes a delivery action."""

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        carriers: Mapping[str, Carrier],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._carriers = carriers
        self._clock = clock

    @activity.defn(name="carriers.take_action")
    async def take_action(self, task: TakeActionTask) -> ActionResult:
        """Ask once for an action; the same request again reads before it repeats."""
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
                )
            except actions.ActionNotAllowed as error:
                return ActionResult(Answer.NOT_WAITING, str(error))
            if row.answer in _FINAL:
                return ActionResult(Answer(row.answer), row.detail)
            await self._note(session, task, facts, what="asked", now=now)
            account = await workspaces.get_order_account(session, self._cipher, snapshot.workspace_id)
        credentials = CarrierCredentials(
            workspace_id=account.workspace_id,
            client_id=account.client_id,
            client_secret=account.client_secret,
            refresh_token=account.refresh_token,
        )
        carrier = carrier_for("eshopbox", self._carriers)
        perhaps_done = not row.is_new and row.status in ("asking", "unknown")
        async with alive():
            answer = await self._read_first(carrier, credentials, facts) if perhaps_done else None
            if answer is None:
                failure = facts.failure
                target = ActionTarget(
                    order_id=failure.order_id,
                    tracking_id=failure.tracking_id,
                    phone=failure.customer_phone,
                    customer_name=failure.customer_name,
                    address=failure.address,
                    attempt=failure.attempt,
                )
                answer = await carrier.take_action(credentials, target, request)
        async with self._database.transaction() as session:
            await actions.record_answer(
                session, request.id, answer=answer.answer, detail=answer.detail, now=self._clock()
            )
            if answer.answer in _FINAL:
                await self._note(
                    session, task, facts, what=answer.answer.value, detail=answer.detail, now=self._clock()
                )
        _log.info(
            "case.action.answered",
            case_id=snapshot.case_id,
            command_id=request.id,
            answer=answer.answer.value,
            status=answer.raw_status,
        )
        return ActionResult(answer.answer, answer.detail)

    async def _read_first(
        self, carrier: Carrier, credentials: CarrierCredentials, facts: CaseFacts
    ) -> CarrierAnswer | None:
        """Return what an earlier call came to; None when it surely did nothing and may be repeated."""
        try:
            reading = await carrier.read_shipment(credentials, facts.failure.tracking_id)
        except CarrierUnavailable as error:
            return CarrierAnswer(Answer.UNKNOWN, f"the shipment could not be read: {error}", None)
        if reading.resolution_recorded:
            return CarrierAnswer(Answer.ACCEPTED, "found recorded when the shipment was read", None)
        if not reading.is_failed_delivery:
            return CarrierAnswer(Answer.NOT_WAITING, f"the shipment's state is {reading.status}", None)
        return None

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
            },
        )
