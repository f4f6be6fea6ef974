"""Sealing: AES-256-GCM for customers' data and credentials, keyed hashes to find a phone by.

    Undecipherable
    ├── KeyMissing   sealed with a master key that this process was not given
    └── Tampered     changed, cut, or opened in another place than it was sealed for

A sealed value names its key, so that a new master key can be put first while the old one still opens what it sealed.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["Cipher", "KeyMissing", "Tampered", "Undecipherable", "digest"]

_PLAIN_FORM = 1
_CREDENTIAL_FORM = 2
_NONCE = 12
_KEY = 32
_WRAPPED = _NONCE + _KEY + 16  # nonce, data key, tag
_MAX_KEY_ID = 64


class Undecipherable(Exception):
    """A sealed value cannot be opened."""


class KeyMissing(Undecipherable):
    """The master key that sealed a value is not among ours."""


class Tampered(Undecipherable):
    """A sealed value is not what was sealed here."""


class Cipher:
    """Seals and opens values; bound to the place they belong to by their context.

    Args:
        master_keys: Keys of 32 bytes by id; the first one seals, all of them open.
        hash_key: Key of the phone hashes; it never changes, or no customer would be found again.

    Raises:
        ValueError: There is no key, or one is not usable.
    """

    def __init__(self, master_keys: Mapping[str, bytes], hash_key: bytes) -> None:
        if not master_keys:
            raise ValueError("no master key")
        for key_id, key in master_keys.items():
            if not 0 < len(key_id.encode()) <= _MAX_KEY_ID:
                raise ValueError("a key id has 1 to 64 bytes")
            if len(key) != _KEY:
                raise ValueError(f"master key {key_id} has not 32 bytes")
        if len(hash_key) < _KEY:
            raise ValueError("the hash key has less than 32 bytes")
        self._current = next(iter(master_keys))
        # One key, one use: data and wrapped keys never meet under the same key.
        self._sealing = {key_id: AESGCM(_derived(key, b"seal")) for key_id, key in master_keys.items()}
        self._wrapping = {key_id: AESGCM(_derived(key, b"wrap")) for key_id, key in master_keys.items()}
        self._hash_key = hash_key

    def seal(self, plain: str, *, context: str) -> bytes:
        """Seal a text for one place, such as a table, a row and a column."""
        return self.seal_bytes(plain.encode("utf-8", "replace"), context=context)

    def open(self, sealed: bytes, *, context: str) -> str:
        """Open a text in the place it was sealed for.

        Raises:
            KeyMissing: Its master key is not among ours.
            Tampered: It was changed, or belongs elsewhere.
        """
        return self.open_bytes(sealed, context=context).decode()

    def seal_bytes(self, plain: bytes, *, context: str) -> bytes:
        """Seal bytes for one place."""
        header = _header(_PLAIN_FORM, self._current)
        return header + _encrypted(self._sealing[self._current], plain, _bound(header, context))

    def open_bytes(self, sealed: bytes, *, context: str) -> bytes:
        """Open bytes in the place they were sealed for.

        Raises:
            KeyMissing: Their master key is not among ours.
            Tampered: They were changed, or belong elsewhere.
        """
        header, key_id, rest = _parted(sealed, _PLAIN_FORM)
        return _decrypted(_key(self._sealing, key_id), rest, _bound(header, context))

    def seal_credential(self, plain: str, *, context: str) -> bytes:
        """Seal a credential under a key of its own, which a master key wraps (S16)."""
        data_key = os.urandom(_KEY)
        return self._wrapped(data_key, context) + _encrypted(
            AESGCM(data_key), plain.encode(), context.encode()
        )

    def open_credential(self, sealed: bytes, *, context: str) -> str:
        """Open a credential in the place it was sealed for.

        Raises:
            KeyMissing: Its master key is not among ours.
            Tampered: It was changed, or belongs elsewhere.
        """
        data_key, rest = self._unwrapped(sealed, context)
        return _decrypted(AESGCM(data_key), rest, context.encode()).decode()

    def rewrap_credential(self, sealed: bytes, *, context: str) -> bytes:
        """Return a credential wrapped by the current master key; its value is not touched.

        Raises:
            KeyMissing: Its master key is not among ours.
            Tampered: It was changed, or belongs elsewhere.
        """
        data_key, rest = self._unwrapped(sealed, context)
        return self._wrapped(data_key, context) + rest

    def phone_hash(self, phone: str) -> bytes:
        """Return the keyed hash under which a customer's phone is found; spelling does not matter."""
        return self.fingerprint(re.sub(r"\D", "", phone))

    def fingerprint(self, text: str) -> bytes:
        """Return a keyed hash of a text: equal texts are found, none can be guessed without the key."""
        return hmac.new(self._hash_key, text.encode("utf-8", "replace"), hashlib.sha256).digest()

    def _wrapped(self, data_key: bytes, context: str) -> bytes:
        header = _header(_CREDENTIAL_FORM, self._current)
        return header + _encrypted(self._wrapping[self._current], data_key, _bound(header, context))

    def _unwrapped(self, sealed: bytes, context: str) -> tuple[bytes, bytes]:
        header, key_id, rest = _parted(sealed, _CREDENTIAL_FORM)
        data_key = _decrypted(_key(self._wrapping, key_id), rest[:_WRAPPED], _bound(header, context))
        return data_key, rest[_WRAPPED:]


def digest(token: str) -> bytes:
    """Return the SHA-256 under which a random token is stored; never for what could be guessed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _derived(master_key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt=None, info=b"failed-delivery-rescue/" + use).derive(master_key)


def _header(form: int, key_id: str) -> bytes:
    name = key_id.encode()
    return bytes((form, len(name))) + name


def _parted(sealed: bytes, form: int) -> tuple[bytes, str, bytes]:
    """Return a sealed value's header, the id of its key, and the rest."""
    if len(sealed) < 2 or sealed[0] != form:  # noqa: PLR2004 - form and length of the key's id
        raise Tampered("not a sealed value of this form")
    end = 2 + sealed[1]
    try:
        return sealed[:end], sealed[2:end].decode(), sealed[end:]
    except UnicodeDecodeError as error:
        raise Tampered("unreadable header") from error


def _bound(header: bytes, context: str) -> bytes:
    return header + context.encode()


def _key(keys: Mapping[str, AESGCM], key_id: str) -> AESGCM:
    try:
        return keys[key_id]
    except KeyError as error:
        raise KeyMissing("the master key of a sealed value is not configured") from error


def _encrypted(key: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, plain, bound_to)


def _decrypted(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise Tampered("a sealed value was changed, or belongs elsewhere") from error
