"""Durations as an operator writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.settings.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("12h", 43_200),
        ("14d", 1_209_600),
        ("2w", 1_209_600),
        (" 5 m ", 300),
    ],
)
def test_a_number_with_or_without_a_unit_is_a_duration(text: str, seconds: int) -> None:
    """docs/settings.md, "How values are written"."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "-5m", "5 minutes", "1.5h", "5M", "1h30m", "٣m", "1_000", "5m\n5m", "9999999999", "+5", "5y"]
)
def test_everything_else_is_refused(text: str) -> None:
    """One way to write each duration, in ASCII digits, so that nobody has to guess what another wrote."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=999_999_999))
def test_what_is_shown_reads_back_as_the_same(seconds: int) -> None:
    """The documentation shows defaults by `format_duration`; an operator copies them."""
    assert parse_duration(format_duration(seconds)) == seconds
