"""Signing in at an identity provider: only with an answer to one's own question, and only who was added here."""

from collections.abc import AsyncIterator, Callable
from http.cookies import SimpleCookie
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from db import audit, people
from db.people import Role
from tests.api.conftest import Opened, Outside
from tests.api.portal.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.api.portal.somebody import PASSWORD, Somebody, add_person, somebody
from tests.intake.stage import Stage


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A provider that is set up for us."""
    async with running_provider() as running:
        yield running


@pytest.fixture
async def outside(opened: Opened, stage: Stage, provider: Provider) -> AsyncIterator[Outside]:
    """The app, with a provider in its settings and a limit that tests do not meet."""
    async with opened(
        clock=stage.clock,
        public_base_url="http://test",
        sign_ins_per_minute=1000,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Acme ID",
    ) as found:
        yield found


async def _leave(who: Somebody, path: str = "/sign-in/elsewhere") -> str:
    """Go to the provider, sign in there, and return where it sends the browser back to."""
    answer = await who.http.get(path)
    assert answer.status_code == 303, answer.text
    async with httpx.AsyncClient(trust_env=False) as browser:
        there = await browser.get(answer.headers["location"])
    back: str = there.headers["location"]
    return back.removeprefix("http://test")


async def _sign_in(who: Somebody, path: str = "/sign-in/elsewhere") -> Somebody:
    return await who.open(await _leave(who, path))


async def _actions(outside: Outside) -> list[str]:
    async with outside.stage.database.transaction() as session:
        records = await audit.list_records(session, "kapaskraft")
    return [record.action for record in reversed(records)]


async def test_verified_address_is_linked_once_and_the_subject_counts_afterwards(
    outside: Outside, stranger: Somebody, provider: Provider
) -> None:
    """S8: identity is issuer and subject; the address may change there without anybody else getting in."""
    person = await add_person(outside, "kapaskraft", Role.MEMBER)
    await stranger.open("/sign-in?next=/account")
    assert "Sign in with Acme ID" in stranger.words
    await _sign_in(stranger, "/sign-in/elsewhere?next=/account")
    assert stranger.heading == "Your account"
    assert await _actions(outside) == ["sign_in.linked", "signed_in"]
    provider.claims = {"email": "renamed@kapaskraft.example"}
    again = await _sign_in(await somebody(outside))
    assert (await again.open("/account")).heading == "Your account"
    async with outside.stage.database.transaction() as session:
        found = await people.find_sign_in_elsewhere(
            session, outside.stage.cipher, issuer=provider.issuer, subject="subject-1"
        )
    assert found is not None
    assert found.person.id == person.id
    provider.claims = {"sub": "subject-2"}  # the address is somebody else's there by now
    thief = await _sign_in(await somebody(outside))
    assert "Nobody with this account is known here" in thief.words
    assert (await thief.open("/account")).path.startswith("/sign-in")


async def test_owner_takes_our_second_step_all_the_same(
    outside: Outside, stranger: Somebody, provider: Provider
) -> None:
    """S8: whatever the provider says that it has asked for."""
    await add_person(outside, "kapaskraft", Role.OWNER)
    provider.claims = {"email": "owner@kapaskraft.example", "amr": ["mfa", "otp"]}
    await _sign_in(stranger)
    assert stranger.heading == "Set up your second step"
    assert (await stranger.open("/account")).heading == "Set up your second step"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@kapaskraft.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
        {"email": ["member@kapaskraft.example"]},
    ],
)
async def test_who_was_not_added_here_stays_out(
    outside: Outside, stranger: Somebody, provider: Provider, claims: dict[str, Any]
) -> None:
    """Nor whoever only says that an address is theirs."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    provider.claims = claims
    await _sign_in(stranger)
    assert stranger.answer.status_code == 403
    assert "Nobody with this account is known here" in stranger.words
    assert await _actions(outside) == []


async def test_disabled_person_stays_out(outside: Outside, stranger: Somebody) -> None:
    """Linked or not: what is taken away here is taken away there."""
    await add_person(outside, "kapaskraft", Role.OWNER)
    person = await add_person(outside, "kapaskraft", Role.MEMBER)
    await _sign_in(stranger)
    async with outside.stage.database.transaction() as session:
        assert await people.set_disabled(session, "kapaskraft", person.id, outside.services.clock())
    again = await _sign_in(await somebody(outside))
    assert "Nobody with this account is known here" in again.words


def _now(shift: int) -> int:
    return int(time()) + shift


@pytest.mark.parametrize(
    "twist",
    [
        lambda: {"claims": {"nonce": "of-another-login"}},
        lambda: {"claims": {"nonce": None}},
        lambda: {"claims": {"iss": "http://127.0.0.1:1"}},
        lambda: {"claims": {"iss": None}},
        lambda: {"claims": {"aud": "another-app"}},
        lambda: {"claims": {"aud": None}},
        lambda: {"claims": {"aud": [CLIENT_ID, "another-app"]}},
        lambda: {"claims": {"azp": "another-app"}},
        lambda: {"claims": {"exp": _now(-120)}},
        lambda: {"claims": {"exp": None}},
        lambda: {"claims": {"iat": _now(+600)}},
        lambda: {"claims": {"sub": None}},
        lambda: {"claims": {"sub": ""}},
        lambda: {"claims": {"sub": 17}},
        lambda: {"algorithm": "none"},
        lambda: {"algorithm": "HS256"},
        lambda: {"algorithm": "RS512"},
        lambda: {"key_of_another": True},
    ],
)
async def test_token_that_is_not_to_be_believed_signs_nobody_in(
    outside: Outside, stranger: Somebody, provider: Provider, twist: Callable[[], dict[str, Any]]
) -> None:
    """S8: issuer, audience, nonce, time and signature, each by itself."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    for name, value in twist().items():
        setattr(provider, name, value)
    await _sign_in(stranger)
    assert stranger.answer.status_code == 403
    assert "You are not signed in" in stranger.words
    assert (await stranger.open("/account")).path.startswith("/sign-in")
    assert await _actions(outside) == []


async def test_answer_to_no_question_of_this_browser_does_nothing(
    outside: Outside, stranger: Somebody, provider: Provider
) -> None:
    """S8: a link with somebody else's code signs nobody in as them."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    of_another = await _leave(await somebody(outside))
    await stranger.open(of_another)
    assert "You are not signed in" in stranger.words
    own = await _leave(stranger)
    code, their_state = (parse_qs(urlsplit(of_another).query)[name][0] for name in ("code", "state"))
    own_code, state = (parse_qs(urlsplit(own).query)[name][0] for name in ("code", "state"))
    for query in (
        f"code={own_code}",
        f"code={own_code}&state=",
        f"code={own_code}&state={their_state}",
        f"code={code}&state={state}",  # PKCE: the code belongs to another verifier
        f"code={code}&state={state}&iss=http://127.0.0.1:1",
        f"state={state}",
        f"state={state}&error=access_denied",
    ):
        await stranger.open(f"/sign-in/elsewhere/back?{query}")
        assert stranger.answer.status_code == 403, query
    assert await _actions(outside) == []
    await stranger.open(own)
    assert (await stranger.open("/account")).heading == "Your account"


async def test_login_that_takes_too_long_begins_anew(outside: Outside, stranger: Somebody) -> None:
    """Ten minutes, whatever the browser keeps; a cookie that we did not write says nothing."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    back = await _leave(stranger)
    kept = stranger.http.cookies["elsewhere"]
    stranger.http.cookies.set("elsewhere", kept[:-1] + ("0" if kept[-1] != "0" else "1"))
    await stranger.open(back)
    assert "You are not signed in" in stranger.words
    other = await somebody(outside)
    back = await _leave(other)
    outside.stage.clock.pass_by(minutes=11)
    await other.open(back)
    assert "You are not signed in" in other.words


async def test_answer_works_once(outside: Outside, stranger: Somebody) -> None:
    """The provider takes each code once, and the browser forgets what it asked."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    back = await _leave(stranger)
    await stranger.open(back)
    assert "elsewhere" not in stranger.http.cookies
    await stranger.open(back)
    assert stranger.answer.status_code == 403


async def test_cookie_of_a_login_is_kept_from_scripts(outside: Outside, stranger: Somebody) -> None:
    """And from other sites' requests, but for the way back."""
    answer = await stranger.http.get("/sign-in/elsewhere")
    cookie: SimpleCookie = SimpleCookie(answer.headers["set-cookie"])
    morsel = cookie["elsewhere"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"], morsel["max-age"]) == (
        True,
        "lax",
        "/",
        "600",
    )


async def test_new_key_of_the_provider_is_fetched(
    outside: Outside, stranger: Somebody, provider: Provider
) -> None:
    """But not for each token with an invented key."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    await _sign_in(stranger)
    known = outside.services.resources.identity_provider
    assert known is not None
    provider.use_elliptic_key()
    again = await _sign_in(await somebody(outside))
    assert "You are not signed in" in again.words
    assert provider.asked == 1
    moved = known._clock
    known._clock = lambda: moved().replace(year=moved().year + 1)
    provider.claims = {"iat": _now(0), "exp": _now(2 * 365 * 86400)}
    again = await _sign_in(await somebody(outside))
    assert (await again.open("/account")).heading == "Your account"
    assert provider.asked == 2


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"padding": "x" * 300_000},
    ],
)
async def test_provider_that_describes_itself_wrong_is_not_gone_to(
    outside: Outside, stranger: Somebody, provider: Provider, said: dict[str, Any]
) -> None:
    """S25: the page says what does not work, and passwords still do."""
    await add_person(outside, "kapaskraft", Role.MEMBER)
    provider.said = said
    await stranger.open("/sign-in/elsewhere")
    assert stranger.answer.status_code == 403
    assert "Acme ID does not answer" in stranger.words
    await stranger.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert (await stranger.open("/account")).heading == "Your account"


async def test_provider_that_fails_meanwhile_is_named(
    outside: Outside, stranger: Somebody, provider: Provider
) -> None:
    """It is not the person's fault."""
    back = await _leave(stranger)
    provider.is_down = True
    await stranger.open(back)
    assert stranger.answer.status_code == 403
    assert "Acme ID does not answer" in stranger.words


async def test_without_a_provider_there_is_no_such_page(opened: Opened, stage: Stage) -> None:
    """And no link to it."""
    async with opened(clock=stage.clock) as outside:
        who = await somebody(outside)
        await who.open("/sign-in")
        assert "Sign in with" not in who.words
        for path in ("/sign-in/elsewhere", "/sign-in/elsewhere/back"):
            assert (await who.open(path)).answer.status_code == 404
