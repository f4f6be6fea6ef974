"""The set-up of a notification through a seller's own account, as a page shows it (R4.3, R4.5 to R4.7).

What is drafted in the form is shown as it would be saved; nothing here asks Gupshup or stores anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from api.portal.account_templates import Checked, Listed, language_of, language_words
from api.portal.forms import FieldError
from api.portal.frame import initials
from api.portal.notification_draft import CHOSEN, Draft, buttons_of, fallback_field, mapping_of
from api.portal.parts import Check, Message, SenderBar, Tone, message_of
from api.portal.visits import Visit
from clients.gupshup import Template
from db.accounts import AppAccount
from domain.formats import clock, moment_inside, phone_words
from domain.journey import JourneyEntry
from domain.preview import ButtonKind, button_kind, preview
from domain.template_checks import TEMPLATE_FIELD, Trouble, value_field
from domain.templates import OPTIONS_CHOICE, choice_for, missing_buttons
from domain.texts import LANGUAGES
from domain.variables import find_variable, variables_for

__all__ = ["OwnSetup", "own_setup", "sender_bar"]

_PREVIEW_TIME: Final = "14:12"
_FEWEST_SORTED: Final = 3  # the choice of none, and two templates that may come in some order
_ONLY_TEXT: Final = ("", "Choose a variable, or write a text beside")

_EFFECTS: Final = {
    "reattempt": "asks the courier for another attempt",
    "reschedule": "shows the next days to choose from",
    "update_address": "asks for the new address and reads it back",
    "cancel": "asks once more, then cancels the order",
    "dispute": "keeps what the customer says and asks for another attempt",
    "not_my_order": "hides the order and stops messages to this number",
    OPTIONS_CHOICE: "lists everything that is possible: address, cancel, “nobody came”",
}
_QUALITIES: Final = {
    "GREEN": "good",
    "HIGH": "good",
    "YELLOW": "medium",
    "MEDIUM": "medium",
    "RED": "low",
    "LOW": "low",
}
_KIND_WORDS: Final = {
    ButtonKind.QUICK_REPLY: "quick reply",
    ButtonKind.URL: "link",
    ButtonKind.PHONE: "call",
    ButtonKind.OTHER: "other",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """One placeholder, and what stands in it."""

    placeholder: str
    label: str
    field: str
    fallback_field: str
    options: tuple[tuple[str, str], ...]
    chosen: str
    sample: str
    fallback: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewButton:
    """One language of the preview."""

    words: str
    lang: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBlock:
    """What the last check came to."""

    title: str
    badge: str
    tone: Tone
    items: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSetup:
    """The set-up through one's own account.

    Attributes:
        options: Pairs of id and words of the approved templates, those that fit first.
        chosen: Which of them is chosen.
        hint: Where this list is from.
        pasted: The id that was pasted.
        has_templates: Whether there is anything to choose.
        trouble: A banner's title and text where the list is not of now.
        checked: The result of the last check; None before there was one.
        values: The placeholders.
        answers: The buttons, and what each does.
        message: The preview; None where there is nothing to preview yet.
        lang: The preview's language.
        languages: The template's languages, where it has several.
        asks_marketing: The category became marketing, and has to be accepted.
        errors: What is wrong with the form.
        saved_note: Says that nothing was saved.
    """

    sender: SenderBar
    options: tuple[tuple[str, str], ...]
    chosen: str
    hint: str
    pasted: str
    has_templates: bool
    trouble: tuple[str, str]
    checked: CheckedBlock | None
    values: tuple[ValueRow, ...]
    answers: tuple[Check, ...]
    message: Message | None
    lang: str
    languages: tuple[PreviewButton, ...]
    asks_marketing: bool
    takes_marketing: bool
    errors: tuple[FieldError, ...]
    saved_note: str


def own_setup(
    visit: Visit,
    account: AppAccount,
    entry: JourneyEntry,
    *,
    listed: Listed,
    draft: Draft,
    checked: Checked,
    samples: Mapping[str, str],
    errors: Sequence[Trouble] = (),
    is_on: bool = False,
) -> OwnSetup:
    """Return the page's part for a seller's own account.

    Args:
        visit: Who looks.
        account: The account that sends.
        entry: The step of the journey.
        listed: The account's templates.
        draft: What the form says.
        checked: What the template's last check came to.
        samples: Sample values, by variable.
        errors: What is wrong with the form.
        is_on: Whether the notification is on now.
    """
    template = checked.template
    zone = ZoneInfo(visit.workspace.policy.timezone)
    options = _options(entry, listed, draft)
    shown = next((each for each in checked.languages if language_of(each) == draft.language), template)
    mapping = mapping_of(draft, entry, template) if template is not None and checked.is_usable else {}
    message = _message(shown, mapping, samples) if shown is not None and checked.is_usable else None
    asks_marketing = any(each.key == "category" for each in (*checked.troubles, *errors))
    stays = "stays as it was" if is_on else "stays off"
    return OwnSetup(
        sender=sender_bar(visit.workspace.brand, account),
        options=options,
        chosen="" if draft.is_pasted else draft.template_id,
        hint=_hint(listed, options, visit, zone, entry),
        pasted=draft.template_id if draft.is_pasted else "",
        has_templates=bool(listed.approved),
        trouble=_trouble(listed, visit, zone),
        checked=_checked_block(checked, visit, zone),
        values=tuple(_value_row(name, pair, entry, samples) for name, pair in mapping.items()),
        answers=_answers(entry, template) if template is not None and checked.is_usable else (),
        message=message,
        lang=language_of(shown) if shown is not None else "",
        languages=_languages(checked, shown) if message is not None else (),
        asks_marketing=asks_marketing or draft.takes_marketing,
        takes_marketing=draft.takes_marketing,
        errors=tuple(FieldError(_field_of(each, draft, listed), each.text) for each in errors),
        saved_note=f"Nothing has been saved. {entry.title} {stays}." if errors else "",
    )


def sender_bar(name: str, account: AppAccount) -> SenderBar:
    """Return who a preview comes from."""
    return SenderBar(name=name, number=phone_words(account.phone), initials=initials(name) or "–")


def _field_of(found: Trouble, draft: Draft, listed: Listed) -> str:
    """Return the field at which a trouble stands: a template's at whichever of the two fields named it."""
    if found.field != TEMPLATE_FIELD:
        return found.field
    return TEMPLATE_FIELD if draft.is_pasted or not listed.approved else CHOSEN


def _options(entry: JourneyEntry, listed: Listed, draft: Draft) -> tuple[tuple[str, str], ...]:
    """Return the approved templates, one line for each name, those that fit first."""
    by_name: dict[str, list[Template]] = {}
    for template in listed.approved:
        by_name.setdefault(template.element_name, []).append(template)
    lines: list[tuple[bool, str, str, str]] = []
    for name, found in by_name.items():
        template = next((each for each in found if each.id == draft.template_id), None) or min(
            found, key=lambda each: language_of(each) != "en"
        )
        languages = sorted({language_of(each) for each in found}, key=lambda code: (code != "en", code))
        lacks = entry.needs_buttons and missing_buttons(template.quick_replies)
        words = f"{name} ({', '.join(language_words(code) for code in languages)}){', buttons missing' if lacks else ''}"
        lines.append((bool(lacks), name, template.id, words))
    chosen = tuple((id_, words) for _, _, id_, words in sorted(lines))
    known = {id_ for id_, _ in chosen}
    gone = draft.template_id and not draft.is_pasted and draft.template_id not in known
    found_one = listed.find(draft.template_id)
    status = (
        f"{found_one.element_name}, {found_one.status.lower()}" if found_one else "The template set up before"
    )
    return (
        ("", "Choose a template"),
        *([(draft.template_id, status)] if gone else []),
        *chosen,
    )


def _hint(
    listed: Listed, options: Sequence[object], visit: Visit, zone: ZoneInfo, entry: JourneyEntry
) -> str:
    count = len({each.element_name for each in listed.approved})
    when = (
        "just now"
        if not listed.failure
        else moment_inside(listed.read_at, now=visit.now, zone=zone)
        if listed.read_at
        else "never yet"
    )
    is_sorted = entry.needs_buttons and len(options) >= _FEWEST_SORTED
    first = " Those with the buttons we need come first." if is_sorted else ""
    return f"{count} approved template{'s' if count != 1 else ''}, read from Gupshup {when}.{first}"


def _trouble(listed: Listed, visit: Visit, zone: ZoneInfo) -> tuple[str, str]:
    """Return the banner over a list that is not of now."""
    if not listed.failure:
        return "", ""
    shown = (
        f"Shown is what it said {moment_inside(listed.read_at, now=visit.now, zone=zone)}."
        if listed.read_at
        else "Nothing is known from before."
    )
    title = (
        "Gupshup does not accept this account’s API key any more."
        if listed.failure == "key"
        else f"Gupshup did not answer at {clock(visit.now, zone)}."
    )
    return title, shown


def _checked_block(checked: Checked, visit: Visit, zone: ZoneInfo) -> CheckedBlock | None:
    if checked.template is None and not checked.troubles:
        return None
    template = checked.template
    when = (
        f"Checked with Gupshup at {clock(checked.at, zone)}"
        if checked.at == visit.now
        else f"Checked with Gupshup {moment_inside(checked.at, now=visit.now, zone=zone)}"
        if checked.at
        else "Not checked with Gupshup"
    )
    if template is None:
        return CheckedBlock(
            title=when,
            badge="",
            tone="",
            items=tuple(Check(words=each.text, tone="bad") for each in checked.troubles),
        )
    is_approved = template.status == "APPROVED"
    items = [Check(words=each.text, tone="bad") for each in checked.troubles]
    if is_approved:
        quality = f", quality {_QUALITIES[template.quality]}" if template.quality in _QUALITIES else ""
        items.insert(
            0,
            Check(words=f"{template.category.capitalize() or 'Unknown'} template{quality}", note=template.id),
        )
    if checked.is_usable:
        names = [language_words(language_of(each)) for each in checked.languages]
        items.append(Check(words=f"Found in {_and(names)}"))
        items += [
            Check(words=f"{language_words(code)} is not used: {why}", tone="warn")
            for code, why in checked.left_out
        ]
        count = len(template.placeholders)
        items.append(
            Check(words=f"{count} placeholder{'s' if count != 1 else ''}" if count else "No placeholders")
        )
    else:
        items = (
            [*items]
            if is_approved
            else [*items, Check(words=template.element_name, note=template.id, tone="warn")]
        )
    return CheckedBlock(
        title=when,
        badge="Approved" if is_approved else template.status.capitalize().replace("_", " "),
        tone="ok" if checked.is_usable else "warn" if is_approved else "bad",
        items=tuple(items),
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + list(words[-1:]))


def _value_row(name: str, pair: tuple[str, str], entry: JourneyEntry, samples: Mapping[str, str]) -> ValueRow:
    variable, fallback = pair
    known = find_variable(variable)
    sample = samples.get(variable, "")
    if fallback and variable:
        note = "Sent when there is no value"
    elif variable:
        note = "Empty: the message is not sent"
    else:
        note = "Sent in every message"
    return ValueRow(
        placeholder=f"{{{{{name}}}}}",
        label=f"Value for placeholder {name}",
        field=value_field(name),
        fallback_field=fallback_field(name),
        options=(_ONLY_TEXT, *((each.name, each.name) for each in variables_for(entry))),
        chosen=variable if known is not None else "",
        sample=f"Sample: {sample}" if sample else "No sample" if variable else "The text beside is sent",
        fallback=fallback,
        note=note,
    )


def _answers(entry: JourneyEntry, template: Template) -> tuple[Check, ...]:
    """Return what each button of a template does."""
    found: list[Check] = []
    for number, (button, own) in enumerate(
        zip(template.buttons, buttons_of(entry, template), strict=True), 1
    ):
        kind = button_kind(button.type)
        note = f"Button {number}, {_KIND_WORDS[kind]}"
        if kind is not ButtonKind.QUICK_REPLY:
            effect = {"url": "opens a page", "phone": "calls a number"}.get(
                kind.value, "does what Gupshup set up"
            )
            found.append(Check(words=f"“{own.label}” {effect}", note=note))
        elif not entry.needs_buttons:
            found.append(Check(words=f"“{own.label}” is answered like any message to your number", note=note))
        elif choice_for(own.label) is None:
            words = f"“{own.label}” {_EFFECTS[OPTIONS_CHOICE]}"
            found.append(Check(words=words, note=f"{note}. We do not know these words.", tone="warn"))
        else:
            found.append(Check(words=f"“{own.label}” {_EFFECTS[own.choice]}", note=note))
    return tuple(found)


def _message(
    template: Template, mapping: Mapping[str, tuple[str, str]], samples: Mapping[str, str]
) -> Message:
    shown = preview(
        header=template.header,
        body=template.body,
        footer=template.footer,
        buttons=[(button.type, button.text) for button in template.buttons],
        mapping=[mapping[name] for name in template.placeholders],
        samples=samples,
    )
    return message_of(shown, time=_PREVIEW_TIME)


def _languages(checked: Checked, shown: Template | None) -> tuple[PreviewButton, ...]:
    if not checked.languages[1:]:  # nothing to choose from
        return ()
    return tuple(
        PreviewButton(
            words=LANGUAGES[code].name if code in LANGUAGES else code,
            lang=code,
            is_current=shown is not None and shown.id == each.id,
        )
        for each in checked.languages
        for code in (language_of(each),)
    )
