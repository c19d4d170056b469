"""What a key is made of, once its members have been checked, and how a key type reads and writes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm

from jotary.jose import base64url
from jotary.jose.errors import JOSEError

_Arguments = ParamSpec("_Arguments")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A checked key of some type.

    Attributes:
        kty: the key type.
        variant: the curve, or whatever else parts the keys of the type; None where nothing does.
        bits: the size that security is judged by: of the modulus, the curve or the secret.
        public: the public JWK members but ``kty``, with ``alg`` where the type requires it; for a symmetric key none.
        verifying: the cryptography public key, or the bytes of a symmetric key.
        signing: the cryptography private key, the bytes of a symmetric key, or None.
    """

    kty: str
    variant: str | None
    bits: int
    public: dict[str, str]
    verifying: Any = field(repr=False)
    signing: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyType:
    """One row per key type.

    Attributes:
        kty: its name in a JWK.
        thumbprint_members: the required members that RFC 7638 §3.2 hashes, ``kty`` included.
        from_jwk: checks the type's members of a JWK; raises JOSEError.
        from_object: takes a cryptography key object (or bytes), or returns None when it is of another type.
        private_members: the private JWK members of a key that has them.
    """

    kty: str
    thumbprint_members: tuple[str, ...]
    from_jwk: Callable[[Mapping[str, Any]], Material]
    from_object: Callable[[object], Material | None]
    private_members: Callable[[Material], dict[str, str]]


def invalid(hint: str) -> JOSEError:
    """Return the error for a key that breaks a rule of its type."""
    return JOSEError("invalid_key", hint)


def octets(jwk: Mapping[str, Any], name: str) -> bytes:
    """Return the bytes of a base64url member, which must be a string that is not empty."""
    text = jwk.get(name)
    if not isinstance(text, str) or not text:
        raise invalid(f"member {name!r} must be a base64url string")
    try:
        return base64url.decode(text)
    except JOSEError:
        pass  # raised below, so that the refusal says which member it is
    raise invalid(f"member {name!r} must be base64url without padding (RFC 7515 §2)")


def octets_of(jwk: Mapping[str, Any], name: str, size: int) -> bytes:
    """Return the bytes of a member that must have exactly this many."""
    data = octets(jwk, name)
    if len(data) != size:
        raise invalid(f"member {name!r} must be exactly {size} bytes")
    return data


def provided(name: str, make: Callable[_Arguments, _Key], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Key:
    """Make a key of a kind that not every build of the cryptography library has.

    Raises:
        JOSEError: ``unsupported_key``, so that one key of a set does not cost the others.
    """
    try:
        return make(*args, **kwargs)
    except UnsupportedAlgorithm:
        pass  # raised below, so that the refusal carries no context
    raise JOSEError("unsupported_key", f"the cryptography library was built without {name}")
