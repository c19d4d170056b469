"""Scope values (RFC 6749 §3.3)."""

import re
from collections.abc import Iterable

from jotary.oauth.errors import invalid_scope

#: Characters of a whole scope parameter; RFC 6749 sets no bound, so this is ours.
MAX_SCOPE_LENGTH = 2048

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces.
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


def parse_scope(text: str | None) -> tuple[str, ...]:
    """Split a scope parameter; repeated values count once and the order is kept.

    Raises:
        OAuthError: invalid_scope; malformed or too long.
    """
    if not text:
        return ()
    if len(text) > MAX_SCOPE_LENGTH or not _SCOPE.fullmatch(text):
        raise invalid_scope("The scope is malformed.", hint="Separate scope values by single spaces.")
    return tuple(dict.fromkeys(text.split(" ")))


def format_scope(scopes: Iterable[str]) -> str:
    """Join scope values as they stand in a parameter or claim."""
    return " ".join(scopes)
