"""Connecting real accounts from the terminal: workspaces, Gupshup, the order system, API keys.

Gupshup is asked live before anything is stored, and what is wrong is named (R2.2, R4.3, R4.7). Secrets are asked for,
never taken from the command line, where others could read them.
"""

import argparse
import asyncio
import base64
import getpass
import os
import secrets
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable

import httpx

from bootstrap.resources import Resources, open_resources, utc_now
from bootstrap.settings import Settings
from clients.carriers.base import CarrierCredentials, CarrierUnavailable
from clients.gupshup import (
    Credentials,
    GupshupRefused,
    GupshupUnavailable,
    Template,
    TemplateButton,
    is_sendable,
)
from db import accounts, billing, installations, notifications, workspaces
from db.session import NotFound, Session
from domain.preview import ButtonKind, button_kind
from domain.templates import OPTIONS_CHOICE, REQUIRED_LABELS, choice_for, missing_buttons
from domain.timing import Policy
from ops.seed import SECRET_HEADER
from ops.system import Stop, add_person_option, record, who_acts

_EVENT = "failed_delivery"
_SERVICE = "service"  # what answers within the 24-hour window count as
_USUAL_VARIABLES = ("customer_name", "brand", "customer_order_id", "failure_reason", "tracking_id")

Command = Callable[[Resources, argparse.Namespace], Awaitable[int]]


class Wrong(Exception):
    """Something to correct; the message says what, and what would be right."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `connect …` to the programs."""
    connect = commands.add_parser("connect", help="connect a workspace, a Gupshup account, an order system")
    steps = connect.add_subparsers(required=True, metavar="STEP")

    step = _step(steps, "workspace", _workspace, "add a workspace")
    step.add_argument("slug", help="the order system's accountSlug")
    step.add_argument("--name", required=True)

    step = _step(steps, "gupshup", _gupshup, "install a Gupshup account; asks for its API key")
    step.add_argument("workspace", help="the workspace's slug, or - for the shared Eshopbox account")
    step.add_argument("--app-id", required=True)
    step.add_argument("--app-name", required=True)
    step.add_argument("--phone", required=True, help="registered business number with country code")

    step = _step(steps, "install", _install, "install the shared account for a workspace")
    step.add_argument("workspace")
    step.add_argument("--account", required=True, help="id printed when the account was connected")

    step = _step(steps, "template", _template, "switch failed-delivery messages on with a template")
    step.add_argument("workspace")
    step.add_argument("--template-id", required=True)
    step.add_argument(
        "--variables",
        default=",".join(_USUAL_VARIABLES),
        help="variables for {{1}}, {{2}}, …; a fallback text may follow a colon",
    )

    step = _step(steps, "order-system", _order_system, "connect the order system; asks for its secrets")
    step.add_argument("workspace")
    step.add_argument("--client-id", required=True)

    step = _step(steps, "events", _events, "say where the workspace wants our signed events")
    step.add_argument("workspace")
    step.add_argument("url", help="https address that takes Standard Webhooks")

    step = _step(steps, "api-key", _api_key, "print a new API key, once")
    step.add_argument("workspace")

    step = _step(steps, "price", _price, "set the price of a message on the shared account")
    step.add_argument("category", choices=("utility", "marketing", "authentication", "service"))
    step.add_argument("paise", type=int)


def _step(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    step = steps.add_parser(name, help=text)
    add_person_option(step)
    step.set_defaults(run=lambda arguments: asyncio.run(_with_resources(command, arguments)))
    return step


async def _with_resources(command: Command, arguments: argparse.Namespace) -> int:
    settings = Settings()  # type: ignore[call-arg]  # from the environment
    async with open_resources(settings, name="ops") as resources:
        try:
            return await command(resources, arguments)
        except (Wrong, Stop) as error:
            print(error, file=sys.stderr)
            return 1


async def _record(
    session: Session, arguments: argparse.Namespace, workspace_id: str, action: str, *, subject: str
) -> None:
    person = who_acts(arguments)
    await record(session, workspace_id, person=person, action=action, subject=subject, now=utc_now())


async def _workspace(resources: Resources, arguments: argparse.Namespace) -> int:
    async with resources.database.transaction() as session:
        known = await workspaces.find_workspace(session, arguments.slug)
        policy, language = (known.policy, known.default_language) if known else (Policy(), "en")
        await workspaces.add_workspace(
            session, workspaces.Workspace(arguments.slug, arguments.name, arguments.name, policy, language)
        )
        await _record(session, arguments, arguments.slug, "workspace.added", subject=arguments.slug)
    print(
        f"Workspace {arguments.slug} is there, with {'the settings it had' if known else 'the usual settings'}."
    )
    return 0


async def _gupshup(resources: Resources, arguments: argparse.Namespace) -> int:
    phone = "".join(character for character in arguments.phone if character.isdigit())
    if not 10 <= len(phone) <= 15:  # noqa: PLR2004 - E.164
        raise Wrong(
            f"--phone: {arguments.phone!r} is no number with a country code, for example +91 80471 00021"
        )
    api_key = _secret("GUPSHUP_API_KEY", "API key")
    credentials = Credentials(
        api_key=api_key, app_id=arguments.app_id, app_name=arguments.app_name, source=phone
    )
    await _templates(resources, credentials)
    account_id, token, header_secret = str(uuid.uuid4()), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    is_shared = arguments.workspace == "-"
    async with resources.database.transaction() as session:
        if not is_shared and await workspaces.find_workspace(session, arguments.workspace) is None:
            raise Wrong(f"There is no workspace {arguments.workspace}: add it with `connect workspace` first")
        await accounts.save_account(
            session,
            resources.cipher,
            accounts.AppAccount(
                id=account_id,
                owner="eshopbox" if is_shared else "client",
                workspace_id=None if is_shared else arguments.workspace,
                app_name=arguments.app_name,
                app_id=arguments.app_id,
                phone=phone,
                header_name=SECRET_HEADER,
            ),
            api_key=api_key,
            webhook_token=token,
            header_secret=header_secret if os.environ.get("GUPSHUP_HEADER") else None,
        )
        if not is_shared:
            await installations.install(session, arguments.workspace, account_id, utc_now())
        await _record(
            session,
            arguments,
            workspaces.PLATFORM if is_shared else arguments.workspace,
            "app.connected",
            subject=arguments.app_name,
        )
    print(f"Gupshup took the key. Account {account_id} is installed.")
    print(
        f"Webhook to set at Gupshup (format v2, all message events):\n  {resources.settings.public_base_url}/webhooks/gupshup/{token}"
    )
    if os.environ.get("GUPSHUP_HEADER"):
        print(f"with the header {SECRET_HEADER}: {header_secret}")
    return 0


async def _install(resources: Resources, arguments: argparse.Namespace) -> int:
    async with resources.database.transaction() as session:
        try:
            account = await accounts.get_account(session, arguments.account)
        except NotFound:
            raise Wrong(
                f"There is no account {arguments.account}: `connect gupshup -` prints the id of the shared one"
            ) from None
        await _check_prices(session, account, (_SERVICE,))
        await installations.install(session, arguments.workspace, arguments.account, utc_now())
        await _record(session, arguments, arguments.workspace, "app.installed", subject=account.app_name)
    print("Installed. Every notification is off until a template is chosen.")
    return 0


async def _template(resources: Resources, arguments: argparse.Namespace) -> int:
    async with resources.database.transaction() as session:
        account = await installations.find_sender(session, arguments.workspace)
        if account is None:
            raise Wrong(
                f"{arguments.workspace} has no Gupshup account: install one with `connect gupshup` first"
            )
        stored = await accounts.get_credentials(session, resources.cipher, account.id)
    credentials = Credentials(
        api_key=stored.api_key, app_id=stored.app_id, app_name=stored.app_name, source=stored.phone
    )
    known = {template.id: template for template in await _templates(resources, credentials)}
    template = known.get(arguments.template_id)
    if template is None:
        raise Wrong(
            f"The app {account.app_name} has no template {arguments.template_id}; it may belong to another app"
        )
    notification = _notification(arguments.workspace, account.id, template, arguments.variables)
    async with resources.database.transaction() as session:
        await _check_prices(session, account, (notification.category.lower(), _SERVICE))
        await notifications.save_notification(session, notification)
        await _record(session, arguments, arguments.workspace, "notification.switched_on", subject=_EVENT)
    print(
        f"Failed delivery is on. It is sent with {template.element_name} from +{account.phone} from now on."
    )
    return 0


async def _check_prices(session: Session, account: accounts.AppAccount, categories: Iterable[str]) -> None:
    """Check that messages through the shared account have a price: what nobody can charge for is not sent (R5.4)."""
    if account.owner != "eshopbox":
        return
    missing = []
    for category in dict.fromkeys(categories):
        try:
            await billing.find_price(session, category, utc_now())
        except billing.NoPrice:
            missing.append(category)
    if missing:
        commands = "".join(f"\n  python -m ops connect price {category} PAISE" for category in missing)
        raise Wrong(f"Messages through the shared account need a price before they can be sent:{commands}")


def _notification(
    workspace_id: str, account_id: str, template: Template, variables: str
) -> notifications.Notification:
    if not is_sendable(template.status):
        raise Wrong(
            f"This template cannot be sent now (status {template.status}): {template.reason or 'only approved ones can'}"
        )
    if missing := missing_buttons(template.quick_replies):
        raise Wrong(
            f"Add these quick-reply buttons to the template: {', '.join(missing)} (needed: {', '.join(REQUIRED_LABELS)})"
        )
    pairs = [pair.partition(":") for pair in variables.split(",")][: len(template.placeholders)]
    if len(pairs) < len(template.placeholders):
        raise Wrong(f"Choose a variable for each placeholder: the template has {len(template.placeholders)}")
    return notifications.Notification(
        workspace_id=workspace_id,
        account_id=account_id,
        event=_EVENT,
        language=template.language.split("_")[0],
        template_id=template.id,
        template_name=template.element_name,
        category=template.category,
        header=template.header,
        body=template.body,
        footer=template.footer,
        buttons=tuple(_button(button) for button in template.buttons),
        params=tuple(notifications.Param(name.strip(), fallback) for name, _, fallback in pairs),
        is_on=True,
        attention="",
    )


def _button(button: TemplateButton) -> notifications.Button:
    kind = button_kind(button.type)
    choice = (choice_for(button.text) or OPTIONS_CHOICE) if kind is ButtonKind.QUICK_REPLY else ""
    return notifications.Button(button.text, choice, kind.value)


async def _order_system(resources: Resources, arguments: argparse.Namespace) -> int:
    client_secret = _secret("ESHOPBOX_CLIENT_SECRET", "Client secret")
    refresh_token = _secret("ESHOPBOX_REFRESH_TOKEN", "Refresh token")
    credentials = CarrierCredentials(
        workspace_id=arguments.workspace,
        client_id=arguments.client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
    )
    try:
        await resources.carriers["eshopbox"].read_shipment(credentials, "0")
    except CarrierUnavailable as error:
        print(f"Note: the order system could not be read yet ({error}).", file=sys.stderr)
    secret = secrets.token_urlsafe(32)
    async with resources.database.transaction() as session:
        await workspaces.save_order_account(
            session,
            resources.cipher,
            workspaces.OrderAccount(arguments.workspace, arguments.client_id, client_secret, refresh_token),
            webhook_secret=secret,
        )
        await _record(
            session, arguments, arguments.workspace, "order_system.connected", subject=arguments.client_id
        )
    base = resources.settings.public_base_url
    print(
        f"Register this webhook for the resources `shipment` and `returnShipment` in the order system:\n  {base}/webhooks/orders/{arguments.workspace}"
    )
    print(f"with the header {SECRET_HEADER}: {secret}")
    return 0


async def _events(resources: Resources, arguments: argparse.Namespace) -> int:
    if not arguments.url.startswith("https://") and not resources.settings.allow_private_event_urls:
        raise Wrong(f"{arguments.url} is no https address: events name orders, and are not sent in the clear")
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    endpoint = workspaces.EventEndpoint(arguments.workspace, arguments.url, secret)
    async with resources.database.transaction() as session:
        if await workspaces.find_workspace(session, arguments.workspace) is None:
            raise Wrong(f"There is no workspace {arguments.workspace}: add it with `connect workspace` first")
        await workspaces.save_event_endpoint(session, resources.cipher, endpoint)
        await _record(session, arguments, arguments.workspace, "events.connected", subject=arguments.url)
    print(f"Events go to {arguments.url}, signed as Standard Webhooks with this secret:\n  {secret}")
    return 0


async def _api_key(resources: Resources, arguments: argparse.Namespace) -> int:
    async with resources.database.transaction() as session:
        key = await workspaces.add_api_key(session, arguments.workspace)
        await _record(session, arguments, arguments.workspace, "api_key.added", subject=key.split("_")[1])
    print(key)
    return 0


async def _price(resources: Resources, arguments: argparse.Namespace) -> int:
    async with resources.database.transaction() as session:
        await billing.set_price(session, arguments.category, arguments.paise, valid_from=utc_now())
        await _record(session, arguments, workspaces.PLATFORM, "rate.set", subject=arguments.category)
    print(f"From now on a {arguments.category} message costs {arguments.paise} paise.")
    return 0


async def _templates(resources: Resources, credentials: Credentials) -> tuple[Template, ...]:
    try:
        return await resources.gupshup.list_templates(credentials)
    except GupshupRefused as error:
        raise Wrong(
            f"Gupshup does not accept this key for the app {credentials.app_id} ({error}). Nothing has been stored."
        ) from error
    except (GupshupUnavailable, httpx.HTTPError) as error:
        raise Wrong(
            "Gupshup did not answer, so nothing could be checked or stored. Try again in a minute."
        ) from error


def _secret(variable: str, prompt: str) -> str:
    value = os.environ.get(variable) or getpass.getpass(f"{prompt}: ")
    if not value:
        raise Wrong(f"{prompt} is empty")
    return value
