"""RSA keys (RFC 7518 §6.3)."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from jotary.jose import base64url
from jotary.jose.key_types import roca
from jotary.jose.key_types.material import KeyType, Material, invalid, octets

MINIMUM_BITS = 2048  # RFC 7518 §3.3
MAXIMUM_BITS = 8192  # a larger modulus lets whoever publishes a key set burn the verifier's time
# NIST SP 800-56B §6.2: odd, above 2^16. Small exponents have a record of PKCS #1 v1.5 forgeries (e = 3); above 2^32 a
# verification only gets dearer.
MINIMUM_EXPONENT = 65_537
MAXIMUM_EXPONENT = (1 << 32) - 1
_AnyKey = TypeVar("_AnyKey", rsa.RSAPublicKey, rsa.RSAPrivateKey)
_CRT = ("p", "q", "dp", "dq", "qi")


def from_jwk(jwk: Mapping[str, Any]) -> Material:
    """Check the members of an RSA JWK; with ``d`` it becomes a private key."""
    n, e = _integer(jwk, "n"), _integer(jwk, "e")
    _check_public(n, e)
    if "d" in jwk:
        return _material(_private(jwk, n, e))
    if any(name in jwk for name in (*_CRT, "oth")):
        raise invalid("an RSA key with private members needs 'd' (RFC 7518 §6.3.2)")
    return _material(_built(rsa.RSAPublicNumbers(e, n).public_key))


def from_object(key: object) -> Material | None:
    """Take an RSA key of the cryptography library."""
    if not isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return None
    numbers = (key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key).public_numbers()
    _check_public(numbers.n, numbers.e)
    return _material(key)


def private_members(material: Material) -> dict[str, str]:
    """Return d and all of the CRT members (RFC 7518 §6.3.2)."""
    numbers = material.signing.private_numbers()
    values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return {name: _text(value) for name, value in zip(("d", *_CRT), values, strict=True)}


def _check_public(n: int, e: int) -> None:
    if not MINIMUM_BITS <= n.bit_length() <= MAXIMUM_BITS:
        raise invalid(f"an RSA modulus must have {MINIMUM_BITS} to {MAXIMUM_BITS} bits")
    if not MINIMUM_EXPONENT <= e <= MAXIMUM_EXPONENT or e % 2 == 0:
        raise invalid("an RSA public exponent must be odd, at least 65537 and below 2^32")
    if n % 2 == 0:
        raise invalid("an RSA modulus must be odd")
    if roca.is_weak(n):
        raise invalid("the RSA key comes from a broken generator and can be factored (CVE-2017-15361)")


def _private(jwk: Mapping[str, Any], n: int, e: int) -> rsa.RSAPrivateKey:
    if "oth" in jwk:
        raise invalid("RSA keys with more than two primes are not supported")
    d = _integer(jwk, "d")
    if d >= n:
        raise invalid("an RSA private exponent must be below the modulus (RFC 8017 §3.2)")
    if any(name in jwk for name in _CRT):
        # RFC 7518 §6.3.2: with one of them, all of them
        p, q, dp, dq, qi = (_integer(jwk, name) for name in _CRT)
    else:
        p, q, dp, dq, qi = _factors(n, e, d)
    return _built(rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key)


def _factors(n: int, e: int, d: int) -> tuple[int, int, int, int, int]:
    """Find the primes in one pass (NIST SP 800-56B Rev. 2, C.2): guessing lasts as long as who made the key likes."""
    multiple = d * e - 1
    whole, rest = divmod(multiple * math.gcd(n - 1, multiple), n)
    total = (n - rest) // (whole + 1) + 1  # p + q, if d belongs to n
    square = total * total - 4 * n  # (p - q)²
    difference = math.isqrt(max(square, 0))
    if difference * difference != square:
        raise invalid("the RSA private exponent does not belong to the public key")
    p, q = (total + difference) // 2, (total - difference) // 2
    return p, q, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)


def _built(build: Callable[[], _AnyKey]) -> _AnyKey:
    try:
        return build()
    except (ValueError, UnsupportedAlgorithm):
        pass  # raised below, so that the refusal carries no context
    raise invalid("the members of the RSA key do not belong together")


def _material(key: rsa.RSAPublicKey | rsa.RSAPrivateKey) -> Material:
    private = key if isinstance(key, rsa.RSAPrivateKey) else None
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    numbers = public.public_numbers()
    members = {"n": _text(numbers.n), "e": _text(numbers.e)}
    return Material("RSA", None, numbers.n.bit_length(), members, public, private)


def _integer(jwk: Mapping[str, Any], name: str) -> int:
    """Return a Base64urlUInt member: big-endian, no leading zero byte (RFC 7518 §2)."""
    data = octets(jwk, name)
    if data[0] == 0:
        raise invalid(f"member {name!r} must be written in the fewest bytes (RFC 7518 §2)")
    return int.from_bytes(data, "big")


def _text(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


RSA = KeyType("RSA", ("e", "kty", "n"), from_jwk, from_object, private_members)
