"""The bounded pool of password hashing."""

import asyncio
import os
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import pbkdf2_hmac
from typing import Any

import argon2
import pytest

from jotary.server.passwords import HashingPool, argon2id
from jotary.server.passwords import pool as pool_module
from jotary.server.ports import Unavailable

DJANGO = f"pbkdf2_sha256$10$NaCl${b64encode(pbkdf2_hmac('sha256', b'correct horse', b'NaCl', 10)).decode()}"


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    """One thread, and one place to wait."""
    made = HashingPool(workers=1, queue=1)
    yield made
    made.close()


class Gate:
    """Work that goes on until it is let go, to keep a thread busy without the clock."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        """Wait to be opened."""
        self.started.set()
        assert self.opened.wait(60)
        return "done"

    async def wait_until_started(self) -> None:
        """Wait beside the event loop."""
        await asyncio.to_thread(self.started.wait, 60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is open when the test ends, however it ends."""
    made = Gate()
    yield made
    made.opened.set()


def test_hash_and_verify_fit_together(pool: HashingPool) -> None:
    """The port's two halves."""

    async def journey() -> None:
        phc = await pool.hash("correct horse")
        assert await pool.verify("correct horse", phc) is True
        assert await pool.verify("wrong horse", phc) is False
        assert pool.needs_rehash(phc) is False

    asyncio.run(journey())


def test_more_than_workers_and_queue_is_unavailable(pool: HashingPool, gate: Gate) -> None:
    """Design §9: 503 with Retry-After at once, instead of an answer minutes later. A place that frees is used again."""

    async def journey() -> None:
        running = asyncio.ensure_future(pool._run(gate))
        waiting = asyncio.ensure_future(pool._run(gate))
        await gate.wait_until_started()
        for attempt in (pool.hash("x"), pool.verify("x", None)):
            with pytest.raises(Unavailable) as refused:
                await attempt
            assert refused.value.retry_after >= 1
        gate.opened.set()
        assert [await running, await waiting] == ["done", "done"]
        assert await pool.verify("x", None) is False

    asyncio.run(journey())


def test_a_request_that_goes_away_leaves_the_queue(pool: HashingPool, gate: Gate) -> None:
    """A cancelled request that waited makes room at once, and its password is never hashed."""

    async def journey() -> None:
        running = asyncio.ensure_future(pool._run(gate))
        await gate.wait_until_started()
        never = Gate()
        waiting = asyncio.ensure_future(pool._run(never))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        again = asyncio.ensure_future(pool.verify("x", None))  # takes the place
        await asyncio.sleep(0)
        gate.opened.set()
        assert await running == "done"
        assert await again is False
        assert not never.started.is_set()

    asyncio.run(journey())


def test_a_request_that_goes_away_while_its_hash_runs_makes_no_room(pool: HashingPool, gate: Gate) -> None:
    """Else an attacker who hangs up at once would get more hashes running than there are threads."""

    async def journey() -> None:
        running = asyncio.ensure_future(pool._run(gate))
        await gate.wait_until_started()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        waiting = asyncio.ensure_future(pool._run(gate))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.hash("x")
        gate.opened.set()
        assert await waiting == "done"

    asyncio.run(journey())


def test_of_two_hundred_at_once_those_beyond_the_queue_are_refused_and_cost_nothing(gate: Gate) -> None:
    """Each thread has its queue, so that the wait is bounded by the work of one thread, however many there are."""
    workers, queue = 2, 64
    made = HashingPool(workers=workers, queue=queue)
    computed: list[str] = []

    def work(name: str) -> str:
        gate.opened.wait(60)
        computed.append(name)
        return name

    async def journey() -> list[Any]:
        jobs = [asyncio.ensure_future(made._run(work, str(number))) for number in range(200)]
        refused = [job for job in jobs if await _is_refused_at_once(job)]
        assert not computed
        gate.opened.set()
        return [len(refused), *await asyncio.gather(*(job for job in jobs if job not in refused))]

    refused, *done = asyncio.run(journey())
    made.close()
    assert refused == 200 - workers * (1 + queue)
    assert sorted(computed) == sorted(done)
    assert len(done) == workers * (1 + queue)


async def _is_refused_at_once(job: "asyncio.Future[str]") -> bool:
    """Before any hash is done; a full queue is worked off in two seconds."""
    await asyncio.sleep(0)
    if not job.done():
        return False
    error = job.exception()
    assert isinstance(error, Unavailable)
    return error.retry_after == 2


def test_a_failure_gives_its_place_back(pool: HashingPool) -> None:
    """Whatever goes wrong in a thread, the pool does not shrink."""

    async def journey() -> None:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await pool._run(lambda: 1 // 0)

    asyncio.run(journey())


def test_a_closed_pool_is_unavailable(pool: HashingPool) -> None:
    """A request that arrives while the server shuts down."""
    pool.close()
    with pytest.raises(Unavailable):
        asyncio.run(pool.hash("x"))


def test_closing_finishes_what_was_accepted(pool: HashingPool, gate: Gate) -> None:
    """A sign-in that waits while the server stops gets its answer."""

    async def journey() -> None:
        running = asyncio.ensure_future(pool._run(gate))
        waiting = asyncio.ensure_future(pool.verify("x", None))
        await gate.wait_until_started()
        closing = asyncio.ensure_future(asyncio.to_thread(pool.close))
        gate.opened.set()
        await closing
        assert (await running, await waiting) == ("done", False)

    asyncio.run(journey())


@pytest.mark.parametrize(
    "phc", [None, argon2id.NOBODY, "", "$2b$12$abc", "md5$salt$digest", "pbkdf2_sha256$10$salt$A"], ids=str
)
def test_one_argon2_hash_is_computed_whether_the_account_exists_or_not(
    monkeypatch: pytest.MonkeyPatch, phc: str | None
) -> None:
    """ASVS 5.0, 6.3.8: an unknown account and an unusable hash take the work of a wrong password, and never fit."""
    computed: list[str] = []
    real = argon2id.verify

    def counting(given: str, password: str) -> bool:
        computed.append(given)
        return real(given, password)

    monkeypatch.setattr(argon2id, "verify", counting)
    assert pool_module.verify("correct horse", phc) is False
    assert computed == [argon2id.NOBODY]


def test_an_imported_hash_is_verified_as_it_stands(pool: HashingPool) -> None:
    """And needs a rehash, which the flow does after the sign-in."""
    assert asyncio.run(pool.verify("correct horse", DJANGO)) is True
    assert pool.needs_rehash(DJANGO) is True


def test_a_hash_of_django_argon2_is_verified(pool: HashingPool) -> None:
    """Django writes its own name in front of the PHC string."""
    phc = "argon2" + argon2.PasswordHasher(memory_cost=1024).hash("correct horse")
    assert asyncio.run(pool.verify("correct horse", phc)) is True
    assert asyncio.run(pool.verify("wrong horse", phc)) is False
    assert pool.needs_rehash(phc) is True


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_hashes_run_at_once_as_there_are_workers(workers: int) -> None:
    """No more, or the memory of the machine is what bounds them: 19 MiB each."""
    made = HashingPool(workers=workers, queue=10)
    barrier = threading.Barrier(workers + 1)
    peak: list[int] = []
    running = threading.Semaphore(0)

    def work() -> None:
        running.release()
        barrier.wait(60)

    async def journey() -> None:
        jobs = [asyncio.ensure_future(made._run(work)) for _ in range(workers * 2)]
        for _ in range(2):
            await asyncio.to_thread(lambda: [running.acquire() for _ in range(workers)])
            peak.append(running._value)
            await asyncio.to_thread(barrier.wait, 60)
        await asyncio.gather(*jobs)

    asyncio.run(journey())
    made.close()
    assert peak == [0, 0]


def test_without_a_number_there_is_a_thread_for_every_core() -> None:
    """Those that the process may use, which a container can limit."""
    made = HashingPool()
    assert made._threads._max_workers == len(os.sched_getaffinity(0))
    made.close()


def test_the_threads_stand_behind_the_event_loop(pool: HashingPool) -> None:
    """Design §8: `/token` stays fast while every core hashes passwords."""

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    expected = niceness() + (5 if sys.platform == "linux" else 0)
    assert asyncio.run(_result(pool, niceness)) == min(expected, 19)


def test_a_system_that_refuses_priorities_does_not_stop_the_pool(
    monkeypatch: pytest.MonkeyPatch, pool: HashingPool
) -> None:
    """A sandbox that filters system calls: passwords are hashed at the priority that there is."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    assert asyncio.run(pool.verify("x", None)) is False


async def _result(pool: HashingPool, work: Callable[[], Any]) -> Any:
    return await pool._run(work)
