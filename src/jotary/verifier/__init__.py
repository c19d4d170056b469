"""Verifies access tokens where they are used: locally, with the issuer's public keys (design §6.4)."""

from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.errors import InsufficientScope, InvalidToken, KeysUnavailable
from jotary.verifier.keys import KeyPolicy
from jotary.verifier.multi_issuer import MultiIssuerVerifier
from jotary.verifier.principal import Principal
from jotary.verifier.revocations import Revocation, RevocationList, Revocations
from jotary.verifier.verifier import TokenVerifier

__all__ = [
    "InsufficientScope",
    "InvalidToken",
    "KeyPolicy",
    "KeysUnavailable",
    "MultiIssuerVerifier",
    "Principal",
    "RequiredClaim",
    "Revocation",
    "RevocationList",
    "Revocations",
    "TokenProfile",
    "TokenVerifier",
]
