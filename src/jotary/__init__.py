"""jotary: self-hosted identity for Python. Sign once, verify anywhere, revoke in a second."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jotary.verifier import (
        InsufficientScope,
        InvalidToken,
        KeysUnavailable,
        MultiIssuerVerifier,
        Principal,
        Revocation,
        RevocationList,
        TokenVerifier,
    )

__all__ = [
    "InsufficientScope",
    "InvalidToken",
    "KeysUnavailable",
    "MultiIssuerVerifier",
    "Principal",
    "Revocation",
    "RevocationList",
    "TokenVerifier",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is asked for, so that the server and the command line start without the verifier."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jotary import verifier  # noqa: PLC0415 -- the point of this function

    value: object = getattr(verifier, name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
