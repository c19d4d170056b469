"""Every request has a name."""

import asyncio
import re
from collections.abc import Callable
from itertools import count
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from jotary.server.telemetry import RequestIds
from jotary.server.telemetry.request_id import current_request_id


async def echo(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with the name that the request has here."""
    await asyncio.sleep(0)  # let others in between
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": (current_request_id() or "").encode()})


def entropy() -> Callable[[int], bytes]:
    """Bytes that count up."""
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


async def ask(app: RequestIds, **scope: Any) -> list[Message]:
    """The messages of one answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await app({"type": "http", "headers": [], **scope}, receive, send)
    return sent


def named(messages: list[Message]) -> tuple[str, str]:
    """The name in the header, and the name that the application saw."""
    start, body = messages
    (name,) = [value.decode() for key, value in start["headers"] if key == b"x-request-id"]
    assert (b"a", b"b") in start["headers"]
    return name, body["body"].decode()


def test_requests_at_the_same_time_have_different_names() -> None:
    """The name is the task's own, and is in the answer's header."""

    async def journey() -> list[tuple[str, str]]:
        app = RequestIds(echo, entropy())
        return [named(answer) for answer in await asyncio.gather(*(ask(app) for _ in range(20)))]

    names = asyncio.run(journey())
    assert all(header == seen and re.fullmatch("[0-9a-f]{16}", header) for header, seen in names)
    assert len(set(names)) == 20


def test_a_name_that_a_stranger_brings_is_not_taken() -> None:
    """CWE-117: it could be anything, another request's name for one."""
    messages = asyncio.run(ask(RequestIds(echo, entropy()), headers=[(b"x-request-id", b"forged\r\n")]))
    assert named(messages) == ("0000000000000001", "0000000000000001")


def test_no_name_remains_behind_a_request() -> None:
    """Lines of the server's own work belong to no request."""

    async def journey() -> str | None:
        await ask(RequestIds(echo, entropy()))
        return current_request_id()

    assert asyncio.run(journey()) is None
