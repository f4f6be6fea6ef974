"""What a customer's message means: it finds its case, or stops all messages of a sender (R6.3, R5.5).

The body is never proof (S3): an effect on a case needs a message of ours, sent to the phone that answers.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clients.gupshup import Address, InboundMessage, Reaction, Tap, Text, UserEvent
from db import cases, customers, messages, references, statuses, timeline
from db.cases import CaseRow, CustomerCase
from db.encryption import Cipher, digest
from db.inbox import InboxItem
from db.messages import Message
from db.session import Session
from domain.case_events import CustomerOptedOut, CustomerReplied
from domain.messages import MessageStatus, is_start, is_stop
from domain.replies import clean
from intake.contents import LONGEST_LINE, as_it_came, read_reply
from intake.telling import Meaning, TellCase, handled, ignored
from workflows.client import Mail

__all__ = ["Inbound"]

_REMEMBERED: Final = timedelta(days=7)
"""How long after its end a case is what a customer's free text is about."""

_REPLIES_A_CASE: Final = 50
"""After so many answers nothing typed changes a case any more; what is tapped still does."""

_REPLIES_A_MINUTE: Final = 20
_MINUTE: Final = timedelta(minutes=1)
_CUSTOMERS_WATCHED: Final = 10_000

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_REACHED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
_SENT: Final = frozenset(
    {MessageStatus.UNKNOWN, MessageStatus.SUBMITTED, MessageStatus.ENQUEUED, MessageStatus.SENT}
)


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


class Inbound:
    """Gives what customers send its effect on our data, and says which case has to learn of it."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._flood = _Flood()

    async def message(self, session: Session, item: InboxItem, event: InboundMessage) -> Meaning:
        """Give a message of a customer its effect."""
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
            text = clean(event.content.text)[:LONGEST_LINE]
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
        reply = read_reply(event, choice=target.choice, received_at=item.received_at, failure=failure)
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
                data=as_it_came(event.content),
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

    async def user(self, session: Session, item: InboxItem, event: UserEvent) -> Meaning:
        """Take an opt-out or opt-in that Gupshup tells of (R5.5)."""
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


def _mail_id(item: InboxItem) -> str:
    """Return an id that is the same for every repeat of one fact, whichever row or process brings it (I2)."""
    return f"{item.source}:{item.owner_id}:{item.event_key}"


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
