"""Setting up one notification: its template and values, or its price; checked, previewed, saved (R4.3 to R4.8)."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.account_templates import Checked, Listed, check_live, known_templates, read_templates
from api.portal.frame import Toast
from api.portal.notification_draft import CHOSEN, Draft, check_draft, draft_of, read_draft, rows_of
from api.portal.notifications import said, uninstalled
from api.portal.pages import once, partial, see_other
from api.portal.setup_page import Step, known_check, own_page, own_view, read_step, record, shared_page
from api.portal.shared_setup import Offer, read_offer
from api.portal.visits import FieldsNow, Owner, Seller
from db import acceptances, audit, installations, notifications
from db.held_templates import Standing, saved_of, settle, tell_released
from domain.formats import rupees_exact
from domain.template_checks import TEMPLATE_FIELD, check_price, hold_reason

__all__ = ["router"]

router = APIRouter(prefix="/notifications")

_OWN_FIELDS = (CHOSEN, TEMPLATE_FIELD, "check", "only", "language", "shown", "marketing")
_MAPPING = ("value_", "fallback_")


@router.get("/{event}")
async def setup_page(event: str, visit: Seller) -> Response:
    """Show what is set up, and what Gupshup says of it now."""
    step = await read_step(visit, event)
    if step is None:
        return see_other(visit, "/notifications")
    if not step.is_own:
        return await shared_page(step)
    asked = visit.request.query_params.get("template", "")[:64]
    draft = draft_of(step.rows, visit.workspace.default_language, template_id=asked)
    listed = await read_templates(visit, step.account)
    return await own_page(step, listed, draft, known_check(step, listed, draft))


@router.post("/{event}")
async def save(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Check the form with Gupshup; save it unless only a check or another language of the preview was asked for."""
    fields.only(*_OWN_FIELDS, prefixes=_MAPPING)
    step = await read_step(visit, event)
    if step is None or not step.is_own:
        return see_other(visit, f"/notifications/{event}")
    draft = read_draft(fields)
    if fields.has("language"):
        listed = await known_templates(visit, step.account)
        return await own_page(step, listed, draft, known_check(step, listed, draft))
    step, checked, listed = await _check(step, draft)
    errors = checked.troubles
    if checked.template is not None and not errors and not fields.has("check"):
        errors = check_draft(draft, step.entry, checked.template)
    if errors or fields.has("check"):
        return await own_page(step, listed, draft, checked, errors)

    async def act() -> Response:
        return await _save(step, draft, checked, is_on=not fields.has("only"))

    return await once(visit, fields, act)


@router.post("/{event}/preview")
async def preview_part(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Return the form's parts for what is drafted, from what is known; for the script."""
    fields.only(*_OWN_FIELDS, prefixes=_MAPPING)
    step = await read_step(visit, event)
    if step is None or not step.is_own:
        return see_other(visit, f"/notifications/{event}")
    draft = read_draft(fields)
    listed = await known_templates(visit, step.account)
    page = own_view(step, listed, draft, known_check(step, listed, draft))
    return partial(visit, "notification_own.html", page)


@router.post("/{event}/check")
async def check_part(event: str, visit: Seller, fields: FieldsNow) -> Response:
    """Return the form's parts after a live check; for the script."""
    fields.only(*_OWN_FIELDS, prefixes=_MAPPING)
    step = await read_step(visit, event)
    if step is None or not step.is_own:
        return see_other(visit, f"/notifications/{event}")
    draft = read_draft(fields)
    step, checked, listed = await _check(step, draft)
    return partial(visit, "notification_own.html", own_view(step, listed, draft, checked))


@router.post("/{event}/accept")
async def accept(event: str, visit: Owner, fields: FieldsNow) -> Response:
    """Accept the price of a step's messages through Eshopbox's account, and switch it on (R4.4)."""
    fields.only("accept", "price", "category")
    step = await read_step(visit, event)
    if step is None or step.is_own:
        return see_other(visit, f"/notifications/{event}")
    if not visit.is_confirmed:
        return RedirectResponse(f"/account/confirm?next={step.url}", HTTPStatus.SEE_OTHER)
    offer = await read_offer(visit, step.account, step.entry, visit.now)
    shown = fields.text("price", longest=12)
    if offer.rate is None or not offer.rows or offer.attention:
        return see_other(visit, step.url)
    # Another category under the same price is another offer too: it counts as changed.
    is_same = shown == str(offer.rate.price_paise) and fields.text("category", longest=40) == offer.category
    errors = check_price(
        is_accepted=fields.has("accept"),
        shown_paise=offer.rate.price_paise if is_same else -1,
        price_paise=offer.rate.price_paise,
    )
    if errors:
        return await shared_page(step, errors)

    async def act() -> Response:
        return await _accept(step, offer)

    return await once(visit, fields, act)


async def _check(step: Step, draft: Draft) -> tuple[Step, Checked, Listed]:
    """Ask Gupshup about a draft's template, and let go of what was held where it can be sent again (R4.8)."""
    visit = step.visit
    accepted = "" if draft.takes_marketing else step.category_of(draft.template_id)
    checked, listed = await check_live(
        visit, step.account, step.entry, draft.template_id, accepted_category=accepted
    )
    sendable = {template.id: template.listed for template in checked.languages}
    free = [
        row
        for row in step.rows
        if row.attention and row.template_id in sendable
        if not hold_reason(saved_of(row), sendable[row.template_id])
    ]
    held = {row.template_id for row in free}
    # A category that changed is accepted by saving, not by looking.
    if not held or draft.takes_marketing:
        return step, checked, listed
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await settle(
            session,
            visit.services.resources.cipher,
            [Standing(row, "") for row in free],
            now=visit.now,
        )
    await record(step, "notification.released", ", ".join(sorted(held)))
    return await read_step(visit, step.entry.key) or step, checked, listed


async def _save(step: Step, draft: Draft, checked: Checked, *, is_on: bool) -> Response:
    visit, entry = step.visit, step.entry
    rows = rows_of(
        checked, draft, entry, workspace_id=visit.workspace_id, account_id=step.account.id, is_on=is_on
    )
    languages = ", ".join(row.language for row in rows)
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        # Gupshup took its time: what is saved for an account that is gone would be on when it is installed again.
        if not await installations.is_installed(session, visit.workspace_id, step.account.id, lock=True):
            return uninstalled(visit)
        await notifications.save_event(session, rows)
        if is_on and step.is_on:
            await tell_released(session, visit.services.resources.cipher, step.rows, now=visit.now)
        changes = [("notification.set_up", f"{rows[0].template_name} ({languages})")]
        if is_on != step.is_on:
            changes.append((f"notification.switched_{'on' if is_on else 'off'}", ""))
        for action, detail in changes:
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action=action,
                subject=entry.key,
                detail=detail,
                now=visit.now,
            )
    if is_on != step.is_on:
        return see_other(visit, "/notifications", said(entry, step.account, is_on=is_on))
    state = "It stays on." if is_on else "It stays off."
    return see_other(visit, "/notifications", Toast(f"{entry.title} is saved.", state))


async def _accept(step: Step, offer: Offer) -> Response:
    visit, entry = step.visit, step.entry
    if offer.rate is None:
        return see_other(visit, step.url)
    price = offer.rate.price_paise
    acceptance = acceptances.Acceptance(
        workspace_id=visit.workspace_id,
        account_id=step.account.id,
        event=entry.key,
        category=offer.category,
        price_paise=price,
        person=visit.by,
        accepted_at=visit.now,
    )
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        if not await installations.is_installed(session, visit.workspace_id, step.account.id, lock=True):
            return uninstalled(visit)
        await notifications.save_event(session, notifications.taken_over(offer.rows, visit.workspace_id))
        await acceptances.add_acceptance(session, acceptance)
        for action, detail in (
            ("price.accepted", f"{rupees_exact(price)} each, {offer.category}"),
            ("notification.switched_on", ""),
        ):
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action=action,
                subject=entry.key,
                detail=detail,
                now=visit.now,
            )
    return see_other(visit, "/notifications", said(entry, step.account, is_on=True))
