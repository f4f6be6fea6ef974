"""Sending messages: the intent is committed first, the request follows with no transaction open, then the outcome.

Found half done from an earlier attempt means that nobody knows: it is never sent again (I5). What forbids a message is
checked in the transaction that commits the intent (I6); the usage row stands beside it from the first moment (I7).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.recording import record_entry, record_notes
from activities.sending import (
    LEASE,
    Intent,
    Sending,
    begun_before,
    content_of,
    options_of,
    tell_failure,
    template_content,
    wire_message,
    write_intent,
)
from activities.values import MessageResult, SendSessionTask, SendTemplateTask, Snapshot
from clients.gupshup import (
    Gupshup,
)
from db import accounts, cases, customers, installations, messages, notifications, statuses, suppressions
from db.encryption import Cipher
from db.locks import serialize
from db.session import Database, Session
from domain.case_events import SendSession, SendTemplate
from domain.case_state import CaseFacts
from domain.messages import MessageStatus, NotSent
from domain.templates import fill
from domain.timing import SESSION_WINDOW
from domain.wording import Option

_log = structlog.get_logger(__name__)

_EVENT = "failed_delivery"
_SESSION_CATEGORY = "service"


class Messages:
    """Activities that send through Gupshup."""

    def __init__(
        self, *, database: Database, cipher: Cipher, gupshup: Gupshup, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._sending = Sending(database=database, cipher=cipher, gupshup=gupshup, clock=clock)
        self._clock = clock

    @activity.defn(name="messages.send_template")
    async def send_template(self, task: SendTemplateTask) -> MessageResult:
        """Send the failed-delivery template once.

        Raises:
            ApplicationError: `Throttled`, retryable: Gupshup surely did not take it and may take it soon.
        """
        intent = await self._intend(task.snapshot, task.command)
        if isinstance(intent, MessageResult):
            return intent
        return await self._sending.template(intent)

    @activity.defn(name="messages.send_session")
    async def send_session(self, task: SendSessionTask) -> MessageResult:
        """Send a session message once, inside the 24 h window only (R7.11).

        Raises:
            ApplicationError: `Throttled`, retryable, as for templates; `Unsendable`, not: a message that Gupshup's
                limits forbid is a bug of ours, found before anything is committed.
        """
        try:
            wire_message(task.command.message, ("-",) * len(task.command.message.options), "-")
        except ValueError as error:
            raise ApplicationError(str(error), type="Unsendable", non_retryable=True) from error
        intent = await self._intend(task.snapshot, task.command)
        if isinstance(intent, MessageResult):
            return intent
        return await self._sending.session_message(intent, task.command.message)

    async def _intend(
        self, snapshot: Snapshot, command: SendTemplate | SendSession
    ) -> Intent | MessageResult:
        """Commit the intent, or return what already became of it or forbids it."""

        async def work(session: Session) -> Intent | MessageResult:
            now = self._clock()
            facts, _ = await cases.get_start(session, self._cipher, snapshot.workspace_id, snapshot.case_id)
            await record_notes(session, self._cipher, snapshot, facts, now)
            intent = await self._decide(session, snapshot, command, facts, now)
            # Last: a reply that comes in locks the customer, then the message, then the case, and so must a send.
            await cases.save_progress(
                session, snapshot.workspace_id, snapshot.case_id, snapshot.progress, now
            )
            return intent

        return await self._database.in_transaction(work)

    async def _decide(
        self,
        session: Session,
        snapshot: Snapshot,
        command: SendTemplate | SendSession,
        facts: CaseFacts,
        now: datetime,
    ) -> Intent | MessageResult:
        """Write the intent, or return what already became of it or forbids it."""
        forbidden = await self._forbidden(session, facts, command, now)  # first, for the order of locks
        known = await begun_before(session, self._cipher, snapshot.workspace_id, command.id, now)
        if isinstance(known, MessageResult):
            return known
        account = await accounts.get_account(session, facts.account_id)
        if isinstance(command, SendTemplate) and await self._gave_up_another(session, snapshot, command, now):
            return MessageResult(is_unknown=True, detail="the one before may have been sent")
        if forbidden is not None:
            return await self._not_sent(session, facts, command, forbidden, now)
        phone = facts.failure.customer_phone
        new = messages.NewMessage(
            workspace_id=snapshot.workspace_id,
            case_id=snapshot.case_id,
            account_id=facts.account_id,
            account_owner=account.owner,
            order_id=facts.failure.order_id,
            shipment_id=facts.failure.shipment_id,
            tracking_id=facts.failure.tracking_id,
            event=_EVENT,
            kind="session",
            purpose=command.purpose.value,
            template_id="",
            template_name="",
            language=facts.language,
            category=_SESSION_CATEGORY,
            command_id=command.id,
            phone=phone,
            content={},
            now=now,
            attempt=activity.info().attempt,
            lease_until=now + LEASE,
        )
        template_id = ""
        params: tuple[str, ...] = ()
        options: tuple[Option | None, ...]
        if isinstance(command, SendTemplate):
            notification = await notifications.find_notification(
                session,
                snapshot.workspace_id,
                facts.account_id,
                _EVENT,
                command.language or facts.language,
                lock=True,
            )
            if notification is None or not notification.is_on:
                return await self._not_sent(session, facts, command, (NotSent.SWITCHED_OFF, ""), now)
            if notification.attention:
                why = (NotSent.TEMPLATE, notification.attention)
                return await self._not_sent(session, facts, command, why, now)
            if await self._refuses(session, facts, notification.category):
                why = (NotSent.OPTED_OUT, notification.category.lower())
                return await self._not_sent(session, facts, command, why, now)
            filled = fill(
                facts.failure,
                tuple((param.variable, param.fallback) for param in notification.params),
                notification.language,
            )
            if filled.missing:
                why = (NotSent.MISSING_VALUE, ", ".join(filled.missing))
                return await self._not_sent(session, facts, command, why, now)
            template_id, params = notification.template_id, filled.params
            options = options_of(notification.buttons)
            new = replace(
                new,
                kind="template",
                template_id=template_id,
                template_name=notification.template_name,
                language=notification.language,
                category=notification.category.lower(),
                content=template_content(notification, filled),
            )
        else:
            options = command.message.options
            new = replace(
                new, content=content_of(command.message), language=command.language or facts.language
            )
        intent = await write_intent(
            session, self._cipher, new, known=known, options=options, template_id=template_id, params=params
        )
        await record_entry(
            session,
            self._cipher,
            facts,
            at=now,
            kind="notification",
            topic=command.purpose.value,
            key=f"message:{command.id}",
            mode="automatic",
            message_id=intent.message_id,
            data=new.content,
        )
        return intent

    async def _gave_up_another(
        self, session: Session, snapshot: Snapshot, command: SendTemplate, now: datetime
    ) -> bool:
        """Give up templates that were begun under another command, and tell whether one was begun just now.

        A template that stalled is given again as it was; but somebody may ask by hand for another meanwhile, and the
        one before may have been sent all the same (I5). A reminder, hours later, is its second try.
        """
        left = [
            message
            for message in await messages.list_for_case(session, snapshot.workspace_id, snapshot.case_id)
            if message.status is MessageStatus.SENDING and message.kind == "template"
            if message.command_id != command.id
        ]
        for message in left:
            given_up = await statuses.record_outcome(
                session, message.id, status=MessageStatus.UNKNOWN, now=now, reason="interrupted"
            )
            await tell_failure(session, self._cipher, given_up, now)
        return any(now - message.sending_at < statuses.ADOPTED_WITHIN for message in left)

    async def _forbidden(
        self, session: Session, facts: CaseFacts, command: SendTemplate | SendSession, now: datetime
    ) -> tuple[NotSent, str] | None:
        """Return what forbids the message now; locked, so that it stays true until the intent is committed (I6)."""
        if not facts.failure.customer_phone:
            return NotSent.NO_PHONE, ""
        workspace_id = facts.failure.workspace_id
        phone_hash = self._cipher.phone_hash(facts.failure.customer_phone)
        is_wrong_number = await suppressions.is_suppressed(session, workspace_id, phone_hash, lock=True)
        await serialize(session, facts.account_id, phone_hash)  # as statuses do, before any row
        if is_wrong_number:
            return NotSent.WRONG_NUMBER, ""
        if not await installations.is_installed(session, workspace_id, facts.account_id, lock=True):
            return NotSent.ACCOUNT_REMOVED, ""
        customer = await customers.customer(session, facts.account_id, phone_hash, lock=True)
        if customer.refuses():
            return NotSent.OPTED_OUT, ""
        if isinstance(command, SendSession):
            heard = customer.last_inbound_at
            if heard is None or now >= heard + SESSION_WINDOW:
                return NotSent.WINDOW, ""
        return None

    async def _refuses(self, session: Session, facts: CaseFacts, category: str) -> bool:
        """Tell whether the customer wants no template of a category; their row is locked since `_forbidden`."""
        phone_hash = self._cipher.phone_hash(facts.failure.customer_phone)
        return (await customers.customer(session, facts.account_id, phone_hash)).refuses(category)

    async def _not_sent(
        self,
        session: Session,
        facts: CaseFacts,
        command: SendTemplate | SendSession,
        why: tuple[NotSent, str],
        now: datetime,
    ) -> MessageResult:
        """Say on the order's activity why a message was not sent (R5.1)."""
        reason, detail = why
        await record_entry(
            session,
            self._cipher,
            facts,
            at=now,
            kind="notification",
            topic=f"{command.purpose.value}_not_sent",
            key=f"not-sent:{command.id}",
            detail=": ".join(filter(None, (reason.value, detail))),
            mode="automatic",
        )
        _log.info("message.send.forbidden", command_id=command.id, reason=reason.value)
        return MessageResult(why=reason, detail=detail)
