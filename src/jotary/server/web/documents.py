"""Documents that are the same for everybody: their bytes are made once, and a reader that has them gets 304."""

import hashlib
from collections.abc import Mapping, Sequence

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
        etag = f'"{self.digest}"'
        self._etag = etag.encode()
        self._headers = encode_headers({**headers, "ETag": etag}, media_type=media_type)
        self._unchanged = encode_headers({**headers, "ETag": etag})

    def response(self, request: Request) -> Response:
        """The document, or 304 if the reader has it (RFC 9110 §13.1.2)."""
        known = [value for name, value in request.scope["headers"] if name == b"if-none-match"]
        if known and _names(known, self._etag):
            return PreparedResponse(b"", self._unchanged, status=304)
        return PreparedResponse(self.body, self._headers)


def _names(if_none_match: Sequence[bytes], etag: bytes) -> bool:
    """Whether the reader has it: all headers of a name are one list (RFC 9110 §5.3)."""
    tags = [tag.strip().removeprefix(b"W/") for tag in b",".join(if_none_match).split(b",")]
    return etag in tags or b"*" in tags
