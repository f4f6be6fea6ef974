"""Manage the unexpected: one's own texts and times, checked where they are typed; presets on the shared account (R7.10)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from db import accounts, audit, installations, workspaces
from db.people import Role
from db.workspaces import PLATFORM, Workspace
from domain.timing import AtDeadline
from tests.api.conftest import Outside
from tests.api.portal.somebody import Somebody, signed_in
from tests.factories import app_account
from tests.intake.stage import ACCOUNT

PLEASE = "text-en-please_choose"
NUDGE_HI = "text-hi-nudge"
PAGE = "/unexpected"


@pytest.fixture
async def own(outside: Outside, owner: Somebody) -> Somebody:
    """An owner whose own account sends."""
    account = app_account(
        id="account-2", owner="client", workspace_id="kapaskraft", app_id="app-2", phone="918047100021"
    )
    async with outside.stage.database.transaction() as session:
        await accounts.save_account(
            session, outside.stage.cipher, account, api_key="key-2", webhook_token="token-2", header_secret=""
        )
        await installations.install(session, "kapaskraft", "account-2", outside.stage.clock())
        await installations.select_sender(
            session, "kapaskraft", "account-2", person="Meera Iyer", now=outside.stage.clock()
        )
    return await owner.open(PAGE)


async def stored(outside: Outside, workspace_id: str = "kapaskraft") -> Workspace:
    """Return a workspace as it is kept."""
    async with outside.stage.database.transaction() as session:
        return await workspaces.get_workspace(session, workspace_id)


async def test_page_of_own_account_saves_without_a_change(own: Somebody, outside: Outside) -> None:
    """What the page shows is what is set: saved as it is, nothing is different."""
    before = await stored(outside)
    await own.press("Save")
    assert own.toast == "Nothing has changed."
    assert await stored(outside) == before


async def test_own_words_are_kept_and_used(own: Somebody, outside: Outside) -> None:
    """On the own account the seller words each text, in each language."""  # R7.10
    await own.press(
        "Save", **{PLEASE: "Tap one of the choices for {order_id}", NUDGE_HI: "{brand}: कृपया जवाब दें"}
    )
    assert own.toast.startswith("Your changes are saved.")
    policy = (await stored(outside)).policy
    assert policy.text("please_choose", "en") == "Tap one of the choices for {order_id}"
    assert policy.text("nudge", "hi") == "{brand}: कृपया जवाब दें"
    async with outside.stage.database.transaction() as session:
        (record, *_) = await audit.list_records(session, "kapaskraft")
    assert (record.action, record.detail) == ("settings.changed", "text en:please_choose, text hi:nudge")
    await own.press("Save", **{PLEASE: "", NUDGE_HI: ""})
    assert (await stored(outside)).policy.texts == ()


async def test_switch_saves_the_page(own: Somebody, outside: Outside) -> None:
    """Off: incorrect replies are kept and not answered; what was typed beside the switch is not lost."""  # R7.10
    await own.press("answer-unexpected", **{PLEASE: "Tap a choice"})
    policy = (await stored(outside)).policy
    assert (policy.answer_unexpected, policy.text("please_choose", "en")) == (False, "Tap a choice")
    assert "kept without an answer" in own.toast
    await own.press("answer-unexpected")
    assert (await stored(outside)).policy.answer_unexpected


async def test_every_time_and_day_can_be_set(own: Somebody, outside: Outside) -> None:
    """Reminders, quiet hours, deadline and its policy, Sundays, holidays, hours, stop words, nudge, language."""
    tomorrow = outside.stage.clock().date() + timedelta(days=2)
    await own.press(
        "Save",
        action=PAGE,
        **{
            "deadline": "36h",
            "reminder-1": "2h",
            "reminder-2": "none",
            "at-deadline": "reattempt",
            "nudge": "45m",
            "quiet-from": "22:00",
            "quiet-until": "07:30",
            "work-from": "10:00",
            "work-until": "19:00",
            "work-day": ["mon", "fri"],
            "sundays": None,
            "region": "IN-KA",
            "day-1": tomorrow.isoformat(),
            "language": "hi",
            "stop-words": "band karo, no more",
            "tell-new-day": "yes",
        },
    )
    assert own.toast.startswith("Your changes are saved.")
    found = await stored(outside)
    policy = found.policy
    assert (policy.deadline_after, policy.reminders_after, policy.nudge_after) == (36 * 60, (120,), 45)
    assert policy.at_deadline is AtDeadline.REATTEMPT
    assert (policy.quiet_from, policy.quiet_until) == ("22:00", "07:30")
    assert (policy.works_from, policy.works_until, policy.works_on) == ("10:00", "19:00", (1, 5))
    assert (policy.no_sundays, policy.holiday_region, policy.holidays) == (True, "IN-KA", (tomorrow,))
    assert (policy.language, found.default_language) == ("hi", "hi")
    assert policy.opt_out_words == ("band karo", "no more")
    assert policy.tell_new_day
    await own.open(PAGE)
    await own.press("Save")
    assert own.toast == "Nothing has changed."


@pytest.mark.parametrize(
    ("field", "entered", "words"),
    [
        (PLEASE, "Dear {customer}", "Use only values that this text has: {brand}, {order_id}"),
        (PLEASE, "x" * 1030, "Shorten it by 6 characters"),
        ("text-en-standard_answer", "Hi {brand}", "Remove the braces"),
        (NUDGE_HI, "{foo}", "Use only values that this text has"),
        ("reminder-2", "2h", "each reminder come later"),
        ("quiet-until", "", "Enter both times"),
        ("work-from", "10:00", "Enter both times"),
        ("work-day", None, "Choose at least one day"),
        ("stop-words", "yes", "“yes” is an answer that customers give"),
        ("stop-words", "x" * 41, "at most 40 characters"),
        ("region", "IN-XX", "Choose a state"),
        ("day-1", "2026-02-30", "Enter a date that exists"),
        ("nudge", "1m", "Choose a time from 5 minutes"),
        ("deadline", "never", "Choose a time from 1 hour"),
        ("language", "xx", "Choose one of the languages"),
    ],
)
async def test_what_is_not_possible_stands_at_its_field(
    own: Somebody, outside: Outside, field: str, entered: str | None, words: str
) -> None:
    """One rule decides what is possible; nothing is kept, and what was typed stays."""
    before = await stored(outside)
    await own.press("Save", action=PAGE, **{field: entered, "reminder-1": "4h"})
    assert own.answer.status_code == 422
    at = {"reminder-2": "reminder-1", "work-from": "work-until"}.get(field, field)
    assert words in own.error_of(at)
    assert await stored(outside) == before
    assert own.page.title is not None
    assert own.page.title.get_text().startswith("Error: ")


async def test_another_language_loses_nothing(own: Somebody, outside: Outside) -> None:
    """Looking at the other language's texts keeps what was typed, and saves nothing."""
    await own.press("हिन्दी", **{PLEASE: "Tap a choice"})
    assert own.page.find("textarea", attrs={"name": NUDGE_HI}) is not None
    assert (await stored(outside)).policy.texts == ()
    await own.press("Save", **{NUDGE_HI: "जवाब दें"})
    assert dict((await stored(outside)).policy.texts) == {
        "en:please_choose": "Tap a choice",
        "hi:nudge": "जवाब दें",
    }
    assert own.path == "/unexpected?words=hi"


async def test_preview_shows_what_is_typed_as_text(own: Somebody) -> None:
    """The preview is filled with samples, markup of ours drawn, anything else text."""  # S24
    await own.press("look", shown=PLEASE, **{PLEASE: "<b>Hi</b> *tap* for {order_id}"})
    frame = own.page.select_one("#preview")
    assert frame is not None
    assert frame.find("b") is None
    assert "<b>Hi</b>" in frame.get_text()
    assert [each.get_text() for each in frame.find_all("strong")] == ["tap"]
    assert [each.get_text() for each in frame.select(".var")] == ["ORD123456"]
    assert "See all options" in frame.get_text()


async def test_every_text_has_a_preview(own: Somebody) -> None:
    """No text leaves a value open."""
    choice = own.page.select_one("#shown")
    assert choice is not None
    for option in choice.find_all("option"):
        await own.press("look", shown=str(option["value"]))
        frame = own.page.select_one("#preview")
        assert frame is not None
        assert "{" not in frame.get_text()


async def test_shared_account_shows_presets_and_keeps_times_editable(
    owner: Somebody, outside: Outside
) -> None:
    """The texts are Eshopbox's, as ops changed them; reminders and hours are the seller's."""  # R7.10
    async with outside.stage.database.transaction() as session:
        platform = await workspaces.ensure_platform(session)
        texts = (("en:please_choose", "Ops ask about {order_id} <i>"),)
        await workspaces.add_workspace(
            session, replace(platform, policy=replace(platform.policy, texts=texts))
        )
    await owner.open(PAGE)
    assert owner.heading == "Manage the unexpected"
    assert "These are Eshopbox’s own texts." in owner.words
    assert "Ops ask about ORD123456 <i>" in owner.words
    assert owner.page.find("textarea") is None
    await owner.press("Save", **{"reminder-1": "3h"})
    assert (await stored(outside)).policy.reminders_after == (180, 720)
    # A text sent all the same changes nothing: it would wait there for the own account.
    await owner.press("Save", **{PLEASE: "Mine"})
    assert (await stored(outside)).policy.texts == ()
    assert (await stored(outside, PLATFORM)).policy.texts == texts


async def test_not_installed_shows_what_it_would_bring(owner: Somebody, outside: Outside) -> None:
    """Without an account there is nothing to set, and the way to install one."""  # R7.10
    async with outside.stage.database.transaction() as session:
        await installations.uninstall(session, "kapaskraft", ACCOUNT, person="", now=outside.stage.clock())
    await owner.open(PAGE)
    assert owner.page.find("textarea") is None
    link = owner.page.select_one("main a.btn--primary")
    assert link is not None
    assert (link["href"], link.get_text(strip=True)) == ("/apps", "Install the Gupshup app")


async def test_members_may_save(outside: Outside, own: Somebody) -> None:
    """Texts and times are daily work."""
    member = await signed_in(outside, "kapaskraft", Role.MEMBER)
    await member.open(PAGE)
    await member.press("Save", nudge="15m")
    assert (await stored(outside)).policy.nudge_after == 15


async def test_passed_days_stay_and_are_not_shown(own: Somebody, outside: Outside) -> None:
    """The list of further days shows those to come."""
    found = await stored(outside)
    policy = replace(found.policy, holidays=(date(2020, 1, 1),))
    async with outside.stage.database.transaction() as session:
        await workspaces.add_workspace(session, replace(found, policy=policy))
    await own.open(PAGE)
    assert "2020-01-01" not in own.answer.text
    await own.press("Save", **{"quiet-from": "20:00"})
    assert (await stored(outside)).policy.holidays == (date(2020, 1, 1),)


async def test_unknown_field_is_refused(own: Somebody) -> None:
    """A form has the fields of its page and no others."""  # S27
    await own.press("Save", texts="x")
    assert own.answer.status_code == 400


async def test_what_another_owner_set_meanwhile_is_not_taken_back_unseen(
    own: Somebody, outside: Outside
) -> None:
    """A form carries every choice: an old one says so, keeps what was entered, and saves when it is pressed again."""
    other = await signed_in(outside, "kapaskraft", email="second@kapaskraft.example", name="Rohan Shetty")
    await other.open(PAGE)
    await other.press("Save", **{"quiet-from": "20:30", "quiet-until": "07:30"})
    await own.press("हिन्दी")
    await own.press("Save", **{"stop-words": "halt"})
    assert own.answer.status_code == 422
    assert "Somebody changed these settings while this page was open" in own.words
    assert own.one("[name=stop-words]")["value"] == "halt"
    assert (await stored(outside)).policy.quiet_from == "20:30"
    await own.press("Save")
    assert own.toast.startswith("Your changes are saved.")
    assert (await stored(outside)).policy.opt_out_words == ("halt",)
    await own.open(PAGE)
    await own.press("Save", **{"quiet-from": "22:00", "quiet-until": "06:00"})
    assert (await stored(outside)).policy.opt_out_words == ("halt",)
