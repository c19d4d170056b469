"""The one error that signing, verifying and reading keys raise."""

from typing import Literal, get_args

Code = Literal[
    "malformed",
    "too_large",
    "bad_base64url",
    "bad_json",
    "unsupported_algorithm",
    "algorithm_not_allowed",
    "unsupported_critical_header",
    "unknown_key",
    "key_not_usable",
    "invalid_key",
    "unsupported_key",
    "bad_signature",
    "wrong_type",
    "bad_claim",
]

CODES: frozenset[str] = frozenset(get_args(Code))


class JOSEError(Exception):
    """A token or a key was refused.

    Attributes:
        code: which rule refused it; stable, snake_case, one of ``CODES``.
        hint: what to change, for the person who integrates. Holds neither key material nor any part of the token.
    """

    def __init__(self, code: Code, hint: str) -> None:
        super().__init__(code, hint)
        self.code: Code = code
        self.hint = hint

    def __str__(self) -> str:
        """Return the code and the hint."""
        return f"{self.code}: {self.hint}"
