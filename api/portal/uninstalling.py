"""Uninstalling the Gupshup app: what stops is said before it is asked (R2.3, R3.2, R3.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.parts import Check
from api.portal.pitch import who_owns
from api.portal.senders import Installed, counted, name_inside, price_of_updates, read_installed
from api.portal.visits import FieldsNow, Owner, Seller, not_found
from db import audit, installations
from domain.formats import phone_words

__all__ = ["router"]

router = APIRouter(prefix="/apps")


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallPage:
    """The question before an account is uninstalled.

    Attributes:
        key: Which one.
        title: The question.
        name: The account.
        effects: What stops, and what stays.
        button: What pressing it does.
        is_owner: Whether the reader may.
        owners: Who may.
        errors: None of a field's: there are no fields.
    """

    key: str
    title: str
    name: str
    effects: tuple[Check, ...]
    button: str
    is_owner: bool
    owners: str
    errors: tuple[FieldError, ...] = ()


@router.get("/{owner}/uninstall")
async def uninstall_page(owner: str, visit: Seller) -> Response:
    """Say what stops, and ask (R2.3, R3.2); the password comes first (S11)."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        installed = await read_installed(session, visit.workspace_id)
        found = _one_of(installed, owner)
        owners = await who_owns(session, visit.workspace_id)
        price = await price_of_updates(session, visit.now)
    if visit.is_owner and not visit.is_confirmed:
        return _confirm_first(owner)
    other = next((each for each in installed if each is not found), None)
    count = len(found.on)
    page = UninstallPage(
        key=owner,
        title=f"Uninstall {name_inside(owner)}?",
        name=f"{found.account.app_name}, {found.number}" if owner == "client" else found.number,
        effects=tuple(_effects(found, other, price)),
        button=f"Uninstall and stop {counted(count, 'notification')}" if count else "Uninstall",
        is_owner=visit.is_owner,
        owners=owners,
    )
    return await render(visit, "apps_uninstall.html", page, current="apps")


@router.post("/{owner}/uninstall")
async def uninstall(owner: str, visit: Owner, fields: FieldsNow) -> Response:
    """Uninstall an account: nothing is sent through it any more, and its open cases end (R3.2, R3.3)."""
    fields.only()
    if not visit.is_confirmed:
        return _confirm_first(owner)

    async def act() -> Response:
        async with visit.services.resources.database.transaction(visit.workspace_id) as session:
            await installations.one_at_a_time(session, visit.workspace_id)
            found = _one_of(await read_installed(session, visit.workspace_id), owner)
            await installations.uninstall(
                session, visit.workspace_id, found.account.id, person=visit.by, now=visit.now
            )
            sender = await installations.find_sender(session, visit.workspace_id)
            await audit.add_record(
                session,
                visit.workspace_id,
                person=visit.by,
                action="app.uninstalled",
                subject=found.account.id,
                detail=f"{found.account.app_name}, {found.number}",
                now=visit.now,
            )
        await visit.services.intake.tell_removed(visit.workspace_id, visit.now)
        following = (
            f"Messages are sent from {phone_words(sender.phone)} now."
            if sender is not None
            else "Nothing is sent until you install one again."
        )
        return see_other(visit, "/apps", Toast(f"{_stem(owner)} is uninstalled.", following))

    return await once(visit, fields, act)


def _effects(found: Installed, other: Installed | None, price: str) -> Iterable[Check]:
    if found.on:
        words = f"{counted(len(found.on), 'notification')} {_verb(len(found.on), 'stop')} at once"
        yield Check(words=words, note=", ".join(found.on), tone="bad")
    if found.open_cases:
        words = f"{counted(found.open_cases, 'open case')} {_verb(found.open_cases, 'end')} as undeliverable"
        yield Check(words=words, note="E-mail and SMS take over for these customers", tone="bad")
    if found.is_sender and other is not None:
        words = f"{_stem(other.account.owner)} becomes the sender"
        yield Check(words=words, note=_own_switches(other, price), tone="warn")
    elif other is None:
        yield Check(words="No account is left, so nothing is sent on WhatsApp", tone="warn")
    kept = "Charges and activity so far are kept."
    yield Check(
        words=f"The API key is destroyed. {kept}" if found.account.owner == "client" else kept,
        note="What you set up stays, switched off, in case you install it again",
    )


def _own_switches(other: Installed, price: str) -> str:
    count = len(other.on)
    on = (
        f"{counted(count, 'notification')} {'is' if count == 1 else 'are'} on there"
        if count
        else "none is on there"
    )
    charged = f", from {price} each" if count and price and other.account.owner == "eshopbox" else ""
    return f"Its own switches apply: {on}{charged}"


def _one_of(installed: tuple[Installed, ...], owner: str) -> Installed:
    found = next((each for each in installed if each.account.owner == owner), None)
    if found is None:
        raise not_found()
    return found


def _confirm_first(owner: str) -> Response:
    return RedirectResponse(f"/account/confirm?next=/apps/{owner}/uninstall", HTTPStatus.SEE_OTHER)


def _stem(owner: str) -> str:
    words = name_inside(owner)
    return words[0].upper() + words[1:]


def _verb(count: int, word: str) -> str:
    return f"{word}s" if count == 1 else word
