"""The phone on the screen in headless Chromium, through one whole story on the running stack."""

import asyncio
import os
import shutil

import pytest
from playwright.async_api import Page, async_playwright, expect

from ops.stack import ROOT, Stack
from tests.e2e.conftest import NewStory

pytestmark = [pytest.mark.processes, pytest.mark.temporal, pytest.mark.browser]

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
_QUIET = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SHOTS = ROOT / "var" / "screenshots"


def _need_browser() -> str:
    if _CHROMIUM is None:
        assert not os.environ.get("CI"), "CI installs Chromium: .ci/run"
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return _CHROMIUM


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
async def test_story_on_the_phone(new_story: NewStory, stack: Stack, width: int, height: int) -> None:
    """A failed delivery arrives; one taps, chooses a day in the sheet, and reads that it is done (R8.5)."""
    browser_path = _need_browser()
    story = new_story()
    await story.fail_delivery()
    await story.message("could not deliver")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=_QUIET)
        page = await browser.new_page(viewport={"width": width, "height": height})
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        await page.goto(f"{stack.addresses.phone}/{story.phone}/{story.app}")
        await expect(page.get_by_text("We missed you today").first).to_be_visible()
        await _shoot(page, f"phone-{width}-template")
        await page.get_by_role("button", name="Choose another date").click()
        await page.get_by_role("link", name="Choose a day").click()
        await asyncio.sleep(0.5)  # the sheet slides in
        await _shoot(page, f"phone-{width}-days")
        await page.get_by_role("radio").nth(1).check()
        await page.get_by_role("button", name="Send", exact=True).last.click()
        await expect(page.locator(".bubble").get_by_text("Done. Delhivery will come on")).to_be_visible(
            timeout=20_000
        )
        await asyncio.sleep(1.5)  # the customer reads it
        await _shoot(page, f"phone-{width}-done")
        overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, "the page scrolls sideways"
        await browser.close()
    assert troubles == []
    await story.accepted("ACTF002")
    await story.ended()


async def _shoot(page: Page, name: str) -> None:
    """Take a picture, and make sure that it is one of something: a blank page packs into almost nothing."""
    _SHOTS.mkdir(parents=True, exist_ok=True)
    picture = await page.screenshot(path=_SHOTS / f"{name}.png")
    assert len(picture) > 10_000
