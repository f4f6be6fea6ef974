"""What goes wrong around random conversations: Gupshup and the order system misbehave now and then, by a seed."""

import asyncio
import random  # noqa: TID251 - a seeded load, not a decision of ours
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import httpx

from ops.processes import free_port
from ops.stack import Ports, Stack

_CLEARED_EVERY: Final = 40
_RELEASED_EVERY: Final = 8
_CALM: Final = {"shuffle": False, "duplicate": False, "late_seconds": 0.0}

# Each with how often it happens, compared with the others.
_GUPSHUP: Final[tuple[tuple[float, str, Mapping[str, Any]], ...]] = (
    (3, "429", {"mode": "status", "status": 429, "times": 2}),
    (1, "429, wait", {"mode": "status", "status": 429, "retry_after": 1}),
    (1, "503", {"mode": "status", "status": 503}),
    (1, "500", {"mode": "status", "status": 500}),
    (0.5, "HTML", {"mode": "html"}),
    (0.5, "error in a 2xx", {"mode": "status_error_in_2xx"}),
    (1, "success in other words", {"mode": "http_200_success", "times": 3}),
    (3, "answer cut after accepting", {"mode": "cut_after_accept"}),
    (1, "slow to cut", {"mode": "hang", "seconds": 1.5}),
)
_ORDER_SYSTEM: Final[tuple[tuple[float, str, Mapping[str, Any]], ...]] = (
    (2, "503", {"endpoint": "resolution", "mode": "status", "status": 503}),
    (1, "503, three times", {"endpoint": "resolution", "mode": "status", "status": 503, "times": 3}),
    (1, "500", {"endpoint": "resolution", "mode": "status", "status": 500}),
    (2, "refusal", {"endpoint": "resolution", "mode": "refuse", "message": "Reattempt not allowed"}),
    (1, "refusal of the day", {"endpoint": "resolution", "mode": "refuse", "message": "Date not possible"}),
    (4, "answer cut after accepting", {"endpoint": "resolution", "mode": "cut_after_accept"}),
    (1, "slow answer", {"endpoint": "resolution", "mode": "hang_after_accept", "seconds": 1.5}),
    (1, "slow, then 503", {"endpoint": "resolution", "mode": "hang_before", "seconds": 1.0}),
    (1, "token 503", {"endpoint": "token", "mode": "status", "status": 503}),
    (1, "tracking 503", {"endpoint": "tracking", "mode": "status", "status": 503}),
    (1, "events 503", {"endpoint": "events", "mode": "status", "status": 503}),
    (1, "events cut after accepting", {"endpoint": "events", "mode": "cut_after_accept"}),
)
_FOREVER: Final = (
    0.3,
    "answer later than anybody waits",
    {"endpoint": "resolution", "mode": "hang_after_accept", "seconds": 25.0},
)


class Door:
    """Stands between our programs and Gupshup's stand-in: passes bytes on, and refuses connections while it is shut."""

    def __init__(self, upstream: int) -> None:
        self.port = free_port()
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    async def open(self) -> None:
        """Let connections through."""
        if self._server is None:
            self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)

    def shut(self) -> None:
        """Refuse connections; those that nothing passes through are cut, so that nobody goes on by them."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in self._links:
            link.cut_if_idle()

    async def close(self) -> None:
        """Shut it for good, and end what passes through."""
        self.shut()
        for link in list(self._links):
            link.cut()
            await link.over.wait()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.close()
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                link.pump(reader, far_writer, asks=True), link.pump(far_reader, writer, asks=False)
            )
        finally:
            self._links.discard(link)
            link.over.set()


class _Link:
    """One connection through the door."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.over = asyncio.Event()
        self._ends = (near, far)
        self._is_asking = True

    def cut(self) -> None:
        for end in self._ends:
            end.close()

    def cut_if_idle(self) -> None:
        if not self._is_asking:
            self.cut()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self._is_asking = asks
                writer.write(data)
                await writer.drain()
        self.cut()


class StormyStack(Stack):
    """The embedded stack, with a door before Gupshup's stand-in."""

    def __init__(self, directory: Path, ports: Ports) -> None:
        super().__init__(directory, ports, say=print)
        self.door = Door(ports.gupshup)

    async def __aenter__(self) -> Self:
        """Open the door, then start everything."""
        await self.door.open()
        return await super().__aenter__()

    async def __aexit__(self, *reason: object) -> None:
        """Stop everything, the door last."""
        await super().__aexit__(*reason)
        await self.door.close()

    def _as_settings(self) -> dict[str, object]:
        return super()._as_settings() | {"gupshup_base_url": f"http://127.0.0.1:{self.door.port}"}


class Weather:
    """Orders faults at random moments, until it is told to be calm.

    Args:
        stack: Whose stand-ins misbehave.
        http: Reaches their control routes.
        chance: Decides what and when.
        is_long: Whether there is time for an order system that does not answer at all, and for programs that die.
    """

    def __init__(
        self, stack: StormyStack, http: httpx.AsyncClient, chance: random.Random, *, is_long: bool
    ) -> None:
        self.seen: Counter[str] = Counter()
        self.deaths = 0
        self._stack = stack
        self._http = http
        self._chance = chance
        self._order_system = (*_ORDER_SYSTEM, _FOREVER) if is_long else _ORDER_SYSTEM
        self._killing = 1.0 if is_long else 0.0

    async def blow(self) -> None:
        """Let things go wrong; ends when it is cancelled."""
        while True:
            for number in range(_CLEARED_EVERY):
                if number % _RELEASED_EVERY == 0:
                    await self._let_templates_go()
                await asyncio.sleep(self._chance.uniform(0.2, 1.0))
                await self._chance.choices(
                    (self._gupshup, self._orders, self._callbacks, self._door, self._tokens, self._kill),
                    (8, 13, 5, 1, 0.5, self._killing),
                )[0]()
            # Faults that nobody met would pile up, and all come at once when somebody does.
            await self._forget()

    async def calm(self) -> None:
        """Have everything behave from now on."""
        await self._forget()
        await self._tell(f"{self._stack.addresses.gupshup}/control/options", _CALM)
        await self._stack.door.open()

    async def _gupshup(self) -> None:
        what, fault = self._one_of(_GUPSHUP)
        self.seen[f"Gupshup: {what}"] += 1
        await self._tell(f"{self._stack.addresses.gupshup}/control/behaviour", fault)

    async def _orders(self) -> None:
        what, fault = self._one_of(self._order_system)
        self.seen[f"order system: {what}"] += 1
        await self._tell(f"{self._stack.addresses.order_system}/control/behaviour", fault)

    async def _callbacks(self) -> None:
        options = {
            "shuffle": self._chance.random() < 0.4,
            "duplicate": self._chance.random() < 0.4,
            "late_seconds": self._chance.choice((0.0, 0.0, 0.5, 2.0)),
        }
        self.seen["Gupshup: callbacks in another way"] += 1
        await self._tell(f"{self._stack.addresses.gupshup}/control/options", options)

    async def _door(self) -> None:
        self.seen["Gupshup: connections refused"] += 1
        self._stack.door.shut()
        try:
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        finally:
            await self._stack.door.open()

    async def _kill(self) -> None:
        victim = self._chance.choice(("worker", "api", "temporal"))
        self.seen[f"kill -9 of {victim}"] += 1
        self.deaths += 1
        await self._stack.processes.kill(victim)

    async def _tokens(self) -> None:
        self.seen["order system: tokens ended"] += 1
        (await self._http.delete(f"{self._stack.addresses.order_system}/control/tokens")).raise_for_status()

    async def _let_templates_go(self) -> None:
        """Approve every template again, as WhatsApp does some time after it paused one."""
        for account in self._stack.seed.accounts:
            payload = {
                "id": account.template_id,
                "elementName": account.template_name,
                "languageCode": "en",
                "type": "status-update",
                "status": "approved",
                "rejectedReason": "",
            }
            body = {
                "app": account.app_name,
                "timestamp": int(time.time() * 1000),
                "version": 2,
                "type": "template-event",
                "payload": payload,
            }
            await self._tell(
                f"{self._stack.addresses.gupshup}/control/callbacks", {"app": account.app_name, "body": body}
            )

    async def _forget(self) -> None:
        for stand_in in (self._stack.addresses.gupshup, self._stack.addresses.order_system):
            (await self._http.delete(f"{stand_in}/control/behaviour")).raise_for_status()

    def _one_of(
        self, faults: tuple[tuple[float, str, Mapping[str, Any]], ...]
    ) -> tuple[str, Mapping[str, Any]]:
        _, what, fault = self._chance.choices(faults, [weight for weight, _, _ in faults])[0]
        return what, fault

    async def _tell(self, url: str, body: Mapping[str, Any]) -> None:
        (await self._http.post(url, json=dict(body))).raise_for_status()
