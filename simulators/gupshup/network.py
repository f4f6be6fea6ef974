"""Carries messages to the phones and callbacks to their subscribers, in the background.

A message climbs submitted, enqueued, sent, delivered, read as far as its fate lets it; each step is reported to the
app's subscriptions. A callback that is not answered 2xx within ten seconds is tried again after each pause of `retries`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import secrets
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from . import wire
from .fates import Fate, fate_of
from .state import App, CallbackAttempt, Content, Message, Phone, PhoneState, Reply, World

RETRIES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0)
"""Seconds before each further attempt; the real figures are not published."""

_ANSWER_WITHIN: Final = 10.0
_AT_ONCE: Final = 32
_TYPING_FOR: Final = 6.0
_STATUS_MODES: Final = frozenset({"ENQUEUED", "SENT", "DELIVERED", "READ", "FAILED", "BILLING"})
_LOG: Final = logging.getLogger(__name__)


class PhoneCannotSend(Exception):
    """The phone is not on WhatsApp, or has blocked the business it would write to."""


@dataclass(slots=True)
class _Journal:
    """Passes a message's events on, or keeps them to be passed on in disorder."""

    shuffled: bool
    kept: list[wire.Event] = field(default_factory=list)


def _whatsapp_id(phone: str) -> str:
    """Return an id as WhatsApp's are: whoever decodes it reads the phone."""
    head = b"\x1c\x18" + bytes((len(phone),)) + phone.encode()
    return "wamid." + base64.b64encode(head + b"\x15\x02\x00" + secrets.token_bytes(21)).decode()


class Network:
    """Everything between the API, the phones and the subscriptions."""

    def __init__(
        self,
        world: World,
        *,
        pace: float = 0.1,
        retries: Sequence[float] = RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open the network.

        Args:
            world: what it works on.
            pace: middle length of the pause before each step, in seconds; 0 = none.
            retries: the pause before each further attempt of a callback, in seconds.
            transport: where callbacks go instead of the real network.
        """
        self.world = world
        self._pace = pace
        self._retries = tuple(retries)
        self._client = httpx.AsyncClient(transport=transport, timeout=_ANSWER_WITHIN)
        # What waits for a connection waits here: httpx's own queue gets slower with every request in it.
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sleeping: set[asyncio.Task[None]] = set()
        self._held: dict[str, list[tuple[Message, Fate]]] = {}
        self._turns: dict[tuple[str, str], asyncio.Event] = {}

    async def close(self) -> None:
        """Stop what is under way and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    @property
    def under_way(self) -> int:
        """How much still moves: messages, replies, callbacks, also those that wait for their next attempt."""
        return len(self._tasks)

    async def settle(self) -> None:
        """Wait until nothing moves but callbacks that wait for their next attempt."""
        while under_way := self._tasks - self._sleeping - {asyncio.current_task()}:
            await asyncio.wait(under_way, timeout=0.05)

    # Messages of the business -------------------------------------------------------------------

    def accept(self, app: App, number: str, content: Content, fault: int | None) -> Message:
        """Take a message into the queue and send it on its way."""
        world = self.world
        at = world.clock()
        message = Message(
            id=str(uuid.uuid4()),
            whatsapp_id=str(uuid.uuid4()),
            meta_id=_whatsapp_id(number),
            app=app,
            phone=number,
            content=content,
            at=at,
            in_window=world.in_window(app.id, number, at),
        )
        world.messages[message.id] = message
        world.version += 1
        fate = fate_of(message, world.phone(number), fault)
        # Messages of one chat arrive in the order they were sent, however long each is on its way.
        before, done = self._turns.get((app.id, number)), asyncio.Event()
        self._turns[app.id, number] = done
        self._spawn(self._carry(message, fate, before=before, done=done))
        return message

    async def _carry(
        self, message: Message, fate: Fate, *, before: asyncio.Event | None, done: asyncio.Event
    ) -> None:
        try:
            await self._climb(message, fate, before=before, done=done)
        finally:
            done.set()

    async def _climb(
        self, message: Message, fate: Fate, *, before: asyncio.Event | None, done: asyncio.Event
    ) -> None:
        journal = _Journal(shuffled=self.world.options.shuffle)
        await self._pause()
        if not fate.early:
            await self._step(message, "enqueued", journal)
            await self._pause()
        if fate.last == "failed":
            message.code, message.reason = fate.code, fate.reason
            await self._step(message, "failed", journal, early=fate.early)
        elif fate.last != "enqueued":
            await self._step(message, "sent", journal)
            if fate.last != "sent":
                if self.world.phone(message.phone).state is PhoneState.OFF:
                    self._held.setdefault(message.phone, []).append((message, fate))
                else:
                    await self._pause()
                    if before is not None:
                        await before.wait()
                    await self._arrive(message, fate, journal, done)
        await self._flush(message.app, journal)

    async def _arrive(
        self, message: Message, fate: Fate, journal: _Journal, done: asyncio.Event | None = None
    ) -> None:
        phone = self.world.phone(message.phone)
        if phone.state_for(message.app.id) is not PhoneState.ONLINE:
            return
        message.arrived_at = self.world.clock()
        self._show(message)
        if done is not None:
            done.set()
        await self._step(message, "delivered", journal)
        await self._report(message.app, wire.billing_event(message, self.world.clock()), journal)
        if fate.last == "read":
            await self._pause()
            await self._step(message, "read", journal)

    def _show(self, message: Message) -> None:
        chat = self.world.chat(message.phone, message.app.id)
        if message.content.kind == "reaction":
            return
        for entry in chat:
            if isinstance(entry, Reply) and entry.status == "delivered":
                entry.status = "read"
        chat.append(message)

    async def _step(self, message: Message, step: Any, journal: _Journal, *, early: bool = False) -> None:
        message.status = step
        self.world.version += 1
        with_gs_id = not self.world.options.drop_gs_id
        event = wire.status_event(message, step, self.world.clock(), early=early, with_gs_id=with_gs_id)
        await self._report(message.app, event, journal)

    async def _report(self, app: App, event: wire.Event, journal: _Journal) -> None:
        if journal.shuffled:
            journal.kept.append(event)
        else:
            await self.emit(app, event)

    async def _flush(self, app: App, journal: _Journal) -> None:
        secrets.SystemRandom().shuffle(journal.kept)
        for event in journal.kept:
            await self.emit(app, event)

    async def _pause(self) -> None:
        if self._pace > 0:
            await asyncio.sleep(self._pace * (0.5 + secrets.randbelow(1000) / 1000))

    # What customers do --------------------------------------------------------------------------

    def say(
        self,
        app: App,
        phone: Phone,
        *,
        kind: str,
        body: Mapping[str, Any],
        text: str,
        answers: Message | None = None,
        context: Mapping[str, Any] | None = None,
        quoted: bool = False,
    ) -> Reply:
        """Let a customer send something; it waits on the phone while that has no network.

        Raises:
            PhoneCannotSend: not on WhatsApp, or this business is blocked.
        """
        state = phone.state_for(app.id)
        if state in {PhoneState.NONE, PhoneState.BLOCKED}:
            raise PhoneCannotSend(f"the phone is {state}")
        if context is None and answers is not None:
            context = {"id": answers.whatsapp_id, "gsId": answers.id}
        reply = Reply(
            id=_whatsapp_id(phone.number),
            app=app,
            phone=phone,
            kind=kind,
            body=body,
            text=text,
            at=self.world.clock(),
            context=context or None,
            quoted=answers if quoted else None,
        )
        if kind != "reaction":
            self.world.chat(phone.number, app.id).append(reply)
        self.world.version += 1
        if state is PhoneState.ONLINE:
            self._spawn(self._deliver(reply))
        return reply

    async def _deliver(self, reply: Reply) -> None:
        reply.status = "sent"
        if reply.kind != "reaction":
            # Not documented to open the window, so it does not.
            self.world.wrote_at[reply.app.id, reply.phone.number] = self.world.clock()
        self.world.version += 1
        if await self.emit(reply.app, wire.inbound_event(reply, self.world.clock())):
            reply.status = "delivered"
            self.world.version += 1

    def set_state(self, phone: Phone, state: PhoneState, app: App | None = None) -> None:
        """Change what a phone does; blocking concerns one app, or all when none is named."""
        named = {app.id} if app else set(self.world.apps)
        if state is PhoneState.BLOCKED:
            phone.blocked |= named
        else:
            phone.blocked -= named
            phone.state = state
        self.world.version += 1
        if phone.state is PhoneState.ONLINE:
            self._spawn(self._reconnect(phone))

    async def _reconnect(self, phone: Phone) -> None:
        held = sorted(self._held.pop(phone.number, []), key=lambda pair: pair[0].at)
        for message, fate in held:
            await self._arrive(message, fate, _Journal(shuffled=False))
        waiting = [
            entry
            for (number, _), chat in self.world.chats.items()
            if number == phone.number
            for entry in chat
            if isinstance(entry, Reply) and entry.status == "queued"
        ]
        for reply in waiting:
            if reply.status == "queued":  # the phone may have been switched on twice
                await self._deliver(reply)

    def is_typing(self, number: str, app_id: str) -> bool:
        """Say whether the business looks as if it were about to answer."""
        chat = self.world.chat(number, app_id)
        last = chat[-1] if chat else None
        if not isinstance(last, Reply) or last.status not in {"delivered", "read"}:
            return False
        if self.world.phone(number).state_for(app_id) is not PhoneState.ONLINE:
            return False
        return (self.world.clock() - last.at).total_seconds() < _TYPING_FOR

    # Callbacks ----------------------------------------------------------------------------------

    async def emit(self, app: App, event: wire.Event) -> bool:
        """Post an event to each subscription that wants it, and come back after the first attempts.

        Returns:
            Whether each of them was answered 2xx.
        """
        options = self.world.options
        if event.mode in _STATUS_MODES and not options.statuses:
            return True
        copies = 2 if options.duplicate else 1
        posts = [
            self.post(subscription.url, subscription.headers, event, event.body(subscription.version))
            for subscription in list(app.subscriptions.values())
            if subscription.wants(event.mode)
            for _ in range(copies)
        ]
        if options.late_seconds and event.mode in _STATUS_MODES:
            for post in posts:
                self._spawn(self._later(post, options.late_seconds * secrets.randbelow(1000) / 1000))
            return True
        return all(await asyncio.gather(*posts))

    @staticmethod
    async def _later(post: Coroutine[Any, Any, bool], seconds: float) -> None:
        await asyncio.sleep(seconds)
        await post

    async def post(self, url: str, headers: Mapping[str, str], event: wire.Event, body: Any) -> bool:
        """Post a body; when it is not answered 2xx, keep trying in the background."""
        if await self.try_once(url, headers, event, body):
            return True
        if self._retries:
            self._spawn(self._keep_trying(url, headers, event, body))
        return False

    async def _keep_trying(self, url: str, headers: Mapping[str, str], event: wire.Event, body: Any) -> None:
        task = asyncio.current_task()
        for attempt, pause in enumerate(self._retries, start=2):
            if task is not None:
                self._sleeping.add(task)
            await asyncio.sleep(pause)
            if task is not None:
                self._sleeping.discard(task)
            if await self.try_once(url, headers, event, body, attempt=attempt):
                return
        _LOG.warning("callback given up: %s", event.kind)

    async def try_once(
        self, url: str, headers: Mapping[str, str], event: wire.Event, body: Any, *, attempt: int = 1
    ) -> bool:
        """Post a body once and record the exchange."""
        async with self._free:
            return await self._exchange(url, headers, event, body, attempt=attempt)

    async def _exchange(
        self, url: str, headers: Mapping[str, str], event: wire.Event, body: Any, *, attempt: int
    ) -> bool:
        world = self.world
        row = CallbackAttempt(
            seq=len(world.callbacks) + 1,
            at=world.clock(),
            url=url,
            kind=event.kind,
            body=body,
            attempt=attempt,
            phone=event.phone,
            note=event.note,
        )
        world.callbacks.append(row)
        started = time.monotonic()
        try:
            answer = await self._client.post(
                url,
                content=json.dumps(body, ensure_ascii=False).encode(),
                headers={
                    "Content-Type": "application/json; charset=utf-8",
                    "User-Agent": "Gupshup-simulator",
                    **headers,
                },
            )
        except (httpx.HTTPError, httpx.InvalidURL, AttributeError) as error:
            # anyio has an AttributeError for whoever dies in the instant of connecting.
            _LOG.info("callback %s not delivered: %s", event.kind, type(error).__name__)
        else:
            row.status = answer.status_code
        row.ms = math.ceil((time.monotonic() - started) * 1000)
        world.version += 1
        return row.status is not None and httpx.codes.is_success(row.status)

    async def fail_delivery(self, number: str, reason: str) -> str:
        """Ask the order system's stand-in to fail a delivery to this phone.

        Returns:
            What to tell the person at the screen; empty when it worked.
        """
        if not self.world.order_system_url:
            return "No order system is configured."
        try:
            answer = await self._client.post(
                f"{self.world.order_system_url}/control/fail", json={"phone": number, "reason": reason}
            )
        except httpx.HTTPError:
            return "The order system did not answer."
        return "" if answer.is_success else f"The order system answered {answer.status_code}."

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._sleeping.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("background work failed", exc_info=error)
