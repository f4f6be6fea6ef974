"""Recording what a case decided where no other effect carries it, and its end."""

from collections.abc import Callable
from datetime import datetime

import structlog
from temporalio import activity

from activities.recording import record_entry, record_progress, tell_workspace
from activities.values import EndCaseTask, EndResult, Snapshot
from db import cases, suppressions
from db.encryption import Cipher
from db.session import Database
from domain.case_state import Outcome

_log = structlog.get_logger(__name__)

EVENT_TYPES = {
    Outcome.RESOLVED: "case.resolved",
    Outcome.UNDELIVERABLE: "case.undeliverable",  # e-mail and SMS take over (R6.10)
    Outcome.HANDED_OVER: "case.handed_over",
    Outcome.NOT_MY_ORDER: "case.handed_over",
    Outcome.RESOLVED_ELSEWHERE: "case.ended",
    Outcome.DELIVERED: "case.ended",
    Outcome.RTO: "case.ended",
    Outcome.CANCELLED: "case.ended",
    Outcome.LOST: "case.ended",
    Outcome.MOVED_ON: "case.ended",
    Outcome.SUPERSEDED: "case.ended",
    Outcome.NO_ANSWER: "case.ended",
    Outcome.CLOSED: "case.ended",
}
"""What a workspace hears when a case ends so: what it has to act on has a type of its own (R8.3)."""


class Cases:
    """Activities that only record."""

    def __init__(self, *, database: Database, cipher: Cipher, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock

    @activity.defn(name="cases.record")
    async def record(self, snapshot: Snapshot) -> None:
        """Save progress and notes."""
        async with self._database.transaction() as session:
            facts, _ = await cases.get_start(session, self._cipher, snapshot.workspace_id, snapshot.case_id)
            await record_progress(session, self._cipher, snapshot, facts, self._clock())

    @activity.defn(name="cases.end")
    async def end(self, task: EndCaseTask) -> EndResult:
        """Record the end, the event that tells the workspace of it, and a number that was the wrong one (R6.2)."""
        snapshot, command, now = task.snapshot, task.command, self._clock()
        async with self._database.transaction() as session:
            facts, _ = await cases.get_start(session, self._cipher, snapshot.workspace_id, snapshot.case_id)
            outcome = Outcome(command.outcome)
            phone = facts.failure.customer_phone
            if outcome is Outcome.NOT_MY_ORDER and phone:  # first: its lock comes before those of rows
                await suppressions.suppress(
                    session,
                    snapshot.workspace_id,
                    self._cipher.phone_hash(phone),
                    case_id=snapshot.case_id,
                    since=command.ended_at or now,
                )
            await record_progress(session, self._cipher, snapshot, facts, now)
            is_first = await cases.end_case(
                session,
                snapshot.workspace_id,
                snapshot.case_id,
                snapshot.progress,
                ended_at=command.ended_at or now,
            )
            await record_entry(
                session,
                self._cipher,
                facts,
                at=now,
                kind="handover" if outcome in (Outcome.HANDED_OVER, Outcome.NOT_MY_ORDER) else "automatic",
                topic=f"ended_{command.outcome}",
                key=f"end:{snapshot.case_id}",
                detail=command.detail,
                mode=command.mode.value,
                person=command.person,
            )
            event_ids: tuple[str, ...] = ()
            if is_first:
                event_ids = await tell_workspace(
                    session,
                    self._cipher,
                    facts,
                    type=EVENT_TYPES[outcome],
                    source_key=f"end:{snapshot.case_id}",
                    data={
                        "outcome": command.outcome,
                        "reason": command.detail,
                        "action": snapshot.progress.accepted,
                        "mode": command.mode.value,
                    },
                    now=now,
                )
        _log.info("case.ended", case_id=snapshot.case_id, outcome=command.outcome)
        return EndResult(event_ids)
