"""Durations in words."""

import pytest

from jotary.server.web.duration_words import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (90 * 86_400, "90 days"),
        (86_400, "1 day"),
        (90_000, "2 days"),
        (3_600, "1 hour"),
        (300, "5 minutes"),
        (1, "a minute"),
    ],
)
def test_a_limit_is_never_said_shorter_than_it_is(seconds: int, words: str) -> None:
    """Rounded up, in the largest unit."""
    assert in_words(seconds) == words
