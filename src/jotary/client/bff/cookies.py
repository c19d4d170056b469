"""Cookies as this application reads and writes them (RFC 6265, and its successor's `__Host-` prefix)."""

import re
from collections.abc import Iterable
from typing import Final

#: Bytes of one cookie's value. Browsers keep 4096 for name, value and attributes together (RFC 6265 §6.1).
MAX_VALUE_LENGTH: Final = 3_800

#: Characters of one part of a value that is spread over several cookies: room is left for the number of parts.
PART_LENGTH: Final = MAX_VALUE_LENGTH - 4

_VALUE = re.compile(r"[A-Za-z0-9\-_.]*")  # all that we ever write: nothing to quote, nothing to escape


def parse_cookies(headers: Iterable[bytes]) -> dict[str, str]:
    """Read Cookie headers (RFC 6265 §4.2.1); HTTP/2 may send several (RFC 9113 §8.2.3).

    Only space and tab are trimmed, so that no other white space makes a foreign name look like a `__Host-` one. Pairs
    without a name, and values with characters that this application never writes, are left out. A name that comes
    twice is left out altogether: browsers keep one `__Host-` cookie of a name, so somebody else has set the other.
    """
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for header in headers:
        for pair in header.split(b";"):
            name, equals, value = pair.decode("latin-1").strip(" \t").partition("=")
            if not equals or not name:
                continue
            if name in found:
                repeated.add(name)
            found[name] = value
    return {name: value for name, value in found.items() if name not in repeated and _VALUE.fullmatch(value)}


def set_cookie(name: str, value: str, *, max_age: int) -> str:
    """The value of a Set-Cookie header. `max_age` in seconds; 0 removes the cookie.

    `__Host-` makes the browser insist on `Secure`, `Path=/` and no `Domain`, so that neither a sibling domain nor an
    unencrypted answer can plant it. `Lax`, because `Strict` would lose the session on the way back from the issuer.
    """
    if not name.startswith("__Host-") or not _VALUE.fullmatch(value) or len(value) > MAX_VALUE_LENGTH:
        raise ValueError("a cookie of ours is __Host-, short, and needs no quoting")
    return f"{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; Secure; SameSite=Lax"


def clear_cookie(name: str) -> str:
    """The value of a Set-Cookie header that removes a cookie."""
    return set_cookie(name, "", max_age=0)


def split(name: str, value: str) -> dict[str, str]:
    """Spread a value over `name`, `name.1` and so on.

    The first part begins with the number of parts, so that a part left over from a longer value is never read.
    """
    parts = [value[start : start + PART_LENGTH] for start in range(0, len(value), PART_LENGTH)] or [""]
    parts[0] = f"{len(parts)}.{parts[0]}"
    return dict(zip(names(name, len(parts)), parts, strict=True))


def join(name: str, cookies: dict[str, str], *, most: int) -> str | None:
    """The value that `split` spread, or None when a part is missing."""
    count, dot, first = cookies.get(name, "").partition(".")
    if not dot or count not in {str(number) for number in range(1, most + 1)}:
        return None
    parts = [cookies.get(part) for part in names(name, int(count))[1:]]
    return None if None in parts else first + "".join(filter(None, parts))


def names(name: str, count: int) -> list[str]:
    """The names of so many parts."""
    return [name, *(f"{name}.{number}" for number in range(1, count))]
