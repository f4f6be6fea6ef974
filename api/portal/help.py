"""Help: the variables and how to name them at Gupshup, templates to copy, how a failed delivery is talked about (R8.4)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.drawn import proposed
from api.portal.pages import render
from api.portal.parts import Language, Message, MessageButton, Tab
from api.portal.visits import Seller, Visit
from db import samples
from domain.failures import Action
from domain.formats import local_date
from domain.journey import JOURNEY, JourneyEntry, TemplateText
from domain.shipments import JourneyEvent
from domain.texts import LANGUAGES
from domain.timing import AtDeadline, Policy
from domain.variables import SAMPLES, VARIABLES, Variable, VariableGroup
from domain.wording import DEFAULT_LANGUAGE, day_words, label, text, words_of

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
_TIME: Final = "14:12"
_HOUR: Final = 60


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
class OfferRow:
    """What a customer may choose, and what comes of it."""

    title: str
    asks: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, drawn."""

    id: str
    title: str
    say: str
    messages: tuple[Message, ...]


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
    entry = next(each for each in JOURNEY if each.key is JourneyEvent.FAILED_DELIVERY)
    page = VariablesPage(
        tabs=_tabs(visit), tables=tables, template=_template(entry, _text(entry, DEFAULT_LANGUAGE), known)
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
    page = FailedDeliveryPage(
        tabs=_tabs(visit),
        steps=_steps(visit.workspace.policy),
        offers=_offers(),
        talks=_talks(visit, known),
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
        bubble=proposed(words, known, time=_TIME),
    )


def _steps(policy: Policy) -> tuple[tuple[str, str], ...]:
    reminders = " and ".join(_hours(minutes) for minutes in policy.reminders_after)
    quiet = (
        f"Not between {policy.quiet_from} and {policy.quiet_until}: then it waits for the morning."
        if policy.quiet_from
        else "At any time of day: you have set no quiet hours."
    )
    deadline = {
        AtDeadline.HAND_OVER: "the case is handed to you: the order stands under “Waiting for you”",
        AtDeadline.REATTEMPT: "we ask the courier for another attempt",
        AtDeadline.NOTHING: "the case ends, and the courier will usually return the parcel",
    }[policy.at_deadline]
    return (
        ("The courier reports a failed attempt", f"We write to the customer at once. {quiet}"),
        (
            "The customer taps or writes",
            "Only what the courier can do now is offered. Words, photos and pins are read as well as taps.",
        ),
        (
            "The courier is asked",
            "What the customer wants is done only when the courier accepts it. If it refuses, the customer hears so and gets what is still possible.",
        ),
        (
            "The customer is silent",
            f"A reminder follows after {reminders}." if reminders else "You have set no reminders.",
        ),
        (
            f"The deadline, {_hours(policy.deadline_after)} after the failed attempt",
            f"Still silent: {deadline}.",
        ),
    )


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, _HOUR)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))


def _offers() -> tuple[OfferRow, ...]:
    titles = words_of(DEFAULT_LANGUAGE).titles
    rows = {
        Action.REATTEMPT: ("Nothing more", "The courier tries again on the next working day."),
        Action.RESCHEDULE: ("The day, from a list", "The courier comes on that day."),
        Action.UPDATE_ADDRESS: (
            "The address: typed, as a form or as a pin. It is read back and confirmed.",
            "The courier goes to the new address, within the same pincode.",
        ),
        Action.CANCEL: ("Once more, whether that is meant", "The order is cancelled and returns to you."),
        Action.DISPUTE: (
            "What happened, in a few words",
            "You see the customer’s words as evidence, and a new attempt is asked for.",
        ),
        Action.NOT_MY_ORDER: (
            "Nothing more",
            "We never write to this number about your orders again, and you hear of it.",
        ),
    }
    return tuple(
        OfferRow(title=titles[action][0], asks=asks, then=then) for action, (asks, then) in rows.items()
    )


def _talks(visit: Visit, known: dict[str, str]) -> tuple[Talk, ...]:
    language, policy = DEFAULT_LANGUAGE, Policy()
    titles = words_of(language).titles
    today = local_date(visit.now, ZoneInfo(visit.workspace.policy.timezone))
    day = day_words(today + timedelta(days=2), language)
    values = {
        "brand": known["brand"],
        "order_id": known["customer_order_id"],
        "courier": known["courier_name"],
        "pincode": known["pincode"],
        "area": text("area", policy, language, pincode=known["pincode"]),
        "payment": "",
        "day": day,
        "address": f"{known['address']}\n{known['city']} {known['pincode']}",
    }

    def ours(key: str, *taps: str, is_list: bool = False) -> Message:
        """Return a message of ours."""
        buttons = tuple(MessageButton(label=tap, icon="list" if is_list else "reply") for tap in taps)
        said = text(key, policy, language, **values)
        return Message(paragraphs=tuple(said.split("\n\n")), buttons=buttons, time=_TIME)

    def theirs(words: str) -> Message:
        """Return a message of the customer."""
        return Message(by_customer=True, paragraphs=(words,), time=_TIME, ticks="read")

    entry = next(each for each in JOURNEY if each.key is JourneyEvent.FAILED_DELIVERY)
    options = label("see_options", language)
    return (
        Talk(
            id="day",
            title="Another day",
            say="Your template opens the conversation. A tap leads to a list of days; one more tap is enough.",
            messages=(
                proposed(_text(entry, language), known, time=_TIME),
                theirs(titles[Action.RESCHEDULE][0]),
                ours("choose_day", label("pick_day", language), is_list=True),
                theirs(day),
                ours("accepted_reschedule"),
            ),
        ),
        Talk(
            id="address",
            title="A new address",
            say="It is read back before the courier is asked, and its pincode is checked.",
            messages=(
                theirs(titles[Action.UPDATE_ADDRESS][0]),
                ours("ask_address", label("back", language)),
                theirs(values["address"]),
                ours("confirm_address", label("yes_right", language), label("change", language)),
                theirs(label("yes_right", language)),
                ours("accepted_update_address"),
            ),
        ),
        Talk(
            id="unexpected",
            title="Something unexpected",
            say="What cannot be read is kept on the order and answered with the choices. After three in a row your team is asked.",
            messages=(
                theirs("I was at home the whole day"),
                ours("please_choose", options, is_list=True),
                theirs("why does nobody call"),
                ours("please_choose", options, is_list=True),
                theirs("hello??"),
                ours("team_will_contact", options, is_list=True),
            ),
        ),
    )
