"""What Gupshup says of an account's templates: read live where it answers, else as it was last known.

Each live reading is kept, so that a page works while Gupshup is away and says from when its list is.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from api.portal.visits import Visit
from clients.gupshup import (
    Credentials,
    GupshupRefused,
    GupshupUnavailable,
    Template,
    TemplateButton,
    is_sendable,
)
from db import accounts
from db.accounts import AppAccount
from db.session import NotFound
from domain.journey import JourneyEntry
from domain.template_checks import Trouble, check_template, check_template_id, trouble
from domain.wording import spoken

__all__ = [
    "Checked",
    "Listed",
    "check_live",
    "examine",
    "known_templates",
    "language_of",
    "language_words",
    "read_templates",
]

_SECONDS: Final = 4.5
"""How long a page waits for Gupshup; what is known is shown after that."""

_LANGUAGES: Final = {
    "bn": "Bengali",
    "en": "English",
    "gu": "Gujarati",
    "hi": "Hindi",
    "kn": "Kannada",
    "ml": "Malayalam",
    "mr": "Marathi",
    "pa": "Punjabi",
    "ta": "Tamil",
    "te": "Telugu",
    "ur": "Urdu",
}
_FIELDS: Final = tuple(each.name for each in fields(Template))


@dataclass(frozen=True, slots=True)
class Listed:
    """An account's templates.

    Attributes:
        templates: All of them, in whatever status.
        read_at: When Gupshup said so; None where it never did.
        failure: Why this is not of now: "down" or "key"; empty where it is.
    """

    templates: tuple[Template, ...]
    read_at: datetime | None
    failure: str = ""

    @property
    def approved(self) -> tuple[Template, ...]:
        """Return those that can be sent."""
        return tuple(each for each in self.templates if is_sendable(each.status))

    def find(self, template_id: str) -> Template | None:
        """Return the template of an id."""
        return next((each for each in self.templates if each.id == template_id), None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a template came to.

    Attributes:
        template: The template; None where Gupshup has or said none.
        troubles: What keeps it from being used.
        languages: It and its translations that can be used, one for each language, itself first.
        left_out: Pairs of language and reason, for its translations that cannot be used.
        at: When Gupshup said so; None where nobody was asked.
    """

    template: Template | None = None
    troubles: tuple[Trouble, ...] = ()
    languages: tuple[Template, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None

    @property
    def is_usable(self) -> bool:
        """Tell whether it can be sent."""
        return self.template is not None and not self.troubles


async def known_templates(visit: Visit, account: AppAccount) -> Listed:
    """Return an account's templates as they were last read."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        kept = await accounts.list_known_templates(session, account.id)
        found = await accounts.get_account(session, account.id)
    return Listed(tuple(_restored(kept)), found.templates_read_at)


async def read_templates(visit: Visit, account: AppAccount) -> Listed:
    """Return an account's templates as Gupshup lists them now, and keep them; as last known where it does not answer."""
    try:
        credentials = await _credentials(visit, account)
        async with asyncio.timeout(_SECONDS):
            templates = await visit.services.resources.gupshup.list_templates(credentials)
    except (GupshupRefused, GupshupUnavailable, TimeoutError, NotFound) as error:
        known = await known_templates(visit, account)
        return Listed(known.templates, known.read_at, _failure(error))
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await accounts.save_templates(session, account.id, [asdict(each) for each in templates], visit.now)
    return Listed(templates, visit.now)


async def check_live(
    visit: Visit, account: AppAccount, entry: JourneyEntry, template_id: str, *, accepted_category: str
) -> tuple[Checked, Listed]:
    """Ask Gupshup whether a template can be used for a step, and in which languages (R4.3, R4.7).

    Args:
        visit: Who asks.
        account: The account that would send it.
        entry: The step of the journey.
        template_id: As it was entered.
        accepted_category: The category it was set up with; empty where another one is accepted too.
    """
    if found := check_template_id(template_id):
        return Checked(troubles=found), await known_templates(visit, account)
    gupshup = visit.services.resources.gupshup
    listed = await read_templates(visit, account)
    if listed.failure:
        return Checked(troubles=(trouble(listed.failure, ""),)), listed
    try:
        credentials = await _credentials(visit, account)
        async with asyncio.timeout(_SECONDS):
            template = await gupshup.get_template(credentials, template_id.strip())
    except GupshupRefused as error:
        if _failure(error) == "key":
            return Checked(troubles=(trouble("key", ""),)), listed
        template = None  # it answers "not found" as a refusal
    except (GupshupUnavailable, TimeoutError, NotFound) as error:
        return Checked(troubles=(trouble(_failure(error), ""),)), listed
    if template is None:
        return Checked(troubles=(trouble("unknown"),), at=visit.now), listed
    return examine(
        entry, template, listed.templates, accepted_category=accepted_category, at=visit.now
    ), listed


def examine(
    entry: JourneyEntry,
    template: Template,
    others: Iterable[Template],
    *,
    accepted_category: str,
    at: datetime | None,
) -> Checked:
    """Return whether a template can be used for a step, and which of its translations can.

    Args:
        entry: The step of the journey.
        template: The template.
        others: The account's templates, among them its translations.
        accepted_category: The category it was set up with; empty where another one is accepted too.
        at: When Gupshup said so.
    """
    troubles = _troubles(entry, template, accepted_category)
    if troubles:
        return Checked(template, troubles, at=at)
    usable, left_out = {language_of(template): template}, dict[str, str]()
    for other in others:
        language = language_of(other)
        if other.element_name != template.element_name or other.id == template.id or language in usable:
            continue
        if other.status == "DELETED":
            continue
        if set(other.placeholders) != set(template.placeholders):
            left_out[language] = "it has other placeholders"
        elif found := _troubles(entry, other, accepted_category or template.category):
            left_out[language] = (
                f"its status is {other.status}" if other.status != "APPROVED" else found[0].summary
            )
        else:
            usable[language] = other
            left_out.pop(language, None)
    return Checked(template, (), tuple(usable.values()), tuple(left_out.items()), at)


def language_of(template: Template) -> str:
    """Return a template's language without its region, as the workspace's notifications keep it."""
    return spoken(template.language) or "en"


def language_words(language: str) -> str:
    """Return a language's name in English, as the pages are; of one that we do not know, its code."""
    return _LANGUAGES.get(language, language)


def _troubles(entry: JourneyEntry, template: Template, accepted_category: str) -> tuple[Trouble, ...]:
    return check_template(
        status=template.status,
        reason=template.reason,
        category=template.category,
        accepted_category=accepted_category,
        labels=template.quick_replies,
        needs_buttons=entry.needs_buttons,
        language=template.language,
        kind=template.template_type,
        header=template.header,
        button_links=[button.url for button in template.buttons],
    )


async def _credentials(visit: Visit, account: AppAccount) -> Credentials:
    resources = visit.services.resources
    async with resources.database.transaction(visit.workspace_id) as session:
        stored = await accounts.get_credentials(session, resources.cipher, account.id)
    return Credentials(
        api_key=stored.api_key, app_id=stored.app_id, app_name=stored.app_name, source=stored.phone
    )


def _failure(error: Exception) -> str:
    """Return why Gupshup said nothing of templates: it would not, or it did not answer."""
    is_refused = isinstance(error, GupshupRefused) and error.is_about_key
    return "key" if is_refused or isinstance(error, NotFound) else "down"


def _restored(kept: Iterable[Mapping[str, Any]]) -> Iterable[Template]:
    """Read what was kept; what an older version kept otherwise is left out until the next reading."""
    for entry in kept:
        if not all(isinstance(entry.get(name), str) for name in ("id", "element_name", "status", "body")):
            continue
        values = {name: entry[name] for name in _FIELDS if name in entry}
        buttons = tuple(TemplateButton(**button) for button in values.pop("buttons", ()))
        placeholders = tuple(values.pop("placeholders", ()))
        yield Template(buttons=buttons, placeholders=placeholders, **values)
