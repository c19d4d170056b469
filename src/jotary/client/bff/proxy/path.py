"""Which address at the API a request is for, decided so that no spelling of a path leads anywhere else."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from jotary.client.bff.settings import Route

#: Times that a path is decoded to look for what hides in it; a path that is still encoded then is refused.
_MAX_DECODING = 3

# RFC 3986 §3.3, and the four characters that browsers leave as they are.
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\[\]|^]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(r"[!-\"$-~]*")  # visible ASCII without '#'
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class BadPathError(Exception):
    """The request's path or query could mean something else to the API than it means here."""


def find_route(path: str, routes: Sequence[Route]) -> Route | None:
    """The route whose prefix this is, or that stands above it; `routes` has the longest prefixes first."""
    for route in routes:
        if path == route.prefix or path.startswith(f"{route.prefix}/"):
            return route
    return None


def target_url(route: Route, path: str, query: str) -> str:
    """The URL at the API.

    Args:
        route: found for this path.
        path: as it was sent, percent-encoded.
        query: as it was sent, without the question mark.

    Raises:
        BadPathError: it could leave the route: dot segments, empty segments, slashes or backslashes in disguise,
            control characters, parameters on dot segments, or more layers of encoding than anybody needs.
    """
    rest = path.removeprefix(route.prefix)
    if not _PATH.fullmatch(rest or "/") or not _QUERY.fullmatch(query):
        raise BadPathError
    seen, slashes = rest, rest.count("/")
    for _ in range(_MAX_DECODING):
        if _CONTROL.search(seen) or seen.count("/") != slashes or not _is_plain(seen):
            raise BadPathError
        decoded = unquote(seen, errors="replace")
        if decoded == seen:
            return f"{route.target}{rest}{'?' if query else ''}{query}"
        seen = decoded
    raise BadPathError


def _is_plain(path: str) -> bool:
    """No segment is empty but the last, and none is `.` or `..`, with or without `;parameters`, which some drop."""
    segments = path.split("/")[1:]
    return "" not in segments[:-1] and all(segment.partition(";")[0] not in {".", ".."} for segment in segments)


def public_location(route: Route, location: str) -> str | None:
    """A redirect's target as the browser must see it; None where it would point behind the proxy.

    An address below the API's own becomes one below the prefix. What is relative to the request stays, and so does
    another site's address.
    """
    try:
        parts, api = urlsplit(location), urlsplit(route.target)
        is_elsewhere = bool(parts.netloc) and (parts.hostname, _port(parts)) != (api.hostname, _port(api))
    except ValueError:
        return None
    if is_elsewhere or (not parts.netloc and not location.startswith("/")):
        return location
    if parts.path != api.path and not parts.path.startswith(f"{api.path}/"):
        return None
    return urlunsplit(("", "", route.prefix + parts.path.removeprefix(api.path), parts.query, parts.fragment))


def _port(parts: SplitResult) -> int:
    return parts.port or (80 if parts.scheme == "http" else 443)
