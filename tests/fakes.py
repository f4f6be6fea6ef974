"""Stand-ins written by hand, under the real names and with the real manners."""

import asyncio

from workflows.client import (
    ActRefused,
    CaseNotRunning,
    CaseRef,
    CaseStart,
    LateReply,
    Mail,
    ManualAnswer,
    Workflows,
    WorkflowsUnavailable,
    case_workflow_id,
)

__all__ = ["FakeWorkflows"]


class FakeWorkflows(Workflows):
    """Runs that remember what they were told; can be away, and refuse acts.

    Attributes:
        is_down: Whether Temporal answers nothing.
        failures: How many of the next calls fail although Temporal is there.
        dies_next: Whether the process that tells a run next dies right after it.
        started: What runs began with, by run.
        mail: What runs were told, in order; repeats are dropped as a run drops them.
        told: The same with repeats.
        acts: Acts by hand, in order.
        late: Replies that came after the end, by their id.
        delivered: Outgoing events whose delivery began.
        ended: Runs that are over.
        act_answer: What the next acts come to.
    """

    def __init__(self) -> None:  # no client behind it
        self.is_down = False
        self.failures = 0
        self.dies_next = False
        self.started: dict[CaseRef, CaseStart] = {}
        self.mail: list[tuple[CaseRef, Mail]] = []
        self.told: list[tuple[CaseRef, Mail]] = []
        self.acts: list[tuple[CaseRef, Mail]] = []
        self.late: dict[str, LateReply] = {}
        self.delivered: list[str] = []
        self.ended: set[CaseRef] = set()
        self.act_answer: ManualAnswer | ActRefused = ManualAnswer("ended", "resolved", "done")

    def _answer(self) -> None:
        if self.is_down:
            raise WorkflowsUnavailable("away")
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a bug")

    def _check_runs(self, ref: CaseRef) -> None:
        if ref not in self.started or ref in self.ended:
            raise CaseNotRunning(case_workflow_id(ref))

    async def start_case(self, start: CaseStart) -> bool:
        """Start a run once."""
        self._answer()
        failure = start.facts.failure
        ref = CaseRef(failure.workspace_id, failure.shipment_id, failure.attempt)
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

    async def deliver_event(self, workspace_id: str, event_id: str) -> None:
        """Remember an event once."""
        self._answer()
        if (key := f"{workspace_id}/{event_id}") not in self.delivered:
            self.delivered.append(key)

    async def is_healthy(self) -> bool:
        """Tell whether it is there."""
        return not self.is_down
