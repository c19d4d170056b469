"""OAuth errors, each written for three readers: the client, its integrator, and the server's operator (design §4)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class OAuthError(Exception):
    """A refusal in the standard's own words (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1).

    Args:
        error: the registered error code.
        description: fixed text for the client; never built from what the client sent.
        hint: for the integrator: what to change. Sent behind the description.
        detail: for the operator: logged, never sent.
        status: the HTTP status of a direct answer.
        headers: further headers of a direct answer, such as `WWW-Authenticate`.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        hint: str | None = None,
        detail: str | None = None,
        status: int = 400,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.hint = hint
        self.detail = detail
        self.status = status
        self.headers = headers

    @property
    def error_description(self) -> str:
        """Description and hint in the characters that RFC 6749 §5.2 allows (no quote, no backslash, ASCII)."""
        text = f"{self.description} {self.hint}" if self.hint else self.description
        return "".join(_allowed(character) for character in text)

    def body(self) -> dict[str, str]:
        """The JSON members of a direct answer."""
        return {"error": self.error, "error_description": self.error_description}


def _allowed(character: str) -> str:
    """One character of an `error_description`: %x20-21 / %x23-5B / %x5D-7E."""
    if character in '"\\':
        return "'"
    if character == "§":  # as hints cite the standards
        return "section "
    return character if " " <= character <= "~" else "?"


def invalid_request(description: str, *, hint: str | None = None) -> OAuthError:
    """A parameter is missing, repeated, malformed or contradicts another."""
    return OAuthError("invalid_request", description, hint=hint)


def invalid_client(*, hint: str | None = None, detail: str | None = None, basic: bool = False) -> OAuthError:
    """Client authentication failed. One text for every cause, so that nothing tells which part was wrong.

    With `basic`, the answer carries the challenge that RFC 6749 §5.2 asks for after an Authorization header.
    """
    headers = {"WWW-Authenticate": 'Basic realm="jotary", charset="UTF-8"'} if basic else _NO_HEADERS
    return OAuthError(
        "invalid_client", "Client authentication failed.", hint=hint, detail=detail, status=401, headers=headers
    )


def invalid_grant(description: str, *, hint: str | None = None, detail: str | None = None) -> OAuthError:
    """The code or refresh token is invalid, expired, revoked, or belongs to another client."""
    return OAuthError("invalid_grant", description, hint=hint, detail=detail)


def unauthorized_client(description: str, *, hint: str | None = None) -> OAuthError:
    """The client is known but may not do this."""
    return OAuthError("unauthorized_client", description, hint=hint)


def unsupported_grant_type(*, hint: str | None = None) -> OAuthError:
    """The server has no such grant."""
    return OAuthError("unsupported_grant_type", "This grant type is not supported.", hint=hint)


def unsupported_response_type(*, hint: str | None = None) -> OAuthError:
    """The server answers with codes only."""
    return OAuthError("unsupported_response_type", "Only response_type=code is supported.", hint=hint)


def invalid_scope(description: str, *, hint: str | None = None) -> OAuthError:
    """The scope is malformed, unknown, or more than may be granted."""
    return OAuthError("invalid_scope", description, hint=hint)


def invalid_target(description: str, *, hint: str | None = None) -> OAuthError:
    """The resource is malformed or not one that this client may ask tokens for (RFC 8707 §2)."""
    return OAuthError("invalid_target", description, hint=hint)


def access_denied(description: str = "The person or the server denied the request.") -> OAuthError:
    """Somebody said no."""
    return OAuthError("access_denied", description, status=403)


def login_required() -> OAuthError:
    """`prompt=none`, but nobody is signed in who would do (OIDC Core §3.1.2.6)."""
    return OAuthError("login_required", "Nobody is signed in, and the request forbids to ask.")


def consent_required() -> OAuthError:
    """`prompt=none`, but the person has not allowed this yet (OIDC Core §3.1.2.6)."""
    return OAuthError("consent_required", "The person has not consented, and the request forbids to ask.")


def request_not_supported() -> OAuthError:
    """Request objects are not accepted (OIDC Core §3.1.2.6)."""
    return OAuthError("request_not_supported", "The request parameter is not supported.")


def request_uri_not_supported() -> OAuthError:
    """Request objects by reference are not accepted (OIDC Core §3.1.2.6)."""
    return OAuthError("request_uri_not_supported", "The request_uri parameter is not supported.")


def server_error() -> OAuthError:
    """Something broke here. The cause is in the log, not in the answer."""
    return OAuthError("server_error", "The server could not answer.", status=500)


def too_many_attempts(*, retry_after: int) -> OAuthError:
    """Somebody has failed too often (RFC 6585 §4); `retry_after` in seconds.

    Not `invalid_client`, which a client takes for the end: this passes.
    """
    return OAuthError(
        "temporarily_unavailable",
        "There were too many failed attempts. Try again later.",
        status=429,
        headers={"Retry-After": str(retry_after)},
    )


def temporarily_unavailable(*, retry_after: int) -> OAuthError:
    """The server cannot answer now; `retry_after` in seconds."""
    return OAuthError(
        "temporarily_unavailable",
        "The server cannot answer now. Try again.",
        status=503,
        headers={"Retry-After": str(retry_after)},
    )
