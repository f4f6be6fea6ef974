"""Handle what was just stored, after the answer: a queue and a few tasks. What does not fit, the sweep brings."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from intake.inbox import Intake

__all__ = ["Background"]

_LONGEST_QUEUE = 10_000
_TASKS = 6  # the pool has to serve requests too
_TOGETHER = 16
_GRACE_SECONDS = 10.0


class Background:
    """Rows of the inbox on their way to intake.

    Args:
        intake: Handles them.
        tasks: How many at once.
    """

    def __init__(self, intake: Intake, *, tasks: int = _TASKS) -> None:
        self._intake = intake
        self._tasks = tasks
        self._queue: asyncio.Queue[int] = asyncio.Queue(_LONGEST_QUEUE)

    def put(self, inbox_ids: Iterable[int]) -> None:
        """Have rows handled soon; never waits."""
        for inbox_id in inbox_ids:
            if self._queue.full():
                return  # stored is stored: the sweep finds them
            self._queue.put_nowait(inbox_id)

    def size(self) -> int:
        """Return how many rows wait here."""
        return self._queue.qsize()

    async def drained(self) -> None:
        """Wait until everything that was put is handled."""
        await self._queue.join()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drain the queue meanwhile; at the end finish what is in work, and what waits if that is quick."""
        drains = [asyncio.create_task(self._drain()) for _ in range(self._tasks)]
        try:
            yield
        finally:
            with suppress(TimeoutError):  # leases run out and another process goes on
                await asyncio.wait_for(self._queue.join(), _GRACE_SECONDS)
            for drain in drains:
                drain.cancel()
            await asyncio.gather(*drains, return_exceptions=True)

    async def _drain(self) -> None:
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < _TOGETHER and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            try:
                if len(waiting) == 1:
                    await self._intake.handle(waiting[0])
                else:  # as many as wait here are due, and it does not matter which process takes which
                    await self._intake.handle_due(len(waiting))
            finally:
                for _ in waiting:
                    self._queue.task_done()
