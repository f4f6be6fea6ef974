"""Every page with the address at which it has something to show, or nothing; and the stack that it is shown on."""

import asyncio
from dataclasses import dataclass

import httpx

from bootstrap.resources import cipher_of, utc_now
from bootstrap.settings import Settings
from db.session import Database
from ops.stack import Stack
from tests.e2e.driving import DrivenStory
from tests.screens.past import Shop, write

_PAST_ORDERS = 96


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
                "attention", "workspaces", "workspaces/kapaskraft", "account", "rates", "charges", "texts", "samples", "callbacks", "audit",
            )
        ),
    )  # fmt: skip


async def furnish(stack: Stack) -> tuple[str, str]:
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
        phone=str(919999900001 + number),
        workspace=seller,
        app=stack.seed.account_of(seller).app_name,
        http=http,
        stack=stack,
    )
