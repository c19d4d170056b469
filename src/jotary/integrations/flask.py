"""Protect a Flask application (RFC 6750, RFC 9728).

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

import functools
import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request

from jotary.verifier import Principal
from jotary.verifier.resource_server import Refused, ResourceServer, cgi_credentials

__all__ = ["JotarySecurity", "principal"]

View = Callable[..., Any]

# In the WSGI environ, which lives as long as the request; `flask.g` may live longer, and headers cannot get here.
_PRINCIPAL = "jotary.principal"


class JotarySecurity(ResourceServer):
    """Protects Flask views. The arguments are those of `ResourceServer`. Call `install(app)` once."""

    def require(self, *scopes: str) -> Callable[[View], View]:
        """Return a decorator for views: they run for tokens that have all of these scopes.

        Put it below `@app.get(...)`, which registers what it is given. The view may be `async`, and gets its caller
        with `principal()`; a class has it in `decorators`.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        required = self.declare(scopes)

        def decorate(view: View) -> View:
            if isinstance(view, type):
                raise TypeError("require() is for view functions; a class has it in its list of `decorators`")

            @functools.wraps(view)
            def protected(*args: Any, **kwargs: Any) -> Any:
                try:
                    request.environ[_PRINCIPAL] = self.admit_blocking(*cgi_credentials(request.environ), required)
                except Refused as refused:
                    refusal = refused.refusal
                    return _json(refusal.body, refusal.status, refusal.headers)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return protected

        return decorate

    def install(self, app: Flask) -> None:
        """Serve the metadata document (RFC 9728 §3.1), if the resource is a URL."""
        path = self.metadata_path()
        if path is not None:
            app.add_url_rule(path, "oauth_protected_resource", self._serve_metadata)

    def _serve_metadata(self) -> Response:
        return _json(self.metadata(), 200, dict(self.metadata_headers))


def principal() -> Principal:
    """Return who sends the request.

    Raises:
        RuntimeError: the view is not protected.
    """
    found: Principal | None = request.environ.get(_PRINCIPAL)
    if found is None:
        raise RuntimeError("nobody checked this request: protect its view with require(), below the route's decorator")
    return found


def _json(members: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(json.dumps(members), status, headers, mimetype="application/json")
