"""Protect views of Django REST framework: authentication, and a permission for scopes (RFC 6750, RFC 9728).

Every refusal has a body with `error` (unless no token was sent) and `error_description`, and is 401, not 403, where a
better token would help.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from jotary.integrations.django import metadata_urls
from jotary.verifier import MultiIssuerVerifier, Principal, TokenVerifier
from jotary.verifier.challenge import Refusal, no_token
from jotary.verifier.resource_server import Refused, ResourceServer, cgi_credentials

__all__ = ["JotarySecurity", "RefusedRequest", "TokenUser"]


class RefusedRequest(APIException):  # type: ignore[misc]  # the framework brings no types
    """The request is not let in. The framework's own exception handler answers it.

    Args:
        refusal: status, headers and body.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.body, refusal.body.get("error"))
        self.status_code = refusal.status


class TokenUser:
    """The `request.user` of a token, for what looks at it, such as throttles; `request.auth` is the principal itself.

    Args:
        principal: who sends the request.
    """

    is_authenticated = True
    is_active = True
    is_anonymous = False
    is_staff = False
    is_superuser = False

    def __init__(self, principal: Principal) -> None:
        self.pk = self.id = principal.subject
        self.principal = principal

    def get_username(self) -> str:
        """Return the subject, which is no name of a local account."""
        return self.principal.subject

    def __str__(self) -> str:
        """The subject."""
        return self.principal.subject


class JotarySecurity(ResourceServer):
    """Protects views. Each needs `authentication` and `require(...)`; add `urls()` to the URLs of the project.

    Args:
        verifier: of the tokens; who made it closes it.
        resource: this API's identifier and URL (RFC 9728 §1.2); the verifier's audience by default, if there is one.
        scopes: what can be asked for, with descriptions; those that are required somewhere are added.
        name: of the API, for people.
        documentation: URL of the API's documentation.
        user: makes `request.user` of the principal, such as a look-up of your own account; `TokenUser` by default,
            which knows people by their subject alone: with several issuers, look them up by issuer and subject.

    Attributes:
        authentication: a class for `authentication_classes`, or under a name of yours for
            `DEFAULT_AUTHENTICATION_CLASSES`.
    """

    authentication: type[BaseAuthentication]

    def __init__(
        self,
        verifier: TokenVerifier | MultiIssuerVerifier,
        *,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
        user: Callable[[Principal], Any] = TokenUser,
    ) -> None:
        super().__init__(verifier, resource=resource, scopes=scopes, name=name, documentation=documentation)
        self.user = user
        self.authentication = type("JotaryAuthentication", (_Authentication,), {"security": self})

    def require(self, *scopes: str) -> type[BasePermission]:
        """Return a class for `permission_classes`: it lets in tokens that have all of these scopes.

        It answers by itself, so in `A | B` it must come last.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        permission: type[BasePermission] = type(BasePermission)(
            "HasScopes", (_HasScopes,), {"security": self, "required": self.declare(scopes)}
        )
        return permission

    def urls(self) -> list[URLPattern]:
        """The URL of the metadata document (RFC 9728 §3.1), for the root of the project's URLs.

        Empty if the resource is not a URL.
        """
        return metadata_urls(self)


class _Authentication(BaseAuthentication):  # type: ignore[misc]  # the framework brings no types
    """Says who sends a request with a bearer token; leaves any other to the next authentication class."""

    security: ClassVar[JotarySecurity]

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        _add_headers(request, {"Vary": "Authorization, Accept"})  # for Django's cache (RFC 9111 §4.1)
        try:
            principal = self.security.identify_blocking(*cgi_credentials(request.META))
        except Refused as refused:
            raise _refused(request, refused.refusal) from refused
        return None if principal is None else (self.security.user(principal), principal)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- the framework's signature
        """Without it the framework answers 403 where RFC 6750 §3.1 says 401."""
        return no_token(resource_metadata=self.security.resource_metadata).headers["WWW-Authenticate"]


class _HasScopes(BasePermission):  # type: ignore[misc]  # the framework brings no types
    """Lets in tokens that `security` has verified and that have the scopes."""

    security: ClassVar[JotarySecurity]
    required: ClassVar[tuple[str, ...]]

    def has_permission(self, request: Request, view: Any) -> bool:
        ours = self.security.authentication
        if not any(isinstance(one, ours) for one in request.authenticators):
            raise ImproperlyConfigured(f"add `security.authentication` to {type(view).__name__}.authentication_classes")
        # A session of another authentication class has no scopes, and a token of another verifier none of ours.
        principal = request.auth if isinstance(request.successful_authenticator, ours) else None
        try:
            self.security.permit(principal, self.required)
        except Refused as refused:
            raise _refused(request, refused.refusal) from refused
        return True


def _refused(request: Request, refusal: Refusal) -> RefusedRequest:
    _add_headers(request, refusal.headers)
    return RefusedRequest(refusal)


def _add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Add to what the view answers, whichever exception handler the project has."""
    view = (request.parser_context or {}).get("view")
    if view is not None:
        view.headers.update(headers)
