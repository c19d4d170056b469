"""What the verifier does while the issuer misbehaves, or somebody attacks (design §6.4)."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from jotary import InvalidToken, KeysUnavailable, TokenVerifier
from jotary.jose import Key
from jotary.testing import Fault, FrozenClock, LoopbackIssuer
from jotary.verifier import KeyPolicy

Settle = Callable[[TokenVerifier], None]

_PRIVATE = Key.generate("ES256", kid="leaked")
_TWINS = [Key.generate("ES256", kid="twin").public().to_jwk() for _ in range(2)]
_OFF_CURVE = {**_PRIVATE.public().to_jwk(), "y": _PRIVATE.public().to_jwk()["x"]}
FAULTS = {
    "dropped": Fault(drop=True),
    "slow": Fault(drip=True),
    "hanging": Fault(hang=30),
    "500": Fault(status=500),
    "HTML": Fault(body=b"<html>maintenance</html>"),
    "oversized": Fault(body=b" " * 600_000),
    "redirect": Fault(status=302, headers={"Location": "https://evil.example/"}),
    "another issuer": Fault(body=b'{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}'),
    "private key": Fault(body=json.dumps({"keys": [_PRIVATE.to_jwk(private=True)]}).encode()),
    "symmetric key": Fault(body=b'{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}'),
    "off the curve": Fault(body=json.dumps({"keys": [_OFF_CURVE]}).encode()),
    "duplicate kid": Fault(body=json.dumps({"keys": _TWINS}).encode()),
    "empty": Fault(body=b'{"keys":[]}'),
}


@pytest.fixture(params=list(FAULTS.values()), ids=list(FAULTS))
def fault(request: pytest.FixtureRequest) -> Fault:
    """Each way in which an issuer can fail."""
    chosen: Fault = request.param
    return chosen


@pytest.fixture
def verifier(loopback: LoopbackIssuer, clock: FrozenClock) -> TokenVerifier:
    """A verifier that does not wait long."""
    return TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, timeout=2)


def test_known_keys_go_on_verifying(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock, fault: Fault, settle: Settle
) -> None:
    """Design §6.4: the last good keys survive every failed refresh, for tokens old and new."""
    seen = loopback.token(lifetime=100_000)
    principal = verifier.verify(seen)
    loopback.break_everything(fault)
    for _ in range(3):
        clock.advance(250)
        assert verifier.verify(seen) is principal
        assert verifier.verify(loopback.token("new")).subject == "new"
        settle(verifier)
    loopback.heal()
    clock.advance(61)
    verifier.verify(seen)
    settle(verifier)
    assert verifier._keys.snapshot.state.failures == 0


def test_an_api_that_was_idle_goes_on_too(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock, fault: Fault
) -> None:
    """It waits for one fetch, since keys may have been withdrawn, and then for none."""
    verifier.verify(loopback.token())
    loopback.break_everything(fault)
    clock.advance(10_000)
    assert verifier.verify(loopback.token("ada")).subject == "ada"
    requests = len(loopback.requests)
    for _ in range(10):
        verifier.verify(loopback.token())
    assert len(loopback.requests) == requests


def test_a_cold_start_without_keys_is_not_the_tokens_fault(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock, fault: Fault
) -> None:
    """503, not 401; and the next ones are answered at once."""
    loopback.break_everything(fault)
    with pytest.raises(KeysUnavailable) as caught:
        verifier.verify(loopback.token())
    assert caught.value.retry_after == 1
    requests = len(loopback.requests)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            verifier.verify(loopback.token())
    assert len(loopback.requests) == requests
    loopback.heal()
    clock.advance(1)
    assert verifier.verify(loopback.token("ada")).subject == "ada"


def test_keys_in_a_bad_document_are_never_used(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """A private key that leaked into the set signs nothing that is accepted."""
    loopback.faults[loopback.jwks_path] = FAULTS["private key"]
    with pytest.raises(KeysUnavailable):
        verifier.verify(loopback.token(key=_PRIVATE))


def test_an_outage_ends_after_a_day(loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock) -> None:
    """Keys are not believed for ever; what was seen before neither."""
    token = loopback.token(lifetime=200_000)
    verifier.verify(token)
    loopback.break_everything(Fault(status=500))
    clock.advance(86_399)
    verifier.verify(token)
    clock.advance(1)
    for text in (token, loopback.token()):
        with pytest.raises(KeysUnavailable):
            verifier.verify(text)


def test_ten_thousand_random_kids_cause_one_fetch(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """Design §6.4: at most one refetch per cool-down, and each token is refused."""
    verifier.verify(loopback.token())
    template = loopback.token(header={"kid": "KID"}).split(".")
    for expected in (2, 3):
        for _ in range(5_000):
            header = loopback.sign(b"{}", header={"typ": "at+jwt", "kid": secrets.token_hex(8)}).split(".")[0]
            with pytest.raises(InvalidToken, match="kid"):
                verifier.verify(".".join([header, *template[1:]]))
        assert loopback.fetches() == expected
        clock.advance(30)


def test_one_token_causes_one_fetch_even_without_a_cool_down(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """What a fetch that began after it came does not bring, no other one will."""
    policy = KeyPolicy(cool_down=0)
    verifier = TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, key_policy=policy)
    for expected in (1, 2, 3):
        with pytest.raises(InvalidToken, match="kid"):
            verifier.verify(loopback.token(header={"kid": "unknown"}))
        assert loopback.fetches() == expected


def test_random_kids_during_an_outage_cause_one_fetch_per_pause(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock
) -> None:
    """An attack must not keep an issuer down."""
    verifier.verify(loopback.token())
    loopback.break_everything(Fault(status=500))
    requests = len(loopback.requests)
    for _ in range(100):
        with pytest.raises(InvalidToken, match="kid"):
            verifier.verify(loopback.token(header={"kid": secrets.token_hex(8)}))
    assert len(loopback.requests) == requests + 1
    clock.advance(29)
    with pytest.raises(InvalidToken, match="kid"):
        verifier.verify(loopback.token(header={"kid": secrets.token_hex(8)}))
    assert len(loopback.requests) <= requests + 2


def test_a_new_key_is_found_at_its_first_token(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """Design §6.2: a rotation refuses nobody, not even one without notice."""
    verifier.verify(loopback.token())
    loopback.rotate()
    assert verifier.verify(loopback.token("ada")).subject == "ada"


def test_a_fetch_that_began_too_early_is_not_the_last_word(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """A token that comes while keys are fetched may have a key that this fetch has just missed."""
    patient = TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, timeout=10)
    patient.verify(loopback.token())
    gate = Event()

    def hold(_: object) -> None:
        gate.wait(10)
        if loopback.fetches() == 3:
            loopback.heal()

    loopback.observe = hold
    loopback.faults[loopback.jwks_path] = Fault(body=json.dumps(loopback.jwks()).encode())
    clock.advance(240)
    patient.verify(loopback.token())  # begins a fetch that will see the old keys
    loopback.rotate()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(patient.verify, loopback.token("new"))
        gate.set()
        assert waiting.result().subject == "new"
    assert loopback.fetches() == 3


def test_keys_are_refreshed_in_the_background(
    loopback: LoopbackIssuer, verifier: TokenVerifier, clock: FrozenClock, settle: Settle
) -> None:
    """Design §6.4: the request that finds them ageing does not wait, and one fetch is enough."""
    verifier.verify(loopback.token())
    gate = Event()
    loopback.observe = lambda _: gate.wait(10)
    clock.advance(240)
    for _ in range(10):
        verifier.verify(loopback.token())  # returns while the fetch is held up
    assert loopback.fetches() == 1
    gate.set()
    settle(verifier)
    assert loopback.fetches() == 2
    assert verifier._keys.snapshot.state.fetched_at == clock.now


def test_many_threads_share_one_fetch(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """Design §6.4: one fetch in flight, and nobody fetches what has just come."""
    start = Barrier(32)
    tokens = [loopback.token(f"person-{number}") for number in range(32)]

    def verify(token: str) -> str:
        start.wait()
        return verifier.verify(token).subject

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(verify, tokens)) == [f"person-{number}" for number in range(32)]
    assert loopback.fetches() == 1


def test_many_tasks_share_one_fetch(loopback: LoopbackIssuer, verifier: TokenVerifier) -> None:
    """The same on an event loop."""

    async def everybody() -> None:
        await asyncio.gather(*(verifier.averify(loopback.token()) for _ in range(100)))

    asyncio.run(everybody())
    assert loopback.fetches() == 1


def test_threads_verify_while_keys_change(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """No token that is good at both ends of the change is refused in the middle of it."""
    policy = KeyPolicy(least_age=0, default_age=0, cool_down=0)
    loopback.max_age = 0
    verifier = TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, key_policy=policy)
    tokens = [loopback.token(f"person-{number}") for number in range(8)]

    def work(token: str) -> set[str]:
        return {verifier.verify(token).subject for _ in range(30)}

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(work, token) for token in tokens]
        for _ in range(5):
            loopback.rotate()
            verifier.verify(loopback.token())
        assert [future.result() for future in futures] == [{f"person-{number}"} for number in range(8)]


def test_a_hanging_issuer_holds_nobody_longer_than_the_timeout(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """Not even if the fetch itself is stuck where no timeout reaches, as in a look-up of the host's name."""
    verifier = TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, timeout=0.05)
    verifier._patience = 0.05
    stuck = Event()

    def fetch() -> None:
        stuck.wait(30)
        raise AssertionError

    verifier._keys._fetch = fetch  # type: ignore[assignment]  # a fetch that ignores its deadline
    try:
        for _ in range(3):
            with pytest.raises(KeysUnavailable):
                verifier.verify(loopback.token())
        with pytest.raises(KeysUnavailable):
            asyncio.run(verifier.averify(loopback.token()))
        assert verifier._keys._in_flight is not None  # it is stuck still
    finally:
        stuck.set()


def test_an_unexpected_error_in_a_fetch_ends_the_wait(
    loopback: LoopbackIssuer, verifier: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that died must not leave others waiting for it; the operator gets the trace."""

    def fetch() -> None:
        raise ZeroDivisionError("surprise")

    verifier._keys._fetch = fetch  # type: ignore[assignment]  # a defect
    with pytest.raises(KeysUnavailable, match="surprise"):
        verifier.verify(loopback.token())
    # A thread of another test may come to its end just now, and say so.
    assert [record.exc_info is not None for record in caplog.records if "surprise" in record.message] == [True]


def test_a_machine_without_threads_gives_a_clear_answer(
    loopback: LoopbackIssuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of the interpreter, or at a limit of the operating system."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("jotary.verifier.key_source.Thread.start", refuse)
    with pytest.raises(KeysUnavailable, match="new thread"):
        verifier.verify(loopback.token())
    monkeypatch.undo()


def test_the_operator_learns_of_a_failed_fetch(
    loopback: LoopbackIssuer, verifier: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    """What failed, and where; without a trace, since it is no defect of ours."""
    loopback.break_everything(Fault(status=500))
    with pytest.raises(KeysUnavailable, match="status 500"):
        verifier.verify(loopback.token())
    (record,) = caplog.records
    assert (record.name, record.levelno, record.exc_info) == ("jotary.verifier", logging.WARNING, None)
    assert loopback.discovery_path in record.message


def test_the_operator_learns_of_keys_that_are_not_used(
    loopback: LoopbackIssuer, verifier: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    """A private key in the document is an incident at the issuer."""
    keys = [*loopback.jwks()["keys"], _PRIVATE.to_jwk(private=True)]
    loopback.faults[loopback.jwks_path] = Fault(body=json.dumps({"keys": keys}).encode())
    verifier.verify(loopback.token())
    (record,) = caplog.records
    assert "leaked" in record.message
    assert "private part" in record.message
