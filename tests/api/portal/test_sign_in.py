"""Signing in: password, second step, delays; sessions that end; forms that only their own session may send."""

import asyncio
from datetime import timedelta

import pyotp
import pytest

from api.portal.frame import Toast
from api.portal.visits import cookie_name
from db import audit, browser_sessions, people
from db.people import Role
from tests.api.conftest import Opened, Outside
from tests.api.portal.somebody import PASSWORD, Somebody, add_person, signed_in, somebody
from tests.intake.stage import Stage

EMAIL = "owner@kapaskraft.example"


async def _records(outside: Outside, workspace_id: str = "kapaskraft") -> list[str]:
    async with outside.stage.database.transaction() as session:
        return [record.action for record in await audit.list_records(session, workspace_id)]


async def _sign_in(who: Somebody, email: str = EMAIL, password: str = PASSWORD) -> Somebody:
    await who.open("/sign-in")
    return await who.press("Sign in", email=email, password=password)


async def test_member_signs_in_with_a_password_and_lands_where_they_wanted(
    outside: Outside, stranger: Somebody
) -> None:
    """A member has no second step unless they set one up; the page they asked for comes afterwards."""
    await add_person(outside, "kapaskraft", Role.MEMBER, email="member@kapaskraft.example")
    await stranger.open("/sign-in/code?x=1")
    assert stranger.path == "/sign-in?next=%2Fsign-in%2Fcode%3Fx%3D1"
    await stranger.press("Sign in", email=" Member@KapasKraft.example ", password=PASSWORD)
    assert stranger.heading != "Sign in"
    assert await _records(outside) == ["signed_in"]


async def test_owner_sets_up_codes_and_uses_them_afterwards(outside: Outside, stranger: Somebody) -> None:
    """S8: a password alone lets no owner in; each code counts once."""
    person = await add_person(outside, "kapaskraft", Role.OWNER)
    await _sign_in(stranger)
    assert stranger.heading == "Set up your second step"
    secret = stranger.page.find("code")
    assert secret is not None
    totp = pyotp.TOTP(secret.get_text())
    await stranger.press("Continue", code="000000")
    assert "not right" in stranger.error_of("code")
    code = totp.at(outside.services.clock())
    await stranger.press("Continue", code=f"{code[:3]} {code[3:]}")
    assert (await stranger.open("/account")).page.select_one("nav[aria-label=Main]")
    again = await _sign_in(await somebody(outside))
    assert again.heading == "Second step"
    await again.press("Continue", code=code)
    assert "used already" in again.error_of("code")
    outside.stage.clock.pass_by(seconds=40)
    await again.press("Continue", code=totp.at(outside.services.clock()))
    assert (await again.open("/account")).page.select_one("nav[aria-label=Main]")
    async with outside.stage.database.transaction() as session:
        found = await people.get_sign_in(session, outside.stage.cipher, person.id)
    assert found.totp_secret == totp.secret
    assert await _records(outside) == [
        "signed_in",
        "sign_in.failed",
        "signed_in",
        "second_step.set_up",
        "sign_in.failed",
    ]


async def test_wrong_password_and_unknown_address_sound_the_same(
    outside: Outside, stranger: Somebody
) -> None:
    """S7: nobody learns who has an account."""
    await add_person(outside, "kapaskraft", Role.OWNER)
    await _sign_in(stranger, password="something-else-entirely")
    wrong = stranger.words.replace(EMAIL, "")
    assert stranger.answer.status_code == 422
    await _sign_in(stranger, email="nobody@kapaskraft.example")
    assert stranger.words.replace("nobody@kapaskraft.example", "") == wrong
    async with outside.stage.database.transaction() as session:
        found = await people.find_sign_in(session, outside.stage.cipher, EMAIL)
        assert found is not None
        await people.set_disabled(session, "nakshi", found.person.id, outside.services.clock())


async def test_failures_delay_the_next_try_and_lock_nobody_out(opened: Opened, stage: Stage) -> None:
    """S8: each wrong try doubles the wait; after it the right password works."""
    async with opened(clock=stage.clock, sign_ins_per_minute=1000) as outside:
        await add_person(outside, "kapaskraft", Role.OWNER)
        who = await somebody(outside)
        for _ in range(3):
            await _sign_in(who, password="wrong-wrong-wrong")
            assert "not right" in who.error_of("email")
        await _sign_in(who)
        assert "Try again in 3 seconds" in who.error_of("email")
        outside.stage.clock.pass_by(seconds=4)
        for _ in range(12):
            await _sign_in(who, password="wrong-wrong-wrong")
            outside.stage.clock.pass_by(minutes=4)
        await _sign_in(who, password="wrong-wrong-wrong")
        await _sign_in(who)
        assert "minutes" in who.error_of("email")
        outside.stage.clock.pass_by(minutes=16)
        await _sign_in(who)
        assert who.heading == "Set up your second step"


async def test_tries_at_once_are_no_more_than_tries_one_by_one(outside: Outside, stranger: Somebody) -> None:
    """S8: a code has a million values; whoever sends hundreds together gets as many answers as one after another."""
    await add_person(outside, "kapaskraft", Role.OWNER)
    await _sign_in(stranger)
    assert stranger.heading == "Set up your second step"
    fields = {"csrf": str(stranger.one("[name=csrf]")["value"]), "next": "/"}

    async def guess(number: int) -> str:
        answer = await stranger.http.post("/sign-in/code", data=fields | {"code": f"{number:06d}"})
        return answer.text

    said = await asyncio.gather(*(guess(number) for number in range(12)))
    assert sum("This code is not right" in each for each in said) == 3
    assert sum("There were several wrong codes" in each for each in said) == 9


async def test_too_many_tries_from_one_network_wait_a_minute(outside: Outside, stranger: Somebody) -> None:
    """S26: whatever addresses are tried."""
    for number in range(10):
        await _sign_in(stranger, email=f"somebody{number}@kapaskraft.example")
    await _sign_in(stranger, email="another@kapaskraft.example")
    assert "too many tries from your network" in stranger.error_of("email")


async def test_session_ends_idle_at_last_and_with_its_person(outside: Outside, owner: Somebody) -> None:
    """S9: half an hour without a request, twelve hours at most, at once for who may not sign in any more."""
    assert owner.person is not None
    await owner.open("/account")
    assert owner.page.select_one("nav[aria-label=Main]")
    outside.stage.clock.pass_by(minutes=31)
    assert (await owner.open("/account")).path.startswith("/sign-in")
    lasting = await signed_in(outside, "kapaskraft", email="second@kapaskraft.example")
    for _ in range(36):
        outside.stage.clock.pass_by(minutes=20)
        await lasting.open("/account")
    assert lasting.path.startswith("/sign-in")
    third = await signed_in(outside, "kapaskraft", email="third@kapaskraft.example")
    assert third.person is not None
    async with outside.stage.database.transaction() as session:
        assert await people.set_disabled(session, "kapaskraft", third.person.id, outside.services.clock())
    assert (await third.open("/account")).path.startswith("/sign-in")


async def test_signing_out_ends_the_session_itself(outside: Outside, owner: Somebody) -> None:
    """A copied cookie is worth nothing afterwards."""
    await owner.open("/account")
    cookies = dict(owner.http.cookies)
    await owner.press("Sign out")
    assert owner.path.startswith("/sign-in")
    thief = await somebody(outside)
    thief.http.cookies.update(cookies)
    assert (await thief.open("/account")).path.startswith("/sign-in")


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, None),
        ({}, "forged"),
        ({}, ""),
    ],
)
async def test_form_of_another_site_does_nothing(
    outside: Outside, owner: Somebody, headers: dict[str, str], token: str | None
) -> None:
    """S10: neither from elsewhere with the right token, nor from here with a wrong one."""
    await owner.open("/account")
    real = owner.page.find("input", attrs={"name": "csrf"})
    assert real is not None
    given = str(real["value"]) if token is None else token
    sent = {name: value for name, value in headers.items() if value}
    if headers.get("Sec-Fetch-Site") == "":
        answer = await owner.http.post("/sign-out", data={"csrf": given}, headers=sent)
    else:
        answer = (await owner.post("/sign-out", [("csrf", given)], **sent)).answer
    assert answer.status_code == 403
    assert (await owner.open("/account")).path == "/account"


async def test_token_of_another_session_is_refused(outside: Outside, owner: Somebody) -> None:
    """S10: the token is bound to its session."""
    other = await signed_in(outside, "nakshi")
    await other.open("/account")
    token = other.page.find("input", attrs={"name": "csrf"})
    assert token is not None
    await owner.post("/sign-out", [("csrf", str(token["value"]))])
    assert owner.answer.status_code == 403


async def test_cookies_are_kept_from_scripts_and_other_sites(opened: Opened) -> None:
    """S9: and behind https they are for https and this host alone."""
    async with opened(public_base_url="https://portal.example") as outside:
        await add_person(outside, "kapaskraft", Role.MEMBER)
        who = await somebody(outside)
        first = await who.http.get("/sign-in")
        assert first.headers["set-cookie"].startswith("__Host-visitor=")
        assert cookie_name(outside.services, "session") == ("__Host-session", True)
        for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert part in first.headers["set-cookie"]


async def test_word_about_an_act_is_said_once_behind_https_too(opened: Opened, stage: Stage) -> None:
    """A browser drops a cookie of a secure origin only where that is said: else each page says it again."""
    async with opened(clock=stage.clock, public_base_url="https://portal.example") as outside:
        who = await signed_in(outside, "kapaskraft")
        token = who.http.cookies["__Host-session"]
        headers = {"Cookie": f"__Host-session={token}; __Host-toast={Toast('Saved.').sealed(token)}"}
        shown = await who.http.get("/account", headers=headers)
        assert "Saved." in shown.text
        dropped = shown.headers["set-cookie"]
        assert dropped.startswith('__Host-toast="";')
        assert "Max-Age=0" in dropped
        assert "Secure" in dropped
        strange = {b"Cookie": f"__Host-session={token}; __Host-toast=abc.\xe9".encode("latin-1")}
        assert (await who.http.get("/account", headers=strange)).status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "x"])
async def test_signing_in_leads_nowhere_else(outside: Outside, stranger: Somebody, elsewhere: str) -> None:
    """An address of another site is not gone on to."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    await stranger.open(f"/sign-in?next={elsewhere}")
    await stranger.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert str(stranger.answer.url).startswith("http://test/")


async def test_page_carries_the_headers_of_a_page(owner: Somebody) -> None:
    """S23: nothing inline, nothing from elsewhere, in no frame, kept nowhere."""
    answer = (await owner.open("/sign-in")).answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


async def test_failures_and_sessions_of_the_past_are_forgotten(outside: Outside) -> None:
    """The hourly cleaning."""
    now = outside.services.clock()
    person = await add_person(outside, "kapaskraft", Role.MEMBER)
    cipher = outside.stage.cipher
    async with outside.stage.database.transaction() as session:
        token = await browser_sessions.begin_session(session, person.id, device="", is_complete=True, now=now)
        await browser_sessions.add_failure(session, cipher, "key", now)
        await browser_sessions.forget_sessions(session, now + timedelta(minutes=59))
        assert await browser_sessions.find_session(session, token, now) is not None
        assert (await browser_sessions.count_failures(session, cipher, "key", now))[0] == 1
        await browser_sessions.forget_sessions(session, now + timedelta(hours=13))
        assert await browser_sessions.find_session(session, token, now) is None
        assert (await browser_sessions.count_failures(session, cipher, "key", now))[0] == 0
