"""The issuer's keys, kept up to date by at most one fetch at a time, in a thread of its own (design §6.4)."""

import logging
import math
import os
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread

import msgspec

from jotary.jose import KeySet
from jotary.verifier import keys as policies
from jotary.verifier.fetch import Fetched, FetchError
from jotary.verifier.keys import KeyPolicy, KeyState, Step
from jotary.verifier.results import Results

_log = logging.getLogger("jotary.verifier")


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """The keys of one moment, with the results that they gave: when a key goes, its results go with it.

    Attributes:
        state: what is known about the keys.
        keys: the last good ones; an empty set if there never were any.
        results: what was verified with them.
        use_from: from this time
        use_until: until this time, nothing is to be done about the keys.
        fetches: how many fetches had ended by then.
    """

    state: KeyState
    keys: KeySet
    results: Results
    use_from: float
    use_until: float
    fetches: int


class View(msgspec.Struct, frozen=True, eq=False):
    """A snapshot seen at one time.

    Attributes:
        snapshot: what was seen.
        now: when.
        step: what is to be done first.
        keys: those that may be used at this time; an empty set if there are none.
        results: those that may be used at this time.
    """

    snapshot: Snapshot
    now: float
    step: Step
    keys: KeySet
    results: Results


class KeySource:
    """Holds a snapshot and replaces it.

    Args:
        fetch: brings the keys; raises FetchError.
        policy: when.
        clock: Unix seconds.
        cache_size: how many results are kept.
    """

    def __init__(
        self, fetch: Callable[[], Fetched], policy: KeyPolicy, clock: Callable[[], float], cache_size: int
    ) -> None:
        self._fetch = fetch
        self._policy = policy
        self._clock = clock
        self._cache_size = cache_size
        self._lock = Lock()
        self._in_flight: Future[None] | None = None
        self._closed = False
        self._ended = 0
        self._withdrawn: frozenset[str] = frozenset()
        self.snapshot = self._snapshot(KeyState(), Results(cache_size), clock())
        _sources.add(self)

    @classmethod
    def fixed(cls, keys: KeySet, clock: Callable[[], float], cache_size: int) -> "KeySource":
        """Return a source that holds these keys for ever and never fetches."""
        source = cls(_never, KeyPolicy(), clock, cache_size)
        source._closed = True
        source.snapshot = source._snapshot(KeyState(keys=keys, fresh_for=math.inf), source.snapshot.results, clock())
        return source

    def begun(self) -> int:
        """How many fetches have begun: the next one is the first that sees what the issuer publishes from now on."""
        with self._lock:
            return self._ended + (self._in_flight is not None)

    def view(self, now: float) -> View:
        """What a verification at this time has to go by."""
        snapshot, policy = self.snapshot, self._policy
        step = policies.next_step(snapshot.state, policy, now)
        if policies.usable(snapshot.state, policy, now):
            return View(snapshot, now, step, snapshot.keys, snapshot.results)
        return View(snapshot, now, step, _NO_KEYS, Results(0))

    def retry_after(self, view: View) -> int:
        """Seconds until the next fetch may be tried, at least 1."""
        return policies.retry_after(view.snapshot.state, self._policy, view.now)

    def start(self, seen: Snapshot) -> Future[None]:
        """Begin a fetch, or join the one that is under way. The future ends with it, whatever comes of it.

        Args:
            seen: the snapshot for which it was decided; if there is a newer one by now, nothing is to be done.
        """
        with self._lock:
            if self._in_flight is not None:
                return self._in_flight
            return self._begin() if self.snapshot is seen and not self._closed else DONE

    def start_for_unknown_key(self, view: View) -> Future[None] | None:
        """The same for a key id that is not in the set; None while it is too early for that."""
        with self._lock:
            if self._in_flight is not None:
                return self._in_flight
            if self.snapshot is not view.snapshot:
                return DONE
            state = view.snapshot.state
            if self._closed or not policies.may_fetch_for_unknown_key(state, self._policy, view.now):
                return None
            if len(view.keys):
                self.snapshot = self._snapshot(policies.refetched(state, view.now), view.snapshot.results, view.now)
            return self._begin()

    def withdraw(self, kids: Collection[str]) -> None:
        """Never again use keys of these names, whatever is fetched; forget what was verified with them; fetch anew."""
        with self._lock:
            self._withdrawn = self._withdrawn.union(kids)
            snapshot = self.snapshot
            remaining = policies.without(snapshot.keys, self._withdrawn)
            if remaining is snapshot.keys:
                return
            state = msgspec.structs.replace(snapshot.state, keys=remaining)
            self.snapshot = self._snapshot(state, Results(self._cache_size), self._clock())
            if self._in_flight is None and not self._closed:
                self._begin()

    def close(self) -> None:
        """Never fetch again. What is known stays in use."""
        with self._lock:
            self._closed = True

    def _begin(self) -> Future[None]:
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # so that a waiter who gives up does not cancel it for the others
        self._in_flight = future
        # A daemon: it never keeps the process alive.
        thread = Thread(target=self._run, args=(future,), name="jotary-keys", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is going down
            self._settle(error)
            future.set_result(None)
        return future

    def _run(self, future: Future[None]) -> None:
        outcome: Fetched | Exception
        try:
            outcome = self._fetch()
        except Exception as error:  # noqa: BLE001 -- a waiter must never wait for a thread that died
            outcome = error
        with suppress(Exception):  # nor for a log that fails, by a filter of the operator's
            _report(outcome)
        with self._lock:
            self._settle(outcome)
        future.set_result(None)

    def _settle(self, outcome: Fetched | Exception) -> None:
        """Publish the outcome; the lock is held."""
        state, results, now = self.snapshot.state, self.snapshot.results, self._clock()
        self._ended += 1
        if isinstance(outcome, Fetched):
            keys = policies.without(outcome.keys, self._withdrawn)  # a cache on the way may still have them
            if policies.lost_a_key(state.keys, keys):
                results = Results(self._cache_size)
            state = policies.fetched(
                state, self._policy, keys, outcome.max_age, now, revocations_uri=outcome.revocations_uri
            )
        else:
            state = policies.failed(state, str(outcome), now)
        self.snapshot = self._snapshot(state, results, now)
        self._in_flight = None

    def _snapshot(self, state: KeyState, results: Results, now: float) -> Snapshot:
        use_from, use_until = policies.undisturbed(state, self._policy, now)
        return Snapshot(state, state.keys or _NO_KEYS, results, use_from, use_until, self._ended)

    def start_over_in_child(self) -> None:
        """After a fork: the thread that fetched is not here, and the lock may have been held by one that is not."""
        self._lock = Lock()
        self._in_flight = None


_NO_KEYS = KeySet()
#: A wait that is over.
DONE: Future[None] = Future()
DONE.set_result(None)


def _never() -> Fetched:
    raise FetchError("fixed keys are never fetched")


def _report(outcome: Fetched | Exception) -> None:
    if isinstance(outcome, Fetched):
        for ignored in outcome.keys.ignored:
            _log.warning("key %s (kid %r) of the issuer is not used: %s", ignored.index, ignored.kid, ignored.reason)
    else:
        unexpected = None if isinstance(outcome, FetchError) else outcome
        _log.warning("the issuer's keys could not be fetched: %s", outcome, exc_info=unexpected)


_sources: "weakref.WeakSet[KeySource]" = weakref.WeakSet()


def _start_over_in_child() -> None:
    for source in _sources:
        source.start_over_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over_in_child)
