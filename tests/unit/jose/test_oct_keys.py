from typing import Any

import pytest

from jotary.jose import JOSEError, Key, base64url


@pytest.mark.parametrize("value", [None, 1, "", "A", "AA==", "a b", []])
def test_the_secret_is_a_base64url_string(value: Any) -> None:
    """RFC 7518 §6.4.1; an empty secret is everybody's."""
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({"kty": "oct", "k": value})


@pytest.mark.parametrize(("name", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_the_secret_is_as_long_as_the_hash(name: str, size: int) -> None:
    """RFC 7518 §3.2: a shorter one can be guessed offline from one token."""
    short, enough = (base64url.encode(bytes(length)) for length in (size - 1, size))
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({"kty": "oct", "k": short, "alg": name})
    with pytest.raises(JOSEError, match="key_not_usable"):
        Key.from_jwk({"kty": "oct", "k": short}).signer(name)
    Key.from_jwk({"kty": "oct", "k": enough, "alg": name}).signer(name)
    assert len(base64url.decode(Key.generate(name).to_jwk(private=True)["k"])) == size


@pytest.mark.parametrize("name", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_is_no_secret(name: str) -> None:
    """RFC 8725 §2.1: whoever takes a published key for an HMAC secret lets anybody sign."""
    ssh = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHExampleExampleExampleExampleExampleExampleEx"
    for text in (Key.generate(name).to_pem().encode(), b"\n\n" + Key.generate(name).to_pem().encode(), ssh):
        with pytest.raises(JOSEError, match="invalid_key"):
            Key.from_jwk({"kty": "oct", "k": base64url.encode(text)})
