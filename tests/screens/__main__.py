"""Start the stack, give one shop a past and a live conversation, and take a picture of every page, three ways each."""

import asyncio
import itertools
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext

from ops.seeded_people import SeededPerson
from ops.stack import Ports, Stack
from tests.browser import SHOTS, chromium
from tests.e2e.seller import signed_in
from tests.screens.pages import Screen, furnish, screens

_LOOKS = (("light", 1280, "light"), ("dark", 1280, "dark"), ("360", 360, "light"))


async def main() -> int:
    """Take all pictures and return how many pages could not be shown."""
    directory = _directory()
    try:
        async with Stack(directory, Ports.any(), say=print, replaced={}) as stack:
            open_order, waiting_order = await furnish(stack)
            async with chromium() as browser:
                return await _shoot_all(browser, stack, screens(open_order, waiting_order))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _directory() -> Path:
    made = Path(tempfile.mkdtemp(prefix="rescue-screens-"))
    made.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    return made


async def _shoot_all(browser: Browser, stack: Stack, pages: tuple[Screen, ...]) -> int:
    SHOTS.mkdir(parents=True, exist_ok=True)
    failed = 0
    for who, theirs in itertools.groupby(sorted(pages, key=lambda each: each.who), key=lambda each: each.who):
        person = next(each for each in stack.seed.people if each.email == who)
        async with _session(browser, stack, person) as state:
            for page in theirs:
                failed += await _shoot(browser, stack, page, state)
    print(f"{len(pages) * len(_LOOKS)} pictures in {SHOTS}")
    return failed


@asynccontextmanager
async def _session(browser: Browser, stack: Stack, person: SeededPerson) -> AsyncIterator[BrowserContext]:
    seller = await signed_in(browser, stack, person.email)
    yield seller.page.context
    await seller.page.context.close()


async def _shoot(browser: Browser, stack: Stack, screen: Screen, signed_in_as: BrowserContext) -> int:
    state = await signed_in_as.storage_state()
    for look, width, scheme in _LOOKS:
        context = await browser.new_context(
            storage_state=state,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = await context.new_page()
        answer = await page.goto(f"{stack.addresses.api}{screen.path}")
        await page.screenshot(path=SHOTS / f"{screen.name.replace('/', '-')}-{look}.png", full_page=True)
        await context.close()
        is_missing = screen.name == "not-found"
        if answer is None or (answer.status >= 400) is not is_missing:
            print(f"{screen.path}: {answer.status if answer else 'no answer'}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
