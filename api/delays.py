"""Wrong tries delay the next one, more with each; nobody is locked out for good (S8)."""

from datetime import datetime, timedelta

from db import browser_sessions
from db.encryption import Cipher
from db.locks import serialize
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

    async def take(self, key: str, now: datetime) -> str:
        """Begin a try, or return how long to wait before the next one, in words.

        It counts as wrong until `clear` says that it was right: of many at once each sees those before it, so that
        nobody gets more tries by making them together.
        """
        async with self._database.transaction() as session:
            await serialize(session, "tries", key)
            failures, failed_at = await browser_sessions.count_failures(session, self._cipher, key, now)
            left = _left(failures, failed_at, now)
            if left <= timedelta():
                await browser_sessions.add_failure(session, self._cipher, key, now)
                return ""
        return wait_words(left)

    async def clear(self, key: str) -> None:
        """Forget the wrong tries: this one was right."""
        async with self._database.transaction() as session:
            await browser_sessions.clear_failures(session, self._cipher, key)


def _left(failures: int, failed_at: datetime | None, now: datetime) -> timedelta:
    """Return how much of the pause after some wrong tries is left."""
    if failed_at is None or failures < _FREE:
        return timedelta()
    pause = min(timedelta(seconds=2 ** min(failures - _FREE + 1, _MOST_DOUBLED)), _LONGEST)
    return failed_at + pause - now


def wait_words(left: timedelta) -> str:
    """Return a wait as "2 seconds" or "15 minutes", never less than it is."""
    seconds = max(int(left.total_seconds()) + 1, 1)
    count, unit = (seconds, "second") if seconds < _MINUTE else (-(-seconds // _MINUTE), "minute")
    return f"{count} {unit}{'s' if count > 1 else ''}"
