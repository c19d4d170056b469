"""Private keys at rest (design §6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.keyring import Sealer, SealError
from jotary.server.keyring.seal import NONCE_SIZE

SEALER = Sealer(bytes(range(32)))
SEALED = SEALER.seal(b"a private key", kid="one", nonce=bytes(NONCE_SIZE))


@given(st.binary(max_size=500), st.text(max_size=40), st.binary(min_size=NONCE_SIZE, max_size=NONCE_SIZE))
def test_what_was_sealed_opens(plaintext: bytes, kid: str, nonce: bytes) -> None:
    """A round trip."""
    sealed = SEALER.seal(plaintext, kid=kid, nonce=nonce)

    assert SEALER.unseal(sealed, kid=kid) == plaintext
    assert len(sealed) == 1 + NONCE_SIZE + len(plaintext) + 16


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    """AES-GCM covers the text, the nonce and, as associated data, the version."""
    changed = bytearray(SEALED)
    changed[place] ^= change

    with pytest.raises(SealError):
        SEALER.unseal(bytes(changed), kid="one")


@pytest.mark.parametrize("size", [*range(1 + NONCE_SIZE + 16), len(SEALED) - 1])
def test_a_cut_text_is_refused(size: int) -> None:
    """Also one that is too short to hold a tag."""
    with pytest.raises(SealError):
        SEALER.unseal(SEALED[:size], kid="one")


def test_a_sealed_key_cannot_be_moved_to_another_row() -> None:
    """The `kid` is associated data: who can write to the database cannot swap keys."""
    with pytest.raises(SealError):
        SEALER.unseal(SEALED, kid="two")


def test_another_secret_does_not_open_it_and_the_error_says_what_to_do() -> None:
    """Design §4: for the operator, with nothing secret in it."""
    with pytest.raises(SealError, match="server's secret changed"):
        Sealer(bytes(32)).unseal(SEALED, kid="one")


def test_what_is_sealed_does_not_show() -> None:
    """It is encrypted, not only authenticated."""
    assert b"a private key" not in SEALED


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_the_key_is_for_aes_256(size: int) -> None:
    """The library would take shorter ones."""
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(size))


@pytest.mark.parametrize("size", [0, 8, 11, 13])
def test_the_nonce_has_its_size(size: int) -> None:
    """NIST SP 800-38D §8.2."""
    with pytest.raises(ValueError, match="nonce"):
        SEALER.seal(b"", kid="one", nonce=bytes(size))


def test_what_an_accepted_key_sealed_opens_and_is_known_as_such() -> None:
    """While the server's secret is replaced."""
    changed = Sealer(bytes(32), bytes(range(32)))

    assert changed.unseal(SEALED, kid="one") == b"a private key"
    assert not changed.is_current(SEALED, kid="one")
    anew = changed.seal(b"a private key", kid="one", nonce=bytes(NONCE_SIZE))
    assert changed.is_current(anew, kid="one")
    assert Sealer(bytes(32)).unseal(anew, kid="one") == b"a private key"
    with pytest.raises(SealError, match="one"):
        Sealer(bytes(32)).is_current(b"", kid="one")


def test_accepted_keys_are_for_aes_256_too() -> None:
    """As the key itself."""
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(32), bytes(16))
