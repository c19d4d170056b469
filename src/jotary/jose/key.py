"""A key for signatures: read once, checked once, bound to the algorithms that it may be used with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from jotary.jose import base64url, key_usage, pem, strict_json
from jotary.jose.algorithms import ALGORITHMS, unsupported_algorithm
from jotary.jose.errors import JOSEError
from jotary.jose.key_types import KEY_TYPES, Material
from jotary.jose.key_usage import Usage
from jotary.jose.signatures import Sign, Verify

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})  # RFC 7518 §6, RFC 8037, RFC 9964


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Key:
    """A JSON Web Key whose members were all checked when it was read (RFC 7517 §4).

    Keys are made by ``from_jwk``, ``from_pem`` and ``generate``. They compare by identity and never print what is
    secret.

    Attributes:
        kid: the key's name among others, or None.
        alg: the only algorithm that it may be used with, or None for every one that fits.
        use: ``sig``, ``enc`` or None.
        key_ops: the operations that it may be used for, or None for all.
    """

    kid: str | None
    alg: str | None
    use: str | None
    key_ops: tuple[str, ...] | None
    _material: Material
    _verifiers: dict[str, Verify] = field(default_factory=dict)
    _signers: dict[str, Sign] = field(default_factory=dict)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Key":
        """Read a JWK, public or private.

        Raises:
            JOSEError: ``unsupported_key`` for a key type or curve that is not known, or an AKP key of another
                algorithm; ``unsupported_algorithm`` for an ``alg`` that is not known; ``invalid_key`` for everything
                else.
        """
        kty = _key_type_name(jwk)
        key_type = KEY_TYPES.get(kty)
        if key_type is None:
            raise JOSEError("unsupported_key", f"a key type must be one of {', '.join(KEY_TYPES)}")
        return cls._bound(key_type.from_jwk(jwk), key_usage.from_jwk(jwk))

    @classmethod
    def from_public_jwk(cls, jwk: Mapping[str, Any]) -> "Key":
        """Read a JWK that comes from somebody else, who must not send a private or a symmetric key.

        Such a key is refused before any arithmetic: checking private members can cost a second.

        Raises:
            JOSEError: as ``from_jwk``.
        """
        if _key_type_name(jwk) == "oct":
            raise JOSEError("invalid_key", "a symmetric key has no place where a public key is expected")
        if not _PRIVATE_MEMBERS.isdisjoint(jwk):
            raise JOSEError("invalid_key", "the key was sent with its private part, and so is no secret any more")
        return cls.from_jwk(jwk)

    @classmethod
    def from_pem(
        cls, text: str | bytes, *, kid: str | None = None, alg: str | None = None, use: str | None = None
    ) -> "Key":
        """Read a public key (SPKI or PKCS #1) or an unencrypted private key (PKCS #8, PKCS #1 or SEC 1) in PEM.

        Raises:
            JOSEError: as ``from_jwk``.
        """
        return cls._bound(pem.read(text), key_usage.checked(kid, alg, use, None))

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None) -> "Key":
        """Make a private key for one algorithm.

        Args:
            alg: the algorithm's name, such as ``ES256``.
            kid: its name; by default the RFC 7638 thumbprint, and none for a symmetric key (RFC 7638 §7).

        Raises:
            JOSEError: ``unsupported_algorithm``; ``unsupported_key`` where the cryptography library lacks it.
        """
        row = ALGORITHMS.get(alg)
        if row is None:
            raise unsupported_algorithm()
        material = KEY_TYPES[row.kty].from_object(row.generate())
        if material is None:
            raise JOSEError("unsupported_key", f"no key type takes the keys of {alg}")
        if kid is None and material.public:
            kid = _thumbprint(material)
        return cls._bound(material, key_usage.checked(kid, alg, "sig", None))

    @classmethod
    def _bound(cls, material: Material, usage: Usage) -> "Key":
        rows = [row for row in ALGORITHMS.values() if row.fits(material.kty, material.variant, material.bits)]
        if usage.alg is None and "alg" in material.public:
            usage = replace(usage, alg=material.public["alg"])  # RFC 9964 §3: also where the key comes from PEM
        if usage.alg is not None:
            rows = [row for row in rows if row.name == usage.alg]
            if not rows:
                raise JOSEError("invalid_key", f"a key for {usage.alg} must have its type, curve and size")
        key = cls(usage.kid, usage.alg, usage.use, usage.key_ops, material)
        if usage.allows("verify"):
            key._verifiers.update({row.name: row.verifier(material.verifying) for row in rows})
        if usage.allows("sign") and material.signing is not None:
            key._signers.update({row.name: row.signer(material.signing) for row in rows})
        return key

    @property
    def kty(self) -> str:
        """The key type: ``RSA``, ``EC``, ``OKP``, ``AKP`` or ``oct``."""
        return self._material.kty

    @property
    def is_private(self) -> bool:
        """Whether it holds the private part. A symmetric key always does."""
        return self._material.signing is not None

    @property
    def is_symmetric(self) -> bool:
        """Whether whoever can verify with it can also sign."""
        return not self._material.public

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """Return the key as a JWK; the private members only when asked for.

        Raises:
            JOSEError: ``key_not_usable`` when private members are asked for and it has none, or when it is symmetric
                and they are not asked for.
        """
        if private and not self.is_private:
            raise JOSEError("key_not_usable", "the key has no private part")
        if self.is_private and not private:
            return self.public().to_jwk()
        operations = None if self.key_ops is None else list(self.key_ops)
        usage = {"kid": self.kid, "use": self.use, "alg": self.alg, "key_ops": operations}
        return {
            "kty": self.kty,
            **{name: value for name, value in usage.items() if value is not None},
            **self._material.public,
            **(KEY_TYPES[self.kty].private_members(self._material) if private else {}),
        }

    def to_pem(self, *, private: bool = False) -> str:
        """Return the key as PEM: SubjectPublicKeyInfo, or unencrypted PKCS #8 when the private part is asked for.

        Raises:
            JOSEError: ``key_not_usable`` for a symmetric key, or when it has no private part.
        """
        return pem.write(self._material, private=private)

    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint (RFC 7638 §3, RFC 8037 §2, RFC 9964 §6).

        That of a symmetric key is as secret as a hash.
        """
        return _thumbprint(self._material)

    def public(self) -> "Key":
        """Return the key without its private part.

        Raises:
            JOSEError: ``key_not_usable`` for a symmetric key, which has no public part.
        """
        if self.is_symmetric:
            raise JOSEError("key_not_usable", "a symmetric key has no public part")
        if not self.is_private:
            return self
        material = self._material
        public = Material(material.kty, material.variant, material.bits, material.public, material.verifying, None)
        operations = key_usage.public_operations(self.key_ops)
        return Key._bound(public, Usage(self.kid, self.alg, self.use, operations))

    def verifier(self, algorithm: str, kid: str | None = None) -> Verify:  # noqa: ARG002 -- the shape of KeySet.verifier
        """Return the function of (signature, message) that verifies.

        Args:
            algorithm: the header's ``alg``.
            kid: not looked at; the caller has chosen the key.

        Raises:
            JOSEError: ``key_not_usable``.
        """
        verify = self._verifiers.get(algorithm)
        if verify is None:
            raise self._unusable(algorithm, "verify")
        return verify

    def signer(self, algorithm: str) -> Sign:
        """Return the function from message to signature.

        Raises:
            JOSEError: ``key_not_usable``.
        """
        sign = self._signers.get(algorithm)
        if sign is None:
            raise self._unusable(algorithm, "sign")
        return sign

    @property
    def verifying_algorithms(self) -> Collection[str]:
        """The names of the algorithms that it may verify."""
        return self._verifiers.keys()

    def _unusable(self, algorithm: str, operation: str) -> JOSEError:
        if algorithm not in ALGORITHMS:
            return unsupported_algorithm()
        if self.use not in {None, "sig"}:
            return JOSEError("key_not_usable", f"the key's 'use' is {self.use!r}, not 'sig' (RFC 7517 §4.2)")
        if self.key_ops is not None and operation not in self.key_ops:
            return JOSEError("key_not_usable", f"the key's 'key_ops' do not name {operation!r} (RFC 7517 §4.3)")
        if self.alg not in {None, algorithm}:
            return JOSEError("key_not_usable", f"the key is for {self.alg} alone (RFC 7517 §4.4)")
        if operation == "sign" and not self.is_private:
            return JOSEError("key_not_usable", "a public key cannot sign")
        return JOSEError(
            "key_not_usable", f"a key of type {self.kty} of this curve and size does not fit the algorithm"
        )

    def __repr__(self) -> str:
        """Return what is public."""
        part = "private" if self.is_private else "public"
        return f"<Key kty={self.kty} kid={self.kid!r} alg={self.alg} {part}>"


def _key_type_name(jwk: object) -> str:
    """Return ``kty`` of what came out of a token or a key set, and so can be anything."""
    kty = jwk.get("kty") if isinstance(jwk, Mapping) else None
    if not isinstance(kty, str):
        raise JOSEError("invalid_key", "a JWK is an object with a string 'kty' (RFC 7517 §4.1)")
    return kty


def _thumbprint(material: Material) -> str:
    """Hash the required members in the order of their names (RFC 7638 §3)."""
    key_type = KEY_TYPES[material.kty]
    members = {"kty": material.kty, **(material.public or key_type.private_members(material))}
    required = {name: members[name] for name in key_type.thumbprint_members}
    return base64url.encode(sha256(strict_json.dumps(required)).digest())
