"""Every acknowledged change reached the disk before its answer left (design §8, docs/decisions/0002).

Seen from outside with strace(1): between the last byte that a rotation, a redemption or a revocation wrote to SQLite's
log and the first byte of its 200, an fsync of that log returned.
"""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.client import Client
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Spawner

NAME: Final = "durability"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-fsync": Control("synchronous=FULL", "faults.sabotages:no_fsync", "answers that left before the disk had it"),
    "answer-first": Control(
        "the wait for the commit", "faults.sabotages:answer_first", "answers that left before the disk had it"
    ),
}

_CHANGES: Final = {Effort.FULL: 1000, Effort.SHORT: 5}  # of each kind
_STRACE: Final = ("strace", "-f", "-qq", "-y", "--seccomp-bpf", "-e")
_CALLS: Final = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"
_LINE: Final = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\(\d+<(?P<file>[^>]*)>(?P<rest>.*)")
_RESUMED: Final = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)")
_UNFINISHED: Final = " <unfinished ...>"


class StraceMissingError(Exception):
    """There is no strace here, or it may not trace."""


@dataclass
class Seen:
    """What a trace says of the changes, which were asked for one after the other."""

    answers: int = 0
    early: int = 0


def run(effort: Effort, control: Control | None = None) -> Report:
    """Trace a server while each kind of change is asked for, one request at a time.

    Raises:
        StraceMissingError: there is no strace here, or it may not trace.
    """
    count = _CHANGES[effort]
    with folder() as place:
        trace = place / "trace"
        prefix = (*_STRACE, _CALLS, "-o", str(trace))
        check_strace(place)
        with Spawner(place, prefix) as spawner:
            door = spawner.open_door()
            scene = Scene(place, door.origin, {})
            requests = _requests(scene, count)
            server = spawner.start(door, scene.environment, sabotage="" if control is None else control.sabotage)
            acknowledged = asyncio.run(_ask(door.port, requests))
            server.stop()
        seen = read_trace(trace.read_text(errors="replace"))
    return Report(
        (
            Figure.at_least("rotations, redemptions and revocations acknowledged", acknowledged, 3 * count),
            Figure.at_least("answers in the trace", seen.answers, 3 * count),
            Figure.at_most("answers that left before the disk had it", seen.early, 0),
        )
    )


def check_strace(place: Path) -> None:
    """See that a process can be traced here.

    Raises:
        StraceMissingError: it cannot; with what to change.
    """
    if shutil.which("strace") is None:
        raise StraceMissingError("there is no strace: install the package strace")
    done = subprocess.run(
        [*_STRACE, _CALLS, "-o", str(place / "probe"), "true"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StraceMissingError(f"strace may not trace here, as in a container without ptrace: {done.stderr.strip()}")


def _requests(scene: Scene, count: int) -> list[bytes]:
    refreshed, revoked, codes = scene.add_sessions(count), scene.add_sessions(count), scene.add_codes(count)
    kinds = (map(scene.refresh, refreshed), map(scene.redeem, codes), map(scene.revoke, revoked))
    return [request for kind in kinds for request in kind]


async def _ask(port: int, requests: list[bytes]) -> int:
    client = Client([port])
    try:
        return sum([(await client.insist(request)).status == 200 for request in requests])
    finally:
        client.close()


def read_trace(text: str) -> Seen:
    """Which answers left before what was written last had reached the disk, or with nothing written at all."""
    seen, has_written, is_synced = Seen(), False, False
    for call, file, rest in _calls(text):
        is_log = file.endswith("-wal")
        if call == "pwrite64" and is_log:
            has_written, is_synced = True, False
        elif call in {"fsync", "fdatasync"} and is_log and rest.endswith("= 0"):
            is_synced = True
        elif '"HTTP/1.1 200' in rest and not is_log:
            seen.answers += 1
            seen.early += not (has_written and is_synced)
            has_written = is_synced = False
    return seen


def _calls(text: str) -> Iterator[tuple[str, str, str]]:
    """Every call when it returned: one that others overtook is written in two lines."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        resumed = _RESUMED.match(line)
        whole = line
        if resumed is not None:
            whole = begun.pop(resumed["thread"], "") + resumed["rest"]
        elif line.endswith(_UNFINISHED):
            begun[line.partition(" ")[0]] = line.removesuffix(_UNFINISHED)
            continue
        parsed = _LINE.match(whole)
        if parsed is not None:
            yield parsed["call"], parsed["file"], parsed["rest"]
