"""What a grant still allows when a client asks for less: it may narrow, never widen (RFC 6749 §6, RFC 8707 §2.2).

A client's registration counts anew at every request, so that an operator who takes a scope or an audience away from a
client does not have to end its sessions as well.
"""

from collections.abc import Collection, Sequence
from typing import Final

from jotary.oauth.errors import invalid_scope, invalid_target
from jotary.server.model.client import Client

OFFLINE_ACCESS: Final = "offline_access"


def heeded_scopes(requested: Sequence[str], allowed: Collection[str]) -> tuple[str, ...]:
    """What of a request counts: an `offline_access` that is not allowed is ignored, not refused (OIDC Core §11).

    Many clients send it always, and get a refresh token here without it. It alone is no request for anything else, and
    stays, so that it is refused.
    """
    heeded = tuple(scope for scope in requested if scope != OFFLINE_ACCESS or scope in allowed)
    return heeded or tuple(requested)


def narrow_scopes(requested: Sequence[str], granted: Sequence[str], client: Client) -> tuple[str, ...]:
    """The scopes of a token: those requested, or all that were granted and that the client still may have.

    Raises:
        OAuthError: invalid_scope; more was requested than that.
    """
    standing = tuple(scope for scope in granted if scope in client.scopes)
    if not set(requested) <= set(standing):
        raise invalid_scope(
            "The scope goes beyond what was granted.", hint="Ask for a part of the granted scope, or leave scope out."
        )
    return tuple(requested) or standing


def narrow_audience(
    requested: Sequence[str], granted: Sequence[str], client: Client, *, issuer: str
) -> tuple[str, ...]:
    """The audience of a token: the resources requested, or the first that was granted and still stands.

    One API for each token unless the client asks otherwise, so that no API gets a token that another would accept
    (RFC 9700 §2.3). The issuer itself is the audience of a client that has no API.

    Raises:
        OAuthError: invalid_target; a resource was not granted, as no malformed one ever is, or none is left.
    """
    standing = tuple(resource for resource in granted if resource in client.audiences or resource == issuer)
    if not set(requested) <= set(standing) or not standing:
        raise invalid_target(
            "The resource was not granted.", hint="Ask for one of the granted resources, or leave resource out."
        )
    return tuple(dict.fromkeys(requested)) or standing[:1]
