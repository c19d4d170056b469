"""Reading a form: its size and type are checked before anything is decoded."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import ClientDisconnect, Request

from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.parameters import MAX_FORM_SIZE, Parameters, parse_form

_FORM: Final = "application/x-www-form-urlencoded"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def too_large(what: str, *, status: int, headers: Mapping[str, str] = _NO_HEADERS) -> OAuthError:
    """A refusal of something that is too large to be read."""
    return OAuthError("invalid_request", f"The {what} is too large.", status=status, headers=headers)


async def read_form(request: Request) -> Parameters:
    """The parameters of a form body; no body is an empty form.

    Raises:
        OAuthError: invalid_request, with status 413 over `MAX_FORM_SIZE` bytes; 400 for anything but a form.
    """
    body = await _read(request)
    if not body:
        return Parameters(())
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise invalid_request("The body is not a form.", hint=f"Send Content-Type: {_FORM}.")
    return parse_form(body)


async def _read(request: Request) -> bytes:
    """The body, given up as soon as it is known to be too large.

    Raises:
        ClientDisconnect: nobody waits for an answer any more.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > len(str(MAX_FORM_SIZE)) or int(announced) > MAX_FORM_SIZE:
        raise _body_too_large(request)
    body, is_whole = b"", False
    while not is_whole:  # as a rule the first message holds all of it
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_FORM_SIZE:
            raise _body_too_large(request)
        is_whole = not message.get("more_body", False)
    return body


def _body_too_large(request: Request) -> OAuthError:
    # No server need read the rest then (RFC 9110 §15.5.14). HTTP/2 knows no such header (RFC 9113 §8.2.2).
    is_http_1 = request.scope.get("http_version", "1.1").startswith("1")
    return too_large("body", status=413, headers={"Connection": "close"} if is_http_1 else {})
