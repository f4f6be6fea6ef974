"""What is sealed can be opened only where it belongs, only with its key, and only unchanged (S16, S17)."""

import pytest

from db.encryption import Cipher, KeyMissing, Tampered, digest

OLD, NEW, HASH = b"o" * 32, b"n" * 32, b"h" * 32


@pytest.mark.parametrize("form", ["seal", "seal_credential"])
@pytest.mark.parametrize("plain", ["", "x", "गुप्त · secret", "k" * 5000])
def test_what_is_sealed_is_opened_in_its_place(form: str, plain: str) -> None:
    """Any text comes back, and nothing of it can be read meanwhile."""
    cipher = Cipher({"a": OLD}, HASH)
    sealed = getattr(cipher, form)(plain, context="here")
    assert getattr(cipher, form.replace("seal", "open"))(sealed, context="here") == plain
    assert len(plain) < 2 or plain.encode() not in sealed


@pytest.mark.parametrize("form", ["seal", "seal_credential"])
def test_another_place_or_a_changed_byte_is_tampering(form: str) -> None:
    """A row's value moved to another row, or changed anywhere, does not open."""
    cipher = Cipher({"a": OLD}, HASH)
    opened = getattr(cipher, form.replace("seal", "open"))
    sealed = getattr(cipher, form)("secret", context="accounts/1/api_key")
    with pytest.raises(Tampered):
        opened(sealed, context="accounts/2/api_key")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((Tampered, KeyMissing)):
            opened(bytes(changed), context="accounts/1/api_key")
    for length in range(len(sealed)):
        with pytest.raises((Tampered, KeyMissing)):
            opened(sealed[:length], context="accounts/1/api_key")


def test_the_two_forms_do_not_open_each_other() -> None:
    """A credential is not opened as data, nor data as a credential."""
    cipher = Cipher({"a": OLD}, HASH)
    with pytest.raises(Tampered):
        cipher.open_credential(cipher.seal("x", context="c"), context="c")
    with pytest.raises(Tampered):
        cipher.open(cipher.seal_credential("x", context="c"), context="c")


def test_a_new_master_key_seals_while_the_old_one_still_opens() -> None:
    """Rotation needs no downtime (F67): the first key seals, every key opens, a dropped key is named as missing."""
    before = Cipher({"2025": OLD}, HASH)
    after = Cipher({"2026": NEW, "2025": OLD}, HASH)
    sealed, credential = before.seal("data", context="c"), before.seal_credential("key", context="c")
    assert after.open(sealed, context="c") == "data"
    assert after.open_credential(credential, context="c") == "key"
    only_new = Cipher({"2026": NEW}, HASH)
    with pytest.raises(KeyMissing):
        only_new.open_credential(credential, context="c")
    rewrapped = after.rewrap_credential(credential, context="c")
    assert only_new.open_credential(rewrapped, context="c") == "key"
    assert only_new.open(after.seal("data", context="c"), context="c") == "data"


def test_the_same_value_is_never_sealed_the_same() -> None:
    """Equal values cannot be recognised by their sealed form."""
    cipher = Cipher({"a": OLD}, HASH)
    assert cipher.seal("same", context="c") != cipher.seal("same", context="c")


def test_a_phone_is_found_however_it_is_spelled_but_only_with_the_key() -> None:
    """The hash is keyed, and depends on the digits alone (S17)."""
    cipher = Cipher({"a": OLD}, HASH)
    assert cipher.phone_hash("+91 99999 00001") == cipher.phone_hash("919999900001")
    assert len(cipher.phone_hash("919999900001")) == 32
    assert cipher.phone_hash("919999900001") != Cipher({"a": OLD}, b"i" * 32).phone_hash("919999900001")
    assert cipher.phone_hash("919999900001") != digest("919999900001")


@pytest.mark.parametrize(
    ("keys", "hash_key"), [({}, HASH), ({"a": b"short"}, HASH), ({"": OLD}, HASH), ({"a": OLD}, b"short")]
)
def test_unusable_keys_are_refused_at_once(keys: dict[str, bytes], hash_key: bytes) -> None:
    """A program with a bad key does not start."""
    with pytest.raises(ValueError, match="key"):
        Cipher(keys, hash_key)
