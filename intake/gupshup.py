"""What Gupshup's callbacks mean: a status moves its message, trouble with a template or an account is put on hold.

What customers send is left to `intake.inbound`. The body is never proof (S3): the account is known by the address's
secret.
"""

from datetime import datetime
from typing import Final, assert_never

from clients.gupshup import (
    AccountEvent,
    BillingEvent,
    Callback,
    InboundMessage,
    OtherEvent,
    PreferenceEvent,
    StatusEvent,
    TemplateEvent,
    UserEvent,
    failure_class,
    is_sendable,
    parse_callback,
)
from db import accounts, customers, notifications, outgoing_events, reconciliation, statuses
from db.accounts import AppAccount
from db.encryption import Cipher
from db.inbox import InboxItem
from db.messages import Message
from db.session import Session
from db.statuses import StatusReport
from domain.case_events import MessageNotSent
from domain.messages import MessageStatus, NotSent
from domain.replies import clean
from intake.contents import LONGEST_LINE, line
from intake.inbound import Inbound
from intake.telling import DeliverEvent, Meaning, TellCase, Telling, handled, ignored
from workflows.client import Mail

__all__ = ["Callbacks", "take_failure"]

_WHATSAPP_ID: Final = "wamid."

_STATUSES: Final = {
    "enqueued": MessageStatus.ENQUEUED,
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "failed": MessageStatus.FAILED,
}
_BARRED: Final = frozenset({"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTED", "DISABLE", "DISABLED"})
_RESTORED: Final = frozenset({"REINSTATE", "REINSTATED", "ACCOUNT_VERIFIED"})
_QUALITIES: Final = {"FLAGGED": "RED", "UNFLAGGED": ""}
"""What becomes of a number's quality: WhatsApp tells when it is low, and afterwards only that it is not any more."""


class Callbacks:
    """Gives Gupshup's callbacks their effect on our data, and says which case has to learn of it."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._inbound = Inbound(cipher)

    async def understand(self, session: Session, item: InboxItem) -> Meaning:
        """Give one stored event its effect.

        Raises:
            UnreadableCallback: The stored body cannot be read.
        """
        callback = parse_callback(item.body)
        account = await accounts.get_account(session, item.owner_id)
        if not _is_of(callback, account):
            return ignored("another app's callback")
        event = callback.events[item.position]
        match event:
            case StatusEvent():
                return await self._status(session, item, event)
            case InboundMessage():
                return await self._inbound.message(session, item, event)
            case UserEvent():
                return await self._inbound.user(session, item, event)
            case TemplateEvent():
                return await _template(session, item.owner_id, event)
            case AccountEvent():
                return await _account(session, item.owner_id, event)
            case BillingEvent():
                return await self._billing(session, item, event)
            case PreferenceEvent():
                return ignored(f"preference: marketing only, {event.value}")
            case OtherEvent():
                return ignored(f"kind: {event.kind or 'none'}")
            case _:
                assert_never(event)

    async def _status(self, session: Session, item: InboxItem, event: StatusEvent) -> Meaning:
        status = _STATUSES.get(event.kind)
        if status is None:
            return ignored(f"status: {event.kind}")
        gupshup_id, whatsapp_id = _ids(event)
        if event.bsuid is not None and event.destination is not None:
            # First, for the order of locks: replies and sends lock the customer before the message.
            hidden, phone_hash = (
                self._cipher.fingerprint(event.bsuid),
                self._cipher.phone_hash(event.destination),
            )
            await customers.learn_hidden_id(session, item.owner_id, phone_hash, hidden)
        effect = await statuses.apply_status(
            session,
            StatusReport(
                account_id=item.owner_id,
                status=status,
                gupshup_id=gupshup_id,
                whatsapp_id=self._cipher.fingerprint(whatsapp_id).hex() if whatsapp_id else None,
                phone_hash=self._cipher.phone_hash(event.destination) if event.destination else None,
                code=event.code or "",
                reason=clean(event.reason)[:LONGEST_LINE],
                at=item.received_at,
                provider_at=event.occurred_at,
                pricing_category=event.pricing_category,
            ),
        )
        message = effect.message
        if message is None:
            return handled("no message yet: kept for a day")
        if message.status is MessageStatus.FAILED:
            # Not only when this very status says so: its ids may bring a failure that waited for them. And not only
            # when it changed: after a crash the case may not know yet, and the mail's id makes it one fact.
            return await take_failure(
                session, self._cipher, message, is_new=effect.changed, now=item.received_at
            )
        return handled("" if effect.changed else "already further")

    async def _billing(self, session: Session, item: InboxItem, event: BillingEvent) -> Meaning:
        """Keep what Gupshup billed; it proves that the message was accepted (I7)."""
        gupshup_id, whatsapp_id = _ids(event)
        matched = await reconciliation.take_event(
            session,
            reconciliation.BilledEvent(
                account_id=item.owner_id,
                event_key=event.event_key,
                gupshup_id=gupshup_id,
                whatsapp_id=self._cipher.fingerprint(whatsapp_id).hex() if whatsapp_id else None,
                phone_hash=self._cipher.phone_hash(event.destination) if event.destination else None,
                is_billable=event.billable,
                category=event.category,
                model=event.model,
                type=event.type,
                at=item.received_at,
                provider_at=event.occurred_at,
            ),
        )
        charge = "billable" if event.billable else "not billable"
        words = [f"billing: {event.category or 'no category'}, {event.type or 'no type'}, {charge}"]
        if matched.message is None:
            words.append("kept")
        elif matched.was_adopted:
            words.append("proves an unknown send")
        return handled(", ".join(words))


def _ids(event: StatusEvent | BillingEvent) -> tuple[str | None, str | None]:
    """Return Gupshup's id and WhatsApp's; some events name only the latter, in the former's place."""
    if event.gupshup_id is not None and event.gupshup_id.startswith(_WHATSAPP_ID):
        return None, event.gupshup_id
    return event.gupshup_id, event.whatsapp_id


async def take_failure(
    session: Session, cipher: Cipher, message: Message, *, is_new: bool, now: datetime
) -> Meaning:
    """Hold what would fail again as a message just did, and return how case and workspace learn of it, new or not."""
    why, code = NotSent(failure_class(message.code or None)), message.code or "no code"
    # What is no news is held already, and may have been let go since.
    if is_new and why is NotSent.TEMPLATE and message.template_id:
        await notifications.hold_template(
            session, message.account_id, message.template_id, f"sending failed with code {code}"
        )
    elif is_new and why is NotSent.ACCOUNT:
        await accounts.set_attention(session, message.account_id, f"sending failed with code {code}")
    event_ids = await outgoing_events.tell_message_failed(session, cipher, message, why, now)
    tell: list[Telling] = [DeliverEvent(message.workspace_id, event_id) for event_id in event_ids]
    if message.case_id is not None and message.kind == "template":
        mail = Mail(f"failed:{message.id}", MessageNotSent(message.command_id, why, code))
        tell.insert(0, TellCase(message.workspace_id, message.case_id, mail))
    return handled(f"failed: {code}", *tell)


def _is_of(callback: Callback, account: AppAccount) -> bool:
    """Tell whether a callback names this account, and nothing that contradicts it (S3)."""
    named = (
        (callback.app_name, account.app_name),
        (callback.app_id, account.app_id),
    )
    told = [(theirs, ours) for theirs, ours in named if theirs is not None]
    if not told:
        return callback.phone is not None and callback.phone == account.phone
    return all(theirs == ours for theirs, ours in told)


async def _template(session: Session, account_id: str, event: TemplateEvent) -> Meaning:
    """Hold a template that may not be used, and let it go when it may again (R4.8, F33)."""
    if event.kind == "status":
        if is_sendable(event.status):
            held = None
        else:
            held = ": ".join(filter(None, (f"template {event.status.lower()}", line(event.reason))))
    elif event.kind == "category" and not event.is_announcement:
        # Another category is another price, which the seller has not accepted.
        held = f"template's category is now {event.new_category.lower()}"
    else:
        return handled(f"template {event.kind}: noted")
    count = await notifications.hold_template(session, account_id, event.template_id, held)
    return (
        handled(held or "template may be used again")
        if count
        else ignored("no notification uses the template")
    )


async def _account(session: Session, account_id: str, event: AccountEvent) -> Meaning:
    """Put an account's trouble with WhatsApp before the seller, and keep how its number is rated."""
    if event.kind == "status" and event.status in _BARRED:
        await accounts.set_attention(
            session, account_id, f"WhatsApp: {event.status.lower().replace('_', ' ')}"
        )
    elif event.kind == "status" and event.status in _RESTORED:
        await accounts.set_attention(session, account_id, None)
    elif event.kind == "tier" and event.status in _QUALITIES:
        await accounts.set_quality(session, account_id, _QUALITIES[event.status])
    else:
        return handled(f"account {event.kind}: noted")
    return handled(f"account {event.status.lower()}")
