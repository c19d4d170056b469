"""What an application says about itself and its issuer, checked once when it starts."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from jotary.client.bff.return_to import is_local_path
from jotary.client.errors import ProtocolError
from jotary.client.transport import check_url
from jotary.oauth.resource import check_resource
from jotary.oauth.scope import parse_scope

#: Where the sign-in routes stand.
AUTH_PREFIX: Final = "/auth"
#: Seconds after which a person signs in again, at most with a redirect if the issuer still knows them: 14 days.
SESSION_LIFETIME: Final = 14 * 86_400
#: Bytes of a request body that the proxy passes on.
MAX_BODY_SIZE: Final = 32 * 1024 * 1024
#: Seconds without a byte after which an API is given up.
UPSTREAM_TIMEOUT: Final = 30.0

# As browsers write it (RFC 6454 §6.1): punycode, and no port that the scheme implies.
_HOST = re.compile(r"(?:[a-z0-9\-._]+|\[[0-9a-f:.]+\])(?::[0-9]+)?")
_IMPLIED_PORT = {"http": ":80", "https": ":443"}
_PREFIX = re.compile(r"(?:/[A-Za-z0-9\-_~]+)+")


class Route(msgspec.Struct, frozen=True):
    """Requests below `prefix` go to the API at `target`: `{prefix}{rest}` becomes `{target}{rest}`."""

    prefix: str
    target: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Checked settings."""

    origin: str  # scheme, host and port, no slash at the end
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    routes: tuple[Route, ...]  # the longest prefix first
    session_lifetime: int
    signed_out_path: str
    max_body_size: int

    @property
    def redirect_uri(self) -> str:
        """What the client is registered with at the issuer."""
        return f"{self.origin}{AUTH_PREFIX}/callback"

    @property
    def post_logout_redirect_uri(self) -> str:
        """What the client is registered with, too (OIDC RP-Initiated Logout 1.0 §3.1)."""
        return f"{self.origin}{self.signed_out_path}"


def read_settings(
    *,
    base_url: str,
    scopes: Sequence[str],
    resource: str | Sequence[str] | None,
    proxy: Mapping[str, str],
    session_lifetime: int,
    signed_out_path: str,
    max_body_size: int,
    allow_cleartext_upstreams: bool,
) -> Settings:
    """Check what the application passed.

    Raises:
        ValueError: with what to change.
        OAuthError: a scope or a resource is malformed.
    """
    if isinstance(scopes, str) or "openid" not in scopes:
        raise ValueError("scopes must be a list with 'openid' in it: the application learns from it who signed in")
    if session_lifetime <= 0 or max_body_size < 0:
        raise ValueError("session_lifetime must be positive, in seconds, and max_body_size not negative, in bytes")
    resources = (resource,) if isinstance(resource, str) else tuple(resource or ())
    routes = [_route(prefix, target, allow_cleartext=allow_cleartext_upstreams) for prefix, target in proxy.items()]
    return Settings(
        origin=_origin(base_url),
        scopes=parse_scope(" ".join(scopes)),
        resources=tuple(check_resource(one) for one in resources),
        routes=tuple(sorted(routes, key=lambda route: len(route.prefix), reverse=True)),
        session_lifetime=session_lifetime,
        signed_out_path=_signed_out_path(signed_out_path),
        max_body_size=max_body_size,
    )


def _origin(base_url: str) -> str:
    """The application must own its origin: cookies know no paths that scripts of a neighbour would respect."""
    _check(base_url, "base_url")
    parts = urlsplit(base_url)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(f"base_url must be an origin such as https://app.example.com, without a path: {base_url!r}")
    host = parts.netloc.lower().removesuffix(_IMPLIED_PORT[parts.scheme])
    if not _HOST.fullmatch(host):
        raise ValueError(f"base_url must name its host in ASCII, such as https://xn--bcher-kva.example: {base_url!r}")
    return f"{parts.scheme}://{host}"


def _signed_out_path(path: str) -> str:
    if not is_local_path(path, reserved=f"{AUTH_PREFIX}/logout"):  # there, the browser would go in circles
        raise ValueError(f"signed_out_path must be a path of this application, percent-encoded: {path!r}")
    return path


def _route(prefix: str, target: str, *, allow_cleartext: bool) -> Route:
    if not _PREFIX.fullmatch(prefix) or f"{prefix}/".startswith(f"{AUTH_PREFIX}/"):
        raise ValueError(f"a proxy prefix is a path such as /api, plain, and not below {AUTH_PREFIX}: {prefix!r}")
    if "?" in target or "#" in target:
        raise ValueError(f"a proxy target has neither query nor fragment: {target!r}")
    _check(target.replace("http://", "https://", 1) if allow_cleartext else target, f"the target of {prefix}")
    return Route(prefix, target.rstrip("/"))


def _check(url: str, name: str) -> None:
    try:
        check_url(url)
    except ProtocolError as error:
        raise ValueError(f"{name}: {error}") from error
