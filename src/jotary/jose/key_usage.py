"""What a JWK says that it may be used for: kid, alg, use and key_ops (RFC 7517 §4.2 to §4.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jotary.jose.algorithms import ALGORITHMS, unsupported_algorithm
from jotary.jose.errors import JOSEError

_OPERATIONS = {
    "sig": frozenset({"sign", "verify"}),
    "enc": frozenset({"encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"}),
}
_PUBLIC_OPERATIONS = {"sign": "verify", "verify": "verify"}


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage members of a JWK, checked; None where it has none."""

    kid: str | None
    alg: str | None
    use: str | None
    key_ops: tuple[str, ...] | None

    def allows(self, operation: str) -> bool:
        """Tell whether the key may be used to ``sign`` or ``verify``."""
        return self.use in {None, "sig"} and (self.key_ops is None or operation in self.key_ops)


def from_jwk(jwk: Mapping[str, Any]) -> Usage:
    """Check the usage members of a JWK.

    Raises:
        JOSEError: ``invalid_key``, or ``unsupported_algorithm`` for an ``alg`` that is not known.
    """
    kid, alg, use = (_text(jwk, name) for name in ("kid", "alg", "use"))
    return checked(kid, alg, use, _operations(jwk))


def checked(kid: str | None, alg: str | None, use: str | None, key_ops: tuple[str, ...] | None) -> Usage:
    """Check that the usage members are known and agree.

    Raises:
        JOSEError: ``invalid_key``, or ``unsupported_algorithm`` for an ``alg`` that is not known.
    """
    if alg is not None and alg not in ALGORITHMS:
        raise unsupported_algorithm()
    if use in _OPERATIONS and key_ops is not None and not _OPERATIONS[use].issuperset(key_ops):
        raise JOSEError("invalid_key", "members 'use' and 'key_ops' contradict each other (RFC 7517 §4.3)")
    return Usage(kid, alg, use, key_ops)


def public_operations(key_ops: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return what the public half of a key pair may be used for."""
    if key_ops is None:
        return None
    return tuple(dict.fromkeys(_PUBLIC_OPERATIONS[name] for name in key_ops if name in _PUBLIC_OPERATIONS))


def _text(jwk: Mapping[str, Any], name: str) -> str | None:
    value = jwk.get(name)
    if name in jwk and not isinstance(value, str):
        raise JOSEError("invalid_key", f"member {name!r} must be a string")
    return value


def _operations(jwk: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "key_ops" not in jwk:
        return None
    names = jwk["key_ops"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise JOSEError("invalid_key", "member 'key_ops' must be an array of strings")
    if len(set(names)) != len(names):
        raise JOSEError("invalid_key", "member 'key_ops' names an operation twice (RFC 7517 §4.3)")
    return tuple(names)
