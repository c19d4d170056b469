"""The issuer is gone for as long as its tokens live, and every API goes on (design §6.4).

APIs that know the keys verify every token to its last second, whether they have seen it before or not, while each
attempt to fetch the keys anew fails. What is expired or was changed is refused all the same.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from faults.client import Client
from faults.clock import SharedClock
from faults.fault import Control, Effort, Figure, Report
from faults.sabotage import applied
from faults.scene import AUDIENCE, Scene, folder
from faults.spawner import Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.verifier import KeysUnavailable

NAME: Final = "outage"
CONTROLS: Final[Mapping[str, Control]] = {
    "keys-dropped": Control(
        "the last good keys after a failed fetch", "faults.sabotages:drop_keys", "verifications that failed"
    ),
}

_LIFETIME: Final = 300
_STEP: Final = {Effort.FULL: 1, Effort.SHORT: 10}  # seconds between two looks at every token
_TOKENS: Final = {Effort.FULL: 200, Effort.SHORT: 4}


def run(effort: Effort, control: Control | None = None) -> Report:
    """Get tokens, let each API verify one, kill the issuer, and let the tokens' life pass."""
    logging.getLogger("jotary.verifier").setLevel(logging.CRITICAL)  # it says that the issuer is gone
    with folder() as place, Spawner(place) as spawner, applied(control):
        door = spawner.open_door()
        clock = SharedClock(place / "clock")
        scene = Scene(place, door.origin, {"JOTARY_ACCESS_TOKEN_LIFETIME": str(_LIFETIME)})
        server = spawner.start(door, scene.environment, clock=str(clock.file))
        tokens = asyncio.run(_access_tokens(scene, door.port, scene.add_sessions(_TOKENS[effort])))
        apis = [
            TokenVerifier(issuer=scene.issuer, audience=AUDIENCE, clock=clock, timeout=1, cache_size=size)
            for size in (4096, 0)
        ]
        for api in apis:
            api.verify(tokens[0])
        server.kill()
        door.socket.close()  # nobody waits in a queue: connections are refused
        good, failed, passed = _live(apis, tokens, clock, _STEP[effort])
        changed = _changed(tokens[0])
        dead = sum(_takes(api, token) for api in apis for token in (*tokens, changed))
        for api in apis:
            api.close()
    return Report(
        (
            Figure.at_least("seconds without issuer", passed, _LIFETIME - _STEP[effort]),
            Figure.at_least("verifications with known keys", good + failed, 2 * len(tokens) * passed // _STEP[effort]),
            Figure.at_most("verifications that failed", failed, 0),
            Figure.at_most("expired or changed tokens that were taken", dead, 0),
        )
    )


async def _access_tokens(scene: Scene, port: int, refresh_tokens: Sequence[str]) -> list[str]:
    client = Client([port])
    try:
        answers = [await client.insist(scene.refresh(token)) for token in refresh_tokens]
    finally:
        client.close()
    return [answer.member("access_token") for answer in answers]


def _live(apis: Sequence[TokenVerifier], tokens: Sequence[str], clock: SharedClock, step: int) -> tuple[int, int, int]:
    """How many verifications succeeded and failed, and over how many seconds, to the last one of the tokens' life."""
    good = failed = 0
    begun = clock()
    while clock() + step < begun + _LIFETIME:
        clock.advance(step)
        taken = sum(_takes(api, token) for api in apis for token in tokens)
        good += taken
        failed += len(apis) * len(tokens) - taken
        _await_fetches()
    passed = clock() - begun
    clock.set(begun + 2 * _LIFETIME)
    return good, failed, passed


def _await_fetches() -> None:
    """Let what was begun in this second fail in this second: the clock is faster than the network."""
    for thread in threading.enumerate():
        if thread.name == "jotary-keys":
            thread.join()


def _takes(api: TokenVerifier, token: str) -> bool:
    try:
        api.verify(token)
    except (InvalidToken, KeysUnavailable):
        return False
    return True


def _changed(token: str) -> str:
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
