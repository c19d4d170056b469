"""RSASSA-PKCS1-v1_5 beside the library's own verification: the same signatures pass, no others (RFC 8017 §8.2.2)."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose.signatures import rsa_pkcs1_verifier

_SHA256 = hashes.SHA256()
_DIGESTS: list[hashes.HashAlgorithm] = [_SHA256, hashes.SHA384(), hashes.SHA512()]
_KEY = rsa.generate_private_key(65537, 2048)
_PUBLIC, _NUMBERS = _KEY.public_key(), _KEY.private_numbers()
_SIZE = 256
_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_VERIFY = rsa_pkcs1_verifier(_SHA256)(_PUBLIC)


def opens_to(encoded: bytes) -> bytes:
    """The signature whose public operation gives these bytes, whatever they are."""
    number = pow(int.from_bytes(encoded), _NUMBERS.d, _NUMBERS.public_numbers.n)
    return number.to_bytes(_SIZE)


def padded(content: bytes, *, size: int = _SIZE) -> bytes:
    """EMSA-PKCS1-v1_5's padding around any content (RFC 8017 §9.2)."""
    return b"\0\1" + b"\xff" * (size - len(content) - 3) + b"\0" + content


def passes(verify: Callable[[], None]) -> bool:
    """Whether a check lets through."""
    try:
        verify()
    except InvalidSignature:
        return False
    return True


def agreed(signature: bytes, message: bytes) -> bool:
    """Whether the signature passes, for jotary and the library alike."""
    ours = passes(lambda: _VERIFY(signature, message))
    assert ours is passes(lambda: _PUBLIC.verify(signature, message, padding.PKCS1v15(), _SHA256))
    return ours


@pytest.mark.parametrize("digest", _DIGESTS, ids=lambda digest: str(digest.name))
@pytest.mark.parametrize("bits", [2048, 2056, 3071, 4096])
def test_what_the_library_signs_verifies(bits: int, digest: hashes.HashAlgorithm) -> None:
    """RFC 8017 §8.2: for every hash, and where the modulus does not end with a byte."""
    key = rsa.generate_private_key(65537, bits)
    verify = rsa_pkcs1_verifier(digest)(key.public_key())
    signature = key.sign(b"signed", padding.PKCS1v15(), digest)
    verify(signature, b"signed")
    with pytest.raises(InvalidSignature):
        verify(signature, b"not signed")
    for other in _DIGESTS:
        if other is not digest:
            with pytest.raises(InvalidSignature):
                rsa_pkcs1_verifier(other)(key.public_key())(signature, b"signed")


@given(message=st.binary(max_size=64), at=st.integers(0, _SIZE - 1), flipped=st.integers(0, 255))
def test_a_changed_byte_is_refused(message: bytes, at: int, flipped: int) -> None:
    """None changed, and it passes."""
    signature = bytearray(_KEY.sign(message, padding.PKCS1v15(), _SHA256))
    signature[at] ^= flipped
    assert agreed(bytes(signature), message) is (flipped == 0)


def test_a_signature_is_as_long_as_the_modulus() -> None:
    """RFC 8017 §8.2.2 step 1: not shorter, where its first byte is zero, and not longer."""
    number = 0
    while True:
        message = b"%d" % number
        signature = _KEY.sign(message, padding.PKCS1v15(), _SHA256)
        if signature[0] == 0:
            break
        number += 1
    assert agreed(signature, message)
    assert not agreed(signature[1:], message)
    assert not agreed(b"\0" + signature, message)
    assert not agreed(b"", message)


def test_a_signature_is_smaller_than_the_modulus() -> None:
    """RFC 8017 §5.2.2 step 1: the same number plus the modulus has the same remainder."""
    modulus, number = _NUMBERS.public_numbers.n, 1 << 2047
    message = b""
    while number + modulus >= 1 << 2048:
        message += b"."
        number = int.from_bytes(_KEY.sign(message, padding.PKCS1v15(), _SHA256))
    assert not agreed((number + modulus).to_bytes(_SIZE), message)


_HASH = sha256(b"message").digest()


@pytest.mark.parametrize(
    "encoded",
    [
        padded(_HASH),  # no DigestInfo
        padded(_INFO + _HASH + b"\0"),  # more after it: Bleichenbacher's forgery (RFC 8017 §9.2)
        b"\0\1" + b"\xff" * 8 + b"\0" + _INFO + _HASH + b"\0" * (_SIZE - 11 - len(_INFO + _HASH)),
        padded(bytes.fromhex("302f300b0609608648016503040201") + b"\4\x20" + _HASH),  # parameters left out, not NULL
        padded(bytes.fromhex("303130810c060960864801650304020105000420") + _HASH),  # a length in its long form
        padded(bytes.fromhex("3041300d060960864801650304020205000430") + _HASH + b"\0" * 16),  # of another hash
        b"\0\2" + padded(_INFO + _HASH)[2:],  # the padding of encryption
        b"\0\0" + padded(_INFO + _HASH)[2:],  # block type 0
        b"\0\1" + b"\xff" * 100 + b"\xfe" + b"\xff" * 101 + b"\0" + _INFO + _HASH,  # padding that is not all ones
        padded(b"\0" + _INFO + _HASH),  # padding that ends early
        b"\0" + padded(_INFO + _HASH, size=_SIZE - 1),  # moved by a byte
        padded(b""),
        bytes(_SIZE),
    ],
)
def test_only_one_encoding_of_a_hash_passes(encoded: bytes) -> None:
    """RFC 8017 §8.2.2 steps 2 to 4: nothing that a lenient parser would take for it."""
    assert len(encoded) == _SIZE
    assert not agreed(opens_to(encoded), b"message")


def test_that_encoding_passes() -> None:
    """Or the test above would prove nothing."""
    assert agreed(opens_to(padded(_INFO + _HASH)), b"message")
