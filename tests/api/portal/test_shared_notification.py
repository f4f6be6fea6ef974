"""A notification through Eshopbox's account: its price is shown, an owner accepts it, and that is kept (R4.4)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from bs4 import Tag

from db import acceptances, audit, billing, browser_sessions, notifications, statements
from db.people import Role
from domain.billing import TaxRate
from tests.api.conftest import Outside
from tests.api.portal.notification_stage import EVIL, offer, saved
from tests.api.portal.somebody import PASSWORD, Somebody, signed_in
from tests.factories import failed_delivery
from tests.holding import hold_template
from tests.intake.stage import ACCOUNT

PAGE = "/notifications/failed_delivery"


@pytest.fixture
async def shop(outside: Outside) -> Outside:
    """The shared account selected, nothing taken over yet."""
    async with outside.stage.database.transaction() as session:
        row = (await notifications.list_of_event(session, "kapaskraft", ACCOUNT, "failed_delivery"))[0]
        await notifications.save_event(session, [replace(row, is_on=False, template_id="older")])
    return outside


async def _confirmed(outside: Outside, who: Somebody) -> None:
    """Give the password again, as a moment ago."""
    assert who.person is not None
    async with outside.stage.database.transaction() as session:
        (row,) = await browser_sessions.list_sessions(session, who.person.id, outside.stage.clock())
        await browser_sessions.confirm_session(session, row.token_hash, outside.stage.clock())


async def _accepted(outside: Outside) -> tuple[acceptances.Acceptance, ...]:
    async with outside.stage.database.transaction() as session:
        return await acceptances.list_acceptances(session, "kapaskraft", ACCOUNT)


async def _actions(outside: Outside) -> list[tuple[str, str]]:
    async with outside.stage.database.transaction() as session:
        records = await audit.list_records(session, "kapaskraft")
    return [(record.action, record.detail) for record in records]


async def test_price_is_shown_accepted_and_kept(shop: Outside, owner: Somebody) -> None:
    """R4.4, S11: who, what and when; asked for the password first."""
    await offer(shop)
    async with shop.stage.database.transaction() as session:
        await statements.set_tax(session, TaxRate("GST", 1800, date(2026, 1, 1)))
    shop.stage.clock.pass_by(minutes=11)  # the password of signing in counts for ten
    await owner.open("/notifications")
    await owner.press("WhatsApp notification for Failed delivery")
    assert owner.path == PAGE
    assert "₹0.35 per accepted message" in owner.words
    assert "Category Utility" in owner.words
    assert "Not charged Messages that fail" in owner.words
    assert "GST 18% comes on top, once a month" in owner.words
    await owner.press("Accept and switch on", accept="yes")
    assert owner.heading == "Enter your password again"
    assert await _accepted(shop) == ()
    await owner.press("Continue", password=PASSWORD)
    assert owner.path == PAGE
    await owner.press("Accept and switch on", accept="yes")
    assert owner.toast.startswith("Failed delivery is on. It is sent from +91")
    (kept,) = await _accepted(shop)
    assert (kept.event, kept.category, kept.price_paise) == ("failed_delivery", "utility", 35)
    assert kept.person == "Meera Iyer <owner@kapaskraft.example>"
    rows = await saved(shop, "failed_delivery", ACCOUNT)
    assert {row.language: (row.template_id, row.is_on) for row in rows} == {
        "en": ("shared-en", True),
        "hi": ("shared-hi", True),
    }
    assert ("price.accepted", "₹0.35 each, utility") in await _actions(shop)
    await owner.open(PAGE)
    assert "Meera Iyer accepted ₹0.35 for each message, today, " in owner.words
    assert not owner.page.select('[name="accept"]')


async def test_unticked_box_switches_nothing_on(shop: Outside, owner: Somebody) -> None:
    """R4.4: the consent is a tick of one's own, never a default."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    box = owner.page.select_one('[name="accept"]')
    assert isinstance(box, Tag)
    assert not box.has_attr("checked")
    await owner.press("Accept and switch on")
    assert owner.answer.status_code == 422
    assert owner.error_of("accept") == "Accept the price to switch this notification on"
    assert not any(row.is_on for row in await saved(shop, "failed_delivery", ACCOUNT))
    assert await _accepted(shop) == ()


async def test_price_that_changed_meanwhile_is_shown_and_accepted_anew(
    shop: Outside, owner: Somebody
) -> None:
    """R4.4: nobody accepts what they did not see."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    async with shop.stage.database.transaction() as session:
        await billing.set_price(session, "utility", 38, valid_from=shop.stage.clock() - timedelta(seconds=1))
    await owner.press("Accept and switch on", accept="yes")
    assert owner.error_of("accept") == (
        "The price changed to ₹0.38 while this page was open. Look at it and accept again."
    )
    assert await _accepted(shop) == ()
    await owner.press("Accept and switch on", accept="yes")
    assert [kept.price_paise for kept in await _accepted(shop)] == [38]


async def test_another_category_at_the_same_price_is_another_offer(shop: Outside, owner: Somebody) -> None:
    """R4.4: the category is part of what was shown."""
    row = await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    async with shop.stage.database.transaction() as session:
        await billing.set_price(session, "marketing", 35, valid_from=shop.stage.clock() - timedelta(days=1))
        for language in ("en", "hi"):
            changed = replace(row, language=language, template_id=f"shared-{language}", category="MARKETING")
            await notifications.save_notification(session, changed)
    await owner.press("Accept and switch on", accept="yes")
    assert owner.error_of("accept").startswith("The price changed to ₹0.35")
    assert await _accepted(shop) == ()


async def test_member_sees_the_price_and_whom_to_ask(shop: Outside, owner: Somebody) -> None:
    """R4.4: only owners accept a price, whatever form is sent."""
    await offer(shop)
    member = await signed_in(shop, "kapaskraft", Role.MEMBER, name="Arjun Nair")
    await _confirmed(shop, member)
    await member.open(PAGE)
    assert "Only owners can do this" in member.words
    assert "Accepting a price costs money. Ask Meera Iyer." in member.words
    assert "₹0.35" in member.words
    csrf = member.page.select_one('[name="csrf"]')
    assert isinstance(csrf, Tag)
    fields = [("csrf", str(csrf["value"])), ("accept", "yes"), ("price", "35"), ("category", "utility")]
    await member.post(f"{PAGE}/accept", [*fields])
    assert member.answer.status_code == 403
    assert await _accepted(shop) == ()
    assert owner.person is not None


async def test_second_press_accepts_once(shop: Outside, owner: Somebody) -> None:
    """The same form twice is one consent."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    form = owner.form_with(button="Accept and switch on")
    sent = [(str(each["name"]), str(each["value"])) for each in form.select("input[type=hidden]")]
    for _ in range(2):
        await owner.post(f"{PAGE}/accept", [*sent, ("accept", "yes")])
        assert owner.path == "/notifications"
    assert len(await _accepted(shop)) == 1


async def test_step_without_a_template_of_eshopboxs_cannot_be_switched_on(
    shop: Outside, owner: Somebody
) -> None:
    """R4.4: it says so; the switch cannot be pressed."""
    await offer(shop)
    await owner.open("/notifications")
    button = owner.page.select_one("#event-delivered [role=switch]")
    assert isinstance(button, Tag)
    assert button.has_attr("disabled")
    await owner.open("/notifications/delivered")
    assert "Eshopbox has no template for “Delivered” yet" in owner.words
    assert not owner.page.select('[name="accept"]')


async def test_step_without_a_price_cannot_be_switched_on(shop: Outside, owner: Somebody) -> None:
    """R5.4: nothing is sent at a price that nobody set."""
    await offer(shop, price=None)
    await owner.open(PAGE)
    assert "There is no price for utility messages yet" in owner.words
    assert not owner.page.select('[name="accept"]')


async def test_held_template_cannot_be_switched_on(shop: Outside, owner: Somebody) -> None:
    """R4.8 portal: Eshopbox's template is Eshopbox's to repair."""
    await offer(shop)
    async with shop.stage.database.transaction() as session:
        await hold_template(session, ACCOUNT, "shared-en", "template paused")
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    assert "WhatsApp paused this template because of customers’ feedback." in owner.words
    assert not owner.page.select('[name="accept"]')
    csrf = owner.page.select_one('[name="csrf"]')
    assert isinstance(csrf, Tag)
    fields = [("csrf", str(csrf["value"])), ("accept", "yes"), ("price", "35"), ("category", "utility")]
    await owner.post(f"{PAGE}/accept", [*fields])
    assert await _accepted(shop) == ()


async def test_member_may_switch_off_and_an_owner_accepts_again(shop: Outside, owner: Somebody) -> None:
    """R4.4: each switching on is a consent of its own; stopping costs nothing."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    await owner.press("Accept and switch on", accept="yes")
    member = await signed_in(shop, "kapaskraft", Role.MEMBER)
    await member.open(PAGE)
    await member.press("Switch off")
    assert member.toast == "Failed delivery is off. Nothing is sent for it from now on."
    await owner.open(PAGE)
    await owner.press("Accept and switch on", accept="yes")
    assert len(await _accepted(shop)) == 2


async def test_new_text_of_eshopboxs_is_sent_once_it_is_accepted(shop: Outside, owner: Somebody) -> None:
    """R4.4: what was accepted goes on until then."""
    row = await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    await owner.press("Accept and switch on", accept="yes")
    await offer(shop, template_id="shared-en-2", body=row.body)
    await owner.open(PAGE)
    assert "Eshopbox changed this notification." in owner.words
    await owner.press("Accept and switch on", accept="yes")
    rows = await saved(shop, "failed_delivery", ACCOUNT)
    assert {each.template_id for each in rows} == {"shared-en-2", "shared-hi"}


async def test_preview_is_eshopboxs_text_with_samples_and_markup_as_text(
    shop: Outside, owner: Somebody
) -> None:
    """R4.6, S24: in each language."""
    await offer(shop, body="Hi {{1}}, " + EVIL + " {{2}}.")
    await owner.open(PAGE)
    bubble = owner.page.select_one("#preview .bubble")
    assert isinstance(bubble, Tag)
    assert EVIL in bubble.get_text()
    assert not bubble.select("b, script")
    assert [each.get_text() for each in bubble.select(".var")] == ["Asha Rao", "ORD123456"]
    await owner.follow("हिन्दी")
    assert "नमस्ते" in owner.words


async def test_test_through_the_shared_account_is_an_owners(shop: Outside, owner: Somebody) -> None:
    """It is charged like any message, so it is sent by who may spend."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    await owner.press("Accept and switch on", accept="yes")
    member = await signed_in(shop, "kapaskraft", Role.MEMBER)
    await member.open(PAGE)
    assert "Send a test" not in member.words
    csrf = member.page.select_one('[name="csrf"]')
    assert isinstance(csrf, Tag)
    await member.post(f"{PAGE}/test", [("csrf", str(csrf["value"])), ("phone", "9999900001")])
    assert not shop.workflows.samples
    await owner.open(PAGE)
    await owner.press("Send test", phone="+91 99999 00001")
    (task,) = shop.workflows.samples.values()
    assert (task.account_id, task.phone, task.language) == (ACCOUNT, "919999900001", "en")


async def test_price_is_put_into_scale_by_last_months_failures(outside: Outside, owner: Somebody) -> None:
    """R4.4: what one message for each of them would have come to; where there were none, nothing is said."""
    await offer(outside)
    await owner.open(PAGE)
    assert "For scale" not in owner.words
    now = outside.stage.clock.now
    outside.stage.clock.now = now.replace(day=1) - timedelta(days=10)
    await outside.stage.open(failed_delivery())
    await outside.stage.open(failed_delivery(shipment_id="SHIP2", order_id="KK2"))
    outside.stage.clock.now = now
    await owner.open(PAGE)
    assert "You had 2 of these events in " in owner.words
    assert "One message for each would be ₹0.70." in owner.words


async def test_held_template_of_eshopboxs_says_who_looks_after_it(shop: Outside, owner: Somebody) -> None:
    """R4.8 portal: and offers the account with which the seller could do something themselves."""
    await offer(shop)
    await _confirmed(shop, owner)
    await owner.open(PAGE)
    await owner.press("Accept and switch on", accept="yes")
    async with shop.stage.database.transaction() as session:
        await hold_template(session, ACCOUNT, "shared-hi", "template rejected: INVALID_FORMAT")
    await owner.open("/notifications")
    assert "WhatsApp rejected this template today, " in owner.words
    assert "Nothing is sent for this event in Hindi until it is approved again." in owner.words
    assert "Eshopbox looks after this template." in owner.words
    assert not owner.page.select('form[action$="/recheck"]')
