"""A seller's whole way through the portal, in headless Chromium on the running stack."""

import pytest
from playwright.async_api import expect

from domain.journey import JOURNEY
from ops.spare_apps import OF_ANOTHER_KEY, READY
from ops.stack import Stack
from tests.browser import chromium, need_browser, shoot
from tests.e2e.conftest import NewStory
from tests.e2e.seller import Seller, signed_in

pytestmark = [pytest.mark.processes, pytest.mark.temporal, pytest.mark.browser]

_NUMBER = "Registered WhatsApp business phone number (with country code)"
_NOTHING_STORED = "Nothing has been stored."


async def test_seller_goes_the_whole_way_with_both_accounts(stack: Stack, new_story: NewStory) -> None:
    """From nothing installed to a rescued delivery and what it cost: own account first, then Eshopbox's.

    R2.1, R2.2, R3.1, R3.2, R4.3, R4.4, R4.5, R4.6, R5.1, R5.3, R5.4
    """
    need_browser()
    async with chromium() as browser:
        seller = await signed_in(browser, stack, "owner@chanderi.example")
        await seller.reads("Gupshup app")
        await _connect(seller)
        await _choose_template(seller)
        await _rescue(seller, new_story, READY.name)
        await _follow_a_parcel(seller, new_story)
        await _change_to_eshopbox(seller)
        order = await _rescue(seller, new_story, stack.seed.accounts[1].app_name)
        await seller.go("Charges")
        await seller.reads("Failed delivery")
        await seller.reads("₹0.35")
        await shoot(seller.page, "portal-charges", whole=True)
        await seller.is_calm()
        await seller.open(f"/orders?q={order}")
        await seller.reads(order)


async def _connect(seller: Seller) -> None:
    """Install one's own account: a wrong key, another account's number, then right."""
    await seller.follow("Connect your Gupshup account")
    await seller.fill("API key", "sk_nobodys")
    await seller.fill("App ID", READY.id)
    await seller.fill("App name", READY.name)
    await seller.fill(_NUMBER, f"+{READY.phone}")
    await seller.press("Connect and verify")
    await seller.error_at("API key", "Gupshup does not accept this API key")
    await seller.reads(_NOTHING_STORED)
    await seller.fill("API key", READY.api_key)
    await seller.fill(_NUMBER, f"+{OF_ANOTHER_KEY.phone}")
    await seller.press("Connect and verify")
    await seller.error_at(_NUMBER, "does not belong to the app")
    await shoot(seller.page, "portal-connect-error", whole=True)
    await seller.fill("API key", READY.api_key)
    await seller.fill(_NUMBER, f"+{READY.phone}")
    await seller.press("Connect and verify")
    await seller.reads("Sending now")
    await seller.press("Set it at Gupshup for me")
    await seller.is_calm()
    await seller.go("Communication channel")
    await seller.reads("Your own Gupshup account")
    await seller.is_calm()


async def _choose_template(seller: Seller) -> None:
    """Switch failed delivery on: an unknown id, one in review, a rejected one, then the approved one."""
    await seller.go("Notifications")
    await seller.follow("Failed delivery")
    for template_id, words in (
        ("00000000-0000-4000-8000-000000000000", "Your account has no template with this ID"),
        (READY.template("delivery_failed_pending").id, "status PENDING"),
        (READY.template("delivery_failed_rejected").id, "status REJECTED"),
    ):
        await _paste(seller, template_id)
        await seller.press("Check", exact=False)
        await seller.error_at("Template ID", words)
    await seller.is_calm()
    await _paste(seller, READY.template("delivery_failed_approved").id)
    await seller.press("Check", exact=False)
    await seller.reads("4 placeholders")
    for number, variable in enumerate(
        ("customer_name", "brand", "customer_order_id", "failure_reason"), start=1
    ):
        await seller.page.get_by_label(f"Value for placeholder {number}").select_option(variable)
    preview = seller.page.locator("#preview-part")
    await preview.get_by_text("ORD123456").wait_for()
    await preview.get_by_text("See all options").wait_for()
    await shoot(seller.page, "portal-setup", whole=True)
    await seller.press("Save and switch on")
    await seller.reads("Failed delivery is on.")
    await seller.is_calm()


async def _paste(seller: Seller, template_id: str) -> None:
    if not await seller.page.get_by_label("Template ID").is_visible():
        await seller.page.get_by_text("Paste a template ID instead").click()
    await seller.fill("Template ID", template_id)


async def _rescue(seller: Seller, new_story: NewStory, app: str) -> str:
    """Have a delivery fail, see it on the phone, tap, and read it all on the order's page."""
    story = new_story()
    story.workspace, story.app = story.stack.seed.newcomer, app
    await story.fail_delivery()
    message = await story.message("could not deliver")
    await seller.go("Orders")
    await seller.open(f"/orders/{story.order_id}")
    await seller.reads("Failed delivery")
    await story.tap(message, "Try again")
    await story.accepted_any()
    # Nobody opens the page again: it follows by itself.
    await seller.reads("Mode: WhatsApp", within=20.0)
    await seller.reads("Accepted by", within=20.0)
    await shoot(seller.page, f"portal-order-{app}", whole=True)
    await seller.is_calm()
    return story.order_id


async def _follow_a_parcel(seller: Seller, new_story: NewStory) -> None:
    """Switch another step on, whose placeholders map themselves, and let a parcel go its way."""
    text = next(each for each in JOURNEY if each.key == "delivered").text("en")
    assert text is not None
    await seller.open("/notifications/delivered")
    chosen = seller.page.get_by_label("Approved template of your account")
    option = chosen.locator("option", has_text=text.name).first
    await chosen.select_option(value=await option.get_attribute("value"))
    await seller.reads(f"{len(text.variables)} placeholder")
    for variable in text.variables:
        await expect(seller.page.locator(f"select[name='value_{variable}']")).to_have_value(variable)
    await seller.press("Save and switch on")
    await seller.reads("Delivered is on.")
    story = new_story()
    story.workspace, story.app = story.stack.seed.newcomer, READY.name
    begun = await story.post(
        f"{story.stack.addresses.order_system}/control/journeys",
        {"workspace": story.workspace.slug, "phone": story.phone, "seconds_apart": 0.3},
    )
    await story.message(begun["order_id"])
    await seller.open(f"/orders/{begun['order_id']}")
    await seller.reads("Delivered")
    await seller.is_calm()


async def _change_to_eshopbox(seller: Seller) -> None:
    """Install Eshopbox's account too, select it, and accept what it costs."""
    await seller.go("Apps")
    await seller.press("Install the Eshopbox account")
    await seller.go("Communication channel")
    await seller.page.get_by_role("radio", name="Eshopbox account", exact=False).check()
    await seller.press("Save")
    await seller.reads("Eshopbox")
    await seller.go("Notifications")
    await seller.follow("Failed delivery")
    await seller.reads("₹0.35")
    await seller.press("Accept and switch on")
    await seller.reads("Accept the price to switch this notification on")
    await seller.page.get_by_role("checkbox").check()
    await shoot(seller.page, "portal-price", whole=True)
    await seller.press("Accept and switch on")
    await seller.reads("Failed delivery is on.")
    await seller.is_calm()
