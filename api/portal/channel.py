"""The communication channel: which account a workspace's messages are sent from (R3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import render, see_other
from api.portal.pitch import Pitch, pitch_of
from api.portal.senders import (
    Installed,
    counted,
    name_inside,
    name_of,
    person_name,
    price_of_updates,
    read_installed,
)
from api.portal.visits import FieldsNow, Owner, Seller, Visit
from db import audit, installations
from db.installations import Selection
from domain.formats import moment, phone_words

__all__ = ["router"]

router = APIRouter(prefix="/channel")

_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Account:
    """An installed account, to choose."""

    value: str
    label: str
    hint: str
    is_sender: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What changing to an account would do, sentence by sentence."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the sender."""

    when: str
    sender: str
    number: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPage:
    """The communication channel.

    Attributes:
        accounts: What can be chosen.
        chosen: The choice that is marked.
        effects: What changing to each other account would do.
        history: Earlier changes, newest first.
        was_removed: Whether the last sender was uninstalled, so that nothing is sent.
        pitch: What the app would bring, and who may install it and choose.
        errors: What is wrong with the form.
    """

    accounts: tuple[Account, ...]
    chosen: str
    effects: tuple[Effect, ...]
    history: tuple[Change, ...]
    was_removed: bool
    pitch: Pitch
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def channel_page(visit: Seller) -> Response:
    """Show which account sends, and what could be chosen."""
    return await _page(visit)


@router.post("")
async def choose(visit: Owner, fields: FieldsNow) -> Response:
    """Send from another account from now on; cases in progress finish on their own (R3.2, R3.3)."""
    fields.only("sender")
    wanted = fields.text("sender")
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await installations.one_at_a_time(session, visit.workspace_id)
        installed = await installations.list_installed(session, visit.workspace_id)
        found = next((each.account for each in installed if each.account.owner == wanted), None)
        former = await installations.find_sender(session, visit.workspace_id)
        if found is not None and (former is None or former.id != found.id):
            await installations.select_sender(
                session, visit.workspace_id, found.id, person=visit.by, now=visit.now
            )
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action="sender.selected",
                subject=found.id,
                detail=f"{found.app_name}, {phone_words(found.phone)}",
                now=visit.now,
            )
    if found is None:
        error = FieldError("sender", "Choose an account that is installed")
        return await _page(visit, (error,), HTTPStatus.UNPROCESSABLE_ENTITY)
    if former is not None and former.id == found.id:
        return see_other(visit, "/channel", Toast(f"{name_of(found.owner)} is the sender already."))
    toast = Toast(
        f"Messages are sent from {phone_words(found.phone)} from now on.",
        "Customers who are already in a conversation keep their number.",
        undo_url="/channel" if former is not None else "",
        undo_fields=(("sender", former.owner),) if former is not None else (),
    )
    return see_other(visit, "/channel", toast)


async def _page(
    visit: Visit, errors: tuple[FieldError, ...] = (), status: HTTPStatus = HTTPStatus.OK
) -> Response:
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        installed = await read_installed(session, visit.workspace_id)
        selections = await installations.list_selections(session, visit.workspace_id, limit=_HISTORY)
        price = await price_of_updates(session, visit.now)
        pitch = await pitch_of(session, visit)
    sender = next((each for each in installed if each.is_sender), None)
    # In one order, whoever sends: choices that change places are chosen by mistake.
    in_order = sorted(installed, key=lambda each: each.account.owner)
    page = ChannelPage(
        accounts=tuple(_account(each, price) for each in in_order),
        chosen=sender.account.owner if sender is not None else "",
        effects=tuple(_effect(sender, each) for each in in_order if sender and not each.is_sender),
        history=tuple(_change(visit, each) for each in selections),
        was_removed=sender is None and bool(selections),
        pitch=pitch,
        errors=errors,
    )
    return await render(visit, "channel.html", page, current="channel", status=status)


def _account(found: Installed, price: str) -> Account:
    account = found.account
    count = len(found.on)
    said = [f"{found.number}, app {account.app_name}."]
    said.append(counted(count, "notification") + " on" if count else "No notification is on")
    if found.held:
        said[-1] += f", {found.held} {'needs' if found.held == 1 else 'need'} attention"
    said[-1] += "."
    if account.owner == "client":
        said.append("Gupshup bills you directly.")
    else:
        said.append(
            f"Charged from {price} per accepted message." if price else "Charged per accepted message."
        )
    return Account(account.owner, name_of(account.owner), " ".join(said), found.is_sender)


def _effect(sender: Installed, other: Installed) -> Effect:
    return Effect(
        f"If you change to {name_inside(other.account.owner)}",
        " ".join(_effects(sender, other)),
    )


def _effects(sender: Installed, other: Installed) -> Iterable[str]:
    missing = [title for title in sender.on if title not in other.set_up]
    off = [title for title in sender.on if title in other.set_up and title not in other.on]
    goes_on = [title for title in sender.on if title in other.on]
    added = [title for title in other.on if title not in sender.on]
    if missing:
        yield (
            f"{_listed(missing)} {_are(missing)} not set up there and will not be sent until you set "
            f"{'it' if len(missing) == 1 else 'them'} up."
        )
    if off:
        yield f"{_listed(off)} {_are(off)} switched off there and will not be sent."
    if goes_on:
        yield f"{_listed(goes_on)} {'goes' if len(goes_on) == 1 else 'go'} on."
    if added:
        yield f"{_listed(added)} {_are(added)} on there and will be sent."
    if not sender.on and not other.on:
        yield "No notification is on at either account, so nothing is sent."
    if count := sender.open_cases:
        who = "The customer" if count == 1 else f"The {count} customers"
        keeps = "keeps" if count == 1 else "keep"
        yield f"{who} already in a conversation {keeps} talking to {sender.number}."


def _change(visit: Visit, selection: Selection) -> Change:
    at = moment(selection.selected_at, now=visit.now, zone=ZoneInfo(visit.workspace.policy.timezone))
    person = person_name(selection.person) or "Eshopbox"
    if selection.account_id is None:
        return Change(at, "None", "The last account was uninstalled", person)
    return Change(at, name_of(selection.owner), phone_words(selection.phone), person)


def _listed(titles: list[str]) -> str:
    """Return titles as a sentence begins: "Created, packed and delivered"."""
    words = [titles[0], *(title[:1].lower() + title[1:] for title in titles[1:])]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _are(titles: list[str]) -> str:
    return "is" if len(titles) == 1 else "are"
