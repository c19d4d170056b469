"""The ASGI lifespan of an application inside another: passed through, with something of our own at the end."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def run_lifespan(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, at_shutdown: Callable[[], Awaitable[None]]
) -> None:
    """Run the application's lifespan, and `at_shutdown` behind it.

    An application that knows no lifespan, such as `StaticFiles`, raises before it answers (ASGI lifespan
    specification), or answers with something else. It then runs without one, and `at_shutdown` is run all the same.
    """
    received: list[str] = []
    has_answered = False

    async def listen() -> Message:
        message = await receive()
        received.append(message["type"])
        return message

    async def answer(message: Message) -> None:
        nonlocal has_answered
        if not message["type"].startswith("lifespan."):
            raise _NoLifespanError
        has_answered = True
        if message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
            await at_shutdown()
        await send(message)

    try:
        await app(scope, listen, answer)
    except Exception:
        if has_answered:
            raise
        if not received:
            await listen()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await at_shutdown()
        await send({"type": "lifespan.shutdown.complete"})


class _NoLifespanError(Exception):
    """The application took the lifespan for a request."""
