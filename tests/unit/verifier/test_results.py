"""Remembered tokens: bounded, whoever asks."""

from concurrent.futures import ThreadPoolExecutor

from jotary.testing import TestIssuer
from jotary.verifier.check import Verified
from jotary.verifier.results import Results


def verified(issuer: TestIssuer) -> Verified:
    """A verdict."""
    return Verified(issuer.verifier().verify(issuer.token()), 0, 1)


def test_the_oldest_goes_first(issuer: TestIssuer) -> None:
    """Tokens live equally long, so the oldest is the one that expires next."""
    results, verdict = Results(2), verified(issuer)
    for token in ("a", "b", "c"):
        results.put(token, verdict)
    assert [results.get(token) for token in ("a", "b", "c")] == [None, verdict, verdict]


def test_the_same_token_takes_one_place(issuer: TestIssuer) -> None:
    """Two threads may verify it at once."""
    results, verdict = Results(2), verified(issuer)
    for token in ("a", "b", "b", "b"):
        results.put(token, verdict)
    assert len(results) == 2
    assert results.get("a") is verdict


def test_the_bound_holds_between_threads(issuer: TestIssuer) -> None:
    """Putting takes a lock, getting none."""
    results, verdict = Results(50), verified(issuer)

    def work(start: int) -> None:
        for number in range(start, start + 500):
            results.put(str(number), verdict)
            results.get(str(number - 3))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 4000, 500)))
    assert len(results) == 50
