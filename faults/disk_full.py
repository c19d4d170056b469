"""The disk is full, and has room again: what must write says so, everything else goes on (design §9).

Nothing is acknowledged that is not stored. Whoever was told to come back (RFC 9110 §15.6.4) is served within seconds
after there is room, without a restart.

What fills the disk is a limit of the server process on the size of files (setrlimit(2)): as of a moment no file of it
takes another byte, for any user and on any file system.
"""

import asyncio
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import uvloop

from faults.client import Answer, Client, get
from faults.fault import Control, Effort, Figure, Report
from faults.scene import AUDIENCE, Scene, folder
from faults.spawner import Server, Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.server.flows import endpoints
from jotary.verifier import KeysUnavailable

NAME: Final = "disk-full"
_NOT_STORED: Final = "acknowledged but not stored"
CONTROLS: Final[Mapping[str, Control]] = {
    "answer-first": Control("the wait for the commit", "faults.sabotages:answer_first", _NOT_STORED),
}

_ROUNDS: Final = {Effort.FULL: 200, Effort.SHORT: 3}
_SESSIONS: Final = 8
# /ready, too: every server has that disk, and if all left the load balancer nobody would answer the others
# (docs/decisions, "Ready means that reads are answered").
_READS: Final = ("/health", "/ready", endpoints.JWKS, "/.well-known/openid-configuration")
_RECOVERY: Final = 5  # seconds
_PAUSE: Final = 0.02  # seconds
_OK, _BUSY = 200, 503
_NO_LIMIT: Final = resource.RLIM_INFINITY


@dataclass
class _Tally:
    refused: int = 0
    wrong: int = 0
    reads: int = 0
    failed: int = 0
    slowest: float = 0
    ended: set[str] = field(default_factory=set)


def run(effort: Effort, control: Control | None = None) -> Report:
    """Fill the disk, ask for everything, make room, and ask again; so many times."""
    rounds, tally = _ROUNDS[effort], _Tally()
    with folder() as place, Spawner(place) as spawner:
        door = spawner.open_door()
        scene = Scene(place, door.origin, {})
        sabotage = "" if control is None else control.sabotage
        server = spawner.start(door, scene.environment, sabotage=sabotage)
        campaign = _Campaign(scene, server, door.port, tally, scene.add_sessions(_SESSIONS))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(campaign.run(rounds))
        written = scene.generations()
        standing = map(scene.generation, campaign.acknowledged)
        lost = sum(generation > written.get(session, generation) for session, generation in standing)
    return Report(
        (
            Figure.at_least("writes refused with 503 and Retry-After", tally.refused, 2 * _SESSIONS * rounds),
            Figure.at_most("writes that were answered otherwise", tally.wrong, 0),
            Figure.at_least("reads on a full disk", tally.reads, rounds * (len(_READS) + 3)),
            Figure.at_most("reads that failed", tally.failed, 0),
            Figure.at_most(_NOT_STORED, lost + len(tally.ended & written.keys()), 0),
            Figure.at_most("sessions lost", _SESSIONS - len(written.keys() | tally.ended), 0),
            Figure.at_most("ms until all was well again", int(1000 * tally.slowest), 1000 * _RECOVERY),
        )
    )


class _Campaign:
    def __init__(self, scene: Scene, server: Server, port: int, tally: _Tally, tokens: list[str]) -> None:
        self._scene, self._server, self._tally = scene, server, tally
        self._client = Client([port])
        self._verifier = TokenVerifier(
            issuer=scene.issuer,
            audience=AUDIENCE,
            jwks_uri=f"{scene.issuer}{endpoints.JWKS}",
            follow_revocations=False,
        )
        self.acknowledged = tokens

    async def run(self, rounds: int) -> None:
        """Fill the disk and make room."""
        before, access_token = await self._refresh_all()
        try:
            for _ in range(rounds):
                self._limit(0)
                await self._read(before, access_token)
                await self._write()
                self._limit(_NO_LIMIT)
                begun = time.monotonic()
                before, access_token = await self._refresh_all()
                self._tally.slowest = max(self._tally.slowest, time.monotonic() - begun)
        finally:
            self._client.close()
            await self._verifier.aclose()

    def _limit(self, size: int) -> None:
        resource.prlimit(self._server.number, resource.RLIMIT_FSIZE, (size, _NO_LIMIT))

    async def _refresh_all(self) -> tuple[str, str]:
        """Each session, as often as it takes. The first one's token before, and its access token."""
        before = self.acknowledged[0]
        answers = [await self._client.insist(self._scene.refresh(token)) for token in self.acknowledged]
        self.acknowledged = [
            answer.member("refresh_token") or token for answer, token in zip(answers, self.acknowledged, strict=True)
        ]
        return before, answers[0].member("access_token")

    async def _read(self, before: str, access_token: str) -> None:
        """What needs no room: documents, an answer that is repeated, introspection, and verification."""
        for path in _READS:
            self._count(is_good=(await self._client.ask(get(path))).status == _OK)
        repeated = await self._client.ask(self._scene.refresh(before))
        self._count(is_good=repeated.member("refresh_token") == self.acknowledged[0])
        introspected = await self._client.ask(self._scene.post(endpoints.INTROSPECTION, {"token": access_token}))
        self._count(is_good=introspected.member("active") == str(True))
        try:
            await self._verifier.averify(access_token)
        except (InvalidToken, KeysUnavailable):
            self._count(is_good=False)
        else:
            self._count(is_good=True)

    def _count(self, *, is_good: bool) -> None:
        self._tally.reads += 1
        self._tally.failed += not is_good

    async def _write(self) -> None:
        """What a client is told counts, whatever it is."""
        for number, token in enumerate(self.acknowledged):
            answer = await self._client.ask(self._scene.refresh(token))
            self._judge(answer)
            if answer.status == _OK:
                self.acknowledged[number] = answer.member("refresh_token")
            answer = await self._client.ask(self._scene.revoke(token))
            self._judge(answer)
            if answer.status == _OK:
                self._tally.ended.add(self._scene.generation(token)[0])
        await asyncio.sleep(_PAUSE)

    def _judge(self, answer: Answer) -> None:
        is_refused = answer.status == _BUSY and b"\r\nretry-after:" in answer.head
        self._tally.refused += is_refused
        self._tally.wrong += not is_refused
