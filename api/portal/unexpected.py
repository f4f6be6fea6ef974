"""Manage the unexpected: what customers hear who answer in an unplanned way or not at all (R7.10)."""

from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal import session_texts, unexpected_form
from api.portal.forms import FieldError, Form
from api.portal.frame import Toast, initials
from api.portal.pages import render, see_other
from api.portal.parts import Choice, Language, Message, SenderBar
from api.portal.session_texts import SessionText, field_name
from api.portal.unexpected_form import Fields
from api.portal.visits import FieldsNow, Seller, Visit
from db import audit, installations, samples, workspaces
from db.accounts import AppAccount
from db.locks import serialize
from domain.formats import clock, local_date, phone_words
from domain.texts import LANGUAGES
from domain.timing import AtDeadline, Policy
from domain.variables import SAMPLES
from domain.wording import PRESETS
from intake.calendars import states

__all__ = ["router"]

router = APIRouter(prefix="/unexpected")

_HOUR: Final = 60
_NUDGES: Final = (10, 15, 30, 45, 60, 120)
_REMINDERS: Final = (60, 120, 180, 240, 360, 480, 720, 1080, 1440)
_DEADLINES: Final = (360, 720, 1080, 1440, 2160, 2880, 4320)
_ORDINALS: Final = ("First", "Second", "Third", "Fourth", "Fifth")
_DAY_WORDS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_AT_DEADLINE: Final = (
    Choice(
        value=AtDeadline.HAND_OVER,
        label="Hand over to us",
        hint="The order appears under “Waiting for you”.",
    ),
    Choice(
        value=AtDeadline.REATTEMPT,
        label="Reattempt automatically",
        hint="Not for refused parcels, and not without a new address where the address was the reason.",
    ),
    Choice(
        value=AtDeadline.NOTHING,
        label="Do nothing",
        hint="The courier will usually return the parcel to you.",
    ),
)
_OVERTAKEN: Final = (
    "Somebody changed these settings while this page was open: save again to put yours in place of theirs, or discard "
    "your changes to see them"
)

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextField:
    """A text to word, or one that is Eshopbox's.

    Attributes:
        name: Of its field.
        title: When it is sent.
        hint: What else there is to know.
        words: As it stands.
        place: Under which heading.
        bubbles: How it looks, where it is not to be worded here.
    """

    name: str
    title: str
    hint: str
    words: str
    place: str
    bubbles: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBox:
    """A day of the week to tick."""

    value: str
    words: str
    is_ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set with both accounts: everything but the texts.

    Attributes:
        fields: The values, by field.
        reminders: Name, label, value and options of each reminder.
        nudges: After which times a nudge may come.
        deadlines: When the deadline may be.
        at_deadline: What may happen then.
        days: Further days left out.
        works_on: The days of the week.
        regions: Whose public holidays may be left out.
        default_languages: Languages for customers whose own is not known.
    """

    fields: dict[str, str]
    reminders: tuple[tuple[str, str, str, Options], ...]
    nudges: Options
    deadlines: Options
    at_deadline: tuple[Choice, ...]
    days: tuple[str, ...]
    works_on: tuple[DayBox, ...]
    regions: Options
    default_languages: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedPage:
    """The page.

    Attributes:
        kind: "none" where no account is installed, "shared" where Eshopbox's sends, "own" for the seller's.
        is_answered: Whether incorrect replies are answered.
        words: The language of the texts shown.
        languages: The languages there are.
        texts: The texts, in that language.
        other_texts: Name and words of those in the other languages.
        shown: Which text the preview shows, and what may be chosen.
        sender: Who the preview comes from.
        preview: Its bubbles.
        settings: Everything else that can be set; None where nothing can.
        seen: What was set when the page was opened.
        errors: What is wrong with the form.
    """

    kind: Literal["none", "shared", "own"]
    is_answered: bool = True
    words: str = "en"
    languages: tuple[Language, ...] = ()
    texts: tuple[TextField, ...] = ()
    other_texts: Options = ()
    shown: str = ""
    shown_options: Options = ()
    sender: SenderBar | None = None
    preview: tuple[Message, ...] = ()
    settings: Settings | None = None
    seen: str = ""
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def unexpected_page(visit: Seller) -> Response:
    """Show what is set."""
    policy = _policy(visit)
    fields = unexpected_form.fields_of(policy, _today(visit))
    words = _language(visit.request.query_params.get("words", ""), policy)
    return await _render(visit, policy, fields, words=words)


@router.post("/draft")
async def draft(visit: Seller, form: FieldsNow) -> Response:
    """Show the form as it is filled in, for its preview or another language; nothing is kept."""
    _only(form, "words-next", "look")
    policy = _policy(visit)
    fields = unexpected_form.entered(form, policy, _today(visit))
    words = _language(form.text("words-next") or form.text("words"), policy)
    seen = form.text("seen")
    return await _render(visit, policy, fields, words=words, shown=form.text("shown"), seen=seen)


@router.post("")
async def save(visit: Seller, form: FieldsNow) -> Response:
    """Keep what was set; cases that are open go on with what they began with."""
    _only(form)
    seen = form.text("seen")
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        # One at a time: the workspace is written whole, by what is read here.
        await serialize(session, visit.workspace_id, "settings")
        sender = await installations.find_sender(session, visit.workspace_id)
        workspace = await workspaces.get_workspace(session, visit.workspace_id)
        before = replace(workspace.policy, language=workspace.default_language)
        has_texts = sender is not None and sender.owner == "client"
        found = unexpected_form.read(form, before, _today(visit), has_texts=has_texts)
        changes = unexpected_form.say_changes(before, found.policy)
        present = unexpected_form.mark_of(before)
        if not found.errors and changes and seen not in ("", present):
            # A form carries every choice: saved like this, it would take back what somebody else has just set.
            found, seen = replace(found, errors=(FieldError("", _OVERTAKEN),)), present
        if not found.errors and changes:
            changed = replace(workspace, policy=found.policy, default_language=found.policy.language)
            await workspaces.add_workspace(session, changed)
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action="settings.changed",
                subject="unexpected",
                detail=changes,
                now=visit.now,
            )
    words = _language(form.text("words"), before)
    if found.errors:
        fields = unexpected_form.entered(form, before, _today(visit))
        words = _language_of(found.errors, words)
        return await _render(
            visit, before, fields, words=words, shown=form.text("shown"), errors=found.errors, seen=seen
        )
    url = "/unexpected" if words == found.policy.language else f"/unexpected?words={words}"
    return see_other(visit, url, _toast(before, found.policy, changes))


def _toast(before: Policy, after: Policy, changes: str) -> Toast:
    if not changes:
        return Toast("Nothing has changed.")
    said = "It counts for failed deliveries from now on. Open cases keep what they began with."
    if before.answer_unexpected != after.answer_unexpected:
        now = "answered" if after.answer_unexpected else "kept without an answer"
        return Toast(f"Incorrect replies are {now}.", said)
    return Toast("Your changes are saved.", said)


async def _render(
    visit: Visit,
    policy: Policy,
    fields: Fields,
    *,
    words: str,
    shown: str = "",
    errors: tuple[FieldError, ...] = (),
    seen: str = "",
) -> Response:
    database = visit.services.resources.database
    async with database.transaction(visit.workspace_id) as session:
        sender = await installations.find_sender(session, visit.workspace_id)
        kept = await samples.list_samples(session)
    if sender is None:
        return await render(visit, "unexpected.html", UnexpectedPage(kind="none"), current="unexpected")
    values = SAMPLES | kept | ({"brand": visit.workspace.brand} if visit.workspace.brand else {})
    if sender.owner == "client":
        page = _own(visit, policy, fields, sender=sender, words=words, shown=shown, values=values)
    else:
        # The presets are the platform's, which is another workspace.
        async with database.transaction() as session:
            platform = await workspaces.ensure_platform(session)
        page = _shared(visit, replace(policy, texts=platform.policy.texts), words=words, values=values)
    page = replace(
        page,
        settings=_settings(fields),
        seen=seen or unexpected_form.mark_of(_policy(visit)),
        words=words,
        languages=tuple(
            Language(words=each.name, lang=code, href=f"/unexpected?words={code}", current=code == words)
            for code, each in LANGUAGES.items()
        ),
        errors=errors,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return await render(visit, "unexpected.html", page, current="unexpected", status=status)


def _own(
    visit: Visit,
    policy: Policy,
    fields: Fields,
    *,
    sender: AppAccount,
    words: str,
    shown: str,
    values: dict[str, str],
) -> UnexpectedPage:
    by_name = {field_name(words, text.key): text for text in session_texts.TEXTS}
    # Of a text in another language the same text is shown in this one.
    shown = field_name(words, shown.rpartition("-")[2])
    text = by_name.get(shown, session_texts.TEXTS[0])
    name = field_name(words, text.key)
    brand = visit.workspace.brand or visit.workspace.name
    return UnexpectedPage(
        kind="own",
        is_answered=policy.answer_unexpected,
        texts=tuple(_text_field(each, words, fields.texts[key]) for key, each in by_name.items()),
        other_texts=tuple(pair for pair in fields.texts.items() if pair[0] not in by_name),
        shown=name,
        shown_options=tuple((key, each.title) for key, each in by_name.items()),
        sender=SenderBar(name=brand, number=phone_words(sender.phone), initials=initials(brand)),
        preview=session_texts.bubbles(
            text,
            fields.texts[name] or PRESETS[words][text.key],
            words,
            policy=policy,
            samples=values,
            time=_clock(visit),
        ),
    )


def _shared(visit: Visit, policy: Policy, *, words: str, values: dict[str, str]) -> UnexpectedPage:
    texts = []
    for text in session_texts.TEXTS:
        said = policy.text(text.key, words) or PRESETS[words][text.key]
        field = _text_field(text, words, said)
        drawn = session_texts.bubbles(text, said, words, policy=policy, samples=values, time=_clock(visit))
        texts.append(replace(field, hint=text.hint, bubbles=drawn[-1:]))
    return UnexpectedPage(kind="shared", texts=tuple(texts))


def _text_field(text: SessionText, language: str, words: str) -> TextField:
    named = ", ".join(f"{{{name}}}" for name in session_texts.values_of(text, language))
    values = f" Values: {named}." if named else ""
    return TextField(
        name=field_name(language, text.key),
        title=text.title,
        hint=f"{text.hint}{values}",
        words=words,
        place=text.place,
    )


def _settings(fields: Fields) -> Settings:
    rest = fields.rest
    regions = (("none", "None"), *states())
    if rest["region"] not in dict(regions):
        regions = (*regions, (rest["region"], "All of India" if rest["region"] == "IN" else rest["region"]))
    return Settings(
        fields=rest,
        reminders=tuple(
            (
                f"reminder-{number}",
                f"{_ORDINALS[number - 1]} reminder after",
                value or "none",
                (("none", "No reminder"), *_durations(_REMINDERS, value)),
            )
            for number, value in enumerate(fields.reminders, 1)
        ),
        nudges=_durations(_NUDGES, rest["nudge"]),
        deadlines=_durations(_DEADLINES, rest["deadline"]),
        at_deadline=_AT_DEADLINE,
        days=fields.days,
        works_on=tuple(
            DayBox(value=day, words=words, is_ticked=day in fields.works_on)
            for day, words in zip(unexpected_form.DAYS, _DAY_WORDS, strict=True)
        ),
        regions=regions,
        default_languages=tuple((code, each.name) for code, each in LANGUAGES.items()),
    )


def _durations(minutes: tuple[int, ...], present: str) -> Options:
    """Return times to choose from as pairs of value and words, the present one among them."""
    offered = {_as_value(each): each for each in minutes}
    if present not in offered and (found := _minutes(present)):
        offered[present] = found
    return tuple((value, _words(each)) for value, each in sorted(offered.items(), key=lambda pair: pair[1]))


def _as_value(minutes: int) -> str:
    hours, rest = divmod(minutes, _HOUR)
    return f"{f'{hours}h' if hours else ''}{f'{rest}m' if rest else ''}"


def _minutes(value: str) -> int:
    hours, mark, rest = value.rpartition("h")
    minutes = rest.removesuffix("m")
    if not (hours if mark else minutes).isdecimal() or (mark and minutes and not minutes.isdecimal()):
        return 0
    return int(hours or 0) * _HOUR + int(minutes or 0)


def _words(minutes: int) -> str:
    hours, rest = divmod(minutes, _HOUR)
    parts = [f"{hours} hour{'s' if hours > 1 else ''}"] if hours else []
    return " ".join([*parts, f"{rest} minutes"] if rest else parts)


def _policy(visit: Visit) -> Policy:
    return replace(visit.workspace.policy, language=visit.workspace.default_language)


def _clock(visit: Visit) -> str:
    return clock(visit.now, ZoneInfo(visit.workspace.policy.timezone))


def _today(visit: Visit) -> date:
    return local_date(visit.now, ZoneInfo(visit.workspace.policy.timezone))


def _language(asked: str, policy: Policy) -> str:
    return asked if asked in LANGUAGES else policy.language


def _language_of(errors: tuple[FieldError, ...], words: str) -> str:
    """Return the language in which the first wrong text can be seen."""
    wrong = [error.field.split("-")[1] for error in errors if error.field.startswith("text-")]
    return words if words in wrong or not wrong else wrong[0]


def _only(form: Form, *more: str) -> None:
    form.only(*unexpected_form.names(), *more)
