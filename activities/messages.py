"""Sending messages: the intent is committed first, the request follows with no transaction open, then the outcome.

Found half done from an earlier attempt means that nobody knows: it is never sent again (I5). What forbids a message is
checked in the transaction that commits the intent (I6); the usage row stands beside it from the first moment (I7).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import alive
from activities.recording import record_entry, record_notes
from activities.values import MessageResult, SendSessionTask, SendTemplateTask, Snapshot
from clients.gupshup import (
    Accepted,
    AddressForm,
    Button,
    ButtonsMessage,
    Credentials,
    Gupshup,
    ListMessage,
    Refused,
    Row,
    SendOutcome,
    TextMessage,
    Unknown,
    failure_class,
)
from clients.gupshup import SessionMessage as WireMessage
from db import (
    accounts,
    billing,
    cases,
    customers,
    messages,
    notifications,
    outgoing_events,
    statuses,
    suppressions,
)
from db.encryption import Cipher, digest
from db.locks import serialize
from db.references import Reference, add_references
from db.session import Database, Session
from domain.case_events import SendSession, SendTemplate
from domain.case_state import CaseFacts
from domain.messages import MessageStatus, NotSent
from domain.templates import fill
from domain.timing import SESSION_WINDOW
from domain.wording import Option, SessionKind, SessionMessage

_log = structlog.get_logger(__name__)

_EVENT = "failed_delivery"
_SESSION_CATEGORY = "service"
_LEASE = timedelta(seconds=12)  # beyond Gupshup's total time-out: after it an attempt may not send any more
_SETTLED = frozenset(
    {
        MessageStatus.SUBMITTED,
        MessageStatus.ENQUEUED,
        MessageStatus.SENT,
        MessageStatus.FAILED,
        MessageStatus.DELIVERED,
        MessageStatus.READ,
    }
)


@dataclass(frozen=True, slots=True)
class _Intent:
    """A committed intent: everything the request needs, read before the transaction closed."""

    message_id: str
    credentials: Credentials
    phone: str
    lease_until: datetime
    references: tuple[str, ...]
    template_id: str = ""
    params: tuple[str, ...] = ()


class Messages:
    """Activities that send through Gupshup."""

    def __init__(
        self, *, database: Database, cipher: Cipher, gupshup: Gupshup, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._gupshup = gupshup
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
        if self._clock() >= intent.lease_until:
            return await self._settle(intent, Unknown("the lease ran out before the request"))
        async with alive():
            outcome = await self._gupshup.send_template(
                intent.credentials,
                destination=intent.phone,
                template_id=intent.template_id,
                params=intent.params,
                postbacks=intent.references,
            )
        return await self._settle(intent, outcome)

    @activity.defn(name="messages.send_session")
    async def send_session(self, task: SendSessionTask) -> MessageResult:
        """Send a session message once, inside the 24 h window only (R7.11).

        Raises:
            ApplicationError: `Throttled`, retryable, as for templates; `Unsendable`, not: a message that Gupshup's
                limits forbid is a bug of ours, found before anything is committed.
        """
        try:
            _wire_message(task.command.message, ("-",) * len(task.command.message.options), "-")
        except ValueError as error:
            raise ApplicationError(str(error), type="Unsendable", non_retryable=True) from error
        intent = await self._intend(task.snapshot, task.command)
        if isinstance(intent, MessageResult):
            return intent
        if self._clock() >= intent.lease_until:
            return await self._settle(intent, Unknown("the lease ran out before the request"))
        message = _wire_message(task.command.message, intent.references, intent.message_id)
        async with alive():
            outcome = await self._gupshup.send_session(
                intent.credentials, destination=intent.phone, message=message
            )
        return await self._settle(intent, outcome)

    async def _intend(
        self, snapshot: Snapshot, command: SendTemplate | SendSession
    ) -> _Intent | MessageResult:
        """Commit the intent, or return what already became of it or forbids it."""

        async def work(session: Session) -> _Intent | MessageResult:
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
    ) -> _Intent | MessageResult:
        """Write the intent, or return what already became of it or forbids it."""
        forbidden = await self._forbidden(session, facts, command, now)  # first, for the order of locks
        known = await messages.find_by_command(session, snapshot.workspace_id, command.id)
        if known is not None and known.status not in _SETTLED | {MessageStatus.REFUSED}:
            # An earlier attempt began and did not live to say how it went. Statuses that came meanwhile may know.
            known = await statuses.record_outcome(
                session, known.id, status=MessageStatus.UNKNOWN, now=now, reason="interrupted"
            )
        if known is not None and known.status in _SETTLED:
            return await self._result_of(session, known)
        if known is not None and known.status is not MessageStatus.REFUSED:
            _log.warning("message.send.unknown", command_id=command.id, message_id=known.id)
            return MessageResult(is_unknown=True, detail="interrupted while sending")
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
            price_paise=0,
            now=now,
            attempt=activity.info().attempt,
            lease_until=now + _LEASE,
        )
        template_id = ""
        params: tuple[str, ...] = ()
        if isinstance(command, SendTemplate):
            notification = await notifications.find_notification(
                session, snapshot.workspace_id, facts.account_id, _EVENT, facts.language, lock=True
            )
            if notification is None or not notification.is_on:
                return await self._not_sent(session, facts, command, (NotSent.SWITCHED_OFF, ""), now)
            if notification.attention:
                why = (NotSent.TEMPLATE, notification.attention)
                return await self._not_sent(session, facts, command, why, now)
            filled = fill(
                facts.failure, tuple((param.variable, param.fallback) for param in notification.params)
            )
            if filled.missing:
                why = (NotSent.MISSING_VALUE, ", ".join(filled.missing))
                return await self._not_sent(session, facts, command, why, now)
            template_id, params = notification.template_id, filled.params
            options = tuple(Option(button.choice, button.label) for button in notification.buttons)
            new = replace(
                new,
                kind="template",
                template_id=template_id,
                template_name=notification.template_name,
                language=notification.language,
                category=notification.category.lower(),
                content={
                    "header": notification.header,
                    "body": filled.into(notification.body),
                    "footer": notification.footer,
                    "buttons": [option.title for option in options],
                },
            )
        else:
            options = command.message.options
            new = replace(new, content=_content(command.message))
        if account.owner == "eshopbox":
            new = replace(new, price_paise=await billing.find_price(session, new.category, now))
        if known is None:
            message_id = (await messages.add_message(session, self._cipher, new)).id
        else:  # refused earlier, surely not sent: the same message again
            message_id = known.id
            await messages.restart_message(
                session, known.id, attempt=new.attempt, lease_until=new.lease_until, now=now
            )
        references = await self._add_references(session, snapshot, message_id, options)
        await record_entry(
            session,
            self._cipher,
            facts,
            at=now,
            kind="notification",
            topic=command.purpose.value,
            key=f"message:{command.id}",
            mode="automatic",
            message_id=message_id,
            data=new.content,
        )
        stored = await accounts.get_credentials(session, self._cipher, facts.account_id)
        return _Intent(
            message_id=message_id,
            credentials=Credentials(
                api_key=stored.api_key,
                app_id=stored.app_id,
                app_name=stored.app_name,
                source=stored.phone,
            ),
            phone=phone,
            lease_until=new.lease_until,
            references=references,
            template_id=template_id,
            params=params,
        )

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
            await self._tell_failure(session, given_up)
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
        if not await accounts.is_installed(session, workspace_id, facts.account_id, lock=True):
            return NotSent.ACCOUNT_REMOVED, ""
        customer = await customers.customer(session, facts.account_id, phone_hash, lock=True)
        if customer.opted_out_at is not None:
            return NotSent.OPTED_OUT, ""
        if isinstance(command, SendSession):
            heard = customer.last_inbound_at
            if heard is None or now >= heard + SESSION_WINDOW:
                return NotSent.WINDOW, ""
        return None

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

    async def _add_references(
        self, session: Session, snapshot: Snapshot, message_id: str, options: tuple[Option, ...]
    ) -> tuple[str, ...]:
        """Make one unguessable reference for each thing to tap; only its hash is kept (S4)."""
        tokens = tuple(secrets.token_urlsafe(24) for _ in options)
        await add_references(
            session,
            workspace_id=snapshot.workspace_id,
            case_id=snapshot.case_id,
            message_id=message_id,
            references=[
                Reference(digest(token), option.choice, option.title)
                for token, option in zip(tokens, options, strict=True)
            ],
        )
        return tokens

    async def _settle(self, intent: _Intent, outcome: SendOutcome) -> MessageResult:
        """Record what became of the request."""
        now = self._clock()
        match outcome:
            case Accepted():
                changes = {"status": MessageStatus.SUBMITTED, "gupshup_message_id": outcome.message_id}
                result = MessageResult(is_accepted=True)
            case Refused():
                changes = {"status": MessageStatus.REFUSED, "code": outcome.code, "reason": outcome.message}
                result = MessageResult(why=_why_refused(outcome), detail=outcome.code)
            case Unknown():
                changes = {"status": MessageStatus.UNKNOWN, "reason": outcome.reason}
                result = MessageResult(is_unknown=True, detail=outcome.reason)
        async with self._database.transaction() as session:
            message = await statuses.record_outcome(session, intent.message_id, now=now, **changes)  # type: ignore[arg-type]
            # Statuses may have overtaken the answer, or taken its place (F28, F30).
            if message.status in _SETTLED:
                result = await self._result_of(session, message)
        _log.info(
            "message.send.answered",
            message_id=intent.message_id,
            outcome=type(outcome).__name__.lower(),
            code=result.detail,
        )
        if isinstance(outcome, Refused) and outcome.retryable:
            pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else None
            raise ApplicationError(
                f"Gupshup did not take it: {outcome.code}",
                type="Throttled",
                next_retry_delay=pause,
                category=ApplicationErrorCategory.BENIGN,
            )
        return result

    async def _result_of(self, session: Session, message: messages.Message) -> MessageResult:
        """Return what became of a message that Gupshup took; it may have failed since."""
        if message.status is not MessageStatus.FAILED:
            return MessageResult(is_accepted=True)
        event_ids = await self._tell_failure(session, message)
        return MessageResult(
            why=NotSent(failure_class(message.code)), detail=message.code or "no code", event_ids=event_ids
        )

    async def _tell_failure(self, session: Session, message: messages.Message) -> tuple[str, ...]:
        """Tell the workspace of a message that failed, once; one that did not is nothing to tell of."""
        if message.status is not MessageStatus.FAILED:
            return ()
        why = NotSent(failure_class(message.code))
        return await outgoing_events.tell_message_failed(session, self._cipher, message, why, self._clock())


def _why_refused(outcome: Refused) -> NotSent:
    """Return our word for a refusal at the door."""
    if outcome.cls in ("account", "recipient"):
        return NotSent(outcome.cls)
    return NotSent.TRANSIENT if outcome.retryable else NotSent.OURS


def _wire_message(message: SessionMessage, references: tuple[str, ...], message_id: str) -> WireMessage:
    """Return a session message in Gupshup's forms."""
    tapped = tuple(zip(message.options, references, strict=True))
    match message.kind:
        case SessionKind.TEXT:
            return TextMessage(message.body)
        case SessionKind.BUTTONS:
            buttons = tuple(Button(option.title, reference) for option, reference in tapped)
            return ButtonsMessage(
                message.body, buttons, header=message.header, footer=message.footer, message_ref=message_id
            )
        case SessionKind.LIST:
            rows = tuple(Row(option.title, option.description, reference) for option, reference in tapped)
            return ListMessage(
                title=message.header or message.button,  # Gupshup wants one, WhatsApp shows it in bold
                body=message.body,
                button=message.button,
                rows=rows,
                message_ref=message_id,
            )
        case SessionKind.ADDRESS_FORM:
            values = dict(message.prefill)
            return AddressForm(
                message.body, header=message.header, footer=message.footer, errors={}, **values
            )


def _content(message: SessionMessage) -> dict[str, object]:
    return {
        "header": message.header,
        "body": message.body,
        "footer": message.footer,
        "list_button": message.button,
        "form": message.kind is SessionKind.ADDRESS_FORM,
        "buttons": [option.title for option in message.options],
    }
