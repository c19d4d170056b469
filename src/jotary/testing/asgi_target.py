"""An ASGI application as a target: its lifespan and its requests run on an event loop in a thread of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from jotary.testing.exchange import CLOSED, PATIENCE, Answer, Request, failed

Message = MutableMapping[str, Any]
T = TypeVar("T")
App = Callable[..., Awaitable[None]]

_VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class AsgiTarget:
    """Any ASGI 3 application. A thread of its own, so that it can be called from a test that has an event loop.

    Args:
        app: (scope, receive, send).

    Raises:
        RuntimeError: it did not start up.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._lifespan = _Lifespan(app, self._state)
        try:
            self._run(self._lifespan.start())
        except BaseException:
            self.close()
            raise

    def send(self, request: Request) -> Answer:
        """Call it."""
        try:
            return self._run(self._exchange(request))
        except TimeoutError:
            return Answer(status=CLOSED, detail=f"no answer within {PATIENCE} seconds")

    def close(self) -> None:
        """Shut it down."""
        try:
            self._run(self._lifespan.stop())
        finally:
            self._run(_cancel_the_rest())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            future.cancel()
            raise

    async def _exchange(self, request: Request) -> Answer:
        messages = [{"type": "http.request", "body": request.body, "more_body": False}]
        sent: list[Message] = []
        finished = asyncio.Event()

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await finished.wait()  # a client that waits for its answer
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                finished.set()

        try:
            await self._app(_scope(request, self._state), receive, send)
        except Exception as error:  # noqa: BLE001 -- whatever it raises, a server would answer 500
            return failed(error)
        return _answer(sent)


class _Lifespan:
    """Startup and shutdown, for an application that has them (ASGI Lifespan)."""

    def __init__(self, app: App, state: dict[str, Any]) -> None:
        self._app = app
        self._state = state
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": _VERSIONS, "state": self._state}
        self._task = asyncio.ensure_future(self._call(scope))
        await self._ask("startup")

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            await self._ask("shutdown")
            await self._task

    async def _call(self, scope: Message) -> None:
        try:
            await self._app(scope, self._asked.get, self._said.put)
        except Exception:  # noqa: BLE001 -- how an application says that it has no lifespan
            self._task = None
        finally:
            await self._said.put({"type": "lifespan.over"})

    async def _ask(self, phase: str) -> None:
        await self._asked.put({"type": f"lifespan.{phase}"})
        message = await self._said.get()
        if message["type"] == f"lifespan.{phase}.failed":
            raise RuntimeError(f"the application failed in its {phase}: {message.get('message', '')}")


async def _cancel_the_rest() -> None:
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()


def _scope(request: Request, state: dict[str, Any]) -> Message:
    return {
        "type": "http",
        "asgi": _VERSIONS,
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(request.path).decode("utf-8", "replace"),
        "raw_path": request.path.encode("ascii"),
        "query_string": request.query.encode("ascii"),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", str(len(request.body)).encode()), *request.headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "state": state.copy(),
    }


def _answer(sent: list[Message]) -> Answer:
    started = next((message for message in sent if message["type"] == "http.response.start"), None)
    if started is None:
        return Answer(status=CLOSED, detail="the application sent no response")
    headers = {
        bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1") for name, value in started["headers"]
    }
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(status=started["status"], headers=headers, body=body)
