"""Redirect URIs: what may be registered, and when a requested one is a registered one.

RFC 9700 §4.1.3 asks for exact string comparison; RFC 8252 §7.3 frees the port of a native client's loopback address.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, urlencode, urlsplit

from jotary.oauth.errors import OAuthError
from jotary.oauth.loopback import is_loopback

#: Characters of a redirect URI.
MAX_REDIRECT_URI_LENGTH = 2048

# Schemes that a browser runs or reads by itself: never a client's own.
_FORBIDDEN_SCHEMES = frozenset(
    {
        "about",
        "blob",
        "chrome",
        "data",
        "file",
        "filesystem",
        "ftp",
        "intent",
        "javascript",
        "mailto",
        "vbscript",
        "view-source",
        "ws",
        "wss",
    }
)
# RFC 3986 §2 without '#': no space, no quote, no backslash, none of < > ^ ` { | }.
_ALLOWED_CHARACTERS = re.compile(r"[!$-;=?-\[\]_a-z~]+")
_LOOPBACK_LITERAL = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:[/?].*)?)")


def invalid_redirect_uri(hint: str) -> OAuthError:
    """A redirect URI that may not be registered (RFC 7591 §3.2.2)."""
    return OAuthError("invalid_redirect_uri", "The redirect URI may not be registered.", hint=hint)


def check_registration(uri: str, client_type: str) -> str:
    """Return the URI if a client of this type may register it.

    Web clients: https, or http on loopback for development. Native clients: http on a loopback address, an https app
    link, or a private-use scheme with a dot in it (RFC 8252 §7.1 to §7.3).

    Raises:
        OAuthError: invalid_redirect_uri, with what to change.
    """
    parts = _split(uri)
    if parts.scheme in _FORBIDDEN_SCHEMES:
        raise invalid_redirect_uri(f"The scheme {parts.scheme}: is not allowed.")
    if parts.scheme in {"http", "https"}:
        _check_web(parts)
    elif client_type != "native":
        raise invalid_redirect_uri("Use https (http only on 127.0.0.1, [::1] or localhost).")
    elif "." not in parts.scheme:
        raise invalid_redirect_uri("Use a private-use scheme in reverse domain notation, such as com.example.app:/.")
    return uri


def _split(uri: str) -> SplitResult:
    if len(uri) > MAX_REDIRECT_URI_LENGTH:
        raise invalid_redirect_uri(f"Use at most {MAX_REDIRECT_URI_LENGTH} characters.")
    if "#" in uri:
        raise invalid_redirect_uri("Remove the fragment.")  # RFC 6749 §3.1.2
    if not _ALLOWED_CHARACTERS.fullmatch(uri):
        raise invalid_redirect_uri("Percent-encode spaces, wildcards and other special characters.")
    try:
        parts = urlsplit(uri)
        _ = parts.port  # parsed on access: a bad one raises here
    except ValueError as error:
        raise invalid_redirect_uri("It is not an absolute URI.") from error
    if not parts.scheme:
        raise invalid_redirect_uri("It is not an absolute URI.")
    return parts


def _check_web(parts: SplitResult) -> None:
    if not parts.hostname or "@" in parts.netloc or "*" in parts.netloc:
        raise invalid_redirect_uri("Name one host, without user information or wildcards.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise invalid_redirect_uri("Use https (http only on 127.0.0.1, [::1] or localhost).")


def matches(requested: str, registered: Iterable[str], *, client_type: str) -> bool:
    """Whether a requested redirect URI is one of the registered ones.

    Equal as a string (RFC 3986 §6.2.1); for a native client the port of a loopback *address* may differ
    (RFC 8252 §7.3).
    """
    candidates = tuple(registered)
    if requested in candidates:
        return True
    if client_type != "native" or len(requested) > MAX_REDIRECT_URI_LENGTH:
        return False
    portless = _without_loopback_port(requested)
    return portless is not None and any(portless == _without_loopback_port(uri) for uri in candidates)


def _without_loopback_port(uri: str) -> tuple[str, str] | None:
    """(address, rest) of an http URI on a loopback address literal with a valid port, else None."""
    found = _LOOPBACK_LITERAL.fullmatch(uri)
    if found is None or not _ALLOWED_CHARACTERS.fullmatch(uri):
        return None
    port = uri[found.end(1) : found.start(2)]
    if port and not 0 < int(port[1:]) < 65_536:  # noqa: PLR2004 -- the ports of TCP
        return None
    return found[1], found[2]


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """Add parameters to a redirect URI's query, keeping what is there character by character (RFC 6749 §3.1.2)."""
    joint = "?" if "?" not in uri else "&"
    return uri + ("" if uri.endswith(("?", "&")) else joint) + urlencode(parameters)
