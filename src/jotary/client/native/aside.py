"""Calls that may wait for a person, such as one who is asked to unlock a keychain: nobody has to wait for them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

Value = TypeVar("Value")


async def aside(work: Callable[[], Value]) -> Value:
    """Run a blocking call in a thread of its own; who is cancelled leaves it behind, and so does the process.

    The threads of `asyncio.to_thread` are waited for when the event loop ends: an interrupt would end nothing until the
    person has closed the browser, or answered the keychain.
    """
    outcome: Future[Value] = Future()
    outcome.set_running_or_notify_cancel()  # so that who is cancelled does not take it from the thread

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, who waits is told
            outcome.set_exception(error)
        else:
            outcome.set_result(value)

    Thread(target=copy_context().run, args=(run,), name="jotary-aside", daemon=True).start()
    return await asyncio.wrap_future(outcome)
