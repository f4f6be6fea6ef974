"""Help: the variables and how to name them at Gupshup, templates to copy, how a failed delivery is talked about (R8.4)."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal import help_talks
from api.portal.help_talks import OfferRow, Talk
from api.portal.pages import render
from api.portal.parts import Language, Message, Tab
from api.portal.visits import Seller, Visit
from db import samples
from domain.formats import local_date
from domain.journey import JOURNEY, JourneyEntry, TemplateText
from domain.shipments import JourneyEvent
from domain.texts import LANGUAGES
from domain.variables import SAMPLES, VARIABLES, Variable, VariableGroup
from domain.wording import DEFAULT_LANGUAGE

__all__ = ["router"]

router = APIRouter(prefix="/help")

_PAGES: Final = (
    ("Variables", "/help/variables"),
    ("Templates", "/help/templates"),
    ("Failed deliveries", "/help/failed-delivery"),
)
_GROUPS: Final = {
    VariableGroup.ORDER: "Order",
    VariableGroup.ITEM: "Item",
    VariableGroup.CUSTOMER: "Customer",
    VariableGroup.SHIPMENT: "Shipment",
    VariableGroup.RETURN: "Return",
}
_MOST_NAMED: Final = 4  # more steps than that are named by those that are missing
_FAILED: Final = next(entry for entry in JOURNEY if entry.key is JourneyEvent.FAILED_DELIVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRow:
    """A variable as the article shows it."""

    id: str
    name: str
    placeholder: str
    also: str
    holds: str
    note: str
    known_for: str
    sample: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableTable:
    """The variables of one heading."""

    id: str
    title: str
    rows: tuple[VariableRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCard:
    """A template to create at Gupshup.

    Attributes:
        id: Where it stands on the page.
        title: The step of the journey.
        when: When it is sent.
        name: The template's name.
        category: WhatsApp's category.
        lang: Its language.
        language: The language's name.
        header: The line above; empty for none.
        named: Its text, with named placeholders.
        numbered: The same with numbers.
        numbers: What each number stands for.
        footer: The line beneath.
        buttons: Its quick replies.
        bubble: How it looks.
    """

    id: str
    title: str
    when: str
    name: str
    category: str
    lang: str
    language: str
    header: str
    named: str
    numbered: str
    numbers: tuple[tuple[str, str], ...]
    footer: str
    buttons: tuple[str, ...]
    bubble: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesPage:
    """All variables, and a first template."""

    tabs: tuple[Tab, ...]
    tables: tuple[VariableTable, ...]
    template: TemplateCard


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatesPage:
    """A template for each step of the journey, in one language."""

    tabs: tuple[Tab, ...]
    languages: tuple[Language, ...]
    templates: tuple[TemplateCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDeliveryPage:
    """How a failed delivery is talked about, with the workspace's own times."""

    tabs: tuple[Tab, ...]
    steps: tuple[tuple[str, str], ...]
    offers: tuple[OfferRow, ...]
    talks: tuple[Talk, ...]


@router.get("")
async def first_page(_: Seller) -> Response:
    """Lead to the first article."""
    return RedirectResponse("/help/variables")


@router.get("/variables")
async def variables_page(visit: Seller) -> Response:
    """Show what may stand in a template."""
    known = await _samples(visit)
    tables = tuple(
        VariableTable(
            id=group.value,
            title=title,
            rows=tuple(_row(each, known[each.name]) for each in VARIABLES if each.group is group),
        )
        for group, title in _GROUPS.items()
    )
    page = VariablesPage(
        tabs=_tabs(visit), tables=tables, template=_template(_FAILED, _text(_FAILED, DEFAULT_LANGUAGE), known)
    )
    return await render(visit, "help_variables.html", page, current="help")


@router.get("/templates")
async def templates_page(visit: Seller) -> Response:
    """Show a template for each step of the journey, ready to copy."""
    known = await _samples(visit)
    asked = visit.request.query_params.get("language", "")
    language = asked if asked in LANGUAGES else DEFAULT_LANGUAGE
    page = TemplatesPage(
        tabs=_tabs(visit),
        languages=tuple(
            Language(
                words=each.name, lang=code, href=f"/help/templates?language={code}", current=code == language
            )
            for code, each in LANGUAGES.items()
        ),
        templates=tuple(_template(entry, _text(entry, language), known) for entry in JOURNEY),
    )
    return await render(visit, "help_templates.html", page, current="help")


@router.get("/failed-delivery")
async def failed_delivery_page(visit: Seller) -> Response:
    """Show how a failed delivery is talked about."""
    known = await _samples(visit)
    today = local_date(visit.now, ZoneInfo(visit.workspace.policy.timezone))
    page = FailedDeliveryPage(
        tabs=_tabs(visit),
        steps=help_talks.steps(visit.workspace.policy),
        offers=help_talks.offers(),
        talks=help_talks.talks(_text(_FAILED, DEFAULT_LANGUAGE), known, today),
    )
    return await render(visit, "help_failed_delivery.html", page, current="help")


async def _samples(visit: Visit) -> dict[str, str]:
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        return SAMPLES | await samples.list_samples(session)


def _tabs(visit: Visit) -> tuple[Tab, ...]:
    return tuple(
        Tab(words=words, href=href, current=href == visit.request.url.path) for words, href in _PAGES
    )


def _row(variable: Variable, sample: str) -> VariableRow:
    return VariableRow(
        id=f"v-{variable.name}",
        name=variable.name,
        placeholder=variable.placeholder,
        also=", ".join(variable.aliases),
        holds=variable.holds,
        note=variable.note,
        known_for=_known_for(variable),
        sample=sample,
    )


def _known_for(variable: Variable) -> str:
    """Return which steps can fill a variable, in the fewest words."""
    known = [entry.title for entry in JOURNEY if variable.fits(entry.key)]
    missing = [entry.title for entry in JOURNEY if not variable.fits(entry.key)]
    if not missing:
        return "Every notification"
    return f"All but {', '.join(missing)}" if len(known) > _MOST_NAMED + 1 else ", ".join(known)


def _text(entry: JourneyEntry, language: str) -> TemplateText:
    return entry.text(language) or entry.texts[0]


def _template(entry: JourneyEntry, words: TemplateText, known: dict[str, str]) -> TemplateCard:
    return TemplateCard(
        id=entry.key.value,
        title=entry.title,
        when=entry.when,
        name=words.name,
        category=words.category.capitalize(),
        lang=words.language,
        language=LANGUAGES[words.language].name,
        header=words.header,
        named=words.named_body,
        numbered=words.body,
        numbers=tuple((f"{{{{{number}}}}}", name) for number, name in enumerate(words.variables, 1)),
        footer=words.footer,
        buttons=words.buttons,
        bubble=help_talks.proposed(words, known),
    )
