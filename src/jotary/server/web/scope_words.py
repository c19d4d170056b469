"""What a scope lets a client do, in words that a person can decide on."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

#: The scopes of OpenID Connect (Core §5.4, §11).
BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openid": "Recognise you when you come back",
        "profile": "See your name",
        "email": "See your e-mail address",
        "offline_access": "Stay connected after you have signed out here",
    }
)


def describe(scopes: Sequence[str], descriptions: Mapping[str, str]) -> tuple[tuple[str, str | None], ...]:
    """(scope, words) for each; None where there are no words but the scope itself. The operator's words come first."""
    return tuple((scope, descriptions.get(scope) or BUILT_IN.get(scope)) for scope in scopes)
