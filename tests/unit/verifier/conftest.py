"""An issuer, its clock, and verifiers that trust it."""

from collections.abc import Callable, Iterator
from threading import Event, Thread, current_thread

import pytest

from jotary import TokenVerifier
from jotary.jose import Key, KeySet, jwt
from jotary.testing import FrozenClock, LoopbackIssuer, TestIssuer
from jotary.tokens.revocation_feed import TYP, CutOff, feed_claims
from jotary.verifier.fetch import Fetched, FetchError
from jotary.verifier.follower import Follower
from jotary.verifier.key_source import KeySource
from jotary.verifier.keys import KeyPolicy


@pytest.fixture
def clock() -> FrozenClock:
    """The time for issuer and verifier."""
    return FrozenClock()


@pytest.fixture
def issuer(clock: FrozenClock) -> TestIssuer:
    """An issuer in memory."""
    return TestIssuer(clock=clock)


@pytest.fixture
def loopback(clock: FrozenClock) -> Iterator[LoopbackIssuer]:
    """An issuer whose keys are fetched over HTTP."""
    with LoopbackIssuer(clock=clock) as issuer:
        yield issuer


@pytest.fixture
def verifier(loopback: LoopbackIssuer, clock: FrozenClock) -> TokenVerifier:
    """A verifier that has fetched nothing yet."""
    return TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, timeout=2)


@pytest.fixture
def settle() -> Callable[[TokenVerifier], None]:
    """Wait for the fetch in the background, if there is one."""

    def wait(verifier: TokenVerifier) -> None:
        future = verifier._keys._in_flight
        if future is not None:
            future.result(timeout=10)

    return wait


class FollowedFeed:
    """Answers what it is told to, and then holds everything back."""

    issuer = "https://id.example"
    url = "https://id.example/revocations"

    def __init__(self, clock: FrozenClock) -> None:
        self.key = Key.generate("ES256")
        self.clock = clock
        self.answers: list[Exception | list[CutOff]] = []
        self.asked: list[tuple[str, int, int]] = []
        self.readers: set[Thread] = set()
        self.has_nothing_left = Event()
        self.closed = Event()

    def read(self, url: str, after: int, wait: int) -> str:
        """One answer: what was cut off since, each entry one position further."""
        self.asked.append((url, after, wait))
        self.readers.add(current_thread())
        if not self.answers:
            self.has_nothing_left.set()
            self.closed.wait(30)
            raise FetchError("closed")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        claims = feed_claims(
            issuer=self.issuer, now=int(self.clock()), after=after, position=after + len(answer), entries=answer
        )
        return jwt.sign(claims, self.key, typ=TYP)

    def cut_off(self, value: str) -> CutOff:
        """A session, until a while from now."""
        now = int(self.clock())
        return CutOff(kind="sid", value=value, issued_before=now, expires_at=now + 300)


@pytest.fixture
def feed(clock: FrozenClock) -> FollowedFeed:
    """An issuer's feed with nothing in it."""
    return FollowedFeed(clock)


@pytest.fixture
def follower(feed: FollowedFeed, clock: FrozenClock) -> Iterator[Follower]:
    """Knows the keys, and has not begun; in the end no thread is left that would log into another test."""
    keys = KeySource(
        lambda: Fetched(keys=KeySet([feed.key.public()]), max_age=300, revocations_uri=feed.url), KeyPolicy(), clock, 10
    )
    keys.start(keys.snapshot).result(30)
    made = Follower(keys, feed.read, issuer=feed.issuer, algorithms=frozenset(), leeway=5, clock=clock)
    yield made
    made.close()
    feed.closed.set()
    for thread in feed.readers - {current_thread()}:
        thread.join(30)
