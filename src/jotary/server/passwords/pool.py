"""The `PasswordHasher` port: a fixed number of threads, and a bounded number of passwords that wait for one.

A hash takes some 20 ms of a core on purpose. Without a bound, a burst of sign-ins would queue for minutes while the
people behind them have long gone, and starve everything else.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

from jotary.server.passwords import argon2id, imported
from jotary.server.ports import Unavailable

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Watch(Protocol):
    """Sees how long passwords wait, and how long they take."""

    def __call__(self, work: Callable[Arguments, Answer], /) -> Callable[Arguments, Answer]:
        """The same work, watched."""


_NICENESS: Final = 5  # below the event loop, which answers everybody else
_PATIENCE: Final = 2  # seconds, in which a full queue has been worked off


class HashingPool:
    """Hashes and verifies passwords beside the event loop; Argon2 releases the GIL.

    Args:
        workers: threads; 0 takes one for every core that the process may use.
        queue: passwords that may wait for each thread.
        watch: is given the work of each password when it gets its place, and what it returns is run in its stead.
    """

    def __init__(self, *, workers: int = 0, queue: int = 64, watch: Watch | None = None) -> None:
        workers = workers or _cores()
        self._watch = watch
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="password", initializer=_yield_to_event_loop)
        self._places = threading.Semaphore(workers * (1 + queue))
        self._workers = workers
        self._in_hand = 0
        self._counting = threading.Lock()

    async def hash(self, password: str) -> str:
        """The PHC string of a new password.

        Raises:
            Unavailable: the queue is full.
        """
        return await self._run(argon2id.hash_password, password)

    async def verify(self, password: str, phc: str | None) -> bool:
        """Whether the password fits the hash. One hash is computed whatever `phc` is: nobody's where it is None.

        An imported hash takes the time that its own system gave it, until the first sign-in replaces it.

        Raises:
            Unavailable: the queue is full.
        """
        return await self._run(verify, password, phc)

    def needs_rehash(self, phc: str) -> bool:
        """Whether the hash was made with weaker or foreign parameters than today's."""
        try:
            return argon2id.needs_rehash(phc)
        except ValueError:
            return True

    @property
    def waiting(self) -> int:
        """Passwords that wait for a thread. Any thread may ask."""
        return max(0, self._in_hand - self._workers)

    def close(self) -> None:
        """Refuse what comes, finish what was accepted, and give the threads back. Blocks until then."""
        self._threads.shutdown()

    async def _run(
        self, work: Callable[Arguments, Answer], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Answer:
        if not self._places.acquire(blocking=False):
            raise Unavailable("all threads that hash passwords are busy, and the queue is full", retry_after=_PATIENCE)
        try:
            watched = work if self._watch is None else self._watch(work)
            job = self._threads.submit(watched, *arguments, **named)
        except RuntimeError as error:  # closed
            self._places.release()
            raise Unavailable("the server is shutting down") from error
        # The place is given back by the job, not by who waits for it: a request that went away must not make room
        # for another while its hash still runs.
        self._count(1)
        job.add_done_callback(lambda _job: self._give_back())
        return await asyncio.wrap_future(job)

    def _give_back(self) -> None:
        self._count(-1)
        self._places.release()

    def _count(self, change: int) -> None:
        with self._counting:  # a job may end in any thread
            self._in_hand += change


def verify(password: str, phc: str | None) -> bool:
    """Whether the password fits the hash; the work of one hash is done in every case."""
    if phc is None:
        argon2id.verify(argon2id.NOBODY, password)
        return False
    if phc.startswith(("$argon2", "argon2$")):  # the second is Django's
        return argon2id.verify(phc.removeprefix("argon2"), password)
    fits = imported.verify(phc, password)
    return verify(password, None) if fits is None else fits


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _yield_to_event_loop() -> None:
    """Give this thread a lower priority, so that a burst of sign-ins does not delay every other answer."""
    if sys.platform == "linux":  # elsewhere the priority belongs to the process
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):  # a sandbox may refuse it; an error here would close the pool for good
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
