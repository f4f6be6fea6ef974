"""Child processes of the embedded stack: started in order, watched, restarted when they die, stopped together."""

import asyncio
import ctypes
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1
_RESTART_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


class NotReady(Exception):
    """A child did not become ready in time; the message names its log."""


def _die_with_parent() -> None:
    """Have the kernel end this child when we are killed and cannot; on Linux, elsewhere it is left behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(preferred: int = 0) -> int:
    """Return the preferred port of the loopback interface if nobody has it, else a free one.

    Not one of those that the system gives to outgoing connections: one of them could take it before the program listens.
    """
    others = _chance.sample(_LISTENED_ON, k=100)
    for port in (preferred, *others) if preferred else others:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port on 127.0.0.1")


_LISTENED_ON = range(18_000, 32_000)
_chance = secrets.SystemRandom()  # two stacks that start at once choose apart


@dataclass
class Child:
    """One program of the stack.

    Attributes:
        name: What it is called in messages, and its log's file name.
        command: The command line.
        is_ready: Answers whether it can be used.
        environment: What it is told beyond the stack's own environment.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 while it does not run."""
        return self.process.pid if self.process is not None and self.process.returncode is None else 0


class Processes:
    """Children that live and die together."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._children: dict[str, Child] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False
        self._held: dict[str, asyncio.Event] = {}
        logs.mkdir(parents=True, exist_ok=True)

    async def start(self, child: Child, *, within: float = 60.0) -> None:
        """Start a child, wait until it is ready, and watch it from then on.

        Raises:
            NotReady: It was not ready in time, or ended at once.
        """
        self._children[child.name] = child
        await self._spawn(child)
        await self._until_ready(child, within)
        self._watchers.append(asyncio.create_task(self._watch(child), name=f"watch {child.name}"))

    def pid(self, name: str) -> int:
        """Return a child's process id, 0 while it does not run."""
        return self._children[name].pid

    async def kill(self, name: str) -> None:
        """Kill a child with SIGKILL; it is started again, as after any death."""
        child = self._children[name]
        if child.process is not None and child.process.returncode is None:
            child.process.kill()
            await child.process.wait()

    async def hold_down(self, name: str) -> None:
        """Kill a child and keep it down until `let_up`."""
        self._held[name] = asyncio.Event()
        await self.kill(name)

    async def let_up(self, name: str, *, within: float = 60.0) -> None:
        """Let a child that is held down start again, and wait until it is ready.

        Raises:
            NotReady: It was not ready in time.
        """
        self._held.pop(name).set()
        end = asyncio.get_running_loop().time() + within
        while not (self.pid(name) and await self._children[name].is_ready()):
            if asyncio.get_running_loop().time() > end:
                raise NotReady(f"{name} did not come back")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop all children, the last started first."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for child in reversed(list(self._children.values())):
            await self._stop_one(child)

    async def _spawn(self, child: Child) -> None:
        log = (self._logs / f"{child.name}.log").open("ab")
        try:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **child.environment},
                start_new_session=True,  # the terminal's Ctrl-C is ours to pass on, in order
                preexec_fn=_die_with_parent,
            )
        finally:
            log.close()

    async def _until_ready(self, child: Child, within: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while loop.time() < end:
            if child.process is None or child.process.returncode is not None:
                break
            if await child.is_ready():
                return
            await asyncio.sleep(0.05)
        raise NotReady(
            f"{child.name} did not become ready; its log: {self._logs / child.name}.log\n{self._tail(child)}"
        )

    def _tail(self, child: Child) -> str:
        text = (self._logs / f"{child.name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-15:])

    async def _watch(self, child: Child) -> None:
        """Restart a child that dies, a little later each time it dies again."""
        deaths = 0
        while not self._stopping and child.process is not None:
            started = asyncio.get_running_loop().time()
            code = await child.process.wait()
            if self._stopping:
                return
            lived = asyncio.get_running_loop().time() - started
            deaths = 0 if lived > 60 else deaths + 1  # noqa: PLR2004 - a minute of life is a fresh start
            self._say(f"{child.name} ended (exit code {code}); it is started again")
            await asyncio.sleep(_RESTART_PAUSES[min(deaths, len(_RESTART_PAUSES) - 1)])
            if (held := self._held.get(child.name)) is not None:
                await held.wait()
            await self._spawn(child)

    async def _stop_one(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def answers(url: str) -> Callable[[], Awaitable[bool]]:
    """Return a readiness check: the address answers 200."""

    async def check() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2.0) as http:
                return (await http.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return check


def listens(port: int) -> Callable[[], Awaitable[bool]]:
    """Return a readiness check: the port of the loopback interface accepts connections."""

    async def check() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    return check
