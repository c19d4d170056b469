"""What every integration does with a request: find the token, verify it, ask for scopes, or say what to answer.

The token is taken from the Authorization header alone: what stands in a URL ends up in logs and histories
(RFC 9700 §4.3.2).
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from jotary.oauth.bearer import parse_bearer
from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.loopback import is_loopback
from jotary.oauth.scope import parse_scope
from jotary.verifier import challenge
from jotary.verifier.challenge import Refusal
from jotary.verifier.errors import InsufficientScope, InvalidToken, KeysUnavailable
from jotary.verifier.multi_issuer import MultiIssuerVerifier
from jotary.verifier.principal import Principal
from jotary.verifier.verifier import TokenVerifier

_REASONS = (InvalidToken, KeysUnavailable, OAuthError)
_WELL_KNOWN = "/.well-known/oauth-protected-resource"  # RFC 9728 §3


class Refused(Exception):  # noqa: N818 -- an answer that an integration gives, not a fault
    """The request is not let in.

    Args:
        refusal: what to answer.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.body.get("error"))
        self.refusal = refusal


class ResourceServer:
    """Lets in who brings an access token with the right scopes (RFC 6750, RFC 9728).

    Args:
        verifier: of the tokens; who made it closes it.
        resource: this API's identifier and URL (RFC 9728 §1.2); the verifier's audience by default, if there is one.
        scopes: what can be asked for, with descriptions; those that are required somewhere are added.
        name: of the API, for people.
        documentation: URL of the API's documentation.

    Attributes:
        metadata_headers: those of the metadata document, which anyone may read.
    """

    metadata_headers: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}
    )

    def __init__(
        self,
        verifier: TokenVerifier | MultiIssuerVerifier,
        *,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
    ) -> None:
        audiences = verifier.audiences
        self.verifier = verifier
        self.resource = next(iter(audiences)) if resource is None and len(audiences) == 1 else resource
        self.resource_metadata = metadata_url(self.resource) if self.resource else None
        self.scopes = dict(scopes or {})
        self._described = {"resource_name": name, "resource_documentation": documentation}

    async def admit(self, authorization: Sequence[bytes], query: bytes, required: tuple[str, ...] = ()) -> Principal:
        """Return who sends the request.

        Args:
            authorization: the values of the request's Authorization headers.
            query: of the request's URL.
            required: scopes that the token must have, as `declare` returned them.

        Raises:
            Refused: with 400, 401, 403 or 503.
        """
        try:
            token = bearer_token(authorization, query)
            principal = None if token is None else await self.verifier.averify(token)
        except _REASONS as error:
            raise self._refused(error) from error
        return self.permit(principal, required)

    def admit_blocking(self, authorization: Sequence[bytes], query: bytes, required: tuple[str, ...] = ()) -> Principal:
        """Do what `admit` does where there is no event loop. Blocks only while keys must be fetched.

        Raises:
            Refused: with 400, 401, 403 or 503.
        """
        return self.permit(self.identify_blocking(authorization, query), required)

    def identify_blocking(self, authorization: Sequence[bytes], query: bytes) -> Principal | None:
        """Return who sends the request, or None if it has no bearer token. What they may do is for `permit` to say.

        Raises:
            Refused: with 400, 401 or 503.
        """
        try:
            token = bearer_token(authorization, query)
            return None if token is None else self.verifier.verify(token)
        except _REASONS as error:
            raise self._refused(error) from error

    def permit(self, principal: Principal | None, required: tuple[str, ...] = ()) -> Principal:
        """Return the principal, if there is one and its token has these scopes.

        Raises:
            Refused: with 401 or 403.
        """
        if principal is None:
            raise Refused(challenge.no_token(" ".join(required), self.resource_metadata))
        if not principal.scopes.issuperset(required):
            raise self._refused(InsufficientScope(required))
        return principal

    def declare(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Check scopes that a route requires, and add them to those that can be asked for.

        Raises:
            ValueError: one of them is no scope value (RFC 6749 §3.3).
        """
        required = tuple(scopes)
        for scope in required:
            if not _is_scope(scope):
                raise ValueError(f"{scope!r} is no scope value: one word of printable ASCII, without quotes")
            self.scopes.setdefault(scope, "")
        return required

    def metadata(self) -> dict[str, Any]:
        """The members of the metadata document (RFC 9728 §2)."""
        members = {
            "resource": self.resource,
            "authorization_servers": list(self.verifier.issuers),
            "scopes_supported": list(self.scopes),
            "bearer_methods_supported": ["header"],
            **self._described,
        }
        return {name: value for name, value in members.items() if value}

    def metadata_path(self) -> str | None:
        """Where the metadata document belongs on the API's host; None if the resource is not a URL."""
        return None if self.resource_metadata is None else urlsplit(self.resource_metadata).path

    def _refused(self, error: InvalidToken | InsufficientScope | KeysUnavailable | OAuthError) -> Refused:
        return Refused(challenge.refusal(error, self.resource_metadata))


def bearer_token(authorization: Sequence[bytes], query: bytes) -> str | None:
    """Return the token of the Authorization header; None if there is no header or it is of another scheme.

    Raises:
        OAuthError: invalid_request; the header is malformed or repeated, or a token stands in the URL too
            (RFC 6750 §2 allows one method at a time).
    """
    if not authorization:
        return None
    if len(authorization) > 1:
        raise invalid_request("The Authorization header is repeated.", hint="Send it once.")
    token = parse_bearer(authorization[0].decode("latin-1"))
    if token is not None and b"access_token" in query and "access_token" in _names(query):
        raise invalid_request("The token is sent in two ways.", hint="Send it in the Authorization header alone.")
    return token


def cgi_credentials(variables: Mapping[str, Any]) -> tuple[list[bytes], bytes]:
    """Return the Authorization headers and the query of CGI's variables (RFC 3875 §4.1): WSGI's environ, Django's META.

    A repeated header is one value with commas there, which is never one token.
    """
    # They are text in latin-1 (PEP 3333); a character beyond it is in no token.
    authorization = variables.get("HTTP_AUTHORIZATION")
    found = [] if authorization is None else [authorization.encode("latin-1", "replace")]
    return found, variables.get("QUERY_STRING", "").encode("latin-1", "replace")


def metadata_url(resource: str) -> str | None:
    """Return the URL of a resource's metadata (RFC 9728 §3.1), or None if the resource is not an https URL.

    http will do on loopback, for development.
    """
    parts = urlsplit(resource)
    local = parts.scheme == "http" and is_loopback(parts.hostname)
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.fragment:
        return None
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{path}{query}"


def _names(query: bytes) -> set[str]:
    return {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}


def _is_scope(text: str) -> bool:
    try:
        return parse_scope(text) == (text,)
    except OAuthError:
        return False
