"""A rolling restart under load: nobody notices (design §6.1).

Two servers answer at one socket, as a service manager passes it. One after the other is told to stop, ends what it
has begun, and is started anew, again and again; the next one is told when this one has said that it is ready
(sd_notify(3)). Meanwhile clients refresh, get tokens for themselves (RFC 6749 §4.4), and APIs verify. A request that
got no answer, or 503, is repeated once: it may reach an idle connection in the moment in which that is closed
(RFC 9112 §9.5). One that has begun before is answered: each time, several have.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import uvloop

from faults.client import Answer, Connection, UnansweredError
from faults.fault import Control, Effort, Figure, Report
from faults.scene import AUDIENCE, Scene, folder
from faults.spawner import Door, Server, Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.server.flows import endpoints
from jotary.verifier import KeysUnavailable

NAME: Final = "rolling-restart"
_CUT_OFF: Final = "requests under way that were cut off"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-drain": Control("the end of what was begun", "faults.sabotages:no_drain", _CUT_OFF),
}

_RESTARTS: Final = {Effort.FULL: 40, Effort.SHORT: 2}
_CLIENTS: Final = {Effort.FULL: 8, Effort.SHORT: 4}  # of each of both kinds
_PATIENCE: Final = 30  # seconds until a server must have said that it is ready
_PAUSE: Final = 0.05  # seconds in which a server heeds a signal
_BEGUN: Final = 8  # requests under way, of which the server that is told has its share
_OK: Final = 200
_BUSY: Final = 503


@dataclass
class _Tally:
    answered: int = 0
    begun: int = 0
    cut_off: int = 0
    repeated: int = 0
    unhealed: int = 0
    verified: int = 0
    refused: int = 0
    acknowledged: list[str] = field(default_factory=list)


def run(effort: Effort, control: Control | None = None) -> Report:
    """Restart one of two servers at a time."""
    restarts, tally = _RESTARTS[effort], _Tally()
    with folder() as place, Spawner(place) as spawner, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(place / "notify"))
        manager.settimeout(_PATIENCE)
        door = spawner.open_door()
        scene = Scene(place, door.origin, {"NOTIFY_SOCKET": str(place / "notify")})
        tokens = scene.add_sessions(_CLIENTS[effort])
        service = _Service(spawner, scene, door, manager, "" if control is None else control.sabotage)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_campaign(service, _Load(scene, door.port, tally), tokens, restarts))
        written = scene.generations()
        standing = [scene.generation(token) for token in tally.acknowledged]
    return Report(
        (
            Figure.at_least("servers restarted", service.restarts, restarts),
            Figure.at_least("requests answered", tally.answered, 20 * restarts),
            Figure.at_least("requests under way", tally.begun, _BEGUN * restarts),
            Figure.at_most(_CUT_OFF, tally.cut_off, 0),
            Figure.at_most("requests that one repetition did not heal", tally.unhealed, 0),
            Figure.at_most("sessions lost", sum(session not in written for session, _ in standing), 0),
            Figure.at_most(
                "acknowledged rotations lost",
                sum(max(0, generation - written.get(session, 0)) for session, generation in standing),
                0,
            ),
            Figure.at_least("verifications of access tokens", tally.verified, restarts),
            Figure.at_most("valid access tokens refused", tally.refused, 0),
        ),
        (f"{tally.repeated:,} requests were repeated, as the connection had ended or the answer was 503",),
    )


class _Service:
    def __init__(self, spawner: Spawner, scene: Scene, door: Door, manager: socket.socket, sabotage: str) -> None:
        self._spawner, self._scene, self._door, self._manager = spawner, scene, door, manager
        self._sabotage = sabotage
        self.restarts = 0
        self._servers = [self._start() for _ in range(2)]

    def _start(self) -> Server:
        """Start one more, and wait until it is ready. One that was told to stop has said so before it was gone."""
        server = self._spawner.start(self._door, self._scene.environment, sabotage=self._sabotage)
        while self._manager.recv(100) != b"READY=1":
            pass
        return server

    async def restart(self, times: int, load: "_Load") -> None:
        """The older one first."""
        while self.restarts < times:
            server = self._servers.pop(0)
            async with load.under_way():
                server.tell(signal.SIGTERM)
            await asyncio.to_thread(server.stop)
            self._servers.append(await asyncio.to_thread(self._start))
            self.restarts += 1


async def _campaign(service: _Service, load: "_Load", tokens: list[str], restarts: int) -> None:
    people = [asyncio.create_task(load.refresh(token)) for token in tokens]
    machines = [asyncio.create_task(load.get_tokens()) for _ in tokens]
    try:
        await service.restart(restarts, load)
    finally:
        load.is_over = True
        await asyncio.gather(*people, *machines)
        await load.close()


class _Load:
    def __init__(self, scene: Scene, port: int, tally: _Tally) -> None:
        self._scene, self._port, self._tally = scene, port, tally
        self._verifier = TokenVerifier(
            issuer=scene.issuer,
            audience=AUDIENCE,
            jwks_uri=f"{scene.issuer}{endpoints.JWKS}",
            follow_revocations=False,
        )
        self._own = scene.post(endpoints.TOKEN, {"grant_type": "client_credentials", "resource": AUDIENCE})
        self.is_over = False

    async def close(self) -> None:
        """Verify no more."""
        await self._verifier.aclose()

    async def refresh(self, token: str) -> None:
        """A person's application; each token that it is answered replaces the last one."""

        async def step(connection: Connection) -> None:
            nonlocal token
            answer = await self._ask(connection, self._scene.refresh(token))
            token = answer.member("refresh_token") if answer else token

        await self._repeat(step)
        self._tally.acknowledged.append(token)

    async def get_tokens(self) -> None:
        """An application of its own right."""

        async def step(connection: Connection) -> None:
            await self._ask(connection, self._own)

        await self._repeat(step)

    @contextlib.asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Requests whose bodies the servers ask for (RFC 9110 §10.1.1); inside, something happens; then they come."""
        head, end, body = self._own.partition(b"\r\n\r\n")
        streams = [await asyncio.open_connection("127.0.0.1", self._port) for _ in range(_BEGUN)]
        for reader, writer in streams:
            writer.write(head + b"\r\nExpect: 100-continue" + end)
            await reader.readuntil(b" 100 Continue\r\n\r\n")
        yield
        await asyncio.sleep(_PAUSE)
        for _, writer in streams:
            if not writer.is_closing():
                writer.write(body)
        self._tally.begun += _BEGUN
        self._tally.cut_off += _BEGUN - sum(await asyncio.gather(*(_is_answered(reader) for reader, _ in streams)))
        for _, writer in streams:
            writer.close()

    async def _repeat(self, step: Callable[[Connection], Awaitable[None]]) -> None:
        connection = Connection(self._port)
        try:
            while not self.is_over:
                await step(connection)
        finally:
            connection.close()

    async def _ask(self, connection: Connection, request: bytes) -> Answer | None:
        """Ask, and once more if need be; None if that did not help. An API takes the access token at once."""
        answer = await self._attempt(connection, request)
        if answer is None or answer.status == _BUSY:
            self._tally.repeated += 1
            answer = await self._attempt(connection, request)
        if answer is None or answer.status != _OK:
            self._tally.unhealed += 1
            return None
        self._tally.answered += 1
        try:
            await self._verifier.averify(answer.member("access_token"))
            self._tally.verified += 1
        except (InvalidToken, KeysUnavailable):
            self._tally.refused += 1
        return answer

    async def _attempt(self, connection: Connection, request: bytes) -> Answer | None:
        try:
            return await connection.ask(request)
        except UnansweredError:
            return None


async def _is_answered(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            return (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return False
