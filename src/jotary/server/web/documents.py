"""Documents that are the same for everybody: their bytes are made once, and a reader that has them gets 304."""

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from jotary.jose import base64url
from jotary.server.web.prepared import PreparedResponse, encode_headers


class Document:
    """Bytes with their type, how long they may be kept, and their entity tag.

    Args:
        body: what is sent.
        media_type: its Content-Type.
        headers: further headers, `Cache-Control` among them.
    """

    def __init__(self, body: bytes, *, media_type: str, headers: Mapping[str, str]) -> None:
        self.digest = base64url.encode(hashlib.sha256(body).digest()[:16])
        self.body = body
        self._etag = f'"{self.digest}"'
        self._headers = encode_headers({**headers, "ETag": self._etag}, media_type=media_type)
        self._unchanged = encode_headers({**headers, "ETag": self._etag})

    def response(self, request: Request) -> Response:
        """The document, or 304 if the reader has it (RFC 9110 §13.1.2)."""
        if _names(request.headers.get("if-none-match"), self._etag):
            return PreparedResponse(b"", self._unchanged, status=304)
        return PreparedResponse(self.body, self._headers)


def _names(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
