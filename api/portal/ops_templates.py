"""What the platform's account sends for an event: the template, its values, and taking it into every workspace (R4.4).

The same checks, values and preview as for a seller's own account; only who decides is another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from api.portal.account_templates import Checked, Listed, check_live, examine, known_templates, read_templates
from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.notification_draft import CHOSEN, Draft, check_draft, draft_of, read_draft, rows_of
from api.portal.own_setup import OwnSetup, own_setup, sender_bar
from api.portal.pages import once, render, see_other
from api.portal.staff import record
from api.portal.visits import FieldsNow, Staff, Visit, not_found
from db import accounts, billing, notifications, platform_templates, samples
from db.accounts import AppAccount
from db.notifications import Notification
from db.workspaces import PLATFORM
from domain.billing import Rate
from domain.formats import count_words, rupees_exact
from domain.journey import JourneyEntry, find_event
from domain.template_checks import TEMPLATE_FIELD, Trouble
from domain.variables import SAMPLES

__all__ = ["router"]

router = APIRouter(prefix="/ops/account/templates")

_FIELDS: Final = (CHOSEN, TEMPLATE_FIELD, "check", "language", "shown", "marketing")
_MAPPING: Final = ("value_", "fallback_")
_SERVICE: Final = "service"
"""What answers within the 24-hour window count as: an event that asks needs its price too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePage:
    """The page.

    Attributes:
        event: The event's key.
        title: Its name.
        when: When it is sent.
        is_offered: Whether sellers can switch it on.
        attention: Why it is held; empty while all is well.
        own: Template, values and preview.
        price: What a message costs; empty where the template is not chosen yet.
        used: In how many workspaces it is on.
        errors: What is wrong with the form.
    """

    event: str
    title: str
    when: str
    is_offered: bool
    attention: str
    own: OwnSetup
    price: str
    used: str
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """What a request is about."""

    visit: Visit
    entry: JourneyEntry
    account: AppAccount
    rows: tuple[Notification, ...]
    samples: dict[str, str]
    used: int

    def category_of(self, template_id: str) -> str:
        """Return the category with which a template was set up; empty where it was not."""
        return next((row.category for row in self.rows if row.template_id == template_id), "")


@router.get("/{event}")
async def template_page(event: str, visit: Staff) -> Response:
    """Show what is sent for an event, and what Gupshup says of it now."""
    step = await _step(visit, event)
    draft = draft_of(step.rows, visit.workspace.default_language)
    listed = await read_templates(visit, step.account)
    return await _page(step, listed, draft, _known(step, listed, draft))


@router.post("/{event}")
async def save_template(event: str, visit: Staff, fields: FieldsNow) -> Response:
    """Check the form with Gupshup; save it, and take it into the workspaces that send it."""
    fields.only(*_FIELDS, prefixes=_MAPPING)
    step = await _step(visit, event)
    draft = read_draft(fields)
    if fields.has("language"):
        listed = await known_templates(visit, step.account)
        return await _page(step, listed, draft, _known(step, listed, draft))
    accepted = "" if draft.takes_marketing else step.category_of(draft.template_id)
    checked, listed = await check_live(
        visit, step.account, step.entry, draft.template_id, accepted_category=accepted
    )
    errors = checked.troubles
    if checked.template is not None and not errors and not fields.has("check"):
        errors = (*check_draft(draft, step.entry, checked.template), *await _unpriced(step, checked))
    if errors or fields.has("check"):
        return await _page(step, listed, draft, checked, errors)

    async def act() -> Response:
        return await _save(step, draft, checked)

    return await once(visit, fields, act)


async def _save(step: _Step, draft: Draft, checked: Checked) -> Response:
    visit, entry = step.visit, step.entry
    rows = rows_of(checked, draft, entry, workspace_id=PLATFORM, account_id=step.account.id, is_on=True)
    # The copies are every workspace's: no transaction of one workspace could write them.
    async with visit.services.resources.database.transaction() as session:
        await notifications.save_event(session, rows)
        spread = await platform_templates.spread(session, step.account.id, entry.key)
        await record(
            session,
            visit,
            "platform_template.saved",
            subject=entry.key,
            detail=f"{rows[0].template_name} ({', '.join(row.language for row in rows)})",
        )
    sending = f"{_workspaces(spread.reached)} send{'s' if spread.reached == 1 else ''} it from now on."
    asked = f"{_workspaces(spread.waiting)} must accept the other price first."
    words = " ".join([sending] * bool(spread.reached) + [asked] * bool(spread.waiting))
    return see_other(
        visit, "/ops/account", Toast(f"{entry.title} is saved.", words or "Sellers can switch it on now.")
    )


def _workspaces(count: int) -> str:
    return f"{count_words(count)} workspace{'' if count == 1 else 's'}"


async def _unpriced(step: _Step, checked: Checked) -> tuple[Trouble, ...]:
    """Return which prices are missing: what nobody can charge for is not sent (R5.4)."""
    if checked.template is None:
        return ()
    wanted = [checked.template.category.lower(), *([_SERVICE] if step.entry.needs_buttons else [])]
    missing = [category for category in wanted if await _rate(step.visit, category) is None]
    if not missing:
        return ()
    text = f"The rate card has no price for {' and '.join(missing)} messages. Set it there first."
    return (Trouble("", "price", text),)


async def _rate(visit: Visit, category: str) -> Rate | None:
    async with visit.services.resources.database.transaction() as session:  # the rate card is of no workspace
        return await billing.find_rate(session, category, visit.now)


async def _step(visit: Visit, event: str) -> _Step:
    """Return what a request is about.

    Raises:
        Problem: 404 for an event that there is not, and while no account is connected.
    """
    entry = find_event(event)
    # The account is of no workspace, and staff see how many workspaces use it.
    async with visit.services.resources.database.transaction() as session:
        account = await accounts.find_shared_account(session)
        if entry is None or account is None:
            raise not_found()
        rows = await notifications.list_of_event(session, PLATFORM, account.id, entry.key)
        known = SAMPLES | await samples.list_samples(session)
        used = await platform_templates.count_copies(session, account.id)
    return _Step(visit, entry, account, rows, known, used.get(entry.key, 0))


def _known(step: _Step, listed: Listed, draft: Draft) -> Checked:
    """Return what is known of a draft's template from the list of the account's templates."""
    template = listed.find(draft.template_id) if draft.template_id else None
    if template is None:
        return Checked()
    accepted = "" if draft.takes_marketing else step.category_of(template.id)
    return examine(step.entry, template, listed.templates, accepted_category=accepted, at=listed.read_at)


async def _page(
    step: _Step, listed: Listed, draft: Draft, checked: Checked, errors: Sequence[Trouble] = ()
) -> Response:
    is_offered = any(row.is_on for row in step.rows)
    own = own_setup(
        step.visit,
        step.account,
        step.entry,
        listed=listed,
        draft=draft,
        checked=checked,
        samples=step.samples,
        errors=errors,
        is_on=is_offered,
    )
    rate = await _rate(step.visit, checked.template.category.lower()) if checked.template else None
    price = ""
    if checked.template is not None:
        category = checked.template.category.capitalize()
        price = f"{category}, {rupees_exact(rate.price_paise)} each" if rate else f"{category}, no price yet"
    page = TemplatePage(
        event=step.entry.key,
        title=step.entry.title,
        when=step.entry.when,
        is_offered=is_offered,
        attention=next((row.attention for row in step.rows if row.attention), ""),
        own=replace(own, sender=sender_bar(step.account.app_name, step.account)),
        price=price,
        used=_workspaces(step.used),
        errors=own.errors,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(step.visit, "ops_template.html", page, current="ops_account", status=status)
