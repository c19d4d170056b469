"""Several processes on one database, and processes that die."""

import subprocess
import sys
from collections.abc import Sequence

import anyio
import pytest

from jotary.server.model.changes import AddSession
from jotary.server.model.session import Session
from jotary.server.store import Store, open_store
from jotary.server.store.backends import backend
from jotary.server.store.migrations import HEAD

pytestmark = pytest.mark.anyio

_RACE = """
import asyncio, sys
from jotary.server.model.changes import RotateSession
from jotary.server.ports import Conflict
from jotary.server.store import open_store

async def rotate(store, generation):
    try:
        await store.commit(RotateSession("session-1", generation, 1, 2))
    except Conflict:
        return 0
    return 1

async def main(url, generations):
    store = await open_store(url)
    print("ready", flush=True)
    sys.stdin.readline()
    wins = []
    for generation in range(generations):
        wins.append(sum(await asyncio.gather(*(rotate(store, generation) for _ in range(5)))))
        if (await store.session("session-1")).generation <= generation:
            raise SystemExit("a rotation lost against nobody")
    print(*wins, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

_DIE = """
import asyncio, os, signal, sys
from jotary.server.model.changes import RotateSession
from jotary.server.store import open_store

async def main(url, rotations):
    store = await open_store(url)
    for generation in range(rotations):
        await store.commit(RotateSession("session-1", generation, 1, 2))
    os.write(1, b"acknowledged")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

_OPEN = """
import asyncio, sys
from jotary.server.store import open_store

async def main(url):
    print("ready", flush=True)
    sys.stdin.readline()
    store = await open_store(url)
    assert await store.clients() == []
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def start(program: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a program that says when it is ready and waits for a line."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def let_go(processes: Sequence["subprocess.Popen[str]"]) -> list[str]:
    """Let all go at once, and return what they said at the end."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


async def test_two_processes_never_rotate_the_same_generation(
    store: Store, session: Session, database_url: str
) -> None:
    """Design §6.1, §6.7: one generation has one winner, whichever process its caller came to."""
    await store.commit(AddSession(session))
    generations = 100
    first, second = let_go([start(_RACE, database_url, generations) for _ in range(2)])
    wins = [a + b for a, b in zip(map(int, first.split()), map(int, second.split()), strict=True)]
    assert wins == [1] * generations
    found = await store.session(session.id)
    assert found is not None
    assert found.generation == generations


async def test_what_was_acknowledged_survives_a_kill(store: Store, session: Session, database_url: str) -> None:
    """Design §6.1: kill -9 between commit and answer loses nothing that was acknowledged."""
    await store.commit(AddSession(session))
    await store.close()
    command = [sys.executable, "-c", _DIE, database_url, "7"]
    process = await anyio.run_process(command, check=False)
    assert process.stdout == b"acknowledged"
    assert process.returncode == -9
    reopened = await open_store(database_url)
    found = await reopened.session(session.id)
    await reopened.close()
    assert found is not None
    assert found.generation == 7


async def test_several_processes_may_make_one_database_at_once(new_database_url: str) -> None:
    """`upgrade` is applied under a lock: however many workers start on an empty database, one makes it."""
    let_go([start(_OPEN, new_database_url) for _ in range(10)])
    assert await anyio.to_thread.run_sync(backend(new_database_url).revision, new_database_url) == HEAD
