"""The keys of a run: the issuer's, and those of a stranger under the same names."""

from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fuzz.oracle import Published
from jotary.jose import Key, KeySet

#: What the verifiers take, and how often of a hundred a token is of that kind: RSA and ML-DSA sign slowly.
WEIGHTS = {"ES256": 50, "EdDSA": 38, "RS256": 8, "ML-DSA-44": 4}
ALGORITHMS = frozenset(WEIGHTS)
#: Published by the issuer, and taken by no verifier.
UNWANTED = "ES512"


class Keys(NamedTuple):
    """Keys by algorithm; those of the stranger have the issuer's kids."""

    issuer: dict[str, Key]
    stranger: dict[str, Key]

    @classmethod
    def generate(cls) -> "Keys":
        """Make new ones."""
        issuer = {name: Key.generate(name, kid=f"{name.lower()}-1") for name in (*WEIGHTS, UNWANTED)}
        return cls(issuer, {name: Key.generate(name, kid=key.kid) for name, key in issuer.items()})

    @classmethod
    def from_document(cls, document: dict[str, dict[str, dict[str, str]]]) -> "Keys":
        """Read what `to_document` wrote."""
        issuer, stranger = (
            {name: Key.from_jwk(jwk) for name, jwk in document[owner].items()} for owner in ("issuer", "stranger")
        )
        return cls(issuer, stranger)

    def to_document(self) -> dict[str, dict[str, dict[str, str]]]:
        """All of them, private members too: they are worth nothing outside of the run, and a finding needs them."""
        return {
            "issuer": {name: key.to_jwk(private=True) for name, key in self.issuer.items()},
            "stranger": {name: key.to_jwk(private=True) for name, key in self.stranger.items()},
        }

    @property
    def key_set(self) -> KeySet:
        """What the issuer publishes."""
        return KeySet(self.issuer.values())

    @property
    def published(self) -> dict[str, Published]:
        """The same for the oracle, as `cryptography` reads it."""
        return {
            key.kid or "": Published(name, load_pem_public_key(key.to_pem().encode()))
            for name, key in self.issuer.items()
        }
