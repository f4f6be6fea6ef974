"""Setting a notification up through one's own account: checked live, mapped, previewed, saved or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from bs4 import Tag
from sqlalchemy import text
from starlette.routing import Mount

from clients.gupshup import Gupshup
from db import audit, installations, notifications
from db.notifications import Button, Param
from db.people import Role
from domain.template_checks import WORDS
from tests.api.conftest import Outside
from tests.api.portal.notification_stage import (
    BODY,
    EVIL,
    OWN,
    StandIn,
    gupshup_of,
    install_own,
    saved,
    template_id,
)
from tests.api.portal.somebody import Fields, Somebody, signed_in
from tests.holding import hold_template

PAGE = "/notifications/failed_delivery"
FILLED = {
    "chosen": template_id("delivery_failed_v3"),
    "value_1": "customer_name",
    "fallback_1": "there",
    "value_2": "brand",
    "value_3": "customer_order_id",
    "value_4": "failure_reason",
}


@pytest.fixture
async def gupshup(outside: Outside) -> AsyncIterator[StandIn]:
    """Gupshup's stand-in behind the portal, the seller's own account selected."""
    async with gupshup_of(outside) as found:
        await install_own(outside)
        yield found


async def _post(who: Somebody, *fields: tuple[str, str], path: str = PAGE, **filled: str) -> Somebody:
    csrf = who.page.select_one('[name="csrf"]')
    assert isinstance(csrf, Tag)
    sent: Fields = [("csrf", str(csrf["value"])), *fields, *filled.items()]
    return await who.post(path, sent)


async def _actions(outside: Outside) -> list[str]:
    async with outside.stage.database.transaction() as session:
        records = await audit.list_records(session, "kapaskraft")
    return [record.action for record in records]


@pytest.mark.usefixtures("gupshup")
async def test_template_is_chosen_mapped_previewed_and_switched_on(outside: Outside, owner: Somebody) -> None:
    """R4.3, R4.5, R4.6, R6.13: one row for each language, the same values in each."""
    await owner.open(PAGE)
    assert owner.heading == "Failed delivery"
    assert "approved templates, read from Gupshup just now." in owner.words
    await owner.press("check", chosen=FILLED["chosen"])
    assert owner.answer.status_code == 200
    assert "Found in English and Hindi" in owner.words
    assert "Tamil is not used: its status is PENDING" in owner.words
    assert "4 placeholders" in owner.words
    await owner.press("Save and switch on", **FILLED)
    assert (owner.path, owner.toast) == (
        "/notifications",
        "Failed delivery is on. It is sent from +91 80471 00021 from now on. Undo",
    )
    english, hindi = await saved(outside, "failed_delivery")
    assert (english.language, english.template_id, english.body) == ("en", FILLED["chosen"], BODY)
    assert (hindi.language, hindi.template_id) == ("hi", template_id("delivery_failed_v3_hi"))
    params = (
        Param("customer_name", "there"),
        Param("brand"),
        Param("customer_order_id"),
        Param("failure_reason"),
    )
    assert english.params == hindi.params == params
    assert [button.choice for button in hindi.buttons] == ["reattempt", "reschedule", "options"]
    assert english.is_on
    assert hindi.is_on
    assert {"notification.set_up", "notification.switched_on"} <= set(await _actions(outside))


@pytest.mark.usefixtures("gupshup")
async def test_set_up_can_be_kept_off(outside: Outside, owner: Somebody) -> None:
    """R4.1: nothing is on that nobody switched on."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save, leave off", **FILLED)
    assert owner.toast == "Failed delivery is saved. It stays off."
    assert [row.is_on for row in await saved(outside, "failed_delivery")] == [False, False]


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("is_pending", "PENDING", {}),
        ("is_rejected", "REJECTED", {"reason": ": “Variables at the start or end of the text”"}),
        ("is_failed", "FAILED", {"reason": ": “Template could not be submitted”"}),
        ("is_paused", "PAUSED", {}),
        ("is_disabled", "DISABLED", {}),
        ("is_deleted", "DELETED", {}),
        ("is_sandbox_requested", "SANDBOX_REQUESTED", {}),
        ("is_in_appeal", "other_status", {"status": "IN_APPEAL"}),
        ("never heard of", "unknown", {}),
        ("order_update_general", "buttons", {"labels": "“Try again”, “See all options”"}),
        ("in_hindi_only", "buttons", {"labels": "“सभी विकल्प देखें”"}),
        ("picture", "kind", {"kind": "IMAGE"}),
    ],
)
@pytest.mark.usefixtures("gupshup")
async def test_what_cannot_be_sent_is_named_at_the_field_and_nothing_is_saved(
    outside: Outside, owner: Somebody, name: str, key: str, values: dict[str, str]
) -> None:
    """R4.3, R4.7: each status in its own words."""
    await owner.open(PAGE)
    await owner.press("Check template", template_id=template_id(name))
    assert owner.answer.status_code == 422
    assert owner.error_of("template_id") == WORDS[key].format(**values)
    assert "Nothing has been saved. Failed delivery stays off." in owner.words
    assert "The preview appears when the template is approved." in owner.words
    await _post(owner, template_id=template_id(name))
    assert owner.answer.status_code == 422
    assert await saved(outside, "failed_delivery") == ()


@pytest.mark.parametrize(
    ("entered", "key"), [("", "empty"), ("4d1f7a90", "malformed"), ("../x", "malformed")]
)
@pytest.mark.usefixtures("gupshup")
async def test_id_that_is_none_is_told_without_asking(owner: Somebody, entered: str, key: str) -> None:
    """R4.3: and where it was chosen, at the choice."""
    await owner.open(PAGE)
    await owner.press("Check template", template_id=entered)
    assert owner.error_of("template_id" if entered else "chosen") == WORDS[key]


@pytest.mark.usefixtures("gupshup")
async def test_error_leaves_the_event_as_it_was(outside: Outside, owner: Somebody) -> None:
    """R4.3: what is on stays on with the template it had."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save and switch on", **FILLED)
    before = await saved(outside, "failed_delivery")
    await owner.open(PAGE)
    await owner.press("Save", template_id=template_id("is_rejected"))
    assert "Failed delivery stays as it was." in owner.words
    assert await saved(outside, "failed_delivery") == before


@pytest.mark.usefixtures("gupshup")
async def test_placeholder_without_value_stands_at_its_field(outside: Outside, owner: Somebody) -> None:
    """R4.5: a text alone is a value too; a variable that this step does not have is none."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save and switch on", **(FILLED | {"value_2": "", "value_3": "refund_amount"}))
    assert owner.answer.status_code == 422
    assert owner.error_of("value_2") == "Choose a value for placeholder 2"
    assert owner.error_of("value_3") == "Choose a value for placeholder 3"
    assert await saved(outside, "failed_delivery") == ()
    await owner.press("Save and switch on", **(FILLED | {"value_2": "", "fallback_2": "our"}))
    assert owner.path == "/notifications"
    assert (await saved(outside, "failed_delivery"))[0].params[1] == Param("", "our")


@pytest.mark.usefixtures("gupshup")
async def test_named_placeholders_map_themselves(outside: Outside, owner: Somebody) -> None:
    """R4.5 portal: in whatever spelling; the link of the template stays where it is."""
    await owner.open(f"/notifications/packed?template={template_id('order_packed')}")
    await owner.press("Save and switch on")
    (row,) = await saved(outside, "packed")
    assert row.params == (Param("customer_name"), Param("brand"))
    assert row.buttons == (Button("Track parcel", "", "url"),)


@pytest.mark.usefixtures("gupshup")
async def test_all_buttons_are_kept_in_their_places(outside: Outside, owner: Somebody) -> None:
    """R6.3: Gupshup counts links too; words that we do not know lead to what is possible."""
    await owner.open(f"{PAGE}?template={template_id('links_first')}")
    assert "“Track parcel” opens a page" in owner.words
    assert "We do not know these words." in owner.words
    await owner.press("Save and switch on", value_1="customer_name")
    (row,) = await saved(outside, "failed_delivery")
    assert [(button.kind, button.choice) for button in row.buttons] == [
        ("url", ""),
        ("quick_reply", "reattempt"),
        ("quick_reply", "options"),
        ("quick_reply", "options"),
    ]


@pytest.mark.usefixtures("gupshup")
async def test_preview_has_sample_values_and_the_templates_own_markup(owner: Somebody) -> None:
    """R4.6: bold is the template's; a value is marked and stays text."""
    await owner.open(f"{PAGE}?template={template_id('links_first')}")
    await _post(owner, path=f"{PAGE}/preview", chosen=template_id("links_first"), value_1="customer_name")
    bubble = owner.page.select_one("#preview .bubble")
    assert isinstance(bubble, Tag)
    assert [each.get_text() for each in bubble.select("strong")] == ["it failed"]
    assert [each.get_text() for each in bubble.select(".var")] == ["Asha Rao"]
    assert owner.page.select_one("h1") is None


@pytest.mark.usefixtures("gupshup")
async def test_preview_follows_what_is_typed_and_the_language(owner: Somebody) -> None:
    """R4.6: before saving; each language of the template."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    changed = FILLED | {"value_1": "", "fallback_1": "*friend* <i>x</i>"}
    await _post(owner, path=f"{PAGE}/preview", **changed)
    bubble = owner.page.select_one("#preview .bubble__body")
    assert isinstance(bubble, Tag)
    assert bubble.get_text().startswith("Hi *friend* <i>x</i>, the courier")
    assert not bubble.select("i, strong")
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await _post(owner, language="hi", **FILLED)
    assert owner.answer.status_code == 200
    shown = owner.page.select_one("#preview .wa")
    assert isinstance(shown, Tag)
    assert shown["lang"] == "hi"
    assert "नमस्ते Asha Rao" in shown.get_text()


@pytest.mark.usefixtures("gupshup")
async def test_stored_samples_feed_the_preview(outside: Outside, owner: Somebody) -> None:
    """R4.6: the database's samples go before those of the program."""
    async with outside.stage.database.transaction() as session:
        await session.execute(
            text("INSERT INTO sample_values VALUES ('customer_order_id', 'ORD-777', now())")
        )
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await _post(owner, path=f"{PAGE}/preview", **FILLED)
    assert "ORD-777" in owner.words


@pytest.mark.usefixtures("gupshup")
async def test_markup_of_a_template_is_shown_as_text(owner: Somebody) -> None:
    """S24, R4.6: whatever Gupshup says is escaped, in preview, checks and answers."""
    await owner.open(f"{PAGE}?template={template_id('evil')}")
    bubble = owner.page.select_one("#preview .bubble")
    assert isinstance(bubble, Tag)
    assert bubble.get_text().count(EVIL) == 3
    assert "<i>x</i>" in owner.words
    main = owner.page.find("main")
    assert isinstance(main, Tag)
    assert not main.select("b, i, script")


async def test_gupshup_down_changes_nothing_and_the_page_works(
    outside: Outside, owner: Somebody, gupshup: StandIn
) -> None:
    """R4.3: shown is what was last known, with its time; nothing can be saved unchecked."""
    await owner.open(PAGE)
    outside.stage.clock.pass_by(minutes=28)
    await gupshup.options(down=True)
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    assert owner.answer.status_code == 200
    assert "Gupshup did not answer at" in owner.words
    assert "Shown is what it said today" in owner.words
    assert "delivery_failed_v3 (English, Hindi)" in owner.words
    await owner.press("Save and switch on", **FILLED)
    assert owner.answer.status_code == 422
    assert "Gupshup did not answer, so the template was not checked" in owner.words
    assert await saved(outside, "failed_delivery") == ()


async def test_replaced_key_is_said_as_such(outside: Outside, owner: Somebody) -> None:
    """R2.3: not that the template was wrong."""
    async with gupshup_of(outside):
        await install_own(outside, key="sk_replaced")
        await owner.open(PAGE)
        assert "Gupshup does not accept this account’s API key any more." in owner.words
        await owner.press("check", template_id=FILLED["chosen"])
        assert WORDS["key"].split(". ")[0] in owner.words


async def test_template_that_became_marketing_has_to_be_accepted(
    outside: Outside, owner: Somebody, gupshup: StandIn
) -> None:
    """R4.8: it costs more; nothing is sent with it until the seller says so."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save and switch on", **FILLED)
    await gupshup.decide("delivery_failed_v3", category="MARKETING")
    await _hold(outside, "template's category is now marketing")
    await owner.open(PAGE)
    assert "WhatsApp moved this template to the category marketing" in owner.words
    await owner.press("check")
    assert owner.error_of("chosen") == WORDS["category"]
    assert [row.attention for row in await saved(outside, "failed_delivery") if row.language == "en"] == [
        "template's category is now marketing"
    ]
    await owner.press("check", marketing="yes")
    assert owner.answer.status_code == 200
    await owner.press("Save", **FILLED, marketing="yes")
    rows = await saved(outside, "failed_delivery")
    assert {row.language: (row.category, row.attention) for row in rows}["en"] == ("MARKETING", "")


async def test_successful_check_lets_go_of_what_was_held(
    outside: Outside, owner: Somebody, gupshup: StandIn
) -> None:
    """R4.8 portal: until then the page says why nothing is sent."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save and switch on", **FILLED)
    await gupshup.decide("delivery_failed_v3", status="PAUSED")
    await _hold(outside, "template paused")
    await owner.open(PAGE)
    assert "WhatsApp paused this template today, " in owner.words
    await owner.press("check")
    assert owner.error_of("chosen") == WORDS["PAUSED"]
    await gupshup.decide("delivery_failed_v3", status="APPROVED")
    await owner.open(PAGE)
    assert "WhatsApp paused this template" in owner.words
    await owner.press("check")
    assert owner.answer.status_code == 200
    assert "WhatsApp paused this template" not in owner.words
    assert not any(row.attention for row in await saved(outside, "failed_delivery"))
    assert "notification.released" in await _actions(outside)


async def _hold(outside: Outside, reason: str) -> None:
    async with outside.stage.database.transaction() as session:
        assert await hold_template(session, OWN, FILLED["chosen"], reason)


@pytest.mark.usefixtures("gupshup")
async def test_second_press_saves_once(outside: Outside, owner: Somebody) -> None:
    """The same form twice is one set-up, one line of the audit."""
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    form = owner.form_with(button="Save and switch on")
    once = form.select_one('[name="idempotency"]')
    assert isinstance(once, Tag)
    key = ("idempotency", str(once["value"]))
    await _post(owner, key, **FILLED)
    await owner.open(PAGE)
    await _post(owner, key, **FILLED)
    assert owner.path == "/notifications"
    assert (await _actions(outside)).count("notification.set_up") == 1


@pytest.mark.usefixtures("gupshup")
async def test_unknown_event_and_foreign_field_are_refused(owner: Somebody) -> None:
    """S27, I11: an event that nobody knows is an address that nobody knows."""
    await owner.open("/notifications/birthday")
    assert owner.answer.status_code == 404
    await owner.open(PAGE)
    await _post(owner, chosen=FILLED["chosen"], is_on="yes")
    assert owner.answer.status_code == 400


@pytest.mark.usefixtures("gupshup")
async def test_member_may_set_up_what_costs_nothing_here(outside: Outside) -> None:
    """R4.4 asks an owner for a price only; one's own account has none here."""
    member = await signed_in(outside, "kapaskraft", Role.MEMBER)
    await member.open(f"{PAGE}?template={FILLED['chosen']}")
    await member.press("Save and switch on", **FILLED)
    assert len(await saved(outside, "failed_delivery")) == 2


@pytest.mark.usefixtures("gupshup")
async def test_test_goes_to_a_phone_of_ones_own(outside: Outside, owner: Somebody) -> None:
    """Only what is saved can be tried; at most five an hour; a second press is the same test."""
    await owner.open(PAGE)
    assert "Send a test to my phone" not in owner.words
    await owner.open(f"{PAGE}?template={FILLED['chosen']}")
    await owner.press("Save, leave off", **FILLED)
    await owner.open(PAGE)
    await owner.press("Send test", phone="080471 00021")
    assert owner.error_of("phone") == "Enter an Indian mobile number, for example +91 99999 00001"
    for number in range(5):
        await owner.open(PAGE)
        await owner.press("Send test", phone=f"99999 0000{number + 1}")
        assert owner.toast.startswith(f"The test is on its way to +91 99999 0000{number + 1}.")
    tasks = list(outside.workflows.samples.values())
    assert [(task.phone, task.event, task.language) for task in tasks[:1]] == [
        ("919999900001", "failed_delivery", "en")
    ]
    assert len(tasks) == 5
    await owner.open(PAGE)
    await owner.press("Send test", phone="99999 00007")
    assert owner.error_of("phone").startswith("You have sent 5 tests in an hour. Wait until ")
    assert len(outside.workflows.samples) == 5


class _Meanwhile(httpx.AsyncBaseTransport):
    """The way to Gupshup, on which something happens before it answers about one template."""

    def __init__(self, inner: httpx.AsyncClient, happens: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._happens = happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let it happen, then ask the stand-in."""
        if FILLED["chosen"] in request.url.path:
            await self._happens()
        return await self._inner.request(
            request.method, request.url, headers=dict(request.headers), content=await request.aread()
        )


async def test_account_that_is_uninstalled_during_the_check_is_not_switched_on(
    outside: Outside, owner: Somebody, gupshup: StandIn
) -> None:
    """R4.1: installed again, everything is off, whatever somebody was saving meanwhile."""

    async def uninstall() -> None:
        async with outside.stage.database.transaction() as session:
            await installations.uninstall(
                session, "kapaskraft", OWN, person="Rohan", now=outside.stage.clock()
            )

    await owner.open(PAGE)
    await owner.press("check", chosen=FILLED["chosen"])
    pages = next(route for route in outside.app.router.routes if isinstance(route, Mount))
    state = pages.app.state  # type: ignore[attr-defined]  # the portal
    async with httpx.AsyncClient(transport=_Meanwhile(gupshup.http, uninstall)) as http:
        resources = replace(
            state.services.resources, gupshup=Gupshup(http, base_url=str(gupshup.http.base_url))
        )
        state.services = replace(state.services, resources=resources)
        await owner.press("Save and switch on", **FILLED)
    assert "uninstalled meanwhile" in owner.toast
    async with outside.stage.database.transaction() as session:
        assert await notifications.list_notifications(session, "kapaskraft", OWN) == ()
