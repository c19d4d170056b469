"""A server that stands still while its clients go elsewhere, and then goes on (design §6.1).

A virtual machine is moved, a disk hangs, a process is paused: requests that it has not read yet wait in its sockets.
Their clients give up, ask another server with the same token or code, are answered, and refresh on from there. When
the first server goes on, it finds requests that look like theft: a refresh token that was replaced long ago, a code
that was redeemed (RFC 9700 §4.14.2, RFC 6749 §4.1.2). Nobody waits for their answers any more, and nobody is signed
out by them. Somebody who does use such a token again, and waits, still ends the session.
"""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import uvloop

from faults.client import Connection, UnansweredError, get
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Server, Spawner

NAME: Final = "freeze"
_LOST: Final = "sessions lost"
CONTROLS: Final[Mapping[str, Control]] = {
    "for-nobody": Control("the look whether anybody waits", "faults.sabotages:answer_nobody", _LOST),
}

_FREEZES: Final = {Effort.FULL: 100, Effort.SHORT: 2}
_SESSIONS: Final = 12
_CODES: Final = 12
_STEPS: Final = 3  # refreshes elsewhere: one more than what a repetition after a lost answer may be behind
_IMPATIENCE: Final = 0.3  # seconds
_OK: Final = 200


@dataclass
class _Tally:
    given_up: int = 0
    answered: int = 0
    refused: int = 0


def run(effort: Effort, control: Control | None = None) -> Report:
    """Freeze one of two servers, so many times; then use every old token once more."""
    freezes, tally = _FREEZES[effort], _Tally()
    with folder() as place, Spawner(place) as spawner:
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(place, doors[0].origin, {})
        sabotage = "" if control is None else control.sabotage
        server, _ = [spawner.start(door, scene.environment, sabotage=sabotage) for door in doors]
        campaign = _Campaign(scene, server, [door.port for door in doors], tally)
        first = scene.add_sessions(_SESSIONS)
        tokens = first
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for _ in range(freezes):
                requests = [*map(scene.refresh, tokens), *map(scene.redeem, scene.add_codes(_CODES))]
                tokens = runner.run(campaign.freeze(requests))[:_SESSIONS]
            alive = scene.generations()
            runner.run(campaign.use_again(first))
        caught = sum(scene.generation(token)[0] not in scene.generations() for token in first)
    asked = freezes * (_SESSIONS + _CODES)
    return Report(
        (
            Figure.at_least("requests given up at a frozen server", tally.given_up, asked),
            Figure.at_least("refreshes and redemptions answered", tally.answered, asked * 2 * _STEPS),
            Figure.at_most("refreshes and redemptions refused", tally.refused, 0),
            Figure.at_most(_LOST, len(campaign.sessions - alive.keys()), 0),
            Figure.at_least("sessions ended as an old token was used, and waited for", caught, _SESSIONS),
        )
    )


class _Campaign:
    def __init__(self, scene: Scene, server: Server, ports: list[int], tally: _Tally) -> None:
        self._scene, self._server, self._tally = scene, server, tally
        self._frozen, self._other = ports
        self.sessions: set[str] = set()

    async def freeze(self, requests: list[bytes]) -> list[str]:
        """Everybody turns to a server that stands still, then to the other one, and back; return their last tokens."""
        connections = [Connection(self._frozen) for _ in requests]
        # Every other one has a connection, whose request is read at once; the rest wait to be accepted.
        await asyncio.gather(*(connection.ask(get("/health")) for connection in connections[::2]))
        self._server.tell(signal.SIGSTOP)
        try:
            await asyncio.gather(*map(self._give_up, connections, requests))
            tokens = await self._go_on(self._other, [(request, "") for request in requests])
        finally:
            self._server.tell(signal.SIGCONT)
        self.sessions |= {self._scene.generation(token)[0] for token in tokens if token}
        return await self._go_on(self._frozen, [(self._scene.refresh(token), token) for token in tokens])

    async def use_again(self, tokens: list[str]) -> None:
        """Old tokens, by somebody who waits."""
        connection = Connection(self._frozen)
        for token in tokens:
            await connection.ask(self._scene.refresh(token))
        connection.close()

    async def _give_up(self, connection: Connection, request: bytes) -> None:
        try:
            await connection.ask(request, patience=_IMPATIENCE)
        except UnansweredError:
            self._tally.given_up += 1

    async def _go_on(self, port: int, requests: list[tuple[bytes, str]]) -> list[str]:
        return await asyncio.gather(*(self._ask_and_refresh(port, *request) for request in requests))

    async def _ask_and_refresh(self, port: int, request: bytes, token: str) -> str:
        """Ask, and refresh with what is answered; return the last token that was, or the one from before."""
        connection = Connection(port)
        for _ in range(_STEPS):
            answer = await connection.ask(request)
            if answer.status != _OK:
                self._tally.refused += 1
                break
            self._tally.answered += 1
            token = answer.member("refresh_token")
            request = self._scene.refresh(token)
        connection.close()
        return token
