"""Messages: the intent before the send, and how a message is found again.

A send is two transactions (I5): `add_message` writes message and usage as `sending`, and `statuses.record_outcome` says
what came of it.

    MayHaveBeenSent   a message is to be sent again of which nobody can say that it was not accepted
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.encryption import Cipher
from db.rows import columns, many, one
from db.session import NotFound, Session, TryAgain
from db.tables import message_statuses, messages, usage
from domain.billing import PriceDecision
from domain.messages import MessageStatus

_NEVER_ACCEPTED = (MessageStatus.QUEUED, MessageStatus.REFUSED)


class MayHaveBeenSent(Exception):
    """A message that may have been accepted is not sent again (I5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that is about to be sent.

    Attributes:
        workspace_id: Whose it is.
        case_id: The case it belongs to; None for a notification of the journey.
        account_id: The account whose key is used.
        account_owner: Who owns that account; decides whether it is charged.
        order_id: The order.
        shipment_id: The shipment.
        tracking_id: Its number.
        event: The journey event.
        kind: "template" or the form of a session message.
        purpose: What it is for.
        template_id: Gupshup's id of the template; empty for a session message.
        template_name: Its name.
        language: Its language.
        category: Its category.
        command_id: Its idempotency key.
        phone: The customer's phone, digits.
        content: What it says; sealed.
        now: When it is written.
        attempt: Number of the activity's attempt.
        lease_until: Until when the request may be made.
        price_paise: What it costs if it is accepted; decided by `pricing` where that is given.
        pricing: By which rule; None for what has no price of ours.
    """

    workspace_id: str
    case_id: str | None
    account_id: str
    account_owner: str
    order_id: str
    shipment_id: str
    tracking_id: str
    event: str
    kind: str
    purpose: str
    template_id: str
    template_name: str
    language: str
    category: str
    command_id: str
    phone: str = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    now: datetime
    attempt: int
    lease_until: datetime
    price_paise: int = 0
    pricing: PriceDecision | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message without its personal parts."""

    id: str
    workspace_id: str
    case_id: str | None
    account_id: str
    order_id: str
    shipment_id: str
    tracking_id: str
    event: str
    command_id: str
    kind: str
    purpose: str
    template_id: str
    template_name: str
    language: str
    category: str
    status: MessageStatus
    attempt: int
    lease_until: datetime | None
    gupshup_message_id: str | None
    whatsapp_message_id: str | None
    phone_hash: bytes = field(repr=False)
    code: str
    reason: str
    created_at: datetime
    sending_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class MessageContent:
    """The personal parts of a message."""

    phone: str
    content: Mapping[str, Any]


# --- Sending ---


async def add_message(session: Session, cipher: Cipher, new: NewMessage) -> Message:
    """Write the intent to send: the message as `sending`, and its usage (I7).

    Raises:
        TryAgain: Another attempt wrote the same command first; the repeated transaction will find it.
    """
    message_id = str(uuid4())
    phone_hash = cipher.phone_hash(new.phone)
    shared = {
        "workspace_id": new.workspace_id,
        "account_id": new.account_id,
        "order_id": new.order_id,
        "shipment_id": new.shipment_id,
        "event": new.event,
        "kind": new.kind,
        "template_id": new.template_id,
        "template_name": new.template_name,
        "language": new.language,
        "category": new.category,
        "phone_hash": phone_hash,
    }
    written = shared | {
        "id": message_id,
        "case_id": new.case_id,
        "tracking_id": new.tracking_id,
        "purpose": new.purpose,
        "command_id": new.command_id,
        "status": MessageStatus.SENDING,
        "attempt": new.attempt,
        "lease_until": new.lease_until,
        "phone_sealed": cipher.seal(new.phone, context=_context(message_id, "phone")),
        "content_sealed": cipher.seal(
            json.dumps(dict(new.content), ensure_ascii=False), context=_context(message_id, "content")
        ),
        "created_at": new.now,
        "sending_at": new.now,
        "changed_at": new.now,
    }
    message = await one(session, _ADD_MESSAGE, Message, written)
    if message is None:
        raise TryAgain(f"message {new.command_id} was just written by another attempt")
    used = shared | {
        "message_id": message_id,
        "account_owner": new.account_owner,
        **_priced(new.price_paise, new.pricing),
        "outcome": "sending",
        "sent_at": new.now,
        "phone_last4": new.phone[-4:],
    }
    await session.execute(_ADD_USAGE, used)
    reached = {
        "message_id": message_id,
        "workspace_id": new.workspace_id,
        "status": MessageStatus.SENDING,
        "at": new.now,
    }
    await session.execute(_ADD_STATUS, reached)
    return message


async def restart_message(
    session: Session,
    message_id: str,
    *,
    attempt: int,
    lease_until: datetime,
    now: datetime,
    pricing: PriceDecision | None = None,
) -> Message:
    """Make a message that was surely not accepted ready to be sent again, at the price of now where one is given.

    Raises:
        MayHaveBeenSent: It is not sure.
    """
    statement = (
        update(messages)
        .where(messages.c.id == message_id, messages.c.status.in_(_NEVER_ACCEPTED))
        .values(
            status=MessageStatus.SENDING,
            attempt=attempt,
            lease_until=lease_until,
            code="",
            reason="",
            sending_at=now,
            changed_at=now,
        )
        .returning(*columns(messages, Message))
    )
    message = await one(session, statement, Message)
    if message is None:
        raise MayHaveBeenSent(f"message {message_id}")
    again: dict[str, Any] = {"outcome": "sending", "sent_at": now}
    if pricing is not None:
        again |= _priced(pricing.paise, pricing)
    await session.execute(update(usage).where(usage.c.message_id == message_id).values(again))
    return message


# --- Finding ---


async def find_message(session: Session, message_id: str) -> Message | None:
    """Return a message by our id."""
    return await one(session, _BY_ID, Message, {"of_message": message_id})


async def find_by_command(
    session: Session, workspace_id: str, command_id: str, *, for_update: bool = True
) -> Message | None:
    """Return the message of a command, locked until the transaction ends unless told otherwise."""
    statement = _LOCKED_BY_COMMAND if for_update else _BY_COMMAND
    return await one(session, statement, Message, {"of_workspace": workspace_id, "of_command": command_id})


async def find_by_provider_ids(session: Session, account_id: str, ids: Sequence[str]) -> Message | None:
    """Return the message of an account that has one of Gupshup's ids or a fingerprint of WhatsApp's; the first decides."""
    if not ids:
        return None
    statement = _select().where(
        messages.c.account_id == account_id,
        or_(messages.c.gupshup_message_id.in_(ids), messages.c.whatsapp_message_id.in_(ids)),
    )
    found = await many(session, statement, Message)
    by_id = {
        known: message
        for message in found
        for known in (message.gupshup_message_id, message.whatsapp_message_id)
    }
    return next((by_id[wanted] for wanted in ids if wanted in by_id), None)


async def list_for_case(session: Session, workspace_id: str, case_id: str) -> tuple[Message, ...]:
    """Return a case's messages, oldest first."""
    statement = (
        _select()
        .where(messages.c.workspace_id == workspace_id, messages.c.case_id == case_id)
        .order_by(messages.c.created_at, messages.c.command_id)
    )
    return await many(session, statement, Message)


async def list_messages(
    session: Session, workspace_id: str, message_ids: Collection[str]
) -> Mapping[str, Message]:
    """Return several messages of a workspace by their ids; those of others are left out."""
    if not message_ids:
        return {}
    statement = _select().where(messages.c.workspace_id == workspace_id, messages.c.id.in_(message_ids))
    return {message.id: message for message in await many(session, statement, Message)}


async def get_content(session: Session, cipher: Cipher, workspace_id: str, message_id: str) -> MessageContent:
    """Return the personal parts of a message.

    Raises:
        NotFound: The workspace has no such message.
    """
    statement = select(messages.c.phone_sealed, messages.c.content_sealed).where(
        messages.c.workspace_id == workspace_id, messages.c.id == message_id
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(f"message {message_id}")
    return MessageContent(
        cipher.open(row.phone_sealed, context=_context(message_id, "phone")),
        json.loads(cipher.open(row.content_sealed, context=_context(message_id, "content"))),
    )


def _priced(price_paise: int, pricing: PriceDecision | None) -> dict[str, Any]:
    """Return what a usage row says of its price."""
    if pricing is None:
        return {"price_paise": price_paise}
    return {
        "price_paise": pricing.paise,
        "rate_id": pricing.rate_id,
        "customer_window": pricing.window.value,
        "tier_above": pricing.tier_above,
        "is_allowance": pricing.is_allowance,
        "month_number": pricing.number,
    }


def _select() -> Any:
    return select(*columns(messages, Message))


# Built once: putting a statement together costs more than sending it.

_ADD_MESSAGE = (
    insert(messages)
    .on_conflict_do_nothing(index_elements=["workspace_id", "command_id"])
    .returning(*columns(messages, Message))
)
_ADD_USAGE = insert(usage)
_ADD_STATUS = insert(message_statuses)

_BY_ID = _select().where(messages.c.id == bindparam("of_message"))
_BY_COMMAND = _select().where(
    messages.c.workspace_id == bindparam("of_workspace"), messages.c.command_id == bindparam("of_command")
)
_LOCKED_BY_COMMAND = _BY_COMMAND.with_for_update()


def _context(message_id: str, column: str) -> str:
    return f"messages/{message_id}/{column}"
