"""Octet key pairs, of which those on Ed25519 and Ed448 sign here (RFC 8037 §2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

from jotary.jose import base64url
from jotary.jose.errors import JOSEError
from jotary.jose.key_types.material import KeyType, Material, invalid, octets_of, provided

_PUBLIC = ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
_PRIVATE = ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve: bytes of either half of a key, and how the library makes keys on it."""

    size: int
    read_public: Callable[[bytes], _PUBLIC]
    read_private: Callable[[bytes], _PRIVATE]
    generate: Callable[[], _PRIVATE]
    prime: int
    eighth: int = 0  # y of a point of order eight, where there is one

    def has_small_order(self, public: bytes) -> bool:
        """Whether the point's order divides the cofactor: one signature then holds for many messages, or for all."""
        y = int.from_bytes(public, "little") % (1 << (self.size * 8 - 1)) % self.prime  # without the sign of x
        return y in {0, 1, self.prime - 1, self.eighth, (self.prime - self.eighth) % self.prime}


_CURVES = {
    "Ed25519": _Curve(  # RFC 8032 §5.1.5
        32,
        ed25519.Ed25519PublicKey.from_public_bytes,
        ed25519.Ed25519PrivateKey.from_private_bytes,
        ed25519.Ed25519PrivateKey.generate,
        (1 << 255) - 19,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    ),
    "Ed448": _Curve(  # RFC 8032 §5.2.5
        57,
        ed448.Ed448PublicKey.from_public_bytes,
        ed448.Ed448PrivateKey.from_private_bytes,
        ed448.Ed448PrivateKey.generate,
        (1 << 448) - (1 << 224) - 1,
    ),
}


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the members of an OKP JWK; with ``d`` it becomes a private key."""
    crv = jwk.get("crv")
    if not isinstance(crv, str):
        raise invalid("member 'crv' must be a string")
    curve = _CURVES.get(crv)
    if curve is None:
        raise JOSEError("unsupported_key", "an OKP key must be on Ed25519 or Ed448")
    x = octets_of(jwk, "x", curve.size)
    if "d" not in jwk:
        return _material(crv, provided(crv, curve.read_public, x), None)
    private = provided(crv, curve.read_private, octets_of(jwk, "d", curve.size))
    if private.public_key().public_bytes_raw() != x:
        raise invalid(f"the {crv} private key does not belong to the public key")
    return _material(crv, private.public_key(), private)


def from_object(key: object) -> Material | None:
    """Take an Ed25519 or Ed448 key of the cryptography library."""
    if isinstance(key, _PRIVATE):
        return _material(_name(key), key.public_key(), key)
    return _material(_name(key), key, None) if isinstance(key, _PUBLIC) else None


def generate(crv: str) -> _PRIVATE:
    """Make a private key on the curve.

    Raises:
        JOSEError: ``unsupported_key`` where the cryptography library lacks the curve.
    """
    return provided(crv, _CURVES[crv].generate)


def private_members(material: Material) -> dict[str, str]:
    """Return d, the seed (RFC 8037 §2)."""
    return {"d": base64url.encode(material.signing.private_bytes_raw())}


def _name(key: _PUBLIC | _PRIVATE) -> str:
    return "Ed448" if isinstance(key, ed448.Ed448PublicKey | ed448.Ed448PrivateKey) else "Ed25519"


def _material(crv: str, public: _PUBLIC, private: _PRIVATE | None) -> Material:
    octets, curve = public.public_bytes_raw(), _CURVES[crv]
    if curve.has_small_order(octets):  # RFC 8725 §3.4
        raise invalid(f"the {crv} public key is a point of small order, under which anybody can sign")
    members = {"crv": crv, "x": base64url.encode(octets)}
    return Material("OKP", crv, curve.size * 8, members, public, private)


OKP = KeyType("OKP", ("crv", "kty", "x"), from_jwk, from_object, private_members)
