import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose.ecdsa_encoding import der_from_raw, raw_from_der

SIZES = [32, 48, 66]


def integers(size: int) -> st.SearchStrategy[int]:
    """Positive integers of every length up to the size, many of them at an edge of the DER encoding."""
    edges = [1, 127, 128, 255, 256, (1 << (8 * size)) - 1, 1 << (8 * size - 1), 1 << (8 * size - 8)]
    return st.sampled_from(edges) | st.integers(1, (1 << (8 * size)) - 1)


@given(st.data(), st.sampled_from(SIZES))
def test_both_spellings_are_those_of_cryptography(data: st.DataObject, size: int) -> None:
    """RFC 7518 §3.4 against RFC 3279 §2.2.3."""
    r, s = data.draw(integers(size)), data.draw(integers(size))
    raw = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert der_from_raw(raw, size) == encode_dss_signature(r, s)
    assert decode_dss_signature(der_from_raw(raw, size)) == (r, s)
    assert raw_from_der(encode_dss_signature(r, s), size) == raw


@pytest.mark.parametrize("size", SIZES)
def test_a_signature_has_one_length_and_no_zero(size: int) -> None:
    """RFC 7518 §3.4: exactly twice the size; SEC 1 §4.1.4: neither r nor s is zero (CVE-2022-21449)."""
    one, zero = (1).to_bytes(size, "big"), bytes(size)
    der_from_raw(one + one, size)
    for raw in (b"", one, one + one[1:], one + one + b"\0", b"\0" + one + one, zero + one, one + zero, zero + zero):
        with pytest.raises(InvalidSignature):
            der_from_raw(raw, size)
