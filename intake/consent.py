"""A customer's word about messages: kept for good, put on their orders' activity, and told to open cases (R5.5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from db import cases, customers, timeline
from db.consents import Consent, add_consent
from db.encryption import Cipher
from db.session import Session
from domain.case_events import CustomerOptedIn, CustomerOptedOut
from domain.consent import Scope, Source
from domain.failures import Mode
from intake.finding import REMEMBERED
from intake.telling import TellCase, Telling
from workflows.client import Mail

__all__ = ["Taken", "take_consent", "topic_of"]

_MODES: Final = {
    Source.MESSAGE: Mode.WHATSAPP,
    Source.GUPSHUP: Mode.WHATSAPP,
    Source.WHATSAPP: Mode.WHATSAPP,
    Source.IMPORT: Mode.OPS,
    Source.API: Mode.API,
    Source.OPS: Mode.OPS,
}
_BY_OTHERS: Final = {
    Source.IMPORT: "from a list of earlier opt-outs",
    Source.API: "the seller's system says so",
    Source.OPS: "entered by hand",
}
_NEWS_FOR: Final = timedelta(days=1)
"""What is older when it comes, as in a list, happened to none of the orders on whose activity it would stand."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a word came to.

    Attributes:
        is_new: Whether it was not known before.
        tell: Which cases have to learn of it.
    """

    is_new: bool
    tell: tuple[Telling, ...] = ()


def topic_of(consent: Consent) -> str:
    """Return what a word is called on an order's activity."""
    word = "opted_in" if consent.is_wanted else "opted_out"
    return word if consent.scope is Scope.ALL else f"marketing_{word}"


async def take_consent(
    session: Session, cipher: Cipher, consent: Consent, *, now: datetime, mail_id: str, typed: str = ""
) -> Taken:
    """Take a word, once, and return which cases have to learn of it.

    Args:
        session: The transaction, for all workspaces: the customer may have parcels of several.
        cipher: Seals what was typed.
        consent: The word.
        now: When it came.
        mail_id: What makes it the same fact for a case.
        typed: The customer's own words.
    """
    is_new = await add_consent(session, cipher, consent)
    if not await _is_in_force(session, consent):
        return Taken(is_new)  # a later word came first
    known = await cases.list_customer_cases(
        session, consent.account_id, consent.phone_hash, since=now - REMEMBERED
    )
    still_open = tuple(case.row for case in known if not case.row.outcome)
    topic, is_theirs = topic_of(consent), _MODES[consent.source] is Mode.WHATSAPP
    shown = still_open or tuple(case.row for case in known[:1])
    for row in shown if now - consent.at < _NEWS_FOR else ():
        entry = timeline.Entry.of_case(
            row,
            at=now,
            kind="reply" if is_theirs else "automatic",
            topic=topic,
            key=f"{topic}:{row.id}:{consent.key}",
            mode=_MODES[consent.source].value,
            detail=_BY_OTHERS.get(consent.source, ""),
            data={"text": typed} if is_theirs else None,
        )
        await timeline.add_entry(session, cipher, entry)
    if consent.scope is not Scope.ALL:
        return Taken(is_new)  # a case that wants to send a template of marketing is refused when it does
    mail = Mail(mail_id, CustomerOptedIn() if consent.is_wanted else CustomerOptedOut())
    return Taken(is_new, tuple(TellCase(row.workspace_id, row.id, mail) for row in still_open))


async def _is_in_force(session: Session, consent: Consent) -> bool:
    customer = await customers.customer(session, consent.account_id, consent.phone_hash)
    if consent.scope is Scope.ALL:
        return (customer.opted_out_at is None) is consent.is_wanted
    return (customer.marketing_opted_out_at is None) is consent.is_wanted
