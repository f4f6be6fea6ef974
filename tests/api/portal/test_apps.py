"""Apps and channel as a person uses them: connecting, installing, choosing, uninstalling (R2, R3)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from db import accounts, audit, billing, installations, notifications, workspaces
from db.accounts import AppAccount
from db.people import Role
from db.session import Database
from domain.case_events import MessageNotSent
from domain.messages import NotSent
from ops.spare_apps import NOT_LIVE, OF_ANOTHER_KEY, READY
from tests.api.conftest import Outside
from tests.api.portal.somebody import PASSWORD, Fields, Somebody, add_person, signed_in
from tests.api.portal.stand_in import StandIn, standing_in
from tests.factories import failed_delivery, workspace
from tests.intake.stage import ACCOUNT

W = "banjara"
GOOD = {
    "api_key": READY.api_key,
    "app_id": READY.id,
    "app_name": READY.name,
    "phone": "+91 80471 00031",
}


@pytest.fixture
async def gupshup(outside: Outside) -> AsyncIterator[StandIn]:
    """Gupshup's stand-in, asked by the pages."""
    async with standing_in(outside) as found:
        yield found


@pytest.fixture
async def seller(outside: Outside, gupshup: StandIn) -> Somebody:
    """An owner of a workspace with nothing installed, while Eshopbox's account can be."""
    assert isinstance(gupshup, StandIn)
    async with outside.stage.database.transaction() as session:
        await workspaces.add_workspace(session, workspace(id=W, name="Banjara", brand="<b>Banjara</b>"))
        for category, paise in (("utility", 35), ("service", 0)):
            await billing.set_price(session, category, paise, valid_from=outside.services.clock())
    return await signed_in(outside, W, name="Meera <b>Iyer")


async def _connect(who: Somebody, **changes: str) -> Somebody:
    await who.open("/apps/gupshup/connect")
    return await who.press("Connect and verify", **(GOOD | changes))


async def _confirm(who: Somebody) -> Somebody:
    """Give the password again, which is asked for where it was given too long ago."""
    assert who.heading == "Enter your password again"
    return await who.press("Continue", password=PASSWORD)


async def _install(who: Somebody, owner: str) -> Somebody:
    if owner == "client":
        return await _connect(who)
    await who.open("/apps")
    return await who.press("Install the Eshopbox account")


async def _uninstall(who: Somebody, owner: str) -> Somebody:
    await who.open(f"/apps/{owner}/uninstall")
    if who.heading == "Enter your password again":
        await _confirm(who)
    return await who.press("Uninstall")


async def _own(outside: Outside) -> AppAccount | None:
    async with outside.stage.database.transaction() as session:
        return await accounts.find_own_account(session, W)


async def _stored(outside: Outside) -> tuple[int, ...]:
    async with outside.stage.database.transaction() as session:
        tables = ("app_accounts", "installations", "senders")
        counts = [await session.execute(text(f"SELECT count(*) FROM {table}")) for table in tables]  # noqa: S608 - our own tables
    return tuple(count.scalar_one() for count in counts)


async def _records(outside: Outside) -> list[str]:
    async with outside.stage.database.transaction() as session:
        found = await audit.list_records(session, W)
    return [record.action for record in reversed(found) if record.action.startswith(("app.", "sender."))]


async def _switch(
    outside: Outside, account_id: str, *events: str, on: bool = True, template: str = "t"
) -> None:
    async with outside.stage.database.transaction() as session:
        for event in events:
            await notifications.save_notification(
                session, notifications.Notification(W, account_id, event, "en", template, is_on=on)
            )


def _sender(who: Somebody) -> str:
    """Return what the channel's page marks as the sender."""
    chosen = [
        control
        for control in who.page.select("input[name=sender]")
        if "Sending now" in (control.parent.get_text() if control.parent else "")
    ]
    assert len(chosen) <= 1
    assert all(control.has_attr("checked") for control in chosen)
    return str(chosen[0]["value"]) if chosen else ""


# --- Nothing installed ---


async def test_page_says_what_the_app_would_bring_and_what_it_needs(seller: Somebody) -> None:
    """R2.4: with a message as the customer would see it; names are shown as text (S24)."""
    await seller.open("/apps")
    assert seller.heading == "Gupshup app"
    for words in ("Not installed", "We missed you today", "Try again", "API key, app ID and name", "₹0.35"):
        assert words in seller.words
    assert "<b>Banjara</b> order" in seller.words
    assert "<b>Banjara" not in seller.answer.text
    await seller.open("/channel")
    assert seller.heading == "Define your communication channel with customers"
    await seller.follow("Install the Gupshup app")
    assert seller.path == "/apps"


async def test_member_sees_the_pitch_and_whom_to_ask(outside: Outside, seller: Somebody) -> None:
    """S12: no form for what only owners can do, and no way around it."""
    await add_person(outside, W, Role.OWNER, email="second@banjara.example", name="Arjun Nair")
    member = await signed_in(outside, W, Role.MEMBER, name="Ravi Das")
    for path in ("/apps", "/apps/gupshup/connect", "/channel"):
        await member.open(path)
        assert "Only owners can do this." in member.words
        assert "sk Arjun Nair or Meera <b>Iyer." in member.words
        assert not member.page.select("main form")
    csrf = member.value("input[name=csrf]")
    for path in ("/apps/eshopbox/install", "/apps/gupshup/connect", "/apps/client/uninstall", "/channel"):
        await member.post(path, [("csrf", csrf)])
        assert member.answer.status_code == 403
        assert member.heading == "Only owners can do this"
    assert await _own(outside) is None


@pytest.mark.parametrize("missing", ["account", "price"])
async def test_eshopbox_account_that_is_not_ready_says_so(
    outside: Outside, owner_database: Database, seller: Somebody, missing: str
) -> None:
    """R2.1, R5.4: what nobody can charge for is not installed."""
    await seller.open("/apps")
    # The program itself may remove no price.
    async with owner_database.transaction() as session:
        if missing == "price":
            await session.execute(text("DELETE FROM rate_card WHERE category = 'service'"))
        else:
            await session.execute(text("UPDATE app_accounts SET api_key_sealed = NULL"))
    await seller.press("Install the Eshopbox account")
    assert seller.answer.status_code == 409
    assert "cannot be installed yet" in seller.words
    assert "Nothing has changed" in seller.words
    await seller.open("/apps")
    assert "Not available yet" in seller.words
    assert await _records(outside) == []


# --- Connecting ---


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"api_key": ""}, "api_key", "Enter the API key"),
        ({"api_key": "sk_wrong"}, "api_key", "Gupshup does not accept this API key."),
        ({"app_id": "", "app_name": ""}, "app_id", "Enter the app ID and app name"),
        ({"app_id": OF_ANOTHER_KEY.id}, "app_id", "This API key has no app"),
        ({"app_name": "<b>x</b>"}, "app_name", 'This API key has no app "<b>x</b>".'),
        (
            {"app_id": NOT_LIVE.id, "app_name": NOT_LIVE.name, "phone": "+918047100032"},
            "app_name",
            "is not live at Gupshup yet",
        ),
        ({"phone": "8047100031"}, "phone", "Enter the number with its country code"),
        ({"phone": "+91 80471 003"}, "phone", "+91 80471 003 is not a complete phone number"),
        ({"phone": "+91 80471 00041"}, "phone", "+91 80471 00041 does not belong to the app"),
        ({"phone": "+91 80471 00020"}, "phone", "+91 80471 00020 does not belong to the app"),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(
    outside: Outside, seller: Somebody, changes: dict[str, str], field: str, words: str
) -> None:
    """R2.2, R2.3: every entry but the key is kept in the form, and nothing else anywhere."""
    before = await _stored(outside)
    await _connect(seller, **changes)
    assert seller.answer.status_code == 422
    assert words in seller.error_of(field)
    assert "Nothing has been stored." in seller.words
    assert seller.page.title
    assert seller.page.title.get_text().startswith("Error: ")
    entered = GOOD | changes
    for name in ("app_id", "app_name", "phone"):
        assert seller.value(f"[name={name}]") == entered[name]
    assert seller.value("[name=api_key]") == ""
    assert not entered["api_key"] or entered["api_key"] not in seller.answer.text
    assert await _stored(outside) == before
    assert await _records(outside) == []


async def test_labels_are_those_that_sellers_know(seller: Somebody) -> None:
    """R2.2: letter by letter."""
    await seller.open("/apps")
    await seller.follow("Connect your Gupshup account")
    assert seller.heading == "Connect your Gupshup account"
    labels = [label.get_text() for label in seller.page.select("main label")]
    assert "API key" in labels
    assert "Registered WhatsApp business phone number (with country code)" in labels
    assert seller.form_with(button="Connect and verify")
    assert "How does it work?" in seller.words


async def test_gupshup_down_is_told_apart_from_a_wrong_entry(
    outside: Outside, gupshup: StandIn, seller: Somebody
) -> None:
    """R2.2: a banner, no field; the entries are kept."""
    await gupshup.become(down=True)
    await _connect(seller)
    assert "Gupshup did not answer, so we could not check." in seller.words
    assert not seller.page.select("[aria-invalid]")
    assert "Nothing has been stored." in seller.words
    assert seller.value("[name=app_id]") == READY.id
    assert await _own(outside) is None
    await gupshup.become(down=False)
    await seller.press("Connect and verify", api_key=READY.api_key)
    assert "is connected" in seller.toast


async def test_ten_checks_an_hour_are_asked_of_gupshup(outside: Outside, seller: Somebody) -> None:
    """R2.2, S26: what can be seen to be wrong without asking does not count."""
    for _ in range(12):
        await _connect(seller, phone="1")
    for _ in range(10):
        await _connect(seller, api_key="sk_wrong")
    await _connect(seller)
    assert "You have tried 10 times in an hour. Wait until" in seller.words
    outside.stage.clock.pass_by(minutes=25)  # a session ends after half an hour without a request
    await seller.open("/apps")
    outside.stage.clock.pass_by(minutes=25)
    await seller.open("/apps")
    outside.stage.clock.pass_by(minutes=11)
    await _connect(seller)
    assert "is connected" in seller.toast


async def test_right_entries_connect_the_account(outside: Outside, seller: Somebody) -> None:
    """R2.2, R2.3: the key is shown by its last four characters only, and the address to paste stands there."""
    await _connect(seller)
    assert seller.path == "/apps"
    assert seller.toast.startswith("Your Gupshup account is connected.")
    for words in ("Installed", "Sending now", READY.name, "+91 80471 00031", READY.api_key[-4:], "0 of 11"):
        assert words in seller.words
    assert "3, 1 in review, 1 paused, 1 rejected, 5 not usable" in seller.words
    assert "Connected by Meera <b>Iyer today" in seller.words
    assert "No callback yet" in seller.words
    assert READY.api_key not in seller.answer.text
    address = seller.value("#hook")
    own = await _own(outside)
    assert own is not None
    async with outside.stage.database.transaction() as session:
        found = await accounts.find_account_by_token(session, address.rpartition("/")[2])
        stored = await accounts.get_credentials(session, outside.stage.cipher, own.id)
    assert found == own
    assert stored.api_key == READY.api_key
    assert await _records(outside) == ["app.connected"]
    member = await signed_in(outside, W, Role.MEMBER)
    await member.open("/apps")
    assert "/webhooks/" not in member.answer.text
    assert not member.page.select("main form")


async def test_two_owners_who_connect_at_once_connect_one_account(outside: Outside, seller: Somebody) -> None:
    """R2.1: one of each at most; the second to arrive connects the same app again, and no page breaks."""
    other = await signed_in(outside, W, email="second@banjara.example", name="Rohan Shetty")
    for each in (seller, other):
        await each.open("/apps/gupshup/connect")
    await asyncio.gather(
        *(each.press("Connect and verify", **GOOD) for each in (seller, other)),
    )
    assert [each.path for each in (seller, other)] == ["/apps", "/apps"]
    async with outside.stage.database.transaction() as session:
        assert [each.account.app_id for each in await installations.list_installed(session, W)] == [READY.id]
        assert len(await installations.list_selections(session, W)) == 1


async def test_two_workspaces_who_connect_one_number_at_once_do_not_share_it(
    outside: Outside, seller: Somebody
) -> None:
    """R2.2: one of them has it, the other is told so; whoever comes second."""
    other = await signed_in(outside, "kapaskraft", email="rival@kapaskraft.example", name="Rohan Shetty")
    both = (seller, other)
    for each in both:
        await each.open("/apps/gupshup/connect")
    await asyncio.gather(*(each.press("Connect and verify", **GOOD) for each in both))
    refused = [each for each in both if each.path != "/apps"]
    assert len(refused) == 1
    assert "already connected to another Eshopbox workspace" in refused[0].error_of("phone")


async def test_number_that_gupshup_cannot_confirm_is_not_called_verified(
    gupshup: StandIn, seller: Somebody
) -> None:
    """R2.2: the seller is told, and how to find out."""
    await gupshup.become(recipient_first=True)
    await _connect(seller)
    assert "could not confirm that +91 80471 00031 belongs to" in seller.toast


async def test_connecting_again_replaces_the_key_and_keeps_the_rest(
    outside: Outside, gupshup: StandIn, seller: Somebody
) -> None:
    """R2.3: after the password (S11); id, callback address and what was set up stay, the trouble is over."""
    await _connect(seller)
    address = seller.value("#hook")
    own = await _own(outside)
    assert own is not None
    sendable, paused = (READY.template(f"delivery_failed_{name}").id for name in ("approved", "paused"))
    await _switch(outside, own.id, "failed_delivery", template=sendable)
    await _switch(outside, own.id, "packed", template=paused)
    await _switch(outside, own.id, "created", template="deleted-at-gupshup")
    async with outside.stage.database.transaction() as session:
        await accounts.set_attention(session, own.id, "sending failed with code 1003")
    await seller.open("/apps")
    assert "This account needs attention since" in seller.words
    assert "The Gupshup wallet is empty (code 1003)" in seller.words
    outside.stage.clock.pass_by(minutes=11)
    await seller.follow("Reconnect")
    await _confirm(seller)
    assert seller.value("[name=app_name]") == READY.name
    assert seller.value("[name=phone]") == "+91 80471 00031"
    assert seller.value("[name=api_key]") == ""
    await seller.press("Connect and verify", api_key="sk_wrong")
    assert f"{READY.name} stays connected as it was." in seller.words
    await seller.press("Connect and verify", api_key=READY.api_key, app_id=OF_ANOTHER_KEY.id)
    assert "is connected now. Uninstall it before" in seller.error_of("app_id")
    await seller.press("Connect and verify", api_key=READY.api_key, app_id=READY.id)
    assert seller.toast.startswith("Your Gupshup account is connected again.")
    assert "needs attention" not in seller.words
    assert seller.value("#hook") == address
    again = await _own(outside)
    assert again is not None
    assert (again.id, again.attention) == (own.id, "")
    async with outside.stage.database.transaction() as session:
        known = await notifications.list_notifications(session, W, own.id)
    assert {each.event: each.attention for each in known} == {
        "failed_delivery": "",
        "packed": "template paused",
        "created": "template deleted",
    }
    assert await _records(outside) == ["app.connected", "app.reconnected"]


async def test_number_of_another_workspace_is_not_connected_twice(outside: Outside, seller: Somebody) -> None:
    """R2.2, I11: whoever holds the key learns that it is taken, and nothing of whom."""
    await _connect(seller)
    other = await signed_in(outside, "nakshi")
    await _connect(other)
    assert "already connected to another Eshopbox workspace" in other.error_of("phone")
    assert "banjara" not in other.answer.text.lower().replace(READY.name.lower(), "")


async def test_reconnecting_without_the_password_asks_for_it(outside: Outside, seller: Somebody) -> None:
    """S11: neither the page nor a form that was opened before gets around it."""
    await _connect(seller)
    fields: Fields = [("csrf", seller.value("input[name=csrf]")), *GOOD.items()]
    outside.stage.clock.pass_by(minutes=11)
    await seller.post("/apps/gupshup/connect", [*fields])
    assert seller.heading == "Enter your password again"
    await seller.post("/apps/client/uninstall", fields[:1])
    assert seller.heading == "Enter your password again"
    assert await _records(outside) == ["app.connected"]


# --- Callbacks and asking again ---


async def test_webhook_address_is_set_at_gupshup_in_one_click(
    outside: Outside, gupshup: StandIn, seller: Somebody
) -> None:
    """S1: Gupshup tries the address at once, so that the page knows when it last called."""
    await _connect(seller)
    await seller.press("Set it at Gupshup for me")
    assert seller.toast.startswith("The webhook address is set at Gupshup.")
    await outside.handled()
    await seller.open("/apps")
    assert "Callbacks arrive, last one" in seller.words
    outside.stage.clock.pass_by(minutes=20)
    await gupshup.become(down=True)
    await seller.press("Set it at Gupshup for me")
    assert "Gupshup did not answer." in seller.words
    assert await _records(outside) == ["app.connected", "app.callbacks_set"]


async def test_gupshup_that_does_not_call_needs_attention(outside: Outside, seller: Somebody) -> None:
    """A day without a callback while something is on."""
    await _connect(seller)
    own = await _own(outside)
    assert own is not None
    await _switch(outside, own.id, "packed")
    outside.stage.clock.pass_by(hours=25)
    again = await signed_in(outside, W, email="again@banjara.example")
    await again.open("/apps")
    assert "Gupshup has not called for 24 hours." in again.words


async def test_key_that_gupshup_no_longer_takes_is_found_by_asking_again(
    outside: Outside, gupshup: StandIn, seller: Somebody
) -> None:
    """R2.3: the page says so, and how to mend it."""
    await _connect(seller)
    own = await _own(outside)
    assert own is not None
    cipher = outside.stage.cipher
    for key, words in (
        ("sk_replaced", "does not accept the API key any more"),
        (READY.api_key, "Checked with"),
    ):
        async with outside.stage.database.transaction() as session:
            await session.execute(
                text("UPDATE app_accounts SET api_key_sealed = :sealed WHERE id = :id"),
                {
                    "sealed": cipher.seal_credential(key, context=f"app_accounts/{own.id}/api_key"),
                    "id": own.id,
                },
            )
        await seller.open("/apps")
        await seller.press("Check again")
        assert words in seller.words
    assert "needs attention" not in seller.words
    await gupshup.become(down=True)
    await seller.press("Check again")
    assert "Gupshup did not answer." in seller.words


# --- The sender ---


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["eshopbox"], "eshopbox"),
        (["client"], "client"),
        ([], ""),
        (["eshopbox", "client"], "eshopbox"),
        (["client", "eshopbox"], "client"),
    ],
)
async def test_default_sender_is_what_was_installed_first(
    seller: Somebody, steps: list[str], expected: str
) -> None:
    """R3.1 portal, R2.1: all five ways to begin."""
    for owner in steps:
        await _install(seller, owner)
        assert "nstalled" in seller.toast or "connected" in seller.toast
    await seller.open("/channel")
    assert _sender(seller) == expected
    assert len(seller.page.select("input[name=sender]")) == len(steps)
    if not steps:
        assert "Install the Gupshup app" in seller.words


async def test_seller_chooses_and_undoes_it(outside: Outside, seller: Somebody) -> None:
    """R3.2 portal, R3.3: the page says what changes; who chose, and when, is kept."""
    await _install(seller, "eshopbox")
    await _install(seller, "client")
    own = await _own(outside)
    assert own is not None
    await _switch(outside, ACCOUNT, "created", "packed", "out_for_delivery", "failed_delivery")
    await _switch(outside, own.id, "packed", "delivered", "failed_delivery")
    await _switch(outside, own.id, "out_for_delivery", on=False)
    await outside.stage.open(failed_delivery(workspace_id=W))
    await seller.open("/channel")
    assert (
        "If you change to your own account Created is not set up there and will not be sent until you set it up."
        " Out for delivery is switched off there and will not be sent. Packed and failed delivery go on."
        " Delivered is on there and will be sent. The customer already in a conversation keeps talking to"
        " +91 80471 00020."
    ) in seller.words
    await seller.press("Save", sender="client")
    assert seller.path == "/channel"
    assert "Messages are sent from +91 80471 00031 from now on." in seller.toast
    assert _sender(seller) == "client"
    await seller.press("Undo")
    assert _sender(seller) == "eshopbox"
    rows = [" ".join(row.get_text(" ").split()) for row in seller.page.select("tbody tr")]
    assert len(rows) == 3
    assert all("Meera <b>Iyer" in row for row in rows)
    assert "Your own Gupshup account" in rows[1]
    await seller.press("Save")
    assert "is the sender already" in seller.toast
    await seller.press("Save", sender="another")
    assert "Choose an account" in seller.error_of("sender")
    assert await _records(outside) == [
        "app.installed",
        "app.connected",
        "sender.selected",
        "sender.selected",
    ]
    member = await signed_in(outside, W, Role.MEMBER)
    await member.open("/channel")
    assert all(control.has_attr("disabled") for control in member.page.select("input[name=sender]"))
    assert "Only owners can do this" in member.words
    assert len(member.page.select("tbody tr")) == 3


# --- Uninstalling ---


async def test_uninstalling_says_what_stops_and_stops_it(outside: Outside, seller: Somebody) -> None:
    """R3.2, R3.3, R2.3, R4.1: cases end, the other account takes over, the key is destroyed, nothing comes on again."""
    await _install(seller, "client")
    await _install(seller, "eshopbox")
    own = await _own(outside)
    assert own is not None
    await _switch(outside, own.id, "created", "failed_delivery")
    await _switch(outside, ACCOUNT, "packed")
    row = await outside.stage.open(failed_delivery(workspace_id=W))
    assert row.account_id == own.id
    outside.stage.clock.pass_by(minutes=11)
    await seller.open("/apps")
    await seller.follow("Uninstall…")
    await _confirm(seller)
    assert seller.heading == "Uninstall your own account?"
    for words in (
        "2 notifications stop at once Created, Failed delivery",
        "1 open case ends as undeliverable",
        "The Eshopbox account becomes the sender Its own switches apply: 1 notification is on there, from ₹0.35 each",
        "The API key is destroyed.",
    ):
        assert words in seller.words
    await seller.press("Uninstall and stop 2 notifications")
    assert seller.toast == "Your own account is uninstalled. Messages are sent from +91 80471 00020 now."
    told = [(ref.shipment_id, mail.event) for ref, mail in outside.workflows.mail]
    assert told == [("SHIP1001", MessageNotSent("", NotSent.ACCOUNT_REMOVED, is_template=False))]
    async with outside.stage.database.transaction() as session:
        known = await notifications.list_notifications(session, W, own.id)
        with pytest.raises(LookupError):
            await accounts.get_credentials(session, outside.stage.cipher, own.id)
    assert not any(each.is_on for each in known)
    await seller.open("/channel")
    assert _sender(seller) == "eshopbox"
    await _uninstall(seller, "eshopbox")
    assert "Nothing is sent until you install one again." in seller.toast
    await seller.open("/channel")
    assert "The sender was uninstalled." in seller.words
    assert seller.form_with(action="/sign-out")
    await seller.follow("Install the Gupshup app")
    await _connect(seller)
    again = await _own(outside)
    assert again is not None
    assert again.id == own.id
    assert "0 of 11" in seller.words
    assert (await _records(outside))[-3:] == ["app.uninstalled", "app.uninstalled", "app.connected"]


async def test_uninstalling_twice_is_done_once(outside: Outside, seller: Somebody) -> None:
    """A second press shows what the first came to; what is not installed has no page."""
    await _install(seller, "eshopbox")
    await seller.open("/apps/eshopbox/uninstall")
    fields: Fields = [
        (str(control["name"]), str(control["value"]))
        for control in seller.form_with(button="Uninstall").select("input")
    ]
    for _ in range(2):
        await seller.post("/apps/eshopbox/uninstall", fields)
        assert seller.path == "/apps"
        assert seller.answer.status_code == 200
    assert (await _records(outside)).count("app.uninstalled") == 1
    for path in ("/apps/eshopbox/uninstall", "/apps/client/uninstall", "/apps/whatever/uninstall"):
        assert (await seller.open(path)).answer.status_code == 404


async def test_member_sees_what_uninstalling_would_do(outside: Outside, seller: Somebody) -> None:
    """S12: and may not."""
    await _install(seller, "eshopbox")
    member = await signed_in(outside, W, Role.MEMBER)
    await member.open("/apps/eshopbox/uninstall")
    assert "No account is left, so nothing is sent on WhatsApp" in member.words
    assert "Only owners can do this" in member.words
    assert not member.page.select("main form")
