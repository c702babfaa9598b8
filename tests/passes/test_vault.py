"""Secrets at rest: bound to their place, readable after a rotation (design §5.7)."""

from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.vault import CannotOpen, Vault

OLD, NEW = b"o" * 32, b"n" * 32
ALMA, BRUNO = UUID(int=1), UUID(int=2)


@pytest.fixture
def vault() -> Vault:
    return Vault([OLD])


@given(st.binary(max_size=5_000), st.text(max_size=20), st.text(max_size=20))
def test_what_is_sealed_opens_in_its_place(secret: bytes, kind: str, name: str) -> None:
    vault = Vault([OLD])
    key = vault.new_merchant_key(ALMA)
    sealed = vault.seal(ALMA, key, kind, name, secret)
    assert vault.unseal(ALMA, key, kind, name, sealed) == secret
    assert vault.unseal_kept(ALMA, key, kind, name, sealed) == secret


def test_nothing_of_the_secret_shows(vault: Vault) -> None:
    key = vault.new_merchant_key(ALMA)
    secret = b"-----BEGIN PRIVATE KEY-----"
    sealed = [vault.seal(ALMA, key, "apple", "a", secret) for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert all(secret not in base64.b64decode(text) for text in sealed)
    assert "private" not in repr(vault).lower()


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize(
    ("merchant", "kind", "name"),
    [(BRUNO, "apple", "a"), (ALMA, "google", "a"), (ALMA, "apple", "b")],
    ids=["another merchant", "another kind", "another row"],
)
def test_a_row_that_was_swapped_does_not_open(
    vault: Vault, merchant: UUID, kind: str, name: str, warm: bool
) -> None:
    keys = {ALMA: vault.new_merchant_key(ALMA), BRUNO: vault.new_merchant_key(BRUNO)}
    sealed = vault.seal(ALMA, keys[ALMA], "apple", "a", b"secret")
    if warm:  # what was opened once in its right place opens nowhere else for that
        vault.unseal_kept(ALMA, keys[ALMA], "apple", "a", sealed)
    for unseal in (vault.unseal, vault.unseal_kept):
        with pytest.raises(CannotOpen):
            unseal(merchant, keys[merchant], kind, name, sealed)


def test_a_wrapped_key_that_was_swapped_does_not_open(vault: Vault) -> None:
    key = vault.new_merchant_key(ALMA)
    sealed = vault.seal(ALMA, key, "apple", "a", b"secret")
    with pytest.raises(CannotOpen):
        vault.unseal(BRUNO, key, "apple", "a", sealed)
    with pytest.raises(CannotOpen):
        vault.rewrap(BRUNO, key)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_byte_does_not_open(place: int, by: int) -> None:
    vault = Vault([OLD])
    key = vault.new_merchant_key(ALMA)
    raw = bytearray(
        base64.b64decode(vault.seal(ALMA, key, "apple", "a", b"a secret of some length"))
    )
    raw[place % len(raw)] ^= by
    with pytest.raises(CannotOpen):
        vault.unseal(ALMA, key, "apple", "a", base64.b64encode(bytes(raw)).decode())


@pytest.mark.parametrize("sealed", ["", "AAAA", "no base64!", "ä" * 40, "A" * 40])
def test_what_was_never_sealed_does_not_open(vault: Vault, sealed: str) -> None:
    key = vault.new_merchant_key(ALMA)
    with pytest.raises(CannotOpen):
        vault.unseal(ALMA, key, "apple", "a", sealed)
    with pytest.raises(CannotOpen):
        vault.rewrap(ALMA, f"{key.partition(':')[0]}:{sealed}")


def test_rotation_keeps_everything_readable() -> None:
    before = Vault([OLD])
    key = before.new_merchant_key(ALMA)
    sealed = before.seal(ALMA, key, "apple", "a", b"secret")

    both = Vault([NEW, OLD])
    assert not both.is_current(key)
    assert both.unseal(ALMA, key, "apple", "a", sealed) == b"secret"
    rewrapped = both.rewrap(ALMA, key)
    assert both.is_current(rewrapped)

    after = Vault([NEW])
    assert after.unseal(ALMA, rewrapped, "apple", "a", sealed) == b"secret"
    with pytest.raises(CannotOpen, match="not configured"):
        after.unseal(ALMA, key, "apple", "a", sealed)


def test_keys_for_purposes_differ_and_stay(vault: Vault) -> None:
    keys = [
        made.key_for(purpose) for made in (vault, Vault([NEW])) for purpose in ("forms", "links")
    ]
    assert len(set(keys)) == 4
    assert vault.key_for("forms") == Vault([OLD, NEW]).key_for("forms")
    assert OLD not in keys


def test_each_merchant_has_a_key_of_its_own(vault: Vault) -> None:
    assert len({vault.new_merchant_key(uuid4()) for _ in range(50)}) == 50
