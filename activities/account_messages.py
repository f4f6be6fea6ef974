"""Sending what belongs to no case: the standard answer to a stranger, the question which order is meant, a seller's test.

Intent, request and outcome as for any message (I5-I7); the opt-out binds it too, and what is no template the window.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from temporalio import activity

from activities.sending import (
    LEASE,
    Intent,
    Sending,
    begun_before,
    content_of,
    options_of,
    template_content,
    write_intent,
)
from activities.values import AccountMessageTask, MessageResult, SampleMessageTask
from clients.gupshup import Gupshup
from db import accounts, customers, installations, messages, notifications, suppressions, timeline, workspaces
from db.encryption import Cipher
from db.locks import serialize
from db.samples import list_samples
from db.session import Database, Session
from domain.case_events import Purpose
from domain.messages import NotSent
from domain.templates import Filled
from domain.timing import SESSION_WINDOW
from domain.variables import SAMPLES

_log = structlog.get_logger(__name__)

_CATEGORY = "service"


class AccountMessages:
    """Activities that send a sender's own messages."""

    def __init__(
        self, *, database: Database, cipher: Cipher, gupshup: Gupshup, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._sending = Sending(database=database, cipher=cipher, gupshup=gupshup, clock=clock)

    @activity.defn(name="account_messages.send")
    async def send(self, task: AccountMessageTask) -> MessageResult:
        """Send one message once, inside the 24 h window only (R7.11).

        Raises:
            ApplicationError: `Throttled`, retryable: Gupshup surely did not take it and may take it soon.
        """
        intent = await self._database.in_transaction(lambda session: self._intend(session, task))
        if isinstance(intent, MessageResult):
            return intent
        return await self._sending.session_message(intent, task.message)

    @activity.defn(name="account_messages.send_sample")
    async def send_sample(self, task: SampleMessageTask) -> MessageResult:
        """Send a notification with sample values once, to a phone of the seller's own.

        Raises:
            ApplicationError: `Throttled`, retryable, as for any message.
        """
        intent = await self._database.in_transaction(lambda session: self._intend_sample(session, task))
        if isinstance(intent, MessageResult):
            return intent
        return await self._sending.template(intent)

    async def _intend_sample(self, session: Session, task: SampleMessageTask) -> Intent | MessageResult:
        """Write the intent, or return what already became of it or forbids it."""
        now = self._clock()
        phone_hash = self._cipher.phone_hash(task.phone)
        is_wrong_number = await suppressions.is_suppressed(session, task.workspace_id, phone_hash, lock=True)
        forbidden = await self._forbidden(
            session, task, now, is_template=True
        )  # first, for the order of locks
        known = await begun_before(session, self._cipher, task.workspace_id, task.id, now)
        if isinstance(known, MessageResult):
            return known
        if is_wrong_number or forbidden is not None:
            return MessageResult(why=forbidden or NotSent.WRONG_NUMBER)
        notification = await notifications.find_notification(
            session, task.workspace_id, task.account_id, task.event, task.language, lock=True
        )
        if notification is None:
            return MessageResult(why=NotSent.SWITCHED_OFF)
        if notification.attention:
            return MessageResult(why=NotSent.TEMPLATE, detail=notification.attention)
        customer = await customers.customer(session, task.account_id, phone_hash)  # locked since it was asked
        if customer.refuses(notification.category):
            return MessageResult(why=NotSent.OPTED_OUT)
        workspace = await workspaces.get_workspace(session, task.workspace_id)
        samples = SAMPLES | await list_samples(session) | {"brand": workspace.brand}
        filled = Filled(tuple(samples.get(param.variable) or param.fallback for param in notification.params))
        if not all(filled.params):
            return MessageResult(why=NotSent.MISSING_VALUE)
        account = await accounts.get_account(session, task.account_id)
        category = notification.category.lower()
        new = messages.NewMessage(
            workspace_id=task.workspace_id,
            case_id=None,
            account_id=task.account_id,
            account_owner=account.owner,
            order_id="",
            shipment_id="",
            tracking_id="",
            event=task.event,
            kind="template",
            purpose=Purpose.TEST.value,
            template_id=notification.template_id,
            template_name=notification.template_name,
            language=notification.language,
            category=category,
            command_id=task.id,
            phone=task.phone,
            content=template_content(notification, filled),
            now=now,
            attempt=activity.info().attempt,
            lease_until=now + LEASE,
        )
        # A tap on it finds this reference, which is no case's: it is not taken for an answer about a real parcel.
        return await write_intent(
            session,
            self._cipher,
            new,
            known=known,
            options=options_of(notification.buttons),
            template_id=notification.template_id,
            params=filled.params,
        )

    async def _intend(self, session: Session, task: AccountMessageTask) -> Intent | MessageResult:
        """Write the intent, or return what already became of it or forbids it."""
        now = self._clock()
        forbidden = await self._forbidden(session, task, now)  # first, for the order of locks
        known = await begun_before(session, self._cipher, task.workspace_id, task.id, now)
        if isinstance(known, MessageResult):
            return known
        if forbidden is not None:
            _log.info("message.send.forbidden", command_id=task.id, reason=forbidden.value)
            return MessageResult(why=forbidden)
        account = await accounts.get_account(session, task.account_id)
        about = task.about
        new = messages.NewMessage(
            workspace_id=task.workspace_id,
            case_id=about.case_id if about else None,
            account_id=task.account_id,
            account_owner=account.owner,
            order_id=about.order_id if about else "",
            shipment_id=about.shipment_id if about else "",
            tracking_id=about.tracking_id if about else "",
            event="",
            kind="session",
            purpose=task.purpose.value,
            template_id="",
            template_name="",
            language=task.language,
            category=_CATEGORY,
            command_id=task.id,
            phone=task.phone,
            content=content_of(task.message),
            now=now,
            attempt=activity.info().attempt,
            lease_until=now + LEASE,
        )
        if task.workspace_id == workspaces.PLATFORM:
            await workspaces.ensure_platform(session)
        intent = await write_intent(session, self._cipher, new, known=known, options=task.message.options)
        if about is not None:
            entry = timeline.Entry(
                workspace_id=task.workspace_id,
                order_id=about.order_id,
                shipment_id=about.shipment_id,
                case_id=about.case_id,
                at=now,
                kind="notification",
                topic=task.purpose.value,
                key=f"message:{task.id}",
                mode="automatic",
                message_id=intent.message_id,
                data=new.content,
            )
            await timeline.add_entry(session, self._cipher, entry)
        return intent

    async def _forbidden(
        self,
        session: Session,
        task: AccountMessageTask | SampleMessageTask,
        now: datetime,
        *,
        is_template: bool = False,
    ) -> NotSent | None:
        """Return what forbids the message now; locked, so that it stays true until the intent is committed (I6)."""
        phone_hash = self._cipher.phone_hash(task.phone)
        await serialize(session, task.account_id, phone_hash)  # as statuses do, before any row
        is_sellers = task.workspace_id != workspaces.PLATFORM
        if is_sellers and not await installations.is_installed(
            session, task.workspace_id, task.account_id, lock=True
        ):
            return NotSent.ACCOUNT_REMOVED
        customer = await customers.customer(session, task.account_id, phone_hash, lock=True)
        if customer.refuses():
            return NotSent.OPTED_OUT
        if is_template:
            return None
        heard = customer.last_inbound_at
        return NotSent.WINDOW if heard is None or now >= heard + SESSION_WINDOW else None
