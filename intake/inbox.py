"""Handle what the inbox holds: claim, one transaction for what it means, then tell the case, then mark.

A crash in between repeats the telling, which the case recognises by the mail's id. Our own outages cost a row
nothing; a row that itself is the trouble is parked after five tries, and no row ever stops another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from clients.carriers.eshopbox import Eshopbox, UnreadableOrderEvent
from clients.gupshup import UnreadableCallback
from db import cases, inbox, outgoing_events, statuses
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Database, DatabaseUnavailable, Session
from domain.failures import Capabilities
from domain.shipments import FailedDelivery
from intake import shipments
from intake.gupshup import Callbacks
from intake.shipments import Report
from intake.telling import Meaning, StartCase, Teller, Telling
from workflows.client import Workflows, WorkflowsUnavailable

__all__ = ["Intake"]

_log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=60)
_AT_ONCE = 8  # rows of one sweep in work at the same time
_UNSTARTED_AFTER = timedelta(seconds=15)  # whoever committed them is about to start them itself
_SENDING_AT_MOST = timedelta(minutes=5)  # beyond its lease; whoever sent it is dead, or its case has ended
_PAUSES = (5, 30, 120, 300)  # seconds after a row's own failures: five tries in about ten minutes
_LONGEST_PAUSE = 60  # seconds after an outage of ours


class Intake:
    """Gives callbacks their effect.

    Args:
        database: Where the inbox is.
        cipher: Opens what the inbox holds.
        workflows: The door to running cases.
        clock: Returns the time.
        capabilities: What the order system can execute; new cases begin with it.
    """

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        workflows: Workflows,
        clock: Callable[[], datetime],
        capabilities: Capabilities = Eshopbox.capabilities,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._workflows = workflows
        self._clock = clock
        self._capabilities = capabilities
        self._callbacks = Callbacks(cipher)
        self._teller = Teller(database=database, cipher=cipher, workflows=workflows, clock=clock)

    async def handle(self, inbox_id: int) -> None:
        """Handle one row, unless another process has it. Nothing is raised: what fails is tried again later."""
        try:
            async with self._database.transaction() as session:
                item = await inbox.claim(session, self._cipher, inbox_id, self._clock(), _LEASE)
        except Exception as error:  # noqa: BLE001 - the row is stored; the sweep brings it again
            _log.warning("intake.claim.failed", inbox_id=inbox_id, error=type(error).__name__)
            return
        if item is not None:
            await self._handle(item)

    async def handle_due(self, limit: int) -> None:
        """Handle the oldest rows that are due, claimed together: cheaper than one by one when many wait."""
        try:
            async with self._database.transaction() as session:
                items = await inbox.claim_due(
                    session, self._cipher, limit=limit, now=self._clock(), lease=_LEASE
                )
        except Exception as error:  # noqa: BLE001 - as for one row
            _log.warning("intake.claim.failed", error=type(error).__name__)
            return
        for item in items:
            await self._handle(item)

    async def sweep(self, limit: int = 100) -> int:
        """Handle what is due, start what was committed and never started (F6); return how much there was.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached.
        """
        now = self._clock()
        async with self._database.transaction() as session:
            items = await inbox.claim_due(session, self._cipher, limit=limit, now=now, lease=_LEASE)
            older_than = now - _UNSTARTED_AFTER
            rows = await cases.list_unstarted(session, older_than=older_than, limit=limit)
            events = await outgoing_events.list_unstarted(session, older_than=older_than, limit=limit)
        given_up = await self._database.in_transaction(
            lambda session: statuses.give_up_sending(
                session, before=now - _SENDING_AT_MOST, now=now, limit=limit
            )
        )
        await _each(self._handle(item) for item in items)
        await _each(
            self._quietly(self._teller.tell(StartCase(row.workspace_id, row.id)), case_id=row.id)
            for row in rows
        )
        await _each(
            self._quietly(self._deliver(event.workspace_id, event.id), event_id=event.id) for event in events
        )
        return len(items) + len(rows) + len(events) + given_up

    async def report(self, workspace_id: str, failed: FailedDelivery) -> Report:
        """Take a failed delivery that was reported by other ways than a callback (R8.1).

        The case's run is started where Temporal answers, else by the next sweep.

        Raises:
            NotFound: There is no such workspace.
            DatabaseUnavailable: PostgreSQL cannot be reached; nothing is known to be stored.
        """

        async def work(session: Session) -> Report:
            return await shipments.report(
                session,
                self._cipher,
                workspace_id,
                failed,
                capabilities=self._capabilities,
                now=self._clock(),
            )

        report = await self._database.in_transaction(work)
        for telling in report.tell:
            await self._quietly(self._teller.tell(telling), case_id=telling.case_id)
        return report

    async def tell(self, telling: Telling) -> None:
        """Tell workflows one thing.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        await self._teller.tell(telling)

    async def _handle(self, item: InboxItem) -> None:
        log = _log.bind(inbox_id=item.id, source=item.source)
        try:
            meaning = await self._database.in_transaction(lambda session: self._understand(session, item))
            for telling in meaning.tell:
                await self._teller.tell(telling)
            if meaning.tell:
                async with self._database.transaction() as session:
                    await inbox.finish(session, item.id, meaning.state, meaning.note, self._clock())
        except DatabaseUnavailable:
            log.warning("intake.postponed", reason="database")  # the claim's lease runs out by itself
        except WorkflowsUnavailable:
            await self._postpone(
                item, pause=min(2**item.tries, _LONGEST_PAUSE), note="workflows", counted=False
            )
        except (UnreadableCallback, UnreadableOrderEvent) as error:
            await self._park(item, str(error))
        except Exception as error:
            log.exception("intake.failed", tries=item.tries)
            await self._failed(item, f"{type(error).__name__}")

    async def _understand(self, session: Session, item: InboxItem) -> Meaning:
        """Give a row its effect on our own data; marked in the same transaction if nobody has to be told."""
        if item.source == "gupshup":
            meaning = await self._callbacks.understand(session, item)
        elif item.source == "order_system":
            meaning = await shipments.understand(
                session, self._cipher, item, capabilities=self._capabilities, now=self._clock()
            )
        else:
            assert_never(item.source)
        if not meaning.tell:
            await inbox.finish(session, item.id, meaning.state, meaning.note, self._clock())
        return meaning

    async def _failed(self, item: InboxItem, note: str) -> None:
        if item.attempts_counted >= len(_PAUSES):
            await self._park(item, note)
        else:
            await self._postpone(item, pause=_PAUSES[item.attempts_counted], note=note, counted=True)

    async def _postpone(self, item: InboxItem, *, pause: int, note: str, counted: bool) -> None:
        # Rows that failed together come back apart.
        until = self._clock() + timedelta(seconds=pause, milliseconds=item.id * 37 % 1000)
        await self._mark(
            item,
            lambda session: inbox.postpone(session, item.id, until=until, note=note, counted=counted),
        )

    async def _park(self, item: InboxItem, note: str) -> None:
        _log.error("intake.parked", inbox_id=item.id, source=item.source, reason=note)
        await self._mark(item, lambda session: inbox.park(session, item.id, note, self._clock()))

    async def _mark(self, item: InboxItem, write: Callable[[Session], Awaitable[None]]) -> None:
        await self._quietly(self._database.in_transaction(write), inbox_id=item.id)

    async def _deliver(self, workspace_id: str, event_id: str) -> None:
        await self._workflows.deliver_event(workspace_id, event_id)
        async with self._database.transaction() as session:
            await outgoing_events.mark_started(session, workspace_id, event_id, self._clock())

    @staticmethod
    async def _quietly(work: Awaitable[None], **ids: object) -> None:
        """Do what the next sweep does again if it fails."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - one row's trouble never stops the others
            _log.warning("intake.left_for_sweep", error=type(error).__name__, **ids)


async def _each(works: Iterable[Awaitable[None]]) -> None:
    """Do everything, a few at a time."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Awaitable[None]) -> None:
        async with free:
            await work

    await asyncio.gather(*(one(work) for work in works))
