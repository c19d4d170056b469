"""The follower of the feed when its thread, its log or its process goes, and how often it asks (design §6.3)."""

import logging
from collections.abc import Iterator
from threading import Event

import pytest

from jotary.jose import Key, KeySet, jwt
from jotary.testing import FrozenClock
from jotary.tokens.revocation_feed import MAX_WAIT, TYP, CutOff, feed_claims
from jotary.verifier.fetch import Fetched, FetchError
from jotary.verifier.follower import Follower, Standing
from jotary.verifier.key_source import KeySource
from jotary.verifier.keys import KeyPolicy

ISSUER = "https://id.example"
FEED = "https://id.example/revocations"
KEY = Key.generate("ES256")


class Feed:
    """Answers what it is told to, and then holds everything back."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.answers: list[Exception | list[CutOff]] = []
        self.asked: list[tuple[str, int, int]] = []
        self.has_nothing_left = Event()
        self.closed = Event()

    def read(self, url: str, after: int, wait: int) -> str:
        """One answer: what was cut off since, each entry one position further."""
        self.asked.append((url, after, wait))
        if not self.answers:
            self.has_nothing_left.set()
            self.closed.wait(30)
            raise FetchError("closed")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        claims = feed_claims(
            issuer=ISSUER, now=int(self.clock()), after=after, position=after + len(answer), entries=answer
        )
        return jwt.sign(claims, KEY, typ=TYP)

    def cut_off(self, value: str) -> CutOff:
        """A session, until a while from now."""
        now = int(self.clock())
        return CutOff(kind="sid", value=value, issued_before=now, expires_at=now + 300)


@pytest.fixture
def feed(clock: FrozenClock) -> Iterator[Feed]:
    """Lets go of whoever reads it in the end."""
    made = Feed(clock)
    yield made
    made.closed.set()


@pytest.fixture
def follower(feed: Feed, clock: FrozenClock) -> Iterator[Follower]:
    """Knows the keys, and has not begun."""
    keys = KeySource(
        lambda: Fetched(keys=KeySet([KEY.public()]), max_age=300, revocations_uri=FEED), KeyPolicy(), clock, 10
    )
    keys.start(keys.snapshot).result(30)
    made = Follower(keys, feed.read, issuer=ISSUER, algorithms=frozenset(), leeway=5, clock=clock)
    yield made
    made.close()


@pytest.fixture
def broken_log() -> Iterator[None]:
    """A filter of the operator's, that was to hide secrets and has a fault."""

    def fail(_record: logging.LogRecord) -> bool:
        raise ValueError("a fault in a filter")

    log = logging.getLogger("jotary.verifier")
    log.addFilter(fail)
    yield
    log.removeFilter(fail)


def test_a_machine_without_threads_is_tried_again(
    feed: Feed, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a thread that did not begin; the next request begins it, and until then each one asks."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr("jotary.verifier.follower.Thread.start", refuse)
        assert follower.start().done()
    assert follower.is_awaited(follower._keys.snapshot)
    feed.answers = [[feed.cut_off("s1")]]
    follower.start().result(30)
    assert [entry.value for entry in follower.revocations] == ["s1"]


@pytest.mark.usefixtures("broken_log")
def test_a_log_that_fails_does_not_end_the_following(feed: Feed, follower: Follower) -> None:
    """Every later cut-off would go unheard, and nobody would be told."""
    feed.answers = [FetchError("down"), [feed.cut_off("s1")]]
    follower.start()
    assert feed.has_nothing_left.wait(30)
    assert [entry.value for entry in follower.revocations] == ["s1"]


@pytest.mark.usefixtures("broken_log")
def test_a_log_that_fails_does_not_leave_anybody_waiting_for_keys(clock: FrozenClock) -> None:
    """Nor keep a fetch under way for ever, beside which none begins."""

    def fail() -> Fetched:
        raise FetchError("down")

    keys = KeySource(fail, KeyPolicy(), clock, 10)
    keys.start(keys.snapshot).result(10)
    assert keys._in_flight is None


def test_a_child_of_a_closed_one_still_knows_what_was_cut_off(feed: Feed, follower: Follower) -> None:
    """`close` keeps in use what is known, and in the child nothing would be read again."""
    feed.answers = [[feed.cut_off("s1")]]
    follower.start().result(30)
    follower.close()
    follower.start_over_in_child()
    assert [entry.value for entry in follower.revocations] == ["s1"]
    assert follower.standing.position == 1
    assert follower.start().done()


def test_a_child_of_a_living_one_reads_everything_again(feed: Feed, follower: Follower) -> None:
    """The parent's thread may have been half way through an answer."""
    feed.answers = [[feed.cut_off("s1")]]
    follower.start().result(30)
    follower.start_over_in_child()
    assert len(follower.revocations) == 0
    assert follower.standing == Standing()
    assert follower.is_awaited(follower._keys.snapshot)


def test_the_first_answer_is_wanted_at_once_and_the_next_ones_when_there_is_news(
    feed: Feed, follower: Follower
) -> None:
    """Requests wait for the first; and each asks for what comes behind the one before."""
    feed.answers = [[feed.cut_off("s1"), feed.cut_off("s2")], [feed.cut_off("s3")]]
    follower.start()
    assert feed.has_nothing_left.wait(30)
    assert feed.asked == [(FEED, 0, 0), (FEED, 2, MAX_WAIT), (FEED, 3, MAX_WAIT)]


def test_what_no_token_can_match_any_more_is_dropped(feed: Feed, follower: Follower, clock: FrozenClock) -> None:
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
    feed: Feed, follower: Follower, clock: FrozenClock, *, is_settled: bool, is_news: bool, seconds: float, pause: float
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
    feed: Feed, follower: Follower, monkeypatch: pytest.MonkeyPatch
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


def test_keys_without_a_link_lead_nowhere(feed: Feed, follower: Follower) -> None:
    """The issuer has no feed any more: it is no longer confirmed, and no address is made up."""
    keys = follower._keys
    keys._fetch = lambda: Fetched(keys=KeySet([KEY.public()]), max_age=300)
    keys.start(keys.snapshot).result(30)
    with pytest.raises(FetchError, match="no longer"):
        follower._follow(Standing())
    assert feed.asked == []


def test_a_surprise_is_told_with_its_trace(feed: Feed, follower: Follower, caplog: pytest.LogCaptureFixture) -> None:
    """It is a defect; the following goes on."""
    feed.answers = [ZeroDivisionError("surprise"), [feed.cut_off("s1")]]
    follower.start()
    assert feed.has_nothing_left.wait(30)
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert len(follower.revocations) == 1


def test_what_is_known_is_as_the_issuer_says_and_from_when_it_said_so(
    feed: Feed, follower: Follower, clock: FrozenClock
) -> None:
    """Entries that no token can match are left out of an answer; and it may have been held back for a while."""
    asked_at = clock()

    def read(_url: str, after: int, _wait: int) -> str:
        clock.advance(20)
        claims = feed_claims(issuer=ISSUER, now=int(clock()), after=after, position=9, entries=[feed.cut_off("s1")])
        return jwt.sign(claims, KEY, typ=TYP)

    follower._read = read
    follower._follow(Standing())
    assert follower.standing == Standing(9, asked_at + 20)


def test_one_thread_follows(follower: Follower) -> None:
    """However many requests begin it, before or after its first answer."""
    follower.start()
    thread = follower._thread
    follower.start()
    assert follower._thread is thread
