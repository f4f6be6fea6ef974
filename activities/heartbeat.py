"""Signs of life while a foreign system is asked: a killed worker then costs seconds, not the whole time-out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

_PAUSE_SECONDS = 2.0


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """Heartbeat until the block ends."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_PAUSE_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
