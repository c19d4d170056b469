"""Several issuers in one verifier: the unverified `iss` chooses who verifies, and nothing else."""

import asyncio

import pytest

from jotary import InvalidToken, MultiIssuerVerifier, TokenVerifier
from jotary.jose import Key
from jotary.testing import FrozenClock, TestIssuer
from jotary.verifier.resource_server import ResourceServer

CLOCK = FrozenClock()
ONE = TestIssuer("https://one.example", clock=CLOCK)
TWO = TestIssuer("https://two.example", clock=CLOCK)


@pytest.fixture
def both() -> MultiIssuerVerifier:
    """Trusts both."""
    return MultiIssuerVerifier([ONE.verifier(), TWO.verifier()])


def test_each_token_is_verified_by_its_issuers_verifier(both: MultiIssuerVerifier) -> None:
    """Blocking and async."""
    assert both.verify(ONE.token("ada")).issuer == "https://one.example"
    assert asyncio.run(both.averify(TWO.token("ada"))).issuer == "https://two.example"
    token = ONE.token()
    assert both.verify(token) is both.verify(token)


def test_a_token_of_nobody_is_refused(both: MultiIssuerVerifier) -> None:
    """And the hint holds nothing of it."""
    for token in (
        TestIssuer("https://evil.example", clock=CLOCK).token(),
        ONE.token(without=["iss"]),
        ONE.token(iss=["x"]),
    ):
        with pytest.raises(InvalidToken) as caught:
            both.verify(token)
        assert caught.value.claim == "iss"
        assert "evil" not in caught.value.hint
    for text in ("", "garbage", "a.b.c", "x" * 20_000):
        with pytest.raises(InvalidToken) as caught:
            both.verify(text)
        assert caught.value.claim == "token"
        # What was raised within holds the token in its frames.
        assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


def test_the_longest_token_is_the_one_that_its_verifier_takes() -> None:
    """The `max_token_size` of each is asked for by itself: more than others take, and no more."""
    both = MultiIssuerVerifier([ONE.verifier(max_token_size=30_000), TWO.verifier()])
    assert both.verify(ONE.token("ada", padding="x" * 18_000)).subject == "ada"
    for token in (TWO.token(padding="x" * 9_000), ONE.token(padding="x" * 30_000)):
        with pytest.raises(InvalidToken, match="longer") as caught:
            both.verify(token)
        assert caught.value.claim == "token"


def test_one_issuer_cannot_speak_for_the_other(both: MultiIssuerVerifier) -> None:
    """RFC 9068 §4: its own keys are the only ones, whatever kid the token names."""
    forged = TWO.token(iss=ONE.issuer)
    with pytest.raises(InvalidToken) as caught:
        both.verify(forged)
    assert caught.value.claim == "kid"
    twin = TestIssuer(TWO.issuer, clock=CLOCK)
    twin.signing_key = Key.generate("ES256", kid=TWO.signing_key.kid)
    with pytest.raises(InvalidToken) as caught:
        both.verify(twin.token())
    assert caught.value.claim == "signature"


def test_two_verifiers_of_one_issuer_are_refused() -> None:
    """Which one a token is for could not be told; nor with none at all."""
    with pytest.raises(ValueError, match="two verifiers"):
        MultiIssuerVerifier([ONE.verifier(), ONE.verifier(audience="other")])
    with pytest.raises(ValueError, match="at least one"):
        MultiIssuerVerifier([])
    tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
    common = TokenVerifier.for_provider("entra", tenant="common", audience="a")
    single = TokenVerifier.for_provider("entra", tenant=tenant, audience="a")
    with pytest.raises(ValueError, match="two verifiers"):
        MultiIssuerVerifier([common, single])
    with pytest.raises(ValueError, match="two verifiers"):
        MultiIssuerVerifier([common, common])


def test_issuers_are_chosen_as_their_profiles_say() -> None:
    """Every tenant, and every spelling."""
    entra = TokenVerifier.for_provider("entra", tenant="common", audience="a")
    assert entra.takes_issuer("https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0")
    assert not entra.takes_issuer("https://login.microsoftonline.com/common/v2.0")
    google = TokenVerifier.for_provider("google", client_id="a")
    assert google.takes_issuer("accounts.google.com")
    assert not google.takes_issuer("accounts.google.com/")


def test_an_api_names_all_of_its_issuers(both: MultiIssuerVerifier) -> None:
    """RFC 9728 §2, `authorization_servers`."""
    assert ResourceServer(both).metadata()["authorization_servers"] == ["https://one.example", "https://two.example"]
    assert both.issuer == "https://one.example"
    assert both.audiences == {"https://api.example"}
    assert "one.example" in repr(both)


def test_closing_closes_all() -> None:
    """The network is never used again."""
    verifiers = [TokenVerifier(issuer=f"https://{name}.invalid", audience="a") for name in ("one", "two")]
    asyncio.run(MultiIssuerVerifier(verifiers).aclose())
    assert all(verifier._keys._closed for verifier in verifiers)
