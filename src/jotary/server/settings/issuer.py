"""What may stand as an issuer identifier (RFC 8414 §2, OpenID Connect Discovery §3).

Clients and APIs compare the issuer as a string, byte for byte, so it is kept as written: what two parties could
normalise differently is refused instead of repaired.
"""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from jotary.oauth.loopback import is_loopback
from jotary.server.settings.error import SettingsError

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]+")  # a name without final dot, or an IPv6 address
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")  # RFC 3986 §2.3: unreserved characters have one spelling
_EXAMPLE: Final = "Write it like https://id.example.com."


def is_loopback_issuer(issuer: str) -> bool:
    """Whether the issuer is reachable from this machine only, so that conveniences of development are safe."""
    return is_loopback(urlsplit(issuer).hostname)


def check_issuer(issuer: str) -> None:
    """Refuse what must not be an issuer.

    Raises:
        SettingsError: not an https URL (http on loopback), or a URL that has a second spelling.
    """
    parts = _split(issuer)
    for is_wrong, problem, hint in (
        (parts.scheme not in _DEFAULT_PORTS, "is not an https URL", _EXAMPLE),
        (any(mark in issuer for mark in "?#"), "has a query or fragment", "Remove everything from '?' or '#' on."),
        ("@" in parts.netloc, "has user information", "Remove everything before the '@'."),
        (parts.netloc != parts.netloc.lower(), "has a host in upper case", "Write the host in lower case."),
        (not _HOST.fullmatch(parts.hostname or ""), "names no host", _EXAMPLE),
        (not issuer.startswith(parts.scheme), "has a scheme in upper case", "Write the scheme in lower case."),
        (_names_default_port(parts), "names the default port", "Remove the ':' and the port behind the host."),
        (not _has_one_spelling(parts.path), "has an unusual path", "Use letters, digits, -._~ and single slashes."),
        # RFC 8414 §2, RFC 9700 §2.6: tokens and cookies of a public issuer must never travel in clear
        (_is_public_http(parts), "uses http", "Use https; http is for 127.0.0.1, [::1] and localhost only."),
    ):
        if is_wrong:
            raise _refuse(problem, hint)


def _split(issuer: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]+", issuer):
        raise _refuse(
            "is empty, or has spaces or characters outside ASCII", f"{_EXAMPLE} Other scripts need the xn-- form."
        )
    try:
        parts = urlsplit(issuer)
        _ = parts.port  # parsed on access: a bad one raises here
    except ValueError as error:
        raise _refuse("is not a URL", _EXAMPLE) from error
    return parts


def _names_default_port(parts: SplitResult) -> bool:
    return parts.netloc.endswith(":") or (parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme))


def _has_one_spelling(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def _is_public_http(parts: SplitResult) -> bool:
    return parts.scheme == "http" and not is_loopback(parts.hostname)


def _refuse(problem: str, hint: str) -> SettingsError:
    return SettingsError(problem, hint=hint, name="issuer")
