"""Four workspaces for demos, development and tests: one on its own account, two on the shared one, one with nothing yet.

Repeatable: the same secrets give the same rows. Nothing here asks Gupshup or the order system.
"""

import base64
import hashlib
import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from db import acceptances, accounts, billing, installations, notifications, statements, workspaces
from db.encryption import Cipher
from db.session import Database, Session
from domain.billing import TaxRate
from domain.templates import choice_for
from domain.timing import Policy
from ops.seeded_people import SeededPerson, fresh_people, plant_people
from ops.seeded_templates import at_gupshup, on_offer
from ops.spare_apps import spare_apps

SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105 - the name of a header
_NAMESPACE = uuid.UUID("5b0c8f0a-6a53-4b0e-9f35-6d1f1f5a7c11")
_PARAMS = (
    notifications.Param("customer_name", "there"),
    notifications.Param("brand", ""),
    notifications.Param("customer_order_id", ""),
    notifications.Param("failure_reason", ""),
)
LABELS = ("Try again", "Choose another date", "See all options")
_PRICES = {"utility": 35, "service": 0, "marketing": 99}
_GST = 1800  # basis points
NO_QUIET_HOURS = Policy(quiet_from="", quiet_until="")


@dataclass(frozen=True, slots=True)
class _Words:
    """The failed-delivery template in one language."""

    header: str
    body: str
    footer: str
    labels: tuple[str, ...]


_TEMPLATES = {
    "en": _Words(
        header="We missed you today",
        body="Hi {{1}}, the courier could not deliver your {{2}} order {{3}}: {{4}}.\n\nWhat should we do?",
        footer="Reply STOP to end messages",
        labels=LABELS,
    ),
    "hi": _Words(
        header="आज आपसे मुलाकात नहीं हो पाई",
        body="नमस्ते {{1}}, कूरियर आपका {{2}} ऑर्डर {{3}} नहीं पहुँचा सका: {{4}}।\n\nअब क्या करें?",
        footer="संदेश बंद करने के लिए STOP लिखें",
        labels=("फिर से भेजें", "दूसरा दिन चुनें", "सभी विकल्प देखें"),
    ),
}


LANGUAGES = tuple(_TEMPLATES)
"""The languages that there is a template in."""


@dataclass(frozen=True, slots=True)
class SeededAccount:
    """A Gupshup account of the demo."""

    key: str
    owner: Literal["eshopbox", "client"]
    app_name: str
    app_id: str
    phone: str
    display_name: str
    template_id: str
    template_name: str
    api_key: str = field(repr=False)
    webhook_token: str = field(repr=False)
    header_secret: str = field(repr=False)

    @property
    def id(self) -> str:
        """Return our id of the account."""
        return str(uuid.uuid5(_NAMESPACE, f"account:{self.key}"))

    def template_in(self, language: str) -> str:
        """Return the id of the failed-delivery template in a language."""
        return self.template_id if language == "en" else str(uuid.uuid5(_NAMESPACE, f"{self.key}:{language}"))


@dataclass(frozen=True, slots=True)
class SeededWorkspace:
    """A workspace of the demo."""

    slug: str
    name: str
    account: str
    client_id: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    event_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seed:
    """Everything that is seeded, with its secrets in the clear: for a development machine only.

    Attributes:
        accounts: Gupshup accounts that are installed.
        workspaces: Sellers who send already.
        newcomer: A seller who has installed nothing yet: where the portal's first steps are taken.
        people: Who signs in to the portal.
        environment: Keys for the settings.
    """

    accounts: tuple[SeededAccount, ...]
    workspaces: tuple[SeededWorkspace, ...]
    newcomer: SeededWorkspace
    people: tuple[SeededPerson, ...]
    environment: dict[str, str] = field(repr=False)

    def owner_of(self, workspace: SeededWorkspace) -> str:
        """Return who owns a workspace, as the history names people."""
        owner = next(each for each in self.people if each.workspace == workspace.slug)
        return f"{owner.name} <{owner.email}>"

    def account_of(self, workspace: SeededWorkspace) -> SeededAccount:
        """Return the account a workspace sends through."""
        return next(account for account in self.accounts if account.key == workspace.account)


def load(path: Path) -> Seed:
    """Return the seed kept at a path, or make one with fresh secrets and keep it there, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(_fresh()), indent=1))
    raw = json.loads(path.read_text())
    if not {"people", "newcomer"} <= raw.keys():  # kept by a version that had no portal
        fresh = asdict(_fresh())
        raw |= {"people": fresh["people"], "newcomer": fresh["newcomer"]}
        path.write_text(json.dumps(raw, indent=1))
    return Seed(
        accounts=tuple(SeededAccount(**account) for account in raw["accounts"]),
        workspaces=tuple(SeededWorkspace(**workspace) for workspace in raw["workspaces"]),
        newcomer=SeededWorkspace(**raw["newcomer"]),
        people=tuple(SeededPerson(**person) for person in raw["people"]),
        environment=raw["environment"],
    )


def fresh_keys() -> dict[str, str]:
    """Return new keys for the settings that need them."""

    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {"MASTER_KEYS": f"k1:{key()}", "HASH_KEY": key(), "PAYLOAD_KEYS": f"p1:{key()}"}


def _fresh() -> Seed:
    def account(
        key: str, owner: Literal["eshopbox", "client"], app_name: str, phone: str, display_name: str
    ) -> SeededAccount:
        return SeededAccount(
            key=key,
            owner=owner,
            app_name=app_name,
            app_id=str(uuid.uuid5(_NAMESPACE, f"app:{key}")),
            phone=phone,
            display_name=display_name,
            template_id=str(uuid.uuid5(_NAMESPACE, f"template:{key}")),
            template_name="delivery_failed_v3",
            api_key=f"sk_{secrets.token_hex(16)}",
            webhook_token=secrets.token_urlsafe(32),
            header_secret=secrets.token_urlsafe(32),
        )

    def workspace(slug: str, name: str, account: str) -> SeededWorkspace:
        return SeededWorkspace(
            slug=slug,
            name=name,
            account=account,
            client_id=f"{slug}-app",
            api_key=f"esb_{hashlib.sha256(slug.encode()).hexdigest()[:12]}_{secrets.token_urlsafe(32)}",
            webhook_secret=secrets.token_urlsafe(32),
            client_secret=secrets.token_urlsafe(24),
            refresh_token=secrets.token_urlsafe(24),
            event_secret=f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        )

    return Seed(
        accounts=(
            account("kapaskraft", "client", "KapasKraftLive", "918047100021", "KapasKraft"),
            account("eshopbox", "eshopbox", "EshopboxUpdates", "918047100099", "Eshopbox Updates"),
        ),
        workspaces=(
            workspace("kapaskraft", "KapasKraft", "kapaskraft"),
            workspace("nilgiritea", "Nilgiri Tea Co", "eshopbox"),
            workspace("banjara", "Banjara Threads", "eshopbox"),
        ),
        newcomer=workspace("chanderi", "Chanderi Loom", ""),
        people=fresh_people(),
        environment=fresh_keys(),
    )


async def plant(
    database: Database,
    cipher: Cipher,
    seed: Seed,
    *,
    events_url: str | None,
    now: datetime,
    policy: Policy = NO_QUIET_HOURS,
) -> None:
    """Write the seed into the database: accounts, workspaces, switches on, prices, keys, people.

    What was written with the same secrets before is left as people have changed it since.
    """
    async with database.transaction() as session:
        if not await billing.list_rates(session):
            year = now.replace(month=1, day=1)
            for category, paise in _PRICES.items():
                await billing.set_price(session, category, paise, valid_from=year)
            await statements.set_tax(session, TaxRate("GST", _GST, year.date()))
        fresh = [
            workspace
            for workspace in (*seed.workspaces, seed.newcomer)
            if await workspaces.find_api_key(session, workspace.api_key, now) is None
        ]
        for workspace in fresh:
            await _plant_workspace(session, cipher, workspace, events_url=events_url, policy=policy)
        for account in seed.accounts:
            if any(workspace.account == account.key for workspace in fresh):
                await _plant_account(session, cipher, account)
        for account in seed.accounts:
            if account.owner == "eshopbox":
                await _plant_offer(session, account)
        for workspace in fresh:
            if workspace.account:
                account = seed.account_of(workspace)
                await _plant_installation(
                    session, workspace, account, person=seed.owner_of(workspace), now=now
                )
    await plant_people(database, cipher, seed.people)


async def _plant_workspace(
    session: Session, cipher: Cipher, workspace: SeededWorkspace, *, events_url: str | None, policy: Policy
) -> None:
    slug, name = workspace.slug, workspace.name
    await workspaces.add_workspace(session, workspaces.Workspace(slug, name, name, policy, "en"))
    await workspaces.save_order_account(
        session,
        cipher,
        workspaces.OrderAccount(slug, workspace.client_id, workspace.client_secret, workspace.refresh_token),
        webhook_secret=workspace.webhook_secret,
    )
    if events_url is not None:
        endpoint = workspaces.EventEndpoint(slug, f"{events_url}/{slug}", workspace.event_secret)
        await workspaces.save_event_endpoint(session, cipher, endpoint)
    await workspaces.add_api_key(session, slug, key=workspace.api_key)


async def _plant_account(session: Session, cipher: Cipher, account: SeededAccount) -> None:
    await accounts.save_account(
        session,
        cipher,
        accounts.AppAccount(
            id=account.id,
            owner=account.owner,
            workspace_id=account.key if account.owner == "client" else None,
            app_name=account.app_name,
            app_id=account.app_id,
            phone=account.phone,
            header_name=SECRET_HEADER,
        ),
        api_key=account.api_key,
        webhook_token=account.webhook_token,
        header_secret=account.header_secret,
    )


async def _plant_offer(session: Session, account: SeededAccount) -> None:
    """Offer the shared account's templates to sellers, who take it over when they accept its price (R4.4)."""
    await workspaces.ensure_platform(session)
    rows = await notifications.list_notifications(session, workspaces.PLATFORM, account.id)
    present = {(row.event, row.language) for row in rows}
    of_failures = (_notification(workspaces.PLATFORM, account.id, account, each) for each in _TEMPLATES)
    for offered in (*of_failures, *on_offer(workspaces.PLATFORM, account.id, account.key)):
        if (offered.event, offered.language) not in present:
            await notifications.save_notification(session, offered)


async def _plant_installation(
    session: Session, workspace: SeededWorkspace, account: SeededAccount, *, person: str, now: datetime
) -> None:
    await installations.install(session, workspace.slug, account.id, now, person=person)
    for language in _TEMPLATES:
        notification = _notification(workspace.slug, account.id, account, language)
        await notifications.save_notification(session, notification)
    if account.owner == "eshopbox":
        acceptance = acceptances.Acceptance(
            workspace_id=workspace.slug,
            account_id=account.id,
            event="failed_delivery",
            category="utility",
            price_paise=_PRICES["utility"],
            person=person,
            accepted_at=now,
        )
        await acceptances.add_acceptance(session, acceptance)


def _notification(
    slug: str, account_id: str, account: SeededAccount, language: str
) -> notifications.Notification:
    words = _TEMPLATES[language]
    return notifications.Notification(
        workspace_id=slug,
        account_id=account_id,
        event="failed_delivery",
        language=language,
        template_id=account.template_in(language),
        template_name=account.template_name,
        category="UTILITY",
        header=words.header,
        body=words.body,
        footer=words.footer,
        buttons=tuple(notifications.Button(label, choice_for(label) or "") for label in words.labels),
        params=_PARAMS,
        is_on=True,
        attention="",
    )


def gupshup_simulator(
    seed: Seed, *, webhook_base: str, order_system_url: str, people: list[dict[str, str]]
) -> object:
    """Return the configuration of Gupshup's stand-in: the seed's apps, then those that nobody has connected yet."""
    return {
        "apps": [
            {
                "id": account.app_id,
                "name": account.app_name,
                "phone": account.phone,
                "api_key": account.api_key,
                "display_name": account.display_name,
                "balance": "25.00",
                "templates": [
                    {
                        "id": account.template_in(language),
                        "elementName": account.template_name,
                        "languageCode": language,
                        "category": "UTILITY",
                        "status": "APPROVED",
                        "templateType": "TEXT",
                        "header": words.header,
                        "data": words.body,
                        "footer": words.footer,
                        "buttons": [{"type": "QUICK_REPLY", "text": label} for label in words.labels],
                    }
                    for language, words in _TEMPLATES.items()
                ]
                + at_gupshup(account.key),
                "subscriptions": [
                    {
                        "url": f"{webhook_base}/webhooks/gupshup/{account.webhook_token}",
                        "headers": {SECRET_HEADER: account.header_secret},
                        "version": 2,
                        "modes": [
                            "MESSAGE",
                            "ENQUEUED",
                            "FAILED",
                            "SENT",
                            "DELIVERED",
                            "READ",
                            "TEMPLATE",
                            "ACCOUNT",
                            "BILLING",
                        ],
                    }
                ],
            }
            for account in seed.accounts
        ]
        + spare_apps(),
        "people": people,
        "order_system_url": order_system_url,
    }


def order_system_simulator(seed: Seed, *, webhook_base: str, people: list[dict[str, str]]) -> object:
    """Return the configuration of the order system's stand-in."""
    return {
        "workspaces": [
            {
                "slug": workspace.slug,
                "name": workspace.name,
                "brand": workspace.name,
                "client_id": workspace.client_id,
                "client_secret": workspace.client_secret,
                "refresh_token": workspace.refresh_token,
                "webhook": {
                    "url": f"{webhook_base}/webhooks/orders/{workspace.slug}",
                    "headers": {SECRET_HEADER: workspace.webhook_secret},
                },
                "customers": people,
            }
            for workspace in (*seed.workspaces, seed.newcomer)
        ]
    }
