"""What is sent to an API under attack, and what comes back."""

from collections.abc import Mapping

import msgspec

#: The status of an answer that never came: the connection was closed, or nothing was said in time.
CLOSED = 0

PATIENCE = 10  # seconds

Headers = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent.

    Attributes:
        method: such as GET.
        path: percent-encoded, from the root of the API.
        query: without the question mark.
        headers: names in lower case; a name may stand more than once.
        body: bytes.
    """

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Headers = ()
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back.

    Attributes:
        status: of HTTP, or `CLOSED`.
        headers: names in lower case; of a name that stands twice, the last.
        body: bytes.
        detail: why there is no answer, or the exception that the application raised.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    detail: str = ""


def failed(error: BaseException) -> Answer:
    """Return what a server answers for an application that raises."""
    return Answer(status=500, detail=f"{type(error).__name__}: {error}"[:500])
