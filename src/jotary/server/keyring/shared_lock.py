"""A lock that many threads hold together, or one alone (readers and a writer, Courtois et al. 1971)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Whoever wants to be alone is let in before those who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_wanted_alone = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold it together with others. Blocks while somebody is alone, or waits to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_wanted_alone)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, *, patience: float) -> Iterator[bool]:
        """Hold it alone.

        Args:
            patience: seconds that the others may take to leave.

        Yields:
            Whether it is held. Not so if somebody did not leave in time: one that hangs must keep nobody out for ever.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_wanted_alone)
            self._is_wanted_alone = True
            is_held = self._changed.wait_for(lambda: self._inside == 0, timeout=patience)
        try:
            yield is_held
        finally:
            with self._changed:
                self._is_wanted_alone = False
                self._changed.notify_all()
