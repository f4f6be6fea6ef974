"""What tests of messages and of what becomes of them begin with."""

from datetime import timedelta
from typing import Any

from db import billing
from db.encryption import Cipher
from db.messages import Message, add_message
from db.session import Session
from db.statuses import StatusReport, record_outcome
from db.workspaces import add_workspace
from domain.messages import MessageStatus
from tests.factories import NOW, new_message, workspace

SECOND = timedelta(seconds=1)


async def send(session: Session, cipher: Cipher, **changes: Any) -> Message:
    """Write the intent to send a message."""
    await add_workspace(session, workspace())
    return await add_message(session, cipher, new_message(**changes))


async def submit(session: Session, cipher: Cipher, gupshup_id: str = "gs-1", **changes: Any) -> Message:
    """Send a message that Gupshup takes."""
    message = await send(session, cipher, **changes)
    return await record_outcome(
        session, message.id, status=MessageStatus.SUBMITTED, now=NOW + SECOND, gupshup_message_id=gupshup_id
    )


def status_report(status: MessageStatus, **changes: Any) -> StatusReport:
    """Return a status as a callback of the account reports it."""
    values: dict[str, Any] = {"account_id": "account-1", "status": status, "at": NOW + 2 * SECOND}
    return StatusReport(**(values | changes))


async def usage(session: Session) -> tuple[billing.Usage, ...]:
    """Return the usage around now."""
    day = timedelta(days=1)
    return await billing.list_usage(session, "kapaskraft", since=NOW - day, until=NOW + day)
