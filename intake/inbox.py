"""Handle what the inbox holds: claim, one transaction for what it means, then tell the case, then mark.

A crash in between repeats the telling, which the case recognises by the mail's id. Our own outages cost a row
nothing; a row that itself is the trouble is parked after five tries, and no row ever stops another.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from clients.carriers.eshopbox import Eshopbox, UnreadableOrderEvent
from clients.gupshup import UnreadableCallback
from db import accounts, browser_sessions, cases, inbox, journey_events, outgoing_events, statuses, workspaces
from db.consents import Consent
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Database, DatabaseUnavailable, Session
from domain.failures import Capabilities
from domain.messages import MessageStatus
from domain.shipments import FailedDelivery
from intake import journey, removed, shipments
from intake.consent import Taken, take_consent
from intake.gupshup import Callbacks, take_failure
from intake.shipments import Report
from intake.telling import DeliverEvent, Meaning, SendNotification, Teller, Telling, about
from workflows.client import Workflows, WorkflowsUnavailable

__all__ = ["Intake"]

_log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=20)  # what a callback waits whose process died; handling it twice has one effect
_AT_ONCE = 8  # rows of one sweep in work at the same time
_UNSTARTED_AFTER = timedelta(seconds=15)  # whoever committed them is about to start them itself
_SENDING_AT_MOST = timedelta(minutes=5)  # beyond its lease; whoever sent it is dead, or its case has ended
_EXPIRED_AFTER = timedelta(minutes=15)  # the last try of what is sent at the last moment has ended
_PAUSES = (5, 30, 120, 300)  # seconds after a row's own failures: five tries in about ten minutes
_CLEANED_EVERY = timedelta(hours=1)
_REMOVED_EVERY = timedelta(seconds=15)
_CALLBACK_NOTED_EVERY = timedelta(minutes=1)
_LONGEST_PAUSE = 60  # seconds after an outage of ours
_PUT_OFF_AT_MOST = 1000  # ids that a sweep leaves out; beyond that the longest known has its turn again


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
        self._later = _Later()
        self._later_removed = _Later()
        self._clean_at = self._removed_at = clock()
        self._called: dict[str, datetime] = {}
        self._failures: list[Telling] = []
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
        """Handle what is due, start what was committed and never started (F6); return how much came to its end.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached.
        """
        now = self._clock()
        async with self._database.transaction() as session:
            items = await inbox.claim_due(session, self._cipher, limit=limit, now=now, lease=_LEASE)
            older_than, later = now - _UNSTARTED_AFTER, self._later.ids(now)
            rows = await cases.list_unstarted(session, older_than=older_than, limit=limit, but=later)
            unstarted = [(row, await shipments.tell_of(session, row)) for row in rows]
            events = await outgoing_events.list_unstarted(
                session, older_than=older_than, limit=limit, but=later
            )
            steps = await journey_events.list_unstarted(
                session, due_before=older_than, limit=limit + len(later)
            )
        given_up = await self._give_up_sending(limit)
        done = [
            *await _each(self._handle(item) for item in items),
            *await _each(self._unless_later(row.id, self._teller.tell_all(tell)) for row, tell in unstarted),
            *await _each(
                self._unless_later(event.id, self._teller.tell(DeliverEvent(event.workspace_id, event.id)))
                for event in events
            ),
            *await _each(
                self._unless_later(step.key.command_id, self._teller.tell(SendNotification(step)))
                for step in steps
                if step.key.command_id not in later
            ),
        ]
        done += await self._close_expired(now, limit)
        await self._tell_failures()
        if now >= self._removed_at:
            self._removed_at = now + _REMOVED_EVERY
            await self._tell_removed_everywhere(now, limit)
        if now >= self._clean_at:
            self._clean_at = now + _CLEANED_EVERY
            await self._clean(now)
        return given_up + sum(done)

    async def _clean(self, now: datetime) -> None:
        """Forget what has been kept long enough: statuses whose message never came, keys of requests, old sessions."""
        async with self._database.transaction() as session:
            await statuses.forget_orphan_statuses(session, now)
            await workspaces.forget_idempotency_keys(session, now)
            await browser_sessions.forget_sessions(session, now)

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
        if report.tell:
            await self._quietly(self._teller.tell_all(report.tell), shipment_id=failed.shipment_id)
        return report

    async def take_consent(self, consent: Consent) -> bool:
        """Take a word about what a customer wants that came otherwise than by a callback, and tell whether it is new (R5.5).

        Open cases are told where Temporal answers; where it does not, what they would send is refused all the same.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached; nothing is known to be stored.
        """
        mail_id = f"consent:{consent.account_id}:{consent.phone_hash.hex()[:16]}:{consent.key}"

        async def work(session: Session) -> Taken:
            return await take_consent(session, self._cipher, consent, now=self._clock(), mail_id=mail_id)

        taken = await self._database.in_transaction(work)
        if taken.tell:
            await self._quietly(self._teller.tell_all(taken.tell), account_id=consent.account_id)
        return taken.is_new

    async def tell_removed(self, workspace_id: str, now: datetime, limit: int = 50) -> None:
        """Tell the open cases of a workspace that their account was just uninstalled; more of them the sweep tells.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached.
        """
        async with self._database.transaction(workspace_id) as session:
            tell = await removed.to_tell(session, until=now, limit=limit, workspace_id=workspace_id)
        await _each(self._quietly(self._teller.tell(each), **about(each)) for each in tell)

    async def _tell_removed_everywhere(self, now: datetime, limit: int) -> None:
        """Tell cases that were not told when their account was uninstalled.

        One that was told stays open until its run has handled it: it is told again, ever more rarely, under the same id.
        """
        async with self._database.transaction() as session:
            later = self._later_removed.ids(now)
            tell = await removed.to_tell(session, until=now - _UNSTARTED_AFTER, limit=limit, but=later)
        for each in tell:
            self._later_removed.put_off(each.case_id, now)
        await _each(self._quietly(self._teller.tell(each), **about(each)) for each in tell)

    async def tell(self, telling: Telling) -> None:
        """Tell workflows one thing.

        Raises:
            WorkflowsUnavailable: Temporal did not answer.
        """
        await self._teller.tell(telling)

    async def _give_up_sending(self, limit: int) -> int:
        """Give up what was left half sent, and return how much that was.

        A status that waited may prove that such a message failed: then its case has to learn of it.
        """

        async def work(session: Session) -> tuple[int, list[Telling]]:
            now = self._clock()
            left = await statuses.give_up_sending(
                session, before=now - _SENDING_AT_MOST, now=now, limit=limit
            )
            failed = [message for message in left if message.status is MessageStatus.FAILED]
            meanings = [
                await take_failure(session, self._cipher, message, is_new=True, now=now) for message in failed
            ]
            return len(left), [telling for meaning in meanings for telling in meaning.tell]

        count, failures = await self._database.in_transaction(work)
        self._failures.extend(failures)
        return count

    async def _close_expired(self, now: datetime, limit: int) -> list[bool]:
        """Settle steps of the journey that nobody settled in their time, and tell of them."""

        async def work(session: Session) -> list[Telling]:
            left = await journey_events.list_expired(
                session, expired_before=now - _EXPIRED_AFTER, limit=limit
            )
            told = [await journey.close(session, self._cipher, step, now) for step in left]
            return [telling for tellings in told for telling in tellings]

        tellings = await self._database.in_transaction(work)
        return await _each(self._quietly(self._teller.tell(each), **about(each)) for each in tellings)

    async def _tell_failures(self) -> None:
        """Tell cases of messages that failed after all; again with the next sweep where Temporal is away."""
        failures, self._failures = self._failures, []
        told = await _each(
            self._quietly(self._teller.tell_all([failure]), **about(failure)) for failure in failures
        )
        self._failures += [failure for failure, is_told in zip(failures, told, strict=True) if not is_told]

    async def _unless_later(self, what: str, work: Awaitable[None]) -> bool:
        """Do what the sweep found left over, and leave it alone for a while if it fails again."""
        is_done = await self._quietly(work, id=what)
        if is_done:
            self._later.forget(what)
        else:
            self._later.put_off(what, self._clock())
        return is_done

    async def _handle(self, item: InboxItem) -> bool:
        """Handle a claimed row, and tell whether that is the end of it."""
        log = _log.bind(inbox_id=item.id, source=item.source)
        if item.source == "gupshup":
            await self._note_callback(item)
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
        else:
            return True
        return False

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

    async def _note_callback(self, item: InboxItem) -> None:
        """Note that Gupshup called for an account, once a minute at most.

        In a transaction of its own: the account's row would make its callbacks wait for one another.
        """
        known = self._called.get(item.owner_id)
        if known is not None and item.received_at < known + _CALLBACK_NOTED_EVERY:
            return
        if await self._quietly(
            self._database.in_transaction(
                lambda session: accounts.note_callback(session, item.owner_id, item.received_at)
            ),
            account_id=item.owner_id,
        ):
            self._called[item.owner_id] = item.received_at

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

    @staticmethod
    async def _quietly(work: Awaitable[None], **ids: object) -> bool:
        """Do what a later sweep does again if it fails, and tell whether it was done."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - one row's trouble never stops the others
            _log.warning("intake.left_for_sweep", error=type(error).__name__, **ids)
            return False
        return True


class _Later:
    """Remembers what failed and when to try it again: what always fails must not keep the sweep from the rest.

    Kept by process: another one, or this one begun again, tries it once more, which does no harm.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def ids(self, now: datetime) -> list[str]:
        """Return what is not to be tried yet."""
        return [known for known, (until, _) in self._known.items() if until > now]

    def put_off(self, what: str, now: datetime) -> None:
        """Wait longer after each failure."""
        _, count = self._known.pop(what, (now, 0))
        self._known[what] = (
            now + timedelta(seconds=min(2**count, _LONGEST_PAUSE)),
            min(count + 1, _LONGEST_PAUSE),
        )
        if len(self._known) > _PUT_OFF_AT_MOST:
            self._known.popitem(last=False)

    def forget(self, what: str) -> None:
        """Forget what was done."""
        self._known.pop(what, None)


async def _each(works: Iterable[Awaitable[bool]]) -> list[bool]:
    """Do everything, a few at a time, and return what was done."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Awaitable[bool]) -> bool:
        async with free:
            return await work

    return await asyncio.gather(*(one(work) for work in works))
