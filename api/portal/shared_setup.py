"""The set-up of a notification through Eshopbox's account: its price, who accepted it, its text as it is (R4.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from api.portal.forms import FieldError
from api.portal.own_setup import sender_bar
from api.portal.parts import Language, Message, SenderBar, message_of
from api.portal.pitch import who_owns
from api.portal.visits import Visit
from db import acceptances, billing, cases, journey_events, notifications, statements
from db.acceptances import Acceptance
from db.accounts import AppAccount
from db.notifications import Notification
from db.session import Session
from domain.billing import Rate, TaxRate, percent_words, taxes
from domain.formats import count_words, local_date, moment_inside, plain_day, rupees_exact
from domain.journey import JourneyEntry
from domain.preview import preview
from domain.shipments import JourneyEvent
from domain.template_checks import held_words
from domain.texts import LANGUAGES

__all__ = ["Offer", "SharedSetup", "read_offer", "shared_setup"]

_PREVIEW_TIME: Final = "09:05"
_CHANGED: Final = (
    "Eshopbox changed this notification.",
    "Accept its price to send the new text; until then the one before is sent.",
)
_NOT_ACCEPTED: Final = ("Nobody has accepted this price here yet.", "Messages go out as before.")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What Eshopbox offers for a step of the journey, and what a workspace made of it.

    Attributes:
        rows: The platform's template, one for each language; empty where there is none.
        rate: The price in force; None where the rate card says nothing.
        own: What the workspace took over.
        accepted: The price that was accepted last.
        owners: Who may accept one.
        last_month: How many of these events there were last month.
        tax_rates: Every tax that statements have, past and coming.
    """

    rows: tuple[Notification, ...]
    rate: Rate | None
    own: tuple[Notification, ...]
    accepted: Acceptance | None
    owners: str
    last_month: int
    tax_rates: tuple[TaxRate, ...]

    @property
    def category(self) -> str:
        """Return the template's category, which decides the price."""
        return self.rows[0].category.lower() if self.rows else ""

    @property
    def is_on(self) -> bool:
        """Tell whether it is switched on."""
        return any(row.is_on for row in self.own)

    @property
    def attention(self) -> str:
        """Return why nothing is sent with the template now."""
        return next((row.attention for row in self.rows if row.attention), "")

    @property
    def is_taken(self) -> bool:
        """Tell whether the workspace sends just what is offered, at the price that it accepted."""
        offered = {(row.language, row.template_id, row.category) for row in self.rows}
        taken = {(row.language, row.template_id, row.category) for row in self.own}
        return self.is_on and self.accepted is not None and offered == taken


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSetup:
    """The page's part for Eshopbox's account.

    Attributes:
        unavailable: Why it cannot be switched on; empty where it can.
        price: The price of a message.
        facts: What belongs to the price.
        price_paise: What the form says that it showed.
        category: The same.
        consent: What is accepted by ticking.
        accepted: Who accepted which price when; empty where nobody did.
        is_taken: It is on, with what is offered now.
        changed: Why it has to be accepted although it is on, as title and text.
        is_owner: Whether the reader may accept a price.
        owners: Who may.
        languages: The template's languages, where it has several.
        message: The preview; None where there is no template.
    """

    unavailable: str
    price: str
    facts: tuple[tuple[str, str], ...]
    price_paise: int
    category: str
    consent: str
    accepted: str
    is_taken: bool
    changed: tuple[str, str]
    is_owner: bool
    owners: str
    sender: SenderBar
    languages: tuple[Language, ...]
    message: Message | None
    lang: str
    errors: tuple[FieldError, ...]


async def read_offer(visit: Visit, account: AppAccount, entry: JourneyEntry, now: datetime) -> Offer:
    """Return what is offered for a step, and what the visitor's workspace made of it."""
    database = visit.services.resources.database
    # The offer is the platform's, which no transaction of a workspace sees.
    async with database.transaction() as session:
        offered = await notifications.list_offered(session, account.id)
    rows = tuple(row for row in offered if row.event == entry.key)
    async with database.transaction(visit.workspace_id) as session:
        return Offer(
            rows=rows,
            rate=await billing.find_rate(session, rows[0].category.lower(), now) if rows else None,
            own=await notifications.list_of_event(session, visit.workspace_id, account.id, entry.key),
            accepted=await acceptances.find_acceptance(session, visit.workspace_id, account.id, entry.key),
            owners=await who_owns(session, visit.workspace_id),
            last_month=await _last_month(session, visit, entry),
            tax_rates=await statements.list_tax_rates(session),
        )


def shared_setup(
    visit: Visit,
    account: AppAccount,
    entry: JourneyEntry,
    offer: Offer,
    *,
    samples: Mapping[str, str],
    language: str,
    errors: Sequence[FieldError] = (),
) -> SharedSetup:
    """Return the page's part for Eshopbox's account.

    Args:
        visit: Who looks.
        account: Eshopbox's account.
        entry: The step of the journey.
        offer: What is offered.
        samples: Sample values, by variable.
        language: Which of the template's languages the preview shows.
        errors: What is wrong with the form.
    """
    wanted = (language, visit.workspace.default_language, "en")
    by_language = {row.language: row for row in offer.rows}
    shown = next((by_language[code] for code in wanted if code in by_language), None)
    price = rupees_exact(offer.rate.price_paise) if offer.rate else ""
    return SharedSetup(
        unavailable=_unavailable(entry, offer),
        price=price,
        facts=_facts(visit, offer),
        price_paise=offer.rate.price_paise if offer.rate else 0,
        category=offer.category,
        consent=f"I accept {price} for each message of this notification",
        accepted=_accepted(visit, offer.accepted),
        is_taken=offer.is_taken,
        changed=_CHANGED if offer.accepted is not None else _NOT_ACCEPTED,
        is_owner=visit.is_owner,
        owners=offer.owners,
        sender=sender_bar("Eshopbox", account),
        languages=tuple(
            Language(
                words=LANGUAGES[code].name if code in LANGUAGES else code,
                lang=code,
                href=f"/notifications/{entry.key}?language={code}",
                current=shown is not None and code == shown.language,
            )
            for code in by_language
        )
        if len(by_language) > 1
        else (),
        message=_message(shown, samples) if shown is not None else None,
        lang=shown.language if shown is not None else "",
        errors=tuple(errors),
    )


def _unavailable(entry: JourneyEntry, offer: Offer) -> str:
    if not offer.rows:
        return f"Eshopbox has no template for “{entry.title}” yet, so it cannot be switched on through this account."
    if offer.rate is None:
        return f"There is no price for {offer.category} messages yet, so it cannot be switched on."
    if offer.attention:
        what, why = held_words(offer.attention)
        return f"{' '.join(filter(None, (what, why)))}. It can be switched on again when it is approved; Eshopbox looks after that."
    return ""


def _facts(visit: Visit, offer: Offer) -> tuple[tuple[str, str], ...]:
    if offer.rate is None:
        return ()
    zone = ZoneInfo(visit.workspace.policy.timezone)
    today = local_date(visit.now, zone)
    found = [
        ("Category", offer.category.capitalize()),
        ("In force", f"Since {plain_day(local_date(offer.rate.valid_from, zone), today=today)}"),
        ("Not charged", "Messages that fail"),
    ]
    added = taxes(offer.tax_rates, offer.rate.price_paise, today.replace(day=1))
    found += [(tax.name, f"{percent_words(tax.basis_points)} comes on top, once a month") for tax in added]
    if offer.last_month:
        total = rupees_exact(offer.last_month * offer.rate.price_paise)
        month = _MONTHS[(today.replace(day=1) - timedelta(days=1)).month - 1]
        found.append(
            (
                "For scale",
                f"You had {count_words(offer.last_month)} of these events in {month}. One message for each would be {total}.",
            )
        )
    return tuple(found)


def _accepted(visit: Visit, accepted: Acceptance | None) -> str:
    if accepted is None:
        return ""
    zone = ZoneInfo(visit.workspace.policy.timezone)
    name = accepted.person.partition(" <")[0]
    when = moment_inside(accepted.accepted_at, now=visit.now, zone=zone)
    return f"{name} accepted {rupees_exact(accepted.price_paise)} for each message, {when}."


def _message(row: Notification, samples: Mapping[str, str]) -> Message:
    shown = preview(
        header=row.header,
        body=row.body,
        footer=row.footer,
        buttons=[(button.kind, button.label) for button in row.buttons],
        mapping=[(param.variable, param.fallback) for param in row.params],
        samples=samples,
    )
    return message_of(shown, time=_PREVIEW_TIME)


async def _last_month(session: Session, visit: Visit, entry: JourneyEntry) -> int:
    """Return how many events of a step there were last month."""
    zone = ZoneInfo(visit.workspace.policy.timezone)
    first = visit.now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (first - timedelta(days=1)).replace(day=1)
    if entry.key is JourneyEvent.FAILED_DELIVERY:
        return await cases.count_opened(session, visit.workspace_id, since=before, until=first)
    return await journey_events.count_seen(session, visit.workspace_id, entry.key, since=before, until=first)
