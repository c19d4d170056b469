"""RFC 9864, names that say the whole algorithm: Ed25519 and Ed448 beside EdDSA, which may mean either."""

from typing import Any

import pytest
from cryptography.hazmat.backends.openssl.backend import Backend

from jotary.jose import JOSEError, Key, KeySet, base64url, jws
from jotary.jose.algorithms import ALGORITHMS, DEFAULT_ALGORITHMS
from jotary.testing import TestIssuer

BOTH = {"EdDSA", "Ed25519"}
PRIVATE = {
    name: value for name, value in Key.generate("Ed25519").to_jwk(private=True).items() if name not in {"alg", "kid"}
}


def key(alg: str | None = None, **members: Any) -> Key:
    """One and the same key on Ed25519, for one algorithm or for all that fit it."""
    return Key.from_jwk({**PRIVATE, **members, **({} if alg is None else {"alg": alg})})


def token(alg: str, **members: Any) -> str:
    """A token of the key, under the name given."""
    return jws.sign(b"payload", key(**members), header={"alg": alg})


@pytest.mark.parametrize(("own", "other"), [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")])
def test_a_key_with_a_name_is_used_by_that_name_alone(own: str, other: str) -> None:
    """RFC 7517 §4.4: though the signatures are the same, the header must say what the key says."""
    assert jws.verify(token(own), key(own), algorithms=BOTH).payload == b"payload"
    with pytest.raises(JOSEError, match=f"key_not_usable.*{own} alone"):
        jws.verify(token(other), key(own), algorithms=BOTH)
    with pytest.raises(JOSEError, match="key_not_usable"):
        jws.sign(b"payload", key(own), header={"alg": other})
    keys = KeySet([key(own, kid="1")])
    with pytest.raises(JOSEError, match="key_not_usable"):
        jws.verify(token(other, kid="1"), keys, algorithms=BOTH)


@pytest.mark.parametrize(("named", "other"), [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")])
def test_a_key_without_a_name_is_used_by_those_that_the_caller_allows(named: str, other: str) -> None:
    """RFC 8725 §3.1: the two names are two algorithms, and allowing one does not allow the other."""
    assert jws.verify(token(named), key(), algorithms={named}).payload == b"payload"
    with pytest.raises(JOSEError, match="algorithm_not_allowed"):
        jws.verify(token(other), key(), algorithms={named})


def test_the_names_mean_the_same_signature() -> None:
    """§2.2: Ed25519 is EdDSA on that curve, which is deterministic."""
    signatures = {key(alg).signer(alg)(b"message") for alg in BOTH}
    assert len(signatures) == 1


def test_the_name_in_a_token_cannot_be_changed() -> None:
    """RFC 7515 §5.2: the header is signed."""
    header, payload, signature = token("EdDSA").split(".")
    renamed = base64url.encode(base64url.decode(header).replace(b"EdDSA", b"Ed25519"))
    with pytest.raises(JOSEError, match="bad_signature"):
        jws.verify(f"{renamed}.{payload}.{signature}", key(), algorithms=BOTH)


def test_ed448_has_its_own_name_alone() -> None:
    """§2.2: here `EdDSA` has always meant Ed25519, and goes on to mean nothing else."""
    ed448 = Key.generate("Ed448")
    free = Key.from_jwk({name: value for name, value in ed448.to_jwk().items() if name != "alg"})
    assert list(free.verifying_algorithms) == ["Ed448"]
    for alg, crv in (("EdDSA", "Ed448"), ("Ed25519", "Ed448"), ("Ed448", "Ed25519")):
        jwk = ed448.to_jwk() if crv == "Ed448" else key().to_jwk()
        with pytest.raises(JOSEError, match="invalid_key"):
            Key.from_jwk({**jwk, "alg": alg})


def test_a_library_without_ed448_costs_no_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7517 §5: what cannot be used is left out of the set; not every build of the library has the curve."""
    jwk = Key.generate("Ed448").to_jwk(private=True)
    public = {name: value for name, value in jwk.items() if name != "d"}
    monkeypatch.setattr(Backend, "ed448_supported", lambda _: False)
    keys = KeySet.from_jwks({"keys": [public, key("Ed25519", kid="good").public().to_jwk()]})
    assert [one.kid for one in keys] == ["good"]
    assert "built without Ed448" in keys.ignored[0].reason
    with pytest.raises(JOSEError, match=r"unsupported_key.*built without"):
        Key.from_jwk(jwk)
    with pytest.raises(JOSEError, match=r"unsupported_key.*built without"):
        Key.generate("Ed448")


@pytest.mark.parametrize("alg", ["ESP256", "ESP384", "ESP512", "ESB256", "ESB320", "ESB384", "ESB512", "ed25519"])
def test_the_names_of_cose_are_not_for_jose(alg: str) -> None:
    """§2.1: JOSE's ES256, ES384 and ES512 name their curves already."""
    assert alg not in ALGORITHMS
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        Key.generate(alg)


@pytest.mark.parametrize("name", ["Ed25519", "Ed448"])
def test_nothing_takes_it_unless_it_is_named(name: str) -> None:
    """It is opt-in, wherever the caller leaves the choice to the defaults."""
    assert name not in DEFAULT_ALGORITHMS
    issuer = TestIssuer(algorithm=name)
    with pytest.raises(JOSEError, match="algorithm_not_allowed"):
        jws.verify(issuer.token(), issuer.keys, algorithms=DEFAULT_ALGORITHMS)
