"""Keys in PEM: SubjectPublicKeyInfo and PKCS #1 public keys, PKCS #8, PKCS #1 and SEC 1 private keys (RFC 7468)."""

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from jotary.jose.errors import JOSEError
from jotary.jose.key_types import KEY_TYPES, Material

_MAX_SIZE = 65_536  # bytes
_HINT = "the text is not a PEM public key or unencrypted private key"


def read(text: str | bytes) -> Material:
    """Read one PEM block.

    Raises:
        JOSEError: ``invalid_key``, or ``unsupported_key`` for a key type that is not known.
    """
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    if len(data) > _MAX_SIZE:
        raise JOSEError("too_large", f"the PEM text is longer than {_MAX_SIZE} bytes")
    key = _parsed(data)
    if key is None:
        raise JOSEError("invalid_key", _HINT)
    for key_type in KEY_TYPES.values():
        material = key_type.from_object(key)
        if material is not None:
            return material
    raise JOSEError("unsupported_key", "the PEM text holds a key of a type that cannot sign here")


def write(material: Material, *, private: bool) -> str:
    """Write one PEM block: SubjectPublicKeyInfo, or unencrypted PKCS #8.

    Raises:
        JOSEError: ``key_not_usable`` for a symmetric key, or when there is no private part to write.
    """
    if not material.public:
        raise JOSEError("key_not_usable", "PEM cannot hold a symmetric key")
    encoding = serialization.Encoding.PEM
    if not private:
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return str(material.verifying.public_bytes(encoding, spki).decode("ascii"))
    if material.signing is None:
        raise JOSEError("key_not_usable", "the key has no private part")
    pkcs8 = serialization.PrivateFormat.PKCS8
    return str(material.signing.private_bytes(encoding, pkcs8, serialization.NoEncryption()).decode("ascii"))


def _parsed(data: bytes) -> Any:
    try:
        if b"PRIVATE KEY-----" in data:
            return serialization.load_pem_private_key(data, password=None)
        return serialization.load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
