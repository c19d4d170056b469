import pickle
from typing import Any

import pytest

from jotary.jose import JOSEError, Key
from jotary.jose.algorithms import ALGORITHMS

NAMES = sorted(ALGORITHMS)
ASYMMETRIC = [name for name in NAMES if not name.startswith("HS")]
SECRET = {"kty": "oct", "k": "A" * 86}
FAMILIES = [{name for name in NAMES if name[:2] in {"RS", "PS"}}, {"EdDSA", "Ed25519"}]  # one key can do them all


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_key_survives_every_format(name: str) -> None:
    """RFC 7517, RFC 7518 §6, RFC 8037 §2: what it signs, its public part verifies, whatever way it was carried."""
    key = Key.generate(name)
    assert (key.alg, key.use, key.key_ops, key.is_private) == (name, "sig", None, True)
    private = [key, Key.from_jwk(key.to_jwk(private=True))]
    public = [key]
    if not key.is_symmetric:
        private.append(Key.from_pem(key.to_pem(private=True), kid=key.kid, alg=name))
        public += [key.public(), Key.from_jwk(key.to_jwk()), Key.from_pem(key.to_pem())]
    for signer in private:
        signature = signer.signer(name)(b"message")
        for verifier in public:
            verifier.verifier(name)(signature, b"message")
    assert {other.thumbprint() for other in private + public} == {key.thumbprint()}


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_the_public_part_holds_nothing_private(name: str) -> None:
    """RFC 7518 §6: none of the private members, and no way to sign."""
    key = Key.generate(name)
    private_members = key.to_jwk(private=True).keys() - key.to_jwk().keys()
    assert private_members == {"RSA": {"d", "p", "q", "dp", "dq", "qi"}, "AKP": {"priv"}}.get(key.kty, {"d"})
    public = key.public()
    assert public.public() is public
    assert not public.is_private
    assert public.to_jwk() == key.to_jwk()
    for attempt in (lambda: public.to_jwk(private=True), lambda: public.to_pem(private=True)):
        with pytest.raises(JOSEError, match="no private part"):
            attempt()
    with pytest.raises(JOSEError, match="public key cannot sign"):
        public.signer(name)


def test_a_symmetric_key_has_no_public_part() -> None:
    """Whoever is given it could sign."""
    key = Key.from_jwk(SECRET)
    assert key.is_symmetric
    for attempt in (key.public, key.to_jwk):
        with pytest.raises(JOSEError, match="no public part"):
            attempt()
    for private in (False, True):
        with pytest.raises(JOSEError, match="symmetric"):
            key.to_pem(private=private)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_key_is_its_thumbprint(name: str) -> None:
    """RFC 7638 §7: but the hash of a secret is not for publishing, so a symmetric key has no name by default."""
    key = Key.generate(name)
    assert key.kid == (None if key.is_symmetric else key.thumbprint())
    assert Key.generate(name, kid="mine").kid == "mine"


@pytest.mark.parametrize("name", ["none", "RS1", "HS1", "ES256K", "", "es256", "RSA-OAEP"])
def test_an_unknown_algorithm_makes_no_key(name: str) -> None:
    """RFC 7518 §3: there is no `none`, and names are compared case by case."""
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        Key.generate(name)
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        Key.from_jwk({**SECRET, "alg": name})


@pytest.mark.parametrize("name", NAMES)
def test_a_key_prints_nothing_secret(name: str) -> None:
    """Neither the key nor what it is made of, nor its JWK's private members in any refusal."""
    key = Key.generate(name, kid="kid-1")
    jwk = key.to_jwk(private=True)
    texts = [repr(key), str(key), f"{key}", repr(key._material), str(vars(JOSEError)), repr([key])]
    secrets = [value for member, value in jwk.items() if member in {"d", "p", "q", "dp", "dq", "qi", "k", "priv"}]
    assert secrets
    assert not [text for text in texts for secret in secrets if secret in text]
    assert "signing" not in repr(key._material)
    assert "verifying" not in repr(key._material)  # of a symmetric key it is the secret itself
    assert repr(key) == f"<Key kty={key.kty} kid='kid-1' alg={name} private>"


def test_a_key_cannot_be_changed_compared_or_pickled() -> None:
    """Two keys are one only if they are the same object: secrets are not compared with `==`."""
    key = Key.generate("ES256")
    same = Key.from_jwk(key.to_jwk(private=True))
    assert key != same
    assert len({key, same}) == 2
    with pytest.raises(AttributeError):
        key.alg = None  # type: ignore[misc]  # that it is refused is the test
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(key)


@pytest.mark.parametrize("jwk", [None, [], "RSA", 1, {}, {"kty": None}, {"kty": 1}, {"kty": ["RSA"]}, {"k": "AAAA"}])
def test_what_is_no_jwk_is_refused(jwk: Any) -> None:
    """RFC 7517 §4.1: it comes out of a token or a key set, and so can be anything."""
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk(jwk)


@pytest.mark.parametrize("kty", ["rsa", "AES", "", "AKP?", "Oct"])
def test_an_unknown_key_type_is_refused(kty: str) -> None:
    """RFC 7517 §4.1: case counts."""
    with pytest.raises(JOSEError, match="unsupported_key"):
        Key.from_jwk({**SECRET, "kty": kty})


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_key_fits_only_its_own_algorithms(name: str) -> None:
    """RFC 8725 §3.1: without an `alg` it is every algorithm of its type, curve and size; with one, that one alone."""
    key = Key.generate(name)
    assert list(key.verifying_algorithms) == [name]
    expected = next((family for family in FAMILIES if name in family), {name})
    for other in set(NAMES) - {name}:
        with pytest.raises(JOSEError, match=f"key_not_usable.*{name} alone"):
            key.verifier(other)
        with pytest.raises(JOSEError, match=f"key_not_usable.*{name} alone"):
            key.signer(other)
    if key.kty == "AKP":  # there is no such key without an `alg` (RFC 9964 §3)
        return
    free = Key.from_jwk({member: value for member, value in key.to_jwk().items() if member != "alg"})
    assert set(free.verifying_algorithms) == expected
    for other in set(NAMES) - expected:
        with pytest.raises(JOSEError, match=r"key_not_usable.*does not fit"):
            free.verifier(other)
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        key.verifier("none")


@pytest.mark.parametrize(
    ("name", "alg"),
    [("ES256", "ES384"), ("ES256", "RS256"), ("EdDSA", "ES256"), ("ES256", "HS256"), ("EdDSA", "Ed448")],
)
def test_a_key_whose_alg_is_of_another_type_is_refused(name: str, alg: str) -> None:
    """RFC 7517 §4.4: above all a public key must not become an HMAC secret (RFC 8725 §2.1)."""
    key = Key.generate(name)
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({**key.to_jwk(), "alg": alg})
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_pem(key.to_pem(), alg=alg)
