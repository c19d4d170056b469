"""A verifier that follows the feed refuses what was cut off, at once and only that (design §6.3)."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from jotary import InvalidToken, KeysUnavailable, TokenVerifier
from jotary.jose import Key, jwt
from jotary.testing import Fault, FrozenClock, LoopbackIssuer
from jotary.tokens.revocation_feed import TYP, CutOff, feed_claims, feed_link
from jotary.verifier.follower import Standing

LONG = 20.0  # seconds after which something will not happen any more


class FeedingIssuer(LoopbackIssuer):
    """A loopback issuer with a feed."""

    def __init__(self, clock: FrozenClock, algorithm: str = "ES256") -> None:
        self.entries: list[CutOff] = []
        self.key: Key | None = None
        self.typ = TYP
        self.iss: str | None = None
        super().__init__(clock=clock, algorithm=algorithm)

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """The keys link to the feed, and the feed answers without holding anything back."""
        if not path.startswith("/revocations"):
            status, body, headers = super().answer(path)
            if path == self.jwks_path:
                headers["Link"] = feed_link(f"{self.origin}/revocations")
            return status, body, headers
        after = int(parse_qs(urlsplit(path).query)["after"][0])
        claims = feed_claims(
            issuer=self.iss or self.issuer,
            now=int(self.clock()),
            after=after,
            position=len(self.entries),
            entries=self.entries[after:],
        )
        return 200, jwt.sign(claims, self.key or self.signing_key, typ=self.typ).encode(), {}

    def cut_off(self, value: str) -> None:
        """Cut off a session."""
        now = int(self.clock())
        self.entries.append(CutOff(kind="sid", value=value, issued_before=now, expires_at=now + 300))

    def cut_off_key(self, kid: str | None) -> None:
        """Say of a key that somebody else has it."""
        assert kid is not None
        now = int(self.clock())
        self.entries.append(CutOff(kind="kid", value=kid, issued_before=now, expires_at=now + 300))

    def asked(self) -> int:
        """How many times the feed was asked."""
        return sum(path.startswith("/revocations") for path in self.requests)


@pytest.fixture
def feeding(clock: FrozenClock) -> Iterator[FeedingIssuer]:
    """An issuer with a feed."""
    with FeedingIssuer(clock) as issuer:
        yield issuer


@contextmanager
def follow(issuer: FeedingIssuer, clock: FrozenClock, **options: object) -> Iterator[TokenVerifier]:
    """A verifier that follows."""
    verifier = TokenVerifier(
        issuer=issuer.issuer,
        audience=issuer.audience,
        clock=clock,
        timeout=2,
        **options,  # type: ignore[arg-type]  # of several types
    )
    try:
        yield verifier
    finally:
        verifier.close()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; the test fails if it never is."""
    deadline = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def refused_for(verifier: TokenVerifier, token: str) -> str | None:
    """The claim for which a token is refused."""
    try:
        verifier.verify(token)
    except InvalidToken as refused:
        return refused.claim
    return None


def is_refused(verifier: TokenVerifier, token: str) -> bool:
    """Whether a token is refused because it was cut off."""
    return refused_for(verifier, token) == "revoked"


def is_unknown(verifier: TokenVerifier, token: str) -> bool:
    """Whether a token is refused for its key."""
    return refused_for(verifier, token) == "kid"


def test_a_cut_off_reaches_a_token_that_was_verified_before(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A remembered result is dropped by the same look-up; other sessions go on."""
    token, other = feeding.token(session_id="s1"), feeding.token(session_id="s2")
    with follow(feeding, clock) as verifier:
        assert verifier.verify(token).session_id == "s1"
        feeding.cut_off("s1")
        until(lambda: is_refused(verifier, token))
        assert verifier.verify(other).session_id == "s2"


def test_a_feed_is_signed_as_the_tokens_are(clock: FrozenClock) -> None:
    """An API that opts in to an algorithm hears of what was revoked, too."""
    with FeedingIssuer(clock, "ML-DSA-44") as issuer:
        issuer.cut_off("s1")
        with follow(issuer, clock, algorithms=["ML-DSA-44"]) as verifier:
            assert is_refused(verifier, issuer.token(session_id="s1"))


def test_an_api_that_narrows_its_algorithms_still_hears_of_cut_offs(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """While the issuer changes to another algorithm, the feed is signed by that one before the tokens are."""
    token = feeding.token(session_id="s1")
    feeding.algorithm = "EdDSA"
    feeding.rotate()
    feeding.cut_off("s1")
    with follow(feeding, clock, algorithms=["ES256"]) as verifier:
        assert is_refused(verifier, token)


def test_an_api_that_starts_knows_what_was_cut_off_before(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """The first token waits for the feed's first answer; sync and async alike."""
    token = feeding.token(session_id="s1")
    feeding.cut_off("s1")
    with follow(feeding, clock) as verifier:
        assert is_refused(verifier, token)
    with follow(feeding, clock) as verifier, pytest.raises(InvalidToken, match="revoked"):
        asyncio.run(verifier.averify(token))


def test_who_signs_in_again_is_let_in(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A cut-off speaks of tokens issued until then."""
    feeding.cut_off("s1")
    clock.advance(1)
    with follow(feeding, clock) as verifier:
        assert verifier.verify(feeding.token(session_id="s1")).session_id == "s1"


@pytest.mark.parametrize("attack", ["key", "typ", "iss"])
def test_a_feed_that_is_not_the_issuers_is_not_believed(
    feeding: FeedingIssuer, clock: FrozenClock, attack: str
) -> None:
    """Signed by a stranger, an access token in its place, or another issuer's feed: nobody is cut off by it."""
    feeding.cut_off("s1")
    if attack == "key":
        feeding.key = Key.generate("ES256", kid=feeding.signing_key.kid)
    elif attack == "typ":
        feeding.typ = "at+jwt"
    else:
        feeding.iss = "https://other.example"
    with follow(feeding, clock) as verifier:
        assert not is_refused(verifier, feeding.token(session_id="s1"))
    with follow(feeding, clock, on_stale="refuse") as strict, pytest.raises(KeysUnavailable):
        strict.verify(feeding.token(session_id="s1"))


def test_a_feed_signed_with_a_new_key_is_followed(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """The feed may be the first to use a new key."""
    token = feeding.token(session_id="s1")
    with follow(feeding, clock) as verifier:
        verifier.verify(token)
        feeding.rotate()
        feeding.cut_off("s1")
        until(lambda: is_refused(verifier, token))


def test_a_silent_feed_is_accepted_or_refused_as_the_api_chose(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """`on_stale`, after `stale_after` seconds without a word."""
    with follow(feeding, clock) as lenient, follow(feeding, clock, on_stale="refuse", stale_after=30) as strict:
        for verifier in (lenient, strict):
            verifier.verify(feeding.token())
        feeding.faults.update({f"/revocations?after=0&wait={wait}": Fault(status=500) for wait in (0, 25)})
        asked = feeding.asked()
        until(lambda: feeding.asked() >= asked + 4)  # both have heard the fault, at least once each
        clock.advance(31)
        token = feeding.token()
        assert lenient.verify(token).subject == "person-1"
        with pytest.raises(KeysUnavailable):
            strict.verify(token)
        feeding.heal()
        until(lambda: _is_let_in(strict, token))


def _is_let_in(verifier: TokenVerifier, token: str) -> bool:
    try:
        verifier.verify(token)
    except KeysUnavailable:
        return False
    return True


def test_a_feed_that_hangs_holds_up_one_request_and_no_more(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """The first token waits as long as a fetch may take, and is then decided on without the feed."""
    feeding.faults["/revocations?after=0&wait=0"] = Fault(hang=LONG)
    with follow(feeding, clock) as verifier:
        assert verifier.verify(feeding.token()).subject == "person-1"
        until(lambda: verifier._follower is not None and verifier._follower.is_settled)


def test_answers_without_news_are_not_asked_for_without_end(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """An issuer that does not hold answers back is asked a few times a second, not thousands."""
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        time.sleep(1.2)
        assert 1 <= feeding.asked() <= 6


def test_following_can_be_left(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """`follow_revocations=False` asks nobody; an issuer without a feed is asked for none."""
    feeding.cut_off("s1")
    with follow(feeding, clock, follow_revocations=False) as verifier:
        assert verifier.verify(feeding.token(session_id="s1")).session_id == "s1"
    assert feeding.asked() == 0


def test_a_closed_verifier_does_not_wait(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """`close` ends the following; what is known stays in use."""
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        verifier.close()
        assert verifier.verify(feeding.token()).subject == "person-1"


def test_closing_ends_the_following(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A process that makes and closes verifiers gathers no threads."""
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        assert verifier._follower is not None
        thread = verifier._follower._thread
        assert thread is not None
        assert thread.daemon, "it would keep the process alive"
        verifier.close()
        thread.join(LONG)
        assert not thread.is_alive()


def test_a_verifier_that_was_closed_before_it_followed_begins_nothing(
    feeding: FeedingIssuer, clock: FrozenClock
) -> None:
    """And nobody waits for an answer that will not come."""
    with follow(feeding, clock) as verifier:
        verifier.close()
        assert verifier._follower is not None
        assert verifier._follower.is_settled
        assert verifier._follower.start().done()
        assert verifier._follower._thread is None
    assert feeding.asked() == 0


def test_who_gives_up_waiting_for_the_feed_stops_nobody_else(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A request that is cancelled must not cancel what all others wait for."""
    with follow(feeding, clock) as verifier:
        assert verifier._follower is not None
        first = verifier._follower.start()
        assert not first.cancel()
        assert verifier._follower.start() is first


def test_once_the_feed_was_heard_of_no_request_waits_for_it(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """Neither when it answered nor when it failed."""
    with follow(feeding, clock) as verifier:
        follower = verifier._follower
        assert follower is not None
        verifier.verify(feeding.token())
        assert follower._keys.snapshot.state.revocations_uri is not None
        assert not follower.is_awaited(follower._keys.snapshot)


@pytest.mark.parametrize(("seconds", "is_stale"), [(-31, True), (-30, False), (0, False), (30, False), (31, True)])
def test_silence_is_measured_on_both_sides_of_a_clock_that_was_set(
    feeding: FeedingIssuer, clock: FrozenClock, seconds: int, *, is_stale: bool
) -> None:
    """A clock that was set back by an hour must not make a feed fresh for an hour."""
    with follow(feeding, clock) as verifier:
        verifier.close()
        assert verifier._follower is not None
        assert verifier._follower.is_stale(clock(), 30)
        verifier._follower.standing = Standing(0, clock())
        assert verifier._follower.is_stale(clock() + seconds, 30) is is_stale


@pytest.mark.parametrize(
    "options",
    [{"on_stale": "perhaps"}, {"stale_after": 0}, {"on_stale": "refuse", "follow_revocations": False}],
)
def test_contradictory_wishes_are_refused(options: dict[str, object]) -> None:
    """A wrong expectation is a hole."""
    with pytest.raises(ValueError, match="stale"):
        TokenVerifier(issuer="https://a.example", audience="b", **options)  # type: ignore[arg-type]  # of several types


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of threads and forks
def test_a_forked_process_follows_by_itself(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A server that forks its workers: the parent's thread is not in the child."""
    token = feeding.token(session_id="s1")
    with follow(feeding, clock) as verifier:
        verifier.verify(token)
        feeding.cut_off("s1")
        child = os.fork()
        if child == 0:
            os._exit(0 if is_refused(verifier, token) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_whatever_a_withdrawn_key_signed_is_refused(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """Remembered or new, and however its `iat` reads: whoever has the key writes any; tokens of the new key go on."""
    stolen = feeding.signing_key
    remembered = feeding.token(session_id="s1")
    with follow(feeding, clock) as verifier:
        assert verifier.verify(remembered).session_id == "s1"
        forged = feeding.token(session_id="s2", iat=int(clock()) + 4)
        feeding.rotate()
        feeding.cut_off_key(stolen.kid)
        until(lambda: is_unknown(verifier, remembered))
        assert is_unknown(verifier, forged)
        assert verifier.verify(feeding.token(session_id="s3")).session_id == "s3"


def test_a_withdrawn_key_does_not_come_back_with_an_old_answer(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """A cache between issuer and API may go on answering with the keys of yesterday."""
    stolen, token = feeding.signing_key, feeding.token(session_id="s1")
    yesterday = feeding.jwks()
    with follow(feeding, clock) as verifier:
        verifier.verify(token)
        feeding.rotate()
        both = {"keys": [*feeding.jwks()["keys"], *yesterday["keys"]]}
        feeding.jwks = lambda: both  # type: ignore[method-assign]  # a cache that holds more than the issuer
        feeding.cut_off_key(stolen.kid)
        until(lambda: is_unknown(verifier, token))
        clock.advance(3600)
        assert verifier.verify(feeding.token(session_id="s3")).session_id == "s3"
        assert is_unknown(verifier, feeding.token(session_id="s4", key=stolen))


def test_keys_that_were_withdrawn_one_after_the_other_all_stay_so(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """The second cut-off does not make the first forgotten, whatever a cache still has."""
    first, one = feeding.signing_key, feeding.token(session_id="s1")
    second = feeding.rotate()
    two = feeding.token(session_id="s2")
    feeding.rotate()
    everything = feeding.jwks()
    feeding.jwks = lambda: everything  # type: ignore[method-assign]  # a cache that holds more than the issuer
    with follow(feeding, clock) as verifier:
        for key, token in ((first, one), (second, two)):
            verifier.verify(token)
            feeding.cut_off_key(key.kid)
            until(lambda token=token: is_unknown(verifier, token))  # type: ignore[misc]  # a default that binds
        clock.advance(3600)
        assert verifier.verify(feeding.token(session_id="s3")).session_id == "s3"
        assert is_unknown(verifier, feeding.token(session_id="s4", key=first))
        assert is_unknown(verifier, feeding.token(session_id="s5", key=second))


def test_with_the_news_of_a_withdrawn_key_the_others_are_read_anew(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """Its successor is taken at once, though a stranger's key has just used up what unknown names may ask for."""
    stolen = feeding.rotate()
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        assert is_unknown(verifier, feeding.token(key=Key.generate("ES256")))
        feeding.key = stolen
        feeding.rotate()
        assert is_unknown(verifier, feeding.token())
        feeding.cut_off_key(stolen.kid)
        until(lambda: not is_unknown(verifier, feeding.token()))


def test_news_of_a_key_that_is_not_held_changes_nothing(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """It was withdrawn long ago, and the feed still names it: no results are lost, and nothing is fetched."""
    feeding.cut_off_key("long gone")
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        feeding.cut_off_key("gone, too")
        asked = feeding.asked()
        until(lambda: feeding.asked() > asked + 1)
        verifier.verify(feeding.token())
    assert feeding.requests.count(feeding.jwks_path) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_a_feed_that_does_not_verify_is_no_reason_to_read_the_keys_again_and_again(
    feeding: FeedingIssuer, clock: FrozenClock, caplog: pytest.LogCaptureFixture, is_known: bool
) -> None:
    """Under a name that is known, never; under an unknown one, once in a while. It is said in a line."""
    feeding.key = Key.generate("ES256", kid=feeding.signing_key.kid if is_known else "stranger")
    with follow(feeding, clock) as verifier:
        verifier.verify(feeding.token())
        until(lambda: feeding.asked() >= 3)
    assert feeding.requests.count(feeding.jwks_path) == (1 if is_known else 2)
    said = [record for record in caplog.records if "feed could not be read" in record.message]
    assert said
    assert all(record.exc_info is None for record in said)


def test_a_feed_that_a_withdrawn_key_signs_is_not_believed(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """Neither later nor when it brings the news itself: what else it says, or leaves out, could be the thief's."""
    stolen, token = feeding.signing_key, feeding.token(session_id="s1")
    with follow(feeding, clock) as verifier:
        verifier.verify(token)
        feeding.rotate()
        feeding.key = stolen
        feeding.cut_off_key(stolen.kid)
        feeding.cut_off("s9")
        until(lambda: is_unknown(verifier, token))
        current = feeding.token(session_id="s9")
        assert verifier.verify(current).session_id == "s9"  # said by the stolen key alone
        asked = feeding.asked()
        until(lambda: feeding.asked() > asked)
        assert verifier.verify(current).session_id == "s9"
        feeding.key = None
        until(lambda: is_refused(verifier, current))


def test_without_any_key_left_it_cannot_be_said(feeding: FeedingIssuer, clock: FrozenClock) -> None:
    """503, not 401, until the issuer's new key can be fetched."""
    token = feeding.token(session_id="s1")
    with follow(feeding, clock) as verifier:
        verifier.verify(token)
        feeding.break_everything(Fault(status=500))
        feeding.cut_off_key(feeding.signing_key.kid)

        def is_unavailable() -> bool:
            try:
                verifier.verify(token)
            except KeysUnavailable:
                return True
            return False

        until(is_unavailable)
