"""The pages of Eshopbox's own people: what needs a person, callbacks, prices, texts, samples, the audit."""

from datetime import timedelta

import pytest
from fastapi.routing import APIRoute

from api.portal.app import ROUTERS
from api.portal.ops_texts import TITLES
from db import accounts, audit, billing, inbox, notifications, people, samples, workspaces
from db.people import Role
from db.workspaces import PLATFORM
from domain.texts import LANGUAGES
from domain.variables import VARIABLES
from tests.api.conftest import Outside
from tests.api.portal.somebody import PASSWORD, Fields, Somebody, signed_in
from tests.db.given_cases import HOUR, opened
from tests.factories import NOW
from tests.intake.stage import ACCOUNT, TEMPLATE

PAGES = sorted(
    route.path
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path.startswith("/ops/") and "GET" in (route.methods or ())
)


async def actions_of(outside: Outside, workspace_id: str = PLATFORM) -> list[tuple[str, str, str]]:
    """Return what the audit says was done, newest first."""
    async with outside.stage.database.transaction() as session:
        found = await audit.list_records(session, workspace_id)
    return [(record.action, record.subject, record.detail) for record in found]


async def parked(outside: Outside, *, note: str = "unknown type “expired”", count: int = 1) -> list[int]:
    """Put callbacks aside."""
    ids = []
    async with outside.stage.database.transaction() as session:
        for number in range(count):
            inbox_id, _ = await inbox.store(
                session,
                outside.stage.cipher,
                source="gupshup",
                owner_id=ACCOUNT,
                event_key=f"event-{number}",
                body=b'{"text": "SECRET-WORDS"}',
                position=0,
                now=outside.stage.clock(),
                state="parked",
                note=note,
            )
            ids.append(inbox_id)
    return ids


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", [Role.OWNER, Role.MEMBER])
async def test_for_a_seller_these_pages_do_not_exist(outside: Outside, path: str, role: Role) -> None:
    """S14: the same answer as for an address that is nobody's."""
    seller = await signed_in(outside, "kapaskraft", role)
    await seller.open(path.replace("{", "").replace("}", ""))
    assert seller.answer.status_code == 404
    assert "There is no such page" in seller.page.get_text()


async def test_nothing_needs_attention_where_all_is_well(staff: Somebody) -> None:
    """An empty list says so."""
    await staff.open("/")
    assert staff.path == "/ops/attention"
    assert "Nothing needs attention" in staff.words
    assert "Nothing blocks messages now." in staff.words
    assert staff.page.select_one(".side--ops") is not None


async def test_what_needs_a_person_is_listed_with_the_way_to_it(outside: Outside, staff: Somebody) -> None:
    """R8.4: workspace, what it does, and for a case its run in Temporal."""
    now = outside.stage.clock()
    async with outside.stage.database.transaction() as session:
        await accounts.set_attention(session, ACCOUNT, "the wallet is <b>empty</b>")
        await notifications.hold_template(session, ACCOUNT, TEMPLATE, "paused: low quality")
        row = await opened(
            session, outside.stage.cipher, 7, failed_at=now - 26 * HOUR, deadline_at=now - 2 * HOUR
        )
    await parked(outside)
    await staff.open("/ops/attention")
    assert "3 block messages now." in staff.words
    assert "the wallet is <b>empty</b>" in staff.words
    assert "Failed delivery is held paused: low quality" in staff.words
    assert "1 callback was put aside" in staff.words
    assert staff.page.select_one(".nav__count") is not None
    run = next(link for link in staff.page.find_all("a") if link.get_text().startswith("Open in Temporal"))
    assert (
        run["href"]
        == f"http://127.0.0.1:8233/namespaces/default/workflows/case%3Akapaskraft%3A{row.shipment_id}%3A1"
    )
    assert "TRK7, attempt 1 kapaskraft" in staff.words
    assert "Passed" in staff.words
    await staff.follow("Open callbacks")
    assert staff.heading == "Callbacks"


async def test_callback_is_tried_again_and_never_shown(outside: Outside, staff: Somebody) -> None:
    """I1: put aside, why, and another chance; twice pressed is once done; its words are a customer's (S17)."""
    (inbox_id,) = await parked(outside)
    await staff.open("/ops/callbacks")
    assert "unknown type “expired”" in staff.words
    assert "Gupshup Platform account" in staff.words
    assert "SECRET" not in staff.answer.text
    form = staff.form_with(button="Try again")
    once: Fields = [(str(field["name"]), str(field["value"])) for field in form.find_all("input")]
    await staff.press("Try again")
    assert f"Callback {inbox_id} is tried again." in staff.toast
    assert "Nothing was put aside" in staff.words
    await staff.post(str(form["action"]), once)
    assert staff.path == "/ops/callbacks"
    assert await actions_of(outside) == [("callback.retried", str(inbox_id), "")]
    async with outside.stage.database.transaction() as session:
        assert (await inbox.backlog(session)).new == 1


async def test_callbacks_are_paged(outside: Outside, staff: Somebody) -> None:
    """Fifty a page, each once."""
    await parked(outside, count=51)
    await staff.open("/ops/callbacks")
    assert "50 of 51" in staff.words
    await staff.follow("Older")
    assert "1 of 51" in staff.words
    await staff.follow("Newer")
    assert "50 of 51" in staff.words
    assert (await staff.open("/ops/callbacks?before=x")).answer.status_code == 404


async def confirmed(who: Somebody) -> None:
    """Give the password again, as a page asked."""
    assert who.heading == "Enter your password again"
    await who.press("Continue", password=PASSWORD)


async def test_price_is_set_from_now_or_from_a_day_on_after_the_password(
    outside: Outside, staff: Somebody
) -> None:
    """R5.4, S11: from then on, never for what was sent; audited."""
    outside.stage.clock.now = NOW
    staff = await signed_in(outside, None, Role.OPS, email="second@eshopbox.example")
    outside.stage.clock.pass_by(minutes=11)
    await staff.open("/ops/rates")
    assert "No price yet" in staff.words
    await staff.press("Set the price", price="0.35")
    await confirmed(staff)
    await staff.press("Set the price", price="0.35", category="utility")
    assert "Utility messages cost ₹0.35 from now on." in staff.toast
    await staff.press("Set the price", price="₹0,4", category="utility", starts="later", on="2026-12-01")
    assert "₹0.40 from Tue 1 Dec, 00:00" in staff.words
    at = outside.stage.clock()
    async with outside.stage.database.transaction() as session:
        assert await billing.find_price(session, "utility", at) == 35
        assert await billing.find_price(session, "utility", at + timedelta(days=12)) == 40
        with pytest.raises(billing.NoPrice):
            await billing.find_price(session, "utility", at - timedelta(seconds=1))
    assert await actions_of(outside) == [
        ("rate.set", "utility", "₹0.40 from Tue 1 Dec, 00:00 on"),
        ("rate.set", "utility", "₹0.35 from now on"),
    ]


@pytest.mark.parametrize(
    ("filled", "field", "words"),
    [
        ({"price": ""}, "price", "Enter a price in rupees"),
        ({"price": "0.355"}, "price", "at most two decimals"),
        ({"price": "-1"}, "price", "at most two decimals"),
        ({"price": "350"}, "price", "No message costs that much"),
        ({"price": "1", "starts": "later", "on": "soon"}, "on", "Enter a day"),
        ({"price": "1", "starts": "later", "on": "2020-01-01"}, "on", "cannot begin in the past"),
        ({"price": "1", "category": "gold"}, "category", "Choose a category"),
    ],
)
async def test_price_that_cannot_be_is_refused_at_its_field(
    outside: Outside, staff: Somebody, filled: dict[str, str], field: str, words: str
) -> None:
    """Nothing is set, and what was entered is still there."""
    await staff.open("/account/confirm")
    await confirmed(staff)
    await staff.open("/ops/rates")
    await staff.press("Set the price", **filled)
    assert staff.answer.status_code == 422
    assert words in staff.error_of(field)
    async with outside.stage.database.transaction() as session:
        assert await billing.list_rates(session) == ()


async def test_text_is_worded_anew_shown_and_taken_back(outside: Outside, staff: Somebody) -> None:
    """R7.10: staff edit the presets of the shared account; what is entered is text, whatever stands in it (S24)."""
    await staff.open("/ops/texts")
    assert "All are the originals." in staff.words
    await staff.follow("The parcel no longer waits")
    await staff.press("Save", words="Too late for {brand} <b>order</b> {order_id}")
    assert "“The parcel no longer waits” is saved." in staff.toast
    assert "Too late for {brand} <b>order</b> {order_id}" in staff.words
    assert "1 worded by you" in staff.words
    await staff.follow("The parcel no longer waits")
    bubble = staff.page.select_one(".bubble")
    assert bubble is not None
    assert "Too late for KapasKraft <b>order</b> ORD123456" in bubble.get_text()
    assert bubble.find("b") is None
    async with outside.stage.database.transaction() as session:
        policy = (await workspaces.get_workspace(session, PLATFORM)).policy
    assert policy.text("no_longer_waiting", "en") == "Too late for {brand} <b>order</b> {order_id}"
    await staff.press("Use the original again")
    assert "is the original again" in staff.toast
    assert [action for action, *_ in await actions_of(outside)] == ["text.reset", "text.changed"]
    await staff.open("/ops/texts/hi/no_longer_waiting")
    assert staff.page.select_one('textarea[lang="hi"]') is not None


@pytest.mark.parametrize(
    ("said", "words"), [("", "An empty text"), ("{phone} calls", "No value {phone}"), ("a" * 1025, "1024")]
)
async def test_text_that_whatsapp_or_its_values_forbid_is_refused(
    staff: Somebody, said: str, words: str
) -> None:
    """What was entered stays in the form."""
    await staff.open("/ops/texts/en/no_longer_waiting")
    await staff.press("Save", words=said)
    assert staff.answer.status_code == 422
    assert words in staff.error_of("words")
    for nowhere in ("/ops/texts/en/nothing", "/ops/texts/xx/no_longer_waiting", "/ops/texts?language=xx"):
        assert (await staff.open(nowhere)).answer.status_code == 404


async def test_samples_are_kept_for_every_preview(outside: Outside, staff: Somebody) -> None:
    """Section 9: stored, and none may be empty."""
    await (await staff.open("/ops/texts")).follow("Samples")
    assert len(staff.page.select("input.input")) == len(VARIABLES)
    await staff.press("Save samples", sample_brand="<i>Nakshi</i>")
    assert "1 changed." in staff.toast
    field = staff.page.select_one('[name="sample_brand"]')
    assert field is not None
    assert field["value"] == "<i>Nakshi</i>"
    await staff.press("Save samples", sample_city="")
    assert "Enter a sample" in staff.error_of("sample_city")
    async with outside.stage.database.transaction() as session:
        assert await samples.list_samples(session) == {"brand": "<i>Nakshi</i>"}
    assert await actions_of(outside) == [("samples.saved", "", "brand")]


async def test_audit_lists_every_workspace_page_by_page(outside: Outside, staff: Somebody) -> None:
    """S28: who, what, when; each record once, also where many were written in the same instant."""
    now = outside.stage.clock()
    async with outside.stage.database.transaction() as session:
        for number in range(30):
            for slug in ("kapaskraft", "nakshi"):
                await audit.add_record(
                    session,
                    slug,
                    person="Meera <meera@kapaskraft.example>",
                    action="sender.selected",
                    subject=f"{slug}-{number:02}",
                    now=now,
                )
    await staff.open("/ops/audit")
    seen = [cell.get_text() for cell in staff.page.select('td[data-label="With what"]')]
    assert "Meera <meera@kapaskraft.example>" in staff.words
    await staff.follow("Older")
    seen += [cell.get_text() for cell in staff.page.select('td[data-label="With what"]')]
    assert len(seen) == len(set(seen)) == 60
    await staff.open("/ops/audit")
    await staff.press("Show", workspace="nakshi")
    assert "kapaskraft-" not in staff.words
    assert "30 records on this page" in staff.words
    for nowhere in (
        "/ops/audit?before=x",
        "/ops/audit?before=20261120T063000000000.x.-",
        "/ops/audit?workspace=x",
    ):
        assert (await staff.open(nowhere)).answer.status_code == 404


async def test_chains_are_walked_and_said_to_be_whole(outside: Outside, staff: Somebody) -> None:
    """S28: for each workspace, its length and last hash."""
    async with outside.stage.database.transaction() as session:
        await audit.add_record(session, "nakshi", person="x", action="y", now=outside.stage.clock())
    await (await staff.open("/ops/audit")).follow("Check the chains")
    assert "nakshi Whole 1" in staff.words
    assert "broken" not in staff.words


async def test_workspaces_are_listed_and_one_is_shown_in_full(outside: Outside, staff: Somebody) -> None:
    """R8.4: accounts, sender, notifications, open cases, people."""
    await signed_in(outside, "kapaskraft", name="Meera <b>Iyer</b>")
    now = outside.stage.clock()
    async with outside.stage.database.transaction() as session:
        await opened(session, outside.stage.cipher, 5, failed_at=now - HOUR, deadline_at=now + 5 * HOUR)
        await notifications.hold_template(session, ACCOUNT, TEMPLATE, "paused: low quality")
    await staff.open("/ops/workspaces")
    assert "2 workspaces." in staff.words
    assert (
        "kapaskraft kapaskraft Eshopbox account Eshopbox account Needs attention 1 of 11 on, 1 held 1 0 ₹0.00"
        in staff.words
    )
    await staff.follow("kapaskraft")
    assert staff.heading == "kapaskraft"
    for words in ("Eshopbox account ExampleStore", "paused: low quality", "TRK5, attempt 1", "Temporal"):
        assert words in staff.words
    assert "Meera <b>Iyer</b> owner@kapaskraft.example Owner" in staff.words
    assert "Add the first owner" not in staff.words
    for nowhere in ("/ops/workspaces/nobody", "/ops/workspaces/-", "/ops/workspaces/a%00b"):
        assert (await staff.open(nowhere)).answer.status_code == 404


async def test_first_owner_gets_a_password_that_is_shown_once(outside: Outside, staff: Somebody) -> None:
    """S11, S28: after the password of whoever adds them, audited in the workspace's own chain, and never two."""
    outside.stage.clock.pass_by(minutes=11)
    await staff.open("/ops/workspaces/nakshi")
    await staff.press("Add the owner", name="", email="nobody")
    await confirmed(staff)
    await staff.press("Add the owner", name="", email="nobody")
    assert "Enter the owner’s name" in staff.error_of("name")
    assert "Enter an e-mail address" in staff.error_of("email")
    await staff.press("Add the owner", name="Asha Rao", email="ops@eshopbox.example")
    assert "Somebody signs in with this address already." in staff.error_of("email")
    await staff.press("Add the owner", name="Asha Rao", email="Asha@Nakshi.example")
    assert staff.heading == "Asha Rao owns nakshi"
    field = staff.page.select_one("#password")
    assert field is not None
    password = str(field["value"])
    async with outside.stage.database.transaction() as session:
        (added,) = await people.list_people(session, "nakshi")
        kept = await people.get_sign_in(session, outside.stage.cipher, added.id)
    assert (added.email, added.role, added.password_is_temporary) == ("asha@nakshi.example", Role.OWNER, True)
    assert await outside.services.passwords.matches(kept.password_hash, password)
    assert await actions_of(outside, "nakshi") == [("person.added", "asha@nakshi.example", "Asha Rao, Owner")]
    csrf = staff.value("input[name=csrf]")
    await staff.post(
        "/ops/workspaces/nakshi/owner",
        [("csrf", csrf), ("name", "Second"), ("email", "second@nakshi.example")],
    )
    assert "has an owner, who adds everybody else" in staff.words
    await staff.open("/ops/workspaces/nakshi")
    assert password not in staff.answer.text
    assert "Add the first owner" not in staff.words


def test_each_text_has_words_for_when_it_is_sent() -> None:
    """A new text is not shown by its key."""
    assert set(TITLES) == set(LANGUAGES["en"].presets)
