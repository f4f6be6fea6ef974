"""The platform's own Gupshup account: connecting it, and what it sends for each event of the journey (R2.2, R4.4)."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from api.portal.apps import webhook_address
from api.portal.connecting import Entered, verify
from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.staff import ask_password, moment_words, record, zone_of
from api.portal.visits import FieldsNow, Staff, Visit
from clients.gupshup import Verified
from db import accounts, installations, notifications, platform_templates
from db.accounts import AppAccount
from db.notifications import Notification
from db.session import NotFound, Session
from db.workspaces import PLATFORM
from domain.connecting import NOTHING_STORED, Obstacle, Trouble, number_unverified, trouble
from domain.formats import clock, count_words, phone_words
from domain.journey import JOURNEY

__all__ = ["router"]

router = APIRouter(prefix="/ops/account")

_LONGEST_KEY: Final = 1000
_MOST_CHECKS: Final = 10
_CHECKS_OF: Final = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The account as it is connected now."""

    app_name: str
    app_id: str
    phone: str
    key: str
    attention: str
    attention_since: str
    quality: str
    connected: str
    last_callback: str
    templates_read: str
    workspaces: str
    address: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """What the platform sends for an event."""

    title: str
    when: str
    href: str
    template: str
    languages: str
    category: str
    state: str
    tone: str
    attention: str
    used: str


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The page; without an account only the way to connect one."""

    account: Connected | None
    events: tuple[EventLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectPage:
    """The form; the key is never filled in.

    Attributes:
        app_id: As entered, or of the connected account.
        app_name: The same.
        phone: The same.
        connected: The name of the app that is connected already; empty for none.
        note: Stands under the buttons.
        banner: What is wrong with no field; empty for nothing.
        errors: What is wrong with a field.
    """

    app_id: str
    app_name: str
    phone: str
    connected: str
    note: str = ""
    banner: str = ""
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def account_page(visit: Staff) -> Response:
    """Show the account and what it sends."""
    # The account is of no workspace, and staff see how many use it.
    async with visit.services.resources.database.transaction() as session:
        account = await accounts.find_shared_account(session)
        if account is None:
            return await render(visit, "ops_account.html", AccountPage(None, ()), current="ops_account")
        page = AccountPage(
            await _connected(session, visit, account),
            _event_lines(
                await notifications.list_notifications(session, PLATFORM, account.id),
                await platform_templates.count_copies(session, account.id),
            ),
        )
    return await render(visit, "ops_account.html", page, current="ops_account")


@router.get("/connect")
async def connect_page(visit: Staff) -> Response:
    """Show the form; the password is asked for first (S11)."""
    if asked := ask_password(visit, "/ops/account/connect"):
        return asked
    account = await _find(visit)
    page = ConnectPage(
        app_id=account.app_id if account else "",
        app_name=account.app_name if account else "",
        phone=phone_words(account.phone) if account else "",
        connected=account.app_name if account else "",
    )
    return await render(visit, "ops_connect.html", page, current="ops_account")


@router.post("/connect")
async def connect(visit: Staff, fields: FieldsNow) -> Response:
    """Ask Gupshup whether the entries belong together, and only then keep them (R2.2)."""
    fields.only("api_key", "app_id", "app_name", "phone")
    if asked := ask_password(visit, "/ops/account/connect"):
        return asked
    entered = Entered(
        api_key=fields.secret("api_key", longest=_LONGEST_KEY),
        app_id=fields.text("app_id"),
        app_name=fields.text("app_name"),
        phone=fields.text("phone"),
    )
    known = await _find(visit)

    async def act() -> Response:
        checked = await _check(visit, entered, known)
        if not isinstance(checked, Verified):
            return await _refused(visit, entered, known, checked)
        # The account is of no workspace.
        async with visit.services.resources.database.transaction() as session:
            await _keep(session, visit, checked, known, entered.api_key.strip())
        return see_other(visit, "/ops/account", _toast(checked, is_new=known is None))

    return await once(visit, fields, act)


async def _find(visit: Visit) -> AppAccount | None:
    async with visit.services.resources.database.transaction() as session:  # the account is of no workspace
        return await accounts.find_shared_account(session)


async def _check(visit: Visit, entered: Entered, known: AppAccount | None) -> Verified | tuple[Trouble, ...]:
    """Return what Gupshup said, or what is wrong; asked so often an hour."""
    services = visit.services
    if known is not None and entered.app_id and entered.app_id != known.app_id:
        # Workspaces send through this app, and its templates are theirs: another one cannot take its place.
        text = f"The account in use is the app “{known.app_name}”. Enter that one’s ID: {known.app_id}"
        return (Trouble("app_id", text),)
    if until := services.account_checks.take(_CHECKS_OF, visit.now):
        at = clock(until, zone_of(visit))
        return (trouble(Obstacle.TOO_MANY_CHECKS, times=str(_MOST_CHECKS), until=at),)

    async def is_taken(phone: str) -> bool:
        if known is not None and phone == known.phone:
            return False
        # Of all workspaces: a seller may have connected this number.
        async with services.resources.database.transaction() as session:
            return await installations.phone_is_taken(session, phone, workspace_id=PLATFORM)

    return await verify(services.resources.gupshup, entered, is_taken=is_taken)


async def _keep(
    session: Session, visit: Visit, verified: Verified, known: AppAccount | None, api_key: str
) -> None:
    """Keep a verified account, under the id it had: with it come its callback address and its templates."""
    cipher = visit.services.resources.cipher
    if known is not None:
        account = replace(known, app_name=verified.app_name, phone=verified.phone)
        await accounts.renew_account(session, cipher, account, api_key=api_key)
    else:
        account = AppAccount(
            id=str(uuid.uuid4()),
            owner="eshopbox",
            workspace_id=None,
            app_name=verified.app_name,
            app_id=verified.app_id,
            phone=verified.phone,
        )
        await accounts.save_account(
            session,
            cipher,
            account,
            api_key=api_key,
            webhook_token=secrets.token_urlsafe(32),
            header_secret=None,
        )
    templates = [asdict(template) for template in verified.templates]
    await accounts.save_templates(session, account.id, templates, visit.now)
    await record(
        session,
        visit,
        "app.reconnected" if known is not None else "app.connected",
        subject=account.id,
        detail=f"{account.app_name}, {phone_words(account.phone)}",
    )


async def _refused(
    visit: Visit, entered: Entered, known: AppAccount | None, wrong: tuple[Trouble, ...]
) -> Response:
    """Return the form again, with all but the key."""
    stays = f" {known.app_name} stays connected as it was." if known is not None else ""
    page = ConnectPage(
        app_id=entered.app_id,
        app_name=entered.app_name,
        phone=entered.phone,
        connected=known.app_name if known is not None else "",
        note=f"{NOTHING_STORED}{stays}",
        banner=next((each.text for each in wrong if not each.field), ""),
        errors=tuple(FieldError(each.field, each.text) for each in wrong if each.field),
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return await render(visit, "ops_connect.html", page, current="ops_account", status=status)


def _toast(verified: Verified, *, is_new: bool) -> Toast:
    text = "The platform account is connected." if is_new else "The new API key is used from now on."
    if not verified.number_confirmed:
        return Toast(text, number_unverified(phone=phone_words(verified.phone), app=verified.app_name))
    return Toast(
        text, "Choose a template for each event next." if is_new else "Everything else is as it was."
    )


async def _connected(session: Session, visit: Visit, account: AppAccount) -> Connected:
    used = len(await installations.list_workspaces_of(session, account.id))
    try:
        token = await accounts.get_webhook_token(session, visit.services.resources.cipher, account.id)
    except NotFound:  # connected before addresses could be shown again
        token = ""
    return Connected(
        app_name=account.app_name,
        app_id=account.app_id,
        phone=phone_words(account.phone),
        key=f"•••• {account.key_last4}" if account.key_last4 else "–",
        attention=account.attention,
        attention_since=moment_words(visit, account.attention_at),
        quality=account.quality.capitalize() or "Not known",
        connected=moment_words(visit, account.created_at),
        last_callback=moment_words(visit, account.last_callback_at, otherwise="No callback yet"),
        templates_read=moment_words(visit, account.templates_read_at, otherwise="Never"),
        workspaces=f"{count_words(used)} workspace{'' if used == 1 else 's'}",
        address=webhook_address(visit, token) if token else "",
    )


def _event_lines(rows: tuple[Notification, ...], used: Mapping[str, int]) -> tuple[EventLine, ...]:
    lines: list[EventLine] = []
    for entry in JOURNEY:
        of_event = [row for row in rows if row.event == entry.key]
        attention = next((row.attention for row in of_event if row.attention), "")
        if not of_event:
            state, tone = "Not set up", ""
        elif attention:
            state, tone = "Held", "warn"
        elif any(row.is_on for row in of_event):
            state, tone = "Offered", "ok"
        else:
            state, tone = "Not offered", ""
        count = used.get(entry.key, 0)
        lines.append(
            EventLine(
                title=entry.title,
                when=entry.when,
                href=f"/ops/account/templates/{entry.key}",
                template=of_event[0].template_name or of_event[0].template_id if of_event else "–",
                languages=", ".join(row.language for row in of_event),
                category=of_event[0].category.capitalize() if of_event else "",
                state=state,
                tone=tone,
                attention=attention,
                used=f"{count_words(count)} workspace{'' if count == 1 else 's'}" if count else "–",
            )
        )
    return tuple(lines)
