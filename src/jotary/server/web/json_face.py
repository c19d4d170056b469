"""Answers for programs (RFC 6749 §5)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.errors import OAuthError
from jotary.server.web.headers import CORS, CORS_PREFLIGHT, NO_STORE
from jotary.server.web.prepared import PreparedResponse, RawHeaders, encode_headers

_encode: Final = msgspec.json.Encoder().encode


def json_headers(headers: Mapping[str, str]) -> RawHeaders:
    """The headers of JSON, for answers that all have the same."""
    return encode_headers(headers, media_type="application/json")


_NOT_STORED: Final = json_headers(NO_STORE)


def json_response(body: Any, *, status: int = 200, headers: RawHeaders = _NOT_STORED) -> Response:
    """JSON that is not to be stored."""
    return PreparedResponse(_encode(body), headers, status=status)


class JSONFace:
    """Refusals as JSON, readable from other origins if the endpoint is."""

    def __init__(self, *, is_cross_origin: bool = False) -> None:
        self.headers: Final = {**NO_STORE, **CORS} if is_cross_origin else dict(NO_STORE)

    def refusal(self, error: OAuthError, reference: str | None) -> Response:
        """`error` and `error_description` (RFC 6749 §5.2)."""
        body = error.body()
        if reference is not None:
            body["error_description"] += f" Reference: {reference}"
        return json_response(body, status=error.status, headers=json_headers({**self.headers, **error.headers}))


def preflight(*methods: str) -> Response:
    """The answer to a CORS preflight request (Fetch, "CORS-preflight request")."""
    return Response(status_code=204, headers={**CORS_PREFLIGHT, "Access-Control-Allow-Methods": ", ".join(methods)})


async def any_preflight(_request: Request) -> Response:
    """A preflight for an endpoint that takes GET and POST."""
    return preflight("GET", "POST")
