"""What programs for ops have in common: which system they work on, how they end, and how they print.

The system is that of the environment or `.env`; where neither names a database, the stack that `make up` runs.

    Stop   the command ends here, with words for a person and an exit code
"""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bootstrap.resources import open_resources, utc_now
from bootstrap.settings import Settings
from bootstrap.temporal import connect
from db import audit
from db.encryption import Cipher, Undecipherable
from db.session import Database, DatabaseTrouble, Session
from domain.replies import clean
from domain.timing import Policy
from ops.stack import VAR
from workflows.client import Workflows, WorkflowsUnavailable

NO, NOT_THERE = 1, 2
"""Exit codes: what was asked for was not done; what it was asked for is not there, or the asking was wrong."""

_LEAST_OF_AN_ID = 6
_ZONE = ZoneInfo(Policy().timezone)
_MOST_ROWS = 10_000

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class System:
    """A running system, as programs for ops reach it: for all workspaces.

    Attributes:
        database: Its database.
        cipher: Opens what rests there sealed.
        workflows: The door to running cases.
        clock: Tells the time.
        statement_days: How many days after its end a month is closed.
        reconciled_after_hours: How long Gupshup may take to bill a message.
    """

    database: Database
    cipher: Cipher
    workflows: Workflows
    clock: Callable[[], datetime] = utc_now
    statement_days: int = 5
    reconciled_after_hours: int = 48


Command = Callable[[System, argparse.Namespace], Awaitable[int]]


class Stop(Exception):
    """The command ends here; the message says why, and what would be right."""

    def __init__(self, message: str, *, code: int = NO) -> None:
        super().__init__(message)
        self.code = code


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    """Add a command that works on a running system."""
    parser = commands.add_parser(name, help=text)
    parser.set_defaults(command=command, run=lambda arguments: asyncio.run(_run(arguments)))
    return parser


def add_person_option(step: argparse.ArgumentParser) -> None:
    """Let a command be told who acts."""
    step.add_argument("--person", metavar="NAME", help="who acts; is written down (usual: your login)")


def who_acts(arguments: argparse.Namespace) -> str:
    """Return who acts.

    Raises:
        Stop: Nobody is named, and the login has no name.
    """
    if arguments.person:
        return one_line(arguments.person)
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise Stop("Say who acts: --person NAME", code=NOT_THERE) from None


async def record(
    session: Session,
    workspace_id: str,
    *,
    person: str,
    action: str,
    subject: str = "",
    detail: str = "",
    now: datetime,
) -> None:
    """Write down in the audit what somebody does at the terminal; it is told from the portal by its "(ops)" (S28)."""
    await audit.add_record(
        session,
        workspace_id,
        person=f"{person} (ops)",
        action=action,
        subject=subject,
        detail=detail,
        now=now,
    )


def how_many(text: str) -> int:
    """Return a number of rows that somebody wants.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_ROWS):
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST_ROWS}")
    return int(text)


def add_month(step: argparse.ArgumentParser, usual: str) -> None:
    """Let a command be about a month."""
    step.add_argument("--month", type=_month, metavar="YYYY-MM", help=usual)


def stamp(at: datetime) -> str:
    """Return a time by the clock of most workspaces, with its year: books are kept for years."""
    return f"{at.astimezone(_ZONE):%Y-%m-%d %H:%M}"


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise argparse.ArgumentTypeError("a month, as 2026-11") from error


async def perform(system: System, arguments: argparse.Namespace) -> int:
    """Do what a command line asks for and return its exit code; trouble is told in words."""
    try:
        return int(await arguments.command(system, arguments))
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    except DatabaseTrouble as error:
        print(f"The database cannot be used now ({error}): try again.", file=sys.stderr)
        return NO
    except Undecipherable as error:
        print(f"MASTER_KEYS are not those of this database: {error}.", file=sys.stderr)
        return NO


async def _run(arguments: argparse.Namespace) -> int:
    try:
        settings = settings_here(VAR)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    async with open_system(settings) as system:
        return await perform(system, arguments)


@asynccontextmanager
async def open_system(settings: Settings) -> AsyncIterator[System]:
    """Open what reaches a running system; nothing is connected before it is used."""
    async with open_resources(settings, name="ops") as resources:
        client = await connect(settings, lazy=True)
        yield System(
            resources.database,
            resources.cipher,
            Workflows(client),
            statement_days=settings.statement_days,
            reconciled_after_hours=settings.reconciled_after_hours,
        )


def settings_here(var: Path) -> Settings:
    """Return the settings of the environment or `.env`; where neither names a database, of the stack that runs here.

    Args:
        var: Where the stack keeps its address file and its keys.

    Raises:
        Stop: There is neither, or a setting is wrong; the message names settings and shows none.
    """
    try:
        return Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        wrong = {str(one["loc"][0]).upper() if one["loc"] else one["msg"] for one in error.errors()}
    if "DATABASE_URL" in wrong and (var / "stack.json").exists():
        print("On the stack that `make up` runs.", file=sys.stderr)
        return _settings_of_stack(var)
    raise Stop(
        f"Missing or wrong in the environment or .env: {', '.join(sorted(wrong))}. Or start `make up`.",
        code=NOT_THERE,
    )


def _settings_of_stack(var: Path) -> Settings:
    at = json.loads((var / "stack.json").read_text())
    keys = json.loads((var / "stack" / "secrets.json").read_text())["environment"]
    values = {
        "database_url": at["database"],
        "temporal_address": at["temporal"],
        "gupshup_base_url": at["gupshup"],
        "eshopbox_base_url": at["order_system"],
        "eshopbox_auth_url": at["order_system"],
        **{name.lower(): value for name, value in keys.items()},
    }
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def the_only(found: Sequence[_Found], given: str, what: str, words: Callable[[_Found], str]) -> _Found:
    """Return the one thing whose id begins as given.

    Raises:
        Stop: None does, several do, or too little of an id is given.
    """
    if len(given.replace("-", "")) < _LEAST_OF_AN_ID:
        raise Stop(
            f"{given} is too short: give {_LEAST_OF_AN_ID} characters of the id or more", code=NOT_THERE
        )
    if not found:
        raise Stop(f"There is no {what} {given}.", code=NOT_THERE)
    if len(found) > 1:
        several = "".join(f"\n  {words(one)}" for one in found)
        raise Stop(f"More than one {what} begins with {given}:{several}", code=NOT_THERE)
    return found[0]


def try_again(error: WorkflowsUnavailable, more: str = "") -> Stop:
    """Return how a command ends while Temporal is away."""
    return Stop(f"Temporal did not answer ({error}).{more} Try again in a moment.")


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, indent: str = "") -> None:
    """Print rows in columns. What others wrote moves no cursor: control characters are left out."""
    lines = [tuple(header), *(tuple(one_line(str(value)) for value in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print(f"{indent}{'  '.join(cells)}".rstrip())


def one_line(text: str) -> str:
    """Return a text as one line that moves no cursor."""
    return " ".join(clean(text).split())
