"""People of the portal from the terminal: a workspace's first owner, Eshopbox's staff, a new password, a lost phone.

Afterwards owners see to their own workspace's people on a page of the portal.
"""

import argparse

from bootstrap.passwords import Passwords, temporary_password
from db import browser_sessions, people, workspaces
from db.people import EmailTaken, Person, Role
from db.session import Session
from db.workspaces import PLATFORM
from ops.system import (
    NOT_THERE,
    Stop,
    System,
    add_command,
    add_person_option,
    one_line,
    print_table,
    record,
    who_acts,
)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `people …` to the programs."""
    noun = commands.add_parser("people", help="who signs in to the portal: add, list, new password, disable")
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(steps, "add", _add, "add somebody; prints a password for the first sign-in, once")
    step.add_argument("workspace", nargs="?", help="the workspace's slug; none with --ops")
    step.add_argument("--email", required=True)
    step.add_argument("--name", required=True)
    role = step.add_mutually_exclusive_group()
    role.add_argument("--member", action="store_true", help="a member, not an owner")
    role.add_argument("--ops", action="store_true", help="one of Eshopbox's staff, who see every workspace")
    add_person_option(step)

    step = add_command(steps, "list", _list, "list who signs in")
    step.add_argument("workspace", nargs="?", help="only those of this workspace")

    for name, command, text in (
        ("password", _password, "print a new password for one sign-in; ends every session"),
        ("reset-second-step", _reset, "have codes set up again, as after a lost phone"),
        ("disable", _disable, "let somebody sign in no more; ends every session"),
        ("enable", _enable, "let somebody sign in again"),
    ):
        step = add_command(steps, name, command, text)
        step.add_argument("email")
        add_person_option(step)


async def _add(system: System, arguments: argparse.Namespace) -> int:
    by = who_acts(arguments)
    if bool(arguments.workspace) is arguments.ops:
        raise Stop("Name the workspace, or --ops for staff: one of the two.", code=NOT_THERE)
    email = arguments.email.strip().casefold()
    if "@" not in email.strip("@") or not email.isprintable() or " " in email:
        raise Stop(f"--email: {arguments.email!r} is no address", code=NOT_THERE)
    role = Role.OPS if arguments.ops else Role.MEMBER if arguments.member else Role.OWNER
    password = temporary_password()
    kept = await Passwords().hash(password)
    async with system.database.transaction() as session:
        if not arguments.ops and not await _is_sellers(session, arguments.workspace):
            raise Stop(
                f"There is no workspace {arguments.workspace}: add it with `connect workspace` first.",
                code=NOT_THERE,
            )
        try:
            added = await people.add_person(
                session,
                workspace_id=arguments.workspace,
                email=email,
                name=one_line(arguments.name),
                role=role,
                password_hash=kept,
            )
        except EmailTaken:
            raise Stop(f"Somebody signs in with {email} already.") from None
        await _record(session, system, added, "person.added", by=by, detail=role.value)
    _print_password(added, password)
    return 0


async def _list(system: System, arguments: argparse.Namespace) -> int:
    async with system.database.transaction() as session:
        found = await people.list_everybody(session, arguments.workspace)
    print_table(
        ("WORKSPACE", "ROLE", "E-MAIL", "NAME", "SINCE", ""),
        [
            (
                person.workspace_id or "all",
                person.role.value,
                person.email,
                person.name,
                f"{person.created_at:%Y-%m-%d}",
                f"disabled since {person.disabled_at:%Y-%m-%d}" if person.disabled_at else "",
            )
            for person in found
        ],
    )
    return 0


async def _password(system: System, arguments: argparse.Namespace) -> int:
    by = who_acts(arguments)
    password = temporary_password()
    kept = await Passwords().hash(password)
    async with system.database.transaction() as session:
        person = await _find(session, system, arguments.email)
        await people.set_password(session, person.id, kept, is_temporary=True)
        await browser_sessions.end_sessions(session, person.id)
        await _record(session, system, person, "person.password_given", by=by)
    _print_password(person, password)
    return 0


async def _reset(system: System, arguments: argparse.Namespace) -> int:
    by = who_acts(arguments)
    async with system.database.transaction() as session:
        person = await _find(session, system, arguments.email)
        await people.set_totp(session, system.cipher, person.id, None)
        await browser_sessions.end_sessions(session, person.id)
        await _record(session, system, person, "person.second_step_reset", by=by)
    again = " They set new ones up at their next sign-in." if person.needs_second_step else ""
    print(f"The codes of {person.email} do not count any more.{again}")
    return 0


async def _disable(system: System, arguments: argparse.Namespace) -> int:
    by = who_acts(arguments)
    async with system.database.transaction() as session:
        person = await _find(session, system, arguments.email)
        if not await people.set_disabled(session, person.workspace_id, person.id, system.clock()):
            raise Stop(
                f"{person.email} is the last owner of {person.workspace_id} who can sign in: add another first."
            )
        await browser_sessions.end_sessions(session, person.id)
        await _record(session, system, person, "person.disabled", by=by)
    print(f"{person.email} cannot sign in any more; every session has ended.")
    return 0


async def _enable(system: System, arguments: argparse.Namespace) -> int:
    by = who_acts(arguments)
    async with system.database.transaction() as session:
        person = await _find(session, system, arguments.email)
        await people.set_disabled(session, person.workspace_id, person.id, None)
        await _record(session, system, person, "person.enabled", by=by)
    print(f"{person.email} can sign in again, with the password they had.")
    return 0


async def _is_sellers(session: Session, workspace_id: str) -> bool:
    """Tell whether there is such a workspace, and a seller's: the platform's people are staff."""
    return workspace_id != PLATFORM and await workspaces.find_workspace(session, workspace_id) is not None


async def _find(session: Session, system: System, email: str) -> Person:
    found = await people.find_sign_in(session, system.cipher, email)
    if found is None:
        raise Stop(f"Nobody signs in with {email}.", code=NOT_THERE)
    return found.person


async def _record(
    session: Session, system: System, about: Person, action: str, *, by: str, detail: str = ""
) -> None:
    if about.workspace_id is None:
        await workspaces.ensure_platform(session)
    await record(
        session,
        about.workspace_id or PLATFORM,
        person=by,
        action=action,
        subject=about.email,
        detail=detail,
        now=system.clock(),
    )


def _print_password(person: Person, password: str) -> None:
    print(f"{person.email} signs in once with this password, and chooses another then:\n\n  {password}\n")
    if person.needs_second_step:
        print("They set up one-time codes first. The password is kept as a hash: nobody can read it again.")
    else:
        print("The password is kept as a hash: nobody can read it again.")
