"""Databases of several sizes that are there at the same time, of either kind, for as long as a context lasts."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.load.contenders import furnish
from bench.load.postgresql import durable_postgresql
from bench.peers.npm import Unavailable
from bench.population.filling import Weights, fill_postgresql, fill_sqlite
from bench.population.people import Population
from jotary.server.store.sqlite.file import path_of

#: Bytes on disk that each person may take, with room for what grows while it is measured.
_ROOM = 3_000
_ROOM_AT_LEAST = 100_000_000


@dataclass(frozen=True)
class Database:
    """A database with people in it.

    Attributes:
        url: as the server's setting.
        population: who is there, besides the clients `service` and `web`.
        weights: what a row weighs.
        files: what it lies in now.
        cpu: CPU seconds of the database's own processes so far.
    """

    url: str
    population: Population
    weights: Weights
    files: Callable[[], Sequence[Path]]
    cpu: Callable[[], float]

    def forget_file(self) -> None:
        """Let the system read a SQLite file from the disk again, as after the machine's start."""
        with open(path_of(self.url), "rb") as file:  # noqa: PTH123 -- for its descriptor
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextlib.contextmanager
def sqlite_databases(sizes: Sequence[int], client_secret: str) -> Iterator[list[Database]]:
    """Files in a temporary folder.

    Raises:
        Unavailable: the disk is too full for them.
    """
    _check_room(sizes)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.db") for number in range(len(sizes))]
        yield [
            _filled(f"sqlite:///{file}", size, client_secret, fill_sqlite, files=partial(list, [file]), cpu=lambda: 0.0)
            for file, size in zip(files, sizes, strict=True)
        ]


@contextlib.contextmanager
def postgresql_databases(sizes: Sequence[int], client_secret: str) -> Iterator[list[Database]]:
    """Databases of one PostgreSQL server of our own.

    Raises:
        Unavailable: PostgreSQL is not to be had, or the disk is too full.
    """
    _check_room(sizes)
    with durable_postgresql() as server:
        with server.hasty():
            filled = [
                _filled(
                    server.new_database(),
                    size,
                    client_secret,
                    fill_postgresql,
                    files=server.files,
                    cpu=server.cpu_seconds,
                )
                for size in sizes
            ]
        yield filled


def _check_room(sizes: Sequence[int]) -> None:
    needed, free = _ROOM_AT_LEAST + _ROOM * sum(sizes), shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise Unavailable(f"{Path(tempfile.gettempdir())} has {free >> 20} MiB free of the {needed >> 20} needed")


def _filled(
    url: str,
    users: int,
    client_secret: str,
    fill: Callable[[str, Population], Weights],
    *,
    files: Callable[[], Sequence[Path]],
    cpu: Callable[[], float],
) -> Database:
    started = time.perf_counter()
    asyncio.run(furnish(url, client_secret, []))
    population = Population(users, int(time.time()))
    weights = fill(url, population)
    print(f"\n{users:,} people filled in within {time.perf_counter() - started:.0f} s")
    return Database(url, population, weights, files, cpu)
