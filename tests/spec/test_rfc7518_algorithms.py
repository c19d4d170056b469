"""RFC 7518, JSON Web Algorithms: sizes, and the one encoding that a signature has."""

import pytest

from jotary.jose import JOSEError, Key, base64url, jws
from jotary.jose.algorithms import ALGORITHMS, ASYMMETRIC_ALGORITHMS, DEFAULT_ALGORITHMS


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("HS256", 32),
        ("HS384", 48),
        ("HS512", 64),
        ("RS256", 256),
        ("PS512", 256),
        ("ES256", 64),
        ("ES384", 96),
        ("ES512", 132),
        ("EdDSA", 64),
        ("Ed25519", 64),
        ("Ed448", 114),
        ("ML-DSA-44", 2420),
        ("ML-DSA-65", 3309),
        ("ML-DSA-87", 4627),
    ],
)
def test_a_signature_has_one_length(name: str, size: int) -> None:
    """§3.2 to §3.5, RFC 8037 §3.1 and RFC 9964 §5: one byte more or less is no signature, not even a zero."""
    key = Key.generate(name)
    tokens = [jws.sign(b"payload", key) for _ in range(20)]
    assert {len(jws.parse(token).signature) for token in tokens} == {size}
    header, payload, text = tokens[0].split(".")
    signature = base64url.decode(text)
    for wrong in (signature + b"\0", b"\0" + signature, signature[:-1], signature[1:], b"", signature * 2):
        with pytest.raises(JOSEError, match="bad_signature"):
            jws.verify(f"{header}.{payload}.{base64url.encode(wrong)}", key, algorithms={name})


def test_the_algorithms_are_these() -> None:
    """§3.1, RFC 8037 §3.1, RFC 9864 §2, RFC 9964 §5: `none` is not among them, nor is SHA-1, nor secp256k1."""
    rows = {name: (row.kty, row.variant, row.minimum_bits) for name, row in ALGORITHMS.items()}
    assert rows == {
        **{f"RS{size}": ("RSA", None, 2048) for size in (256, 384, 512)},
        **{f"PS{size}": ("RSA", None, 2048) for size in (256, 384, 512)},
        **{f"HS{size}": ("oct", None, size) for size in (256, 384, 512)},
        "ES256": ("EC", "P-256", 0),
        "ES384": ("EC", "P-384", 0),
        "ES512": ("EC", "P-521", 0),
        "EdDSA": ("OKP", "Ed25519", 0),
        "Ed25519": ("OKP", "Ed25519", 0),
        "Ed448": ("OKP", "Ed448", 0),
        "ML-DSA-44": ("AKP", "ML-DSA-44", 0),
        "ML-DSA-65": ("AKP", "ML-DSA-65", 0),
        "ML-DSA-87": ("AKP", "ML-DSA-87", 0),
    }


def test_nothing_is_taken_by_default_but_these() -> None:
    """RFC 9864 and RFC 9964 are opt-in; RFC 9068 §4 leaves no room for a secret that both sides hold."""
    families = [f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)]
    assert list(DEFAULT_ALGORITHMS) == [*families, "EdDSA"]
    assert set(ASYMMETRIC_ALGORITHMS) == {name for name in ALGORITHMS if not name.startswith("HS")}


@pytest.mark.parametrize(
    ("own", "other"), [("RS256", "PS256"), ("RS256", "RS512"), ("PS256", "PS384"), ("HS512", "HS256")]
)
def test_algorithms_of_one_key_type_are_not_mixed(own: str, other: str) -> None:
    """§3.3, §3.5: a key without `alg` could do both; the header is signed, so that the other is refused."""
    members = Key.generate(own).to_jwk(private=True)
    free = Key.from_jwk({name: value for name, value in members.items() if name != "alg"})
    header, payload, signature = jws.sign(b"payload", free, header={"alg": own}).split(".")
    swapped = base64url.encode(base64url.decode(header).replace(own.encode(), other.encode()))
    with pytest.raises(JOSEError, match="bad_signature"):
        jws.verify(f"{swapped}.{payload}.{signature}", free, algorithms={own, other})


def test_a_symmetric_key_signs_only_where_it_is_named() -> None:
    """§3.2, RFC 8725 §2.1: `HS256` is never implied."""
    key = Key.generate("HS512")
    token = jws.sign(b"payload", key)
    for algorithms in (set(ALGORITHMS) - {"HS512"}, set()):
        with pytest.raises(JOSEError, match="algorithm_not_allowed"):
            jws.verify(token, key, algorithms=algorithms)
