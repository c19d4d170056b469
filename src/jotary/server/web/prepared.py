"""Responses whose headers are the same every time: they are encoded once, not for each answer."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

RawHeaders = tuple[tuple[bytes, bytes], ...]


def encode_headers(headers: Mapping[str, str], *, media_type: str | None = None) -> RawHeaders:
    """Headers as ASGI wants them, with the Content-Type if there is one."""
    content_type = {} if media_type is None else {"Content-Type": media_type}
    return tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in {**headers, **content_type}.items()
    )


class PreparedResponse(Response):
    """A response like every other one to who handles or sends it.

    Args:
        body: what is sent.
        headers: encoded; `Content-Length` is added, unless there is no content by definition (304).
        status: the HTTP status.
    """

    def __init__(self, body: bytes, headers: Sequence[tuple[bytes, bytes]], *, status: int = 200) -> None:
        # Not the constructor of what it extends, which would encode all headers again.
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = list(headers)
        if status != 304:  # noqa: PLR2004 -- RFC 9110 §15.4.5: its length would be that of the 200
            self.raw_headers.append((b"content-length", b"%d" % len(body)))
