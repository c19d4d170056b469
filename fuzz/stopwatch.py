"""How long a call takes, on a machine that does other work too."""

import time
from collections.abc import Callable
from contextlib import suppress

_AGAIN = 5


class Stopwatch:
    """Times calls, and measures again those that look slow: the shortest of six is what the call itself needs."""

    def __init__(self) -> None:
        self.begun = 0.0

    def start(self) -> None:
        """Begin."""
        self.begun = time.perf_counter()

    def passed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.begun

    @staticmethod
    def shortest(call: Callable[[], object]) -> float:
        """The least processor time of several calls, in seconds; what they raise is of no interest."""
        shortest = float("inf")
        for _ in range(_AGAIN):
            begun = time.process_time()
            with suppress(Exception):  # the first call has told what it raises
                call()
            shortest = min(shortest, time.process_time() - begun)
        return shortest
