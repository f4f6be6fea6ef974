"""What a customer gets when a case's message is sent again: the template filled, its price, what keeps it back."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from api.acting import Stand
from api.portal.act_words import quiet_words
from api.portal.entry_messages import as_written
from api.portal.parts import Check, Message, message_of
from db import accounts, billing, notifications
from db.session import NotFound, Session
from domain.formats import clock, rupees_exact
from domain.preview import as_sent
from domain.shipments import JourneyEvent
from domain.templates import fill

__all__ = ["Resend", "resend_preview"]


@dataclass(frozen=True, slots=True)
class Resend:
    """The message, or none where there is none to send; and what to know before it is sent."""

    message: Message | None
    checks: tuple[Check, ...]


async def resend_preview(session: Session, stand: Stand, *, zone: ZoneInfo, now: datetime) -> Resend:
    """Return the failed-delivery message as a case would send it now."""
    facts, row = stand.facts, stand.row
    language = stand.case.language
    found = await notifications.find_notification(
        session, row.workspace_id, facts.account_id, JourneyEvent.FAILED_DELIVERY.value, language
    )
    if found is None or not found.is_on:
        return Resend(None, (_held("The notification is off, so nothing is sent"),))
    if found.attention:
        return Resend(None, (_held("The template cannot be sent now, so nothing is sent", found.attention),))
    mapping = tuple((param.variable, param.fallback) for param in found.params)
    filled = fill(facts.failure, mapping, found.language)
    if filled.missing:
        return Resend(None, (_held(f"Value missing: {', '.join(filled.missing)}"),))
    checks = []
    if stand.case.opted_out:
        checks.append(_held("The customer opted out, so nothing is sent"))
    elif quiet := quiet_words(stand.policy, zone=zone, now=now):
        checks.append(Check(words=f"{quiet}, and is sent then", tone="warn"))
    if price := await _price(session, facts.account_id, found.category.lower(), now):
        checks.append(Check(words=f"It costs {price}", drawing="rupee"))
    sent = as_sent(
        header=found.header,
        body=filled.into(found.body),
        footer=found.footer,
        labels=[button.label for button in found.buttons],
        kinds=[button.kind for button in found.buttons],
        template=found.body,
        params=filled.params,
    )
    has_words = bool(sent.header or any(sent.paragraphs))
    return Resend(as_written(message_of(sent, time=clock(now, zone))) if has_words else None, tuple(checks))


async def _price(session: Session, account_id: str, category: str, now: datetime) -> str:
    """Return what the message costs; empty where Gupshup charges the seller itself."""
    try:
        account = await accounts.get_account(session, account_id)
        if account.owner != "eshopbox":
            return ""
        return f"{rupees_exact(await billing.find_price(session, category, now))} and GST"
    except (NotFound, billing.NoPrice):
        return ""


def _held(words: str, note: str = "") -> Check:
    return Check(words=words, note=note, tone="warn")
