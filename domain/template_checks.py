"""What keeps a notification from being switched on with a template, in the words that the seller reads (R4.3, R4.7).

And what stops one that is on, and lets it go again (R4.8): the hourly check and Gupshup's events go by the same rule.
Everything is decided from what Gupshup said; who asks it, and what is stored, is for others.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.formats import rupees_exact
from domain.journey import JOURNEY
from domain.preview import ButtonKind
from domain.templates import choice_for, missing_buttons, placeholders
from domain.wording import spoken

TEMPLATE_FIELD: Final = "template_id"
PRICE_FIELD: Final = "accept"

APPROVED: Final = "APPROVED"
_MARKETING: Final = "MARKETING"
_UTILITY: Final = "UTILITY"
_FINAL: Final = frozenset({"DISABLED", "DELETED"})
_TEXT_KINDS: Final = frozenset({"", "TEXT"})

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

WORDS: Final[dict[str, str]] = {
    "empty": "Enter the template ID",
    "malformed": "A template ID has 36 characters, for example 4d1f7a90-3b2c-…",
    "unknown": "Your account has no template with this ID. It may belong to another app.",
    "PENDING": "WhatsApp is still reviewing this template (status PENDING). That takes up to 24 hours. "
    "Come back when it is approved.",
    "REJECTED": "WhatsApp rejected this template (status REJECTED){reason}. Correct it at Gupshup, or choose an "
    "approved template.",
    "FAILED": "Gupshup could not submit this template (status FAILED){reason}. Submit it again there.",
    "PAUSED": "WhatsApp paused this template (status PAUSED) because of customers’ feedback. "
    "It may be approved again by itself.",
    "DISABLED": "WhatsApp disabled this template (status DISABLED). It cannot be used again; create a new one.",
    "DELETED": "This template was deleted at Gupshup (status DELETED).",
    "SANDBOX_REQUESTED": "Your Gupshup app is still in the sandbox (status SANDBOX_REQUESTED). Go live there first.",
    "other_status": "This template cannot be sent now (status {status}). Only approved templates can be used.",
    "category": "WhatsApp made this a marketing template. It costs more and fewer customers get it. "
    "Change its text, or accept the price again.",
    "buttons": "Add these quick-reply buttons to the template: {labels}. Customers could not answer without them.",
    "kind": "Only templates of text can be sent from here (this one: {kind}). Choose one without picture or file.",
    "placeholders": "Placeholders in the header or in a button’s link cannot be filled. Use them in the text only.",
    "value": "Choose a value for placeholder {placeholder}",
    "price": "Accept the price to switch this notification on",
    "price_changed": "The price changed to {price} while this page was open. Look at it and accept again.",
    "key": "Gupshup does not accept this account’s API key any more, so the template was not checked. "
    "Nothing has changed. Connect the account again.",
    "down": "Gupshup did not answer, so the template was not checked. Nothing has changed. Try again in a minute.",
}
"""The only place of these words; a status stands under its own name."""

STATUSES: Final = frozenset(key for key in WORDS if key.isupper())


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something to correct.

    Attributes:
        field: The form's field that it belongs to; empty where it belongs to none.
        key: Which of `WORDS`.
        text: What it is and what to do.
    """

    field: str
    key: str
    text: str

    @property
    def summary(self) -> str:
        """Return its first sentence, for the list above the form."""
        return self.text.partition(" (status")[0].partition(". ")[0].removesuffix(".")


def trouble(key: str, field: str = TEMPLATE_FIELD, **values: str) -> Trouble:
    """Return a trouble by its key, its words filled in.

    Raises:
        KeyError: There are no such words, or they need another value.
    """
    return Trouble(field, key, WORDS[key].format(**values))


def looks_like_template_id(text: str) -> bool:
    """Tell whether a text can be a template's id at all, so that Gupshup is worth asking."""
    return bool(_ID.fullmatch(text.strip()))


def check_template_id(text: str) -> tuple[Trouble, ...]:
    """Return what is wrong with an id as it was entered, before anybody is asked."""
    if not text.strip():
        return (trouble("empty"),)
    return () if looks_like_template_id(text) else (trouble("malformed"),)


def check_template(
    *,
    status: str,
    reason: str = "",
    category: str = "",
    accepted_category: str = "",
    labels: Iterable[str] = (),
    needs_buttons: bool = False,
    language: str = "en",
    kind: str = "",
    header: str = "",
    button_links: Iterable[str] = (),
) -> tuple[Trouble, ...]:
    """Return why a template cannot be used; nothing where it can.

    Args:
        status: Gupshup's word, in any case.
        reason: Why it was rejected or failed, in Gupshup's words.
        category: Its category now.
        accepted_category: The category that it was set up or accepted with; empty where it is new.
        labels: Its quick replies.
        needs_buttons: The step of the journey asks the customer.
        language: The template's language: missing buttons are named in it.
        kind: Gupshup's type of template: TEXT, IMAGE, …
        header: Its header.
        button_links: The addresses behind its buttons.
    """
    word = status.strip().upper()
    if word != APPROVED:
        return (_status_trouble(word, reason),)
    found: list[Trouble] = []
    if (shape := kind.strip().upper()) not in _TEXT_KINDS:
        found.append(trouble("kind", kind=shape))
    if any(placeholders(text) for text in (header, *button_links)):
        found.append(trouble("placeholders"))
    if needs_buttons and (missing := missing_buttons(labels)):
        named = (f"“{label}”" for label in _in_language(missing, language))
        found.append(trouble("buttons", labels=", ".join(named)))
    if category.strip().upper() == _MARKETING and accepted_category.strip().upper() not in {"", _MARKETING}:
        found.append(trouble("category"))
    return tuple(found)


def _status_trouble(word: str, reason: str) -> Trouble:
    if word not in STATUSES:
        return trouble("other_status", status=word or "unknown")
    said = " ".join(reason.split()).rstrip(".")
    return trouble(word, reason=f": “{said}”" if said else "")


def _in_language(labels: Iterable[str], language: str) -> tuple[str, ...]:
    """Return required buttons by the labels that we propose in a language; in English where there is none."""
    texts = (entry.text(spoken(language)) for entry in JOURNEY if entry.needs_buttons)
    proposed = {choice_for(label): label for text in texts if text for label in text.buttons}
    return tuple(proposed.get(choice_for(label), label) for label in labels)


_HELD_STATUS: Final = re.compile(r"template (?P<word>[a-z_ ]+?)(?:: (?P<reason>.+))?", re.DOTALL)
_HELD_CATEGORY: Final = re.compile(r"template's category is now (?P<word>.+)", re.DOTALL)
_HELD_CODE: Final = re.compile(r"sending failed with code (?P<word>.+)", re.DOTALL)
_HELD_SHAPE: Final = re.compile(r"template's (?P<word>placeholders|buttons|kind) changed")
_GONE: Final = "the app has no such template any more"  # as it was written before
_FEEDBACK: Final = "because of customers’ feedback"


def held_words(attention: str) -> tuple[str, str]:
    """Return why a template is held, as pages say it: what happened, and the rest of the sentence; empty for none (R4.8)."""
    if found := _HELD_CATEGORY.fullmatch(attention):
        return f"WhatsApp moved this template to the category {found['word']}", "which has another price"
    if found := _HELD_CODE.fullmatch(attention):
        return "This template failed when it was sent", f"with Gupshup’s code {found['word']}"
    if found := _HELD_SHAPE.fullmatch(attention):
        return f"The {found['word']} of this template changed at Gupshup", "after it was set up here"
    if (found := _HELD_STATUS.fullmatch(attention)) and found["word"] in _HELD_VERBS:
        reason = f"with the reason “{found['reason'].rstrip('.')}”" if found["reason"] else ""
        default = _FEEDBACK if found["word"] == "paused" else ""
        return f"{_HELD_VERBS[found['word']]} this template", reason or default
    return attention[:1].upper() + attention[1:], ""


_HELD_VERBS: Final = {
    "paused": "WhatsApp paused",
    "rejected": "WhatsApp rejected",
    "disabled": "WhatsApp disabled",
    "flagged": "WhatsApp flagged",
    "failed": "Gupshup could not submit",
    "deleted": "Somebody deleted",
    "pending": "WhatsApp is reviewing",
}


# --- What is in use ---

BELIEVED_FOR: Final = timedelta(hours=1)
"""How long a failed send is believed more than Gupshup's list, which may not know yet."""


class Hold(StrEnum):
    """What a notification is held for."""

    STATUS = "status"
    CATEGORY = "category"
    SHAPE = "shape"
    SEND = "send"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a notification was set up with. Buttons are pairs of label and kind; without a text nothing is compared."""

    category: str = ""
    body: str = ""
    buttons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A template as Gupshup has it now.

    Attributes:
        status: Gupshup's word, in any case.
        reason: Why, in Gupshup's words.
        category: Its category.
        kind: Gupshup's type of template: TEXT, IMAGE, …
        body: Its text.
        others: What else may have placeholders: its header, the addresses behind its buttons.
        buttons: Pairs of label and kind, in their order.
    """

    status: str
    reason: str = ""
    category: str = ""
    kind: str = ""
    body: str = ""
    others: tuple[str, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()


def hold_of(attention: str) -> Hold:
    """Return what a notification is held for, by the reason that is kept with it."""
    if _HELD_CATEGORY.fullmatch(attention):
        return Hold.CATEGORY
    if _HELD_CODE.fullmatch(attention):
        return Hold.SEND
    if _HELD_SHAPE.fullmatch(attention):
        return Hold.SHAPE
    return Hold.STATUS if attention == _GONE or _HELD_STATUS.fullmatch(attention) else Hold.OTHER


def failed_reason(code: str) -> str:
    """Return why a template is held that failed when it was sent."""
    return f"sending failed with code {code}"


def status_reason(status: str, reason: str = "") -> str:
    """Return why a template in a status is held; empty where it may be sent."""
    word = status.strip().lower().replace("-", "_")
    if word.upper() == APPROVED:
        return ""
    return ": ".join(filter(None, (f"template {word or 'unknown'}", reason.strip())))


def category_reason(saved: str, now: str) -> str:
    """Return why a template is held whose category changed; empty where it costs no more than what was accepted."""
    word = now.strip().upper()
    if not word or not saved.strip() or word in {saved.strip().upper(), _UTILITY}:
        return ""
    return f"template's category is now {word.lower()}"


def hold_reason(saved: Saved, listed: Listed | None) -> str:
    """Return why a notification may not be sent with its template as it is now; empty where it may (R4.8).

    Args:
        saved: What it was set up with.
        listed: The template; None where the account has it no more.
    """
    if listed is None:
        return status_reason("deleted")
    if reason := status_reason(listed.status, listed.reason):
        return reason
    if listed.kind.strip().upper() not in _TEXT_KINDS:
        return "template's kind changed"
    was, now = placeholders(saved.body), placeholders(listed.body)
    if any(placeholders(text) for text in listed.others) or (saved.body and was != now):
        return "template's placeholders changed"
    if saved.body and not _same_buttons(saved.buttons, listed.buttons):
        return "template's buttons changed"
    return category_reason(saved.category, listed.category)


def _same_buttons(saved: tuple[tuple[str, str], ...], now: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether each reply still stands at its place; older rows know nothing of links behind them."""
    if saved == now:
        return True
    replies = now[: len(saved)]
    behind = now[len(saved) :]
    knows_replies_only = all(kind == ButtonKind.QUICK_REPLY for _, kind in saved)
    return (
        knows_replies_only and saved == replies and all(kind != ButtonKind.QUICK_REPLY for _, kind in behind)
    )


def after_check(attention: str, since: datetime | None, found: str, *, asked_at: datetime) -> str:
    """Return why a notification is held after Gupshup was asked; empty where it is sent again.

    Args:
        attention: Why it was held; empty where it was not.
        since: Since when.
        found: What is wrong now, by `hold_reason`.
        asked_at: When Gupshup was asked: what came after that is news it cannot know.
    """
    if found or not attention:
        return found
    hold = hold_of(attention)
    if hold is Hold.OTHER:
        return attention
    believed = BELIEVED_FOR if hold is Hold.SEND else timedelta()
    return attention if since is not None and since + believed > asked_at else ""


def after_status(attention: str, status: str, reason: str = "") -> str:
    """Return why a notification is held after Gupshup told of its template's status.

    Approval lets go what the status, or a failed send, held; what changed since it was set up stays held. What
    may pass again, as a pause, does not hide that: the approval that ends it would let it go.
    """
    is_final = status.strip().upper() in _FINAL
    if attention and not is_final and hold_of(attention) not in {Hold.STATUS, Hold.SEND}:
        return attention
    return status_reason(status, reason)


def after_category(attention: str, saved: str, category: str) -> str:
    """Return why a notification is held after Gupshup told of its template's category."""
    if found := category_reason(saved, category):
        return found
    return "" if hold_of(attention) is Hold.CATEGORY else attention


def value_field(placeholder: str) -> str:
    """Return the form's field in which a placeholder's value is chosen."""
    return f"value_{placeholder}"


def check_values(
    names: Sequence[str], mapping: Sequence[tuple[str, str]], *, known: Iterable[str]
) -> tuple[Trouble, ...]:
    """Return which placeholders have no value (R4.5).

    Args:
        names: The placeholders, in order.
        mapping: Pairs of variable and fallback text, in the same order. A text alone is a value too.
        known: The variables that the step can fill.
    """
    allowed = frozenset(known)
    pairs = [*mapping, *[("", "")] * (len(names) - len(mapping))]
    return tuple(
        trouble("value", value_field(name), placeholder=name)
        for name, (variable, fallback) in zip(names, pairs, strict=False)
        if variable not in allowed and (variable or not fallback.strip())
    )


def check_price(*, is_accepted: bool, shown_paise: int, price_paise: int) -> tuple[Trouble, ...]:
    """Return why a price does not count as accepted (R4.4).

    Args:
        is_accepted: The box was ticked.
        shown_paise: The price that stood on the page.
        price_paise: The price in force now.
    """
    if shown_paise != price_paise:
        return (trouble("price_changed", PRICE_FIELD, price=rupees_exact(price_paise)),)
    return () if is_accepted else (trouble("price", PRICE_FIELD),)
