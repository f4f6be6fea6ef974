"""The Gupshup app: what is installed and what could be, installing Eshopbox's account (R2).

Connecting one's own account and uninstalling have modules of their own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal import senders
from api.portal.frame import Toast
from api.portal.pages import render, see_other
from api.portal.parts import Tone
from api.portal.pitch import Pitch, pitch_of
from api.portal.senders import EVENTS, Installed, name_of, read_installed
from api.portal.visits import FieldsNow, Owner, Seller, Visit
from db import accounts, audit, billing, installations
from db.accounts import AppAccount
from db.session import NotFound, Session
from domain.formats import clock, moment, moment_inside, phone_words

__all__ = ["apps_page_of", "router"]

router = APIRouter(prefix="/apps")

_REPLIES = "service"  # what answers within the 24-hour window count as
_SILENT_AFTER = timedelta(hours=24)
_TEMPLATE_WORDS = {"PENDING": "in review", "PAUSED": "paused", "REJECTED": "rejected"}
_NO_ACCOUNT = "Eshopbox has not set its account up yet."
_NO_PRICE = "Eshopbox has not set a price for its account yet."


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that happened to the page's own act, or needs attention."""

    tone: Tone
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Where Gupshup calls for one's own account, and whether it does.

    Attributes:
        address: What is set at Gupshup; empty for who may not see it, and where it cannot be shown.
        state: Whether callbacks arrive, in words.
        tone: How that is.
        can_be_set: Whether we can set it at Gupshup.
    """

    address: str
    state: str
    tone: Tone
    can_be_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCard:
    """An installed account.

    Attributes:
        key: "client" or "eshopbox".
        title: What it is called.
        text: Since when, by whom, and whether anything is sent through it.
        is_sender: Whether it sends now.
        app: Gupshup's name of the app.
        number: What customers see.
        key_last4: The end of its API key; empty for Eshopbox's.
        quality: How WhatsApp rates the number; empty where nothing is known.
        quality_tone: The tone of it.
        approved: How many templates can be sent; empty where they were never read.
        other_templates: What the other ones are.
        on: How many notifications are on.
        open_cases: How many customers are being talked to.
        checked: When Gupshup's templates were last read; empty where they never were.
        banner: What needs attention; None while all is well.
        callbacks: Of one's own account; None for Eshopbox's.
    """

    key: str
    title: str
    text: str
    is_sender: bool
    app: str
    number: str
    key_last4: str
    quality: str
    quality_tone: Tone
    approved: str
    other_templates: str
    on: str
    open_cases: str
    checked: str
    banner: Banner | None
    callbacks: Callbacks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOffer:
    """Eshopbox's account, to install.

    Attributes:
        number: What customers would see; empty while there is none.
        price: What an order update costs; empty while nobody set it.
        why_not: Why it cannot be installed now; empty where it can.
    """

    number: str
    price: str
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppsPage:
    """The Gupshup app.

    Attributes:
        lead: What there is to say in one line, apart from where the sender is chosen.
        cards: The installed accounts, the sender first.
        pitch: What the app brings, and who may install it.
        shared: Eshopbox's account where it is not installed.
        offers_own: Whether no account of one's own is connected.
        banner: What the last act came to, where it came to nothing.
    """

    lead: str
    cards: tuple[AccountCard, ...]
    pitch: Pitch
    shared: SharedOffer | None
    offers_own: bool
    banner: Banner | None = None


@router.get("")
async def apps_page(visit: Seller) -> Response:
    """Show what is installed, and what could be."""
    return await apps_page_of(visit)


@router.post("/eshopbox/install")
async def install_shared(visit: Owner, fields: FieldsNow) -> Response:
    """Install Eshopbox's account: one click, no credentials (R2.1)."""
    fields.only()
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await installations.one_at_a_time(session, visit.workspace_id)
        if await _find(session, visit, "eshopbox") is not None:
            return see_other(visit, "/apps", Toast("The Eshopbox account is installed already."))
        shared = await accounts.find_shared_account(session)
        why_not = await _why_not(session, visit, shared)
        if shared is not None and not why_not:
            await installations.install(session, visit.workspace_id, shared.id, visit.now, person=visit.by)
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action="app.installed",
                subject=shared.id,
                detail=f"Eshopbox account, {phone_words(shared.phone)}",
                now=visit.now,
            )
            toast = Toast(
                "The Eshopbox account is installed.", "Every notification is off until you switch it on."
            )
            return see_other(visit, "/apps", toast)
    refused = Banner(
        "bad",
        "The Eshopbox account cannot be installed yet.",
        f"{why_not} Nothing has changed. Ask Eshopbox.",
    )
    return await apps_page_of(visit, refused, HTTPStatus.CONFLICT)


async def apps_page_of(
    visit: Visit, banner: Banner | None = None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Return the page, with a word about what was tried."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        installed = await read_installed(session, visit.workspace_id)
        shared = await accounts.find_shared_account(session)
        cards = tuple([await _card(session, visit, each) for each in installed])
        owners = {each.account.owner for each in installed}
        offer = SharedOffer(
            number=phone_words(shared.phone) if shared is not None else "",
            price=await senders.price_of_updates(session, visit.now),
            why_not=await _why_not(session, visit, shared),
        )
        page = AppsPage(
            lead=_lead(installed),
            cards=cards,
            pitch=await pitch_of(session, visit),
            shared=None if "eshopbox" in owners else offer,
            offers_own="client" not in owners,
            banner=banner,
        )
    return await render(visit, "apps.html", page, current="apps", status=status)


def _lead(installed: tuple[Installed, ...]) -> str:
    match installed:
        case ():
            return "Tell customers about their orders on WhatsApp, and let them rescue a failed delivery with one tap."
        case (only,):
            return f"Messages are sent from {senders.name_inside(only.account.owner)}, {only.number}."
        case _:
            return "Two accounts are installed. Messages are sent from the one chosen under"


async def _card(session: Session, visit: Visit, found: Installed) -> AccountCard:
    account, zone = found.account, _zone(visit)
    is_own = account.owner == "client"
    quality, tone = senders.quality_of(account)
    templates = await accounts.list_known_templates(session, account.id)
    approved, others = _template_words(templates)
    by = senders.person_name(found.installation.person)
    at = moment_inside(found.installation.installed_at, now=visit.now, zone=zone)
    text = f"{'Connected' if is_own else 'Installed'}{f' by {by}' if by else ''} on {at}."
    if not found.is_sender:
        text += " Not selected, so nothing is sent" + (" through it." if is_own else " or charged.")
    return AccountCard(
        key=account.owner,
        title=name_of(account.owner),
        text=text.replace(" on today", " today").replace(" on yesterday", " yesterday"),
        is_sender=found.is_sender,
        app=account.app_name,
        number=found.number,
        key_last4=account.key_last4 if is_own else "",
        quality=quality,
        quality_tone=tone,
        approved=approved if account.templates_read_at else "",
        other_templates=others,
        on=f"{len(found.on)} of {EVENTS}",
        open_cases=str(found.open_cases) if found.open_cases else "",
        checked=moment(account.templates_read_at, now=visit.now, zone=zone)
        if account.templates_read_at
        else "",
        banner=_banner(visit, found),
        callbacks=await _callbacks(session, visit, found) if is_own else None,
    )


def _banner(visit: Visit, found: Installed) -> Banner | None:
    account, zone = found.account, _zone(visit)
    if words := senders.trouble_of(account):
        since = (
            f" since {moment_inside(account.attention_at, now=visit.now, zone=zone)}"
            if account.attention_at
            else ""
        )
        way_out = (
            "Mend it at Gupshup, then reconnect."
            if account.owner == "client"
            else "Eshopbox has been told and looks after it."
        )
        return Banner("warn", f"This account needs attention{since}.", f"{words}. {way_out}")
    if account.owner == "client" and found.on and _is_silent(visit, found):
        return Banner(
            "warn",
            "Gupshup has not called for 24 hours.",
            "If messages were sent meanwhile, their states and the replies are missing: set the webhook address again.",
        )
    return None


def _is_silent(visit: Visit, found: Installed) -> bool:
    since = found.installation.installed_at
    return max(since, found.account.last_callback_at or since) + _SILENT_AFTER <= visit.now


async def _callbacks(session: Session, visit: Visit, found: Installed) -> Callbacks:
    resources, account, zone = visit.services.resources, found.account, _zone(visit)
    address = ""
    if visit.is_owner:  # whoever has it can send us replies
        try:
            token = await accounts.get_webhook_token(session, resources.cipher, account.id)
            address = webhook_address(visit, token)
        except NotFound:
            address = ""
    last, tone = account.last_callback_at, ("ok" if not _is_silent(visit, found) else "warn")
    if last is None:
        state = "No callback yet"
    elif tone == "ok":
        is_today = last.astimezone(zone).date() == visit.now.astimezone(zone).date()
        at = clock(last, zone) if is_today else moment_inside(last, now=visit.now, zone=zone)
        state = f"Callbacks arrive, last one {at}"
    else:
        state = f"No callback since {moment_inside(last, now=visit.now, zone=zone)}"
    return Callbacks(
        address=address,
        state=state,
        tone="ok" if tone == "ok" and last is not None else "warn" if tone == "warn" else "",
        # What Gupshup sends of itself would lack the header that an account of such a secret asks for.
        can_be_set=bool(address) and not account.has_header_secret,
    )


def webhook_address(visit: Visit, token: str) -> str:
    """Return where Gupshup calls for an account."""
    return f"{visit.services.resources.settings.public_base_url}/webhooks/gupshup/{token}"


def _template_words(templates: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    counts = Counter(str(template.get("status", "")).upper() for template in templates)
    approved = counts.pop("APPROVED", 0)
    named = [
        f"{counts.pop(status, 0)} {words}" for status, words in _TEMPLATE_WORDS.items() if counts[status]
    ]
    rest = sum(counts.values())
    return str(approved), ", ".join(named + [f"{rest} not usable"] * (rest > 0))


async def _why_not(session: Session, visit: Visit, shared: AppAccount | None) -> str:
    """Return why Eshopbox's account cannot be installed; what nobody can charge for is not sent (R5.4)."""
    if shared is None:
        return _NO_ACCOUNT
    try:
        await billing.find_price(session, _REPLIES, visit.now)
    except billing.NoPrice:
        return _NO_PRICE
    return ""


async def _find(session: Session, visit: Visit, owner: str) -> AppAccount | None:
    installed = await installations.list_installed(session, visit.workspace_id)
    return next((each.account for each in installed if each.account.owner == owner), None)


def _zone(visit: Visit) -> ZoneInfo:
    return ZoneInfo(visit.workspace.policy.timezone)
