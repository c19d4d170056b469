"""The lifespan of an application inside another, message by message (ASGI lifespan specification)."""

from typing import Any

import pytest
from starlette.types import ASGIApp

from jotary.client.bff.lifespan import run_lifespan

pytestmark = pytest.mark.anyio


async def story(app: ASGIApp) -> list[str]:
    """What happens, in order, when a server starts and stops the application."""
    happened: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        happened.append(next(messages))
        return {"type": happened[-1]}

    async def send(message: Any) -> None:
        happened.append(message["type"])

    async def close() -> None:
        happened.append("closed")

    await run_lifespan(app, {"type": "lifespan"}, receive, send, at_shutdown=close)
    return happened


WHOLE = [
    "lifespan.startup",
    "lifespan.startup.complete",
    "lifespan.shutdown",
    "closed",
    "lifespan.shutdown.complete",
]


async def test_an_application_with_a_lifespan() -> None:
    """Ours ends behind the application's own."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            await send({"type": f"lifespan.{event}.complete"})

    assert await story(app) == WHOLE


async def test_an_application_that_raises_at_once() -> None:
    """It has not taken the first message, so it is taken for it."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise NotImplementedError

    assert await story(app) == WHOLE


async def test_an_application_that_raises_after_the_first_message() -> None:
    """The message is not awaited twice."""

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        raise NotImplementedError

    assert await story(app) == WHOLE


async def test_an_application_that_answers_with_something_else() -> None:
    """The server never sees it."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    assert await story(app) == WHOLE


async def test_an_application_that_fails_while_it_stops() -> None:
    """Its failure is passed on, and everything is closed all the same."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed"})

    assert await story(app) == [*WHOLE[:4], "lifespan.shutdown.failed"]
