"""The three cookies. All are `__Host-` ones: no subdomain and no plain-http page can plant them (RFC 6265bis)."""

import re
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.secret import Secret

#: Opens the browser's sign-in.
SIGN_IN: Final = "__Host-jotary"
#: Names the browser, so that the tokens in its forms are good in no other.
BROWSER: Final = "__Host-jotary-form"

#: Tells a browser in which somebody has signed in before from a stranger's.
KNOWN: Final = "__Host-jotary-known"
#: Seconds that it is kept: as long as browsers keep any cookie (RFC 6265bis §5.5).
KNOWN_MAX_AGE: Final = 400 * 86_400

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of 32 bytes


def read_cookie(request: Request, name: str) -> Secret | None:
    """The cookie's value if it can be one that this server has set.

    Only space and tab are trimmed: other white space in front hides the prefix from a browser's checks, so that a
    subdomain could plant it. None if it comes twice: of a `__Host-` name a browser keeps one (RFC 6265bis §5.7).
    """
    values = [value for given, value in _pairs(request) if given == name]
    return Secret(values[0]) if len(values) == 1 and _VALUE.fullmatch(values[0]) else None


def _pairs(request: Request) -> Iterator[tuple[str, str]]:
    """Names and values as they were sent (RFC 6265 §4.2.1)."""
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            yield name, value


def set_cookie(response: Response, name: str, value: Secret, *, max_age: int | None = None) -> None:
    """Set a cookie for `max_age` seconds, or until the browser is closed."""
    # Lax, not Strict: the first request of a sign-in comes from the client's site and must bring them along.
    response.set_cookie(name, value.reveal(), max_age=max_age, path="/", secure=True, httponly=True, samesite="lax")


def clear_cookie(response: Response, name: str) -> None:
    """Remove a cookie; a browser only believes it with the attributes of the prefix."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
