"""Follows the issuer's feed of cut-offs in a thread of its own, so that verifying stays a look-up (design §6.3)."""

import concurrent.futures
import logging
import os
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from threading import Event, Lock, Thread

import msgspec

from jotary.jose import JOSEError, KeySet, jwt
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import MAX_WAIT, TYP, FeedAnswer, check_feed
from jotary.verifier.fetch import MAX_DOCUMENT, FetchError, Source, fetch_feed
from jotary.verifier.key_source import DONE, KeySource, Snapshot
from jotary.verifier.revocations import RevocationList, cut_off, withdrawn_keys

_log = logging.getLogger("jotary.verifier")

_FIRST_PAUSE = 0.5  # seconds after a failure; it doubles with each further one
_LONGEST_PAUSE = 15.0  # seconds; a feed that is back must be noticed within any sensible bound of staleness
_LEAST_INTERVAL = 0.5  # seconds between two answers without news, should the issuer not hold them back

#: Reads (URL of the feed, position, seconds to wait) and returns the signed answer; raises FetchError.
Read = Callable[[str, int, int], str]


class Standing(msgspec.Struct, frozen=True):
    """How far the feed has been followed.

    Attributes:
        position: everything up to here is known.
        confirmed_at: when the issuer last said so, Unix seconds; None if it never did.
    """

    position: int = 0
    confirmed_at: float | None = None


class Follower:
    """Keeps the cut-offs of one issuer.

    Args:
        keys: of the issuer; they also sign the feed, and come with a link to it.
        read: brings one answer of the feed.
        issuer: whose feed it is.
        algorithms: what the API takes tokens by, and so the feed as well, beside what is taken by default.
        leeway: seconds that clocks may differ.
        clock: Unix seconds.
    """

    def __init__(
        self,
        keys: KeySource,
        read: Read,
        *,
        issuer: str,
        algorithms: frozenset[str],
        leeway: int,
        clock: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._read = read
        self._issuer = issuer
        self._algorithms = algorithms.union(DEFAULT_ALGORITHMS)
        self._leeway = leeway
        self._clock = clock
        self._closed = Event()
        self._start_over()
        _followers.add(self)

    def _start_over(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._settled: Future[None] = Future()
        self._settled.set_running_or_notify_cancel()  # so that a waiter who gives up does not cancel it for the others
        self.is_settled = False
        self.revocations = RevocationList()
        self.standing = Standing()

    def is_awaited(self, snapshot: Snapshot) -> bool:
        """Whether there is a feed that has not been heard of yet: a token could be good or cut off."""
        return not self.is_settled and snapshot.state.revocations_uri is not None

    def is_stale(self, now: float, bound: int) -> bool:
        """Whether the feed was last confirmed more than `bound` seconds ago, or never."""
        confirmed_at = self.standing.confirmed_at
        return confirmed_at is None or not -bound <= now - confirmed_at <= bound

    def start(self) -> Future[None]:
        """Begin to follow; the future ends with the first answer or failure."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                # A daemon: it never keeps the process alive.
                thread = Thread(target=self._run, name="jotary-revocations", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads, or the interpreter is going down: the next request tries again
                    _log.warning("the revocation feed cannot be followed now: there is no thread to be had")
                    return DONE
                self._thread = thread
            return self._settled

    def close(self) -> None:
        """Stop following, with the answer that is under way. What is known stays in use."""
        self._closed.set()
        self._settle()  # whoever waits for the first answer would wait in vain

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            try:
                pause = self._follow(self.standing)
            except Exception as error:  # noqa: BLE001 -- a thread that died would follow nothing any more
                pause = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
                with suppress(Exception):  # nor must a log that fails, by a filter of the operator's, end the following
                    _report(error)
            self._settle()

    def _follow(self, standing: Standing) -> float:
        """Take one answer; returns the seconds to pause."""
        uri = self._keys.snapshot.state.revocations_uri
        if uri is None:
            raise FetchError("the issuer's keys no longer come with a link to a feed")
        # The first answer is wanted at once: requests wait for it.
        started, wait = self._clock(), MAX_WAIT if self.is_settled else 0
        answer, kid = self._verified(self._read(uri, standing.position, wait), standing.position)
        withdrawn = withdrawn_keys(answer.entries)
        if withdrawn:
            self._keys.withdraw(withdrawn)
        if kid in withdrawn:  # whoever has that key may have left something out: ask again, and believe another key
            return _LEAST_INTERVAL
        now = self._clock()
        cut_off(self.revocations, answer.entries, leeway=self._leeway)
        self.revocations.prune(int(now))
        self.standing = Standing(answer.position, now)
        is_idle = wait and not answer.entries and now - started < _LEAST_INTERVAL
        return _LEAST_INTERVAL if is_idle else 0.0

    def _verified(self, token: str, after: int) -> tuple[FeedAnswer, str | None]:
        """The answer, and the name of the key that signed it; keys that were withdrawn are not in the set."""
        try:
            signed = open_feed(token, self._keys.snapshot.keys, self._algorithms)
        except JOSEError as error:
            if error.code != "unknown_key":
                raise
            fetch = self._keys.start_for_unknown_key(self._keys.view(self._clock()))
            if fetch is None:
                raise
            concurrent.futures.wait([fetch])
            signed = open_feed(token, self._keys.snapshot.keys, self._algorithms)
        now = int(self._clock())
        answer = check_feed(signed.claims, issuer=self._issuer, after=after, now=now, leeway=self._leeway)
        return answer, signed.header.get("kid")

    def _settle(self) -> None:
        with self._lock:
            if not self.is_settled:
                self.is_settled = True
                self._settled.set_result(None)

    def start_over_in_child(self) -> None:
        """After a fork: the thread is not here, and the locks may have been held by one that is not."""
        was_closed, self._closed = self._closed.is_set(), Event()
        known = self.revocations, self.standing
        self._start_over()
        if was_closed:  # nothing will be read again; what is known is changed by nobody, so its lock does not matter
            self.revocations, self.standing = known
            self.close()


def follow(
    keys: KeySource,
    where: Source,
    *,
    algorithms: Collection[str],
    leeway: int,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
) -> Follower:
    """Return what follows the feed of the issuer whose keys these are."""

    def read(url: str, after: int, wait: int) -> str:
        return fetch_feed(where, monotonic, url, after=after, wait=wait)

    named = frozenset(algorithms)
    return Follower(keys, read, issuer=where.issuer, algorithms=named, leeway=leeway, clock=clock)


def bound_of_silence(on_stale: str, stale_after: int, *, is_followed: bool) -> int | None:
    """The seconds of silence after which tokens are refused; None for never.

    Raises:
        ValueError: with what to change.
    """
    if on_stale not in {"accept", "refuse"} or stale_after < 1:
        raise ValueError("on_stale must be 'accept' or 'refuse', and stale_after at least 1 second")
    if on_stale == "accept":
        return None
    if not is_followed:
        raise ValueError("on_stale='refuse' needs the feed: leave follow_revocations=True")
    return stale_after


def open_feed(token: str, keys: KeySet, algorithms: Collection[str] = DEFAULT_ALGORITHMS) -> jwt.VerifiedToken:
    """Verify signature and type of one answer of a feed; its claims are still to be checked.

    Raises:
        JOSEError: as `jwt.verify`.
    """
    return jwt.verify(token, keys, algorithms=algorithms, typ=TYP, max_size=MAX_DOCUMENT)


def _report(error: Exception) -> None:
    expected = isinstance(error, FetchError | JOSEError | TokenError)
    _log.warning("the revocation feed could not be read: %s", error, exc_info=None if expected else error)


_followers: "weakref.WeakSet[Follower]" = weakref.WeakSet()


def _start_over_in_child() -> None:
    for follower in _followers:
        follower.start_over_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over_in_child)
