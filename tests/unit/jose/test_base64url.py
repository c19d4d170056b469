import itertools
import string
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import JOSEError, base64url

ALPHABET = string.ascii_letters + string.digits + "-_"


@given(st.binary(max_size=300))
def test_what_is_encoded_is_decoded_again(data: bytes) -> None:
    """RFC 7515 §2, against the standard library's encoder."""
    text = base64url.encode(data)
    assert text == urlsafe_b64encode(data).decode().rstrip("=")
    assert base64url.encode_bytes(data) == text.encode()
    assert base64url.decode(text) == base64url.decode(text.encode()) == data


@given(st.text(alphabet=ALPHABET, max_size=12))
def test_bytes_have_one_spelling(text: str) -> None:
    """RFC 4648 §3.5: what decodes is what encoding gives; unused bits that are not zero are refused."""
    try:
        data = base64url.decode(text)
    except JOSEError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize("length", range(1, 9))
def test_no_byte_outside_the_alphabet_is_taken(length: int) -> None:
    """RFC 7515 §2: white space, padding, `+`, `/`, quotes and backslashes at every place of every length."""
    foreign = [byte for byte in range(256) if chr(byte) not in ALPHABET]
    for place, byte in itertools.product(range(length), foreign):
        text = bytearray(b"A" * length)
        text[place] = byte
        with pytest.raises(JOSEError, match="bad_base64url"):
            base64url.decode(bytes(text))


@pytest.mark.parametrize("length", [2, 3])
def test_unused_bits_must_be_zero(length: int) -> None:
    """RFC 4648 §3.5: of the 64 last characters 4 or 16 are possible."""
    taken = [last for last in ALPHABET if decodes("A" * (length - 1) + last)]
    assert len(taken) == {2: 4, 3: 16}[length]


@pytest.mark.parametrize("text", ["A", "AAAAA", "é", "AA\u0661", "\ud800AA", "AA==", "AAA=", "=", "AA\n", " AA"])
def test_impossible_lengths_padding_and_other_scripts_are_refused(text: str) -> None:
    """RFC 7515 §2."""
    assert not decodes(text)


def test_nothing_stands_for_nothing() -> None:
    """An empty payload is a payload."""
    assert base64url.decode("") == base64url.decode(b"") == b""
    assert base64url.encode(b"") == ""


def decodes(text: str) -> bool:
    """Whether the text is taken."""
    try:
        base64url.decode(text)
    except JOSEError as error:
        assert_silent(error)
        return False
    return True


def assert_silent(error: JOSEError) -> None:
    """No exception that holds the text hangs behind the refusal."""
    assert error.__context__ is None
    assert error.__cause__ is None
