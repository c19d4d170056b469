"""What an answer of the feed must say before an API believes it (design §6.3)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import (
    MAX_ENTRIES,
    CutOff,
    FeedAnswer,
    check_feed,
    feed_claims,
    feed_link,
    linked_feed,
)

NOW = 1_800_000_000
ISSUER = "https://id.example.com"
ENTRY = CutOff(kind="sid", value="s1", issued_before=NOW, expires_at=NOW + 300)


def claims(**changes: Any) -> dict[str, Any]:
    """A sound answer to who knows position 3, with some claims changed."""
    return feed_claims(issuer=ISSUER, now=NOW, after=3, position=4, entries=[ENTRY]) | changes


def check(said: dict[str, Any], *, after: int = 3, now: int = NOW) -> FeedAnswer:
    """Check as a verifier does."""
    return check_feed(said, issuer=ISSUER, after=after, now=now, leeway=5)


def test_a_sound_answer_is_read() -> None:
    """What was written is read."""
    assert check(claims()) == FeedAnswer(after=3, position=4, entries=(ENTRY,))


def test_a_server_that_begins_anew_may_answer_from_the_beginning() -> None:
    """Entries that are known already are only repeated."""
    assert check(claims(after=0, position=0, entries=[])).position == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"iat": NOW + 6}, "iat"),
        ({"iat": NOW - 66}, "iat"),
        ({"iat": None}, "iat"),
        ({"after": 4}, "after"),
        ({"position": 2}, "after"),
        ({"position": "4"}, "entries"),
        ({"after": None}, "entries"),
        ({"entries": None}, "entries"),
        ({"entries": [{}]}, "entries"),
        ({"entries": [msgspec.to_builtins(ENTRY) | {"kind": "iss"}]}, "entries"),
        ({"entries": [msgspec.to_builtins(ENTRY) | {"value": 7}]}, "entries"),
        ({"entries": [msgspec.to_builtins(ENTRY)] * (MAX_ENTRIES + 1)}, "after"),
    ],
)
def test_what_could_hide_a_cut_off_is_refused(change: dict[str, Any], named: str) -> None:
    """Another issuer's, an old one played back, one that leaves a gap, or one that cannot be read."""
    with pytest.raises(TokenError) as refused:
        check(claims(**change))
    assert refused.value.claim == named


@pytest.mark.parametrize(("age", "accepted"), [(65, True), (66, False)])
def test_age_is_bounded_exactly(age: int, accepted: bool) -> None:
    """A minute, and the leeway."""
    if accepted:
        assert check(claims(), now=NOW + age).position == 4
    else:
        with pytest.raises(TokenError):
            check(claims(), now=NOW + age)


def test_the_link_is_read_as_it_is_written() -> None:
    """RFC 8288 §3, beside other links."""
    header = feed_link("https://id.example.com/revocations")
    assert linked_feed(header) == "https://id.example.com/revocations"
    assert linked_feed(f'<https://a.example>; rel="next", {header}') == "https://id.example.com/revocations"


@given(st.text())
def test_no_other_header_is_taken_for_a_link(header: str) -> None:
    """Keys of other issuers link to other things, or to nothing."""
    assert linked_feed(header) is None
