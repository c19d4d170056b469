"""Starting over after a conflict (design §3)."""

import asyncio

import pytest

from jotary.server.flows.until_committed import ATTEMPTS, until_committed
from jotary.server.model.changes import EndSignIn
from jotary.server.ports import Conflict, Unavailable


class Attempt:
    """Fails some times, then answers."""

    def __init__(self, conflicts: int) -> None:
        self.calls = 0
        self.conflicts = conflicts

    async def __call__(self) -> str:
        """Try."""
        self.calls += 1
        if self.calls <= self.conflicts:
            raise Conflict(EndSignIn("i", 0))
        return "done"


@pytest.mark.parametrize("conflicts", range(ATTEMPTS))
def test_a_conflict_leads_to_another_attempt(conflicts: int) -> None:
    """From the facts as they then are."""
    attempt = Attempt(conflicts)

    assert asyncio.run(until_committed(attempt)) == "done"
    assert attempt.calls == conflicts + 1


def test_conflicts_without_end_are_given_up() -> None:
    """Bounded: 503 and no loop."""
    attempt = Attempt(1000)

    with pytest.raises(Unavailable):
        asyncio.run(until_committed(attempt))
    assert attempt.calls == ATTEMPTS
