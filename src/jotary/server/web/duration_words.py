"""How long something lasts, in words for people."""

from typing import Final

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def in_words(seconds: int) -> str:
    """The duration in the largest unit that it fills, rounded up: what is said as a limit must not be too short."""
    for size, unit in _UNITS:
        if seconds >= size:
            count = -(-seconds // size)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a minute"
