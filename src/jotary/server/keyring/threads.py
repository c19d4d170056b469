"""Threads for calls that may never return. Unlike a `ThreadPoolExecutor`'s they keep no process from ending."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")

_Job = tuple[Future[Any], Callable[[], Any]]


class Threads:
    """Runs work in at most so many threads, each started when it is needed.

    Args:
        most: threads.
        name: of each, with a number behind it.
    """

    def __init__(self, most: int, *, name: str) -> None:
        self._most: Final = most
        self._name: Final = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)  # threads that wait for work which nobody has put there yet
        self._started = 0
        self._is_closed = False

    def submit(self, work: Callable[[], Answer]) -> Future[Answer]:
        """What comes of the work.

        Raises:
            RuntimeError: it is closed.
        """
        future: Future[Answer] = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("no work is taken any more")
            self._jobs.put((future, work))
            if not self._idle.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def close(self) -> None:
        """Take no more work, and cancel what waits. What is under way is not waited for."""
        with self._lock:
            self._is_closed = True
            with suppress(Empty):
                while (job := self._jobs.get_nowait()) is not None:
                    job[0].cancel()
            for _ in range(self._started):
                self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            _do(*job)
            del job  # or the last one's answer stays here until there is another
            self._idle.release()


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        answer = work()
    except BaseException as error:  # noqa: BLE001 -- whoever waits for the answer is told
        future.set_exception(error)
    else:
        future.set_result(answer)
