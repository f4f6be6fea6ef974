"""What Gupshup's callbacks mean: a status moves its message, a reply finds its case, an opt-out ends the talking.

The body is never proof (S3): the account is known by the address's secret, and an effect on a case needs a message
of ours, sent to the phone that answers.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from clients.gupshup import (
    AccountEvent,
    Address,
    BillingEvent,
    Callback,
    Contact,
    Content,
    InboundMessage,
    Location,
    Media,
    OtherEvent,
    PreferenceEvent,
    Reaction,
    StatusEvent,
    Tap,
    TemplateEvent,
    Text,
    Unsupported,
    UserEvent,
    failure_class,
    is_sendable,
    parse_callback,
)
from db import (
    accounts,
    cases,
    customers,
    messages,
    notifications,
    outgoing_events,
    references,
    statuses,
    timeline,
)
from db.accounts import AppAccount
from db.cases import CaseRow, CustomerCase
from db.encryption import Cipher, digest
from db.inbox import InboxItem
from db.messages import Message
from db.session import Session
from db.statuses import StatusReport
from domain.case_events import CustomerOptedOut, CustomerReplied, MessageNotSent
from domain.messages import MessageStatus, NotSent, is_start, is_stop
from domain.replies import AddressDraft, Reply, ReplyKind, clean
from domain.shipments import FailedDelivery, find_mobile, national_number
from intake.telling import DeliverEvent, Meaning, TellCase, Telling, handled, ignored
from workflows.client import Mail

__all__ = ["Callbacks", "take_failure"]

_REMEMBERED: Final = timedelta(days=7)
"""How long after its end a case is what a customer's free text is about."""

_REPLIES_A_CASE: Final = 50
"""After so many answers nothing typed changes a case any more; what is tapped still does."""

_REPLIES_A_MINUTE: Final = 20
_MINUTE: Final = timedelta(minutes=1)
_CUSTOMERS_WATCHED: Final = 10_000

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_WHATSAPP_ID: Final = "wamid."

_LONGEST_TEXT: Final = 4096
_LONGEST_LINE: Final = 200
_LONGEST_PINCODE: Final = 10

_STATUSES: Final = {
    "enqueued": MessageStatus.ENQUEUED,
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "failed": MessageStatus.FAILED,
}
_REACHED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
_SENT: Final = frozenset(
    {MessageStatus.UNKNOWN, MessageStatus.SUBMITTED, MessageStatus.ENQUEUED, MessageStatus.SENT}
)
_BARRED: Final = frozenset({"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTED", "DISABLE", "DISABLED"})
_RESTORED: Final = frozenset({"REINSTATE", "REINSTATED", "ACCOUNT_VERIFIED"})


@dataclass(frozen=True, slots=True)
class _Target:
    """Whose case an answer belongs to, and what a tap of it stands for.

    Attributes:
        row: The case.
        phone_hash: The customer, as our own message knows them.
        choice: What the tapped reference or label stands for; empty for free answers.
        message: The message that was answered, where the answer names it.
    """

    row: CaseRow
    phone_hash: bytes
    choice: str = ""
    message: Message | None = None


class _Stranger(Exception):
    """An answer names something of ours that it has no right to; it has no effect (F43)."""


class Callbacks:
    """Gives Gupshup's callbacks their effect on our data, and says which case has to learn of it."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._flood = _Flood()

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
                return await self._inbound(session, item, event)
            case UserEvent():
                return await self._user(session, item, event)
            case TemplateEvent():
                return await _template(session, item.owner_id, event)
            case AccountEvent():
                return await _account(session, item.owner_id, event)
            case BillingEvent():
                charge = "billable" if event.billable else "not billable"
                return handled(
                    f"billing: {event.category or 'no category'}, {event.type or 'no type'}, {charge}"
                )
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
        gupshup_id, whatsapp_id = event.gupshup_id, event.whatsapp_id
        if gupshup_id is not None and gupshup_id.startswith(_WHATSAPP_ID):
            gupshup_id, whatsapp_id = None, gupshup_id
        effect = await statuses.apply_status(
            session,
            StatusReport(
                account_id=item.owner_id,
                status=status,
                gupshup_id=gupshup_id,
                whatsapp_id=self._fingerprint(whatsapp_id) if whatsapp_id else None,
                phone_hash=self._cipher.phone_hash(event.destination) if event.destination else None,
                code=event.code or "",
                reason=clean(event.reason)[:_LONGEST_LINE],
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

    async def _inbound(self, session: Session, item: InboxItem, event: InboundMessage) -> Meaning:
        phone_hash = self._cipher.phone_hash(event.phone) if event.phone else None
        try:
            target = await self._target(session, item, event, phone_hash)
        except _Stranger as stranger:
            return ignored(str(stranger))
        known_hash = target.phone_hash if target else phone_hash
        # A reaction is not known to open the 24 h window.
        if known_hash is not None and not isinstance(event.content, Reaction):
            await customers.note_inbound(session, item.owner_id, known_hash, item.received_at)
        if known_hash is not None and isinstance(event.content, Text):
            text = clean(event.content.text)[:_LONGEST_LINE]
            if is_stop(text):
                return await self._opt(session, item, known_hash, opted_out=True, proof="text", typed=text)
            if is_start(text):
                return await self._opt(session, item, known_hash, opted_out=False, proof="text", typed=text)
        if target is None:
            return ignored("no case")
        return await self._reply(session, item, event, target)

    async def _reply(
        self, session: Session, item: InboxItem, event: InboundMessage, target: _Target
    ) -> Meaning:
        """Log an answer on its order's activity as it came, and pass it on to its case."""
        row, message = target.row, target.message
        if message is not None and message.status is MessageStatus.UNKNOWN:
            # Who answers it has it: the evidence that the send lacked (reliability rule 6).
            known = event.context_ids[0] if len(event.context_ids) > 1 else ""
            await statuses.adopt_by_reference(session, message.id, known if _UUID.fullmatch(known) else None)
        failure = None
        if isinstance(event.content, Address):
            facts, _ = await cases.get_start(session, self._cipher, row.workspace_id, row.id)
            failure = facts.failure
        reply = _reply(event, target, item.received_at, failure)
        is_new = await timeline.add_entry(
            session,
            self._cipher,
            timeline.Entry(
                workspace_id=row.workspace_id,
                order_id=row.order_id,
                shipment_id=row.shipment_id,
                case_id=row.id,
                at=item.received_at,
                kind="reply",
                topic=reply.media_kind or reply.kind.value,
                key=f"reply:{reply.id}",
                mode="whatsapp",
                data=_as_it_came(event.content),
            ),
        )
        # What was let through once is let through again: a repeat is no further answer.
        if is_new:
            count = await cases.note_reply(session, row.workspace_id, row.id, item.received_at)
            is_flood = self._flood.is_over(item.owner_id, target.phone_hash, item.received_at)
            if not target.choice and count > _REPLIES_A_CASE:
                return handled("reply: more than 50 of one case, logged and not passed on")
            if not target.choice and is_flood:
                return handled("reply: more than 20 a minute, logged and not passed on")
        mail = Mail(_mail_id(item), CustomerReplied(reply))
        return handled("reply", TellCase(row.workspace_id, row.id, mail))

    async def _target(
        self, session: Session, item: InboxItem, event: InboundMessage, phone_hash: bytes | None
    ) -> _Target | None:
        """Find the case of an answer by the strongest evidence it carries (R6.3).

        Raises:
            _Stranger: It names something of ours that was not sent to this phone through this account.
        """
        content, account_id = event.content, item.owner_id
        # Without a postback of ours Gupshup may repeat the label in its place.
        if isinstance(content, Tap) and content.postback and content.postback != content.title:
            return await _by_reference(session, account_id, content.postback, phone_hash)
        message = await self._answered(session, account_id, event)
        if message is not None and message.case_id is not None:
            _check(message, account_id, phone_hash)
            row = await cases.find_case(session, message.workspace_id, message.case_id)
            if row is not None:
                label = content.title if isinstance(content, Tap) else ""
                choice = await references.find_choice(session, message.id, label) if label else None
                return _Target(row, message.phone_hash, choice or "", message)
        if phone_hash is None:
            return None
        known = await cases.list_customer_cases(
            session, account_id, phone_hash, since=item.received_at - _REMEMBERED
        )
        row = _likeliest(known)
        if row is None:
            return None
        label = content.title if isinstance(content, Tap) else ""
        choice = await _choice_of(session, row, label) if label else ""
        return _Target(row, phone_hash, choice)

    async def _answered(self, session: Session, account_id: str, event: InboundMessage) -> Message | None:
        """Return the message of ours that an answer names: by its context, else by the reference on its buttons."""
        # An id in a context may be Gupshup's, kept as it is, or WhatsApp's.
        ids = [known for given in event.context_ids for known in (given, self._fingerprint(given))]
        message = await messages.find_by_provider_ids(session, account_id, ids)
        if message is None and event.message_ref and _UUID.fullmatch(event.message_ref):
            message = await messages.find_message(session, event.message_ref)
        return message

    def _fingerprint(self, whatsapp_id: str) -> str:
        """Return how an id of WhatsApp's is kept: whoever decodes the id itself reads the customer's phone (I12)."""
        return self._cipher.fingerprint(whatsapp_id).hex()

    async def _user(self, session: Session, item: InboxItem, event: UserEvent) -> Meaning:
        if event.phone is None or event.kind not in ("opted_in", "opted_out"):
            return ignored(f"user event: {event.kind}")
        phone_hash = self._cipher.phone_hash(event.phone)
        return await self._opt(
            session, item, phone_hash, opted_out=event.kind == "opted_out", proof="gupshup"
        )

    async def _opt(
        self,
        session: Session,
        item: InboxItem,
        phone_hash: bytes,
        *,
        opted_out: bool,
        proof: str,
        typed: str = "",
    ) -> Meaning:
        """Stop all messages of this sender to this customer, or lift that (R5.5)."""
        at = item.received_at
        await customers.set_opt_out(
            session,
            item.owner_id,
            phone_hash,
            opted_out=opted_out,
            at=at,
            proof=f"{proof}: inbox {item.id}",
        )
        known = await cases.list_customer_cases(session, item.owner_id, phone_hash, since=at - _REMEMBERED)
        still_open = tuple(case.row for case in known if not case.row.outcome)
        word = "opted_out" if opted_out else "opted_in"
        for row in still_open or tuple(case.row for case in known[:1]):
            await timeline.add_entry(
                session,
                self._cipher,
                timeline.Entry(
                    workspace_id=row.workspace_id,
                    order_id=row.order_id,
                    shipment_id=row.shipment_id,
                    case_id=row.id,
                    at=at,
                    kind="reply",
                    topic=word,
                    key=f"{word}:{row.id}:{item.id}",
                    mode="whatsapp",
                    data={"text": typed},
                ),
            )
        if not opted_out:
            return handled(word)
        mail = Mail(_mail_id(item), CustomerOptedOut())
        return handled(word, *(TellCase(row.workspace_id, row.id, mail) for row in still_open))


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


async def _by_reference(
    session: Session, account_id: str, postback: str, phone_hash: bytes | None
) -> _Target:
    """Find the case of a tap by the unguessable reference that we set when we sent (S4)."""
    found = await references.find_reference(session, digest(postback))
    if found is None or found.case_id is None:
        raise _Stranger("unknown reference")
    message = await messages.find_message(session, found.message_id)
    if message is None:
        raise _Stranger("the reference's message is gone")
    _check(message, account_id, phone_hash)
    row = await cases.find_case(session, found.workspace_id, found.case_id)
    if row is None:
        raise _Stranger("the reference's case is gone")
    return _Target(row, message.phone_hash, found.choice, message)


async def _choice_of(session: Session, row: CaseRow, label: str) -> str:
    """Return what a tapped label stood for on the case's newest message that had it (R6.3); empty for none."""
    for message in reversed(await messages.list_for_case(session, row.workspace_id, row.id)):
        if choice := await references.find_choice(session, message.id, label):
            return choice
    return ""


def _check(message: Message, account_id: str, phone_hash: bytes | None) -> None:
    """Refuse an answer about a message that went through another account, or to another phone (S3).

    A hidden phone (F49) is no contradiction: the evidence that led here cannot be guessed.
    """
    if message.account_id != account_id:
        raise _Stranger("another account's message")
    if phone_hash is not None and phone_hash != message.phone_hash:
        raise _Stranger("sent to another phone")


def _likeliest(known: Sequence[CustomerCase]) -> CaseRow | None:
    """Choose the case that free text is about: the one open case, else the newest whose message arrived (R6.3)."""
    still_open = [case for case in known if not case.row.outcome]
    reached = [case for case in still_open if case.message_statuses & _REACHED]
    sent = [case for case in still_open if case.message_statuses & _SENT]
    for candidates in (reached, sent, still_open, known):
        if candidates:
            return candidates[0].row
    return None


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


def _reply(
    event: InboundMessage, target: _Target, received_at: datetime, failure: FailedDelivery | None
) -> Reply:
    """Return an answer in our words; its id tells nothing of the customer, since it goes into ids of ours."""
    reply_id = hashlib.sha256(event.message_id.encode()).hexdigest()[:32]
    content: Content = event.content
    match content:
        case Tap():
            return Reply(
                reply_id, ReplyKind.CHOICE, received_at, text=_line(content.title), choice=target.choice
            )
        case Text():
            return Reply(reply_id, ReplyKind.TEXT, received_at, text=clean(content.text)[:_LONGEST_TEXT])
        case Media():
            caption = clean(content.caption)[:_LONGEST_TEXT]
            return Reply(reply_id, ReplyKind.MEDIA, received_at, text=caption, media_kind=content.kind)
        case Location():
            return Reply(
                reply_id,
                ReplyKind.LOCATION,
                received_at,
                latitude=content.latitude,
                longitude=content.longitude,
                place=", ".join(filter(None, (_line(content.name), _line(content.address)))),
            )
        case Address():
            draft = _draft(content, failure)
            return Reply(reply_id, ReplyKind.ADDRESS, received_at, text=draft.text, address=draft)
        case Contact():
            return Reply(reply_id, ReplyKind.CONTACT, received_at)
        case Reaction():
            return Reply(reply_id, ReplyKind.REACTION, received_at, text=_line(content.emoji))
        case Unsupported():
            return Reply(reply_id, ReplyKind.OTHER, received_at)
        case _:
            assert_never(content)


def _draft(form: Address, failure: FailedDelivery | None) -> AddressDraft:
    """Return WhatsApp's address form as a draft; city and state stay the order's.

    A phone and a name are taken only where they differ: the form comes back with the order's own filled in.
    """
    floor = f"Floor {form.floor_number}" if form.floor_number.isdigit() else form.floor_number
    tower = f"Tower {form.tower_number}" if len(form.tower_number) in (1, 2) else form.tower_number
    parts = (form.house_number, floor, tower, form.building_name, form.address)
    text = ", ".join(filter(None, (_line(part) for part in parts)))
    phone, name = find_mobile(form.phone) or "", _line(form.name)
    if failure is not None:
        phone = "" if phone == national_number(failure.customer_phone) else phone
        name = "" if name.casefold() == failure.customer_name.casefold() else name
    draft = AddressDraft().with_text(clean(form.body)) if not text else AddressDraft(text=text)
    return AddressDraft(
        text=draft.text,
        pincode="".join(filter(str.isdigit, form.pincode))[:_LONGEST_PINCODE] or draft.pincode,
        landmark=_line(form.landmark) or draft.landmark,
        phone=phone,
        name=name,
    )


def _as_it_came(content: Content) -> dict[str, object]:
    """Return an answer for the order's activity (R5.3); sealed there."""
    match content:
        case Tap():
            return {"text": _line(content.title), "tapped": content.via}
        case Text():
            return {"text": clean(content.text)[:_LONGEST_TEXT]}
        case Media():
            return {
                "media": content.kind,
                "url": content.url,
                "text": clean(content.caption)[:_LONGEST_TEXT],
                "content_type": content.content_type,
                "name": _line(content.name),
            }
        case Location():
            return {
                "latitude": content.latitude,
                "longitude": content.longitude,
                "text": ", ".join(filter(None, (_line(content.name), _line(content.address)))),
            }
        case Address():
            fields = {
                name: _line(value) for name, value in asdict(content).items() if name != "body" and value
            }
            return {
                "text": clean(content.body)[:_LONGEST_TEXT] or _draft(content, None).text,
                "form": "address",
                "fields": fields,
            }
        case Contact():
            return {"names": list(content.names), "phones": list(content.phones)}
        case Reaction():
            return {"text": _line(content.emoji)}
        case Unsupported():
            return {"unsupported": content.kind}
        case _:
            assert_never(content)


def _line(text: str) -> str:
    return " ".join(clean(text).split())[:_LONGEST_LINE]


def _mail_id(item: InboxItem) -> str:
    """Return an id that is the same for every repeat of one fact, whichever row or process brings it (I2)."""
    return f"{item.source}:{item.owner_id}:{item.event_key}"


async def _template(session: Session, account_id: str, event: TemplateEvent) -> Meaning:
    """Hold a template that may not be used, and let it go when it may again (R4.8, F33)."""
    if event.kind == "status":
        if is_sendable(event.status):
            held = None
        else:
            held = ": ".join(filter(None, (f"template {event.status.lower()}", _line(event.reason))))
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
    """Put an account's trouble with WhatsApp before the seller."""
    if event.kind == "status" and event.status in _BARRED:
        await accounts.set_attention(
            session, account_id, f"WhatsApp: {event.status.lower().replace('_', ' ')}"
        )
    elif event.kind == "status" and event.status in _RESTORED:
        await accounts.set_attention(session, account_id, None)
    else:
        return handled(f"account {event.kind}: noted")
    return handled(f"account {event.status.lower()}")


class _Flood:
    """Counts answers by customer and minute: a run's history must not grow with one customer's mood (F13, S26).

    Counted by process: what matters is that there is an end to it, not where exactly.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, bytes], tuple[datetime, int]] = OrderedDict()

    def is_over(self, account_id: str, phone_hash: bytes, at: datetime) -> bool:
        """Count one more answer and tell whether it is one too many."""
        key = (account_id, phone_hash)
        since, count = self._counts.pop(key, (at, 0))
        if at - since >= _MINUTE:
            since, count = at, 0
        self._counts[key] = (since, count + 1)
        if len(self._counts) > _CUSTOMERS_WATCHED:
            self._counts.popitem(last=False)
        return count >= _REPLIES_A_MINUTE
