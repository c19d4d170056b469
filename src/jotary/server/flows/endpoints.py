"""Where each endpoint stands below the issuer: one table for the routes, the metadata and the audiences."""

from typing import Final

AUTHORIZATION: Final = "/authorize"
TOKEN: Final = "/token"  # noqa: S105 -- a path, no secret
USERINFO: Final = "/userinfo"
REVOCATION: Final = "/revoke"
INTROSPECTION: Final = "/introspect"
END_SESSION: Final = "/logout"
JWKS: Final = "/.well-known/jwks.json"
REVOCATIONS: Final = "/revocations"
CHANGE_PASSWORD: Final = "/password"  # noqa: S105 -- a path, no secret


def endpoint_url(issuer: str, path: str) -> str:
    """The URL of an endpoint; the issuer may itself end in a slash, which its own text keeps."""
    return issuer.rstrip("/") + path
