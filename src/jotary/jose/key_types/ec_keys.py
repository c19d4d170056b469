"""Elliptic curve keys on P-256, P-384 and P-521 (RFC 7518 §6.2)."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from jotary.jose import base64url
from jotary.jose.errors import JOSEError
from jotary.jose.key_types.material import KeyType, Material, invalid, octets_of

_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_NAMES = {curve.name: crv for crv, curve in _CURVES.items()}


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the members of an EC JWK; with ``d`` it becomes a private key."""
    crv = jwk.get("crv")
    if not isinstance(crv, str):
        raise invalid("member 'crv' must be a string")
    curve = _CURVES.get(crv)
    if curve is None:
        raise JOSEError("unsupported_key", "an EC key must be on P-256, P-384 or P-521")
    size = _size(curve)
    # RFC 7518 §6.2.1.2: a coordinate is always as long as the field
    x, y = (int.from_bytes(octets_of(jwk, name, size), "big") for name in ("x", "y"))
    public = _on_curve(x, y, curve)
    if "d" not in jwk:
        return _material(public)
    private = _derived(int.from_bytes(octets_of(jwk, "d", size), "big"), curve)
    if private.public_key().public_numbers() != public.public_numbers():
        raise invalid("the EC private key does not belong to the public key")
    return _material(private)


def from_object(key: object) -> Material | None:
    """Take an EC key of the cryptography library."""
    if not isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return None
    if key.curve.name not in _NAMES:
        raise JOSEError("unsupported_key", "an EC key must be on P-256, P-384 or P-521")
    return _material(key)


def private_members(material: Material) -> dict[str, str]:
    """Return d, as long as the field (RFC 7518 §6.2.2.1)."""
    key: ec.EllipticCurvePrivateKey = material.signing
    return {"d": _text(key.private_numbers().private_value, _size(key.curve))}


def _on_curve(x: int, y: int, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError:
        pass  # raised below, so that the refusal carries no context
    raise invalid("the EC public key is not a point of its curve")


def _derived(secret: int, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(secret, curve)
    except ValueError:
        pass  # raised below, so that the refusal carries no context
    raise invalid("the EC private key is out of range")


def _material(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> Material:
    private = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    numbers = public.public_numbers()
    crv, size = _NAMES[public.curve.name], _size(public.curve)
    members = {"crv": crv, "x": _text(numbers.x, size), "y": _text(numbers.y, size)}
    return Material("EC", crv, public.curve.key_size, members, public, private)


def _size(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def _text(value: int, size: int) -> str:
    return base64url.encode(value.to_bytes(size, "big"))


EC = KeyType("EC", ("crv", "kty", "x", "y"), from_jwk, from_object, private_members)
