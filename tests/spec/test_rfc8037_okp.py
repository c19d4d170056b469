"""RFC 8037, CFRG curves in JOSE: Ed25519 keys and EdDSA."""

import pytest

from jotary.jose import JOSEError, Key, base64url, jws

# Appendix A.1, A.2
PRIVATE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
}
PUBLIC = {name: value for name, value in PRIVATE.items() if name != "d"}
# Appendix A.4
TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
PRIME = (1 << 255) - 19
ED25519_D = -121665 * pow(121666, -1, PRIME)  # RFC 8032 §5.1
EIGHTH = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
ORDER = (1 << 252) + 27742317777372353535851937790883648493


def test_keys_of_appendix_a() -> None:
    """A.1, A.2."""
    key = Key.from_jwk(PRIVATE)
    assert key.to_jwk(private=True) == PRIVATE
    assert key.to_jwk() == key.public().to_jwk() == PUBLIC
    assert list(Key.from_jwk(PUBLIC).verifying_algorithms) == ["EdDSA", "Ed25519"]


def test_the_thumbprint_of_appendix_a() -> None:
    """A.3."""
    assert Key.from_jwk(PUBLIC).thumbprint() == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_signature_of_appendix_a() -> None:
    """A.4, A.5: signing has one result."""
    payload = b"Example of Ed25519 signing"
    assert jws.sign(payload, Key.from_jwk(PRIVATE), header={"alg": "EdDSA"}) == TOKEN
    assert jws.verify(TOKEN, Key.from_jwk(PUBLIC), algorithms={"EdDSA"}).payload == payload


def test_a_signature_has_one_spelling() -> None:
    """RFC 8032 §5.1.7: S below the order; another one would be a second signature for the same token."""
    header, payload, text = TOKEN.split(".")
    signature = base64url.decode(text)
    moved = int.from_bytes(signature[32:], "little") + ORDER
    second = base64url.encode(signature[:32] + moved.to_bytes(32, "little"))
    with pytest.raises(JOSEError, match="bad_signature"):
        jws.verify(f"{header}.{payload}.{second}", Key.from_jwk(PUBLIC), algorithms={"EdDSA"})


@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["even", "odd"])
@pytest.mark.parametrize(
    "y", [0, 1, -1, EIGHTH, -EIGHTH, PRIME, PRIME + 1], ids=["0", "1", "-1", "e", "-e", "p", "p+1"]
)
def test_a_key_under_which_anybody_can_sign_is_refused(y: int, sign: int) -> None:
    """RFC 8725 §3.4: under a point of small order one constant signature holds for many messages, or for all."""
    assert (ED25519_D * EIGHTH**4 + 2 * EIGHTH**2 - 1) % PRIME == 0, "a point whose double has y = 0"
    x = ((y if y >= PRIME else y % PRIME) | sign).to_bytes(32, "little")
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({**PUBLIC, "x": base64url.encode(x)})


@pytest.mark.parametrize("y", [0, 1, (1 << 448) - (1 << 224) - 2])
def test_a_key_of_small_order_on_ed448_is_refused(y: int) -> None:
    """RFC 8725 §3.4, RFC 7748 §4.2: the cofactor is 4."""
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({"kty": "OKP", "crv": "Ed448", "x": base64url.encode(y.to_bytes(57, "little"))})


@pytest.mark.parametrize("crv", ["X25519", "X448"])
def test_curves_that_do_not_sign_here(crv: str) -> None:
    """§3.2: X25519 and X448 agree on keys."""
    with pytest.raises(JOSEError, match="unsupported_key"):
        Key.from_jwk({**PUBLIC, "crv": crv})
