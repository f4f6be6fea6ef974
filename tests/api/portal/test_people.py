"""People of a workspace: added, changed, kept out by owners; members read who the owners are."""

import pyotp
import pytest

from db import audit, people
from db.people import Person, Role
from tests.api.conftest import Outside
from tests.api.portal.somebody import PASSWORD, Somebody, add_person, signed_in, somebody

HERE = "/account/people"


async def _records(outside: Outside) -> list[tuple[str, str]]:
    async with outside.stage.database.transaction() as session:
        records = await audit.list_records(session, "kapaskraft")
        assert await audit.find_break(session, "kapaskraft") is None
    return [(record.action, record.subject) for record in reversed(records)]


async def _add(owner: Somebody, **filled: str) -> str:
    """Add somebody by the form, and return the password that is shown."""
    await owner.open(f"{HERE}/add")
    await owner.press(
        "Add person", **({"name": "Rohan Shetty", "email": "Rohan@KapasKraft.example"} | filled)
    )
    shown = owner.page.find(id="password")
    assert shown is not None, owner.words
    return str(shown["value"])


async def _member(outside: Outside) -> Person:
    return await add_person(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")


async def test_owner_adds_a_member_who_chooses_a_password_of_their_own(
    outside: Outside, owner: Somebody
) -> None:
    """S7, I19: the password is shown once, works for the first sign-in, and lets nobody further than to a new one."""
    password = await _add(owner)
    assert owner.heading == "Rohan Shetty is added"
    assert await _records(outside) == [("person.added", "rohan@kapaskraft.example")]
    assert password not in (await owner.open(HERE)).answer.text
    assert "Rohan Shetty rohan@kapaskraft.example Member" in owner.words
    fresh = await somebody(outside)
    await fresh.open("/sign-in")
    await fresh.press("Sign in", email="rohan@kapaskraft.example", password=password)
    assert fresh.heading == "Choose your password"
    assert (await fresh.open("/account")).heading == "Choose your password"
    new = "gravel-teapot-monsoon-lamp"
    await fresh.press("Save password", current=password, password=new, again=new)
    assert (await fresh.open("/account")).heading == "Your account"
    again = await somebody(outside)
    await again.open("/sign-in")
    await again.press("Sign in", email="rohan@kapaskraft.example", password=password)
    assert "not right" in again.error_of("email")


async def test_added_owner_needs_codes_before_anything_else(outside: Outside, owner: Somebody) -> None:
    """S8: what owners may do is worth more than a password."""
    password = await _add(owner, role="owner")
    assert "One-time codes" in owner.words
    fresh = await somebody(outside)
    await fresh.open("/sign-in")
    await fresh.press("Sign in", email="rohan@kapaskraft.example", password=password)
    assert fresh.heading == "Set up your second step"
    secret = fresh.page.find("code")
    assert secret is not None
    code = pyotp.TOTP(secret.get_text()).at(outside.services.clock())
    await fresh.press("Continue", code=code)
    assert fresh.heading == "Choose your password"


@pytest.mark.parametrize(
    ("filled", "field", "words"),
    [
        ({"name": ""}, "name", "Enter a name"),
        ({"name": "Rohan\nShetty"}, "name", "Enter a name"),
        ({"email": "rohan"}, "email", "like meera@example.com"),
        ({"email": "ro han@kapaskraft.example"}, "email", "like meera@example.com"),
        ({"email": "rohan@kapaskraft"}, "email", "like meera@example.com"),
        ({"email": "OWNER@kapaskraft.example"}, "email", "cannot be added"),
        ({"email": "owner@nakshi.example"}, "email", "cannot be added"),
    ],
)
async def test_wrong_field_is_named_and_nobody_is_added(
    outside: Outside, owner: Somebody, filled: dict[str, str], field: str, words: str
) -> None:
    """What was typed stays; an address of another workspace sounds like one of this (I11)."""
    await add_person(outside, "nakshi", Role.OWNER, name="Marked Stranger")
    await owner.open(f"{HERE}/add")
    await owner.press(
        "Add person", **({"name": "Rohan Shetty", "email": "rohan@kapaskraft.example"} | filled)
    )
    assert owner.answer.status_code == 422
    assert words in owner.error_of(field)
    assert "Marked Stranger" not in owner.answer.text
    assert "Rohan" in owner.answer.text or filled == {"name": ""}
    async with outside.stage.database.transaction() as session:
        assert len(await people.list_people(session, "kapaskraft")) == 1


async def test_disabled_person_is_out_at_once_and_may_come_back(outside: Outside, owner: Somebody) -> None:
    """S9: every session of theirs ends with it."""
    rohan = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    assert rohan.person is not None
    await owner.open(HERE)
    await owner.follow("Rohan Shetty")
    await owner.press("Stop them from signing in")
    assert "cannot sign in any more" in owner.toast
    assert (await rohan.open("/account")).path.startswith("/sign-in")
    await rohan.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert "not right" in rohan.error_of("email")
    await owner.follow("Rohan Shetty")
    assert "Cannot sign in" in owner.words
    await owner.press("Let them sign in again")
    outside.stage.clock.pass_by(seconds=5)
    await rohan.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert (await rohan.open("/account")).heading == "Your account"
    assert [action for action, _ in await _records(outside)] == [
        "person.disabled",
        "sign_in.failed",
        "person.enabled",
        "signed_in",
    ]


async def test_new_role_ends_the_sessions_of_the_old_one(outside: Outside, owner: Somebody) -> None:
    """S8: a session that began without a second step never becomes an owner's."""
    rohan = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    assert rohan.person is not None
    await owner.open(f"{HERE}/{rohan.person.id}")
    await owner.press("Save role", role="owner")
    assert owner.toast.startswith("Rohan Shetty is now an owner.")
    assert (await rohan.open("/account")).path.startswith("/sign-in")
    await rohan.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert rohan.heading == "Set up your second step"
    await owner.press("Save role", role="member")
    assert owner.toast.startswith("Rohan Shetty is now a member.")


async def test_same_role_again_changes_nothing(outside: Outside, owner: Somebody) -> None:
    """Nobody is signed out for it."""
    rohan = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    assert rohan.person is not None
    await owner.open(f"{HERE}/{rohan.person.id}")
    await owner.press("Save role", role="member")
    assert (await rohan.open("/account")).heading == "Your account"
    assert await _records(outside) == []


async def test_new_password_replaces_the_old_one_and_ends_sessions(outside: Outside, owner: Somebody) -> None:
    """For whoever forgot theirs, or whose was seen."""
    rohan = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    assert rohan.person is not None
    await owner.open(f"{HERE}/{rohan.person.id}")
    await owner.press("Give a new password")
    assert owner.heading == "Rohan Shetty has a new password"
    shown = owner.page.find(id="password")
    assert shown is not None
    assert (await rohan.open("/account")).path.startswith("/sign-in")
    await rohan.press("Sign in", email="member@kapaskraft.example", password=PASSWORD)
    assert "not right" in rohan.error_of("email")
    await rohan.press("Sign in", email="member@kapaskraft.example", password=str(shown["value"]))
    assert rohan.heading == "Choose your password"
    assert ("person.password_given", "member@kapaskraft.example") in await _records(outside)


async def test_codes_of_a_lost_phone_stop_counting(outside: Outside, owner: Somebody) -> None:
    """S8: and new ones are set up at the next sign-in."""
    other = await signed_in(outside, "kapaskraft", email="second@kapaskraft.example", name="Neha Kulkarni")
    assert other.person is not None
    async with outside.stage.database.transaction() as session:
        await people.set_totp(session, outside.stage.cipher, other.person.id, pyotp.random_base32())
    await owner.open(f"{HERE}/{other.person.id}")
    await owner.press("Reset second step")
    assert "do not count any more" in owner.toast
    assert "Reset second step" not in owner.words
    assert (await other.open("/account")).path.startswith("/sign-in")
    await other.press("Sign in", email="second@kapaskraft.example", password=PASSWORD)
    assert other.heading == "Set up your second step"


async def test_last_owner_stays_one(outside: Outside, owner: Somebody) -> None:
    """Owners do not change themselves here; two who change each other at once leave one."""
    other = await signed_in(outside, "kapaskraft", email="second@kapaskraft.example", name="Neha Kulkarni")
    assert owner.person is not None
    assert other.person is not None
    await owner.open(f"{HERE}/{other.person.id}")
    token = owner.page.find("input", attrs={"name": "csrf"})
    assert token is not None
    csrf = [("csrf", str(token["value"]))]
    await owner.post(f"{HERE}/{owner.person.id}/disable", [*csrf])
    assert owner.answer.status_code == 404
    assert (await owner.open(f"{HERE}/{owner.person.id}")).path == "/account"
    async with outside.stage.database.transaction() as session:
        # As if the other owner had been made a member a moment ago by somebody else.
        assert await people.set_role(session, "kapaskraft", other.person.id, Role.MEMBER)
        assert not await people.set_disabled(session, "kapaskraft", owner.person.id, outside.services.clock())
        assert not await people.set_role(session, "kapaskraft", owner.person.id, Role.MEMBER)


async def test_last_owner_who_lost_their_role_meanwhile_changes_nobody(
    outside: Outside, owner: Somebody
) -> None:
    """A page that is still open is no key."""
    rohan = await _member(outside)
    await owner.open(f"{HERE}/{rohan.id}")
    assert owner.person is not None
    async with outside.stage.database.transaction() as session:
        await people.set_role(session, "kapaskraft", rohan.id, Role.OWNER)
        await people.set_role(session, "kapaskraft", owner.person.id, Role.MEMBER)
    await owner.press("Stop them from signing in")
    assert owner.answer.status_code == 403
    assert owner.heading == "Only owners can do this"


@pytest.mark.parametrize("act", ["role", "disable", "enable", "password", "second-step"])
async def test_every_act_asks_for_the_password_again(outside: Outside, owner: Somebody, act: str) -> None:
    """S11: ten minutes after it was given, a form that is still open does nothing by itself."""
    rohan = await _member(outside)
    await owner.open(f"{HERE}/{rohan.id}")
    token = owner.page.find("input", attrs={"name": "csrf"})
    assert token is not None
    outside.stage.clock.pass_by(minutes=11)
    fields = [("csrf", str(token["value"]))] + ([("role", "owner")] if act == "role" else [])
    await owner.post(f"{HERE}/{rohan.id}/{act}", [*fields])
    assert owner.heading == "Enter your password again"
    assert await _records(outside) == []
    await owner.press("Continue", password=PASSWORD)
    assert owner.heading == "Rohan Shetty"


async def test_adding_asks_for_the_password_before_the_form(outside: Outside, owner: Somebody) -> None:
    """S11: nothing that was typed is lost for it."""
    outside.stage.clock.pass_by(minutes=11)
    await owner.open(HERE)
    await owner.follow("Add a person")
    assert owner.heading == "Enter your password again"
    await owner.press("Continue", password="not-the-right-one")
    assert "not your password" in owner.error_of("password")
    await owner.press("Continue", password=PASSWORD)
    assert owner.heading == "Add a person"


async def test_member_reads_who_the_owners_are(outside: Outside, owner: Somebody) -> None:
    """Instead of the list and its buttons."""
    member = await signed_in(outside, "kapaskraft", Role.MEMBER, name="Rohan Shetty")
    await member.open(HERE)
    assert member.answer.status_code == 403
    assert "Only owners can do this" in member.words
    assert "Meera Iyer" in member.words
    assert "@" not in member.words
    assert (await member.open(f"{HERE}/add")).answer.status_code == 403


@pytest.mark.parametrize("said", ["x", "%00", "1e5", "urn:11111111111111111111111111111111", "म"])
async def test_address_that_names_nobody_is_no_page(owner: Somebody, said: str) -> None:
    """I11: whatever stands where an id should be, there is nobody; not an error of ours."""
    assert (await owner.open(f"{HERE}/{said}")).answer.status_code == 404
    await owner.open(f"{HERE}/add")
    csrf = str(owner.one("[name=csrf]")["value"])
    assert (await owner.post(f"{HERE}/{said}/disable", [("csrf", csrf)])).answer.status_code == 404


async def test_name_of_a_person_is_text(outside: Outside, owner: Somebody) -> None:
    """S24: whatever somebody is called."""
    await _add(owner, name="<b>Rohan</b> & <script>")
    for path in (HERE, owner.path):
        await owner.open(path)
        assert owner.page.find("b", string="Rohan") is None
        assert "<b>Rohan</b> & <script>" in owner.words or path != HERE


async def test_staff_have_no_people_page(outside: Outside) -> None:
    """They are added from a terminal."""
    staff = await signed_in(outside, None, Role.OPS)
    assert (await staff.open(HERE)).answer.status_code == 404
