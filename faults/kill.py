"""SIGKILL at any moment under refresh load (design §6.1).

A rotation that was acknowledged is never lost, one token never gets two successors, and who got no answer asks again
and goes on: nobody is signed out. Two servers share one database; one is killed while the other serves. Clients keep
what they were answered, ask again with the same token when no answer came, and now and then use one token twice at
once, as two tabs do (RFC 9700 §4.14.2).
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import uvloop

from faults.client import Client, get
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Door, Server, Spawner

NAME: Final = "kill"
CONTROLS: Final[Mapping[str, Control]] = {
    "answer-first": Control("the wait for the commit", "faults.sabotages:answer_first", "acknowledged rotations lost"),
    "no-retry": Control("the retry window", "faults.sabotages:no_retry_window", "forced sign-ins"),
    "rotate-again": Control(
        "the repetition of the same answer", "faults.sabotages:rotate_again", "tokens with two successors"
    ),
}

_KILLS: Final = {Effort.FULL: 1000, Effort.SHORT: 4}
_CLIENTS: Final = {Effort.FULL: 16, Effort.SHORT: 6}
_LONGEST_LIFE: Final = 0.12  # seconds that a server serves before it is killed
_TABS: Final = 4  # one refresh of so many is made twice at once


@dataclass
class _Tally:
    acknowledged: int = 0
    unanswered: int = 0
    lost: int = 0
    forks: int = 0
    forced: int = 0
    spare: list[str] = field(default_factory=list)


def run(effort: Effort, control: Control | None = None) -> Report:
    """Kill one of two servers at a time, again and again."""
    kills = _KILLS[effort]
    with folder() as place, Spawner(place) as spawner:
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(place, doors[0].origin, {})
        tally = _Tally(spare=scene.add_sessions(_CLIENTS[effort] + (50 if control is None else 1000)))
        killer = _Killer(spawner, scene, doors, "" if control is None else control.sabotage)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_campaign(killer, scene, tally, kills, _CLIENTS[effort]))
    return Report(
        (
            Figure.at_least("servers killed", killer.kills, kills),
            Figure.at_least("requests that a kill cut off", tally.unanswered, kills // 4),
            Figure.at_least("rotations acknowledged", tally.acknowledged, kills),
            Figure.at_most("acknowledged rotations lost", tally.lost, 0),
            Figure.at_most("tokens with two successors", tally.forks, 0),
            Figure.at_most("forced sign-ins", tally.forced, kills // 1000),
        )
    )


class _Killer:
    def __init__(self, spawner: Spawner, scene: Scene, doors: list[Door], sabotage: str) -> None:
        self._spawner, self._scene, self._sabotage = spawner, scene, sabotage
        self.doors = doors
        self.kills = 0
        self._servers = [self._start(door) for door in doors]

    def _start(self, door: Door) -> Server:
        return self._spawner.start(door, self._scene.environment, sabotage=self._sabotage)

    async def run(self, kills: int) -> None:
        """Kill and start anew, so many times; a server is killed when it serves."""
        await asyncio.gather(*map(_is_up, self.doors))
        while self.kills < kills:
            number = random.randrange(2)
            await asyncio.sleep(random.uniform(0, _LONGEST_LIFE))
            await asyncio.to_thread(self._servers[number].kill)
            self.kills += 1
            self._servers[number] = await asyncio.to_thread(self._start, self.doors[number])
            await _is_up(self.doors[number])


async def _is_up(door: Door) -> None:
    client = Client([door.port])
    try:
        await client.insist(get("/health"))
    finally:
        client.close()


async def _campaign(killer: _Killer, scene: Scene, tally: _Tally, kills: int, clients: int) -> None:
    is_over = asyncio.Event()
    ports = [door.port for door in killer.doors]
    people = [asyncio.create_task(_Person(scene, ports, tally).live(is_over)) for _ in range(clients)]
    try:
        await killer.run(kills)
    finally:
        is_over.set()
    for token in await asyncio.gather(*people):
        session, generation = scene.generation(token)
        written = scene.generations().get(session, -1)
        tally.lost += max(0, generation - written) if written >= 0 else 0


class _Person:
    """One session at a client, which may have two tabs open."""

    def __init__(self, scene: Scene, ports: list[int], tally: _Tally) -> None:
        self._scene, self._tally = scene, tally
        self._tabs = [Client(ports), Client(ports)]
        self._token = tally.spare.pop()

    async def live(self, is_over: asyncio.Event) -> str:
        """Refresh until it is over; return the last token that was acknowledged."""
        try:
            while not is_over.is_set() and self._tally.spare:
                await self._refresh()
        finally:
            self._tally.unanswered += sum(tab.unanswered for tab in self._tabs)
            for tab in self._tabs:
                tab.close()
        return self._token

    async def _refresh(self) -> None:
        tabs = self._tabs[: 2 if random.randrange(_TABS) == 0 else 1]
        start = random.randrange(2)
        for number, tab in enumerate(tabs):
            tab.turn_to(start + number)
        request = self._scene.refresh(self._token)
        answers = await asyncio.gather(*(tab.insist(request) for tab in tabs))
        successors = {answer.member("refresh_token") for answer in answers if answer.status == 200}
        if len(successors) > 1:
            self._tally.forks += 1
        if len(successors) != 1 or any(answer.status != 200 for answer in answers):
            self._sign_in_again()
            return
        self._token = successors.pop()
        self._tally.acknowledged += 1

    def _sign_in_again(self) -> None:
        """The server refuses: either it has forgotten what it acknowledged, or it takes the client for a thief."""
        session, generation = self._scene.generation(self._token)
        written = self._scene.generations().get(session)
        if written is not None and written < generation:
            self._tally.lost += 1
        self._tally.forced += 1
        self._token = self._tally.spare.pop()
