"""Keeping secrets out of logs, whoever wrote the line.

Our own code logs none. This is the second line of defence: for exception texts, for libraries' log lines, and for the
mistake that somebody makes one day.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

HIDDEN: Final = "[hidden]"

#: Names under which secrets travel (RFC 6749, RFC 7523, RFC 7636, HTTP).
_SECRET_NAMES: Final = frozenset(
    {
        "access_token",
        "assertion",
        "authorization",
        "client_assertion",
        "client_secret",
        "code_verifier",
        "cookie",
        "csrf_token",
        "id_token",
        "id_token_hint",
        "password",
        "refresh_token",
        "secret",
        "set_cookie",
        "token",
    }
)

#: What our secrets look like wherever they stand: refresh tokens, codes, client secrets, JWTs, credentials in an
#: Authorization header or a URL, and the sign-in cookie.
_SECRETS: Final = re.compile(
    r"j(?:rt|ac|cs)_[A-Za-z0-9_-]+"
    r"|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"
    r"|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]+"
    r"|(?<=://)[^/@\s:]*:[^/\s]*(?=@)"
    r"|(?<=__Host-jotary=)[A-Za-z0-9_-]+"
    r"|(?<=password=)[^&\s]+"
)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide values by their name, and parts of texts by their looks."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def _redacted(name: str, value: Any) -> Any:
    if name.lower().replace("-", "_") in _SECRET_NAMES:
        return HIDDEN
    if isinstance(value, str):
        return _SECRETS.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", inner) for inner in value]
    return value
