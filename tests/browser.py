"""Headless Chromium: Debian's own, quiet; skipped with a clear word where there is none, never in CI."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from ops.stack import ROOT

SHOTS = ROOT / "var" / "screenshots"
"""Where pictures go; git ignores it."""

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
_LEAST_BYTES = 10_000


def need_browser() -> str:
    """Return where Chromium is; skip the test where it is nowhere."""
    if _CHROMIUM is None:
        assert not os.environ.get("CI"), "CI installs Chromium: .ci/run"
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return _CHROMIUM


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser, and close it at the end."""
    path = need_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_QUIET)
        try:
            yield browser
        finally:
            await browser.close()


def troubles_of(page: Page) -> list[str]:
    """Return a list that fills with whatever the page's scripts and its policy complain about."""
    troubles: list[str] = []

    def heard(said: ConsoleMessage) -> None:
        # Chromium also logs every answer of 400 and more, such as the page of a form with errors.
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            troubles.append(said.text)

    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", heard)
    return troubles


async def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    """Take a picture, and make sure that it is one of something: a blank page packs into almost nothing."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    picture = await page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)
    assert len(picture) > _LEAST_BYTES, name


async def sideways(page: Page) -> int:
    """Return by how many pixels the page can be scrolled sideways."""
    found: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(found, 0)
