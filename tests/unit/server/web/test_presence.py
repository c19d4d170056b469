"""Nobody works for somebody who has gone."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from jotary.server.web.presence import while_present


def test_work_ends_when_the_client_hangs_up() -> None:
    """A password that waits in the queue gives its place to the next."""
    events: list[str] = []

    async def journey() -> None:
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                events.append("given up")

        waiting = asyncio.ensure_future(while_present(Request({"type": "http"}, receive), work()))
        await asyncio.sleep(0)
        gone.set()
        with pytest.raises(ClientDisconnect):
            await waiting

    asyncio.run(journey())
    assert events == ["given up"]


def test_who_stays_gets_the_answer_or_the_failure() -> None:
    """And nothing goes on listening."""

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    async def journey() -> None:
        request = Request({"type": "http"}, receive)
        assert await while_present(request, asyncio.sleep(0, "answer")) == "answer"

        async def fail() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await while_present(request, fail())
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(journey())


def test_a_server_that_stops_ends_the_work_too() -> None:
    """Cancelled from outside, nothing is left running."""

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    async def journey() -> None:
        waiting = asyncio.ensure_future(while_present(Request({"type": "http"}, receive), asyncio.sleep(3600)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(journey())
