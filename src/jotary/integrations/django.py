"""Protect Django views, sync and async (RFC 6750, RFC 9728). No settings are needed.

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from jotary.verifier import Principal
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer, cgi_credentials

__all__ = ["JotarySecurity", "principal"]

View = Callable[..., Any]

_PRINCIPAL = "jotary_principal"  # an attribute of the request


class JotarySecurity(ResourceServer):
    """Protects Django views. The arguments are those of `ResourceServer`; add `urls()` to the URLs of the project."""

    def require(self, *scopes: str) -> Callable[[View], View]:
        """Return a decorator for views: they run for tokens that have all of these scopes.

        What it makes of an `async def` is async too. The view gets its caller with `principal(request)`. A class is
        protected with `require(...)(Tasks.as_view())`, or with Django's `method_decorator` on `dispatch`.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        required = self.declare(scopes)

        def decorate(view: View) -> View:
            if isinstance(view, type):
                raise TypeError("require() is for view functions; for a class, wrap what as_view() returns")
            protect = self._protect_async if _is_async(view) else self._protect
            protected = protect(view, required)
            # No page of another origin can make a browser send a bearer token, which is what this guard asks for.
            protected.csrf_exempt = True  # type: ignore[attr-defined]  # how Django marks a view
            return protected

        return decorate

    def urls(self) -> list[URLPattern]:
        """The URL of the metadata document (RFC 9728 §3.1), for the root of the project's URLs.

        Empty if the resource is not a URL.
        """
        return metadata_urls(self)

    def _protect(self, view: View, required: tuple[str, ...]) -> View:
        @functools.wraps(view)
        def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                admitted = self.admit_blocking(*cgi_credentials(request.META), required)
            except Refused as refused:
                return _response(refused.refusal)
            setattr(request, _PRINCIPAL, admitted)
            return _for_this_token(view(request, *args, **kwargs))

        return protected

    def _protect_async(self, view: Callable[..., Awaitable[HttpResponse]], required: tuple[str, ...]) -> View:
        @functools.wraps(view)
        async def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                admitted = await self.admit(*cgi_credentials(request.META), required)
            except Refused as refused:
                return _response(refused.refusal)
            setattr(request, _PRINCIPAL, admitted)
            return _for_this_token(await view(request, *args, **kwargs))

        return protected


def metadata_urls(server: ResourceServer) -> list[URLPattern]:
    """The URL of a resource server's metadata document (RFC 9728 §3.1); none if the resource is not a URL."""
    where = server.metadata_path()

    def metadata(_: HttpRequest) -> HttpResponse:
        return JsonResponse(server.metadata(), headers=dict(server.metadata_headers))

    return [] if where is None else [path(where[1:], require_safe(metadata), name="oauth-protected-resource")]


def principal(request: HttpRequest) -> Principal:
    """Return who sends the request.

    Raises:
        RuntimeError: the view is not protected.
    """
    found: Principal | None = getattr(request, _PRINCIPAL, None)
    if found is None:
        raise RuntimeError("nobody checked this request: protect its view with require()")
    return found


def _is_async(view: View) -> bool:
    """Whether what it returns is to be awaited.

    So is what `dispatch` of a class with `async def` handlers returns, though it is a `def` itself; `method_decorator`
    hands it over as a partial of the bound method.
    """
    instance = getattr(getattr(view, "func", view), "__self__", None)
    return iscoroutinefunction(view) or getattr(instance, "view_is_async", False)


def _for_this_token(response: HttpResponse) -> HttpResponse:
    """Keep Django's cache, which stands before the view, from giving it to somebody else (RFC 9111 §4.1)."""
    patch_vary_headers(response, ["Authorization"])
    return response


def _response(refusal: Refusal) -> HttpResponse:
    return _for_this_token(JsonResponse(refusal.body, status=refusal.status, headers=refusal.headers))
