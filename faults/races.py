"""A hundred requests at once with one code or one refresh token, over two servers: exactly one wins.

Of a code, one redemption is answered with tokens, the others are refused, and the session that it opened ends
(RFC 6749 §4.1.2). Of a refresh token, one request moves the session by one generation, and the others are answered with
the same successor, as a retry is (design §6.1).
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import uvloop

from faults.client import Answer, Client
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Spawner

NAME: Final = "races"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-compare-and-set": Control(
        "the comparison of the generation", "faults.sabotages:no_compare_and_set", "refresh races without one rotation"
    ),
    "redeem-twice": Control(
        "both guards of redeeming", "faults.sabotages:redeem_twice", "code races without one winner"
    ),
}

_RACES: Final = {Effort.FULL: 5000, Effort.SHORT: 2}  # of each kind
_RACERS: Final = 100
_AT_ONCE: Final = 2  # races
_BATCH: Final = 250  # races that are furnished together


@dataclass
class _Tally:
    races: int = 0
    requests: int = 0
    winners: int = 0
    sessions: int = 0
    rotations: int = 0
    successors: int = 0


class _Track:
    """A hundred clients, half of them at each server."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._clients = [Client([ports[number % 2]]) for number in range(_RACERS)]

    async def race(self, request: bytes, tally: _Tally) -> list[Answer]:
        """All of them send the same request at once."""
        answers = await asyncio.gather(*(client.insist(request) for client in self._clients))
        tally.races += 1
        tally.requests += len(answers)
        return answers

    def close(self) -> None:
        """Hang up."""
        for client in self._clients:
            client.close()


def run(effort: Effort, control: Control | None = None) -> Report:
    """Race for codes and for refresh tokens in turns."""
    tally = _Tally()
    # Without the guard one more race may still end well by chance.
    races = _RACES[effort] * (1 if control is None else 4)
    with folder() as place, Spawner(place) as spawner:
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(place, doors[0].origin, {})
        for door in doors:
            spawner.start(door, scene.environment, sabotage="" if control is None else control.sabotage)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            tracks = [_Track([door.port for door in doors]) for _ in range(_AT_ONCE)]
            while tally.races < 2 * races:
                count = min(_BATCH, races - tally.races // 2)
                runner.run(_race_for_codes(scene, tracks, iter(scene.add_codes(count)), tally))
                runner.run(_race_for_tokens(scene, tracks, iter(scene.add_sessions(count)), tally))
                print(f"{NAME}: {tally}", file=sys.stderr, flush=True)
            for track in tracks:
                track.close()
    return Report(
        (
            Figure.at_least("races of 100 over two servers", tally.races, 2 * races),
            Figure.at_least("requests that were answered", tally.requests, 2 * races * _RACERS),
            Figure.at_most("code races without one winner", tally.winners, 0),
            Figure.at_most("sessions that outlived a code used twice", tally.sessions, 0),
            Figure.at_most("refresh races without one rotation", tally.rotations, 0),
            Figure.at_most("refresh races without one successor", tally.successors, 0),
        )
    )


async def _race_for_codes(scene: Scene, tracks: Sequence[_Track], codes: Iterator[str], tally: _Tally) -> None:
    async def run(track: _Track) -> None:
        for code in codes:
            statuses = Counter(answer.status for answer in await track.race(scene.redeem(code), tally))
            tally.winners += statuses != {200: 1, 400: _RACERS - 1}

    await asyncio.gather(*map(run, tracks))
    tally.sessions += len(scene.generations())
    scene.forget()


async def _race_for_tokens(scene: Scene, tracks: Sequence[_Track], tokens: Iterator[str], tally: _Tally) -> None:
    async def run(track: _Track) -> None:
        for token in tokens:
            session, generation = scene.generation(token)
            successors = {each.member("refresh_token") for each in await track.race(scene.refresh(token), tally)}
            tally.successors += successors != {scene.refresh_token(session, generation + 1)}

    await asyncio.gather(*map(run, tracks))
    tally.rotations += sum(generation != 1 for generation in scene.generations().values())
    scene.forget()
