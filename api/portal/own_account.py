"""One's own Gupshup account: connecting it, its callbacks, asking Gupshup again (R2.2, R2.3)."""

import secrets
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api.portal.apps import Banner, apps_page_of, webhook_address
from api.portal.connecting import Entered, read_entries, verify
from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.pitch import who_owns
from api.portal.visits import FieldsNow, Owner, Seller, Visit, not_found
from clients.gupshup import (
    Credentials,
    GupshupRefused,
    GupshupUnavailable,
    SubscriptionRefused,
    Template,
    TooManySubscriptions,
    Verified,
    set_subscription,
)
from db import accounts, audit, installations, notifications
from db.accounts import AppAccount
from db.held_templates import Standing, saved_of, settle
from db.session import NotFound, Session
from domain.connecting import KEY_LOST, NOTHING_STORED, Obstacle, Trouble, number_unverified, trouble
from domain.formats import clock, phone_words
from domain.template_checks import after_check, hold_reason

__all__ = ["router"]

router = APIRouter(prefix="/apps")

_MOST_CHECKS = 10
_LONGEST_KEY = 1000
_TAG = "eshopbox-rescue"
_REFUSED = Banner(
    "bad", "Gupshup does not show this app's templates.", "Reconnect the account to see what is wrong."
)
_DOWN = Banner("bad", "Gupshup did not answer.", "Nothing has changed. Try again in a minute.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectPage:
    """The form for one's own account; the key is never filled in.

    Attributes:
        app_id: As entered, or of the connected account.
        app_name: The same.
        phone: The same.
        connected: The name of the app that is connected already; empty for none.
        is_owner: Whether the reader may connect one.
        owners: Who may.
        note: Stands under the buttons.
        banner: What is wrong with no field; empty for nothing.
        errors: What is wrong with a field.
    """

    app_id: str
    app_name: str
    phone: str
    connected: str
    is_owner: bool
    owners: str = ""
    note: str = ""
    banner: str = ""
    errors: tuple[FieldError, ...] = ()


@router.get("/gupshup/connect")
async def connect_page(visit: Seller) -> Response:
    """Show the form; before a key is replaced the password is asked for (S11)."""
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        connected = await _find_connected(session, visit)
        owners = await who_owns(session, visit.workspace_id)
    if connected is not None and visit.is_owner and not visit.is_confirmed:
        return _confirm_first()
    page = ConnectPage(
        app_id=connected.app_id if connected else "",
        app_name=connected.app_name if connected else "",
        phone=phone_words(connected.phone) if connected else "",
        connected=connected.app_name if connected else "",
        is_owner=visit.is_owner,
        owners=owners,
    )
    return await render(visit, "apps_connect.html", page, current="apps")


@router.post("/gupshup/connect")
async def connect(visit: Owner, fields: FieldsNow) -> Response:
    """Ask Gupshup whether the entries belong together, and only then keep them (R2.2)."""
    fields.only("api_key", "app_id", "app_name", "phone")
    entered = Entered(
        api_key=fields.secret("api_key", longest=_LONGEST_KEY),
        app_id=fields.text("app_id"),
        app_name=fields.text("app_name"),
        phone=fields.text("phone"),
    )
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        connected = await _find_connected(session, visit)
    if connected is not None and not visit.is_confirmed:
        return _confirm_first()

    async def act() -> Response:
        checked = await _check(visit, entered, connected)
        if not isinstance(checked, Verified):
            return await _refused(visit, entered, connected, checked)
        wrong: Trouble | None = None
        async with visit.services.resources.database.transaction(visit.workspace_id) as session:
            # Gupshup took its time: another owner may have connected an app meanwhile, this one or another, and
            # another workspace this number.
            await installations.one_number_at_a_time(session, checked.phone)
            await installations.one_at_a_time(session, visit.workspace_id)
            present = await _find_connected(session, visit)
            if present is not None and present.app_id != checked.app_id:
                wrong = trouble(Obstacle.APP_OTHER, app=present.app_name)
            elif await _is_taken(visit, checked.phone):
                wrong = trouble(Obstacle.NUMBER_TAKEN, phone=entered.phone)
            else:
                await _keep(session, visit, checked, entered.api_key.strip())
        if wrong is not None:
            return await _refused(visit, entered, present, (wrong,))
        return see_other(visit, "/apps", _toast(checked, is_new=present is None))

    return await once(visit, fields, act)


@router.post("/client/callbacks")
async def set_callbacks(visit: Owner, fields: FieldsNow) -> Response:
    """Set the webhook address at Gupshup for the seller."""
    fields.only()
    account, credentials, token = await _open(visit)
    if account.has_header_secret or not token:
        raise not_found()
    if until := visit.services.account_checks.take(visit.workspace_id, visit.now):
        return await apps_page_of(visit, _too_many(visit, until), HTTPStatus.TOO_MANY_REQUESTS)
    try:
        await set_subscription(
            visit.services.resources.gupshup, credentials, url=webhook_address(visit, token), tag=_TAG
        )
    except TooManySubscriptions:
        text = "Remove one of the app's webhooks at Gupshup, or paste our address into one of them."
        banner = Banner("bad", "The app has as many webhooks as Gupshup allows.", text)
        return await apps_page_of(visit, banner, HTTPStatus.CONFLICT)
    except SubscriptionRefused:
        text = "Gupshup did not reach our address, or does not let this app set one. Paste it there by hand."
        banner = Banner("bad", "The webhook address was not set.", text)
        return await apps_page_of(visit, banner, HTTPStatus.CONFLICT)
    except GupshupUnavailable:
        return await apps_page_of(visit, _DOWN, HTTPStatus.CONFLICT)
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        await _record(session, visit, "app.callbacks_set", account)
    return see_other(
        visit, "/apps", Toast("The webhook address is set at Gupshup.", "Replies reach your orders now.")
    )


@router.post("/client/check")
async def check_again(visit: Owner, fields: FieldsNow) -> Response:
    """Ask Gupshup for the account's templates again, and so whether its key still works."""
    fields.only()
    account, credentials, _ = await _open(visit)
    if until := visit.services.account_checks.take(visit.workspace_id, visit.now):
        return await apps_page_of(visit, _too_many(visit, until), HTTPStatus.TOO_MANY_REQUESTS)
    database = visit.services.resources.database
    try:
        templates = await visit.services.resources.gupshup.list_templates(credentials)
    except GupshupUnavailable:
        return await apps_page_of(visit, _DOWN, HTTPStatus.CONFLICT)
    except GupshupRefused as error:
        if not error.is_about_key:
            return await apps_page_of(visit, _REFUSED, HTTPStatus.CONFLICT)
        async with database.transaction(visit.workspace_id) as session:
            await accounts.set_attention(session, account.id, KEY_LOST)
        return see_other(visit, "/apps")
    async with database.transaction(visit.workspace_id) as session:
        await _keep_templates(session, visit, account.id, templates)
        if account.attention == KEY_LOST:
            await accounts.set_attention(session, account.id, None)
    return see_other(
        visit, "/apps", Toast("Checked with Gupshup.", "The API key works, and the templates are read.")
    )


async def _check(
    visit: Visit, entered: Entered, connected: AppAccount | None
) -> Verified | tuple[Trouble, ...]:
    """Return what Gupshup said, or everything that is wrong; asked so often an hour (R2.2)."""
    read = read_entries(entered)
    if not isinstance(read, Credentials):
        return read
    if connected is not None and read.app_id != connected.app_id:
        return (trouble(Obstacle.APP_OTHER, app=connected.app_name),)
    services = visit.services
    if until := services.account_checks.take(visit.workspace_id, visit.now):
        return (_limit(visit, until),)

    return await verify(services.resources.gupshup, entered, is_taken=lambda phone: _is_taken(visit, phone))


async def _is_taken(visit: Visit, phone: str) -> bool:
    """Tell whether another workspace has connected a number; a transaction of all workspaces, for theirs are hidden else."""
    async with visit.services.resources.database.transaction() as session:
        return await installations.phone_is_taken(session, phone, workspace_id=visit.workspace_id)


async def _refused(
    visit: Visit, entered: Entered, connected: AppAccount | None, wrong: tuple[Trouble, ...]
) -> Response:
    """Return the form again, with all but the key."""
    stays = f" {connected.app_name} stays connected as it was." if connected is not None else ""
    emptied = " The API key is empty again on purpose." if entered.api_key else ""
    page = ConnectPage(
        app_id=entered.app_id,
        app_name=entered.app_name,
        phone=entered.phone,
        connected=connected.app_name if connected is not None else "",
        is_owner=True,
        note=f"{NOTHING_STORED}{stays}{emptied}",
        banner=next((each.text for each in wrong if not each.field), ""),
        errors=tuple(FieldError(each.field, each.text) for each in wrong if each.field),
    )
    return await render(
        visit, "apps_connect.html", page, current="apps", status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


async def _keep(session: Session, visit: Visit, verified: Verified, api_key: str) -> None:
    """Keep a verified account, under the id it had: with it come its callback address and what was set up for it."""
    cipher = visit.services.resources.cipher
    known = await accounts.find_own_account(session, visit.workspace_id, app_id=verified.app_id)
    if known is not None:
        account = replace(known, app_name=verified.app_name, phone=verified.phone)
        await accounts.renew_account(session, cipher, account, api_key=api_key)
    else:
        account = AppAccount(
            id=str(uuid.uuid4()),
            owner="client",
            workspace_id=visit.workspace_id,
            app_name=verified.app_name,
            app_id=verified.app_id,
            phone=verified.phone,
        )
        token = secrets.token_urlsafe(32)
        await accounts.save_account(
            session, cipher, account, api_key=api_key, webhook_token=token, header_secret=None
        )
    was_installed = await installations.is_installed(session, visit.workspace_id, account.id)
    await _keep_templates(session, visit, account.id, verified.templates)
    await installations.install(session, visit.workspace_id, account.id, visit.now, person=visit.by)
    await _record(session, visit, "app.reconnected" if was_installed else "app.connected", account)


async def _keep_templates(
    session: Session, visit: Visit, account_id: str, templates: tuple[Template, ...]
) -> None:
    """Keep what Gupshup listed; hold what may not be sent, and let go what may again (R4.8)."""
    await accounts.save_templates(session, account_id, [asdict(each) for each in templates], visit.now)
    known = {each.id: each.listed for each in templates}
    rows = await notifications.list_notifications(session, visit.workspace_id, account_id)
    standings = [
        Standing(
            row,
            after_check(
                row.attention,
                row.attention_at,
                hold_reason(saved_of(row), known.get(row.template_id)),
                asked_at=visit.now,
            ),
        )
        for row in rows
        if row.template_id
    ]
    await settle(session, visit.services.resources.cipher, standings, now=visit.now)


async def _open(visit: Visit) -> tuple[AppAccount, Credentials, str]:
    """Return the connected account, what its calls need, and its callback address's token; empty where it is not known.

    Raises:
        Problem: 404 where none is connected.
    """
    cipher = visit.services.resources.cipher
    async with visit.services.resources.database.transaction(visit.workspace_id) as session:
        account = await _find_connected(session, visit)
        if account is None:
            raise not_found()
        stored = await accounts.get_credentials(session, cipher, account.id)
        try:
            token = await accounts.get_webhook_token(session, cipher, account.id)
        except NotFound:
            token = ""
    credentials = Credentials(
        api_key=stored.api_key, app_id=stored.app_id, app_name=stored.app_name, source=stored.phone
    )
    return account, credentials, token


async def _find_connected(session: Session, visit: Visit) -> AppAccount | None:
    installed = await installations.list_installed(session, visit.workspace_id)
    return next((each.account for each in installed if each.account.owner == "client"), None)


async def _record(session: Session, visit: Visit, action: str, account: AppAccount) -> None:
    await audit.add_record(
        session,
        visit.workspace_id,
        person=visit.by,
        action=action,
        subject=account.id,
        detail=f"{account.app_name}, {phone_words(account.phone)}",
        now=visit.now,
    )


def _toast(verified: Verified, *, is_new: bool) -> Toast:
    text = "Your Gupshup account is connected." if is_new else "Your Gupshup account is connected again."
    if not verified.number_confirmed:
        words = number_unverified(phone=phone_words(verified.phone), app=verified.app_name)
        return Toast(text, words)
    return Toast(
        text,
        "Every notification is off until you switch it on."
        if is_new
        else "The new API key is used from now on.",
    )


def _limit(visit: Visit, until: datetime) -> Trouble:
    at = clock(until, ZoneInfo(visit.workspace.policy.timezone))
    return trouble(Obstacle.TOO_MANY_CHECKS, times=str(_MOST_CHECKS), until=at)


def _too_many(visit: Visit, until: datetime) -> Banner:
    return Banner("bad", "Gupshup was not asked.", _limit(visit, until).text)


def _confirm_first() -> Response:
    return RedirectResponse("/account/confirm?next=/apps/gupshup/connect", HTTPStatus.SEE_OTHER)
