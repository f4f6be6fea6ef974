"""What customers want, from the terminal: take over earlier opt-outs, show one customer's, stop and lift by hand (R5.5)."""

import argparse
import hashlib
import io
import re
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from clients.carriers.eshopbox import read_phone
from db import accounts, consents, customers, installations, workspaces
from db.accounts import AppAccount
from db.consents import Consent
from db.session import NotFound
from domain.consent import COLUMNS, LONGEST_NOTE, BadLine, Listed, Scope, Source, read_list
from domain.timing import Policy, local_words
from intake.inbox import Intake
from ops.progress import Progress
from ops.system import (
    NO,
    NOT_THERE,
    Stop,
    System,
    add_command,
    add_person_option,
    one_line,
    print_table,
    who_acts,
)

_LARGEST = 50_000_000  # bytes
_SEVERAL = re.compile(r"[/,;|]")
_FILE_NAME = 80


@dataclass(frozen=True, slots=True)
class _Sender:
    """Whose messages it is about, and how times are read and shown."""

    account: AppAccount
    policy: Policy


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `consent …` to the programs."""
    noun = commands.add_parser(
        "consent", help="what customers want: earlier opt-outs, one customer's, by hand"
    )
    steps = noun.add_subparsers(required=True, metavar="COMMAND")

    step = add_command(
        steps, "import", _import, "take over a list of opt-outs; the same list again adds nothing"
    )
    step.add_argument("file", type=Path, metavar="FILE.csv", help=f"columns: {', '.join(COLUMNS)}")
    step.add_argument("--check", action="store_true", help="read the list and take nothing")
    _add_sender(step)
    add_person_option(step)

    step = add_command(steps, "show", _show, "show what a customer wants, and who said so when")
    step.add_argument("phone")
    _add_sender(step)

    for name, text in (
        ("stop", "stop messages to a customer"),
        ("lift", "send to a customer again, who asked for it"),
    ):
        step = add_command(steps, name, _by_hand, text)
        step.set_defaults(is_wanted=name == "lift")
        step.add_argument("phone")
        step.add_argument("--scope", choices=[scope.value for scope in Scope], default=Scope.ALL.value)
        step.add_argument("--note", required=True, help="how the customer said so: it is the proof")
        _add_sender(step)
        add_person_option(step)


def _add_sender(step: argparse.ArgumentParser) -> None:
    which = step.add_mutually_exclusive_group(required=True)
    which.add_argument("--workspace", help="of the workspace's own account")
    which.add_argument("--account", help="of an account by its id; the shared one is every seller's")


async def _import(system: System, arguments: argparse.Namespace) -> int:
    sender = await _find_sender(system, arguments)
    data = _read_file(arguments.file)
    text = _decoded(data)
    person = who_acts(arguments)
    named = one_line(arguments.file.name)[:_FILE_NAME]
    proof = f"{named}, sha256 {hashlib.sha256(data).hexdigest()[:16]}"
    taker = _Taker(system, sender.account.id, proof, person)
    progress = Progress(len(text.splitlines()), "lines")
    wrong: list[BadLine] = []
    good = 0
    try:
        for line in read_list(io.StringIO(text), zone=ZoneInfo(sender.policy.timezone), now=system.clock()):
            read = _with_phone(line)
            progress.reached(read.number)
            if isinstance(read, BadLine):
                wrong.append(read)
                continue
            good += 1
            if not arguments.check:
                await taker.take(read)
    except ValueError as error:
        raise Stop(f"{named}: {error}. Nothing was taken.", code=NOT_THERE) from error
    finally:
        progress.end()
    for bad in wrong:
        print(f"line {bad.number}: {bad.reason}")
    if arguments.check:
        print(f"{good} lines can be taken, {len(wrong)} cannot. Nothing was taken yet.")
    else:
        print(f"{taker.new} opt-outs taken, {taker.known} known before, {len(wrong)} lines not taken.")
        if wrong:
            print("Correct those lines and import the list again: what was taken is not taken twice.")
    return NO if wrong else 0


class _Taker:
    """Takes lines, each in a transaction of its own: a list that was broken off is begun again from its start."""

    def __init__(self, system: System, account_id: str, proof: str, person: str) -> None:
        self._system = system
        self._account_id = account_id
        self._proof = proof
        self._person = person
        self._intake = _intake(system)
        self.new = self.known = 0

    async def take(self, line: Listed) -> None:
        """Take one line."""
        consent = Consent(
            account_id=self._account_id,
            phone_hash=self._system.cipher.phone_hash(line.phone),
            key=f"import:{line.scope.value}:{line.since.astimezone(UTC).isoformat()}",
            scope=line.scope,
            is_wanted=False,
            at=line.since,
            source=Source.IMPORT,
            proof=f"{self._proof}, line {line.number}",
            person=self._person,
            note=line.note,
        )
        is_new = await self._intake.take_consent(consent)
        self.new += is_new
        self.known += not is_new


async def _show(system: System, arguments: argparse.Namespace) -> int:
    sender = await _find_sender(system, arguments)
    phone_hash = system.cipher.phone_hash(_phone(arguments.phone))
    async with system.database.transaction() as session:
        customer = await customers.customer(session, sender.account.id, phone_hash)
        said = await consents.list_consents(session, system.cipher, sender.account.id, phone_hash)
    stands = (
        ("all messages", customer.opted_out_at),
        ("marketing", customer.opted_out_at or customer.marketing_opted_out_at),
    )
    for what, since in stands:
        print(f"{what}: {f'stopped since {local_words(since, sender.policy)}' if since else 'may be sent'}")
    if not said:
        print("The customer never said anything about it.")
        return 0
    print_table(
        ("AT", "WHAT", "WANTED", "SOURCE", "PROOF", "PERSON", "NOTE"),
        [
            (
                one.at.astimezone(ZoneInfo(sender.policy.timezone)).strftime("%Y-%m-%d %H:%M"),
                one.scope.value,
                "yes" if one.is_wanted else "no",
                one.source.value,
                one.proof,
                one.person,
                one.note,
            )
            for one in said
        ],
    )
    return 0


async def _by_hand(system: System, arguments: argparse.Namespace) -> int:
    sender = await _find_sender(system, arguments)
    if not arguments.note.strip() or len(arguments.note) > LONGEST_NOTE:
        raise Stop(
            f"--note says how the customer said so, in at most {LONGEST_NOTE} characters", code=NOT_THERE
        )
    key = str(uuid4())
    consent = Consent(
        account_id=sender.account.id,
        phone_hash=system.cipher.phone_hash(_phone(arguments.phone)),
        key=f"ops:{key}",
        scope=Scope(arguments.scope),
        is_wanted=arguments.is_wanted,
        at=system.clock(),
        source=Source.OPS,
        proof=f"command {key[:8]}",
        person=who_acts(arguments),
        note=arguments.note.strip(),
    )
    await _intake(system).take_consent(consent)
    what = "messages" if consent.scope is Scope.ALL else "marketing messages"
    print(
        f"{what.capitalize()} of {sender.account.app_name} {'may be sent again' if consent.is_wanted else 'are stopped'}."
    )
    return 0


def _intake(system: System) -> Intake:
    return Intake(
        database=system.database, cipher=system.cipher, workflows=system.workflows, clock=system.clock
    )


async def _find_sender(system: System, arguments: argparse.Namespace) -> _Sender:
    async with system.database.transaction() as session:
        if arguments.account:
            try:
                return _Sender(await accounts.get_account(session, arguments.account), Policy())
            except NotFound:
                raise Stop(f"There is no account {arguments.account}.", code=NOT_THERE) from None
        workspace = await workspaces.find_workspace(session, arguments.workspace)
        if workspace is None:
            raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE)
        installed = await installations.list_installed(session, workspace.id)
    own = next((one.account for one in installed if one.account.owner == "client"), None)
    if own is None:
        raise Stop(
            f"{workspace.id} has no account of its own. Opt-outs of the shared account concern every seller: --account ID",
            code=NOT_THERE,
        )
    return _Sender(own, workspace.policy)


def _phone(text: str) -> str:
    phone, problem = ("", "invalid_phone") if _SEVERAL.search(text) else read_phone(text)
    if problem:
        raise Stop("The phone is one Indian mobile number, as +919999900001 or 9999900001.", code=NOT_THERE)
    return phone


def _with_phone(line: Listed | BadLine) -> Listed | BadLine:
    """Return a line with its phone as E.164 digits: half a cell is never taken for the whole."""
    if isinstance(line, BadLine):
        return line
    phone, problem = ("", "invalid_phone") if _SEVERAL.search(line.phone) else read_phone(line.phone)
    if problem:
        return BadLine(line.number, "the phone is no Indian mobile number, or several")
    return Listed(line.number, phone, line.since, line.scope, line.note)


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise Stop(f"{path} has more than {_LARGEST} bytes: part it.", code=NOT_THERE)
        return path.read_bytes()
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}", code=NOT_THERE) from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Stop(
            f"line {line} is not UTF-8 text. Save the list as CSV UTF-8; nothing was taken."
        ) from error
