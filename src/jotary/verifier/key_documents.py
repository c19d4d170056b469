"""The keys of an issuer as it publishes them: a JWK Set, or certificates by key id; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from jotary.jose import IgnoredKey, JOSEError, Key, KeySet
from jotary.tokens.token_profile import TokenProfile

_MAX_CERTIFICATE = 65_536  # characters


class IssuerKeySet(KeySet):
    """A key set whose keys may each say for which issuer they sign.

    Args:
        keys: of a private key the public part is taken.
        ignored: the keys of the document that cannot be used.
        issuers: by kid, the issuer that the key names.
    """

    __slots__ = ("issuers",)

    def __init__(
        self, keys: Iterable[Key] = (), *, ignored: Iterable[IgnoredKey] = (), issuers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(keys, ignored=ignored)
        self.issuers = dict(issuers or {})

    def to_jwks(self) -> dict[str, Any]:
        """Return the set as a JWK Set, so that a key which changes its issuer counts as changed."""
        entries = super().to_jwks()["keys"]
        named = [(key, self.issuers.get(key.get("kid", ""))) for key in entries]
        return {"keys": [key if issuer is None else {**key, "issuer": issuer} for key, issuer in named]}


def read_keys(document: Mapping[str, Any], profile: TokenProfile | None = None) -> KeySet:
    """Read what an issuer publishes; keys that cannot be used, or that are not for these tokens, are left out.

    Raises:
        JOSEError: it is not of the form that the profile says.
    """
    if profile is None:
        return KeySet.from_jwks(document)
    if profile.key_format == "certificates":
        return restricted(_from_certificates(document), profile)
    keys = KeySet.from_jwks(document)
    if profile.key_issuer != "ignored":
        keys = IssuerKeySet(keys, ignored=keys.ignored, issuers=_issuers(document["keys"]))
    return restricted(keys, profile)


def restricted(keys: KeySet, profile: TokenProfile) -> KeySet:
    """The keys that sign tokens of this profile: an issuer may publish others', too."""
    if profile.key_ids is None:
        return keys
    return KeySet((key for key in keys if key.kid in profile.key_ids), ignored=keys.ignored)


def key_issuer(keys: KeySet, kid: str | None) -> str | None:
    """The issuer that a key names as its own; None where it names none."""
    if not isinstance(keys, IssuerKeySet) or kid is None:
        return None
    return keys.issuers.get(kid)


def _issuers(entries: Iterable[Any]) -> dict[str, str]:
    named = {}
    for entry in entries:
        if isinstance(entry, Mapping) and isinstance(entry.get("kid"), str) and isinstance(entry.get("issuer"), str):
            named[entry["kid"]] = entry["issuer"]
    return named


def _from_certificates(document: Mapping[str, Any]) -> KeySet:
    """Read an object from kid to X.509 certificate in PEM; what counts is the key, as the object came over https."""
    keys, ignored = [], []
    for index, (kid, certificate) in enumerate(document.items()):
        try:
            keys.append(_key_of(certificate, kid))
        except (JOSEError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            ignored.append(IgnoredKey(index, kid, str(error)))
    return KeySet(keys, ignored=ignored)


def _key_of(certificate: object, kid: str) -> Key:
    if not isinstance(certificate, str) or len(certificate) > _MAX_CERTIFICATE:
        raise ValueError("it is not a certificate in PEM")
    public_key = x509.load_pem_x509_certificate(certificate.encode("ascii", "replace")).public_key()
    pem = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key.from_pem(pem, kid=kid, use="sig")
