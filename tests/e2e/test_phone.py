"""The phone on the screen in headless Chromium, through one whole story on the running stack."""

import asyncio

import pytest
from playwright.async_api import expect

from ops.stack import Stack
from tests.browser import chromium, need_browser, shoot, sideways, troubles_of
from tests.e2e.conftest import NewStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal, pytest.mark.browser]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
async def test_story_on_the_phone(new_story: NewStory, stack: Stack, width: int, height: int) -> None:
    """A failed delivery arrives; one taps, chooses a day in the sheet, and reads that it is done (R8.5)."""
    need_browser()
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": width, "height": height})
        troubles = troubles_of(page)
        await page.goto(f"{stack.addresses.phone}/{story.phone}/{story.app}")
        await expect(page.get_by_text("We missed you today").first).to_be_visible()
        await shoot(page, f"phone-{width}-template")
        await page.get_by_role("button", name="Choose another date").click()
        await page.get_by_role("link", name="Choose a day").click()
        await asyncio.sleep(0.5)  # the sheet slides in
        await shoot(page, f"phone-{width}-days")
        await page.get_by_role("radio").nth(1).check()
        await page.get_by_role("button", name="Send", exact=True).last.click()
        await expect(page.locator(".bubble").get_by_text("Done. Delhivery will come on")).to_be_visible(
            timeout=20_000
        )
        await asyncio.sleep(1.5)  # the customer reads it
        await shoot(page, f"phone-{width}-done")
        assert await sideways(page) == 0
    assert troubles == []
    await story.accepted("ACTF002")
    await story.ended()
