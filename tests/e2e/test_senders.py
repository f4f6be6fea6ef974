"""Which account sends at first: the five scenarios of a seller's first installations, in headless Chromium."""

from collections.abc import AsyncIterator

import pyotp
import pytest
from playwright.async_api import Browser, expect

from bootstrap.passwords import Passwords
from bootstrap.resources import cipher_of
from bootstrap.settings import Settings
from db import people, workspaces
from db.people import Role
from db.session import Database
from db.workspaces import Workspace
from ops.spare_apps import OF_ANOTHER_KEY
from ops.stack import Stack
from tests.browser import chromium, need_browser
from tests.e2e.seller import Seller, sign_in

pytestmark = [pytest.mark.processes, pytest.mark.temporal, pytest.mark.browser]

_PASSWORD = "walnut-carrot-jetty-plough"
_NUMBER = "Registered WhatsApp business phone number (with country code)"
_ESHOPBOX, _OWN = "Eshopbox account", "Your own Gupshup account"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser."""
    need_browser()
    async with chromium() as started:
        yield started


async def _newcomer(browser: Browser, stack: Stack, slug: str) -> Seller:
    """Add a workspace in which nothing is installed, and sign its owner in."""
    settings = Settings(_env_file=None, **stack._as_settings())  # type: ignore[call-arg, arg-type]  # as its own programs get them
    database, cipher = Database(stack.addresses.database, pool_size=1), cipher_of(settings)
    email, secret = f"owner@{slug}.example", pyotp.random_base32()
    kept = await Passwords().hash(_PASSWORD)
    try:
        async with database.transaction() as session:
            await workspaces.add_workspace(session, Workspace(slug, slug.title(), slug.title()))
            person = await people.add_person(
                session,
                workspace_id=slug,
                email=email,
                name="Devika Rane",
                role=Role.OWNER,
                password_hash=kept,
                password_is_temporary=False,
            )
            await people.set_totp(session, cipher, person.id, secret)
    finally:
        await database.dispose()
    return await sign_in(browser, stack, email, password=_PASSWORD, totp_secret=secret)


async def _install_own(seller: Seller) -> None:
    await seller.open("/apps/gupshup/connect")
    await seller.fill("API key", OF_ANOTHER_KEY.api_key)
    await seller.fill("App ID", OF_ANOTHER_KEY.id)
    await seller.fill("App name", OF_ANOTHER_KEY.name)
    await seller.fill(_NUMBER, f"+{OF_ANOTHER_KEY.phone}")
    await seller.press("Connect and verify")
    await seller.reads("Webhook address")


async def _install_eshopbox(seller: Seller) -> None:
    await seller.open("/apps")
    await seller.press("Install the Eshopbox account")
    await seller.reads("Installed")


async def _uninstall_own(seller: Seller) -> None:
    """Let the next scenario have the number."""
    await seller.open("/apps/client/uninstall")
    await seller.press("Uninstall", exact=False)
    await seller.page.wait_for_url("**/apps")


@pytest.mark.parametrize(
    ("slug", "installs", "selected"),
    [
        ("onlyeshopbox", "e", _ESHOPBOX),
        ("onlyown", "o", _OWN),
        ("eshopboxfirst", "eo", _ESHOPBOX),
        ("ownfirst", "oe", _OWN),
    ],
)
async def test_account_installed_first_is_the_sender(
    browser: Browser, stack: Stack, slug: str, installs: str, selected: str
) -> None:
    """R3.1: a second account never takes over by itself."""
    seller = await _newcomer(browser, stack, slug)
    for install in installs:
        await (_install_eshopbox if install == "e" else _install_own)(seller)
    await seller.go("Communication channel")
    chosen = seller.page.get_by_role("radio", checked=True)
    await expect(chosen).to_have_count(1)
    await expect(seller.page.locator("label.choice", has=chosen)).to_contain_text(selected)
    await seller.is_calm()
    if "o" in installs:
        await _uninstall_own(seller)


async def test_nothing_installed_selects_nothing(browser: Browser, stack: Stack) -> None:
    """R3.1: no selection, and the link that installs the app."""
    seller = await _newcomer(browser, stack, "nothing")
    await seller.go("Communication channel")
    await expect(seller.page.get_by_role("radio")).to_have_count(0)
    await seller.follow("Install the Gupshup app")
    await seller.page.wait_for_url("**/apps")
    await seller.is_calm()
