"""Three times the load that a server can carry, offered whether or not it answers.

It goes on doing what it can, answers in bounded time, and tells the others at once to come back (RFC 9110 §15.6.4).
"""

from collections.abc import Mapping
from typing import Final

from bench.load.client import Repeat, drive
from bench.load.open_loop import offer
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Spawner

NAME: Final = "overload"
_REFUSED: Final = "requests refused with 503"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-shedding": Control("refusing what is too much", "faults.front_door_sabotages:no_shedding", _REFUSED),
}

_OVERLOAD: Final = 3
_SECONDS: Final = {Effort.FULL: 10.0, Effort.SHORT: 0.7}
_LIMIT: Final = {Effort.FULL: 1000, Effort.SHORT: 100}  # of connections
_SHARE: Final = {
    Effort.FULL: 80,
    Effort.SHORT: 10,
}  # per cent; in a second beside other tests, it shows only that some are
_SLOWEST: Final = {Effort.FULL: 1000, Effort.SHORT: 10_000}  # milliseconds
_OK, _BUSY = 200, 503


def run(effort: Effort, control: Control | None = None) -> Report:
    """Measure what the server can do, then ask for three times as much."""
    limit, seconds = _LIMIT[effort], _SECONDS[effort]
    with folder() as place, Spawner(place) as spawner:
        door = spawner.open_door()
        scene = Scene(place, door.origin, {})
        spawner.start(
            door,
            scene.environment,
            arguments=("--limit-concurrency", str(limit)),
            sabotage="" if control is None else control.sabotage,
        )
        request = scene.revoke("a token that nobody has")  # the client is looked up; nothing is written
        alone = drive(door.port, [Repeat(request)] * (limit // 10), seconds)
        capacity = alone.requests / alone.seconds
        seen = offer(door.port, request, rate=_OVERLOAD * capacity, seconds=seconds, connections=limit)
    figures = (
        Figure.at_least(
            "answered, in per cent of what it can do", int(100 * seen.rate(_OK) / capacity), _SHARE[effort]
        ),
        Figure.at_most("p99 of what was answered, in ms", int(1000 * seen.quantile(_OK, 0.99)), _SLOWEST[effort]),
        Figure.at_most("p99 of what was refused, in ms", int(1000 * seen.quantile(_BUSY, 0.99)), _SLOWEST[effort]),
        Figure.at_least(_REFUSED, len(seen.times.get(_BUSY, ())), 1),
        Figure.at_most("connections lost", seen.failed, 0),
    )
    return Report(figures, (f"it can do {capacity:,.0f} requests a second",))
