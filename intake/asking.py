"""What a sender says of its own accord: an answer to strangers, and the question which of several orders is meant.

Both belong to no case. What names orders of more than one seller, or goes to nobody's customer, is the platform's: no
seller reads it (I11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from db import accounts, cases, customers, workspaces
from db.cases import CaseRow
from db.encryption import Cipher
from db.inbox import InboxItem
from db.session import Session
from domain.case_events import Purpose
from domain.wording import Option, SessionKind, SessionMessage, label, shorten, text
from intake.telling import Meaning, SendAccountMessage, handled, ignored
from workflows.client import AboutCase, AccountMessageTask

__all__ = ["ABOUT", "About", "ask_which", "greet"]

ABOUT: Final = "about:"
"""Begins the choice that says which order a message is about."""

_GREETED_EVERY: Final = timedelta(hours=24)
_ASKED_EVERY: Final = timedelta(minutes=10)
_MOST_ROWS: Final = 10
_ROW_TITLE: Final = 24
_ROW_DESCRIPTION: Final = 72


@dataclass(frozen=True, slots=True)
class About:
    """What a row of the question stands for: the case, and the message that was unclear."""

    case_id: str
    inbox_id: int

    @classmethod
    def read(cls, choice: str) -> "About":
        """Return what a choice of ours says."""
        _, case_id, inbox_id = choice.split(":")
        return cls(case_id, int(inbox_id))

    def choice(self) -> str:
        """Return it as the choice that a reference stands for."""
        return f"{ABOUT}{self.case_id}:{self.inbox_id}"


async def greet(session: Session, item: InboxItem, phone: str, phone_hash: bytes) -> Meaning:
    """Answer a message of somebody of whom no case is known, at most once a day and sender (R7.5)."""
    account = await accounts.get_account(session, item.owner_id)
    owner = account.workspace_id or workspaces.PLATFORM
    workspace = (
        await workspaces.get_workspace(session, owner)
        if account.workspace_id
        else await workspaces.ensure_platform(session)
    )
    if account.workspace_id and not workspace.policy.answer_unexpected:
        return ignored("no case")
    is_due = await customers.claim_standard_answer(
        session, item.owner_id, phone_hash, to=item.id, now=item.received_at, every=_GREETED_EVERY
    )
    if not is_due:
        return ignored("no case; answered within the last day")
    known = await customers.customer(session, item.owner_id, phone_hash)
    language = known.language or workspace.default_language
    task = AccountMessageTask(
        id=f"standard:{item.owner_id}:{item.event_key}",
        workspace_id=owner,
        account_id=item.owner_id,
        phone=phone,
        purpose=Purpose.STANDARD_ANSWER,
        message=SessionMessage(SessionKind.TEXT, text("standard_answer", workspace.policy, language)),
        language=language,
    )
    return handled("no case: the standard answer", SendAccountMessage(task))


async def ask_which(
    session: Session, cipher: Cipher, item: InboxItem, phone_hash: bytes, rows: Sequence[CaseRow]
) -> SendAccountMessage | None:
    """Ask which of several open cases a message is about (R6.3); None where that was asked just now, or is not wanted.

    Args:
        session: The transaction.
        cipher: Opens what the cases know.
        item: The message.
        phone_hash: The customer.
        rows: The cases, the likeliest first.
    """
    rows = rows[:_MOST_ROWS]
    account = await accounts.get_account(session, item.owner_id)
    started = [await cases.get_start(session, cipher, row.workspace_id, row.id) for row in rows]
    likeliest, policy = started[0]
    is_one_sellers = len({row.workspace_id for row in rows}) == 1
    if account.workspace_id and not policy.answer_unexpected:
        return None
    if not is_one_sellers:
        policy = (await workspaces.ensure_platform(session)).policy
    is_due = await customers.claim_which_order(
        session,
        item.owner_id,
        phone_hash,
        to=item.id,
        among=[row.id for row in rows],
        now=item.received_at,
        every=_ASKED_EVERY,
    )
    if not is_due:
        return None
    known = await customers.customer(session, item.owner_id, phone_hash)
    language = known.language or likeliest.language
    options = tuple(
        Option(
            About(row.id, item.id).choice(),
            shorten(label("order_row", language, order_id=row.order_id), _ROW_TITLE),
            shorten(facts.failure.brand, _ROW_DESCRIPTION),
        )
        for row, (facts, _) in zip(rows, started, strict=True)
    )
    lines = (
        label("order_line", language, brand=facts.failure.brand, order_id=row.order_id).strip()
        for row, (facts, _) in zip(rows, started, strict=True)
    )
    message = SessionMessage(
        SessionKind.LIST,
        text("which_order", policy, language, orders="\n".join(f"• {line}" for line in lines)),
        header=label("list_title", language),
        button=label("pick_order", language),
        options=options,
    )
    first = rows[0]
    about = AboutCase(first.id, first.order_id, first.shipment_id, first.tracking_id)
    task = AccountMessageTask(
        id=f"which:{item.owner_id}:{item.event_key}",
        workspace_id=first.workspace_id if is_one_sellers else workspaces.PLATFORM,
        account_id=item.owner_id,
        phone=likeliest.failure.customer_phone,
        purpose=Purpose.WHICH_ORDER,
        message=message,
        language=language,
        about=about if is_one_sellers else None,
    )
    return SendAccountMessage(task)
