"""A lock that many threads hold together, or one alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jotary.server.keyring.shared_lock import SharedLock

PATIENCE = 30  # seconds, far more than it takes


def test_many_are_in_together() -> None:
    """Each waits inside for the other."""
    lock, meeting = SharedLock(), threading.Barrier(2, timeout=PATIENCE)

    def enter() -> None:
        with lock.together():
            meeting.wait()

    with ThreadPoolExecutor(2) as threads:
        for entered in [threads.submit(enter) for _ in range(2)]:
            entered.result()


def test_who_is_alone_waits_for_those_inside_and_keeps_out_who_comes_later() -> None:
    """In that order."""
    lock, told, is_inside, may_leave = SharedLock(), list[str](), threading.Event(), threading.Event()

    def first() -> None:
        with lock.together():
            is_inside.set()
            may_leave.wait(PATIENCE)
            told.append("first")

    def alone() -> None:
        with lock.alone(patience=PATIENCE) as is_held:
            told.append(f"alone {is_held}")

    def second() -> None:
        with lock.together():
            told.append("second")

    with ThreadPoolExecutor(3) as threads:
        jobs = [threads.submit(first)]
        is_inside.wait(PATIENCE)
        jobs.append(threads.submit(alone))
        while not lock._is_wanted_alone:
            pass
        jobs.append(threads.submit(second))
        may_leave.set()
        for job in jobs:
            job.result(PATIENCE)
    assert told == ["first", "alone True", "second"]


def test_one_that_hangs_inside_keeps_nobody_out_for_ever() -> None:
    """Who wanted to be alone is told that it is not, and the others go on."""
    lock = SharedLock()
    with lock.together():
        with lock.alone(patience=0.01) as is_held:
            assert not is_held
        with lock.together():
            pass
    with lock.alone(patience=0.01) as is_held:
        assert is_held


def test_what_fails_inside_leaves() -> None:
    """An HSM fails in the middle of a call."""
    lock = SharedLock()
    for hold in (lock.together(), lock.alone(patience=1)):
        with pytest.raises(OSError, match="the HSM is gone"), hold:
            raise OSError("the HSM is gone")
    with lock.alone(patience=0.01) as is_held:
        assert is_held
