"""Durations as an operator writes them: whole seconds, or a number with a unit ("90s", "5m", "12h", "14d", "2w")."""

import re
from typing import Final

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}  # largest first
_DURATION: Final = re.compile(r"([0-9]{1,9})\s?([wdhms]?)")


def parse_duration(text: str) -> int:
    """Return the seconds that the text names.

    Raises:
        ValueError: the text is neither a whole number nor a number with one of the units w, d, h, m, s.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError('not a duration: write seconds, or a number with a unit such as "5m" or "14d"')
    return int(found[1]) * _UNITS[found[2] or "s"]


def format_duration(seconds: int) -> str:
    """Return the shortest text that `parse_duration` reads as these seconds; weeks are written as days."""
    for unit in "dhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
