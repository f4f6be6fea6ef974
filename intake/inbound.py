"""What a customer's message means: it finds its case, or stops all messages of a sender (R6.3, R5.5).

The body is never proof (S3): an effect on a case needs a message of ours, sent to the phone that answers.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from clients.gupshup import (
    Address,
    Content,
    InboundMessage,
    Reaction,
    Tap,
    Text,
    Unsupported,
    UserEvent,
    parse_callback,
)
from db import accounts, cases, customers, inbox, messages, references, statuses, timeline, workspaces
from db.cases import CaseRow, CustomerCase
from db.encryption import Cipher, digest
from db.inbox import InboxItem
from db.messages import Message
from db.session import Session
from domain.case_events import CustomerOptedIn, CustomerOptedOut, CustomerReplied, Purpose
from domain.choices import LONGEST_WORD
from domain.messages import MessageStatus, is_start, is_stop
from domain.replies import Reply, clean
from domain.templates import OPTIONS_CHOICE
from domain.timing import local_day
from domain.understanding import understand
from intake.asking import ABOUT, About, ask_which, greet
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

_CHANGED: Final = re.compile(r"edit|delet|revoke", re.IGNORECASE)
"""Kinds of messages that say that an earlier one was changed or taken back; which they name nowhere for sure."""

_LIST_LASTS: Final = timedelta(hours=1)
"""How long a typed number picks from the list of orders."""

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


@dataclass(frozen=True, slots=True)
class _Several:
    """The open cases that a message may be about, the likeliest first."""

    rows: list[CaseRow]
    phone_hash: bytes


class _Stranger(Exception):
    """An answer names something of ours that it has no right to; it has no effect (F43)."""


class Inbound:
    """Gives what customers send its effect on our data, and says which case has to learn of it."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._flood = _Flood()

    async def message(self, session: Session, item: InboxItem, event: InboundMessage) -> Meaning:
        """Give a message of a customer its effect."""
        phone_hash = await self._customer(session, item.owner_id, event)
        try:
            found = await self._find(session, item, event, phone_hash)
        except _Stranger as stranger:
            return ignored(str(stranger))
        known_hash = phone_hash if isinstance(found, About | None) else found.phone_hash
        if known_hash is not None:
            await self._learn(session, item, event, known_hash)
        if known_hash is not None and isinstance(event.content, Text):
            text = clean(event.content.text)[:LONGEST_LINE]
            if is_start(text) or await self._is_stop(session, item, known_hash, text):
                return await self._opt(
                    session, item, known_hash, opted_out=not is_start(text), proof="text", typed=text
                )
        match found:
            case _Target():
                return await self._reply(session, item, event, found)
            case _Several():
                return await self._ask(session, item, event, found)
            case About() if phone_hash is not None:
                return await self._answer_again(session, item, event, found, phone_hash)
        if known_hash is None or event.phone is None or isinstance(event.content, Reaction):
            return ignored("no case")
        return await greet(session, item, event.phone, known_hash)

    async def _customer(self, session: Session, account_id: str, event: InboundMessage) -> bytes | None:
        """Return who writes: by phone, else by the id that our own messages taught us (F49)."""
        if event.phone:
            return self._cipher.phone_hash(event.phone)
        if event.bsuid is None:
            return None
        return await customers.find_by_hidden_id(session, account_id, self._cipher.fingerprint(event.bsuid))

    async def _learn(
        self, session: Session, item: InboxItem, event: InboundMessage, phone_hash: bytes
    ) -> None:
        """Note what a message tells of its customer: that they wrote, in which language, under which id."""
        if not isinstance(event.content, Reaction):  # which is not known to open the 24 h window
            await customers.note_inbound(session, item.owner_id, phone_hash, item.received_at)
        if isinstance(event.content, Text) and (language := _language(event.content.text)):
            await customers.set_language(session, item.owner_id, phone_hash, language)
        if event.bsuid is not None:
            hidden = self._cipher.fingerprint(event.bsuid)
            await customers.learn_hidden_id(session, item.owner_id, phone_hash, hidden)

    async def _is_stop(self, session: Session, item: InboxItem, phone_hash: bytes, text: str) -> bool:
        """Tell whether a text is an opt-out: STOP, or what the sellers of this customer's parcels added to it (R5.5)."""
        if is_stop(text) or len(text) > LONGEST_WORD:
            return is_stop(text)
        known = await cases.list_customer_cases(
            session, item.owner_id, phone_hash, since=item.received_at - _REMEMBERED
        )
        sellers = {case.row.workspace_id for case in known}
        account = await accounts.get_account(session, item.owner_id)
        sellers |= {account.workspace_id} if account.workspace_id else set()
        policies = [(await workspaces.get_workspace(session, seller)).policy for seller in sorted(sellers)]
        return is_stop(text, frozenset(word for policy in policies for word in policy.opt_out_words))

    async def _reply(
        self, session: Session, item: InboxItem, event: InboundMessage, target: _Target
    ) -> Meaning:
        """Log an answer on its order's activity as it came, and pass it on to its case."""
        row, message = target.row, target.message
        if message is not None and message.status is MessageStatus.UNKNOWN:
            # Who answers it has it: the evidence that the send lacked (reliability rule 6).
            known = event.context_ids[0] if len(event.context_ids) > 1 else ""
            await statuses.adopt_by_reference(session, message.id, known if _UUID.fullmatch(known) else None)
        reply = await self._read(session, row, event, target.choice, item.received_at)
        is_new = await self._log(session, row, event, reply, key=f"reply:{reply.id}")
        if isinstance(event.content, Unsupported) and _CHANGED.search(event.content.kind):
            return handled("reply: an earlier one was changed or taken back, logged")
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

    async def _ask(
        self, session: Session, item: InboxItem, event: InboundMessage, several: _Several
    ) -> Meaning:
        """Ask which order is meant; where that was asked just now, the likeliest one is (R6.3)."""
        question = await ask_which(session, self._cipher, item, several.phone_hash, several.rows)
        if question is None:
            return await self._reply(session, item, event, _Target(several.rows[0], several.phone_hash))
        row = several.rows[0]
        reply = await self._read(session, row, event, "", item.received_at)
        await self._log(session, row, event, reply, key=f"reply:{reply.id}:{row.id}")
        return handled("reply: asked which order is meant", question)

    async def _answer_again(
        self, session: Session, item: InboxItem, event: InboundMessage, about: About, phone_hash: bytes
    ) -> Meaning:
        """Pass on the message that was unclear, now that the customer says which order it was about."""
        known = await cases.list_customer_cases(
            session, item.owner_id, phone_hash, since=item.received_at - _REMEMBERED
        )
        row = next((case.row for case in known if case.row.id == about.case_id), None)
        if row is None:
            return ignored("the order that was chosen is not known any more")
        tap = await self._read(session, row, event, about.choice(), item.received_at)
        await self._log(session, row, event, tap, key=f"reply:{tap.id}")
        first = await inbox.find_item(session, self._cipher, about.inbox_id)
        said = parse_callback(first.body).events[first.position] if first is not None else None
        if first is None or not isinstance(said, InboundMessage):
            reply = replace(tap, choice=OPTIONS_CHOICE)  # it is no longer kept: the choices say how to go on
        else:
            reply = await self._read(session, row, said, "", item.received_at)
            await self._log(session, row, said, reply, key=f"reply:{reply.id}:{row.id}", at=first.received_at)
        await cases.note_reply(session, row.workspace_id, row.id, item.received_at)
        mail = Mail(_mail_id(item), CustomerReplied(reply))
        return handled("reply: about an order that was chosen", TellCase(row.workspace_id, row.id, mail))

    async def _read(
        self, session: Session, row: CaseRow, event: InboundMessage, choice: str, received_at: datetime
    ) -> Reply:
        """Return a message as its case takes it."""
        failure = today = None
        if isinstance(event.content, Address | Text):
            facts, policy = await cases.get_start(session, self._cipher, row.workspace_id, row.id)
            failure, today = facts.failure, local_day(received_at, policy)
        return read_reply(event, choice=choice, received_at=received_at, failure=failure, today=today)

    async def _log(
        self,
        session: Session,
        row: CaseRow,
        event: InboundMessage,
        reply: Reply,
        *,
        key: str,
        at: datetime | None = None,
    ) -> bool:
        """Put a message on its order's activity as it came, and tell whether it was not there yet."""
        entry = timeline.Entry(
            workspace_id=row.workspace_id,
            order_id=row.order_id,
            shipment_id=row.shipment_id,
            case_id=row.id,
            at=at or reply.at,
            kind="reply",
            topic=reply.media_kind or reply.kind.value,
            key=key,
            mode="whatsapp",
            data=as_it_came(event.content),
        )
        return await timeline.add_entry(session, self._cipher, entry)

    async def _find(
        self, session: Session, item: InboxItem, event: InboundMessage, phone_hash: bytes | None
    ) -> _Target | _Several | About | None:
        """Find the case of an answer by the strongest evidence it carries (R6.3).

        Raises:
            _Stranger: It names something of ours that was not sent to this phone through this account.
        """
        content, account_id = event.content, item.owner_id
        label = content.title if isinstance(content, Tap) else ""
        # Without a postback of ours Gupshup may repeat the label in its place.
        if isinstance(content, Tap) and content.postback and content.postback != content.title:
            return await _by_reference(session, account_id, content.postback, phone_hash)
        message = await self._answered(session, account_id, event)
        if message is not None:
            _check(message, account_id, phone_hash)
            choice = (await references.find_choice(session, message.id, label) or "") if label else ""
            if choice.startswith(ABOUT):
                return About.read(choice)
            row = await _row_of(session, message)
            if row is not None:
                return _Target(row, message.phone_hash, choice, message)
        if phone_hash is None:
            return None
        known = await cases.list_customer_cases(
            session, account_id, phone_hash, since=item.received_at - _REMEMBERED
        )
        if label and (chosen := await _by_label(session, known, label)):
            return _Target(chosen[0], phone_hash, chosen[1])
        return await self._meant(session, item, event, known, phone_hash)

    async def _meant(
        self,
        session: Session,
        item: InboxItem,
        event: InboundMessage,
        known: Sequence[CustomerCase],
        phone_hash: bytes,
    ) -> _Target | _Several | About | None:
        """Find the case of a message that names nothing: the conversation under way, else the one open case (R6.3)."""
        rows = _likeliest_first(known)
        if not rows:
            return None
        still_open = [case for case in known if not case.row.outcome]
        if len(still_open) <= 1 or isinstance(event.content, Reaction):
            return _Target(rows[0], phone_hash)
        customer = await customers.customer(session, item.owner_id, phone_hash)
        newest = max(still_open, key=lambda case: (case.wrote_at is not None, case.wrote_at))
        asked_at = customer.asked_which_at
        if asked_at is not None and (newest.wrote_at is None or asked_at > newest.wrote_at):
            picked = _number(event.content)
            is_fresh = item.received_at - asked_at < _LIST_LASTS
            if is_fresh and customer.asked_which_to and 0 < picked <= len(customer.asked_which):
                return About(customer.asked_which[picked - 1], customer.asked_which_to)
        elif newest.spoke_at is not None and newest.spoke_at == newest.wrote_at:
            return _Target(newest.row, phone_hash)  # it put the question that is being answered
        return _Several(rows[: len(still_open)], phone_hash)

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
        mail = Mail(_mail_id(item), CustomerOptedOut() if opted_out else CustomerOptedIn())
        return handled(word, *(TellCase(row.workspace_id, row.id, mail) for row in still_open))


async def _by_reference(
    session: Session, account_id: str, postback: str, phone_hash: bytes | None
) -> _Target | About:
    """Find the case of a tap by the unguessable reference that we set when we sent (S4)."""
    found = await references.find_reference(session, digest(postback))
    if found is None:
        raise _Stranger("unknown reference")
    message = await messages.find_message(session, found.message_id)
    if message is None:
        raise _Stranger("the reference's message is gone")
    _check(message, account_id, phone_hash)
    if found.choice.startswith(ABOUT):
        return About.read(found.choice)
    row = await cases.find_case(session, found.workspace_id, found.case_id) if found.case_id else None
    if row is None:
        raise _Stranger("the reference's case is gone")
    return _Target(row, message.phone_hash, found.choice, message)


async def _row_of(session: Session, message: Message) -> CaseRow | None:
    """Return the case of a message; what asks which order is meant is about none."""
    if message.case_id is None or message.purpose == Purpose.WHICH_ORDER:
        return None
    return await cases.find_case(session, message.workspace_id, message.case_id)


async def _by_label(
    session: Session, known: Sequence[CustomerCase], label: str
) -> tuple[CaseRow, str] | None:
    """Return the likeliest case that offered a button of these words, and what it stood for (R6.3)."""
    rows = _likeliest_first(known)
    for row in rows:
        for message in reversed(await messages.list_for_case(session, row.workspace_id, row.id)):
            choice = await references.find_choice(session, message.id, label)
            if choice and not choice.startswith(ABOUT):
                return row, choice
    return (rows[0], "") if rows else None


def _check(message: Message, account_id: str, phone_hash: bytes | None) -> None:
    """Refuse an answer about a message that went through another account, or to another phone (S3).

    A hidden phone (F49) is no contradiction: the evidence that led here cannot be guessed.
    """
    if message.account_id != account_id:
        raise _Stranger("another account's message")
    if phone_hash is not None and phone_hash != message.phone_hash:
        raise _Stranger("sent to another phone")


def _likeliest_first(known: Sequence[CustomerCase]) -> list[CaseRow]:
    """Return open cases before ended ones, those whose message arrived before others, newest first (R6.3)."""

    def rank(case: CustomerCase) -> int:
        if case.row.outcome:
            return 3
        if case.message_statuses & _REACHED:
            return 0
        return 1 if case.message_statuses & _SENT else 2

    return [case.row for case in sorted(known, key=rank)]


def _language(typed: str) -> str:
    """Return the language that a message wishes for; empty for all other messages."""
    return understand(clean(typed), date.min).language


def _number(content: Content) -> int:
    """Return the number that a message consists of; 0 for all other messages."""
    said = understand(clean(content.text), date.min) if isinstance(content, Text) else None
    return said.number or 0 if said is not None else 0


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
