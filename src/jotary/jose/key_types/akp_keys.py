"""Algorithm key pairs, whose ``alg`` says what their bytes mean; here those of ML-DSA (RFC 9964 §3 to §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import mldsa

from jotary.jose import base64url
from jotary.jose.errors import JOSEError
from jotary.jose.key_types.material import KeyType, Material, invalid, octets_of, provided

_SEED = 32  # bytes: RFC 9964 §4 has no other form of the private key


@dataclass(frozen=True, slots=True)
class _ParameterSet:
    """One of FIPS 204: bytes of a public key, and the library's types for it."""

    size: int
    public: Any
    private: Any


_PARAMETER_SETS = {
    "ML-DSA-44": _ParameterSet(1312, mldsa.MLDSA44PublicKey, mldsa.MLDSA44PrivateKey),
    "ML-DSA-65": _ParameterSet(1952, mldsa.MLDSA65PublicKey, mldsa.MLDSA65PrivateKey),
    "ML-DSA-87": _ParameterSet(2592, mldsa.MLDSA87PublicKey, mldsa.MLDSA87PrivateKey),
}


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the members of an AKP JWK; with ``priv`` it becomes a private key."""
    alg = jwk.get("alg")
    if not isinstance(alg, str):
        raise invalid("member 'alg' must be a string: an AKP key is for one algorithm (RFC 9964 §3)")
    parameters = _PARAMETER_SETS.get(alg)
    if parameters is None:
        raise JOSEError("unsupported_key", f"an AKP key must be for one of {', '.join(_PARAMETER_SETS)}")
    pub = octets_of(jwk, "pub", parameters.size)
    if "priv" not in jwk:
        return _material(alg, provided(alg, parameters.public.from_public_bytes, pub), None)
    private = provided(alg, parameters.private.from_seed_bytes, octets_of(jwk, "priv", _SEED))
    # RFC 9964 §7.4
    if private.public_key().public_bytes_raw() != pub:
        raise invalid(f"the {alg} private key does not belong to the public key")
    return _material(alg, private.public_key(), private)


def from_object(key: object) -> Material | None:
    """Take an ML-DSA key of the cryptography library."""
    for alg, parameters in _PARAMETER_SETS.items():
        if isinstance(key, parameters.private):
            return _material(alg, key.public_key(), key)
        if isinstance(key, parameters.public):
            return _material(alg, key, None)
    return None


def generate(alg: str) -> Any:
    """Make a private key for the algorithm.

    Raises:
        JOSEError: ``unsupported_key`` where the cryptography library lacks ML-DSA.
    """
    return provided(alg, _PARAMETER_SETS[alg].private.generate)


def private_members(material: Material) -> dict[str, str]:
    """Return priv, the seed (RFC 9964 §4)."""
    return {"priv": base64url.encode(material.signing.private_bytes_raw())}


def _material(alg: str, public: Any, private: Any) -> Material:
    pub = public.public_bytes_raw()
    return Material("AKP", alg, len(pub) * 8, {"alg": alg, "pub": base64url.encode(pub)}, public, private)


AKP = KeyType("AKP", ("alg", "kty", "pub"), from_jwk, from_object, private_members)
