"""Keeping secrets out of logs, whoever wrote the line.

Our own code logs none. This is the second line of defence: for exception texts, for libraries' log lines, and for the
mistake that somebody makes one day. What is behind it is text, numbers, lists and mappings: nothing is left that a
renderer would still have to print, as it would print secrets, too.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

HIDDEN: Final = "[hidden]"

#: Lists and mappings in each other, behind which nothing is shown: one may hold itself.
MAX_DEPTH: Final = 16

#: Last words of the names under which secrets travel (RFC 6749, RFC 7523, RFC 7636, HTTP), as in `new_password`.
_WORDS: Final = "assertion|authorization|cookie|password|secret|token|token_hint|verifier"
_SEPARATORS: Final = re.compile(r"[=:,]")
_SECRET_NAME: Final = re.compile(rf".*(?:{_WORDS})", re.DOTALL)

#: What stands behind such a name in a query, a form, JSON, or what Python prints.
_NAMED: Final = re.compile(
    rf"""(?i:((?:{_WORDS})(?:=|\\*["']\s*:\s*)|[?&]code=))"""
    r"""(?:b?"(?:[^"\\]|\\.)*+"|b?'(?:[^'\\]|\\.)*+'|[^&\s]+)"""
)

#: What our secrets look like wherever they stand: refresh tokens, codes, client secrets, JWTs, credentials in an
#: Authorization header or a URL, and cookies.
_SECRETS: Final = re.compile(
    r"j(?:rt|ac|cs)_[A-Za-z0-9_-]+"
    r"|eyJ[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*){2,4}"
    r"|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]+"
    r"|(?<=://)[^/@\s:]*:[^/\s]*(?=@)"
)
# Schemes of HTTP are written in any case (RFC 9110 §11.1).
_CREDENTIALS: Final = re.compile(
    r"""((?i:authorization)["']?\s*[:,]\s*(?:b?["'])?[A-Za-z]+ +|__Host-[A-Za-z0-9_-]+=)[^\s;,"')]+"""
)

#: What a terminal would obey, or UTF-8 cannot hold.
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide values by their name, and parts of texts by their looks."""
    for name, value in event.items():
        if name != "_record":  # the standard library's own, which structlog takes away again
            event[name] = _redacted(name, value, 0)
    return event


def _redacted(name: str, value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH or _SECRET_NAME.fullmatch(name.lower().replace("-", "_")):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(str(key)): _redacted(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple) and len(value) == 2:  # noqa: PLR2004 -- a name and what it names, as of a header
        first, second = value
        named = first.decode("latin-1") if isinstance(first, bytes) else str(first)
        return [_redacted("", first, depth + 1), _redacted(named, second, depth + 1)]
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", inner, depth + 1) for inner in value]
    return _text(value if isinstance(value, str) else repr(value))


def _text(text: str) -> str:
    if _SEPARATORS.search(text):  # most texts have none, and the patterns take longer
        text = _CREDENTIALS.sub(rf"\1{HIDDEN}", _NAMED.sub(rf"\1{HIDDEN}", text))
    text = _SECRETS.sub(HIDDEN, text)
    if text.isprintable():
        return text
    return text.encode("utf-8", "backslashreplace").decode().translate(_CONTROLS)
