"""People from the terminal: the first owner of a workspace, staff, and what a lost password or phone needs."""

import json
import re
from pathlib import Path

import pyotp
import pytest

from bootstrap.passwords import Passwords
from db import audit, browser_sessions, people
from db.people import Role, SignIn
from db.workspaces import PLATFORM
from ops.codes import how_to_sign_in, print_codes
from ops.seed import load
from tests.ops.conftest import Terminal

EMAIL = "meera@kapaskraft.example"
ADD = ("people", "add", "kapaskraft", "--email", EMAIL, "--name", "Meera Iyer", "--person", "Neha")


async def _found(terminal: Terminal, email: str = EMAIL) -> SignIn:
    async with terminal.stage.database.transaction() as session:
        found = await people.find_sign_in(session, terminal.stage.cipher, email)
    assert found is not None
    return found


def _password(printed: str) -> str:
    (password,) = re.findall(r"^  ((?:[a-z2-9]{4}-){3}[a-z2-9]{4})$", printed, re.MULTILINE)
    return str(password)


async def _records(terminal: Terminal, workspace_id: str) -> list[tuple[str, str, str]]:
    async with terminal.stage.database.transaction() as session:
        records = await audit.list_records(session, workspace_id)
    return [(record.action, record.subject, record.person) for record in reversed(records)]


async def _begin_session(terminal: Terminal, person_id: str) -> str:
    async with terminal.stage.database.transaction() as session:
        return await browser_sessions.begin_session(
            session, person_id, device="", is_complete=True, now=terminal.stage.clock()
        )


async def _has_session(terminal: Terminal, token: str) -> bool:
    async with terminal.stage.database.transaction() as session:
        return await browser_sessions.find_session(session, token, terminal.stage.clock()) is not None


async def test_first_owner_of_a_workspace_gets_a_password_for_one_sign_in(terminal: Terminal) -> None:
    """S7, I19: printed once, kept as a hash, and written down who did it."""
    code, printed = await terminal.run(*ADD)
    assert code == 0
    found = await _found(terminal)
    assert (found.person.role, found.person.workspace_id) == (Role.OWNER, "kapaskraft")
    assert found.person.password_is_temporary
    assert await Passwords().matches(found.password_hash, _password(printed))
    assert await _records(terminal, "kapaskraft") == [("person.added", EMAIL, "Neha (ops)")]
    code, printed = await terminal.run(*ADD)
    assert (code, printed) == (1, f"Somebody signs in with {EMAIL} already.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("people", "add", "nowhere", "--email", EMAIL, "--name", "M"), "no workspace nowhere"),
        (("people", "add", "-", "--email", EMAIL, "--name", "M"), "no workspace -"),
        (("people", "add", "--email", EMAIL, "--name", "M"), "one of the two"),
        (("people", "add", "kapaskraft", "--ops", "--email", EMAIL, "--name", "M"), "one of the two"),
        (("people", "add", "kapaskraft", "--email", "meera", "--name", "M"), "is no address"),
        (("people", "password", "nobody@kapaskraft.example"), "Nobody signs in"),
        (("people", "disable", "nobody@kapaskraft.example"), "Nobody signs in"),
    ],
)
async def test_wrong_asking_adds_nobody(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    """With words for what would be right."""
    code, printed = await terminal.run(*words, "--person", "Neha")
    assert code == 2
    assert said in printed
    async with terminal.stage.database.transaction() as session:
        assert await people.list_everybody(session) == ()


async def test_staff_belong_to_no_workspace(terminal: Terminal) -> None:
    """Their record stands in the platform's chain; the list shows them before all others."""
    await terminal.run(*ADD)
    ops = ("people", "add", "--ops", "--email", "Ops@Eshopbox.example", "--name", "Neha Kulkarni")
    code, _ = await terminal.run(*ops, "--person", "Neha")
    assert code == 0
    found = await _found(terminal, "ops@eshopbox.example")
    assert (found.person.role, found.person.workspace_id) == (Role.OPS, None)
    assert await _records(terminal, PLATFORM) == [("person.added", "ops@eshopbox.example", "Neha (ops)")]
    _, printed = await terminal.run("people", "list")
    header, first, second = printed.splitlines()
    assert header.split() == ["WORKSPACE", "ROLE", "E-MAIL", "NAME", "SINCE"]
    assert first.startswith("all")
    assert second.startswith("kapaskraft")
    _, printed = await terminal.run("people", "list", "nakshi")
    assert len(printed.splitlines()) == 1
    code, _ = await terminal.run("people", "disable", "ops@eshopbox.example", "--person", "Neha")
    assert code == 0
    assert (await _found(terminal, "ops@eshopbox.example")).person.disabled_at is not None


async def test_new_password_and_lost_phone_end_every_session(terminal: Terminal) -> None:
    """S9: whoever had the old one is out."""
    await terminal.run(*ADD)
    before = await _found(terminal)
    token = await _begin_session(terminal, before.person.id)
    code, printed = await terminal.run("people", "password", EMAIL, "--person", "Neha")
    assert code == 0
    assert await Passwords().matches((await _found(terminal)).password_hash, _password(printed))
    assert not await _has_session(terminal, token)
    async with terminal.stage.database.transaction() as session:
        await people.set_totp(session, terminal.stage.cipher, before.person.id, pyotp.random_base32())
    token = await _begin_session(terminal, before.person.id)
    code, printed = await terminal.run("people", "reset-second-step", EMAIL, "--person", "Neha")
    assert code == 0
    assert "next sign-in" in printed
    assert (await _found(terminal)).totp_secret == ""
    assert not await _has_session(terminal, token)


async def test_last_owner_is_not_disabled_but_a_member_and_another_owner_are(terminal: Terminal) -> None:
    """A workspace that nobody owns could not be helped from its own pages."""
    await terminal.run(*ADD)
    code, printed = await terminal.run("people", "disable", EMAIL, "--person", "Neha")
    assert code == 1
    assert "the last owner of kapaskraft" in printed
    second = ("kapaskraft", "--email", "second@kapaskraft.example", "--name", "Rohan Shetty")
    await terminal.run("people", "add", *second, "--member", "--person", "Neha")
    assert (await terminal.run("people", "disable", second[2], "--person", "Neha"))[0] == 0
    assert (await terminal.run("people", "enable", second[2], "--person", "Neha"))[0] == 0
    assert (await _found(terminal, second[2])).person.disabled_at is None
    third = ("kapaskraft", "--email", "third@kapaskraft.example", "--name", "Imran Shaikh")
    await terminal.run("people", "add", *third, "--person", "Neha")
    assert (await terminal.run("people", "disable", EMAIL, "--person", "Neha"))[0] == 0
    assert (await _found(terminal)).person.disabled_at is not None


# --- The codes of a stack ---


def test_codes_of_the_running_stack_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has none is told so; for a script the code stands alone."""
    secret = pyotp.random_base32()
    people_of_stack = [
        {"workspace": "kapaskraft", "email": EMAIL, "password": "p", "role": "owner", "totp_secret": secret},
        {"workspace": None, "email": "m@x.example", "password": "p", "role": "member", "totp_secret": ""},
    ]
    path = tmp_path / "stack.json"
    assert print_codes(path, None, now=0) == 2
    path.write_text(json.dumps({"people": people_of_stack}))
    expected = pyotp.TOTP(secret).at(1_700_000_010)
    capsys.readouterr()
    assert print_codes(path, EMAIL, now=1_700_000_010.0) == 0
    assert capsys.readouterr().out == f"{expected}\n"
    assert print_codes(path, "m@x.example", now=0) == 2
    capsys.readouterr()
    assert print_codes(path, None, now=1_700_000_030.0) == 0
    printed = capsys.readouterr().out
    assert f"{expected}  {EMAIL}" in printed
    assert "none" in printed
    assert "For 10 more seconds" in printed


def test_line_for_signing_in_names_somebody_without_codes(tmp_path: Path) -> None:
    """The shortest way in."""
    seed = load(tmp_path / "secrets.json")
    line = how_to_sign_in(seed.people)
    assert line.startswith("member@kapaskraft.example with ")
    assert "ops code" in line
