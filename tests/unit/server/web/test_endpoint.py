"""One path, as an ASGI server sees it: what servers hide from clients, and what they need not."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from structlog.testing import capture_logs

from jotary.server.ports import Clock, Unavailable
from jotary.server.web.endpoint import MAX_HEADER_SIZE, MAX_QUERY_SIZE, Endpoint, Handler
from jotary.server.web.json_face import JSONFace

NOW = 1_800_000_000


async def hello(_request: Request) -> Response:
    """An endpoint's handler."""
    return PlainTextResponse("hello")


def answered(
    method: str, *, query: bytes = b"", header: bytes = b"", answer: Handler = hello
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of what is sent to the ASGI server."""
    return answer_of(made(answer), method, query=query, header=header)


def made(answer: Handler, clock: Clock = lambda: NOW) -> Endpoint:
    """An endpoint with one handler."""
    return Endpoint({"GET": answer, "HEAD": answer}, face=JSONFace(), entropy=bytes, clock=clock)


def answer_of(
    endpoint: Endpoint, method: str, *, query: bytes = b"", header: bytes = b""
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of what this one sends."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

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


def test_what_keeps_it_from_answering_is_logged_once_a_second_and_every_request_is_answered() -> None:
    """A line for each of hundreds of requests fills the disk, or is what waits for the one that is full."""
    seconds = iter([NOW, NOW, NOW, NOW + 1, NOW + 1, NOW])

    async def answer(_request: Request) -> Response:
        raise Unavailable("the database did not answer")

    endpoint = made(answer, lambda: next(seconds))
    with capture_logs() as logs:
        statuses = [answer_of(endpoint, "GET")[0] for _ in range(6)]
    assert statuses == [503] * 6
    assert [entry.get("left_out") for entry in logs] == [None, 2, 1]


def test_what_is_said_in_a_second_has_an_end() -> None:
    """Other words are another line, but not as many as there are requests."""
    words = iter([*"abab", *map(str, range(1000)), "a"])

    async def answer(_request: Request) -> Response:
        raise Unavailable(next(words))

    now = [NOW]
    endpoint = made(answer, lambda: now[0])
    with capture_logs() as logs:
        for _ in range(1004):
            answer_of(endpoint, "GET")
        now[0] += 1
        answer_of(endpoint, "GET")
    assert [entry["what"] for entry in logs] == ["a", "b", "0", "1", "2", "3", "4", "5", "a"]
    assert sum(entry.get("left_out", 0) for entry in logs) == 1004 - 8


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
