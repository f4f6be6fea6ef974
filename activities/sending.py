"""What every send shares: the committed intent, the references in it, Gupshup's forms, and recording the outcome.

Found half done from an earlier attempt means that nobody knows: it is never sent again (I5).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import keys
from activities.heartbeat import alive
from activities.values import MessageResult
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
from db import accounts, billing, messages, notifications, outgoing_events, statuses
from db.encryption import Cipher, digest
from db.references import Reference, add_references
from db.session import Database, Session
from domain.billing import PLATFORM_OWNER
from domain.messages import MessageStatus, NotSent
from domain.templates import Filled
from domain.wording import Option, SessionKind, SessionMessage

_log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=12)  # beyond Gupshup's total time-out: after it an attempt may not send any more
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
class Intent:
    """A committed intent: everything the request needs, read before the transaction closed."""

    message_id: str
    credentials: Credentials
    phone: str
    lease_until: datetime
    references: tuple[str, ...]  # one for each button; empty for one that answers nothing
    template_id: str = ""
    params: tuple[str, ...] = ()
    has_key_trouble: bool = False  # the account's key was refused when it was last asked
    may_ask: bool = True  # not where that was a moment ago


Conclude = Callable[[Session, messages.Message, MessageResult], Awaitable[MessageResult]]
"""What else is recorded with an outcome that stands, in its transaction; returns the result with what follows."""


class Sending:
    """Makes the request of a committed intent, and records what became of it."""

    def __init__(
        self, *, database: Database, cipher: Cipher, gupshup: Gupshup, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._gupshup = gupshup
        self._clock = clock

    async def session_message(self, intent: Intent, message: SessionMessage) -> MessageResult:
        """Send a session message whose intent is committed.

        Raises:
            ApplicationError: `Throttled`, retryable: Gupshup surely did not take it and may take it soon.
        """
        wire = wire_message(message, intent.references, intent.message_id)
        return await self._request(
            intent,
            lambda: self._gupshup.send_session(intent.credentials, destination=intent.phone, message=wire),
        )

    async def template(self, intent: Intent, conclude: Conclude | None = None) -> MessageResult:
        """Send a template whose intent is committed.

        Args:
            intent: The intent.
            conclude: What is recorded with its outcome; not called for what is tried again.

        Raises:
            ApplicationError: `Throttled`, retryable: Gupshup surely did not take it and may take it soon.
        """
        return await self._request(
            intent,
            lambda: self._gupshup.send_template(
                intent.credentials,
                destination=intent.phone,
                template_id=intent.template_id,
                params=intent.params,
                postbacks=intent.references,
            ),
            conclude,
        )

    async def _request(
        self, intent: Intent, ask: Callable[[], Awaitable[SendOutcome]], conclude: Conclude | None = None
    ) -> MessageResult:
        """Ask, unless the lease ran out: a thawed process may not send any more (F7)."""
        if self._clock() >= intent.lease_until:
            return await self._settle(intent, Unknown("the lease ran out before the request"), conclude)
        if not intent.may_ask:
            return await self._settle(intent, keys.NOT_ASKED, conclude)
        async with alive():
            outcome = await ask()
        return await self._settle(intent, outcome, conclude)

    async def _settle(self, intent: Intent, outcome: SendOutcome, conclude: Conclude | None) -> MessageResult:
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
            if isinstance(outcome, Refused):
                await keys.note_refusal(session, message.account_id, outcome, now)
            elif isinstance(outcome, Accepted) and intent.has_key_trouble:  # which this refutes
                await accounts.set_attention(session, message.account_id, None)
            # Statuses may have overtaken the answer, or taken its place (F28, F30).
            if message.status in _SETTLED:
                result = await _result_of(session, self._cipher, message, now)
            elif isinstance(outcome, Refused) and outcome.retryable:
                conclude = None
            if conclude is not None:
                result = await conclude(session, message, result)
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


async def begun_before(
    session: Session, cipher: Cipher, workspace_id: str, command_id: str, now: datetime
) -> messages.Message | MessageResult | None:
    """Return what became of a command that was begun before: its result, or the message where it was surely not sent."""
    known = await messages.find_by_command(session, workspace_id, command_id)
    if known is not None and known.status not in _SETTLED | {MessageStatus.REFUSED}:
        # An earlier attempt began and did not live to say how it went. Statuses that came meanwhile may know.
        known = await statuses.record_outcome(
            session, known.id, status=MessageStatus.UNKNOWN, now=now, reason="interrupted"
        )
    if known is None or known.status is MessageStatus.REFUSED:
        return known
    if known.status in _SETTLED:
        return await _result_of(session, cipher, known, now)
    _log.warning("message.send.unknown", command_id=command_id, message_id=known.id)
    return MessageResult(is_unknown=True, detail="interrupted while sending")


async def write_intent(
    session: Session,
    cipher: Cipher,
    new: messages.NewMessage,
    *,
    known: messages.Message | None,
    options: tuple[Option | None, ...],
    template_id: str = "",
    params: tuple[str, ...] = (),
) -> Intent:
    """Write a message as about to be sent, the same one again where it was surely not, and return what the request needs.

    What goes through the platform's account gets its price here (R5.4). Each thing to tap gets an unguessable
    reference, of which only the hash is kept (S4). None stands for a button that answers nothing, a link for example:
    it keeps its place, because Gupshup counts all buttons.

    Raises:
        NoPrice: The rate card says nothing about the message's category.
    """
    if new.account_owner == PLATFORM_OWNER:
        pricing = await billing.fix_price(
            session,
            workspace_id=new.workspace_id,
            account_id=new.account_id,
            category=new.category,
            phone_hash=cipher.phone_hash(new.phone),
            now=new.now,
        )
        new = replace(new, pricing=pricing)
    if known is None:
        message_id = (await messages.add_message(session, cipher, new)).id
    else:
        message_id = known.id
        await messages.restart_message(
            session,
            known.id,
            attempt=new.attempt,
            lease_until=new.lease_until,
            now=new.now,
            pricing=new.pricing,
        )
    tokens = tuple(secrets.token_urlsafe(24) if option else "" for option in options)
    await add_references(
        session,
        workspace_id=new.workspace_id,
        case_id=new.case_id,
        message_id=message_id,
        references=[
            Reference(digest(token), option.choice, option.title)
            for token, option in zip(tokens, options, strict=True)
            if option is not None
        ],
    )
    stored = await accounts.get_credentials(session, cipher, new.account_id)
    return Intent(
        message_id=message_id,
        credentials=Credentials(
            api_key=stored.api_key, app_id=stored.app_id, app_name=stored.app_name, source=stored.phone
        ),
        phone=new.phone,
        lease_until=new.lease_until,
        references=tokens,
        template_id=template_id,
        params=params,
        has_key_trouble=stored.attention in keys.KEY_TROUBLES,
        may_ask=await keys.may_ask(session, new.account_id, stored.attention, new.now),
    )


async def _result_of(
    session: Session, cipher: Cipher, message: messages.Message, now: datetime
) -> MessageResult:
    """Return what became of a message that Gupshup took; it may have failed since."""
    if message.status is not MessageStatus.FAILED:
        return MessageResult(is_accepted=True)
    event_ids = await tell_failure(session, cipher, message, now)
    return MessageResult(
        why=NotSent(failure_class(message.code)), detail=message.code or "no code", event_ids=event_ids
    )


async def tell_failure(
    session: Session, cipher: Cipher, message: messages.Message, now: datetime
) -> tuple[str, ...]:
    """Tell the workspace of a message that failed, once; one that did not is nothing to tell of (R8.3)."""
    if message.status is not MessageStatus.FAILED:
        return ()
    why = NotSent(failure_class(message.code))
    return await outgoing_events.tell_message_failed(session, cipher, message, why, now)


def _why_refused(outcome: Refused) -> NotSent:
    """Return our word for a refusal at the door."""
    if outcome.cls in ("account", "recipient"):
        return NotSent(outcome.cls)
    return NotSent.TRANSIENT if outcome.retryable else NotSent.OURS


def wire_message(message: SessionMessage, references: tuple[str, ...], message_id: str) -> WireMessage:
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


def options_of(buttons: tuple[notifications.Button, ...]) -> tuple[Option | None, ...]:
    """Return what can be tapped in a template, one for each of its buttons; None for one that answers nothing."""
    return tuple(Option(button.choice, button.label) if button.is_reply else None for button in buttons)


def template_content(notification: notifications.Notification, filled: Filled) -> dict[str, object]:
    """Return a template's message as it is kept and shown.

    The text is kept filled and unfilled: only who knows what of it was a value can draw the template's markup and leave
    a value's alone.
    """
    return {
        "header": notification.header,
        "body": filled.into(notification.body),
        "footer": notification.footer,
        "buttons": [button.label for button in notification.buttons],
        "button_kinds": [button.kind for button in notification.buttons],
        "template": notification.body,
        "params": list(filled.params),
    }


def content_of(message: SessionMessage) -> dict[str, object]:
    """Return a session message as it is kept and shown."""
    return {
        "header": message.header,
        "body": message.body,
        "footer": message.footer,
        "list_button": message.button,
        "form": message.kind is SessionKind.ADDRESS_FORM,
        "buttons": [option.title for option in message.options],
    }
