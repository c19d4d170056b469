"""The two spellings of an ECDSA signature: r ‖ s in JOSE (RFC 7518 §3.4), a DER sequence in OpenSSL (RFC 3279 §2.2.3).

By hand, because this costs a third of ``cryptography``'s conversions, which go through Python integers; the tests hold
the two against each other.
"""

from cryptography.exceptions import InvalidSignature

_TOP_BIT = 0x80
_LONG_FORM = 0x80  # X.690 §8.1.3: from this length on, the length has a byte in front that counts its bytes
_LONGEST = 67  # bytes of an integer: 66 of P-521 and a zero

# What stands before an integer of so many bytes, and before a sequence of so many.
_INTEGER = [b"\x02%c" % length for length in range(_LONGEST + 1)]
_SEQUENCE = [(b"\x30%c" if length < _LONG_FORM else b"\x30\x81%c") % length for length in range(2 * (_LONGEST + 2) + 1)]
# What stands before r and before s where both have all their bytes, as nearly all have: by size, and by the top bits of
# r and s. X.690 §8.3: integers are signed, so that a leading one bit needs a zero byte before it.
_WHOLE = {
    size: [
        [
            (_SEQUENCE[2 * size + r + s + 4] + _INTEGER[size + r] + b"\0" * r, _INTEGER[size + s] + b"\0" * s)
            for s in (0, 1)
        ]
        for r in (0, 1)
    ]
    for size in (32, 48, 66)
}


def der_from_raw(signature: bytes, size: int) -> bytes:
    """Return the DER spelling of r ‖ s.

    Raises:
        InvalidSignature: when it is not exactly twice ``size`` bytes, or when r or s is zero.
    """
    if len(signature) != 2 * size:
        raise InvalidSignature
    r, s = signature[:size], signature[size:]
    if r[0] and s[0]:
        before_r, before_s = _WHOLE[size][r[0] >> 7][s[0] >> 7]
        return b"".join((before_r, r, before_s, s))
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    if not r or not s:
        raise InvalidSignature
    if r[0] >= _TOP_BIT:
        r = b"\0" + r
    if s[0] >= _TOP_BIT:
        s = b"\0" + s
    return b"".join((_SEQUENCE[len(r) + len(s) + 4], _INTEGER[len(r)], r, _INTEGER[len(s)], s))


def raw_from_der(signature: bytes, size: int) -> bytes:
    """Return r ‖ s, each ``size`` bytes, from the DER that the crypto library has just written."""
    start = 4 if signature[1] < _LONG_FORM else 5  # P-521 needs the long form
    end = start + signature[start - 1]
    r, s = signature[start:end], signature[end + 2 :]
    return r.lstrip(b"\0").rjust(size, b"\0") + s.lstrip(b"\0").rjust(size, b"\0")
