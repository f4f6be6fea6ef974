"""One's own account: a new password, codes on another phone, sessions that one ends, the password asked for again."""

import pyotp
import pytest

from db import audit, browser_sessions, people
from db.people import Role
from tests.api.conftest import Outside
from tests.api.portal.somebody import PASSWORD, Somebody, signed_in

FRESH = "kettle-orbit-sandal-mosaic"


async def _actions(outside: Outside) -> list[str]:
    async with outside.stage.database.transaction() as session:
        return [record.action for record in await audit.list_records(session, "kapaskraft")]


async def test_new_password_ends_every_other_session(outside: Outside, owner: Somebody) -> None:
    """S9: whoever knew the old one is out; this browser stays."""
    assert owner.person is not None
    async with outside.stage.database.transaction() as session:
        other = await browser_sessions.begin_session(
            session, owner.person.id, device="", is_complete=True, now=outside.services.clock()
        )
    await (await owner.open("/account")).follow("Change password")
    await owner.press("Save password", current=PASSWORD, password=FRESH, again=FRESH)
    assert owner.path == "/account"
    assert "Your password is changed." in owner.toast
    async with outside.stage.database.transaction() as session:
        assert await browser_sessions.find_session(session, other, outside.services.clock()) is None
        found = await people.get_sign_in(session, outside.stage.cipher, owner.person.id)
    assert await outside.services.passwords.matches(found.password_hash, FRESH)
    assert "password.changed" in await _actions(outside)
    assert (await owner.open("/account")).toast == ""


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        (("short", "short"), "password", "at least 12 characters"),
        (("a" * 129, "a" * 129), "password", "at most 128 characters"),
        (("password12345", "password12345"), "password", "easy to guess"),
        (("kapaskraft12345", "kapaskraft12345"), "password", "easy to guess"),
        ((FRESH, FRESH + "x"), "again", "not the same"),
    ],
)
async def test_weak_password_is_refused_at_its_field(
    outside: Outside, owner: Somebody, typed: tuple[str, str], field: str, words: str
) -> None:
    """S7: 12 to 128 characters, nothing common, nothing of the workspace's own."""
    await owner.open("/account/password")
    await owner.press("Save password", current=PASSWORD, password=typed[0], again=typed[1])
    assert owner.answer.status_code == 422
    assert words in owner.error_of(field)
    assert "There is a problem" in owner.words
    assert await _actions(outside) == []


async def test_wrong_current_password_changes_nothing_and_delays(owner: Somebody) -> None:
    """An open browser is no place to guess a password."""
    for _ in range(3):
        await owner.open("/account/password")
        await owner.press("Save password", current="wrong-wrong-wrong", password=FRESH, again=FRESH)
        assert "not your password" in owner.error_of("current")
    await owner.press("Save password", current=PASSWORD, password=FRESH, again=FRESH)
    assert "several wrong tries" in owner.error_of("current")


async def test_temporary_password_is_changed_before_anything_else(outside: Outside, owner: Somebody) -> None:
    """What somebody else has seen is no password."""
    assert owner.person is not None
    async with outside.stage.database.transaction() as session:
        kept = await outside.services.passwords.hash(PASSWORD)
        await people.set_password(session, owner.person.id, kept, is_temporary=True)
    await owner.open("/account")
    assert owner.heading == "Choose your password"
    await owner.press("Save password", current=PASSWORD, password=PASSWORD, again=PASSWORD)
    assert "another password" in owner.error_of("password")
    await owner.press("Save password", current=PASSWORD, password=FRESH, again=FRESH)
    assert (await owner.open("/account")).heading == "Your account"


async def test_one_ends_a_session_of_ones_own_and_no_other(outside: Outside, owner: Somebody) -> None:
    """S9: another person's session answers as one that never was."""
    assert owner.person is not None
    async with outside.stage.database.transaction() as session:
        token = await browser_sessions.begin_session(
            session,
            owner.person.id,
            device="Safari on iPhone",
            is_complete=True,
            now=outside.services.clock(),
        )
    await owner.open("/account")
    address = str(owner.form_with(button="End")["action"])
    stranger = await signed_in(outside, "nakshi")
    await stranger.open("/account")
    csrf = stranger.page.find("input", attrs={"name": "csrf"})
    assert csrf is not None
    await stranger.post(address, [("csrf", str(csrf["value"]))])
    assert stranger.answer.status_code == 404
    await owner.press("End")
    assert "The session has ended." in owner.toast
    async with outside.stage.database.transaction() as session:
        assert await browser_sessions.find_session(session, token, outside.services.clock()) is None
    assert (await owner.open("/account")).heading == "Your account"


async def test_codes_move_to_another_phone_once_the_password_was_given(outside: Outside) -> None:
    """S11: and the session shows the new code before it goes on, a member's too."""
    who = await signed_in(outside, "kapaskraft", Role.MEMBER)
    outside.stage.clock.pass_by(minutes=11)
    await who.open("/account")
    await who.press("Set up a second step")
    assert who.heading == "Enter your password again"
    await who.press("Continue", password="wrong-wrong-wrong")
    assert "not your password" in who.error_of("password")
    await who.press("Continue", password=PASSWORD)
    assert who.path == "/account"
    await who.press("Set up a second step")
    assert who.heading == "Set up your second step"
    assert (await who.open("/account")).heading == "Set up your second step"
    secret = who.page.find("code")
    assert secret is not None
    await who.press("Continue", code=pyotp.TOTP(secret.get_text()).at(outside.services.clock()))
    assert "One-time codes" in (await who.open("/account")).words
    assert "second_step.set_up" in await _actions(outside)
