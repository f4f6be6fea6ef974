"""Sending the message about a step of the journey: one for each parcel or return and step (R5.1).

Everything that forbids it is asked again in the transaction that commits the intent (I6). What is missing for the
template is read from the order system first, with no transaction open.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import alive
from activities.sending import LEASE, Intent, Sending, begun_before, template_content, write_intent
from activities.values import MessageResult, NotificationTask
from clients.carriers.base import Carrier, CarrierCredentials, CarrierUnavailable, ShipmentReading
from clients.carriers.registry import carrier_for
from clients.gupshup import Gupshup
from db import (
    accounts,
    customers,
    installations,
    journey_events,
    messages,
    notifications,
    outgoing_events,
    shipments,
    suppressions,
    timeline,
    workspaces,
)
from db.encryption import Cipher
from db.journey_events import JourneyKey, JourneyStep
from db.locks import serialize
from db.notifications import Notification
from db.session import Database, NotFound, Session
from db.workspaces import Workspace
from domain.failures import Mode
from domain.journey import JourneyGroup, find_event
from domain.journey_messages import Standing, due_at, passed_by
from domain.journey_variables import journey_values, to_be_read
from domain.messages import NotSent
from domain.shipments import OrderFacts
from domain.templates import Filled, filled_from
from domain.wording import spoken

_log = structlog.get_logger(__name__)

PURPOSE = "notification"

Deliver = Callable[[str, str], Awaitable[None]]
"""Has an outgoing event of a workspace delivered."""

_READ_TRIES = 8  # some four minutes: a parcel that the order system does not show by then is not waited for


@dataclass(frozen=True, slots=True)
class _ToRead:
    """A value is missing that the order system may know."""

    tracking_id: str
    credentials: CarrierCredentials


@dataclass(frozen=True, slots=True)
class _Why:
    """Why a message is not sent: in our word where there is one, and as the activity has it.

    Whether it is news still is for other channels: they do not take over what is none.
    """

    detail: str
    why: NotSent | None = None
    is_news: bool = True

    @classmethod
    def of(cls, why: NotSent, more: str = "") -> "_Why":
        """Return it in our word, and what it is about."""
        return cls(": ".join(filter(None, (why.value, more))), why)


class Notifications:
    """Activities that tell customers of their parcel's journey."""

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        gupshup: Gupshup,
        carriers: Mapping[str, Carrier],
        clock: Callable[[], datetime],
        deliver: Deliver | None = None,
    ) -> None:
        """Take what sending needs.

        Args:
            database: Where everything stands.
            cipher: Opens and seals.
            gupshup: Sends.
            carriers: Read what an event left out.
            clock: Tells the time.
            deliver: Delivers what the order system has to hear at once; without it the sweep does.
        """
        self._database = database
        self._cipher = cipher
        self._carriers = carriers
        self._clock = clock
        self._deliver = deliver
        self._sending = Sending(database=database, cipher=cipher, gupshup=gupshup, clock=clock)

    @activity.defn(name="notifications.send")
    async def send(self, task: NotificationTask) -> MessageResult:
        """Send the message about a step once.

        Raises:
            ApplicationError: Retryable, each: `Throttled`, as for any message; `QuietHours`, it has to wait for their
                end; `OrderSystemAway`, a value that is missing could not be read.
        """
        key = JourneyKey(task.workspace_id, task.subject_id, task.event)
        intent = await self._database.in_transaction(partial(self._intend, key=key, tracked=None))
        if isinstance(intent, _ToRead):
            tracked = await self._read(intent)
            intent = await self._database.in_transaction(partial(self._intend, key=key, tracked=tracked))
        if isinstance(intent, Intent):
            result = await self._sending.template(intent, partial(self._conclude, key=key))
        elif isinstance(intent, MessageResult):
            result = intent
        else:
            raise TypeError("what was read is not read again")
        await self._tell(task.workspace_id, result)
        return result

    async def _read(self, wanted: _ToRead) -> ShipmentReading | Mapping[str, str]:
        """Read a parcel; nothing where the order system does not show it however often it is asked.

        Raises:
            ApplicationError: `OrderSystemAway`, retryable.
        """
        carrier = carrier_for("eshopbox", self._carriers)
        try:
            async with alive():
                return await carrier.read_shipment(wanted.credentials, wanted.tracking_id)
        except CarrierUnavailable as error:
            if activity.info().attempt >= _READ_TRIES:
                return {}
            raise ApplicationError(
                f"a value is missing, and the parcel could not be read: {error.reason}",
                type="OrderSystemAway",
                category=ApplicationErrorCategory.BENIGN,
            ) from error

    async def _intend(
        self, session: Session, *, key: JourneyKey, tracked: ShipmentReading | Mapping[str, str] | None
    ) -> Intent | MessageResult | _ToRead:
        """Write the intent, or return what already became of it, what forbids it, or what has to be read first."""
        now = self._clock()
        found = await journey_events.get_step(session, self._cipher, key)
        step, facts = found.step, found.facts
        if step.ended_at is not None:
            return _result_of(step)
        forbidden = await self._forbidden(session, step, facts)  # first, for the order of locks
        known = await begun_before(session, self._cipher, key.workspace_id, key.command_id, now)
        if isinstance(known, MessageResult):
            await journey_events.end_step(session, key, _outcome_of(known), now)
            return known
        workspace = await workspaces.get_workspace(session, key.workspace_id)
        forbidden = forbidden or await _no_news(session, step, workspace, now)
        if forbidden is not None:
            return await self._not_sent(session, step, forbidden, known, now)
        customer = await customers.customer(
            session, step.account_id, self._cipher.phone_hash(facts.customer_phone)
        )
        # What the customer asked for goes before what the order came with (R6.13).
        language = spoken(customer.language or facts.language or workspace.default_language)
        notification = await notifications.find_notification(
            session, key.workspace_id, step.account_id, step.event, language, lock=True
        )
        if notification is None or not notification.is_on:
            return await self._not_sent(session, step, _Why.of(NotSent.SWITCHED_OFF), known, now)
        if notification.attention:
            why = _Why.of(NotSent.TEMPLATE, notification.attention)
            return await self._not_sent(session, step, why, known, now)
        if customer.refuses(notification.category):
            why = _Why.of(NotSent.OPTED_OUT, notification.category.lower())
            return await self._not_sent(session, step, why, known, now)
        if isinstance(tracked, ShipmentReading):
            facts = replace(
                facts,
                expected_on=facts.expected_on or tracked.expected_on,
                courier_name=facts.courier_name or tracked.courier_name,
            )
        values = journey_values(
            facts,
            order_id=step.order_id,
            tracking_id=step.tracking_id,
            brand=workspace.brand,
            language=notification.language,
        )
        if tracked is None and to_be_read(values, (param.variable for param in notification.params)):
            to_read = await self._to_read(session, step)
            if to_read is not None:
                return to_read
        filled = filled_from(values, ((param.variable, param.fallback) for param in notification.params))
        if filled.missing:
            why = _Why.of(NotSent.MISSING_VALUE, ", ".join(filled.missing))
            return await self._not_sent(session, step, why, known, now)
        return await self._write(
            session, step, notification, filled, phone=facts.customer_phone, known=known, now=now
        )

    async def _write(
        self,
        session: Session,
        step: JourneyStep,
        notification: Notification,
        filled: Filled,
        *,
        phone: str,
        known: messages.Message | None,
        now: datetime,
    ) -> Intent:
        """Write the intent, with its entry on the order's activity."""
        account = await accounts.get_account(session, step.account_id)
        category = notification.category.lower()
        new = messages.NewMessage(
            workspace_id=step.workspace_id,
            case_id=None,
            account_id=step.account_id,
            account_owner=account.owner,
            order_id=step.order_id,
            shipment_id=step.shipment_id,
            tracking_id=step.tracking_id,
            event=step.event,
            kind="template",
            purpose=PURPOSE,
            template_id=notification.template_id,
            template_name=notification.template_name,
            language=notification.language,
            category=category,
            command_id=step.key.command_id,
            phone=phone,
            content=template_content(notification, filled),
            now=now,
            attempt=activity.info().attempt,
            lease_until=now + LEASE,
        )
        # Nothing is asked: its buttons carry no reference, and a tap is a message of no case.
        intent = await write_intent(
            session,
            self._cipher,
            new,
            known=known,
            options=(),
            template_id=notification.template_id,
            params=filled.params,
        )
        await timeline.add_entry(
            session,
            self._cipher,
            _entry(step, now, topic=step.event, key=f"message:{step.key.command_id}", new=new, intent=intent),
        )
        return intent

    async def _forbidden(self, session: Session, step: JourneyStep, facts: OrderFacts) -> _Why | None:
        """Return what forbids the message now; locked, so that it stays true until the intent is committed (I6)."""
        if not facts.customer_phone:
            return _Why.of(NotSent.NO_PHONE)
        phone_hash = self._cipher.phone_hash(facts.customer_phone)
        is_wrong_number = await suppressions.is_suppressed(session, step.workspace_id, phone_hash, lock=True)
        await serialize(session, step.account_id, phone_hash)  # as statuses do, before any row
        if is_wrong_number:
            return _Why.of(NotSent.WRONG_NUMBER)
        if not await installations.is_installed(session, step.workspace_id, step.account_id, lock=True):
            return _Why.of(NotSent.ACCOUNT_REMOVED)
        customer = await customers.customer(session, step.account_id, phone_hash, lock=True)
        return _Why.of(NotSent.OPTED_OUT) if customer.refuses() else None

    async def _to_read(self, session: Session, step: JourneyStep) -> _ToRead | None:
        """Return what is read a missing value with; None where there is nothing to read it by."""
        if not step.tracking_id:
            return None
        try:
            account = await workspaces.get_order_account(session, self._cipher, step.workspace_id)
        except NotFound:
            return None
        return _ToRead(
            step.tracking_id,
            CarrierCredentials(
                workspace_id=account.workspace_id,
                client_id=account.client_id,
                client_secret=account.client_secret,
                refresh_token=account.refresh_token,
            ),
        )

    async def _not_sent(
        self,
        session: Session,
        step: JourneyStep,
        why: _Why,
        known: messages.Message | None,
        now: datetime,
    ) -> MessageResult:
        """Settle a step without a message: the activity says why, and who can take over is told (R5.1, R8.3)."""
        outcome = why.why or why.detail.partition(":")[0]
        await journey_events.end_step(session, step.key, outcome, now)
        entry = _entry(
            step,
            now,
            topic=f"{step.event}_not_sent",
            key=f"not-sent:{step.key.command_id}",
            detail=why.detail,
        )
        await timeline.add_entry(session, self._cipher, entry)
        _log.info("message.send.forbidden", command_id=step.key.command_id, reason=outcome)
        event_ids: tuple[str, ...] = ()
        if why.why is NotSent.SWITCHED_OFF or not why.is_news:
            pass  # nobody wants it, through whatever channel, also if it was tried before
        elif known is not None:  # it was tried before, and surely not taken
            event_ids = await outgoing_events.tell_message_failed(
                session, self._cipher, known, why.why or NotSent.TRANSIENT, now
            )
        elif why.why is not None:
            event_ids = await outgoing_events.tell_step_not_sent(session, self._cipher, step, why.why, now)
        return MessageResult(why=why.why or NotSent.TRANSIENT, detail=why.detail, event_ids=event_ids)

    async def _conclude(
        self, session: Session, message: messages.Message, result: MessageResult, *, key: JourneyKey
    ) -> MessageResult:
        """Settle a step by what came of its message; what was refused for good is told, as what failed later is."""
        now = self._clock()
        await journey_events.end_step(session, key, _outcome_of(result), now)
        if result.why is None or result.event_ids:
            return result
        event_ids = await outgoing_events.tell_message_failed(session, self._cipher, message, result.why, now)
        return replace(result, event_ids=event_ids)

    async def _tell(self, workspace_id: str, result: MessageResult) -> None:
        """Have the order system told at once; what does not succeed here, the sweep does."""
        deliver = self._deliver
        if deliver is None:
            return
        for event_id in result.event_ids:
            try:
                await deliver(workspace_id, event_id)
            except Exception as error:  # noqa: BLE001 - the message is settled, and the event is stored
                _log.warning("event.left_for_sweep", event_id=event_id, error=type(error).__name__)


async def _no_news(session: Session, step: JourneyStep, workspace: Workspace, now: datetime) -> _Why | None:
    """Return why a step is no news any more.

    Raises:
        ApplicationError: `QuietHours`, retryable: it is news, and has to wait for their end (R6.8).
    """
    entry = find_event(step.event)
    if entry is None:
        return _Why("this step is not told of any more", is_news=False)
    if now >= step.expires_at:
        return _Why("too late: it could not be sent in time")
    known = await journey_events.list_of_subject(session, step.workspace_id, step.subject_id)
    steps = (other.event for other in known)
    standing = Standing.of(steps)
    if entry.group is JourneyGroup.ORDER:
        shipment = await shipments.find_shipment(session, step.workspace_id, step.shipment_id)
        if shipment is not None:
            standing = replace(
                standing,
                final=shipment.final or "",
                failed_attempts=shipment.attempt,
                heard_at=shipment.seen_at,
            )
    if passed := passed_by(entry, step.occurred_at, standing):
        return _Why(f"the parcel is past this: {passed.replace('_', ' ')}", is_news=False)
    due = due_at(now, workspace.policy, spread_by=step.subject_id)
    if due >= step.expires_at:
        return _Why("too late: quiet hours end when it is no news any more")
    if due > now:
        raise ApplicationError(
            "quiet hours",
            type="QuietHours",
            next_retry_delay=due - now,
            category=ApplicationErrorCategory.BENIGN,
        )
    return None


def _entry(
    step: JourneyStep,
    at: datetime,
    *,
    topic: str,
    key: str,
    detail: str = "",
    new: messages.NewMessage | None = None,
    intent: Intent | None = None,
) -> timeline.Entry:
    return timeline.Entry(
        workspace_id=step.workspace_id,
        order_id=step.order_id,
        shipment_id=step.shipment_id,
        at=at,
        kind="notification",
        topic=topic,
        key=key,
        detail=detail,
        mode=Mode.AUTOMATIC.value,
        message_id=intent.message_id if intent is not None else None,
        data=new.content if new is not None else {},
    )


def _outcome_of(result: MessageResult) -> str:
    if result.is_accepted:
        return "sent"
    return "unknown" if result.is_unknown or result.why is None else result.why.value


def _result_of(step: JourneyStep) -> MessageResult:
    """Return what became of a step that is settled."""
    if step.outcome == "sent":
        return MessageResult(is_accepted=True)
    if step.outcome in set(NotSent) - {NotSent.UNKNOWN}:
        return MessageResult(why=NotSent(step.outcome))
    return MessageResult(is_unknown=step.outcome == "unknown", detail=step.outcome)
