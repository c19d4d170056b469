"""What the checks look at. Nothing here writes: a server may be running on all of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa

from jotary.server.settings import Loaded, Settings
from jotary.server.store.backends import backend

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A server as it would start here.

    Attributes:
        loaded: its settings, and where they came from.
        now: Unix seconds.
        limit_concurrency, workers: what `jotary serve` is started with.
    """

    loaded: Loaded
    now: int
    limit_concurrency: int
    workers: int
    clocks: list[tuple[str, int]] = field(default_factory=list)  # what other clocks said meanwhile: name, ahead of ours

    @property
    def settings(self) -> Settings:
        """What the operator has decided."""
        return self.loaded.settings

    def read(self, work: Callable[[sa.Connection], Answer]) -> Answer:
        """Ask the database, in a snapshot that cannot write.

        Raises:
            Unavailable: it does not answer.
        """
        answers: list[Answer] = []
        url = self.settings.database
        backend(url).read_snapshot(url, lambda connection: answers.append(work(connection)))
        return answers[0]
