"""What to answer when a request is not let in: status, headers and body, for every framework alike."""

import msgspec

from jotary.oauth.challenge import www_authenticate
from jotary.oauth.errors import OAuthError
from jotary.verifier.errors import InsufficientScope, InvalidToken, KeysUnavailable


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that lets nobody in.

    Attributes:
        status: 400, 401, 403 or 503.
        headers: with `WWW-Authenticate` where RFC 6750 §3 asks for it. Never to be cached.
        body: the members of a JSON object: `error` (unless no token was sent) and `error_description`.
    """

    status: int
    headers: dict[str, str]
    body: dict[str, str]


def no_token(scope: str = "", resource_metadata: str | None = None) -> Refusal:
    """401 for a request without a bearer token: no error code, since nothing was wrong with it (RFC 6750 §3.1).

    Args:
        scope: the scopes that the resource needs, separated by spaces.
        resource_metadata: the URL of the protected resource's metadata (RFC 9728 §5.1).
    """
    value = www_authenticate(scope=scope or None, resource_metadata=resource_metadata)
    description = "Send an access token: Authorization: Bearer <token>."
    return _answer(401, {"WWW-Authenticate": value}, {"error_description": description})


def refusal(
    error: InvalidToken | InsufficientScope | KeysUnavailable | OAuthError, resource_metadata: str | None = None
) -> Refusal:
    """The answer for a reason.

    Args:
        error: the token was refused (401), does not allow this (403), could not be verified (503), or was sent
            malformed, twice or in two ways (400).
        resource_metadata: the URL of the protected resource's metadata (RFC 9728 §5.1).
    """
    if isinstance(error, KeysUnavailable):
        # Why there are no keys is for the log, not for the client.
        unavailable = OAuthError("temporarily_unavailable", "The token cannot be verified now. Try again.")
        return _answer(503, {"Retry-After": str(error.retry_after)}, unavailable.body())
    scope = " ".join(error.required) if isinstance(error, InsufficientScope) else None
    said = _in_standard_words(error)
    value = www_authenticate(
        error=said.error, error_description=said.error_description, scope=scope, resource_metadata=resource_metadata
    )
    return _answer(said.status, {"WWW-Authenticate": value}, said.body())


def _in_standard_words(error: InvalidToken | InsufficientScope | OAuthError) -> OAuthError:
    """The codes of RFC 6750 §3.1, in the characters that it allows."""
    if isinstance(error, InvalidToken):
        hint = f"{error.hint[:1].upper()}{error.hint[1:]}."
        return OAuthError(error.code, "The access token was refused.", hint=hint, status=401)
    if isinstance(error, InsufficientScope):
        description = "The access token does not allow this."
        return OAuthError("insufficient_scope", description, hint="Ask for the scope named.", status=403)
    return error


def _answer(status: int, headers: dict[str, str], body: dict[str, str]) -> Refusal:
    return Refusal(status=status, headers={**headers, "Cache-Control": "no-store"}, body=body)
