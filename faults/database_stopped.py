"""The database stops, hangs and comes back under load: who needs it is told so at once, and nobody loses (design §9).

Two servers share a PostgreSQL, which is stopped with and without notice, and frozen, so that connections stand and
nothing answers. Meanwhile clients refresh, get tokens for themselves and give tokens back. Who cannot be served is told
within a second to come back (RFC 9110 §15.6.4); documents and verification go on. What was acknowledged is stored: no
rotation is lost, and no revocation (RFC 7009 §2.2.1). When the database is back all are served within seconds, without
a restart.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Final

import uvloop

from faults.client import Answer, Client, UnansweredError, get
from faults.fault import Control, Effort, Figure, Report
from faults.postgresql import PostgreSQLServer, postgresql_server
from faults.scene import AUDIENCE, Scene, folder
from faults.spawner import Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.server.flows import endpoints
from jotary.verifier import KeysUnavailable

NAME: Final = "database-stopped"
_NOT_STORED: Final = "acknowledged but not stored"
_LATE: Final = "answers that came late"
CONTROLS: Final[Mapping[str, Control]] = {
    "answer-first": Control("the wait for the commit", "faults.sabotages:answer_first", _NOT_STORED),
    "no-deadline": Control("the deadline of a call", "faults.database_sabotages:no_deadline", _LATE),
}

_ROUNDS: Final = {Effort.FULL: 25, Effort.SHORT: 1}  # of each kind of loss
_CLIENTS: Final = {Effort.FULL: 16, Effort.SHORT: 6}  # who refresh
_LATEST: Final = {Effort.FULL: 1, Effort.SHORT: 5}  # seconds until a client must be told; a test's machine may be busy
_MACHINES: Final = 4  # who get tokens for themselves
_SPARE: Final = 16  # sessions that are opened before each loss, most of which are given back
_PAUSE: Final = 0.1  # seconds until a client that was turned away asks the other server
_REST: Final = 0.04  # seconds between two requests of a client, at least
_AWAY: Final = 1.5  # seconds that the database is away, at most, once all who asked are told
_WELL: Final = 0.6  # seconds between two losses, at most
_RECOVERY: Final = 5  # seconds until all are served again
_PATIENCE: Final = 30  # seconds after which they are taken to be lost for good
_READS: Final = ("/health", endpoints.JWKS, "/.well-known/openid-configuration")
_OK, _BUSY = 200, 503


@dataclass
class _Tally:
    losses: int = 0
    rotations: int = 0
    refused: int = 0
    wrong: int = 0
    late: int = 0
    slowest: float = 0
    reads: int = 0
    failed: int = 0
    forced: int = 0
    recovery: float = 0
    acknowledged: dict[str, int] = field(default_factory=dict)  # the generation that a client has, by session
    ended: set[str] = field(default_factory=set)  # sessions that were given back


def run(effort: Effort, control: Control | None = None) -> Report:
    """Lose the database in every way, again and again.

    Raises:
        PostgreSQLMissingError: there is none to be had here.
    """
    tally = _Tally()
    with postgresql_server(durable=True) as server, folder() as place, Spawner(place) as spawner:
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(place, doors[0].origin, {}, database=server.url(server.create_database()))
        for door in doors:
            spawner.start(door, scene.environment, sabotage="" if control is None else control.sabotage)
        watch = _Watch(server, tally, _LATEST[effort])
        campaign = _Campaign(scene, watch, [door.port for door in doors], tally)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(campaign.run(_ROUNDS[effort], _CLIENTS[effort]))
        rows = scene.query("SELECT id, generation FROM sessions")
        written, standing = {str(session): int(str(number)) for session, number in rows}, scene.generations()
    lost = sum(generation > written.get(session, -1) for session, generation in tally.acknowledged.items())
    return _report(tally, lost + len(tally.ended & standing.keys()), _ROUNDS[effort] * len(watch.losses))


def _report(tally: _Tally, not_stored: int, losses: int) -> Report:
    return Report(
        (
            Figure.at_least("times the database was lost", tally.losses, losses),
            Figure.at_least("rotations acknowledged", tally.rotations, 10 * losses),
            Figure.at_least("revocations acknowledged", len(tally.ended), losses),
            Figure.at_least("requests refused with 503 and Retry-After", tally.refused, 8 * losses),
            Figure.at_most("requests that were answered otherwise", tally.wrong, 0),
            Figure.at_most(_LATE, tally.late, 0),
            Figure.at_least("documents and verifications without the database", tally.reads, 7 * losses),
            Figure.at_most("documents and verifications that failed", tally.failed, 0),
            Figure.at_most(_NOT_STORED, not_stored, 0),
            Figure.at_most("forced sign-ins", tally.forced, 0),
            Figure.at_most("ms until all was well again", int(1000 * tally.recovery), 1000 * _RECOVERY),
        ),
        (f"the slowest answer took {int(1000 * tally.slowest)} ms, at a load of {os.getloadavg()[0]:.1f}",),
    )


class _Watch:
    """Loses the database and brings it back; judges what is answered meanwhile. After `latest` seconds that is late."""

    def __init__(self, server: PostgreSQLServer, tally: _Tally, latest: float) -> None:
        self._tally, self._latest = tally, latest
        self.losses: tuple[tuple[Callable[[], None], Callable[[], None]], ...] = (
            (lambda: server.stop("fast"), server.start),
            (lambda: server.stop("immediate"), server.start),
            (server.freeze, server.thaw),
        )
        self._is_well, self._is_away = True, False

    async def lose(self, lose: Callable[[], None]) -> None:
        """It goes, and has gone when this returns."""
        self._tally.losses += 1
        self._is_well = False
        await asyncio.to_thread(lose)
        self._is_away = True

    async def bring_back(self, bring_back: Callable[[], None]) -> None:
        """It comes, and is there when this returns."""
        self._is_away = False
        await asyncio.to_thread(bring_back)
        self._is_well = True

    async def ask(self, client: Client, request: bytes) -> Answer | None:
        """Ask once. None: no answer came, which is never right here, as no server ends."""
        was_well, was_away, loss, begun = self._is_well, self._is_away, self._tally.losses, time.monotonic()
        try:
            answer = await client.ask(request)
        except UnansweredError:
            answer = None
        seconds = time.monotonic() - begun
        is_same = loss == self._tally.losses
        self._judge(answer, is_without=was_away and self._is_away and is_same)
        if not (was_well and self._is_well and is_same):
            self._tally.slowest = max(self._tally.slowest, seconds)
            self._tally.late += seconds > self._latest
        return answer

    def _judge(self, answer: Answer | None, *, is_without: bool) -> None:
        """`is_without`: the database was away from its first byte to its last."""
        if answer is not None and answer.status == _BUSY and b"\r\nretry-after:" in answer.head:
            self._tally.refused += is_without
        elif answer is None or answer.status == _BUSY or is_without:
            self._tally.wrong += 1


class _Caller:
    """A client that asks one server, and the other one when it is turned away."""

    def __init__(self, watch: _Watch, ports: list[int], number: int) -> None:
        self._watch = watch
        self._client = Client(ports)
        self._turn = number
        self.is_served = asyncio.Event()

    async def insist(self, request: bytes) -> Answer:
        """Ask until there is an answer that is no 503."""
        while True:
            self._client.turn_to(self._turn)
            answer = await self._watch.ask(self._client, request)
            if answer is not None and answer.status != _BUSY:
                self.is_served.set()
                return answer
            self._client.close()  # the server would hang up itself, in a while
            self._turn += 1
            await asyncio.sleep(_PAUSE)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class _Campaign:
    def __init__(self, scene: Scene, watch: _Watch, ports: list[int], tally: _Tally) -> None:
        self._scene, self._watch, self._ports, self._tally = scene, watch, ports, tally
        self._own = scene.post(endpoints.TOKEN, {"grant_type": "client_credentials", "resource": AUDIENCE})
        self._spare: asyncio.Queue[str] = asyncio.Queue()
        self._access_token = ""
        self._callers: list[_Caller] = []  # who always want something

    async def run(self, rounds: int, people: int) -> None:
        """Lose the database under load, and bring it back."""
        self._callers = [_Caller(self._watch, self._ports, number) for number in range(people + _MACHINES)]
        revoking = _Caller(self._watch, self._ports, 0)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._refresh(caller)) for caller in self._callers[:people]]
            tasks += [group.create_task(self._get_tokens(caller)) for caller in self._callers[people:]]
            await self._add_sessions(people)
            await self._all_served()
            tasks.append(group.create_task(self._revoke(revoking)))
            for lose, bring_back in self._watch.losses * rounds:
                await self._lose(lose, bring_back)
            for task in tasks:
                task.cancel()
        for caller in (*self._callers, revoking):
            caller.close()

    async def _lose(self, lose: Callable[[], None], bring_back: Callable[[], None]) -> None:
        await self._add_sessions(_SPARE)
        token = self._spare.get_nowait()
        await asyncio.sleep(random.uniform(_WELL / 2, _WELL))
        await self._watch.lose(lose)
        await self._look(token)
        await asyncio.sleep(random.uniform(0, _AWAY))
        await self._watch.bring_back(bring_back)
        begun = time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_served(), _PATIENCE)
        self._tally.recovery = max(self._tally.recovery, time.monotonic() - begun)

    async def _add_sessions(self, count: int) -> None:
        for token in await asyncio.to_thread(self._scene.add_sessions, count):
            self._spare.put_nowait(token)

    async def _all_served(self) -> None:
        """Each client from now on."""
        for caller in self._callers:
            caller.is_served.clear()
        await asyncio.gather(*(caller.is_served.wait() for caller in self._callers))

    async def _refresh(self, caller: _Caller) -> None:
        """A person's application; each token that it is answered replaces the last one."""
        token = await self._spare.get()
        while True:
            answer = await caller.insist(self._scene.refresh(token))
            if answer.status == _OK:
                token = answer.member("refresh_token")
                session, generation = self._scene.generation(token)
                self._tally.acknowledged[session] = generation
                self._tally.rotations += 1
            else:
                self._tally.forced += 1
                token = await self._spare.get()
            await _rest()

    async def _get_tokens(self, caller: _Caller) -> None:
        """An application of its own right."""
        while True:
            answer = await caller.insist(self._own)
            self._tally.wrong += answer.status != _OK
            self._access_token = answer.member("access_token") or self._access_token
            await _rest()

    async def _revoke(self, caller: _Caller) -> None:
        """People who sign out. One is done when the server says so (RFC 7009 §2.2)."""
        while True:
            token = await self._spare.get()
            answer = await caller.insist(self._scene.revoke(token))
            self._tally.wrong += answer.status != _OK
            if answer.status == _OK:
                self._tally.ended.add(self._scene.generation(token)[0])
            await _rest()

    async def _look(self, token: str) -> None:
        """Ask both servers for all that needs the database, and for what does not."""
        needing = (self._scene.refresh(token), self._scene.revoke(token), self._own, get("/ready"))
        told = asyncio.gather(*(self._ask(port, request) for port in self._ports for request in needing))
        reads = [self._read(port, path) for port in self._ports for path in _READS]
        good = await asyncio.gather(self._verify(), *reads)
        self._tally.reads += len(good)
        self._tally.failed += good.count(False)
        await told

    async def _ask(self, port: int, request: bytes) -> None:
        with closing(Client([port])) as client:
            await self._watch.ask(client, request)

    async def _read(self, port: int, path: str) -> bool:
        with closing(Client([port])) as client, suppress(UnansweredError):
            return (await client.ask(get(path))).status == _OK
        return False

    async def _verify(self) -> bool:
        """At an API that starts just now: it has yet to fetch the keys."""
        issuer = self._scene.issuer
        keys = f"{issuer}{endpoints.JWKS}"
        verifier = TokenVerifier(issuer=issuer, audience=AUDIENCE, jwks_uri=keys, follow_revocations=False)
        async with aclosing(verifier):
            with suppress(InvalidToken, KeysUnavailable):
                await verifier.averify(self._access_token)
                return True
        return False


async def _rest() -> None:
    """Longer than a commit takes, so that it is over when the database goes, if the answer was true."""
    await asyncio.sleep(random.uniform(_REST, 2 * _REST))
