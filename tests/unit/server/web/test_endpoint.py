"""One path, as an ASGI server sees it: what servers hide from clients, and what they need not."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from structlog.testing import capture_logs

from jotary.server.ports import Unavailable
from jotary.server.web.endpoint import MAX_HEADER_SIZE, MAX_QUERY_SIZE, Endpoint, Handler
from jotary.server.web.json_face import JSONFace


async def hello(_request: Request) -> Response:
    """An endpoint's handler."""
    return PlainTextResponse("hello")


def answered(
    method: str, *, query: bytes = b"", header: bytes = b"", answer: Handler = hello
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of what is sent to the ASGI server."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    endpoint = Endpoint({"GET": answer, "HEAD": answer}, face=JSONFace(), entropy=bytes)
    headers = [(b"x", header)] if header else []
    scope = {"type": "http", "method": method, "path": "/", "query_string": query, "headers": headers}
    asyncio.run(endpoint(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    start, *rest = sent
    return start["status"], dict(start["headers"]), b"".join(message["body"] for message in rest)


def test_an_answer_to_head_has_no_content_and_the_length_of_the_one_to_get() -> None:
    """RFC 9110 §9.3.2, by whichever ASGI server it is sent."""
    _, headers, body = answered("HEAD")
    assert (headers[b"content-length"], body) == (b"5", b"")
    assert answered("GET")[2] == b"hello"


@pytest.mark.parametrize("known", [{}, {"hint": "Install it."}])
def test_what_keeps_it_from_answering_is_logged_with_what_to_do(known: dict[str, str]) -> None:
    """The client is told neither."""

    async def answer(_request: Request) -> Response:
        raise Unavailable("pkcs11 needs a library", **known)  # type: ignore[arg-type]  # by name

    with capture_logs() as logs:
        status, _, body = answered("GET", answer=answer)
    assert status == 503
    assert logs == [
        {"event": "unavailable", "log_level": "warning", "path": None, "what": "pkcs11 needs a library", **known}
    ]
    assert b"nstall" not in body
    assert b"pkcs11" not in body


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_QUERY_SIZE, 200), (MAX_QUERY_SIZE + 1, 414)], ids=["the longest", "a longer one"]
)
def test_a_query_has_an_end(size: int, status: int) -> None:
    """RFC 9110 §15.5.15."""
    assert answered("GET", query=b"q" * size)[0] == status


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_HEADER_SIZE - 1, 200), (MAX_HEADER_SIZE, 431)], ids=["the largest", "a larger one"]
)
def test_headers_have_an_end(size: int, status: int) -> None:
    """RFC 6585 §5: names and values together."""
    assert answered("GET", header=b"h" * size)[0] == status
