"""RFC 7638, JSON Web Key Thumbprint, with the key types of RFC 7518, RFC 8037 and RFC 9964."""

import hashlib
import json

import pytest

from jotary.jose import Key, base64url

# §3.1
MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
    "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
    "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
    "nqDKgw"
)
JWK = {"kty": "RSA", "n": MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
REQUIRED = {"RSA": "e kty n", "EC": "crv kty x y", "OKP": "crv kty x", "AKP": "alg kty pub", "oct": "k kty"}


def test_the_example_of_section_3() -> None:
    """§3.1."""
    assert Key.from_jwk(JWK).thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_only_the_required_members_count() -> None:
    """§3.2: neither the order of the members nor kid, alg or use."""
    bare = {name: JWK[name] for name in ("n", "kty", "e")}
    assert Key.from_jwk({**bare, "use": "sig"}).thumbprint() == Key.from_jwk(JWK).thumbprint()


@pytest.mark.parametrize("name", ["RS256", "ES256", "ES384", "ES512", "EdDSA", "Ed448", "ML-DSA-65", "HS256"])
def test_the_hash_is_over_the_required_members_in_order(name: str) -> None:
    """§3, §3.3: sorted by name, no white space, UTF-8, SHA-256; the same for a private key as for its public part."""
    key = Key.generate(name)
    jwk = key.to_jwk(private=True)
    text = json.dumps({member: jwk[member] for member in REQUIRED[key.kty].split()}, separators=(",", ":"))
    assert key.thumbprint() == base64url.encode(hashlib.sha256(text.encode()).digest())
    if not key.is_symmetric:
        assert key.public().thumbprint() == key.thumbprint()
