"""What a customer's message means: it finds its case, or stops all messages of a sender (R6.3, R5.5).

The body is never proof (S3): an effect on a case needs a message of ours, sent to the phone that answers.
"""

import re
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from clients.gupshup import (
    Address,
    InboundMessage,
    PreferenceEvent,
    Reaction,
    Text,
    Unsupported,
    UserEvent,
    parse_callback,
)
from db import accounts, cases, customers, inbox, statuses, timeline, workspaces
from db.cases import CaseRow
from db.consents import Consent
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Session
from domain.case_events import CustomerReplied, LanguageChosen
from domain.consent import Scope, Source
from domain.messages import MessageStatus, is_start, is_stop
from domain.replies import Reply, clean
from domain.settings import LONGEST_WORD
from domain.templates import OPTIONS_CHOICE
from domain.timing import local_day
from intake.asking import About, ask_which, greet
from intake.consent import take_consent, topic_of
from intake.contents import LONGEST_LINE, as_it_came, read_reply
from intake.finding import (
    REMEMBERED,
    UUID_FORM,
    Chosen,
    Finder,
    Several,
    Stranger,
    Target,
    as_kept,
    wished_language,
)
from intake.telling import Meaning, TellCase, handled, ignored
from workflows.client import Mail

__all__ = ["Inbound"]

_CHANGED: Final = re.compile(r"edit|delet|revoke", re.IGNORECASE)
"""Kinds of messages that say that an earlier one was changed or taken back; which they name nowhere for sure."""

_REPLIES_A_CASE: Final = 50
"""After so many answers nothing typed changes a case any more; what is tapped still does."""

_REPLIES_A_MINUTE: Final = 20
_MINUTE: Final = timedelta(minutes=1)
_CUSTOMERS_WATCHED: Final = 10_000


class Inbound:
    """Gives what customers send its effect on our data, and says which case has to learn of it."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._finder = Finder(cipher)
        self._flood = _Flood()

    async def message(self, session: Session, item: InboxItem, event: InboundMessage) -> Meaning:
        """Give a message of a customer its effect."""
        phone_hash = await self._customer(session, item.owner_id, event)
        try:
            found = await self._finder.find(session, item, event, phone_hash)
        except Stranger as stranger:
            return ignored(str(stranger))
        known_hash = found.phone_hash if found is not None else phone_hash
        if known_hash is not None:
            await self._learn(session, item, event, known_hash)
        if known_hash is not None and isinstance(event.content, Text):
            text = clean(event.content.text)[:LONGEST_LINE]
            if is_start(text) or await self._is_stop(session, item, known_hash, text):
                return await self._opt(
                    session,
                    item,
                    known_hash,
                    is_wanted=is_start(text),
                    source=Source.MESSAGE,
                    typed=text,
                )
        match found:
            case Target():
                return await self._reply(session, item, event, found)
            case Several():
                return await self._ask(session, item, event, found)
            case Chosen():
                return await self._answer_again(session, item, event, found)
        if known_hash is None or event.phone is None or isinstance(event.content, Reaction):
            return ignored("no case")
        return await greet(session, item, event.phone, known_hash)

    async def _customer(
        self, session: Session, account_id: str, event: InboundMessage | PreferenceEvent
    ) -> bytes | None:
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
        if isinstance(event.content, Text) and (language := wished_language(event.content.text)):
            await customers.set_language(session, item.owner_id, phone_hash, language)
        if event.bsuid is not None:
            hidden = self._cipher.fingerprint(event.bsuid)
            await customers.learn_hidden_id(session, item.owner_id, phone_hash, hidden)

    async def _is_stop(self, session: Session, item: InboxItem, phone_hash: bytes, text: str) -> bool:
        """Tell whether a text is an opt-out: STOP, or what the sellers of this customer's parcels added to it (R5.5)."""
        if is_stop(text) or len(text) > LONGEST_WORD:
            return is_stop(text)
        known = await cases.list_customer_cases(
            session, item.owner_id, phone_hash, since=item.received_at - REMEMBERED
        )
        sellers = {case.row.workspace_id for case in known}
        account = await accounts.get_account(session, item.owner_id)
        sellers |= {account.workspace_id} if account.workspace_id else set()
        policies = [(await workspaces.get_workspace(session, seller)).policy for seller in sorted(sellers)]
        return is_stop(text, frozenset(word for policy in policies for word in policy.opt_out_words))

    async def _reply(
        self, session: Session, item: InboxItem, event: InboundMessage, target: Target
    ) -> Meaning:
        """Log an answer on its order's activity as it came, and pass it on to its case."""
        row, message = target.row, target.message
        if message is not None and message.status is MessageStatus.UNKNOWN:
            # Who answers it has it: the evidence that the send lacked (reliability rule 6).
            known = event.context_ids[0] if len(event.context_ids) > 1 else ""
            gupshup_id = known if UUID_FORM.fullmatch(known) else None
            await statuses.adopt_by_reference(session, message.id, gupshup_id, at=item.received_at)
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
        mail = Mail(item.fact_id, CustomerReplied(reply))
        others = await self._others(session, item, target, reply.said.language)
        return handled("reply", TellCase(row.workspace_id, row.id, mail), *others)

    async def _others(
        self, session: Session, item: InboxItem, target: Target, language: str
    ) -> tuple[TellCase, ...]:
        """Return what the customer's other open cases have to learn of a wish for a language (R6.13)."""
        if not language:
            return ()
        known = await cases.list_customer_cases(
            session, item.owner_id, target.phone_hash, since=item.received_at
        )
        mail = Mail(item.fact_id, LanguageChosen(language))
        return tuple(
            TellCase(case.row.workspace_id, case.row.id, mail)
            for case in known
            if not case.row.outcome and case.row.id != target.row.id
        )

    async def _ask(
        self, session: Session, item: InboxItem, event: InboundMessage, several: Several
    ) -> Meaning:
        """Ask which order is meant; where that was asked just now, the likeliest one is (R6.3).

        Until it is chosen the message stands with the likeliest order, but not with one of several sellers': it may be
        meant for another (I11).
        """
        question = await ask_which(session, self._cipher, item, several.phone_hash, several.rows)
        row = several.rows[0]
        if question is None and item.meant == as_kept(several):
            return handled("reply: asked which order is meant")  # and since then about another message
        if question is None:
            likeliest = Target(row, several.phone_hash)
            await inbox.note_meant(session, item.id, as_kept(likeliest))
            return await self._reply(session, item, event, likeliest)
        await inbox.note_meant(session, item.id, as_kept(several))
        if len({one.workspace_id for one in several.rows}) == 1:
            reply = await self._read(session, row, event, "", item.received_at)
            await self._log(session, row, event, reply, key=f"reply:{reply.id}:{row.id}")
        return handled("reply: asked which order is meant", question)

    async def _answer_again(
        self, session: Session, item: InboxItem, event: InboundMessage, chosen: Chosen
    ) -> Meaning:
        """Pass on the message that was unclear, now that the customer says which order it was about.

        It is one fact however often its row is tapped: a further tap gets the choices again, and repeats nothing.
        """
        about = chosen.about
        known = await cases.list_customer_cases(
            session, item.owner_id, chosen.phone_hash, since=item.received_at - REMEMBERED
        )
        row = next((case.row for case in known if case.row.id == about.case_id), None)
        if row is None:
            return ignored("the order that was chosen is not known any more")
        tap = await self._read(session, row, event, about.choice(), item.received_at)
        await self._log(session, row, event, tap, key=f"reply:{tap.id}")
        first = await inbox.find_item(session, self._cipher, about.inbox_id)
        said = parse_callback(first.body).events[first.position] if first is not None else None
        is_first = await self._is_first_choice(session, item, row, about)
        reply = replace(tap, choice=OPTIONS_CHOICE)
        if is_first and first is not None and isinstance(said, InboundMessage):
            reply = await self._read(session, row, said, "", first.received_at)
            await self._log(session, row, said, reply, key=f"reply:{reply.id}:{row.id}", at=first.received_at)
            reply = replace(reply, at=item.received_at)
        # Under the id of the answer: handled again, a typed number may find the case's next question instead.
        mail = Mail(item.fact_id, CustomerReplied(reply))
        await cases.note_reply(session, row.workspace_id, row.id, item.received_at)
        return handled("reply: about an order that was chosen", TellCase(row.workspace_id, row.id, mail))

    async def _is_first_choice(self, session: Session, item: InboxItem, row: CaseRow, about: About) -> bool:
        """Note that a message is known to be about an order, and tell whether it was this answer that said so."""
        entry = timeline.Entry.of_case(
            row,
            at=item.received_at,
            kind="automatic",
            topic="order_chosen",
            key=f"chosen:{about.inbox_id}:{row.id}",
            detail="the customer says that it was about this order",
            mode="whatsapp",
            data={"inbox_id": item.id},
        )
        if await timeline.add_entry(session, self._cipher, entry):
            return True
        known = await timeline.data_of(session, self._cipher, row.workspace_id, entry.key)
        return known.get("inbox_id") == item.id  # handled again, as after a crash

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
        entry = timeline.Entry.of_case(
            row,
            at=at or reply.at,
            kind="reply",
            topic=reply.media_kind or reply.kind.value,
            key=key,
            mode="whatsapp",
            data=as_it_came(event.content),
        )
        return await timeline.add_entry(session, self._cipher, entry)

    async def user(self, session: Session, item: InboxItem, event: UserEvent) -> Meaning:
        """Take an opt-out or opt-in that Gupshup tells of (R5.5)."""
        if event.phone is None or event.kind not in ("opted_in", "opted_out"):
            return ignored(f"user event: {event.kind}")
        phone_hash = self._cipher.phone_hash(event.phone)
        return await self._opt(
            session, item, phone_hash, is_wanted=event.kind == "opted_in", source=Source.GUPSHUP
        )

    async def preference(self, session: Session, item: InboxItem, event: PreferenceEvent) -> Meaning:
        """Take what a customer chose in WhatsApp itself: no marketing, or marketing again (R5.5)."""
        if "marketing" not in event.category.casefold():
            return ignored(f"preference: {event.value} of another category")
        phone_hash = await self._customer(session, item.owner_id, event)
        if phone_hash is None:
            return ignored("preference of nobody we know")
        return await self._opt(
            session,
            item,
            phone_hash,
            is_wanted=event.value == "resume",
            source=Source.WHATSAPP,
            scope=Scope.MARKETING,
            # Its own time: what it says may have been said before a later choice that reached us first.
            at=min(event.occurred_at or item.received_at, item.received_at),
        )

    async def _opt(
        self,
        session: Session,
        item: InboxItem,
        phone_hash: bytes,
        *,
        is_wanted: bool,
        source: Source,
        scope: Scope = Scope.ALL,
        at: datetime | None = None,
        typed: str = "",
    ) -> Meaning:
        """Stop messages of this sender to this customer, or lift that (R5.5)."""
        consent = Consent(
            account_id=item.owner_id,
            phone_hash=phone_hash,
            key=str(item.id),
            scope=scope,
            is_wanted=is_wanted,
            at=at or item.received_at,
            source=source,
            proof=f"inbox {item.id}",
        )
        taken = await take_consent(
            session, self._cipher, consent, now=item.received_at, mail_id=item.fact_id, typed=typed
        )
        return handled(topic_of(consent), *taken.tell)


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
