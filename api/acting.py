"""Acting on a case by hand: what is possible now, and putting an act before its run; for the JSON API and for pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from api.dependencies import Services
from api.errors import unavailable
from db import actions, cases, customers
from db.cases import CaseRow
from db.encryption import Cipher
from db.session import Session
from domain.case_events import Answer, Event
from domain.case_state import Case, CaseFacts, State, allowed_actions, eligible_days, open_case
from domain.failures import Action
from domain.timing import Policy
from intake.telling import StartCase, case_ref
from workflows.client import CaseNotRunning, Mail, ManualAnswer

__all__ = ["CaseOver", "Stand", "act", "read_stand"]


class CaseOver(Exception):
    """The case has ended.

    Attributes:
        row: The case as it is recorded now.
    """

    def __init__(self, row: CaseRow) -> None:
        super().__init__(f"case {row.id} has ended")
        self.row = row


@dataclass(frozen=True, slots=True)
class Stand:
    """What may be done with a case now, by what is recorded of it; its run has the last word.

    Attributes:
        row: The case.
        case: The case as a value, as far as it is recorded.
        policy: What it goes by.
        possible: What the order system may be asked for.
        days: The days that may be chosen.
    """

    row: CaseRow
    case: Case
    policy: Policy
    possible: tuple[Action, ...]
    days: tuple[date, ...]

    @property
    def facts(self) -> CaseFacts:
        """Return what the case is about."""
        return self.case.facts


async def read_stand(session: Session, cipher: Cipher, row: CaseRow, now: datetime) -> Stand:
    """Return what may be done with a case now (R6.2, R6.11)."""
    facts, policy = await cases.get_start(session, cipher, row.workspace_id, row.id)
    phone = facts.failure.customer_phone
    known = await customers.customer(session, facts.account_id, cipher.phone_hash(phone))
    asked = await actions.list_asked(session, cipher, row.workspace_id, (row.id,))
    case = open_case(facts, policy)
    case = replace(
        case,
        spoken=known.language,
        opted_out=known.opted_out_at is not None,
        last_reply_at=row.last_reply_at,
        refused_days=(*case.refused_days, *_refused_days(asked)),
        withdrawn=(
            *case.withdrawn,
            *(each.request.action for each in asked if each.answer == Answer.REFUSED),
        ),
    )
    is_free = row.is_open and row.state != State.ACTING
    possible = allowed_actions(case) if is_free else ()
    return Stand(row, case, policy, possible, eligible_days(case, now, policy) if is_free else ())


async def act(services: Services, row: CaseRow, event: Event, *, mail_id: str) -> ManualAnswer:
    """Put an act before a case and return what it came to; the same id again is the same act.

    Raises:
        CaseOver: The case has ended.
        ActRefused: The case refused it.
        Problem: 503, the case's run cannot be reached.
        WorkflowsUnavailable: Temporal did not answer in time; the act may still be done.
    """
    if not row.is_open:
        raise CaseOver(row)
    if row.started_at is None:
        await services.intake.tell(StartCase(row.workspace_id, row.id))
    try:
        return await services.workflows.act(case_ref(row), Mail(mail_id, event))
    except CaseNotRunning:
        async with services.resources.database.transaction(row.workspace_id) as session:
            now = await cases.find_case(session, row.workspace_id, row.id)
        if now is None or now.is_open:
            raise unavailable("The case's run") from None
        raise CaseOver(now) from None


def _refused_days(asked: Sequence[actions.AskedAction]) -> tuple[date, ...]:
    refused = (each.request.on for each in asked if each.answer == Answer.REFUSED_DATE)
    return tuple(on for on in refused if on is not None)
