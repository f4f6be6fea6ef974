"""Passwords: hashed with Argon2id, a few at once, in a time that does not tell whether the person exists (S7)."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

__all__ = ["LONGEST", "SHORTEST", "Passwords", "temporary_password", "weakness"]

SHORTEST = 12
LONGEST = 128
_AT_ONCE = 4
_GUESSABLE_BELOW = 3  # of zxcvbn's 0 to 4: "safely unguessable" begins here
_EASY_TO_READ = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else: it is read aloud
_GROUPS, _OF_A_GROUP = 4, 4
_LOOKED_AT = 72  # what zxcvbn takes; a longer password is no weaker


class Passwords:
    """Hashes and checks passwords away from the event loop, a few at once: each takes 19 MiB."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = self._hasher.hash("nobody signs in with this")

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        async with self._at_once:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, kept: str, password: str) -> bool:
        """Tell whether a password is the one of a hash; for somebody without one it takes as long, and is false."""
        async with self._at_once:
            return await asyncio.to_thread(self._verify, kept or self._nobodys, password) and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made at less cost than today's, and should be made anew at a sign-in."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def temporary_password() -> str:
    """Return a password for somebody's first sign-in, as "k7mw-9tqe-xn4h-rb3c": 79 random bits, easy to read aloud."""
    groups = ("".join(secrets.choice(_EASY_TO_READ) for _ in range(_OF_A_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def weakness(password: str, *about: str) -> str:
    """Return what is wrong with a new password, in words; empty where nothing is.

    Args:
        password: The password.
        about: What belongs to the person or the workspace, and is guessed first.
    """
    if len(password) < SHORTEST:
        return f"Choose at least {SHORTEST} characters. Four unrelated words are easy to remember."
    if len(password) > LONGEST:
        return f"Choose at most {LONGEST} characters"
    known = [
        part for text in (*about, "eshopbox", "whatsapp", "gupshup") for part in (text, *text.split("@"))
    ]
    if (
        zxcvbn(password[:_LOOKED_AT], user_inputs=[word for word in known if word])["score"]
        < _GUESSABLE_BELOW
    ):
        return "This password is easy to guess. Four unrelated words make a good one."
    return ""
