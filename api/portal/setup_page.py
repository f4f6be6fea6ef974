"""The page on which one notification is set up: what it is about, and how it is put together from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from fastapi import Response

from api.portal.account_templates import Checked, Listed, examine, known_templates
from api.portal.forms import FieldError
from api.portal.notification_draft import Draft, draft_of
from api.portal.notifications import Held, held_of, step_of
from api.portal.own_setup import OwnSetup, own_setup
from api.portal.pages import render
from api.portal.shared_setup import Offer, SharedSetup, read_offer, shared_setup
from api.portal.visits import Visit
from db import audit, notifications, samples
from db.accounts import AppAccount
from db.notifications import Notification
from domain.journey import JourneyEntry
from domain.template_checks import Trouble
from domain.variables import SAMPLES

__all__ = [
    "SampleCard",
    "SetupPage",
    "Step",
    "known_check",
    "own_page",
    "own_view",
    "page_again",
    "read_step",
    "record",
    "shared_page",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCard:
    """A test to one's own phone.

    Attributes:
        phone: What was entered.
        language: In which of the template's languages.
        hint: What it sends and costs.
    """

    phone: str
    language: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPage:
    """The set-up of one notification; either through one's own account or through Eshopbox's."""

    event: str
    title: str
    lead: str
    badge: str
    is_on: bool
    held: Held | None
    own: OwnSetup | None
    shared: SharedSetup | None
    test: SampleCard | None
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a request is about."""

    visit: Visit
    entry: JourneyEntry
    account: AppAccount
    rows: tuple[Notification, ...]
    samples: dict[str, str]
    held: Held | None

    @property
    def is_on(self) -> bool:
        """Tell whether it is switched on."""
        return any(row.is_on for row in self.rows)

    @property
    def url(self) -> str:
        """Return where it is set up."""
        return f"/notifications/{self.entry.key}"

    @property
    def is_own(self) -> bool:
        """Tell whether it is the seller's own account that sends."""
        return self.account.owner == "client"

    def category_of(self, template_id: str) -> str:
        """Return the category with which a template was set up; empty where it was not."""
        return next((row.category for row in self.rows if row.template_id == template_id), "")


async def read_step(visit: Visit, event: str) -> Step | None:
    """Return what a request is about; None where nothing is installed.

    Raises:
        Problem: 404 for a step that there is not.
    """
    entry, account = await step_of(visit, event)
    if account is None:
        return None
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        rows = await notifications.list_of_event(session, visit.workspace_id, account.id, entry.key)
        known = SAMPLES | await samples.list_samples(session) | {"brand": visit.workspace.brand}
        held = await held_of(session, visit, account, entry, rows)
    return Step(visit, entry, account, rows, known, held)


def known_check(step: Step, listed: Listed, draft: Draft) -> Checked:
    """Return what is known of a draft's template from the list of the account's templates."""
    template = listed.find(draft.template_id) if draft.template_id else None
    if template is None:
        return Checked()
    accepted = "" if draft.takes_marketing else step.category_of(template.id)
    return examine(step.entry, template, listed.templates, accepted_category=accepted, at=listed.read_at)


def own_view(
    step: Step,
    listed: Listed,
    draft: Draft,
    checked: Checked,
    errors: Sequence[Trouble] = (),
    *,
    test: SampleCard | None = None,
) -> SetupPage:
    """Return the page for the seller's own account, with what Gupshup said of the drafted template."""
    own = own_setup(
        step.visit,
        step.account,
        step.entry,
        listed=listed,
        draft=draft,
        checked=checked,
        samples=step.samples,
        errors=errors,
        is_on=step.is_on,
    )
    return replace(_frame(step, own.errors, test or sample_card(step)), own=own)


async def own_page(
    step: Step, listed: Listed, draft: Draft, checked: Checked, errors: Sequence[Trouble] = ()
) -> Response:
    """Show the set-up through the seller's own account."""
    page = own_view(step, listed, draft, checked, errors)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(step.visit, "notification_setup.html", page, current="notifications", status=status)


async def shared_page(step: Step, errors: Sequence[Trouble] = ()) -> Response:
    """Show the price through Eshopbox's account."""
    found = tuple(FieldError(each.field, each.text) for each in errors)
    offer = await read_offer(step.visit, step.account, step.entry, step.visit.now)
    page = shared_view(step, offer, found, sample_card(step))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(step.visit, "notification_setup.html", page, current="notifications", status=status)


def shared_view(
    step: Step, offer: Offer, errors: tuple[FieldError, ...], test: SampleCard | None
) -> SetupPage:
    shared = shared_setup(
        step.visit,
        step.account,
        step.entry,
        offer,
        samples=step.samples,
        language=step.visit.request.query_params.get("language", "")[:16],
        errors=errors,
    )
    return replace(_frame(step, errors, test), shared=shared)


async def page_again(step: Step, *, phone: str = "", test_error: str) -> Response:
    """Return the page again with what is wrong with a test."""
    errors = (FieldError("phone", test_error),)
    card = sample_card(step)
    test = replace(card, phone=phone) if card is not None else None
    if step.is_own:
        draft = draft_of(step.rows, step.visit.workspace.default_language)
        listed = await known_templates(step.visit, step.account)
        page = replace(
            own_view(step, listed, draft, known_check(step, listed, draft), test=test), errors=errors
        )
    else:
        offer = await read_offer(step.visit, step.account, step.entry, step.visit.now)
        page = replace(shared_view(step, offer, (), test), errors=errors)
    return await render(
        step.visit,
        "notification_setup.html",
        page,
        current="notifications",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )


def _frame(step: Step, errors: tuple[FieldError, ...], test: SampleCard | None) -> SetupPage:
    entry = step.entry
    through = "" if step.is_own else ", from the Eshopbox account"
    answers = " The customer answers with the buttons." if entry.needs_buttons else ""
    return SetupPage(
        event=entry.key,
        title=entry.title,
        lead=f"Sent {entry.when[:1].lower()}{entry.when[1:]}{through}.{answers}",
        badge="On" if step.is_on else "Off",
        is_on=step.is_on,
        held=step.held,
        own=None,
        shared=None,
        test=test,
        errors=errors,
    )


def sample_card(step: Step) -> SampleCard | None:
    """Return the card for a test; None before anything is saved, and for who may not spend money."""
    # What costs something here is tried by who may spend, once its price was accepted.
    if not step.rows or (not step.is_own and not (step.visit.is_owner and step.is_on)):
        return None
    preferred = step.visit.workspace.default_language
    languages = [row.language for row in step.rows]
    return SampleCard(
        phone="",
        language=preferred if preferred in languages else languages[0],
        hint="What is saved, with the sample values. It costs as much as any other message.",
    )


async def record(step: Step, action: str, detail: str) -> None:
    """Put something that was done with a step into the audit."""
    visit = step.visit
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await audit.add_record(
            session,
            visit.workspace_id,
            person=visit.by,
            action=action,
            subject=step.entry.key,
            detail=detail,
            now=visit.now,
        )
