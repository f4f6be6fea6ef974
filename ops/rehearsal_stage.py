"""The stack of a rehearsal: the real programs on clocks that jump together, so that a day takes seconds.

Temporal's server for tests leads; every other clock is the machine's own plus the seconds that stand in one file, which
the API, the worker and both stand-ins read.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bootstrap.settings import Settings
from bootstrap.skipped_time import Runs, SkippedTime
from db import inbox, references
from db.encryption import digest
from db.session import Database
from domain.timing import Policy
from ops.processes import Child, listens
from ops.stack import BINARIES, Ports, Stack
from workflows.client import SEARCH_ATTRIBUTES

_REST_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.02


class NoRest(Exception):
    """Something goes on and on; the message says what."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is under way, and marks that differ as soon as anything has happened."""

    busy: str
    marks: tuple[object, ...]
    runs: Runs


class RehearsalStack(Stack):
    """The running system of one rehearsal; nothing of it is replaced by what the environment names."""

    def __init__(self, directory: Path, *, policy: Policy, people: list[dict[str, str]]) -> None:
        super().__init__(directory, Ports.any(), say=print, replaced={}, people=people, policy=policy)
        self._clock_file = directory / "clock"
        self._set_clock(timedelta())
        self._time: SkippedTime
        self._database: Database
        self._http: httpx.AsyncClient

    def now(self) -> datetime:
        """Return the time of the rehearsal."""
        return datetime.now(UTC) + self._ahead

    async def pass_time(self, until: datetime) -> AsyncIterator[None]:
        """Let time pass, and yield whenever something is due and done meanwhile, and at the end.

        Raises:
            NoRest: What was due does not come to its end.
        """
        runs = await self.rest()
        while runs.wake_at is not None and runs.wake_at < until:
            await self._jump(runs.wake_at)
            runs = await self.rest()
            yield
        await self._jump(until)
        await self.rest()
        yield

    async def rest(self) -> Runs:
        """Wait until nothing is under way anywhere, and return what the runs wait for.

        Raises:
            NoRest: That takes too long.
        """
        end = asyncio.get_running_loop().time() + _REST_SECONDS
        before = await self._standing()
        while True:
            # What is between two parts at the moment of looking has left its mark at the second look.
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            now = await self._standing()
            if not before.busy and not now.busy and before.marks == now.marks:
                return now.runs
            if asyncio.get_running_loop().time() > end:
                raise NoRest(
                    f"after {_REST_SECONDS:.0f} s still under way: {now.busy or 'one thing after another'}"
                )
            before = now

    async def meaning_of(self, postback: str) -> str:
        """Return what a choice on a phone stands for, by the reference it carries; empty where it carries none."""
        async with self._database.transaction() as session:
            found = await references.find_reference(session, digest(postback))
        return found.choice if found is not None else ""

    async def _jump(self, to: datetime) -> None:
        ahead = to - (datetime.now(UTC) + await self._time.ahead())
        if ahead <= timedelta():
            return
        # First: whatever the server gives out at the new time must find it on every clock.
        self._set_clock(self._ahead + ahead)
        await self._time.jump(ahead)
        self._set_clock(await self._time.ahead())

    def _set_clock(self, ahead: timedelta) -> None:
        self._ahead = ahead
        fresh = self._clock_file.with_suffix(".new")
        fresh.write_text(str(ahead.total_seconds()))
        fresh.replace(self._clock_file)

    async def _standing(self) -> _Standing:
        at = self.addresses
        messages, webhooks, callbacks, runs = await asyncio.gather(
            self._under_way(at.gupshup),
            self._under_way(at.order_system),
            self._callbacks(),
            self._time.runs(),
        )
        busy = {
            "messages": messages["under_way"],
            "the order system's webhooks": webhooks["under_way"],
            "callbacks in the inbox": callbacks,
            "cases": not runs.are_waiting,
        }
        return _Standing(
            ", ".join(name for name, is_busy in busy.items() if is_busy),
            (messages["version"], webhooks["version"], runs.events),
            runs,
        )

    async def _under_way(self, stand_in: str) -> dict[str, int]:
        answer = await self._http.get(f"{stand_in}/control/under-way")
        told: dict[str, int] = answer.raise_for_status().json()
        return told

    async def _callbacks(self) -> int:
        async with self._database.transaction() as session:
            return (await inbox.backlog(session)).new

    async def _start(self) -> None:
        await super()._start()
        self._database = Database(self.addresses.database, pool_size=1, name="rehearsal")
        self._http = httpx.AsyncClient(trust_env=False, timeout=20.0)

    async def _stop(self) -> None:
        if hasattr(self, "_http"):
            await self._http.aclose()
            await self._database.dispose()
        await super()._stop()

    async def _start_temporal(self) -> None:
        command = (str(BINARIES / "temporal-test-server"), str(self._ports.temporal))
        await self.processes.start(Child("temporal", command, listens(self._ports.temporal)))

    async def _prepare_temporal(self, settings: Settings) -> None:
        self._time = await SkippedTime.connect(settings)
        await self._time.register_search_attributes(SEARCH_ATTRIBUTES)

    def _simulator_arguments(self, name: str) -> tuple[str, ...]:
        at_once = ("--pace", "0") if name == "gupshup" else ()
        return ("--clock-file", str(self._clock_file), *at_once)

    def _as_settings(self) -> dict[str, Any]:
        return super()._as_settings() | {"clock_file": str(self._clock_file)}
