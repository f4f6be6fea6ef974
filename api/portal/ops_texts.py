"""Preset texts: what customers of the shared account read from us, in each language, as staff word it (R7.10)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.parts import Message, Tab
from api.portal.staff import record
from api.portal.visits import FieldsNow, Staff, Visit, not_found
from db import samples, workspaces
from db.locks import serialize
from db.session import Session
from db.workspaces import PLATFORM, Workspace
from domain.preview import Part, PartKind
from domain.settings import NotPossible, with_text
from domain.texts import LANGUAGES
from domain.timing import Policy
from domain.variables import SAMPLES
from domain.wording import BODY_MAX, DEFAULT_LANGUAGE

__all__ = ["TITLES", "router"]

router = APIRouter(prefix="/ops/texts")

_VALUE: Final = re.compile(r"\{(\w+)\}")
TITLES: Final = {
    "please_choose": "Anything but the offered choices",
    "failed": "The question once more, in an open window",
    "options": "All options",
    "not_offered": "A wish that is not possible",
    "choose_day": "Choosing another date",
    "ask_address": "Asking for the address",
    "area": "Where we can deliver",
    "address_short": "An address that is too short",
    "address_other_pincode": "An address with another pincode",
    "confirm_address": "Reading the address back",
    "confirm_cancel": "Asking before a cancellation",
    "confirm_reattempt": "Asking before a new attempt",
    "confirm_day": "Asking before a date is taken",
    "confirm_not_mine": "Asking whether the order is theirs",
    "kept": "The order is kept after all",
    "ask_words": "Asking what happened",
    "accepted_reattempt": "A new attempt is accepted",
    "accepted_reschedule": "Another date is accepted",
    "accepted_update_address": "The new address is accepted",
    "accepted_cancel": "The cancellation is accepted",
    "accepted_dispute": "The report is taken down",
    "not_my_order": "Not their order",
    "in_hand": "The order system does not answer",
    "refused": "The courier refused",
    "refused_later": "The courier refused after a while",
    "refused_last": "The courier refused, nothing else is possible",
    "refused_date": "The courier refused the date",
    "already": "A second answer, after the first was accepted",
    "already_asked": "A second answer, while the first is on its way",
    "no_longer_waiting": "The parcel no longer waits",
    "team_will_contact": "Three unexpected answers in a row",
    "out_of_hours": "Outside working hours",
    "language_changed": "Another language was chosen",
    "nudge": "The nudge",
    "cod": "Cash to keep ready",
    "standard_answer": "A number we do not know",
    "which_order": "More than one delivery waits",
}
"""When each text is sent."""

_OF_SAMPLES: Final = {
    "order_id": "customer_order_id",
    "courier": "courier_name",
    "reason": "failure_reason",
    "day": "expected_date",
    "seller": "brand",
    "amount": "amount_due",
}
"""Values of texts that previews take from a sample of another name; the others have the sample's own."""


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text as it stands in the list."""

    key: str
    title: str
    words: str
    is_changed: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsPage:
    """Every text in one language."""

    language: str
    tabs: tuple[Tab, ...]
    rows: tuple[TextRow, ...]
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPage:
    """One text.

    Attributes:
        key: Its name.
        title: The same for people.
        language: Its language.
        language_words: The same in the language's own words.
        words: As it is, or as it was entered.
        original: As it was before anybody changed it.
        values: What may stand in braces in it.
        is_changed: Whether it is worded by staff.
        limit: How many characters WhatsApp takes.
        message: How it reads, filled with samples.
        errors: What is wrong with what was entered.
    """

    key: str
    title: str
    language: str
    language_words: str
    words: str
    original: str
    values: tuple[str, ...]
    is_changed: bool
    message: Message
    limit: int = BODY_MAX
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def texts_page(visit: Staff, language: str = DEFAULT_LANGUAGE) -> Response:
    """Show every text in a language."""
    if language not in LANGUAGES:
        raise not_found()
    async with visit.services.resources.database.transaction(PLATFORM) as session:
        policy = _policy(await workspaces.get_workspace(session, PLATFORM))
    rows = tuple(
        TextRow(
            key=key,
            title=_title(key),
            words=policy.text(key, language) or preset,
            is_changed=policy.text(key, language) is not None,
            href=f"/ops/texts/{language}/{key}",
        )
        for key, preset in LANGUAGES[language].presets.items()
    )
    page = TextsPage(
        language=language,
        tabs=tuple(
            Tab(words=each.name, href=f"/ops/texts?language={code}", current=code == language)
            for code, each in LANGUAGES.items()
        ),
        rows=rows,
        changed=sum(row.is_changed for row in rows),
    )
    return await render(visit, "ops_texts.html", page, current="ops_texts")


@router.get("/{language}/{key}")
async def text_page(language: str, key: str, visit: Staff) -> Response:
    """Show a text, to change it."""
    _preset(language, key)
    return await _page(visit, language, key, None)


@router.post("/{language}/{key}")
async def save_text(language: str, key: str, visit: Staff, fields: FieldsNow) -> Response:
    """Word a text anew, or take the original again; it counts for cases that open from now on."""
    fields.only("words", "save", "original")
    original = _preset(language, key)
    is_original = fields.has("original")
    said = fields.text("words", longest=4 * BODY_MAX)
    own = None if is_original or said == original else said
    try:
        with_text(Policy(), key, language, own)  # for what is wrong with it
    except NotPossible as error:
        return await _page(visit, language, key, said, FieldError("words", _sentence(str(error))))

    async def act() -> Response:
        async with visit.services.resources.database.transaction(PLATFORM) as session:
            # One at a time: two people who word two texts must not undo each other.
            await serialize(session, PLATFORM, "texts")
            platform = await workspaces.get_workspace(session, PLATFORM)
            policy = with_text(_policy(platform), key, language, own)
            await workspaces.add_workspace(session, replace(platform, policy=policy))
            await record(
                session,
                visit,
                "text.changed" if own is not None else "text.reset",
                subject=f"{language}:{key}",
            )
        done = "is saved" if own is not None else "is the original again"
        return see_other(
            visit,
            f"/ops/texts?language={language}",
            Toast(f"“{_title(key)}” {done}.", "It counts for cases that open from now on."),
        )

    return await once(visit, fields, act)


async def _page(visit: Visit, language: str, key: str, entered: str | None, *errors: FieldError) -> Response:
    async with visit.services.resources.database.transaction(PLATFORM) as session:
        policy = _policy(await workspaces.get_workspace(session, PLATFORM))
        kept = await _samples(session)
    original = _preset(language, key)
    own = policy.text(key, language)
    words = entered if entered is not None else own if own is not None else original
    page = TextPage(
        key=key,
        title=_title(key),
        language=language,
        language_words=LANGUAGES[language].name,
        words=words,
        original=original,
        values=tuple(dict.fromkeys(_VALUE.findall(original))),
        is_changed=own is not None,
        message=_message(words, kept),
        errors=errors,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(visit, "ops_text.html", page, current="ops_texts", status=status)


async def _samples(session: Session) -> dict[str, str]:
    return SAMPLES | await samples.list_samples(session)


def _message(words: str, kept: dict[str, str]) -> Message:
    """Return a text as the customer reads it; each sample is a part of its own, which the page escapes."""
    return Message(paragraphs=(tuple(_parts(words, kept)),))


def _parts(words: str, kept: dict[str, str]) -> Iterator[Part]:
    for number, piece in enumerate(_VALUE.split(words)):
        if number % 2 == 0:
            yield Part(PartKind.TEXT, piece)
        elif value := kept.get(_OF_SAMPLES.get(piece, piece)):
            yield Part(PartKind.VALUE, value)
        else:
            yield Part(PartKind.OPEN, f"{{{piece}}}")


def _policy(workspace: Workspace) -> Policy:
    return replace(workspace.policy, language=workspace.default_language)


def _preset(language: str, key: str) -> str:
    """Return a text's original.

    Raises:
        Problem: 404: there is no such text.
    """
    if language not in LANGUAGES or key not in LANGUAGES[language].presets:
        raise not_found()
    return LANGUAGES[language].presets[key]


def _title(key: str) -> str:
    return TITLES.get(key, key.replace("_", " ").capitalize())


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
