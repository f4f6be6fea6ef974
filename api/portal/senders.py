"""The accounts that a workspace has installed, and how pages speak of them."""

import re
from dataclasses import dataclass
from datetime import datetime

from api.portal.parts import Tone
from clients.gupshup import FAILURE_CODES
from db import billing, installations, notifications, open_cases
from db.accounts import AppAccount
from db.installations import Installation
from db.session import Session
from domain.formats import phone_words, rupees_exact
from domain.journey import JOURNEY

__all__ = [
    "EVENTS",
    "Installed",
    "counted",
    "name_inside",
    "name_of",
    "person_name",
    "price_of_updates",
    "quality_of",
    "read_installed",
    "trouble_of",
]

EVENTS = len(JOURNEY)
"""How many notifications there are to switch on."""

_NAMES = {"client": "Your own Gupshup account", "eshopbox": "Eshopbox account"}
_QUALITIES: dict[str, tuple[str, Tone]] = {
    "GREEN": ("Good", "ok"),
    "HIGH": ("Good", "ok"),
    "YELLOW": ("Medium", "warn"),
    "MEDIUM": ("Medium", "warn"),
    "RED": ("Low", "bad"),
    "LOW": ("Low", "bad"),
}
_UPDATES = "utility"
_FAILED = re.compile(r"sending failed with code (\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installed account, and what goes through it.

    Attributes:
        installation: The account, since when and by whom.
        is_sender: Whether the workspace's messages go through it now.
        on: The notifications that are on, by their titles, in the order of the journey.
        set_up: The same for those that are set up, on or off.
        held: How many of those that are on need attention.
        open_cases: How many customers are being talked to through it.
    """

    installation: Installation
    is_sender: bool
    on: tuple[str, ...]
    set_up: tuple[str, ...]
    held: int
    open_cases: int

    @property
    def account(self) -> AppAccount:
        """Return the account."""
        return self.installation.account

    @property
    def number(self) -> str:
        """Return its number as people read it."""
        return phone_words(self.account.phone)


async def read_installed(session: Session, workspace_id: str) -> tuple[Installed, ...]:
    """Return what a workspace has installed, the sender first."""
    sender = await installations.find_sender(session, workspace_id)
    found = [
        await _read(session, workspace_id, installation, sender)
        for installation in await installations.list_installed(session, workspace_id)
    ]
    return tuple(sorted(found, key=lambda each: not each.is_sender))


async def _read(
    session: Session, workspace_id: str, installation: Installation, sender: AppAccount | None
) -> Installed:
    account_id = installation.account.id
    known = await notifications.list_notifications(session, workspace_id, account_id)
    on = {each.event for each in known if each.is_on}
    set_up = {each.event for each in known}
    return Installed(
        installation=installation,
        is_sender=sender is not None and sender.id == account_id,
        on=tuple(entry.title for entry in JOURNEY if entry.key in on),
        set_up=tuple(entry.title for entry in JOURNEY if entry.key in set_up),
        held=await notifications.count_attention(session, workspace_id, account_id),
        open_cases=await open_cases.count_open(session, workspace_id, account_id),
    )


def name_of(owner: str) -> str:
    """Return what pages call an account."""
    return _NAMES[owner]


def name_inside(owner: str) -> str:
    """Return the same to stand in a sentence."""
    return "your own account" if owner == "client" else "the Eshopbox account"


def counted(count: int, word: str) -> str:
    """Return so many of something: "1 open case", "2 open cases"."""
    return f"{count} {word}" + ("" if count == 1 else "s")


async def price_of_updates(session: Session, now: datetime) -> str:
    """Return what a message about an order costs through Eshopbox's account; empty where nobody has set a price."""
    try:
        return rupees_exact(await billing.find_price(session, _UPDATES, now))
    except billing.NoPrice:
        return ""


def person_name(person: str) -> str:
    """Return the name of who did something, without the address; a program's name as it is."""
    name, _, _ = person.rpartition(" <")
    return name or person


def quality_of(account: AppAccount) -> tuple[str, Tone]:
    """Return how WhatsApp rates an account's number, and the tone of it; empty where nothing is known."""
    word = account.quality.upper()
    return _QUALITIES.get(word, (account.quality.capitalize(), ""))


def trouble_of(account: AppAccount) -> str:
    """Return in words what is wrong with an account; empty while all is well."""
    failed = _FAILED.fullmatch(account.attention)
    if failed is None:
        return account.attention[:1].upper() + account.attention[1:]
    failure = FAILURE_CODES.get(failed[1])
    return f"{failure.meaning} (code {failed[1]})" if failure else f"Sending failed with code {failed[1]}"
