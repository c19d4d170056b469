"""Octet key pairs, of which only Ed25519 signs here (RFC 8037 §2)."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from jotary.jose import base64url
from jotary.jose.errors import JOSEError
from jotary.jose.key_types.material import KeyType, Material, invalid, octets_of

_SIZE = 32  # RFC 8032 §5.1.5


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the members of an OKP JWK; with ``d`` it becomes a private key."""
    crv = jwk.get("crv")
    if not isinstance(crv, str):
        raise invalid("member 'crv' must be a string")
    if crv != "Ed25519":
        raise JOSEError("unsupported_key", "an OKP key must be on Ed25519")
    x = octets_of(jwk, "x", _SIZE)
    if "d" not in jwk:
        return _material(ed25519.Ed25519PublicKey.from_public_bytes(x))
    private = ed25519.Ed25519PrivateKey.from_private_bytes(octets_of(jwk, "d", _SIZE))
    if private.public_key().public_bytes_raw() != x:
        raise invalid("the Ed25519 private key does not belong to the public key")
    return _material(private)


def from_object(key: object) -> Material | None:
    """Take an Ed25519 key of the cryptography library."""
    if not isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return None
    return _material(key)


def private_members(material: Material) -> dict[str, str]:
    """Return d, the seed (RFC 8037 §2)."""
    return {"d": base64url.encode(material.signing.private_bytes_raw())}


def _material(key: ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey) -> Material:
    private = key if isinstance(key, ed25519.Ed25519PrivateKey) else None
    public = key.public_key() if isinstance(key, ed25519.Ed25519PrivateKey) else key
    members = {"crv": "Ed25519", "x": base64url.encode(public.public_bytes_raw())}
    return Material("OKP", "Ed25519", _SIZE * 8, members, public, private)


OKP = KeyType("OKP", ("crv", "kty", "x"), from_jwk, from_object, private_members)
