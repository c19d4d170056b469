"""An issuer, its clock, and verifiers that trust it."""

from collections.abc import Callable, Iterator

import pytest

from jotary import TokenVerifier
from jotary.testing import FrozenClock, LoopbackIssuer, TestIssuer


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
