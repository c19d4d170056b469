"""What is done with a database of many people from within this process: each call is about some that were drawn."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import uvloop

from bench.population.databases import Database
from bench.population.people import CLIENT_ID, Population
from jotary.oauth.secret import Secret
from jotary.server.app import system_entropy
from jotary.server.flows.factors.password import PasswordFactor
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.login import LoggedIn, Login
from jotary.server.keyring import derive_key
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

#: Sign-ins that run at the same time.
AT_ONCE = 16
_SECRET = Secret("the server's secret of the bench, long enough")

#: Does some work for each of the people whose numbers it is given.
Work = Callable[[Sequence[int]], Awaitable[None]]


class _Unhashed:
    """A hasher that computes nothing: every password fits. Argon2id would hide what is measured."""

    async def hash(self, password: str) -> str:
        """As of `ports.PasswordHasher`."""
        raise NotImplementedError(password)

    async def verify(self, password: str, phc: str | None) -> bool:
        """As of `ports.PasswordHasher`."""
        return phc is not None and bool(password)

    def needs_rehash(self, phc: str) -> bool:
        """As of `ports.PasswordHasher`."""
        return not phc


class Flows:
    """The store and the sign-in flow of one database, on one event loop. Close it.

    Args:
        database: with its people.
        runner: of that loop.
    """

    def __init__(self, database: Database, runner: asyncio.Runner) -> None:
        self.database = database
        self._runner = runner
        self._store: Store = runner.run(open_store(database.url))
        settings = Settings(issuer="http://127.0.0.1:8000", secret=_SECRET, database=database.url)
        limiter = Limiter(self._store, derive_key(_SECRET, "limits"), settings)
        factor = PasswordFactor(self._store, _Unhashed())
        self._login = Login(self._store, factor, limiter, system_entropy, settings)
        self._batches = itertools.count()

    @property
    def population(self) -> Population:
        """Who is there."""
        return self.database.population

    def drawn(self, count: int) -> list[int]:
        """The numbers of so many people, drawn from all of them."""
        return [secrets.randbelow(self.population.users) for _ in range(count)]

    def run(self, work: Work, numbers: Sequence[int]) -> None:
        """Do it, and wait for its end."""
        self._runner.run(_as_coroutine(work, numbers))

    def close(self) -> None:
        """Let go of the database."""
        self._runner.run(self._store.close())

    async def sessions(self, numbers: Sequence[int]) -> None:
        """Look up by id, one after the other; as the next two."""
        await _found(self._store.session, map(self.population.session_id, numbers))

    async def users(self, numbers: Sequence[int]) -> None:
        """By id."""
        await _found(self._store.user, map(self.population.user_id, numbers))

    async def users_by_email(self, numbers: Sequence[int]) -> None:
        """By e-mail address."""
        await _found(self._store.user_by_email, map(self.population.email, numbers))

    async def client(self, numbers: Sequence[int]) -> None:
        """The one client of all."""
        await _found(self._store.client, (CLIENT_ID for _ in numbers))

    async def sign_ins(self, numbers: Sequence[int]) -> None:
        """Sign people in, some at once, each from a network of their own."""
        waiting = iter(numbers)

        async def one_by_one() -> None:
            for number in waiting:
                address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
                answers, now = {"password": Secret("anything")}, int(time.time())
                email = self.population.email(number)
                answer = await self._login(email, answers, cookie=None, address=address, now=now)
                assert isinstance(answer, LoggedIn)

        await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))

    async def purge(self, numbers: Sequence[int]) -> None:
        """One sweep that finds as many expired sessions as there are numbers, in one batch."""
        removed = await self._store.purge(self.population.purged_at(next(self._batches)))
        assert removed == len(numbers), removed


def event_loop() -> asyncio.Runner:
    """With the loop that the server runs on."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _as_coroutine(work: Work, numbers: Sequence[int]) -> None:
    await work(numbers)


async def _found(look_up: Callable[[str], Awaitable[object]], keys: Iterable[str]) -> None:
    for key in keys:
        assert await look_up(key) is not None
