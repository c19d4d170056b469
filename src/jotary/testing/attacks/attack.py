"""What an attack is, and what it hands to whoever sends it."""

from collections.abc import Callable
from typing import Literal

import msgspec

from jotary.testing.attacks.forger import Forger

Level = Literal["essential", "strict"]


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """How a request presents its token.

    Attributes:
        authorization: the values of its Authorization headers.
        query: of its URL, without the question mark.
    """

    authorization: tuple[bytes, ...] = ()
    query: str = ""


Forge = Callable[[Forger], str | Presented]


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """One request that an API must refuse.

    Attributes:
        name: what is sent, in a few words.
        check: what refuses it; an API that answers it with success has no such check.
        standard: where it is written that the API must refuse it.
        forge: makes what is sent: a token for the Authorization header, or the request's headers and query.
        level: `essential` if every API must refuse it, `strict` if an API may live without.
        refused_with: the statuses that a strict API may answer with; 0 is a connection closed without an answer.
        supposes: checks without which this attack says nothing about its own: it is then theirs that is missing.
        needs_scope: it makes sense only at a route that asks for a scope.
    """

    name: str
    check: str
    standard: str
    forge: Forge
    level: Level = "essential"
    refused_with: frozenset[int] = frozenset({401})
    supposes: tuple[str, ...] = ()
    needs_scope: bool = False


def present(forged: str | Presented) -> Presented:
    """Put a token where it belongs (RFC 6750 §2.1)."""
    return bearer(forged) if isinstance(forged, str) else forged


def bearer(*tokens: str) -> Presented:
    """Return one Authorization header for each token."""
    return Presented(authorization=tuple(f"Bearer {token}".encode() for token in tokens))
