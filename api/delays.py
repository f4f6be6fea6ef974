"""Wrong tries delay the next one, more with each; nobody is locked out for good (S8)."""

from datetime import datetime, timedelta

from db import browser_sessions
from db.encryption import Cipher
from db.session import Database

__all__ = ["Delays", "wait_words"]

_FREE = 3
_LONGEST = timedelta(minutes=15)
_MOST_DOUBLED = 20
_MINUTE = 60


class Delays:
    """Counts wrong tries by a key, such as an address and where it was tried from; of all processes together."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    async def wait_words(self, key: str, now: datetime) -> str:
        """Return how long to wait before the next try, in words; empty where nobody has to."""
        async with self._database.transaction() as session:
            failures, failed_at = await browser_sessions.count_failures(session, self._cipher, key, now)
        if failed_at is None or failures < _FREE:
            return ""
        pause = min(timedelta(seconds=2 ** min(failures - _FREE + 1, _MOST_DOUBLED)), _LONGEST)
        left = failed_at + pause - now
        return wait_words(left) if left > timedelta() else ""

    async def count(self, key: str, now: datetime) -> None:
        """Count a wrong try."""
        async with self._database.transaction() as session:
            await browser_sessions.add_failure(session, self._cipher, key, now)

    async def clear(self, key: str) -> None:
        """Forget the wrong tries: this one was right."""
        async with self._database.transaction() as session:
            await browser_sessions.clear_failures(session, self._cipher, key)


def wait_words(left: timedelta) -> str:
    """Return a wait as "2 seconds" or "15 minutes", never less than it is."""
    seconds = max(int(left.total_seconds()) + 1, 1)
    count, unit = (seconds, "second") if seconds < _MINUTE else (-(-seconds // _MINUTE), "minute")
    return f"{count} {unit}{'s' if count > 1 else ''}"
