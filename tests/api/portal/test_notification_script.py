"""The notifications' pages in headless Chromium: what the script saves of page loads, over the real app."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.async_api import Page, ViewportSize, expect

from api.portal.visits import cookie_name
from db import notifications
from tests.api.conftest import Outside
from tests.api.portal.notification_stage import gupshup_of, install_own, saved, template_id
from tests.api.portal.somebody import Somebody
from tests.api.portal.test_notifications import ROW
from tests.browser import chromium, sideways, troubles_of

pytestmark = pytest.mark.browser

_WIDE, _NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)


@dataclass
class Window:
    """A page of somebody who is signed in, and what its console complains about."""

    page: Page
    base: str
    troubles: list[str]

    async def open(self, path: str) -> None:
        """Open an address of the portal."""
        await self.page.goto(self.base + path)


@pytest.fixture
async def window(outside: Outside, owner: Somebody) -> AsyncIterator[Window]:
    """The owner's browser before the app, Gupshup's stand-in behind it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(outside.app, lifespan="off", log_level="error"))
        async with gupshup_of(outside), chromium() as browser:
            await install_own(outside)
            serving = asyncio.create_task(server.serve(sockets=[taken]))
            name, _ = cookie_name(outside.services, "session")
            context = await browser.new_context(viewport=_WIDE)
            await context.add_cookies(
                [{"name": name, "value": owner.http.cookies.get(name) or "", "url": base}]
            )
            page = await context.new_page()
            yield Window(page, base, troubles_of(page))
            await context.close()
            server.should_exit = True
            await serving


async def test_choosing_a_template_checks_it_and_typing_previews_it(outside: Outside, window: Window) -> None:
    """R4.3, R4.5, R4.6: without a page load, without losing what was entered; saved it is sent from now on."""
    page = window.page
    await window.open("/notifications/failed_delivery")
    await page.get_by_label("Approved template of your account").select_option(template_id("links_first"))
    await expect(page.locator("#check")).to_contain_text("1 placeholder")
    await expect(page.locator("#answers")).to_contain_text("“Track parcel” opens a page")
    await page.get_by_label("Value for placeholder 1").select_option("customer_name")
    await expect(page.locator("#preview .bubble__body")).to_have_text("Hi Asha Rao, it failed.")
    await expect(page.locator("#value_1-sample")).to_have_text("Sample: Asha Rao")
    await page.get_by_label("Value for placeholder 1").select_option("")
    await page.get_by_label("Text if it is missing").fill("*friend*")
    await expect(page.locator("#preview .bubble__body")).to_have_text("Hi *friend*, it failed.")
    assert await page.locator("#preview strong").all_inner_texts() == ["it failed"]
    await page.get_by_role("button", name="Save and switch on").click()
    await expect(page.locator(".toast")).to_contain_text("Failed delivery is on.")
    assert [row.is_on for row in await saved(outside, "failed_delivery")] == [True]
    assert window.troubles == []


async def test_pasted_id_of_a_rejected_template_is_told_at_once(window: Window) -> None:
    """R4.3: read out as a result; there is nothing to save then."""
    page = window.page
    await window.open("/notifications/failed_delivery")
    await page.get_by_text("Paste a template ID instead").click()
    await page.get_by_label("Template ID").fill(template_id("is_rejected"))
    await page.get_by_label("Template ID").blur()
    await expect(page.locator("#check")).to_contain_text("status REJECTED")
    await expect(page.get_by_role("button", name="Save and switch on")).to_have_count(0)
    assert window.troubles == []


async def test_switch_flips_in_the_background_or_leads_to_the_set_up(
    outside: Outside, window: Window
) -> None:
    """R4.1 portal: what is set up stays on the page, what is not goes to its set-up."""
    async with outside.stage.database.transaction() as session:
        await notifications.save_notification(session, ROW)
    page = window.page
    await window.open("/notifications")
    switch = page.get_by_role("switch", name="WhatsApp notification for Failed delivery")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await switch.click()
    await expect(page.locator(".toast")).to_contain_text("Failed delivery is off.")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await page.get_by_role("button", name="Undo").click()
    await expect(switch).to_have_attribute("aria-checked", "true")
    await page.get_by_role("switch", name="WhatsApp notification for Packed").click()
    await page.wait_for_url("**/notifications/packed")
    assert window.troubles == []


@pytest.mark.parametrize("path", ["/notifications", "/notifications/failed_delivery"])
async def test_nothing_scrolls_sideways_on_a_phone(window: Window, path: str) -> None:
    """At 360 pixels, with the longest names."""
    await window.page.set_viewport_size(_NARROW)
    await window.open(f"{path}?template={template_id('delivery_failed_v3')}")
    assert await sideways(window.page) == 0
