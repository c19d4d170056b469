"""RFC 9964, ML-DSA in JOSE: AKP keys, and signatures of three sizes; opt-in wherever algorithms are chosen."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.backends.openssl.backend import Backend
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa

from jotary.jose import JOSEError, Key, KeySet, base64url, jws
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.testing import TestIssuer

NAMES = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]
SIZES = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
KEYS = {name: Key.generate(name).to_jwk(private=True) for name in NAMES}
SEEDED: dict[str, Any] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}
OTHERS = {name: Key.generate(name).to_jwk(private=True) for name in NAMES}

# Appendix A.1: the keys are those of the seed that is all zeros, and each is named by its thumbprint.
THUMBPRINTS = {
    "ML-DSA-44": "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o",
    "ML-DSA-65": "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM",
    "ML-DSA-87": "tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU",
}
TOKENS: dict[str, str] = json.loads(Path(__file__).with_name("rfc9964_appendix_a.json").read_text(encoding="utf-8"))
PAYLOAD = "It\N{RIGHT SINGLE QUOTATION MARK}s a dangerous business, Frodo, going out your door."


def of_zeros(name: str) -> Key:
    """The key of appendix A.1, of which all but the seed is derived."""
    private = SEEDED[name].from_seed_bytes(bytes(32))
    plain = serialization.NoEncryption()
    return Key.from_pem(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


def refused(jwk: dict[str, Any], why: str) -> None:
    """The key is refused, with a hint that holds none of its members."""
    with pytest.raises(JOSEError, match=why) as error:
        Key.from_jwk(jwk)
    assert error.value.__context__ is None
    assert not [m for m in ("pub", "priv") if isinstance(jwk.get(m), str) and jwk[m] and jwk[m] in str(error.value)]


@pytest.mark.parametrize("name", NAMES)
def test_the_keys_of_appendix_a(name: str) -> None:
    """A.1, §4, §6: from the seed alone follow the public key and its thumbprint."""
    jwk = of_zeros(name).to_jwk(private=True)
    assert jwk == {"kty": "AKP", "alg": name, "pub": jwk["pub"], "priv": "A" * 43}
    for key in (of_zeros(name), Key.from_jwk(jwk), Key.from_public_jwk(of_zeros(name).to_jwk())):
        assert key.thumbprint() == THUMBPRINTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_signatures_of_appendix_a(name: str) -> None:
    """A.1: what they cover, and that what signs the same again is another signature (FIPS 204, §3.4: hedged)."""
    keys = KeySet([Key.from_jwk({**of_zeros(name).to_jwk(), "kid": THUMBPRINTS[name]})])
    signed = jws.verify(TOKENS[name], keys, algorithms={name})
    assert signed.header == {"alg": name, "kid": THUMBPRINTS[name]}
    assert signed.payload.decode() == PAYLOAD
    again = jws.sign(signed.payload, of_zeros(name), header={"kid": THUMBPRINTS[name]})
    assert again.rpartition(".")[0] == TOKENS[name].rpartition(".")[0]
    assert again != TOKENS[name]
    assert jws.verify(again, keys, algorithms={name}).payload == signed.payload


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_for_the_algorithm_that_it_names(name: str) -> None:
    """§3: `alg` is required, and says what the bytes mean."""
    jwk = KEYS[name]
    for no_text in (None, 1, [name]):
        refused({**jwk, "alg": no_text}, "invalid_key.*'alg'")
    refused({member: value for member, value in jwk.items() if member != "alg"}, "invalid_key.*'alg'")
    for alg in ("ES256", "EdDSA", "none", "ML-DSA", name.lower(), "SLH-DSA-SHA2-128s", f"Hash{name}"):
        refused({**jwk, "alg": alg}, "unsupported_key")
    for other in set(NAMES) - {name}:
        refused({**jwk, "alg": other}, f"invalid_key.*exactly {SIZES[other]} bytes")
        with pytest.raises(JOSEError, match=f"key_not_usable.*{name} alone"):
            Key.from_jwk(jwk).verifier(other)
        with pytest.raises(JOSEError, match="invalid_key"):
            Key.from_pem(Key.from_jwk(jwk).to_pem(), alg=other)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_from_pem_names_its_algorithm_too(name: str) -> None:
    """§3: PEM holds an identifier that says the same, so that nobody has to name it."""
    for private in (False, True):
        key = Key.from_pem(Key.from_jwk(KEYS[name]).to_pem(private=private), kid="1")
        assert (key.alg, key.kid, key.is_private) == (name, "1", private)
        assert key.to_jwk()["alg"] == name


@pytest.mark.parametrize("name", NAMES)
def test_the_public_key_has_one_length(name: str) -> None:
    """§5, §7.3."""
    public = {member: value for member, value in KEYS[name].items() if member != "priv"}
    octets = base64url.decode(public["pub"])
    assert len(octets) == SIZES[name]
    for wrong in (octets[1:], octets[:-1], octets + b"\0", octets * 2):
        refused({**public, "pub": base64url.encode(wrong)}, f"invalid_key.*exactly {SIZES[name]} bytes")
    for no_text in (None, 1, "", "AQAB=", [public["pub"]]):
        refused({**public, "pub": no_text}, "invalid_key.*'pub'")
    refused({member: value for member, value in KEYS[name].items() if member != "pub"}, "invalid_key.*'pub'")


@pytest.mark.parametrize("name", NAMES)
def test_the_private_key_is_the_seed(name: str) -> None:
    """§4, §7.3: 32 bytes; the expanded form has no place in a JWK."""
    for wrong in (b"", bytes(31), bytes(33), bytes(64), bytes(2560)):
        refused({**KEYS[name], "priv": base64url.encode(wrong)}, "invalid_key.*'priv'")
    for no_text in (None, 1, [KEYS[name]["priv"]]):
        refused({**KEYS[name], "priv": no_text}, "invalid_key.*'priv'")


@pytest.mark.parametrize("name", NAMES)
def test_the_private_key_belongs_to_the_public_key(name: str) -> None:
    """§7.4: using a pair that does not can give the private key away."""
    refused({**KEYS[name], "priv": OTHERS[name]["priv"]}, "invalid_key.*does not belong")
    refused({**KEYS[name], "pub": OTHERS[name]["pub"]}, "invalid_key.*does not belong")


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_was_sent_with_its_seed_is_no_secret(name: str) -> None:
    """§3: `priv` must not be in a public key."""
    with pytest.raises(JOSEError, match=r"invalid_key.*private part"):
        Key.from_public_jwk(KEYS[name])
    assert KeySet.from_jwks({"keys": [KEYS[name]]}).ignored
    assert "priv" not in Key.from_jwk(KEYS[name]).to_jwk()


def test_a_library_without_ml_dsa_costs_no_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7517 §5: what cannot be used is left out of the set; not every build of OpenSSL knows FIPS 204."""
    monkeypatch.setattr(Backend, "mldsa_supported", lambda _: False)
    good = Key.generate("ES256", kid="good")
    public = {member: value for member, value in KEYS["ML-DSA-65"].items() if member != "priv"}
    keys = KeySet.from_jwks({"keys": [public, good.to_jwk()]})
    assert [key.kid for key in keys] == ["good"]
    assert "built without ML-DSA-65" in keys.ignored[0].reason
    refused(KEYS["ML-DSA-65"], "unsupported_key.*built without")
    with pytest.raises(JOSEError, match="unsupported_key"):
        Key.generate("ML-DSA-65")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_takes_it_unless_it_is_named(name: str) -> None:
    """It is opt-in, wherever the caller leaves the choice to the defaults."""
    assert name not in DEFAULT_ALGORITHMS
    issuer = TestIssuer(algorithm=name)
    with pytest.raises(JOSEError, match="algorithm_not_allowed"):
        jws.verify(issuer.token(), issuer.keys, algorithms=DEFAULT_ALGORITHMS)


@pytest.mark.parametrize(("name", "length"), [("ML-DSA-44", 3227), ("ML-DSA-65", 4412), ("ML-DSA-87", 6170)])
def test_a_token_is_as_long_as_the_documentation_says(name: str, length: int) -> None:
    """§5: docs/protect-an-api.md tells by these numbers which limits must be raised."""
    token = TestIssuer(algorithm=name).token("ada", scopes=["todo:read", "todo:write"])
    assert len(token.rpartition(".")[2]) == length
    assert len(token) < 8192
