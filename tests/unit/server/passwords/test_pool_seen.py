"""What others see of the pool of password hashing: how many wait, and the work itself."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from jotary.server.passwords import HashingPool, argon2id
from jotary.server.passwords import pool as pool_module
from jotary.server.ports import Unavailable

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def test_who_waits_is_counted_and_who_is_served_is_not() -> None:
    """Nobody is below nobody, with threads to spare."""
    pool = HashingPool(workers=2, queue=4)
    opened = threading.Event()
    seen: list[int] = [pool.waiting]

    async def journey() -> None:
        jobs = []
        for _ in range(4):
            jobs.append(asyncio.ensure_future(pool._run(opened.wait, 60)))
            await asyncio.sleep(0)
            seen.append(pool.waiting)
        opened.set()
        await asyncio.gather(*jobs)

    asyncio.run(journey())
    pool.close()
    assert [*seen, pool.waiting] == [0, 0, 0, 1, 2, 0]


def test_who_watches_has_its_own_work_run() -> None:
    """Once for each password, and not for one that is refused."""
    watched: list[str] = []

    class Watch:
        def __call__(self, work: Callable[Arguments, Answer], /) -> Callable[Arguments, Answer]:
            def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
                watched.append(threading.current_thread().name)
                return work(*arguments, **named)

            return run

    pool = HashingPool(workers=1, queue=0, watch=Watch())

    async def journey() -> list[object]:
        return list(await asyncio.gather(*(pool.verify("x", None) for _ in range(3)), return_exceptions=True))

    outcomes = asyncio.run(journey())
    pool.close()
    assert [type(outcome).__name__ for outcome in outcomes] == ["bool", "Unavailable", "Unavailable"]
    assert [name.startswith("password") for name in watched] == [True]


def test_what_cannot_be_begun_takes_no_place() -> None:
    """Whoever comes while the server stops is told so, however many came before."""
    pool = HashingPool(workers=1, queue=0)
    pool.close()
    for _ in range(3):
        with pytest.raises(Unavailable, match="shutting down"):
            asyncio.run(pool.hash("x"))


def test_no_password_fits_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that the hash of nobody would take: it is there for the time that it costs."""
    monkeypatch.setattr(argon2id, "verify", lambda _phc, _password: True)
    assert pool_module.verify("x", None) is False
