"""Threads for calls that may never return."""

import threading
from concurrent.futures import CancelledError

import pytest

from jotary.server.keyring.threads import Threads

LONG = 30  # seconds: far more than anything here takes


def test_work_is_done_and_its_failure_told() -> None:
    """An answer, or what was raised."""
    threads = Threads(1, name="worker")
    assert threads.submit(lambda: 1 + 1).result(LONG) == 2
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 // 0).result(LONG)
    assert threads.submit(lambda: threading.current_thread().name).result(LONG) == "worker-1"
    threads.close()


def test_as_many_as_allowed_work_together_and_the_rest_waits() -> None:
    """Two meet at a barrier; three never would."""
    threads, meeting, may_end = Threads(2, name="worker"), threading.Barrier(3), threading.Event()

    def meet() -> str:
        meeting.wait(LONG)
        may_end.wait(LONG)
        return threading.current_thread().name

    together = [threads.submit(meet) for _ in range(2)]
    meeting.wait(LONG)
    waiting = threads.submit(lambda: threading.current_thread().name)
    assert not waiting.running()
    may_end.set()
    names = {job.result(LONG) for job in together}
    assert names == {"worker-1", "worker-2"}
    assert waiting.result(LONG) in names
    threads.close()


def test_what_waits_is_cancelled_at_the_end_and_nothing_more_is_taken() -> None:
    """What is under way is not waited for, and its answer still arrives."""
    threads, has_begun, may_end = Threads(1, name="worker"), threading.Event(), threading.Event()

    def hang() -> str:
        has_begun.set()
        may_end.wait(LONG)
        return "done"

    under_way, waiting = threads.submit(hang), threads.submit(hang)
    has_begun.wait(LONG)
    threads.close()
    with pytest.raises(CancelledError):
        waiting.result(LONG)
    with pytest.raises(RuntimeError, match="no work"):
        threads.submit(hang)
    may_end.set()
    assert under_way.result(LONG) == "done"


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    """A signature that came too late for its request would take the place of one that is in time."""
    threads, may_go_on, done = Threads(1, name="worker"), threading.Event(), list[str]()
    first = threads.submit(lambda: may_go_on.wait(LONG))
    given_up = threads.submit(lambda: done.append("given up"))
    last = threads.submit(lambda: done.append("last"))
    assert given_up.cancel()
    may_go_on.set()
    first.result(LONG)
    last.result(LONG)
    assert done == ["last"]
    threads.close()
