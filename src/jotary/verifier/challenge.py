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


def no_token(*, scope: str | None = None, resource_metadata: str | None = None) -> Refusal:
    """401 for a request without a bearer token: no error code, since nothing was wrong with it (RFC 6750 §3.1).

    Args:
        scope: the scopes that the resource needs, separated by spaces.
        resource_metadata: the URL of the protected resource's metadata (RFC 9728 §5.1).
    """
    challenge = www_authenticate(scope=scope, resource_metadata=resource_metadata)
    return Refusal(
        status=401,
        headers={"WWW-Authenticate": challenge, "Cache-Control": "no-store"},
        body={"error_description": "Send an access token: Authorization: Bearer <token>."},
    )


def invalid_token(error: InvalidToken, *, resource_metadata: str | None = None) -> Refusal:
    """401 for a token that was refused (RFC 6750 §3.1)."""
    refusal = OAuthError(error.code, "The access token was refused.", hint=_sentence(error.hint), status=401)
    return _challenged(refusal, resource_metadata=resource_metadata)


def insufficient_scope(error: InsufficientScope, *, resource_metadata: str | None = None) -> Refusal:
    """403 for a good token that does not allow this; names what would (RFC 6750 §3.1)."""
    refusal = OAuthError(
        "insufficient_scope", "The access token does not allow this.", hint="Ask for the scope named.", status=403
    )
    return _challenged(refusal, scope=" ".join(error.required), resource_metadata=resource_metadata)


def invalid_request(error: OAuthError, *, resource_metadata: str | None = None) -> Refusal:
    """400 for a token that was sent malformed, twice, or in two ways (RFC 6750 §3.1)."""
    return _challenged(error, resource_metadata=resource_metadata)


def keys_unavailable(error: KeysUnavailable) -> Refusal:
    """503 while the issuer's keys cannot be had; why not is for the log, not for the client."""
    return Refusal(
        status=503,
        headers={"Retry-After": str(error.retry_after), "Cache-Control": "no-store"},
        body={
            "error": "temporarily_unavailable",
            "error_description": "The issuer's keys are not available now. Try again.",
        },
    )


def _challenged(refusal: OAuthError, *, scope: str | None = None, resource_metadata: str | None = None) -> Refusal:
    challenge = www_authenticate(
        error=refusal.error,
        error_description=refusal.error_description,
        scope=scope,
        resource_metadata=resource_metadata,
    )
    return Refusal(
        status=refusal.status,
        headers={"WWW-Authenticate": challenge, "Cache-Control": "no-store"},
        body=refusal.body(),
    )


def _sentence(hint: str) -> str:
    return f"{hint[:1].upper()}{hint[1:]}."
