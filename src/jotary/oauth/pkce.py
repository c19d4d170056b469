"""Proof Key for Code Exchange, S256 only (RFC 7636, RFC 9700 §2.1.1)."""

import hashlib
import hmac
import re

from jotary.jose import base64url
from jotary.oauth.errors import invalid_request

#: Random bytes that a new verifier takes (RFC 7636 §4.1 recommends 32).
VERIFIER_ENTROPY = 32

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636 §4.1
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")  # a SHA-256 in base64url, RFC 7636 §4.2


def new_verifier(entropy: bytes) -> str:
    """Make a `code_verifier` of `VERIFIER_ENTROPY` random bytes."""
    if len(entropy) != VERIFIER_ENTROPY:
        raise ValueError(f"a code_verifier takes {VERIFIER_ENTROPY} random bytes")
    return base64url.encode(entropy)


def challenge(code_verifier: str) -> str:
    """The S256 `code_challenge` of a verifier (RFC 7636 §4.2)."""
    return base64url.encode(hashlib.sha256(code_verifier.encode("ascii")).digest())


def check_challenge(code_challenge: str) -> str:
    """Return the challenge if it can be an S256 one.

    Raises:
        OAuthError: invalid_request.
    """
    if not _CHALLENGE.fullmatch(code_challenge):
        raise invalid_request(
            "The code_challenge is malformed.", hint="Send base64url(SHA-256(code_verifier)), 43 characters."
        )
    return code_challenge


def verify(code_verifier: str, code_challenge: str) -> bool:
    """Whether the verifier fits the challenge, in constant time (RFC 7636 §4.6). A malformed verifier fits nothing."""
    if not _VERIFIER.fullmatch(code_verifier):
        return False
    return hmac.compare_digest(challenge(code_verifier), code_challenge)
