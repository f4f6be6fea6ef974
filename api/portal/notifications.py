"""Manage your customer notifications: each step of the journey with its switch, for the account that sends (R4.1, R4.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal.account_templates import examine, language_words, read_templates
from api.portal.forms import FieldError, Form
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.pitch import Pitch, pitch_of
from api.portal.visits import FieldsNow, Seller, Visit, not_found
from db import audit, billing, installations, notifications, timeline
from db.accounts import AppAccount
from db.held_templates import Standing, saved_of, settle
from db.notifications import Notification
from db.session import Session
from domain.billing import Rate
from domain.formats import count_words, moment_inside, phone_words, rupees_exact
from domain.journey import JOURNEY, JourneyEntry, JourneyGroup, find_event, in_group
from domain.messages import NotSent
from domain.template_checks import held_words, hold_reason

__all__ = ["Held", "held_of", "is_free_again", "router", "said", "step_of", "uninstalled"]

router = APIRouter(prefix="/notifications")

_GROUPS = ((JourneyGroup.ORDER, "Order journey"), (JourneyGroup.RETURN, "Return journey"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why nothing is sent for a step, and the ways out.

    Attributes:
        title: What happened, and when.
        text: Why, and what it means.
        is_own: The seller can do something about it.
    """

    title: str
    text: str
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One step of the journey."""

    key: str
    title: str
    when: str
    state: str
    is_on: bool
    can_answer: bool
    is_disabled: bool
    held: Held | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One journey."""

    id: str
    title: str
    count: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsPage:
    """All notifications.

    Attributes:
        pitch: What an account would bring; None where one is installed.
        is_own: The sender is the seller's own account.
        number: The sender's number.
        groups: The journeys.
    """

    pitch: Pitch | None = None
    is_own: bool = False
    number: str = ""
    groups: tuple[Group, ...] = ()
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def notifications_page(visit: Seller) -> Response:
    """Show every step with its switch."""
    database = visit.services.resources.database
    async with database.transaction(visit.workspace_id) as session:
        sender = await installations.find_sender(session, visit.workspace_id)
        known = (
            await notifications.list_notifications(session, visit.workspace_id, sender.id) if sender else ()
        )
        pitch = await pitch_of(session, visit) if sender is None else None
        held: dict[str, Held | None] = {}
        if sender is not None:
            for entry in JOURNEY:
                held[entry.key] = await held_of(session, visit, sender, entry, _of(known, entry))
    if sender is None:
        return await render(
            visit,
            "notifications.html",
            NotificationsPage(pitch=pitch),
            current="notifications",
        )
    prices = await _prices(visit, sender) if sender.owner == "eshopbox" else None
    groups = []
    for group, title in _GROUPS:
        shown = tuple(_row(entry, _of(known, entry), held[entry.key], prices) for entry in in_group(group))
        on = sum(row.is_on for row in shown)
        groups.append(Group(id=group.value, title=title, count=f"{on} of {len(shown)} on", rows=shown))
    page = NotificationsPage(
        is_own=sender.owner == "client", number=phone_words(sender.phone), groups=tuple(groups)
    )
    return await render(visit, "notifications.html", page, current="notifications")


@router.post("/{event}/switch")
async def switch(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Switch a step on or off; what has to be set up or accepted first leads there."""
    fields.only("on")
    entry, sender = await step_of(visit, event)
    if sender is None:
        return see_other(visit, "/notifications")
    if fields.text("on") not in ("yes", "no"):
        return see_other(visit, "/notifications")
    if fields.text("on") == "no":
        return await _once(visit, fields, entry, sender, is_on=False)
    database = visit.services.resources.database
    async with database.transaction(visit.workspace_id) as session:
        rows = await notifications.list_of_event(session, visit.workspace_id, sender.id, entry.key)
    if any(row.is_on for row in rows):
        return see_other(visit, "/notifications")
    # Through Eshopbox's account it costs something, which is accepted each time that it is switched on (R4.4).
    if sender.owner == "eshopbox" or not rows or not await is_free_again(visit, sender, entry, rows):
        return see_other(visit, f"/notifications/{entry.key}")
    return await _once(visit, fields, entry, sender, is_on=True)


@router.post("/{event}/recheck")
async def recheck(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Ask Gupshup again about a template that is held (R4.8)."""
    fields.only()
    entry, sender = await step_of(visit, event)
    if sender is None or sender.owner != "client":
        return see_other(visit, f"/notifications/{entry.key}")
    database = visit.services.resources.database
    async with database.transaction(visit.workspace_id) as session:
        rows = await notifications.list_of_event(session, visit.workspace_id, sender.id, entry.key)
    if not rows or not await is_free_again(visit, sender, entry, rows):
        return see_other(visit, f"/notifications/{entry.key}")
    return see_other(
        visit, "/notifications", Toast(f"{entry.title} can be sent again.", "Its template is approved.")
    )


async def step_of(visit: Visit, event: str) -> tuple[JourneyEntry, AppAccount | None]:
    """Return a step of the journey by its key, and the account that sends for the visitor's workspace.

    Raises:
        Problem: 404 for a step that there is not.
    """
    entry = find_event(event)
    if entry is None:
        raise not_found()
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        return entry, await installations.find_sender(session, visit.workspace_id)


async def is_free_again(
    visit: Visit, account: AppAccount, entry: JourneyEntry, rows: Sequence[Notification]
) -> bool:
    """Ask Gupshup whether what is set up can be sent, and let go of what was held if it can (R4.3, R4.8)."""
    listed = await read_templates(visit, account)
    if listed.failure:
        return False
    for row in rows:
        template = listed.find(row.template_id)
        if template is None:
            return False
        checked = examine(entry, template, (), accepted_category=row.category, at=visit.now)
        if not checked.is_usable or hold_reason(saved_of(row), template.listed):
            return False
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await settle(
            session,
            visit.services.resources.cipher,
            [Standing(row, "") for row in rows if row.attention],
            now=visit.now,
        )
        for template_id in sorted({row.template_id for row in rows if row.attention}):
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action="notification.released",
                subject=entry.key,
                detail=template_id,
                now=visit.now,
            )
    return True


async def held_of(
    session: Session, visit: Visit, account: AppAccount, entry: JourneyEntry, rows: Sequence[Notification]
) -> Held | None:
    """Return why nothing is sent for a step now; None while all is well (R4.8)."""
    row = next((each for each in rows if each.attention), None)
    if row is None:
        return None
    what, why = held_words(row.attention)
    when = ""
    count = 0
    if row.attention_at is not None:
        zone = ZoneInfo(visit.workspace.policy.timezone)
        when = f" {moment_inside(row.attention_at, now=visit.now, zone=zone)}"
        count = await timeline.count_not_sent(
            session, visit.workspace_id, entry.key, NotSent.TEMPLATE, since=row.attention_at
        )
    only = f" in {language_words(row.language)}" if len(rows) > 1 else ""
    is_one = count == 1
    text = [
        f"{why[:1].upper()}{why[1:]}." if why else "",
        f"Nothing is sent for this event{only} until it is approved again.",
        f"{count_words(count)} message{'' if is_one else 's'} {'was' if is_one else 'were'} not sent."
        if count
        else "",
        "" if account.owner == "client" else "Eshopbox looks after this template.",
    ]
    return Held(title=f"{what}{when}.", text=" ".join(filter(None, text)), is_own=account.owner == "client")


async def _once(
    visit: Visit, fields: Form, entry: JourneyEntry, account: AppAccount, *, is_on: bool
) -> Response:
    async def act() -> Response:
        async with visit.services.resources.database.transaction(visit.workspace_id) as session:
            if is_on and not await installations.is_installed(
                session, visit.workspace_id, account.id, lock=True
            ):
                return uninstalled(visit)
            changed = await notifications.switch(
                session, visit.workspace_id, account.id, entry.key, is_on=is_on
            )
            if changed:
                await audit.add_record(
                    session,
                    visit.workspace_id,
                    person=visit.by,
                    action="notification.switched_on" if is_on else "notification.switched_off",
                    subject=entry.key,
                    now=visit.now,
                )
        return see_other(visit, "/notifications", said(entry, account, is_on=is_on) if changed else None)

    return await once(visit, fields, act)


def uninstalled(visit: Visit) -> Response:
    """Return the answer to what was to be switched on for an account that is gone: after an install all is off (R4.1)."""
    return see_other(
        visit, "/notifications", Toast("Nothing has changed.", "The account was uninstalled meanwhile.")
    )


def said(entry: JourneyEntry, account: AppAccount, *, is_on: bool) -> Toast:
    """Return the word about a switch that was changed; what costs nothing can be undone with it."""
    if is_on:
        detail = f"It is sent from {phone_words(account.phone)} from now on."
    else:
        detail = "Nothing is sent for it from now on."
    can_undo = is_on or account.owner == "client"
    return Toast(
        f"{entry.title} is {'on' if is_on else 'off'}.",
        detail,
        undo_url=f"/notifications/{entry.key}/switch" if can_undo else "",
        undo_fields=(("on", "no" if is_on else "yes"),) if can_undo else (),
    )


@dataclass(frozen=True, slots=True)
class _Price:
    """What a step's message costs through Eshopbox's account, and whether it is offered at all."""

    rate: Rate | None
    languages: tuple[str, ...]


async def _prices(visit: Visit, account: AppAccount) -> dict[str, _Price]:
    """Return what Eshopbox offers, by step."""
    # The offer is the platform's, which no transaction of a workspace sees.
    async with visit.services.resources.database.transaction() as session:
        offered = await notifications.list_offered(session, account.id)
        found: dict[str, _Price] = {}
        for row in offered:
            before = found.get(row.event)
            rate = (
                before.rate if before else await billing.find_rate(session, row.category.lower(), visit.now)
            )
            found[row.event] = _Price(rate, (*(before.languages if before else ()), row.language))
    return found


def _of(known: Sequence[Notification], entry: JourneyEntry) -> tuple[Notification, ...]:
    return tuple(row for row in known if row.event == entry.key)


def _row(
    entry: JourneyEntry,
    rows: Sequence[Notification],
    held: Held | None,
    prices: dict[str, _Price] | None,
) -> Row:
    is_on = any(row.is_on for row in rows)
    offer = prices.get(entry.key) if prices is not None else None
    if prices is not None:
        state = (
            "Not offered yet"
            if offer is None
            else f"{rupees_exact(offer.rate.price_paise)} each"
            if offer.rate
            else "No price yet"
        )
    elif rows:
        languages = [language_words(row.language) for row in rows]
        state = rows[0].template_name or "Set up"
        state += f", {' and '.join(languages)}" if len(languages) > 1 else ""
        state = state if is_on else f"Set up, {state}"
    else:
        state = "Not set up"
    return Row(
        key=entry.key,
        title=entry.title,
        when=entry.when,
        state=state,
        is_on=is_on,
        can_answer=entry.needs_buttons,
        is_disabled=not is_on and prices is not None and (offer is None or offer.rate is None),
        held=held if is_on else None,
    )
