"""Money's daily round: match what Gupshup billed, count what differs, close the months that are due (R5.4)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import structlog
from temporalio import activity

from activities.values import ClosedMonths, Reconciled, Round
from db import reconciliation, statements
from db.reconciliation import BilledEvent, Matched
from db.session import Database, Session
from db.statements import Closed, NotYet

_log = structlog.get_logger(__name__)

_AT_ONCE = 5_000  # events of one round; what is left has its turn with the next


class Billing:
    """Activities about charges, for all workspaces.

    Args:
        database: Where everything is.
        clock: Returns the time.
        statement_days: How many days after its end a month is closed.
        reconciled_after: After how many hours a missing half counts as missing.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        statement_days: int,
        reconciled_after: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._statement_days = statement_days
        self._reconciled_after = reconciled_after

    @activity.defn(name="billing.reconcile")
    async def reconcile(self, task: Round) -> Reconciled:
        """Match what was not matched yet, and return what differs now; done again it changes nothing more."""
        now = self._clock()
        async with self._database.transaction() as session:
            events = await reconciliation.list_to_match(session, now, limit=_AT_ONCE)
        matched = adopted = 0
        for event in events:
            # One transaction each: none holds the locks of two customers.
            result = await self._match(event, now)
            matched += result.message is not None
            adopted += result.was_adopted
        async with self._database.transaction() as session:
            comparison = await reconciliation.compare(
                session,
                since=now - timedelta(days=task.days),
                until=now,
                now=now,
                after=timedelta(hours=self._reconciled_after),
            )
        differing = {differs.value: count for differs, count in comparison.differing.items() if count}
        _log.info("billing.reconciled", matched=matched, adopted=adopted, differing=differing)
        return Reconciled(matched, adopted, sum(differing.values()))

    @activity.defn(name="billing.close_months")
    async def close_months(self, task: Round) -> ClosedMonths:
        """Close every workspace's months that are due, in their order; what is closed already stays as it is."""
        now = self._clock()
        async with self._database.transaction() as session:
            due = await statements.list_due(session, now, days=self._statement_days)
        count = 0
        for workspace_id, month in due:
            try:
                closed = await self._close(workspace_id, month, now, task.person)
            except NotYet as error:  # somebody else closed months meanwhile
                _log.warning("billing.month.left", workspace_id=workspace_id, reason=str(error))
                continue
            count += 1
            _log.info(
                "billing.month.closed",
                workspace_id=workspace_id,
                month=f"{month:%Y-%m}",
                net_paise=closed.net_paise,
                tax_paise=closed.tax_paise,
            )
        return ClosedMonths(count)

    async def _match(self, event: BilledEvent, now: datetime) -> Matched:
        async def work(session: Session) -> Matched:
            return await reconciliation.match_later(session, event, now)

        return await self._database.in_transaction(work)

    async def _close(self, workspace_id: str, month: date, now: datetime, person: str) -> Closed:
        async def work(session: Session) -> Closed:
            return await statements.close(
                session, workspace_id, month, now=now, days=self._statement_days, person=person
            )

        return await self._database.in_transaction(work)
