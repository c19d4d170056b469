"""A clock that moves only when a test says so."""


class FrozenClock:
    """Call it for the time in Unix seconds.

    Args:
        now: where it stands.
    """

    def __init__(self, now: int = 1_800_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time it stands at."""
        return self.now

    def advance(self, seconds: int) -> None:
        """Move it; a negative number moves it back."""
        self.now += seconds
