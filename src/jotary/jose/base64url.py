"""Base64url without padding, as JOSE writes it, and nothing more lenient (RFC 7515 §2, RFC 4648 §5)."""

from binascii import Error, a2b_base64, b2a_base64

from jotary.jose.errors import JOSEError

_ENCODE = bytes.maketrans(b"+/", b"-_")
# What the standard alphabet has and base64url has not becomes a character that strict decoding refuses.
_DECODE = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", None, b"==", b"=")
# The last character of an incomplete group carries 4 or 2 bits that no byte uses; an encoder leaves them zero
# (RFC 4648 §3.5), and any other value would be a second spelling of the same bytes.
_LAST = (None, None, frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))


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
    if isinstance(text, str):
        if not text.isascii():
            raise _refusal()
        text = text.encode("ascii")
    remainder = len(text) % 4
    padding = _PADDING[remainder]
    last = _LAST[remainder]
    if padding is None or (last is not None and text[-1] not in last):
        raise _refusal()
    try:
        return a2b_base64(text.translate(_DECODE) + padding, strict_mode=True)
    except Error:
        pass  # raised below, so that the refusal carries no context
    raise _refusal()


def _refusal() -> JOSEError:
    return JOSEError("bad_base64url", "the text is not base64url without padding (RFC 7515 §2)")
