"""The same tokens through two other libraries: what one signs, the others accept, and nobody accepts a mutation."""

from functools import cache
from typing import Any

import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from jwt.algorithms import get_default_algorithms

from jotary.jose import JOSEError, Key, KeySet, base64url, jws, jwt
from jotary.jose.algorithms import ALGORITHMS

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc, for RFC 9864

NAMES = st.sampled_from(sorted(ALGORITHMS))
# Nobody else knows ML-DSA yet: for it there are the vectors. PyJWT has no name of RFC 9864.
SHARED = st.sampled_from(sorted(name for name, row in ALGORITHMS.items() if row.kty != "AKP"))
PYJWT = frozenset(get_default_algorithms())
INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text()
REGISTERED = ("exp", "nbf", "iat", "iss", "sub", "aud", "jti")
CLAIMS = st.dictionaries(
    st.text().filter(lambda name: name not in REGISTERED), SCALARS | st.lists(SCALARS, max_size=3), max_size=5
)
UNCHECKED = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}


@cache
def key(name: str) -> Key:
    """One key for each algorithm."""
    return Key.generate(name, kid=f"key of {name}")


@cache
def pyjwt_key(name: str, *, private: bool) -> Any:
    """The same key as PyJWT takes it."""
    if key(name).is_symmetric:
        return base64url.decode(key(name).to_jwk(private=True)["k"])
    return key(name).to_pem(private=private)


@cache
def joserfc_key(name: str) -> Any:
    """The same key as joserfc takes it."""
    return joserfc_jwk.import_key(key(name).to_jwk(private=True))


@given(SHARED, CLAIMS)
def test_others_accept_what_we_sign(name: str, claims: dict[str, Any]) -> None:
    """RFC 7519 §7.1."""
    token = jwt.sign(claims, key(name), typ="at+jwt")
    if name in PYJWT:
        peer = pyjwt_key(name, private=False)
        assert pyjwt.decode(token, peer, algorithms=[name], options=UNCHECKED) == claims  # type: ignore[arg-type]  # a plain dict
    decoded = joserfc_jwt.decode(token, joserfc_key(name), algorithms=[name])
    assert decoded.claims == claims
    assert decoded.header == {"alg": name, "kid": f"key of {name}", "typ": "at+jwt"}


@given(SHARED, CLAIMS)
def test_we_accept_what_others_sign(name: str, claims: dict[str, Any]) -> None:
    """RFC 7519 §7.2: whatever layout and escapes their JSON has."""
    header = {"alg": name, "kid": f"key of {name}", "typ": "JWT"}
    tokens = [joserfc_jwt.encode(header, claims, joserfc_key(name), algorithms=[name])]
    if name in PYJWT:
        tokens.append(pyjwt.encode(claims, pyjwt_key(name, private=True), algorithm=name, headers=header))
    trusted: list[Key | KeySet] = [key(name)] if key(name).is_symmetric else [key(name).public(), KeySet([key(name)])]
    for token in tokens:
        for keys in trusted:
            verified = jwt.verify(token, keys, algorithms={name}, typ="JWT")
            assert verified.claims == claims
            assert verified.header == header


@given(SHARED, st.binary(max_size=200))
def test_payloads_are_bytes(name: str, payload: bytes) -> None:
    """RFC 7515 §5: not only JSON."""
    token = jws.sign(payload, key(name))
    assert jws.verify(token, key(name), algorithms={name}).payload == payload
    assert joserfc_jws.deserialize_compact(token, joserfc_key(name), algorithms=[name]).payload == payload
    theirs = joserfc_jws.serialize_compact({"alg": name}, payload, joserfc_key(name), algorithms=[name])
    assert jws.verify(theirs, key(name), algorithms={name}).payload == payload


@given(st.data(), NAMES)
def test_no_token_with_one_byte_changed_is_accepted(data: st.DataObject, name: str) -> None:
    """Replaced, removed, inserted or doubled, anywhere, with every key that could be chosen."""
    token = jwt.sign({"sub": "1", "exp": 2**40}, key(name), typ="JWT").encode()
    place = data.draw(st.integers(0, len(token) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    mutations = {
        token[:place] + byte + token[place + 1 :],
        token[:place] + byte + token[place:],
        token[:place] + token[place + 1 :],
        token + byte,
    } - {token}
    for mutation in mutations:
        with pytest.raises(JOSEError):
            jwt.verify(mutation, key(name), algorithms=ALGORITHMS, typ=None)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_no_bit_of_a_token_may_flip(name: str) -> None:
    """Each bit of header, payload and signature, after decoding; and each of the ASCII text."""
    token = jws.sign(b"payload", key(name))
    for part in range(3):
        parts = token.split(".")
        octets = base64url.decode(parts[part])
        for bit in range(0, len(octets) * 8, 1 if len(octets) < 100 else 7):
            flipped = bytearray(octets)
            flipped[bit // 8] ^= 1 << bit % 8
            parts[part] = base64url.encode(bytes(flipped))
            with pytest.raises(JOSEError):
                jws.verify(".".join(parts), key(name), algorithms=ALGORITHMS)


@given(NAMES, NAMES)
def test_a_key_accepts_no_other_algorithm(own: str, other: str) -> None:
    """RFC 8725 §3.1: the header is rewritten and signed again with what an attacker has, the public key."""
    signature = jws.sign(b"payload", key(own)).split(".")[2]
    forged = base64url.encode(b'{"alg":"%b"}' % other.encode()) + "." + base64url.encode(b"payload") + "." + signature
    with pytest.raises(JOSEError):
        jws.verify(forged, key(own), algorithms=ALGORITHMS)
