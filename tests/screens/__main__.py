"""Start the stack, give one shop a past and a live conversation, and take a picture of every page, three ways each."""

import asyncio
import itertools
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Browser, BrowserContext

from bootstrap.resources import cipher_of, utc_now
from bootstrap.settings import Settings
from db.session import Database
from ops.seeded_people import SeededPerson
from ops.stack import Ports, Stack
from tests.browser import SHOTS, chromium
from tests.e2e.driving import DrivenStory
from tests.e2e.seller import signed_in
from tests.screens.past import Shop, write

_PAST_ORDERS = 96
_LOOKS = (("light", 1280, "light"), ("dark", 1280, "dark"), ("360", 360, "light"))


@dataclass(frozen=True, slots=True)
class Screen:
    """A page to take a picture of: its name, its address, and who sees it (by address of the seed)."""

    name: str
    path: str
    who: str = "owner@kapaskraft.example"


def screens(open_order: str, waiting_order: str) -> tuple[Screen, ...]:
    """Return every page, with something to show and with nothing."""
    newcomer, member, shared, ops = (
        f"{who}.example"
        for who in ("owner@chanderi", "member@kapaskraft", "owner@nilgiritea", "ops@eshopbox")
    )
    return (
        Screen("apps", "/apps"),
        Screen("apps-nothing", "/apps", newcomer),
        Screen("apps-connect", "/apps/gupshup/connect", newcomer),
        Screen("apps-member", "/apps", member),
        Screen("apps-uninstall", "/apps/client/uninstall"),
        Screen("channel", "/channel"),
        Screen("channel-nothing", "/channel", newcomer),
        Screen("notifications", "/notifications"),
        Screen("notifications-shared", "/notifications", shared),
        Screen("notifications-nothing", "/notifications", newcomer),
        Screen("setup", "/notifications/failed_delivery"),
        Screen("setup-shared", "/notifications/failed_delivery", shared),
        Screen("unexpected", "/unexpected"),
        Screen("unexpected-shared", "/unexpected", shared),
        Screen("unexpected-nothing", "/unexpected", newcomer),
        Screen("orders", "/orders"),
        Screen("orders-nothing", "/orders", newcomer),
        Screen("orders-all", "/orders?tab=all"),
        Screen("order", f"/orders/{open_order}"),
        Screen("order-waiting", f"/orders/{waiting_order}"),
        Screen("charges", "/charges", shared),
        Screen("charges-own", "/charges"),
        Screen("insights", "/insights"),
        Screen("insights-nothing", "/insights", newcomer),
        Screen("help-variables", "/help/variables"),
        Screen("help-templates", "/help/templates"),
        Screen("help-failed-delivery", "/help/failed-delivery"),
        Screen("account", "/account"),
        Screen("account-people", "/account/people"),
        Screen("not-found", "/no-such-page"),
        *(
            Screen(f"ops-{name}", f"/ops/{name}", ops)
            for name in (
                "attention", "workspaces", "workspaces/kapaskraft", "account", "rates", "texts", "samples", "callbacks", "audit",
            )
        ),
    )  # fmt: skip


async def main() -> int:
    """Take all pictures and return how many pages could not be shown."""
    directory = _directory()
    try:
        async with Stack(directory, Ports.any(), say=print, replaced={}) as stack:
            open_order, waiting_order = await _furnish(stack)
            async with chromium() as browser:
                return await _shoot_all(browser, stack, screens(open_order, waiting_order))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _directory() -> Path:
    made = Path(tempfile.mkdtemp(prefix="rescue-screens-"))
    made.chmod(0o711)  # as root, PostgreSQL runs as another user that must get through
    return made


async def _furnish(stack: Stack) -> tuple[str, str]:
    """Give two shops a past, and one a conversation under way and one that waits for the seller."""
    settings = Settings(_env_file=None, **stack._as_settings())  # type: ignore[call-arg, arg-type]
    database = Database(stack.addresses.database, pool_size=2, name="screens")
    try:
        for workspace in stack.seed.workspaces[:2]:
            account = stack.seed.account_of(workspace)
            shop = Shop(workspace.slug, account.id, account.owner)
            await write(database, cipher_of(settings), shop, now=utc_now(), count=_PAST_ORDERS)
    finally:
        await database.dispose()
    async with httpx.AsyncClient(trust_env=False, timeout=20.0) as http:
        stories = [_story(stack, http, number) for number in range(2)]
        for story in stories:
            await story.fail_delivery()
        under_way, waiting = stories
        message = await under_way.message("could not deliver")
        await under_way.reply("text", text="bhaiya main ghar pe hi thi, koi nahi aaya")
        await under_way.reply("location", latitude=12.9352, longitude=77.6245, name="17th Main Road")
        await under_way.message("", within=10.0)
        await under_way.tap(message, "Choose another date")
        message = await waiting.message("could not deliver")
        for words in ("hm", "what is this", "??"):
            await waiting.reply("text", text=words)
            await asyncio.sleep(1.0)
        await waiting.message("team")
    return under_way.order_id, waiting.order_id


def _story(stack: Stack, http: httpx.AsyncClient, number: int) -> DrivenStory:
    seller = stack.seed.workspaces[0]
    return DrivenStory(
        title="",
        reason="unavailable",
        phone=str(919999940001 + number),
        workspace=seller,
        app=stack.seed.account_of(seller).app_name,
        http=http,
        stack=stack,
    )


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
