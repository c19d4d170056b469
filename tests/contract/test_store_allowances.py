"""How often something may still be tried: counted exactly, in every store, whoever comes at once."""

import asyncio
import subprocess
import sys

import pytest

from jotary.server.model.allowance import Allowance
from jotary.server.model.changes import AddUser, ReturnAttempt, TakeAttempt
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store

pytestmark = pytest.mark.anyio

INTERVAL = 60
BURST = 5

_RACE = """
import asyncio, sys
from jotary.server.model.changes import TakeAttempt
from jotary.server.ports import Conflict
from jotary.server.store import open_store

async def attempt(store):
    try:
        await store.commit(TakeAttempt("account:x", 1_750_000_000, 60, 60 * 29))
    except Conflict:
        return 0
    return 1

async def main(url):
    store = await open_store(url)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(await asyncio.gather(*(attempt(store) for _ in range(100)))), flush=True)
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def take(now: int, allowance_id: str = "account:x") -> TakeAttempt:
    """One of `BURST` attempts at once, and one more every `INTERVAL` seconds."""
    return TakeAttempt(allowance_id, now, INTERVAL, (BURST - 1) * INTERVAL)


async def passes(store: Store, now: int) -> bool:
    """Whether an attempt is let through."""
    try:
        await store.commit(take(now))
    except Conflict:
        return False
    return True


async def test_as_many_as_are_allowed_pass_and_not_one_more(empty_store: Store, now: int) -> None:
    """Then one more for each interval, until all of it is back."""
    assert [await passes(empty_store, now) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert not await passes(empty_store, now + INTERVAL - 1)
    assert await passes(empty_store, now + INTERVAL)
    assert not await passes(empty_store, now + INTERVAL)
    later = now + (BURST + 1) * INTERVAL
    assert [await passes(empty_store, later) for _ in range(BURST + 1)] == [True] * BURST + [False]


async def test_what_was_used_up_can_be_read(empty_store: Store, now: int) -> None:
    """From which the wait follows."""
    assert await empty_store.allowance("account:x") is None
    await empty_store.commit(take(now))
    await empty_store.commit(take(now + 1))
    assert await empty_store.allowance("account:x") == Allowance(id="account:x", restored_at=now + 2 * INTERVAL)


async def test_a_clock_that_lags_behind_gives_nothing_away(empty_store: Store, now: int) -> None:
    """The clocks of two nodes differ: the later moment stays."""
    assert [await passes(empty_store, now) for _ in range(BURST)] == [True] * BURST
    assert not await passes(empty_store, now - 10)


async def test_a_clock_that_was_a_year_ahead_holds_nobody_off_for_a_year(empty_store: Store, now: int) -> None:
    """Once it is right again, the allowance is whole, and used up as any other."""
    year = 365 * 86_400
    assert [await passes(empty_store, now + year) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert [await passes(empty_store, now) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert await empty_store.allowance("account:x") == Allowance(id="account:x", restored_at=now + BURST * INTERVAL)


async def test_a_clock_that_is_less_than_a_day_behind_gives_nothing_away(empty_store: Store, now: int) -> None:
    """Or whoever reaches both of two such nodes would be let through without end."""
    assert [await passes(empty_store, now) for _ in range(BURST)] == [True] * BURST
    assert not await passes(empty_store, now - 86_400)
    assert await passes(empty_store, now - 86_400 - 1)


async def test_what_is_returned_can_be_taken_again(empty_store: Store, now: int) -> None:
    """Once for each that was taken; returning to an allowance that is whole makes it no larger."""
    await empty_store.commit(ReturnAttempt("account:x", INTERVAL))
    assert await empty_store.allowance("account:x") is None
    assert [await passes(empty_store, now) for _ in range(BURST)] == [True] * BURST
    await empty_store.commit(ReturnAttempt("account:x", INTERVAL))
    assert [await passes(empty_store, now) for _ in range(2)] == [True, False]
    later = now + (BURST + 1) * INTERVAL
    await empty_store.commit(ReturnAttempt("account:x", INTERVAL))
    assert [await passes(empty_store, later) for _ in range(BURST + 1)] == [True] * BURST + [False]


async def test_an_attempt_is_counted_everywhere_or_nowhere(empty_store: Store, user: User, now: int) -> None:
    """One transaction: who is held off by one limit uses up no other, and nothing else is written."""
    for _ in range(BURST):
        await empty_store.commit(take(now))
    with pytest.raises(Conflict) as conflict:
        await empty_store.commit(take(now, "a"), AddUser(user), take(now), take(now, "z"))
    assert conflict.value.change == take(now)
    assert await empty_store.allowance("a") is None
    assert await empty_store.allowance("z") is None
    assert await empty_store.user(user.id) is None


async def test_of_a_hundred_at_once_exactly_the_allowed_pass(empty_store: Store, now: int) -> None:
    """CWE-362: counting is one statement."""
    assert sum(await asyncio.gather(*(passes(empty_store, now) for _ in range(100)))) == BURST


async def test_of_two_hundred_in_two_processes_exactly_the_allowed_pass(empty_store: Store, database_url: str) -> None:
    """CWE-362, design §6.7: all processes count together."""
    command = [sys.executable, "-c", _RACE, database_url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 -- nothing else runs on this loop
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    passed = [int(process.communicate()[0]) for process in processes]
    assert sum(passed) == 30
    assert await empty_store.allowance("account:x") == Allowance(id="account:x", restored_at=1_750_000_000 + 30 * 60)


async def test_a_restart_forgets_nothing(empty_store: Store, database_url: str, now: int) -> None:
    """What is counted is in the database."""
    for _ in range(BURST):
        await empty_store.commit(take(now))
    again = await open_store(database_url)
    assert not await passes(again, now)
    await again.close()


async def test_an_allowance_that_is_whole_again_is_forgotten(empty_store: Store, now: int) -> None:
    """A minute behind that, by which the clocks of two nodes may differ; one that is not whole stays."""
    await empty_store.commit(take(now), take(now + INTERVAL, "account:y"))
    assert await empty_store.purge(now + INTERVAL + 60) == 0
    assert await empty_store.purge(now + INTERVAL + 61) == 1
    assert await empty_store.allowance("account:x") is None
    assert await empty_store.allowance("account:y") is not None
