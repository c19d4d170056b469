"""Answers that are given without the application: their bytes are made once, as they must cost next to nothing."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from jotary.oauth.errors import OAuthError, temporarily_unavailable
from jotary.server.web.headers import CORS, NO_STORE, page_headers

_CLOSE: Final[Mapping[str, str]] = {"Connection": "close"}


class Refusal:
    """An answer but for its date.

    Args:
        status: of HTTP.
        body: what is sent.
        headers: all but the date and the length.
    """

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        lines = {**headers, "Content-Length": str(len(body))}
        self._status = STATUS_LINE[status]
        self._rest = "".join(f"{name.lower()}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n" + body

    def answer(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer; `default_headers` are those of the server, such as the date."""
        return b"".join([self._status, *(b"%b: %b\r\n" % header for header in default_headers), self._rest])


def _json(error: OAuthError, headers: Mapping[str, str]) -> Refusal:
    all_headers = {**NO_STORE, **CORS, **error.headers, **headers, "Content-Type": "application/json"}
    return Refusal(error.status, msgspec.json.encode(error.body()), all_headers)


def _invalid(description: str, status: int) -> Refusal:
    """Of a request that is not read to its end, so that the connection is good for nothing more."""
    return _json(OAuthError("invalid_request", description, status=status), _CLOSE)


_TOO_BUSY_PAGE: Final = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    b"<title>Too busy just now</title><h1>Too busy just now</h1><p>Nothing is lost. Try again in a few seconds.</p>"
)

TIMED_OUT: Final = _invalid("The request took too long to arrive.", 408)
BODY_TOO_LARGE: Final = _invalid("The body is too large.", 413)
TARGET_TOO_LONG: Final = _invalid("The address is too long.", 414)
HEADER_TOO_LARGE: Final = _invalid("The header is too large.", 431)
TOO_BUSY: Final = _json(temporarily_unavailable(retry_after=1), {})
TURNED_AWAY: Final = _json(temporarily_unavailable(retry_after=1), _CLOSE)
TOO_BUSY_FOR_PEOPLE: Final = Refusal(
    503,
    _TOO_BUSY_PAGE,
    {
        **page_headers(form_action="none", is_https=False),
        "Retry-After": "1",
        "Content-Type": "text/html; charset=utf-8",
    },
)
