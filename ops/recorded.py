"""Recorded events of order systems, from a file into the inbox as if they were posted: for a backfill, or after an outage.

Each line is a body with `accountSlug`, or `{"workspace": …, "body": …, "received_at": …}`; a body as text is taken
letter by letter. The same line again has no effect, so that a file that was broken off is simply given again.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clients.carriers.eshopbox import OrderEvent, UnreadableOrderEvent
from db import inbox, workspaces
from db.session import Session
from intake.backfill import Stored, Untimed, read_event, record_quietly, store_event
from intake.inbox import Intake
from ops.progress import Progress
from ops.system import NO, NOT_THERE, Stop, System

__all__ = ["add_options", "take_file"]

_LONGEST_LINE = 1_000_000  # bytes, as of a webhook's body
_CLOCKS_DIFFER_BY = timedelta(minutes=10)
_WORDS = {
    "handled": "had their effect",
    "ignored": "mean nothing to us, or came too late",
    "new": "wait and are handled soon",
    "parked": "could not be handled and are put aside",
    "quiet": "only recorded",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file: whose event it is, the body as it was posted, and when it was."""

    number: int
    workspace_id: str
    body: bytes
    received_at: datetime | None


class _Bad(Exception):
    """A line cannot be taken; the message says why and repeats nothing of it."""


def add_options(step: argparse.ArgumentParser) -> None:
    """Add what can be said about taking a file."""
    step.add_argument(
        "--from-line",
        type=_line_number,
        default=1,
        metavar="N",
        help="of a file: leave out what stands before",
    )
    step.add_argument(
        "--quiet",
        action="store_true",
        help="of a file: only note where parcels are; no case is opened, no message sent",
    )


async def take_file(system: System, path: Path, arguments: argparse.Namespace) -> int:
    """Take a file of recorded events line by line and return the exit code."""
    try:
        total = _count_lines(path)
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}", code=NOT_THERE) from error
    async with system.database.transaction() as session:
        known = frozenset(workspace.id for workspace in await workspaces.list_workspaces(session))
    if arguments.workspace and arguments.workspace not in known:
        raise Stop(f"There is no workspace {arguments.workspace}.", code=NOT_THERE)
    taker = _Taker(system, known - {workspaces.PLATFORM}, arguments.workspace or "", is_quiet=arguments.quiet)
    progress = Progress(total, "lines")
    number = arguments.from_line - 1
    is_done = False
    try:
        for number, raw in _lines(path, arguments.from_line):
            await taker.take(number, raw)
            progress.reached(number)
        is_done = True
    finally:
        progress.end()
        if not is_done:
            print(
                f"Broken off at line {number}. Nothing is done twice: give the file again, "
                f"or only the rest by --from-line {max(number, 1)}.",
                file=sys.stderr,
            )
    return taker.summary()


class _Taker:
    """Takes lines, in their order."""

    def __init__(self, system: System, known: frozenset[str], workspace_id: str, *, is_quiet: bool) -> None:
        self._system = system
        self._known = known
        self._workspace_id = workspace_id
        self._is_quiet = is_quiet
        self._intake = Intake(
            database=system.database, cipher=system.cipher, workflows=system.workflows, clock=system.clock
        )
        self._came_to: Counter[str] = Counter()
        self._repeated = self._bad = 0

    async def take(self, number: int, raw: bytes) -> None:
        """Take a line; what is wrong with it is said, and it is left out."""
        if not raw.strip():
            return
        now = self._system.clock()
        try:
            line = _read(number, raw, self._workspace_id, self._known)
            event = _event(line, now)
        except (_Bad, UnreadableOrderEvent, Untimed) as error:
            self._bad += 1
            print(f"line {number}: {error}")
            return
        if self._is_quiet:
            is_new = await self._record(line, event, now)
            came_to = "quiet"
        else:
            stored = await self._store(line, event, now)
            is_new, came_to = stored.is_new, ""
            if is_new:
                await self._intake.handle(stored.inbox_id)
                async with self._system.database.transaction() as session:
                    came_to = await inbox.state_of(session, stored.inbox_id)
        if is_new:
            self._came_to[came_to] += 1
        else:
            self._repeated += 1

    def summary(self) -> int:
        """Say what all lines came to, and return the exit code."""
        print(
            f"{self._came_to.total()} events taken, {self._repeated} known before, {self._bad} lines left out."
        )
        for state, words in _WORDS.items():
            if count := self._came_to[state]:
                print(f"  {count} {words}")
        return NO if self._bad or self._came_to["parked"] else 0

    async def _store(self, line: _Line, event: OrderEvent, now: datetime) -> Stored:
        async def work(session: Session) -> Stored:
            return await store_event(
                session,
                self._system.cipher,
                line.workspace_id,
                line.body,
                event,
                received_at=line.received_at or now,
            )

        return await self._system.database.in_transaction(work)

    async def _record(self, line: _Line, event: OrderEvent, now: datetime) -> bool:
        async def work(session: Session) -> bool:
            return await record_quietly(
                session,
                self._system.cipher,
                line.workspace_id,
                line.body,
                event,
                received_at=line.received_at or now,
                now=now,
            )

        return await self._system.database.in_transaction(work)


def _read(number: int, raw: bytes, given: str, known: frozenset[str]) -> _Line:
    if len(raw) > _LONGEST_LINE:
        raise _Bad(f"more than {_LONGEST_LINE} bytes")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise _Bad("no JSON") from None
    if not isinstance(content, dict):
        raise _Bad("no JSON object")
    body, received_at = raw.strip(), None
    named = content.get("accountSlug")
    if "body" in content:
        named = content.get("workspace") or _slug_of(content["body"])
        body, received_at = _body(content["body"]), _moment(content.get("received_at"))
    workspace_id = given or (named if isinstance(named, str) else "")
    if not workspace_id:
        raise _Bad("it does not say whose event it is: `workspace`, or `accountSlug` in the body")
    if given and named and named != given:
        raise _Bad("it is another workspace's")
    if workspace_id not in known:
        raise _Bad("there is no such workspace")
    return _Line(number, workspace_id, body, received_at)


def _event(line: _Line, now: datetime) -> OrderEvent:
    if line.received_at is not None and line.received_at > now + _CLOCKS_DIFFER_BY:
        raise _Bad("received_at is in the future")
    event = read_event(line.body, received_at=line.received_at, now=now)
    if event.workspace_slug and event.workspace_slug != line.workspace_id:
        raise _Bad("its accountSlug is of another workspace")
    return event


def _line_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("the number of a line, from 1")
    return int(text)


def _slug_of(body: Any) -> object:
    return body.get("accountSlug") if isinstance(body, dict) else None


def _body(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise _Bad("received_at is a time, as 2026-11-20T12:00:00+05:30") from None
    if at.tzinfo is None:
        raise _Bad("received_at names no time zone")
    return at.astimezone(UTC)


def _lines(path: Path, first: int) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if number >= first:
                yield number, raw


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
