"""At most one fetch at a time, none after the end, and none for nothing (design §6.4)."""

import threading
from collections.abc import Iterator

import pytest

from jotary.jose import Key, KeySet
from jotary.testing import FrozenClock
from jotary.verifier.fetch import Fetched
from jotary.verifier.key_source import KeySource
from jotary.verifier.keys import KeyPolicy, Step

KEYS = [Key.generate("ES256").public() for _ in range(2)]


class Issuer:
    """Answers when it is let, and counts."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0

    def fetch(self) -> Fetched:
        """Both keys."""
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.may_answer.wait(30)
        self.at_once -= 1
        return Fetched(keys=KeySet(KEYS), max_age=300)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Let go at the end."""
    made = Issuer()
    yield made
    made.may_answer.set()


@pytest.fixture
def source(issuer: Issuer, clock: FrozenClock) -> KeySource:
    """Keys that were fetched once."""
    made = KeySource(issuer.fetch, KeyPolicy(), clock, cache_size=10)
    made.start(made.snapshot).result(30)
    return made


def kids(source: KeySource) -> list[str | None]:
    """The keys that are held."""
    return [key.kid for key in source.snapshot.keys]


def test_a_key_that_is_withdrawn_during_a_fetch_is_not_brought_back_by_it(issuer: Issuer, source: KeySource) -> None:
    """And no second fetch begins beside it."""
    issuer.may_answer.clear()
    under_way = source.start(source.snapshot)
    source.withdraw([str(KEYS[0].kid)])
    assert kids(source) == [KEYS[1].kid]
    issuer.may_answer.set()
    under_way.result(30)
    assert kids(source) == [KEYS[1].kid]
    assert (issuer.asked, issuer.most_at_once) == (2, 1)


def test_after_its_end_nothing_is_fetched(issuer: Issuer, source: KeySource, clock: FrozenClock) -> None:
    """Whatever is heard by who is a little late; what is known stays in use."""
    source.close()
    source.withdraw([str(KEYS[0].kid)])
    source.start(source.snapshot).result(30)
    assert source.start_for_unknown_key(source.view(clock())) is None
    assert (issuer.asked, kids(source)) == (1, [KEYS[1].kid])
    assert source.begun() == 1


def test_who_saw_older_keys_fetches_nothing(issuer: Issuer, source: KeySource, clock: FrozenClock) -> None:
    """Somebody else has fetched since: with these it is looked again first."""
    seen = source.view(clock())
    source.start(source.snapshot).result(30)
    source.start(seen.snapshot).result(30)
    for_unknown = source.start_for_unknown_key(seen)
    assert for_unknown is not None
    for_unknown.result(30)
    assert issuer.asked == 2


def test_an_unknown_key_is_asked_for_once_in_a_while(issuer: Issuer, source: KeySource, clock: FrozenClock) -> None:
    """Strangers choose the names of keys that they write into tokens."""
    first = source.start_for_unknown_key(source.view(clock()))
    assert first is not None
    first.result(30)
    assert source.start_for_unknown_key(source.view(clock())) is None
    clock.advance(31)
    again = source.start_for_unknown_key(source.view(clock()))
    assert again is not None
    again.result(30)
    assert issuer.asked == 3


def test_the_first_fetch_does_not_use_up_what_an_unknown_key_may_ask_for(issuer: Issuer, clock: FrozenClock) -> None:
    """It was made because there were no keys; the issuer may rotate right behind it."""
    source = KeySource(issuer.fetch, KeyPolicy(), clock, cache_size=10)
    for _ in range(2):
        fetch = source.start_for_unknown_key(source.view(clock()))
        assert fetch is not None
        fetch.result(30)
    assert issuer.asked == 2


def test_keys_that_are_too_old_are_not_used(source: KeySource, clock: FrozenClock) -> None:
    """An issuer that was away for longer than an outage may last."""
    assert len(source.view(clock()).keys) == 2
    clock.advance(300 + 86_400 + 1)
    view = source.view(clock())
    assert len(view.keys) == 0
    assert view.results is not source.snapshot.results, "what they have verified is no longer good either"


def test_keys_that_were_given_are_held_for_ever_and_never_fetched(clock: FrozenClock) -> None:
    """Nothing is to be done about them, at any time."""
    source = KeySource.fixed(KeySet(KEYS), clock, 10)
    clock.advance(365 * 86_400)
    view = source.view(clock())
    assert (view.step, len(view.keys)) == (Step.USE, 2)
    source.withdraw([str(KEYS[0].kid)])
    assert source._in_flight is None
    assert source.start_for_unknown_key(source.view(clock())) is None
    source.start(source.snapshot).result(30)
    assert source.begun() == 0


def test_keys_that_are_withdrawn_one_after_the_other_all_stay_so(issuer: Issuer, source: KeySource) -> None:
    """Whatever a cache on the way still has, and although each withdrawal fetches anew."""
    for key in KEYS:
        source.withdraw([str(key.kid)])
        if source._in_flight is not None:
            source._in_flight.result(30)
    source.start(source.snapshot).result(30)
    assert kids(source) == []
    assert issuer.most_at_once == 1


def test_news_of_a_key_that_is_not_held_changes_nothing(issuer: Issuer, source: KeySource) -> None:
    """No result is lost, and nothing fetched."""
    before = source.snapshot
    source.withdraw(["long gone"])
    assert source.snapshot is before
    assert issuer.asked == 1


def test_an_unknown_key_costs_no_result(issuer: Issuer, source: KeySource, clock: FrozenClock) -> None:
    """Strangers choose the names; what was verified before need not be verified again for them."""
    issuer.may_answer.clear()
    results = source.snapshot.results
    fetch = source.start_for_unknown_key(source.view(clock()))
    assert source.snapshot.results is results
    issuer.may_answer.set()
    assert fetch is not None
    fetch.result(30)
    assert source.snapshot.results is results


def test_results_go_with_the_key_that_gave_them(source: KeySource) -> None:
    """A token of a withdrawn key would otherwise be good for as long as it is remembered."""
    results = source.snapshot.results
    source.withdraw([str(KEYS[0].kid)])
    assert source.snapshot.results is not results


def test_nobody_waits_for_a_thread_that_did_not_begin(
    issuer: Issuer, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as a fetch that failed, and is tried again when another one would be."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    source = KeySource(issuer.fetch, KeyPolicy(), clock, cache_size=10)
    with monkeypatch.context() as without:
        without.setattr("jotary.verifier.key_source.Thread.start", refuse)
        assert source.start(source.snapshot).done()
    assert source.snapshot.state.failures == 1
    source.start(source.snapshot).result(30)
    assert len(source.snapshot.keys) == 2


def test_keys_are_fresh_for_as_long_as_the_issuer_says(clock: FrozenClock) -> None:
    """RFC 9111 §5.2.2.1, within this verifier's own bounds."""
    source = KeySource(lambda: Fetched(keys=KeySet(KEYS), max_age=600), KeyPolicy(), clock, cache_size=10)
    source.start(source.snapshot).result(30)
    assert source.snapshot.state.fresh_for == 600


def test_what_could_not_be_used_is_still_known_of_when_a_key_goes(clock: FrozenClock) -> None:
    """The operator looks there for the reason."""
    keys = KeySet.from_jwks({"keys": [*KeySet(KEYS).to_jwks()["keys"], {"kty": "XYZ"}]})
    source = KeySource(lambda: Fetched(keys=keys, max_age=600), KeyPolicy(), clock, cache_size=10)
    source.start(source.snapshot).result(30)
    source.close()
    source.withdraw([str(KEYS[0].kid)])
    assert kids(source) == [KEYS[1].kid]
    assert [ignored.index for ignored in source.snapshot.keys.ignored] == [2]
