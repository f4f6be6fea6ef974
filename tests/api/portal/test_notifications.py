"""The list of notifications: every step with its switch for the account that sends, and what needs attention."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import Tag

from db import audit, installations, notifications
from db.notifications import Notification
from db.people import Role
from db.timeline import Entry, add_entry
from domain.journey import JOURNEY
from tests.api.conftest import Outside
from tests.api.portal.notification_stage import (
    BODY,
    EVIL,
    LABELS,
    OWN,
    StandIn,
    gupshup_of,
    install_own,
    offer,
    saved,
    template_id,
)
from tests.api.portal.somebody import Somebody, signed_in
from tests.factories import case_facts
from tests.holding import hold_template
from tests.intake.stage import ACCOUNT

SWITCH = "/notifications/failed_delivery/switch"
ROW = Notification(
    "kapaskraft",
    OWN,
    "failed_delivery",
    "en",
    template_id("delivery_failed_v3"),
    "delivery_failed_v3",
    "UTILITY",
    body=BODY,
    buttons=tuple(notifications.Button(label, "") for label in LABELS),
    params=(notifications.Param("customer_name"),) * 4,
    is_on=True,
)


@pytest.fixture
async def gupshup(outside: Outside) -> AsyncIterator[StandIn]:
    """Gupshup's stand-in behind the portal, the seller's own account selected."""
    async with gupshup_of(outside) as found:
        await install_own(outside)
        yield found


async def _save(outside: Outside, *rows: Notification) -> None:
    async with outside.stage.database.transaction() as session:
        for row in rows:
            await notifications.save_notification(session, row)


async def _actions(outside: Outside) -> list[str]:
    async with outside.stage.database.transaction() as session:
        return [record.action for record in await audit.list_records(session, "kapaskraft")]


def _row(who: Somebody, event: str) -> Tag:
    found = who.page.find(id=f"event-{event}")
    assert isinstance(found, Tag)
    return found


def _is_on(who: Somebody, event: str) -> bool:
    button = _row(who, event).select_one("[role=switch]")
    assert isinstance(button, Tag)
    return button["aria-checked"] == "true"


def _words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


@pytest.mark.usefixtures("gupshup")
async def test_every_step_has_its_switch_and_is_off_at_first(owner: Somebody) -> None:
    """R4.1 portal: one entry of the journey is one row; nothing is on after an install."""
    await owner.open("/notifications")
    rows = [str(row["id"]).removeprefix("event-") for row in owner.page.select("li.event")]
    assert sorted(rows) == sorted(entry.key.value for entry in JOURNEY)
    assert not any(_is_on(owner, key) for key in rows)
    assert all("Not set up" in _words(_row(owner, key)) for key in rows)
    assert "Sending from your own account , +91 80471 00021" in owner.words
    assert "0 of 8 on" in owner.words
    assert "0 of 3 on" in owner.words


async def test_without_an_account_the_page_says_what_one_brings(outside: Outside, owner: Somebody) -> None:
    """R2.4: and leads to it; a switch of an old page leads back."""
    async with outside.stage.database.transaction() as session:
        await installations.uninstall(session, "kapaskraft", ACCOUNT, person="x", now=outside.stage.clock())
    await owner.open("/notifications/failed_delivery")
    assert owner.path == "/notifications"
    link = owner.page.find("a", string="Install the Gupshup app")
    assert isinstance(link, Tag)
    assert link["href"] == "/apps"
    assert not owner.page.select("li.event")


@pytest.mark.usefixtures("gupshup")
async def test_what_is_set_up_is_switched_in_one_press(outside: Outside, owner: Somebody) -> None:
    """R4.1 portal, R4.3: checked live on the way; a second press of an old page does nothing new."""
    await _save(outside, replace(ROW, is_on=False), replace(ROW, language="hi", is_on=False))
    await owner.open("/notifications")
    assert "Set up, delivery_failed_v3, English and Hindi" in _words(_row(owner, "failed_delivery"))
    await owner.press("WhatsApp notification for Failed delivery")
    assert owner.toast.startswith("Failed delivery is on. It is sent from +91 80471 00021 from now on.")
    assert _is_on(owner, "failed_delivery")
    assert "1 of 8 on" in owner.words
    await owner.press("Undo")
    assert owner.toast.startswith("Failed delivery is off.")
    assert not any(row.is_on for row in await saved(outside, "failed_delivery"))
    assert await _actions(outside) == ["notification.switched_off", "notification.switched_on"]


@pytest.mark.usefixtures("gupshup")
async def test_what_is_not_set_up_leads_to_its_set_up(outside: Outside, owner: Somebody) -> None:
    """R4.3: nothing is switched on without a template."""
    await owner.open("/notifications")
    await owner.press("WhatsApp notification for Failed delivery")
    assert owner.path == "/notifications/failed_delivery"
    assert await saved(outside, "failed_delivery") == ()


@pytest.mark.parametrize("trouble", ["paused", "deleted", "down"])
async def test_what_cannot_be_sent_now_is_not_switched_on(
    outside: Outside, owner: Somebody, gupshup: StandIn, trouble: str
) -> None:
    """R4.3, R4.8: the set-up page says why, and nothing has changed."""
    await _save(outside, replace(ROW, is_on=False))
    await owner.open("/notifications")
    if trouble == "down":
        await gupshup.options(down=True)
    else:
        await gupshup.decide("delivery_failed_v3", status=trouble.upper())
    await owner.press("WhatsApp notification for Failed delivery")
    assert owner.path == "/notifications/failed_delivery"
    assert not any(row.is_on for row in await saved(outside, "failed_delivery"))
    assert {"paused": "status PAUSED", "deleted": "status DELETED", "down": "did not answer"}[
        trouble
    ] in owner.words


@pytest.mark.usefixtures("gupshup")
async def test_set_up_of_one_account_is_not_the_others(outside: Outside, owner: Somebody) -> None:
    """R4.2: after a change of the sender its own switches count."""
    await offer(outside)
    await _save(outside, ROW)
    await owner.open("/notifications")
    assert _is_on(owner, "failed_delivery")
    await outside.stage.switch("kapaskraft", on=False)
    async with outside.stage.database.transaction() as session:
        now = outside.stage.clock()
        await installations.select_sender(session, "kapaskraft", ACCOUNT, person="x", now=now)
    await owner.open("/notifications")
    assert not _is_on(owner, "failed_delivery")
    assert "₹0.35 each" in _words(_row(owner, "failed_delivery"))


async def test_held_notification_says_what_since_when_and_how_many_were_not_sent(
    outside: Outside, owner: Somebody, gupshup: StandIn
) -> None:
    """R4.8 portal: with two ways out; checked again it goes on by itself."""
    stage = outside.stage
    await _save(outside, ROW, replace(ROW, event="delivered", template_id="other"))
    async with stage.database.transaction() as session:
        await hold_template(session, OWN, ROW.template_id, "template paused", at=stage.clock())
        for number in (1, 2):
            facts = replace(case_facts(), case_id=f"00000000-0000-4000-8000-00000000000{number}")
            entry = Entry(
                workspace_id="kapaskraft",
                order_id=f"KK{number}",
                shipment_id=facts.failure.shipment_id,
                case_id=facts.case_id,
                at=stage.clock() + timedelta(minutes=5),
                kind="notification",
                topic="failed_delivery_not_sent",
                key=f"not-sent:{number}",
                detail="template: template paused",
                mode="automatic",
            )
            await add_entry(session, stage.cipher, entry)
    await owner.open("/notifications")
    row = _words(_row(owner, "failed_delivery"))
    assert "Needs attention" in row
    assert "WhatsApp paused this template today, " in row
    assert "Because of customers’ feedback. Nothing is sent for this event until it is approved again." in row
    assert "2 messages were not sent." in row
    assert "Choose another template" in row
    assert "Needs attention" not in _words(_row(owner, "delivered"))
    await gupshup.decide("delivery_failed_v3", status="PAUSED")
    await owner.press("Check again")
    assert owner.path == "/notifications/failed_delivery"
    await gupshup.decide("delivery_failed_v3", status="APPROVED")
    await owner.open("/notifications")
    await owner.press("Check again")
    assert owner.toast == "Failed delivery can be sent again. Its template is approved."
    assert "Needs attention" not in owner.words


@pytest.mark.usefixtures("gupshup")
async def test_names_of_templates_are_shown_as_text(outside: Outside, owner: Somebody) -> None:
    """S24: and so is why one is held."""
    await _save(outside, replace(ROW, template_name=EVIL, attention=f"template rejected: {EVIL}"))
    await owner.open("/notifications")
    assert owner.words.count(EVIL) == 2
    main = owner.page.find("main")
    assert isinstance(main, Tag)
    assert not main.select("b:not(.tag b), script")


@pytest.mark.usefixtures("gupshup")
async def test_another_workspaces_switches_are_its_own(outside: Outside, owner: Somebody) -> None:
    """I11: what one workspace switches, no other sees."""
    await _save(outside, ROW)
    other = await signed_in(outside, "nakshi", Role.OWNER, email="owner@nakshi.example")
    await other.open("/notifications")
    assert "delivery_failed_v3" not in other.words
    await other.press("WhatsApp notification for Failed delivery")
    await owner.open("/notifications")
    assert _is_on(owner, "failed_delivery")


@pytest.mark.usefixtures("gupshup")
@pytest.mark.parametrize("said", ["", "maybe"])
async def test_switch_takes_a_state_only(outside: Outside, owner: Somebody, said: str) -> None:
    """A press asks for on or off, so that a repeated one changes nothing."""
    await _save(outside, ROW)
    await owner.open("/notifications")
    await owner.press("WhatsApp notification for Failed delivery", on=said)
    assert _is_on(owner, "failed_delivery")
