"""Showing what stands in a token, which may have been written to deceive whoever reads it."""

import json
from datetime import UTC, datetime
from typing import Any, Final

_LONGEST: Final = 200  # characters of one value
_LAST_MOMENT: Final = 253_402_300_799  # the end of the year 9999, behind which there is no calendar


def shown(value: Any) -> str:
    """A JSON value as JSON in printable ASCII, cut off where it is long.

    No control character reaches a terminal, no text turns around what stands beside it, and a letter that only looks
    like another one, in a name that is compared byte for byte, is seen.
    """
    text = json.dumps(value, ensure_ascii=True)  # which leaves nothing but " " to "~" as it is
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def printable(text: str) -> str:
    """A text of somebody else's in printable ASCII, such as why a fetch failed."""
    return "".join(c if c.isascii() and c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sentence(hint: str) -> str:
    """A hint of the verifier's, which has neither a capital nor a full stop, as a sentence; nothing stays nothing."""
    return f"{hint[:1].upper()}{hint[1:].rstrip('.')}." if hint else ""


def one_of(values: frozenset[str]) -> str:
    """The value, or the values of which one is enough."""
    listed = [shown(value) for value in sorted(values)]
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"


def shown_time(value: Any, now: int) -> str:
    """A NumericDate, as a person reads it; anything else as it is."""
    if type(value) not in {int, float} or not 0 <= value <= _LAST_MOMENT:
        return shown(value)
    seconds = int(value) - now
    distance = f"in {seconds} s" if seconds > 0 else f"{-seconds} s ago"
    return f"{shown(value)} ({datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M:%SZ}, {distance})"
