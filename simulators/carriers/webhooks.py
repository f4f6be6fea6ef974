"""Deliver webhooks: a task for each, retried with doubling pauses until a 2xx or about five minutes are over."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from simulators.carriers.state import Ledger, Webhook

RETRY_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
TIME_OUT: Final = httpx.Timeout(10.0)


class WebhookSender:
    """Post events to the workspaces' addresses and write every try into the ledger."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        ledger: Ledger,
        *,
        find_webhook: Callable[[str], Webhook | None],
        pauses: Sequence[float] = RETRY_PAUSES,
    ) -> None:
        self._http = http
        self._ledger = ledger
        self._find_webhook = find_webhook
        self._pauses = pauses
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, body: Mapping[str, Any]) -> None:
        """Begin the delivery of one event to the workspace that it names, and return at once."""
        # Encoded now: a retry carries what was true when the event happened.
        task = asyncio.create_task(self._deliver(body["accountSlug"], json.dumps(body).encode()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send_in_turn(self, steps: Sequence[Callable[[], Mapping[str, Any]]], *, seconds_apart: float) -> None:
        """Begin one delivery after the other, each body made when its turn comes, and return at once."""

        async def go() -> None:
            for number, step in enumerate(steps):
                await asyncio.sleep(seconds_apart if number else 0.0)
                self.send(step())

        task = asyncio.create_task(go())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """How many deliveries have not ended, also those that wait for their next try."""
        return len(self._tasks)

    async def drain(self) -> None:
        """Wait until every delivery has ended, one way or the other."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up the deliveries under way and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def _deliver(self, workspace: str, content: bytes) -> None:
        for attempt, pause in enumerate((0.0, *self._pauses), start=1):
            await asyncio.sleep(pause)
            # Looked up for every try: an address may be registered anew while deliveries wait.
            webhook = self._find_webhook(workspace)
            if webhook is None:
                return
            if await self._post(webhook, content, attempt=attempt):
                return

    async def _post(self, webhook: Webhook, content: bytes, *, attempt: int) -> bool:
        """Try once; True if the receiver took it."""
        status: int | None = None
        error: str | None = None
        started = time.monotonic()
        try:
            response = await self._http.post(
                webhook.url,
                content=content,
                headers={"Content-Type": "application/json", **webhook.headers},
                timeout=TIME_OUT,
                follow_redirects=False,
            )
            status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, AttributeError) as caught:
            # anyio has an AttributeError for whoever dies in the instant of connecting.
            error = type(caught).__name__
        body = json.loads(content)
        self._ledger.add(
            "webhooks",
            event=body["eventSubType"],
            resource=body["resource"],
            workspace=body["accountSlug"],
            shipment_id=body["response_data"].get("externalShipmentID"),
            url=webhook.url,
            status=status,
            error=error,
            attempt=attempt,
            ms=round((time.monotonic() - started) * 1000),
            body=body,
        )
        return status is not None and httpx.codes.is_success(status)
