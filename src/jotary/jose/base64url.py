"""Base64url without padding, as JOSE writes it, and nothing more lenient (RFC 7515 §2, RFC 4648 §5)."""

import string
from binascii import b2a_base64

import msgspec

from jotary.jose.errors import JOSEError

_ENCODE = bytes.maketrans(b"+/", b"-_")
_SAME = string.ascii_letters + string.digits
# From base64url to the standard alphabet. Every other byte becomes one that the decoder refuses; so padding, white
# space, "+" and "/" are refused, and what is put between quotes below cannot end the string or hold an escape.
_DECODE = bytes({**{ord(c): ord(c) for c in _SAME}, 0x2D: 0x2B, 0x5F: 0x2F}.get(byte, 0x21) for byte in range(256))
# What closes the string, by length modulo 4 and last character. A group of one character stands for no byte. The last
# character of a group of two or three carries 4 or 2 bits that no byte uses: an encoder leaves them zero (RFC 4648
# §3.5), and any other value would be a second spelling of the same bytes.
_END: tuple[tuple[bytes | None, ...], ...] = (
    (b'"',) * 256,
    (None,) * 256,
    tuple(b'=="' if byte in b"AQgw" else None for byte in range(256)),
    tuple(b'="' if byte in b"AEIMQUYcgkosw048" else None for byte in range(256)),
)
# Twice as fast as binascii on the lengths that tokens have.
_read_string = msgspec.json.Decoder(bytes).decode


def encode(data: bytes) -> str:
    """Return the base64url text of the bytes, without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """Return what ``encode`` returns, as ASCII bytes."""
    return b2a_base64(data, newline=False).translate(_ENCODE).rstrip(b"=")


def decode(text: str | bytes) -> bytes:
    """Return the bytes that the text stands for.

    Raises:
        JOSEError: ``bad_base64url`` for padding, white space, ``+``, ``/``, any other character outside the alphabet,
            an impossible length, or bits that are not zero behind the last byte.
    """
    if type(text) is not bytes and isinstance(text, str):
        text = text.encode("ascii", "replace")  # to "?", which is refused
    if not text:
        return b""
    end = _END[len(text) & 3][text[-1]]
    if end is not None:
        try:
            return _read_string(b'"' + text.translate(_DECODE) + end)
        except msgspec.DecodeError:
            pass  # raised below, so that the refusal carries no context
    raise JOSEError("bad_base64url", "the text is not base64url without padding (RFC 7515 §2)")
