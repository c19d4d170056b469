"""Which answers of the feed are taken, what comes of them, and how often one is asked for (design §6.3)."""

from threading import Event, Timer
from typing import TYPE_CHECKING

import pytest

from jotary.jose import Key, KeySet, jwt
from jotary.testing import FrozenClock
from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import MAX_ENTRIES, MAX_WAIT, TYP, feed_claims
from jotary.verifier.fetch import Fetched, FetchError
from jotary.verifier.follower import Follower, Standing

if TYPE_CHECKING:
    from tests.unit.verifier.conftest import FollowedFeed


def test_the_first_answer_is_wanted_at_once_and_the_next_ones_when_there_is_news(
    feed: "FollowedFeed", follower: Follower
) -> None:
    """Requests wait for the first; and each asks for what comes behind the one before."""
    feed.answers = [[feed.cut_off("s1"), feed.cut_off("s2")], [feed.cut_off("s3")]]
    follower.start()
    assert feed.has_nothing_left.wait(30)
    assert feed.asked == [(feed.url, 0, 0), (feed.url, 2, MAX_WAIT), (feed.url, 3, MAX_WAIT)]


def test_what_no_token_can_match_any_more_is_dropped(
    feed: "FollowedFeed", follower: Follower, clock: FrozenClock
) -> None:
    """With the leeway of this API, which takes tokens for as much longer."""
    first = feed.cut_off("s1")
    for seconds, kept in ((304, ["s1"]), (1, [])):
        clock.advance(seconds)
        follower.revocations = type(follower.revocations)()
        feed.answers = [[first]]
        follower._follow(Standing())
        assert [entry.value for entry in follower.revocations] == kept


@pytest.mark.parametrize(
    ("is_settled", "is_news", "seconds", "pause"),
    [
        (True, False, 0.0, 0.5),
        (True, False, 1.0, 0.0),
        (True, True, 0.0, 0.0),
        (False, False, 0.0, 0.0),
    ],
    ids=["at once", "held back", "news", "first"],
)
def test_only_an_answer_that_was_neither_news_nor_held_back_is_a_reason_to_pause(
    feed: "FollowedFeed",
    follower: Follower,
    clock: FrozenClock,
    *,
    is_settled: bool,
    is_news: bool,
    seconds: float,
    pause: float,
) -> None:
    """News comes in parts, and the next part is wanted at once."""
    follower.is_settled = is_settled
    feed.answers = [[feed.cut_off("s1")] if is_news else []]
    answer = feed.read

    def read(url: str, after: int, wait: int) -> str:
        clock.advance(int(seconds))
        return answer(url, after, wait)

    follower._read = read
    assert follower._follow(Standing()) == pause


def test_a_feed_that_fails_is_asked_less_and_less_often(
    feed: "FollowedFeed", follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the bound, so that one that is back is noticed; after an answer it begins anew."""
    pauses: list[float] = []

    class Closing:
        def wait(self, pause: float) -> bool:
            pauses.append(pause)
            return len(pauses) == 11

        def is_set(self) -> bool:
            return True

        def set(self) -> None:
            pass

    monkeypatch.setattr(follower, "_closed", Closing())
    feed.answers = [*[FetchError("down")] * 7, [feed.cut_off("s1")], FetchError("down"), FetchError("down")]
    follower._run()
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 0.0, 0.5, 1.0]


def test_keys_without_a_link_lead_nowhere(feed: "FollowedFeed", follower: Follower) -> None:
    """The issuer has no feed any more: it is no longer confirmed, and no address is made up."""
    keys = follower._keys
    keys._fetch = lambda: Fetched(keys=KeySet([feed.key.public()]), max_age=300)
    keys.start(keys.snapshot).result(30)
    with pytest.raises(FetchError, match="no longer"):
        follower._follow(Standing())
    assert feed.asked == []


def test_what_is_known_is_as_the_issuer_says_and_from_when_it_said_so(
    feed: "FollowedFeed", follower: Follower, clock: FrozenClock
) -> None:
    """Entries that no token can match are left out of an answer; and it may have been held back for a while."""
    asked_at = clock()

    def read(_url: str, after: int, _wait: int) -> str:
        clock.advance(20)
        claims = feed_claims(
            issuer=feed.issuer, now=int(clock()), after=after, position=9, entries=[feed.cut_off("s1")]
        )
        return jwt.sign(claims, feed.key, typ=TYP)

    follower._read = read
    follower._follow(Standing())
    assert follower.standing == Standing(9, asked_at + 20)


def test_an_answer_that_leaves_something_out_is_not_taken(feed: "FollowedFeed", follower: Follower) -> None:
    """It begins behind what is known; what lies between would never be seen."""

    def read(_url: str, after: int, _wait: int) -> str:
        claims = feed_claims(issuer=feed.issuer, now=int(feed.clock()), after=after + 1, position=after + 2, entries=[])
        return jwt.sign(claims, feed.key, typ=TYP)

    follower._read = read
    with pytest.raises(TokenError, match="does not continue"):
        follower._follow(Standing())


def test_an_answer_with_all_that_fits_into_one_is_taken(feed: "FollowedFeed", follower: Follower) -> None:
    """It is longer than a token may be."""
    feed.answers = [[feed.cut_off(f"session-{number:032}") for number in range(MAX_ENTRIES)]]
    follower._follow(Standing())
    assert len(follower.revocations) == MAX_ENTRIES


def test_a_new_key_of_the_feed_is_waited_for(feed: "FollowedFeed", follower: Follower) -> None:
    """What it says is then known at once, and not only after a pause."""
    keys, new = follower._keys, Key.generate("ES256")
    may_answer = Event()

    def fetch() -> Fetched:
        may_answer.wait(30)
        return Fetched(keys=KeySet([new.public()]), max_age=300, revocations_uri=feed.url)

    def read(_url: str, after: int, _wait: int) -> str:
        Timer(0.1, may_answer.set).start()
        now = int(feed.clock())
        claims = feed_claims(issuer=feed.issuer, now=now, after=after, position=1, entries=[feed.cut_off("s1")])
        return jwt.sign(claims, new, typ=TYP)

    keys._fetch = fetch
    follower._read = read
    follower._follow(Standing())
    assert [entry.value for entry in follower.revocations] == ["s1"]
