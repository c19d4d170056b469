"""APIs on PyJWT, joserfc and Authlib: intact ones pass, and the kit names each check that was taken out."""

from collections.abc import Callable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from jotary.testing import AttackReport, TestIssuer, attack_api

SCOPES = ("todo:read", "todo:write")
CHECKS = [
    *("signature", "alg", "kid", "jwk", "jku", "x5c", "x5u"),
    *("exp", "nbf", "iat", "iss", "aud", "typ", "sub", "client_id", "jti", "scope"),
    *("crit", "duplicates", "size", "token", "scheme", "one header", "query"),
]
Sample = Callable[..., Any]


class Quiet(WSGIRequestHandler):
    """Says nothing."""

    def log_message(self, *_: object) -> None:
        """A test's output is its own."""


def attack(app: Any, issuer: TestIssuer, **options: Any) -> AttackReport:
    """The route of the samples."""
    return attack_api(app, "/tasks", issuer=issuer, scopes=SCOPES, **options)


def test_an_intact_api_passes(sample: Sample, issuer: TestIssuer) -> None:
    """Every attack, strict, as ASGI and as WSGI."""
    for app in (sample().asgi, sample().wsgi):
        report = attack(app, issuer)
        assert report.is_clean, str(report)
        assert len(report.fired) > 90


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_that_was_taken_out_is_named(
    sample: Sample, built_in: set[str], issuer: TestIssuer, check: str
) -> None:
    """It alone, unless the library has it anyway."""
    report = attack(sample(check).asgi, issuer)
    assert set(report.missing_checks) == {check} - built_in, str(report)
    assert (f"missing check: {check}" in str(report)) == (check not in built_in)


@pytest.mark.parametrize("check", ["json", "nesting"])
def test_an_exception_that_gets_out_is_a_finding(sample: Sample, issuer: TestIssuer, check: str) -> None:
    """5xx: nobody was let in, but whoever sends garbage breaks the API."""
    report = attack(sample(check).wsgi, issuer)
    assert report.missing_checks == ()
    assert "broke" in {one.problem for one in report.findings}
    assert "faulty check: " in str(report)
    assert {one.answer.status for one in report.findings} == {500}


def test_several_missing_checks_are_all_named(sample: Sample, issuer: TestIssuer) -> None:
    """In the order of the attacks."""
    assert attack(sample("scope", "exp", "aud").wsgi, issuer).missing_checks == ("exp", "aud", "scope")


def test_an_api_that_any_library_gives_passes_the_essential_attacks(
    sample: Sample, built_in: set[str], issuer: TestIssuer
) -> None:
    """Only what RFC 9068 adds, and strictness of form, is missing from it; a strict run says so."""
    lacking = {"typ", "client_id", "jti", "duplicates", "size", "scheme", "one header"}
    usual = sample(*lacking)
    assert attack(usual.asgi, issuer, level="essential").is_clean
    assert set(attack(usual.asgi, issuer).missing_checks) == lacking - built_in


def test_a_server_on_loopback_can_be_attacked(sample: Sample, issuer: TestIssuer) -> None:
    """Over HTTP."""
    for without, missing in (((), ()), (("aud",), ("aud",))):
        with make_server("127.0.0.1", 0, sample(*without).wsgi, handler_class=Quiet) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                report = attack(f"http://127.0.0.1:{server.server_port}", issuer, without=["100 kB"])
            finally:
                server.shutdown()
                thread.join()
        # wsgiref keeps the first of two headers alone, so the API cannot see the second one.
        assert set(report.missing_checks) - {"one header"} == set(missing), str(report)
