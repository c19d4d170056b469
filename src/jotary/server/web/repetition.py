"""What would be logged for every request while something cannot be had: once a second, and how often it was."""

from typing import Final

from jotary.server.ports import Clock

_MAX_DIFFERENT: Final = 8  # lines in a second, should the words differ each time


class Repetition:
    """Which of the lines of one place are left out.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second: int | None = None
        self._said: set[str] = set()  # in that second
        self._left_out = 0

    def left_out(self, words: str) -> int | None:
        """How many lines were left out since one was logged; None if this is left out, too: it was said just now."""
        second = self._clock()
        if second != self._second:  # or it was set back, and would be silent until then
            self._second = second
            self._said.clear()
        if words in self._said or len(self._said) >= _MAX_DIFFERENT:
            self._left_out += 1
            return None
        self._said.add(words)
        left_out, self._left_out = self._left_out, 0
        return left_out
