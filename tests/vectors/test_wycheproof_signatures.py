"""Wycheproof's files for the signature algorithms themselves, through the keys and rows that tokens go through."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from jotary.jose import JOSEError, Key, base64url

Cases = Callable[[str], list[Any]]
Ran = Callable[[str], None]

RSA = [(bits, digest) for bits in (2048, 3072, 4096) for digest in (256, 384, 512)]
PSS = [(2048, 256, 32), (2048, 384, 48), (3072, 256, 32), (4096, 256, 32), (4096, 384, 48), (4096, 512, 64)]


def holds(key: Key, algorithm: str, signature: bytes, message: bytes) -> bool:
    """Whether the signature verifies with the key under the algorithm."""
    try:
        key.verifier(algorithm)(signature, message)
    except InvalidSignature:
        return False
    return True


def wrongly_judged(cases: list[Any], algorithm: str, key_of: Callable[[Any], Key]) -> list[int]:
    """The cases whose verdict is not the published one. `acceptable` must be refused: there is one right encoding."""
    return [case.id for case in cases if judged(case, algorithm, key_of(case)) is not case.is_valid]


def from_pem(case: Any) -> Key:
    """The key of a case's group, from its PEM."""
    return Key.from_pem(case.group["publicKeyPem"])


def akp(case: Any, name: str) -> Key:
    """The key of a case's group, as an AKP JWK."""
    pub = base64url.encode(bytes.fromhex(case.group["publicKey"]))
    return Key.from_jwk({"kty": "AKP", "alg": name, "pub": pub})


def in_pem(case: Any) -> Key:
    """The key of a case's group, whose file has it in DER, in PEM."""
    text = base64.encodebytes(bytes.fromhex(case.group["publicKeyDer"])).decode()
    return Key.from_pem(f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n")


def judged(case: Any, algorithm: str, key: Key) -> bool:
    """Whether a case's signature verifies."""
    return holds(key, algorithm, case.octets("sig"), case.octets("msg"))


@pytest.mark.parametrize(
    ("name", "algorithm", "count", "jwks"),
    [
        ("ecdsa_secp256r1_sha256_p1363_test", "ES256", 262, 252),
        ("ecdsa_secp384r1_sha384_p1363_test", "ES384", 280, 270),
        ("ecdsa_secp521r1_sha512_p1363_test", "ES512", 318, 308),
        ("ed25519_test", "EdDSA", 151, 151),
        ("ed25519_test", "Ed25519", 151, 151),
        ("ed448_test", "Ed448", 87, 87),
    ],
)
def test_curves(name: str, algorithm: str, count: int, jwks: int, wycheproof: Cases, ran: Ran) -> None:
    """ECDSA over r and s side by side (RFC 7518 §3.4); EdDSA by its old name (RFC 8037) and the new ones (RFC 9864)."""
    cases = wycheproof(name)
    assert wrongly_judged(cases, algorithm, from_pem) == []
    with_jwk = [case for case in cases if "publicKeyJwk" in case.group]
    assert wrongly_judged(with_jwk, algorithm, lambda case: Key.from_jwk(case.group["publicKeyJwk"])) == []
    assert (len(cases), len(with_jwk)) == (count, jwks)
    ran(f"wycheproof {name}, {algorithm}: {count} cases with PEM keys, {jwks} with JWKs")


@pytest.mark.parametrize(("size", "count", "contexts"), [(44, 180, 7), (65, 210, 7), (87, 241, 7)])
def test_ml_dsa(size: int, count: int, contexts: int, wycheproof: Cases, ran: Ran) -> None:
    """Pure ML-DSA and keys of one length (RFC 9964 §5).

    The context is always empty: what was signed under another one is refused, the two valid cases of each file as well.
    """
    name = f"ML-DSA-{size}"
    cases = wycheproof(f"mldsa_{size}_verify_test")
    wrong = [case for case in cases if "IncorrectPublicKeyLength" in case.fields["flags"]]
    for case in wrong:
        with pytest.raises(JOSEError, match=r"invalid_key.*exactly \d+ bytes"):
            akp(case, name)
        with pytest.raises(JOSEError, match="invalid_key"):
            in_pem(case)
    with_context = [case for case in cases if case.fields.get("ctx")]
    assert not [case.id for case in with_context if judged(case, name, akp(case, name))]
    plain = [case for case in cases if case not in wrong and case not in with_context]
    assert wrongly_judged(plain, name, lambda case: akp(case, name)) == []
    assert wrongly_judged(plain, name, in_pem) == []
    assert (len(cases), len(wrong), len(with_context)) == (count, 4, contexts)
    ran(f"wycheproof mldsa_{size}_verify: {len(plain)} cases; 4 keys refused, {contexts} with a context refused")


@pytest.mark.parametrize(("bits", "digest"), RSA)
def test_rsa_pkcs1(bits: int, digest: int, wycheproof: Cases, ran: Ran) -> None:
    """RSASSA-PKCS1-v1_5 (RFC 7518 §3.3). Keys with the exponent 3 are refused, so that their cases are not judged."""
    cases = wycheproof(f"rsa_signature_{bits}_sha{digest}_test")
    small: list[Any] = []
    usable: list[Any] = []
    for case in cases:
        (small if case.group["publicKey"]["publicExponent"] == "03" else usable).append(case)
    assert wrongly_judged(usable, f"RS{digest}", from_pem) == []
    for case in small:
        with pytest.raises(JOSEError, match="exponent"):
            from_pem(case)
    assert len(usable) >= 257
    assert len(small) <= 2
    ran(f"wycheproof rsa_signature_{bits}_sha{digest}: {len(usable)} cases, {len(small)} with e = 3 refused")


@pytest.mark.parametrize(("bits", "digest", "salt"), PSS)
def test_rsa_pss(bits: int, digest: int, salt: int, wycheproof: Cases, ran: Ran) -> None:
    """RSASSA-PSS with a salt as long as the hash (RFC 7518 §3.5)."""
    cases = wycheproof(f"rsa_pss_{bits}_sha{digest}_mgf1_{salt}_test")
    assert wrongly_judged(cases, f"PS{digest}", from_pem) == []
    assert wrongly_judged(cases, f"PS{digest}", lambda case: Key.from_jwk(case.group["publicKeyJwk"])) == []
    assert len(cases) >= 100
    ran(f"wycheproof rsa_pss_{bits}_sha{digest}_mgf1_{salt}: {len(cases)} cases")


@pytest.mark.parametrize(
    ("name", "jose"),
    [("rsa_pss_2048_sha256_mgf1_0_test", {"s_len changed to 32"}), ("rsa_pss_4096_sha512_mgf1_32_test", set())],
)
def test_rsa_pss_with_another_salt_length_is_refused(name: str, jose: set[str], wycheproof: Cases, ran: Ran) -> None:
    """These are good PSS signatures, but RFC 7518 §3.5 fixes the length of the salt to that of the hash.

    Accepted, then, is what each file holds as a forgery because its salt has JOSE's length.
    """
    cases = wycheproof(name)
    algorithm = {"SHA-256": "PS256", "SHA-512": "PS512"}[cases[0].group["sha"]]
    found = {c.fields["comment"] for c in cases if holds(from_pem(c), algorithm, c.octets("sig"), c.octets("msg"))}
    assert found == jose
    assert len(cases) >= 100
    ran(f"wycheproof {name}: {len(cases)} cases, refused but for a salt as long as the hash")


def test_rsa_pss_takes_one_combination_of_hash_mask_and_salt(wycheproof: Cases, ran: Ran) -> None:
    """Of all 150 combinations in rsa_pss_misc_test.json, each algorithm accepts the one of RFC 7518 §3.5."""
    cases = wycheproof("rsa_pss_misc_test")
    found = {
        (algorithm, case.group["sha"], case.group["mgfSha"], case.group["sLen"])
        for case in cases
        for algorithm in ("PS256", "PS384", "PS512")
        if holds(from_pem(case), algorithm, case.octets("sig"), case.octets("msg"))
    }
    assert found == {
        ("PS256", "SHA-256", "SHA-256", 32),
        ("PS384", "SHA-384", "SHA-384", 48),
        ("PS512", "SHA-512", "SHA-512", 64),
    }
    assert len(cases) == 150
    ran(f"wycheproof rsa_pss_misc_test: {len(cases)} cases, of which three are JOSE's")


@pytest.mark.parametrize("digest", [256, 384, 512])
def test_hmac(digest: int, wycheproof: Cases, ran: Ran) -> None:
    """HMAC with whole tags, and keys as long as the hash or longer (RFC 7518 §3.2)."""
    cases = wycheproof(f"hmac_sha{digest}_test")
    whole = [case for case in cases if case.group["keySize"] >= digest and case.group["tagSize"] == digest]
    for case in cases:
        key = Key.from_jwk({"kty": "oct", "k": base64url.encode(case.octets("key"))})
        if case.group["keySize"] < digest:
            with pytest.raises(JOSEError, match="key_not_usable"):
                key.verifier(f"HS{digest}")
        else:
            expected = case.is_valid and case in whole
            assert holds(key, f"HS{digest}", case.octets("tag"), case.octets("msg")) is expected, case.id
    assert (len(cases), len(whole)) == (174, 84)
    ran(f"wycheproof hmac_sha{digest}: {len(whole)} cases, 90 refused: short keys and cut tags")
