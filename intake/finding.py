"""Whose case a customer's message is meant for, by the strongest evidence that it carries (R6.3).

A tap's unguessable reference, the message it quotes, the order it names, the conversation under way; else the one open
case. Where several are left nobody guesses: the customer is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from clients.gupshup import Content, InboundMessage, Reaction, Tap, Text
from db import cases, customers, inbox, messages, references
from db.cases import CaseRow, CustomerCase
from db.encryption import Cipher, digest
from db.inbox import InboxItem
from db.messages import Message
from db.session import Session
from domain.case_events import Purpose
from domain.messages import MessageStatus
from domain.replies import clean
from domain.understanding import NOTHING, understand
from intake.asking import ABOUT, About

__all__ = [
    "REMEMBERED",
    "UUID_FORM",
    "Chosen",
    "Finder",
    "Several",
    "Stranger",
    "Target",
    "as_kept",
    "wished_language",
]

REMEMBERED: Final = timedelta(days=7)
"""How long after its end a case is what a customer's free text is about."""

_CASE: Final = "case:"
_ASKED: Final = "asked:"
UUID_FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WORDS_AROUND_A_NUMBER: Final = 3
_LIST_LASTS: Final = timedelta(hours=1)
"""How long a typed number picks from the list of orders."""

_REACHED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
_SENT: Final = frozenset(
    {MessageStatus.UNKNOWN, MessageStatus.SUBMITTED, MessageStatus.ENQUEUED, MessageStatus.SENT}
)


@dataclass(frozen=True, slots=True)
class Target:
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
class Chosen:
    """The order that a message is said to be about, and who says so."""

    about: About
    phone_hash: bytes


@dataclass(frozen=True, slots=True)
class Several:
    """The open cases that a message may be about, the likeliest first."""

    rows: list[CaseRow]
    phone_hash: bytes


class Stranger(Exception):
    """An answer names something of ours that it has no right to; it has no effect (F43)."""


class Finder:
    """Finds the case of a message."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def find(
        self, session: Session, item: InboxItem, event: InboundMessage, phone_hash: bytes | None
    ) -> Target | Several | Chosen | None:
        """Find the case of an answer by the strongest evidence it carries (R6.3).

        Raises:
            Stranger: It names something of ours that was not sent to this phone through this account.
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
                return Chosen(About.read(choice), message.phone_hash)
            row = await _row_of(session, message)
            if row is not None:
                return Target(await _newest_visit(session, row), message.phone_hash, choice, message)
        if phone_hash is None:
            return None
        known = await cases.list_customer_cases(
            session, account_id, phone_hash, since=item.received_at - REMEMBERED
        )
        if label and (chosen := await _by_label(session, known, label)):
            return Target(chosen[0], phone_hash, chosen[1])
        if item.meant and (found := _as_before(item.meant, known, phone_hash)):
            return found
        found = await self._meant(session, item, event, known, phone_hash)
        if isinstance(found, Target | Chosen):
            await inbox.note_meant(session, item.id, as_kept(found))
        return found

    async def _meant(
        self,
        session: Session,
        item: InboxItem,
        event: InboundMessage,
        known: Sequence[CustomerCase],
        phone_hash: bytes,
    ) -> Target | Several | Chosen | None:
        """Find the case of a message that names nothing: the conversation under way, else the one open case (R6.3)."""
        rows = _likeliest_first(known)
        if not rows:
            return None
        still_open = [case for case in known if not case.row.outcome]
        likeliest = Target(rows[0], phone_hash)
        if len(still_open) <= 1 or isinstance(event.content, Reaction):
            return likeliest
        customer = await customers.customer(session, item.owner_id, phone_hash)
        asked_at, asked_to = customer.asked_which_at, customer.asked_which_to
        newest = max(still_open, key=lambda case: (case.wrote_at is not None, case.wrote_at))
        is_asked = asked_at is not None and (newest.wrote_at is None or asked_at > newest.wrote_at)
        is_fresh = asked_at is not None and item.received_at - asked_at < _LIST_LASTS
        named = _named(event.content, still_open)
        if is_asked and is_fresh and asked_to is not None and asked_to != item.id:
            number = _number(event.content)
            if 0 < number <= len(customer.asked_which):
                return Chosen(About(customer.asked_which[number - 1], asked_to), phone_hash)
            if named is not None and _says_no_more(event.content, named):
                return Chosen(About(named.id, asked_to), phone_hash)
        if named is not None:
            return Target(named, phone_hash)
        if not is_asked and newest.spoke_at is not None and newest.spoke_at == newest.wrote_at:
            return Target(newest.row, phone_hash)  # it put the question that is being answered
        if isinstance(event.content, Text) and wished_language(event.content.text):
            return likeliest  # a wish for a language is about all of them
        return Several(rows[: len(still_open)], phone_hash)

    async def _answered(self, session: Session, account_id: str, event: InboundMessage) -> Message | None:
        """Return the message of ours that an answer names: by its context, else by the reference on its buttons."""
        # An id in a context may be Gupshup's, kept as it is, or WhatsApp's.
        ids = [known for given in event.context_ids for known in (given, self._fingerprint(given))]
        message = await messages.find_by_provider_ids(session, account_id, ids)
        if message is None and event.message_ref and UUID_FORM.fullmatch(event.message_ref):
            message = await messages.find_message(session, event.message_ref)
        return message

    def _fingerprint(self, whatsapp_id: str) -> str:
        """Return how an id of WhatsApp's is kept: whoever decodes the id itself reads the customer's phone (I12)."""
        return self._cipher.fingerprint(whatsapp_id).hex()


def as_kept(found: Target | Several | Chosen) -> str:
    """Return what a message was found to be about as the inbox keeps it."""
    match found:
        case Target():
            return f"{_CASE}{found.row.id}"
        case Chosen():
            return found.about.choice()
        case Several():
            return _ASKED + ",".join(row.id for row in found.rows)


def _as_before(
    meant: str, known: Sequence[CustomerCase], phone_hash: bytes
) -> Target | Several | Chosen | None:
    """Return what a message was found to be about when it was handled before; None where that is gone."""
    by_id = {case.row.id: case.row for case in known}
    if meant.startswith(_ASKED):
        rows = [by_id[id_] for id_ in meant.removeprefix(_ASKED).split(",") if id_ in by_id]
        return Several(rows, phone_hash) if rows else None
    if meant.startswith(ABOUT):
        return Chosen(About.read(meant), phone_hash)
    row = by_id.get(meant.removeprefix(_CASE))
    return Target(row, phone_hash) if row is not None else None


async def _by_reference(
    session: Session, account_id: str, postback: str, phone_hash: bytes | None
) -> Target | Chosen:
    """Find the case of a tap by the unguessable reference that we set when we sent (S4)."""
    found = await references.find_reference(session, digest(postback))
    if found is None:
        raise Stranger("unknown reference")
    message = await messages.find_message(session, found.message_id)
    if message is None:
        raise Stranger("the reference's message is gone")
    _check(message, account_id, phone_hash)
    if found.choice.startswith(ABOUT):
        return Chosen(About.read(found.choice), message.phone_hash)
    row = await cases.find_case(session, found.workspace_id, found.case_id) if found.case_id else None
    if row is None:
        raise Stranger("the reference's case is gone")
    return Target(await _newest_visit(session, row), message.phone_hash, found.choice, message)


async def _newest_visit(session: Session, row: CaseRow) -> CaseRow:
    """Return the open visit that goes on where a case ended: its buttons are still on the customer's screen (R6.5)."""
    if not row.outcome:
        return row
    newest = await cases.find_case_by_attempt(session, row.workspace_id, row.shipment_id, row.attempt)
    return newest if newest is not None and not newest.outcome else row


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
        raise Stranger("another account's message")
    if phone_hash is not None and phone_hash != message.phone_hash:
        raise Stranger("sent to another phone")


def _likeliest_first(known: Sequence[CustomerCase]) -> list[CaseRow]:
    """Return open cases before ended ones, those whose message arrived before others, newest first (R6.3)."""

    def rank(case: CustomerCase) -> int:
        if case.row.outcome:
            return 3
        if case.message_statuses & _REACHED:
            return 0
        return 1 if case.message_statuses & _SENT else 2

    return [case.row for case in sorted(known, key=rank)]


def _named(content: Content, still_open: Sequence[CustomerCase]) -> CaseRow | None:
    """Return the one order whose number stands in a text; None where it is none, or several."""
    if not isinstance(content, Text):
        return None
    said = set(re.findall(r"[\w/-]+", clean(content.text).casefold()))
    named = [case.row for case in still_open if case.row.order_id.casefold() in said]
    return named[0] if len(named) == 1 else None


def _says_no_more(content: Content, row: CaseRow) -> bool:
    """Tell whether a text is no more than an order's number, in few words that ask for nothing."""
    text = clean(content.text).casefold() if isinstance(content, Text) else ""
    rest = text.replace(row.order_id.casefold(), " ")
    return len(rest.split()) <= _WORDS_AROUND_A_NUMBER and understand(rest, date.min) == NOTHING


def wished_language(typed: str) -> str:
    """Return the language that a message wishes for; empty for all other messages."""
    return understand(clean(typed), date.min).language


def _number(content: Content) -> int:
    """Return the number that a message consists of; 0 for all other messages."""
    said = understand(clean(content.text), date.min) if isinstance(content, Text) else None
    return said.number or 0 if said is not None else 0
