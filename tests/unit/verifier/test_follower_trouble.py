"""The follower of the feed when its thread, its log or its process goes (design §6.3)."""

import logging
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from jotary.testing import FrozenClock
from jotary.verifier.fetch import Fetched, FetchError
from jotary.verifier.follower import Follower, Standing
from jotary.verifier.key_source import KeySource
from jotary.verifier.keys import KeyPolicy

if TYPE_CHECKING:
    from tests.unit.verifier.conftest import FollowedFeed


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
    feed: "FollowedFeed", follower: Follower, monkeypatch: pytest.MonkeyPatch
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
def test_a_log_that_fails_does_not_end_the_following(feed: "FollowedFeed", follower: Follower) -> None:
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


def test_a_child_of_a_closed_one_still_knows_what_was_cut_off(feed: "FollowedFeed", follower: Follower) -> None:
    """`close` keeps in use what is known, and in the child nothing would be read again."""
    feed.answers = [[feed.cut_off("s1")]]
    follower.start().result(30)
    follower.close()
    follower.start_over_in_child()
    assert [entry.value for entry in follower.revocations] == ["s1"]
    assert follower.standing.position == 1
    assert follower.start().done()


def test_a_child_of_a_living_one_reads_everything_again(feed: "FollowedFeed", follower: Follower) -> None:
    """The parent's thread may have been half way through an answer."""
    feed.answers = [[feed.cut_off("s1")]]
    follower.start().result(30)
    closed = follower._closed
    follower.start_over_in_child()
    assert follower._closed is not closed, "the lock within may have been held by a thread that is not here"
    assert len(follower.revocations) == 0
    assert follower.standing == Standing()
    assert follower.is_awaited(follower._keys.snapshot)


def test_a_surprise_is_told_with_its_trace(
    feed: "FollowedFeed", follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a defect; the following goes on."""
    caplog.set_level(logging.WARNING, logger="jotary.verifier")  # whatever other tests have left behind
    feed.answers = [ZeroDivisionError("surprise"), [feed.cut_off("s1")]]
    follower.start()
    assert feed.has_nothing_left.wait(30)
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert len(follower.revocations) == 1


def test_one_thread_follows(follower: Follower) -> None:
    """However many requests begin it, before or after its first answer."""
    follower.start()
    thread = follower._thread
    follower.start()
    assert follower._thread is thread


def test_the_first_answer_is_told_once(follower: Follower) -> None:
    """Closing and following end the wait at the same time; a second end would be an error in either."""
    settling = Thread(target=follower._settle, daemon=True)
    with follower._lock:
        settling.start()
        settling.join(0.05)
        assert settling.is_alive()
    settling.join(30)
    follower._settle()
    assert follower.is_settled
