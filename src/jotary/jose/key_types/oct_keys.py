"""Symmetric keys (RFC 7518 §6.4)."""

import re
from collections.abc import Mapping
from typing import Any

from jotary.jose import base64url
from jotary.jose.key_types.material import KeyType, Material, invalid, octets

# A public key taken for an HMAC secret lets anybody sign; so whatever reads like one is no secret.
_PUBLISHED = re.compile(rb"-----BEGIN |ssh-(rsa|ed25519|dss) |ecdsa-sha2-")


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the member of a symmetric JWK."""
    return _material(octets(jwk, "k"))


def from_object(key: object) -> Material | None:
    """Take the bytes of a symmetric key."""
    return _material(key) if isinstance(key, bytes) else None


def private_members(material: Material) -> dict[str, str]:
    """Return k."""
    return {"k": base64url.encode(material.signing)}


def _material(secret: bytes) -> Material:
    if _PUBLISHED.search(secret):
        raise invalid("a PEM or SSH key is no symmetric key; use Key.from_pem")
    return Material("oct", None, len(secret) * 8, {}, secret, secret)


OCT = KeyType("oct", ("k", "kty"), from_jwk, from_object, private_members)
