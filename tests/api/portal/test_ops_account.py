"""The platform's account and its templates: checked with Gupshup first, and taken into every workspace that sends."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from clients.gupshup import Gupshup
from db import accounts, audit, billing, notifications
from db.notifications import Notification
from db.workspaces import PLATFORM
from simulators.gupshup.app import create_app
from tests.api.conftest import Outside
from tests.api.portal.somebody import PASSWORD, Somebody
from tests.intake.stage import ACCOUNT, APP_ID

APP, KEY, PHONE = "ExampleStore", "sk_platform_key_0001", "918047100020"
URL = "http://gupshup.test"
EVENT = "/ops/account/templates/failed_delivery"


def template_id(name: str) -> str:
    """Return the id of a template of the stand-in."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"platform-template:{name}"))


def template(key: str, **changes: Any) -> dict[str, Any]:
    """Return a template as Gupshup keeps it."""
    values: dict[str, Any] = {
        "id": template_id(key),
        "elementName": "delivery_failed",
        "languageCode": "en",
        "category": "UTILITY",
        "status": "APPROVED",
        "templateType": "TEXT",
        "data": "Hi {{1}}, *your order* {{2}} could not be delivered. <b>What now?</b>",
        "buttons": [{"type": "QUICK_REPLY", "text": label} for label in ("Try again", "See all options")],
    }
    return values | changes


TEMPLATES = [
    template("en"),
    template("hi", languageCode="hi", data="{{1}}, ऑर्डर {{2}}"),
    template("other", elementName="delivery_failed_v2", category="MARKETING"),
    template("pending", elementName="new_one", status="PENDING"),
    template("bare", elementName="bare", buttons=[]),
]


class StandIn:
    """Gupshup's stand-in, and what can be done to it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def become(self, **options: Any) -> None:
        """Change how it behaves."""
        assert (await self.http.post("/control/options", json=options)).status_code == 200


@pytest.fixture
async def gupshup(outside: Outside) -> AsyncIterator[StandIn]:
    """Gupshup's stand-in with the platform's app, asked by the pages."""
    known = {"id": APP_ID, "name": APP, "phone": PHONE, "api_key": KEY, "templates": TEMPLATES}
    server = create_app({"apps": [known]}, pace=0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url=URL) as http:
        pages = next(route for route in outside.app.router.routes if isinstance(route, Mount))
        resources = replace(outside.services.resources, gupshup=Gupshup(http, base_url=URL))
        pages.app.state.services = replace(outside.services, resources=resources)  # type: ignore[attr-defined]  # the portal
        yield StandIn(http)
    await server.state.network.close()


@pytest.fixture
async def connected(outside: Outside, gupshup: StandIn, staff: Somebody) -> Somebody:
    """Somebody of staff, once the account has the stand-in's key and there are prices."""
    assert isinstance(gupshup, StandIn)
    await connect(staff)
    async with outside.stage.database.transaction() as session:
        for category, paise in (("utility", 35), ("service", 0)):
            await billing.set_price(session, category, paise, valid_from=outside.stage.clock())
    return staff


async def connect(who: Somebody, **changes: str) -> Somebody:
    """Fill in the form."""
    await who.open("/ops/account/connect")
    filled = {"api_key": KEY, "app_id": APP_ID, "app_name": APP, "phone": "+91 80471 00020"} | changes
    return await who.press("Connect and verify", **filled)


async def rows_of(outside: Outside, workspace_id: str) -> list[Notification]:
    """Return what a workspace has for a failed delivery through the platform's account."""
    async with outside.stage.database.transaction() as session:
        return list(await notifications.list_of_event(session, workspace_id, ACCOUNT, "failed_delivery"))


async def actions_of(outside: Outside) -> list[tuple[str, str]]:
    """Return what the platform's audit says was done, newest first."""
    async with outside.stage.database.transaction() as session:
        return [(each.action, each.detail) for each in await audit.list_records(session, PLATFORM)]


async def test_key_is_replaced_after_password_and_check_and_never_shown(
    outside: Outside, gupshup: StandIn, staff: Somebody
) -> None:
    """R2.2, R2.3, S11: the account keeps its id and address, the key shows its last four characters alone."""
    assert isinstance(gupshup, StandIn)
    async with outside.stage.database.transaction() as session:
        await accounts.set_attention(session, ACCOUNT, "the key is <i>refused</i>")
    await staff.open("/ops/account")
    assert "the key is <i>refused</i>" in staff.words
    assert "Used by 2 workspaces" in staff.words
    outside.stage.clock.pass_by(minutes=11)
    await staff.follow("Replace the key")
    assert staff.heading == "Enter your password again"
    await staff.press("Continue", password=PASSWORD)
    await connect(staff)
    assert "The new API key is used from now on." in staff.toast
    assert "•••• 0001" in staff.words
    assert KEY not in staff.answer.text
    assert "refused" not in staff.words
    async with outside.stage.database.transaction() as session:
        stored = await accounts.get_credentials(session, outside.stage.cipher, ACCOUNT)
    assert (stored.api_key, stored.phone) == (KEY, PHONE)
    assert (await actions_of(outside))[0] == ("app.reconnected", "ExampleStore, +91 80471 00020")


@pytest.mark.usefixtures("gupshup")
@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"api_key": ""}, "api_key", "Enter the API key"),
        ({"api_key": "sk_wrong_wrong_wrong"}, "api_key", "does not accept this API key"),
        ({"app_name": "examplestore"}, "app_name", "Check the spelling"),
        ({"app_id": "another-app"}, "app_id", f"Enter that one’s ID: {APP_ID}"),
        ({"phone": "80471 00020"}, "phone", "with its country code"),
    ],
)
async def test_wrong_entry_stands_at_its_field_and_nothing_is_stored(
    outside: Outside, staff: Somebody, changes: dict[str, str], field: str, words: str
) -> None:
    """R2.2: the account stays connected as it was."""
    await connect(staff, **changes)
    assert staff.answer.status_code == 422
    assert words in staff.error_of(field)
    assert "Nothing has been stored. ExampleStore stays connected as it was." in staff.words
    async with outside.stage.database.transaction() as session:
        assert (await accounts.get_credentials(session, outside.stage.cipher, ACCOUNT)).api_key == "key"


async def test_gupshup_that_is_down_is_told_in_a_banner(staff: Somebody, gupshup: StandIn) -> None:
    """R2.2: no field is at fault."""
    await gupshup.become(down=True)
    await connect(staff)
    assert staff.answer.status_code == 422
    assert "Gupshup did not answer, so we could not check." in staff.words


async def test_template_is_saved_in_each_language_and_taken_into_every_workspace(
    outside: Outside, connected: Somebody
) -> None:
    """R4.4: sellers' copies change with it, what is on stays on, a new language comes along."""
    await outside.stage.switch("nakshi", on=False)
    await connected.open("/ops/account")
    await connected.follow("Failed delivery")
    await connected.press("Check template", chosen=template_id("en"))
    assert "Found in English and Hindi" in connected.words
    assert "Utility, ₹0.35 each" in connected.words
    bubble = connected.page.select_one(".bubble")
    assert bubble is not None
    assert "<b>What now?</b>" in bubble.get_text()
    assert "your order" in [mark.get_text() for mark in bubble.find_all("strong")]
    await connected.press("Save for every workspace", value_1="customer_name", value_2="")
    assert "Choose a value for placeholder 2" in connected.error_of("value_2")
    assert await rows_of(outside, PLATFORM) == []
    await connected.press(
        "Save for every workspace", value_1="customer_name", fallback_1="there", value_2="customer_order_id"
    )
    assert "Failed delivery is saved. 1 workspace sends it from now on." in connected.toast
    for workspace_id, is_on in ((PLATFORM, True), ("kapaskraft", True), ("nakshi", False)):
        rows = await rows_of(outside, workspace_id)
        assert [(row.language, row.template_id, row.is_on, row.attention) for row in rows] == [
            ("en", template_id("en"), is_on, ""),
            ("hi", template_id("hi"), is_on, ""),
        ]
        assert rows[0].params == (
            notifications.Param("customer_name", "there"),
            notifications.Param("customer_order_id"),
        )
    assert (await actions_of(outside))[0] == ("platform_template.saved", "delivery_failed (en, hi)")
    assert "delivery_failed Utility en, hi Offered 1 workspace" in connected.words


async def test_other_category_is_not_sent_before_sellers_accept_its_price(
    outside: Outside, connected: Somebody
) -> None:
    """R4.4: what they have goes on being sent; nothing is offered that has no price (R5.4)."""
    values = {"value_1": "customer_name", "value_2": "customer_order_id"}
    await connected.open(EVENT)
    await connected.press("Check template", chosen=template_id("other"))
    await connected.press("Save for every workspace", **values)
    assert "The rate card has no price for marketing messages. Set it there first." in connected.words
    assert await rows_of(outside, PLATFORM) == []
    async with outside.stage.database.transaction() as session:
        await billing.set_price(session, "marketing", 90, valid_from=outside.stage.clock())
    await connected.press("Save for every workspace", **values)
    assert "2 workspaces must accept the other price first." in connected.toast
    (copy,) = await rows_of(outside, "kapaskraft")
    assert (copy.category, copy.is_on, copy.attention) == ("UTILITY", True, "")


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ("", "Enter the template ID"),
        ("123", "A template ID has 36 characters"),
        (template_id("nowhere"), "Your account has no template with this ID."),
        (template_id("pending"), "status PENDING"),
        (template_id("bare"), "Add these quick-reply buttons"),
    ],
)
async def test_template_that_cannot_be_sent_is_not_saved(
    outside: Outside, connected: Somebody, entered: str, words: str
) -> None:
    """R4.3, R4.7: said in the same words as to a seller."""
    await connected.open(EVENT)
    await connected.press("Check template", template_id=entered)
    assert words in connected.words
    assert await rows_of(outside, PLATFORM) == []


async def test_page_works_while_gupshup_is_down(connected: Somebody, gupshup: StandIn) -> None:
    """What was last read is shown, and that it is not of now."""
    await gupshup.become(down=True)
    await connected.open(EVENT)
    assert "Gupshup did not answer at" in connected.words
    assert "delivery_failed (English, Hindi)" in connected.words
    assert (await connected.open("/ops/account/templates/nothing")).answer.status_code == 404
