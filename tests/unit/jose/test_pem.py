import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa, x448, x25519

from jotary.jose import JOSEError, Key

PEM = serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


@pytest.mark.parametrize("name", ["RS256", "ES256", "ES512"])
def test_older_formats_are_read(name: str) -> None:
    """PKCS #1 (RFC 8017 appendix A.1) and SEC 1 (RFC 5915), as older tools write them."""
    key = Key.generate(name)
    text = key._material.signing.private_bytes(PEM, TRADITIONAL, PLAIN)
    assert Key.from_pem(text).thumbprint() == Key.from_pem(text.decode()).thumbprint() == key.thumbprint()
    if key.kty == "RSA":
        public = key._material.verifying.public_bytes(PEM, serialization.PublicFormat.PKCS1)
        assert Key.from_pem(public).thumbprint() == key.thumbprint()


def test_usage_comes_from_the_caller() -> None:
    """PEM has no place for it."""
    text = Key.generate("ES256").to_pem()
    key = Key.from_pem(text, kid="1", alg="ES256", use="enc")
    assert (key.kid, key.alg, key.use) == ("1", "ES256", "enc")
    with pytest.raises(JOSEError, match="key_not_usable"):
        key.verifier("ES256")
    assert Key.from_pem(text).kid is None
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        Key.from_pem(text, alg="none")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "\ud800",
        b"\xff",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_no_key_is_refused(text: str | bytes) -> None:
    """RFC 7468."""
    with pytest.raises(JOSEError, match="invalid_key") as refused:
        Key.from_pem(text)
    assert refused.value.__context__ is None


def test_an_encrypted_key_is_refused() -> None:
    """Decrypting is for the place where the password is kept."""
    key = Key.generate("ES256")._material.signing
    with pytest.raises(JOSEError, match=r"invalid_key.*unencrypted"):
        Key.from_pem(key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"password")))


def test_a_text_that_is_too_long_is_not_read() -> None:
    """65 536 bytes hold every key."""
    with pytest.raises(JOSEError, match="too_large"):
        Key.from_pem(" " * 65_537)


def test_other_key_types_are_not_supported() -> None:
    """X25519 and X448 (RFC 8037) and DSA do not sign here."""
    for key in (x25519.X25519PrivateKey.generate(), x448.X448PrivateKey.generate(), dsa.generate_private_key(2048)):
        for text in (key.private_bytes(PEM, PKCS8, PLAIN), key.public_key().public_bytes(PEM, SPKI)):
            with pytest.raises(JOSEError, match="unsupported_key"):
                Key.from_pem(text)


def test_weak_rsa_keys_are_refused() -> None:
    """The rules are those of a JWK."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- that it is weak is the test
    for text in (key.private_bytes(PEM, PKCS8, PLAIN), key.public_key().public_bytes(PEM, SPKI)):
        with pytest.raises(JOSEError, match="invalid_key"):
            Key.from_pem(text)
