"""The key types that jotary reads and writes, one row each (RFC 7518 §6, RFC 8037 §2, RFC 9964 §3)."""

from jotary.jose.key_types.akp_keys import AKP
from jotary.jose.key_types.ec_keys import EC
from jotary.jose.key_types.material import KeyType, Material
from jotary.jose.key_types.oct_keys import OCT
from jotary.jose.key_types.okp_keys import OKP
from jotary.jose.key_types.rsa_keys import RSA

KEY_TYPES: dict[str, KeyType] = {row.kty: row for row in (RSA, EC, OKP, AKP, OCT)}

__all__ = ["KEY_TYPES", "KeyType", "Material"]
