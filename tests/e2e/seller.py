"""A seller at the portal, in a real browser."""

from dataclasses import dataclass
from time import time

import pyotp
from playwright.async_api import Browser, Locator, Page, expect

from ops.stack import Stack
from tests.browser import sideways, troubles_of

_CODE_SECONDS = 30


@dataclass
class Seller:
    """Somebody who is signed in, and what their browser complained about.

    Attributes:
        page: What they see.
        portal: Where the portal is.
        troubles: Errors of scripts and of the policy; none is expected.
    """

    page: Page
    portal: str
    troubles: list[str]

    async def open(self, path: str) -> None:
        """Open a page by its address."""
        await self.page.goto(f"{self.portal}{path}")

    async def follow(self, words: str, *, exact: bool = True) -> None:
        """Follow a link."""
        await self.page.locator("main").get_by_role("link", name=words, exact=exact).first.click()

    async def go(self, words: str) -> None:
        """Go to a page by the navigation."""
        await self.page.get_by_role("navigation", name="Main").get_by_role("link", name=words).first.click()

    async def press(self, words: str, *, exact: bool = True) -> None:
        """Press a button."""
        await self.page.locator("main").get_by_role("button", name=words, exact=exact).first.click()

    async def fill(self, label: str, value: str) -> None:
        """Fill in a field."""
        await self.page.get_by_label(label).first.fill(value)

    def main(self) -> Locator:
        """Return the page's main part."""
        return self.page.locator("main")

    async def reads(self, words: str, *, within: float = 15.0) -> None:
        """Wait until the page says something."""
        await expect(self.main()).to_contain_text(words, timeout=within * 1000)

    async def error_at(self, label: str, words: str) -> None:
        """Make sure that a field is marked wrong, and that it says what is wrong."""
        field = self.page.get_by_label(label).first
        await expect(field).to_have_attribute("aria-invalid", "true", timeout=15_000)
        described = (await field.get_attribute("aria-describedby") or "").split()
        said = " ".join([await self.page.locator(f"#{each}").inner_text() for each in described])
        assert words in said, f"{label}: {said}"

    async def is_calm(self) -> None:
        """Make sure that nothing scrolls sideways and nothing complained."""
        assert await sideways(self.page) == 0, self.page.url
        assert self.troubles == [], self.page.url


async def signed_in(browser: Browser, stack: Stack, email: str, **context: object) -> Seller:
    """Sign in as somebody of the seed, with the second step where they have one."""
    person = next(each for each in stack.seed.people if each.email == email)
    return await sign_in(
        browser, stack, email, password=person.password, totp_secret=person.totp_secret, **context
    )


async def sign_in(
    browser: Browser, stack: Stack, email: str, *, password: str, totp_secret: str, **context: object
) -> Seller:
    """Sign in at the form."""
    page = await (await browser.new_context(**context)).new_page()  # type: ignore[arg-type]  # the browser's own options
    seller = Seller(page, stack.addresses.api, troubles_of(page))
    await seller.open("/sign-in")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    while totp_secret:
        await page.get_by_label("Six-digit code").fill(pyotp.TOTP(totp_secret).now())
        await page.get_by_role("button", name="Continue").click()
        await page.wait_for_load_state()
        if await page.get_by_role("navigation", name="Main").count():
            break
        # Each code counts once, and another test may have used this one: the next is half a minute away.
        assert "used already" in await seller.main().inner_text()
        await page.wait_for_timeout((_CODE_SECONDS - time() % _CODE_SECONDS) * 1000 + 200)
    await expect(page.get_by_role("navigation", name="Main").first).to_be_attached()
    return seller
