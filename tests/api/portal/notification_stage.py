"""A seller's own account at Gupshup's stand-in, with a template for every case that a set-up can meet."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from starlette.routing import Mount

from clients.gupshup import Gupshup
from db import accounts, billing, installations, notifications, workspaces
from db.accounts import AppAccount
from db.notifications import Notification
from simulators.gupshup.app import create_app
from tests.api.conftest import Outside
from tests.intake.stage import ACCOUNT

OWN = "own-account-1"
OWN_PHONE = "918047100021"
APP = "KapasKraftLive"
KEY = "sk_kapaskraft_own"
BODY = "Hi {{1}}, the courier could not deliver your {{2}} order {{3}}: {{4}}.\n\nWhat should we do?"
HINDI = "नमस्ते {{1}}, कूरियर आपका {{2}} ऑर्डर {{3}} नहीं पहुँचा सका: {{4}}।\n\nअब क्या करें?"
LABELS = ("Try again", "Choose another date", "See all options")
HINDI_LABELS = ("फिर से भेजें", "दूसरा दिन चुनें", "सभी विकल्प देखें")
EVIL = "<b>bold</b> & <script>alert(1)</script>"


def template_id(name: str) -> str:
    """Return the id of a template of the stand-in."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"template:{name}"))


def _template(name: str, **changes: Any) -> dict[str, Any]:
    replies = [{"type": "QUICK_REPLY", "text": label} for label in changes.pop("labels", LABELS)]
    values: dict[str, Any] = {
        "id": template_id(name),
        "elementName": name,
        "languageCode": "en",
        "category": "UTILITY",
        "status": "APPROVED",
        "templateType": "TEXT",
        "header": "We missed you today",
        "data": BODY,
        "footer": "Reply STOP to end messages",
        "buttons": replies,
    }
    return values | changes


TEMPLATES = [
    _template("delivery_failed_v3"),
    _template(
        "delivery_failed_v3_hi",
        elementName="delivery_failed_v3",
        languageCode="hi",
        data=HINDI,
        labels=HINDI_LABELS,
    ),
    _template("delivery_failed_v3_ta", elementName="delivery_failed_v3", languageCode="ta", status="PENDING"),
    _template("order_update_general", labels=()),
    _template("in_hindi_only", languageCode="hi", data=HINDI, labels=("फिर से भेजें",)),
    _template(
        "order_packed",
        header="",
        data="Hi {{customer_name}}, your {{Brand Name}} order is packed.".replace("Brand Name", "brand_name"),
        labels=(),
        buttons=[{"type": "URL", "text": "Track parcel", "url": "https://track.example"}],
    ),
    _template(
        "links_first",
        data="Hi {{1}}, *it failed*.",
        buttons=[
            {"type": "URL", "text": "Track parcel", "url": "https://track.example"},
            *({"type": "QUICK_REPLY", "text": label} for label in (*LABELS[:1], *LABELS[2:], "Call my aunt")),
        ],
    ),
    _template(
        "evil",
        header=EVIL,
        data=f"{EVIL} {{{{1}}}}",
        footer=EVIL,
        labels=("Try again", "See all options", "<i>x</i>"),
    ),
    _template("marketing", category="MARKETING"),
    _template("picture", templateType="IMAGE"),
    *(
        _template(f"is_{status.lower()}", status=status, reason=reason)
        for status, reason in (
            ("PENDING", ""),
            ("REJECTED", "Variables at the start or end of the text"),
            ("FAILED", "Template could not be submitted"),
            ("PAUSED", ""),
            ("DISABLED", ""),
            ("DELETED", ""),
            ("SANDBOX_REQUESTED", ""),
            ("IN_APPEAL", ""),
        )
    ),
]


@dataclass
class StandIn:
    """Gupshup's stand-in, and what can be done to it."""

    http: httpx.AsyncClient

    async def options(self, **options: Any) -> None:
        """Change how it behaves."""
        assert (await self.http.post("/control/options", json=options)).status_code == 200

    async def decide(self, name: str, **changes: Any) -> None:
        """Let WhatsApp decide about a template."""
        body = {"app": APP, "id": template_id(name), **changes}
        answer = await self.http.post("/control/templates", json=body)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def gupshup_of(outside: Outside, **options: Any) -> AsyncIterator[StandIn]:
    """Put the stand-in behind the portal."""
    config = {
        "apps": [
            {
                "id": f"{APP}-id",
                "name": APP,
                "phone": OWN_PHONE,
                "api_key": KEY,
                "display_name": "KapasKraft",
                "templates": TEMPLATES,
            }
        ]
    }
    app = create_app(config, pace=0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gupshup.test") as http:
        pages = next(route for route in outside.app.router.routes if isinstance(route, Mount))
        services = outside.services
        resources = replace(
            services.resources, gupshup=Gupshup(http, base_url="http://gupshup.test", **options)
        )
        pages.app.state.services = replace(services, resources=resources)  # type: ignore[attr-defined]  # the portal
        yield StandIn(http)
    await app.state.network.close()


async def install_own(outside: Outside, *, key: str = KEY) -> None:
    """Install the seller's own account, and send through it."""
    account = AppAccount(OWN, "client", "kapaskraft", APP, f"{APP}-id", OWN_PHONE)
    stage = outside.stage
    async with stage.database.transaction() as session:
        await accounts.save_account(
            session, stage.cipher, account, api_key=key, webhook_token="own-token", header_secret=None
        )
        await installations.install(session, "kapaskraft", OWN, stage.clock(), person="test")
        await installations.select_sender(session, "kapaskraft", OWN, person="test", now=stage.clock())


async def offer(outside: Outside, *, price: int | None = 35, **changes: Any) -> Notification:
    """Have the platform offer the failed delivery in English and Hindi, at a price."""
    row = Notification(
        workspaces.PLATFORM,
        ACCOUNT,
        "failed_delivery",
        "en",
        "shared-en",
        "delivery_failed_shared",
        "UTILITY",
        body="Hi {{1}}, we could not deliver order {{2}}.",
        footer="Sent by Eshopbox",
        buttons=tuple(notifications.Button(label, "") for label in LABELS),
        params=(notifications.Param("customer_name", "there"), notifications.Param("customer_order_id")),
        is_on=True,
    )
    row = replace(row, **changes)
    async with outside.stage.database.transaction() as session:
        await workspaces.ensure_platform(session)
        await notifications.save_notification(session, row)
        await notifications.save_notification(
            session, replace(row, language="hi", template_id="shared-hi", body="नमस्ते {{1}}: {{2}}")
        )
        if price is not None:
            since = outside.stage.clock() - timedelta(days=40)
            await billing.set_price(session, "utility", price, valid_from=since)
    return row


async def saved(outside: Outside, event: str, account_id: str = OWN) -> tuple[Notification, ...]:
    """Return what the workspace has set up for an event."""
    async with outside.stage.database.transaction() as session:
        return await notifications.list_of_event(session, "kapaskraft", account_id, event)
