"""Every page in headless Chromium: usable by everybody, as wide as its window, in both schemes, and quiet."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, StorageState

from ops.stack import Ports, Stack
from tests.browser import chromium, need_browser, sideways, troubles_of
from tests.e2e.seller import signed_in
from tests.screens.pages import Screen, furnish, screens

pytestmark = [pytest.mark.processes, pytest.mark.temporal, pytest.mark.browser]

_AT_ONCE = 3
_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@pytest.fixture
async def shop(stack_directory: Path) -> AsyncIterator[tuple[Stack, tuple[Screen, ...]]]:
    """A stack of its own, whose shops have a past."""
    need_browser()
    async with Stack(stack_directory / "pages", Ports.any(), say=print) as stack:
        yield stack, screens(*await furnish(stack))


async def test_every_page_can_be_used_by_everybody(shop: tuple[Stack, tuple[Screen, ...]]) -> None:
    """WCAG 2.2 AA as far as axe can tell, light and dark; no page scrolls sideways on a phone; none complains."""
    stack, pages = shop
    busy = asyncio.Semaphore(_AT_ONCE)
    async with chromium() as browser:

        async def look(screen: Screen, state: StorageState) -> list[str]:
            async with busy:
                return await _look(browser, stack, screen, state)

        looks = []
        for who, theirs in itertools.groupby(sorted(pages, key=_who), key=_who):
            seller = await signed_in(browser, stack, who)
            state = await seller.page.context.storage_state()
            looks += [look(screen, state) for screen in theirs]
        found = [trouble for troubles in await asyncio.gather(*looks) for trouble in troubles]
    assert found == []


def _who(screen: Screen) -> str:
    return screen.who


async def _look(browser: Browser, stack: Stack, screen: Screen, state: StorageState) -> list[str]:
    # Without motion: between two schemes a colour would be measured half way.
    context = await browser.new_context(
        storage_state=state, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    page = await context.new_page()
    troubles = troubles_of(page)
    answer = await page.goto(f"{stack.addresses.api}{screen.path}")
    assert answer is not None
    found = [] if answer.ok or screen.name == "not-found" else [f"{screen.path}: {answer.status}"]
    # The policy of pages lets no script in but their own; the browser's own tools are not bound by it.
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        result = await Axe().run(page, options=_RULES)
        assert result.response["passes"], "axe looked at nothing"
        found += [
            f"{screen.path} ({scheme}): {each['id']}: {each['nodes'][0]['html'][:120]}"
            for each in result.response["violations"]
        ]
    await page.set_viewport_size({"width": 360, "height": 740})
    if wide := await sideways(page):
        found.append(f"{screen.path}: {wide} px too wide at 360")
    found += [f"{screen.path}: {said}" for said in troubles]
    await context.close()
    return found
