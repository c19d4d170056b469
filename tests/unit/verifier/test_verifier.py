"""The verifier as an API uses it: blocking and async, over real keys (design §6.4, §7)."""

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

import jotary
from jotary import InvalidToken, KeysUnavailable, Revocation, RevocationList, TokenVerifier
from jotary.jose import Key, KeySet
from jotary.testing import FrozenClock, LoopbackIssuer, TestIssuer

Verify = Callable[[TokenVerifier, str], jotary.Principal]


@pytest.fixture(params=["verify", "averify"])
def verify(request: pytest.FixtureRequest) -> Verify:
    """Both ways: they must not differ."""
    if request.param == "verify":
        return TokenVerifier.verify
    return lambda verifier, token: asyncio.run(verifier.averify(token))


def copied(text: str) -> str:
    """The same text, but not the same object: as it comes from the next request."""
    return "".join([text[:10], text[10:]])


def test_the_keys_are_fetched_at_the_first_token(
    verify: Verify, loopback: LoopbackIssuer, verifier: TokenVerifier
) -> None:
    """Design §6.4: not before, and once."""
    assert loopback.requests == []
    for number in range(5):
        assert verify(verifier, loopback.token(f"person-{number}")).subject == f"person-{number}"
    assert loopback.fetches() == 1


def test_offline_uses_no_network(verify: Verify, issuer: TestIssuer) -> None:
    """Design §7; the issuer's host does not exist."""
    assert verify(issuer.verifier(), issuer.token("ada")).subject == "ada"


def test_a_bad_token_is_refused(verify: Verify, issuer: TestIssuer) -> None:
    """The three parts of the refusal."""
    with pytest.raises(InvalidToken) as caught:
        verify(issuer.verifier(), issuer.token(lifetime=-10))
    assert (caught.value.code, caught.value.claim) == ("invalid_token", "exp")
    assert "expired" in caught.value.hint
    assert "invalid_token (exp)" in str(caught.value)


def test_garbage_causes_no_fetch(verify: Verify, loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """What could be no token of ours under any key is refused without keys."""
    for text in ("", "garbage", "a.b.c", loopback.token(header={"alg": "ES256", "crit": ["b64"], "b64": True})[:-1]):
        with pytest.raises(InvalidToken):
            verify(verifier, text)
    assert loopback.requests == []


def test_a_token_seen_before_is_not_verified_again(issuer: TestIssuer) -> None:
    """Design §6.4: the very same principal."""
    verifier, token = issuer.verifier(), issuer.token()
    assert verifier.verify(copied(token)) is verifier.verify(copied(token))


def test_a_hit_has_no_await_point(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """Design §7: the coroutine ends at its first step."""
    token = loopback.token()
    principal = verifier.verify(token)
    with pytest.raises(StopIteration) as done:
        verifier.averify(copied(token)).send(None)
    assert done.value.value is principal


def test_a_new_token_has_no_await_point_either(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """While the keys are fresh there is nothing to wait for."""
    verifier.verify(loopback.token())
    with pytest.raises(StopIteration):
        verifier.averify(loopback.token()).send(None)


def test_a_token_seen_before_expires(verify: Verify, issuer: TestIssuer, clock: FrozenClock) -> None:
    """Design §6.4: a hit checks exp, with the leeway, and says what is wrong."""
    verifier, token = issuer.verifier(), issuer.token(lifetime=60)
    verify(verifier, token)
    clock.advance(64)
    verify(verifier, token)
    clock.advance(1)
    with pytest.raises(InvalidToken) as caught:
        verify(verifier, token)
    assert caught.value.claim == "exp"


def test_a_token_seen_before_is_not_good_before_its_time(
    verify: Verify, issuer: TestIssuer, clock: FrozenClock
) -> None:
    """Design §6.4: a hit checks nbf, for a clock that was set back."""
    verifier, token = issuer.verifier(), issuer.token(nbf=clock.now - 10)
    verify(verifier, token)
    clock.advance(-15)
    verify(verifier, issuer.token(nbf=clock.now))
    clock.advance(-1)
    with pytest.raises(InvalidToken) as caught:
        verify(verifier, token)
    assert caught.value.claim == "nbf"


def test_keys_do_not_live_longer_when_the_clock_is_set_back(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """They are fetched anew, since nobody knows how old they are."""
    verifier.verify(loopback.token())
    clock.advance(-10_000)
    verifier.verify(loopback.token())
    assert loopback.fetches() == 2


def test_a_token_seen_before_is_refused_once_it_is_revoked(
    verify: Verify, issuer: TestIssuer, clock: FrozenClock
) -> None:
    """Design §6.3: the look-up is made at every request."""
    revocations = RevocationList()
    verifier, token = issuer.verifier(revocations=revocations), issuer.token(session_id="s1")
    verify(verifier, token)
    revocations.add(Revocation(kind="sid", value="s1", issued_before=clock.now, expires_at=clock.now + 300))
    with pytest.raises(InvalidToken) as caught:
        verify(verifier, token)
    assert (caught.value.code, caught.value.claim) == ("invalid_token", "revoked")
    verify(verifier, issuer.token(session_id="s2"))


def test_a_revoked_token_is_refused_at_first_sight(verify: Verify, issuer: TestIssuer, clock: FrozenClock) -> None:
    """Not only when it was seen before."""
    entry = Revocation(kind="sub", value="eve", issued_before=clock.now, expires_at=clock.now + 300)
    verifier = issuer.verifier(revocations=RevocationList([entry]))
    with pytest.raises(InvalidToken, match="revoked"):
        verify(verifier, issuer.token("eve"))


def test_a_withdrawn_key_takes_its_tokens_with_it(
    verify: Verify, loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """Design §6.4: also those that were seen before."""
    token, old = loopback.token(lifetime=900), loopback.signing_key
    verify(verifier, token)
    loopback.rotate()
    loopback.withdraw(old)
    clock.advance(301)
    with pytest.raises(InvalidToken) as caught:
        verify(verifier, token)
    assert caught.value.claim == "kid"
    verify(verifier, loopback.token())


def test_a_new_key_leaves_what_was_seen_before(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """A rotation that adds a key costs nobody a second verification."""
    token = loopback.token(lifetime=900)
    principal = verifier.verify(token)
    loopback.rotate()
    clock.advance(301)
    assert verifier.verify(token) is principal
    assert loopback.fetches() == 2


def test_the_number_of_remembered_tokens_is_bounded(issuer: TestIssuer) -> None:
    """The oldest goes first."""
    verifier = issuer.verifier(cache_size=3)
    tokens = [issuer.token() for _ in range(5)]
    principals = [verifier.verify(token) for token in tokens]
    assert len(verifier._keys.snapshot.results) == 3
    assert [
        verifier.verify(token) is principal for token, principal in zip(tokens[2:], principals[2:], strict=True)
    ] == [
        True,
        True,
        True,
    ]
    assert verifier.verify(tokens[0]) is not principals[0]


def test_nothing_is_remembered_if_nobody_wants_it(issuer: TestIssuer) -> None:
    """cache_size=0."""
    verifier, token = issuer.verifier(cache_size=0), issuer.token()
    assert verifier.verify(token) is not verifier.verify(token)


def test_a_refused_token_is_not_remembered(issuer: TestIssuer) -> None:
    """Or strangers could push out the tokens of others."""
    verifier = issuer.verifier()
    for token in (issuer.token(lifetime=-10), issuer.token(aud="x"), issuer.token(key=Key.generate("ES256")), "x"):
        with pytest.raises(InvalidToken):
            verifier.verify(token)
    assert len(verifier._keys.snapshot.results) == 0


def test_several_audiences_may_be_expected(issuer: TestIssuer) -> None:
    """One of them must be in the token."""
    verifier = issuer.verifier(audience=["https://new.example", "https://old.example"])
    verifier.verify(issuer.token(aud="https://old.example"))
    with pytest.raises(InvalidToken):
        verifier.verify(issuer.token(aud="https://other.example"))


def test_the_size_of_a_token_is_bounded(issuer: TestIssuer) -> None:
    """Design §9; the bound can be set."""
    token = issuer.token(padding="x" * 600)
    issuer.verifier().verify(token)
    with pytest.raises(InvalidToken, match="longer than 500"):
        issuer.verifier(max_token_size=500).verify(token)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_asymmetric_algorithms_are_taken(algorithm: str) -> None:
    """Design §7."""
    issuer = TestIssuer(algorithm=algorithm)
    assert issuer.verifier().verify(issuer.token("ada")).subject == "ada"


@pytest.mark.parametrize("algorithm", ["Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_an_algorithm_that_is_opt_in_is_taken_where_it_is_named(algorithm: str) -> None:
    """RFC 9864 §2, RFC 9964 §5; and its tokens are not too long for the default bound."""
    issuer = TestIssuer(algorithm=algorithm)
    token = issuer.token("ada")
    assert issuer.verifier(algorithms=["ES256", algorithm]).verify(token).subject == "ada"
    with pytest.raises(InvalidToken, match="alg"):
        issuer.verifier().verify(token)


def test_algorithms_can_be_narrowed(issuer: TestIssuer) -> None:
    """RFC 8725 §3.1."""
    with pytest.raises(InvalidToken, match="alg"):
        issuer.verifier(algorithms=["RS256"]).verify(issuer.token())


GOOD: dict[str, Any] = {"issuer": "https://id.example", "audience": "https://api.example"}


@pytest.mark.parametrize(
    ("wrong", "about"),
    [
        ({"issuer": "http://id.example"}, "https"),
        ({"issuer": "id.example"}, "must be a URL"),
        ({"issuer": "https://id.example?x=1"}, "query"),
        ({"issuer": ""}, "must be a URL"),
        ({"audience": ""}, "audience"),
        ({"audience": []}, "audience"),
        ({"audience": ["https://api.example", ""]}, "audience"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["ES256", "none"]}, "algorithms"),
        ({"algorithms": "ES256"}, "algorithms"),
        ({"leeway": -1}, "leeway"),
        ({"keys": KeySet()}, "keys"),
        ({"keys": KeySet([Key.generate("ES256")]), "issuer": ""}, "issuer"),
    ],
    ids=repr,
)
def test_a_wrong_expectation_is_refused_at_once(wrong: dict[str, Any], about: str) -> None:
    """Or every token would be checked against nothing."""
    with pytest.raises(ValueError, match=about):
        TokenVerifier(**{**GOOD, **wrong})


def test_nothing_is_optional_by_accident() -> None:
    """style: expectations are keyword-only and required."""
    for missing in GOOD:
        with pytest.raises(TypeError):
            TokenVerifier(**{name: value for name, value in GOOD.items() if name != missing})


def test_a_closed_verifier_knows_what_it_knew(
    verify: Verify, loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """Requests that are under way at shutdown still end well, without the network."""
    token = loopback.token(lifetime=900)
    verify(verifier, token)
    asyncio.run(verifier.aclose())
    clock.advance(301)
    verify(verifier, token)
    verify(verifier, loopback.token())
    with pytest.raises(InvalidToken, match="kid"):
        verify(verifier, loopback.token(header={"kid": "new"}))
    assert loopback.fetches() == 1


def test_a_verifier_closed_before_its_first_token_has_no_keys(
    verify: Verify, loopback: LoopbackIssuer, verifier: TokenVerifier
) -> None:
    """It says so instead of fetching."""
    verifier.close()
    with pytest.raises(KeysUnavailable):
        verify(verifier, loopback.token())
    assert loopback.requests == []


def test_two_event_loops_can_use_one_verifier(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """It belongs to the process; nothing of it belongs to a loop."""
    for _ in range(3):
        asyncio.run(verifier.averify(loopback.token()))
        clock.advance(301)
    assert loopback.fetches() == 3


def test_a_caller_who_gives_up_does_not_end_the_fetch_of_others(
    loopback: LoopbackIssuer, verifier: TokenVerifier
) -> None:
    """One client that disconnects must not make the next one wait anew."""
    gate = Event()
    loopback.observe = lambda _: gate.wait(10)

    async def both() -> jotary.Principal:
        impatient = asyncio.create_task(verifier.averify(loopback.token("impatient")))
        patient = asyncio.create_task(verifier.averify(loopback.token("patient")))
        await asyncio.sleep(0)  # both of them wait now
        impatient.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await patient

    assert asyncio.run(both()).subject == "patient"
    assert loopback.fetches() == 1


def test_waiting_for_keys_does_not_block_the_loop(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """Other requests go on meanwhile."""
    gate, events = Event(), list[str]()
    loopback.observe = lambda _: gate.wait(10)

    async def tick() -> None:
        events.append("tick")
        gate.set()

    async def fetch() -> None:
        await verifier.averify(loopback.token())
        events.append("verified")

    async def both() -> None:
        await asyncio.gather(fetch(), tick())

    asyncio.run(both())
    assert events == ["tick", "verified"]


def test_a_verifier_prints_no_key_and_no_token(issuer: TestIssuer) -> None:
    """It may end up in a log."""
    verifier, token = issuer.verifier(), issuer.token()
    verifier.verify(token)
    assert repr(verifier) == f"<TokenVerifier issuer={issuer.issuer!r} audiences={[issuer.audience]!r}>"
    assert token not in repr(verifier.__dict__)


def test_the_public_names_are_loaded_when_they_are_asked_for() -> None:
    """Design §7: `from jotary import TokenVerifier`."""
    assert jotary.TokenVerifier is TokenVerifier
    assert set(jotary.__all__) <= set(dir(jotary))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        jotary.Nothing  # noqa: B018 -- asking for it is the point
