"""How often accounts may be asked for, and how often clients may fail: RFC 6585 §4, CWE-307, CWE-799."""

import asyncio
from typing import Any

import msgspec
import pytest

from jotary.server.ports import Unavailable

NEW = {"name": "Grace", "password": "eleven quiet walruses knit"}
FAILURES = 60  # of one client in one network


def sign_up(site: Any, name: str) -> Any:
    """Ask for an account in a fresh browser."""
    browser = site.browser()
    return browser.submit(browser.get("/sign-up"), "/sign-up", username=f"{name}@example.com", **NEW)


def few_sign_ups(site: Any, attempts: int = 2) -> None:
    """Lower what one network may ask for."""
    site.rebuild(settings=msgspec.structs.replace(site.desk.settings, sign_up_attempts=attempts))


def test_one_network_makes_only_so_many_accounts(site: Any) -> None:
    """RFC 6585 §4: then one every two minutes; a taken address counts, for it is an address that was asked about."""
    few_sign_ups(site)
    assert [sign_up(site, name).status_code for name in ("grace", "ada")] == [303, 400]
    refused = sign_up(site, "edsger")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "120")
    assert "Too many accounts were asked for from your network. Try again in 2 minutes." in refused.text
    assert site.desk.run(site.desk.store.user_by_email("edsger@example.com")) is None
    assert site.desk.kinds()[-1] == "user.sign_up_limited"
    site.desk.now += 120
    assert sign_up(site, "edsger").status_code == 303


def test_a_form_that_must_be_mended_is_no_attempt(site: Any, browser: Any) -> None:
    """A person who looks for a good password is not held off."""
    few_sign_ups(site, 1)
    for _ in range(3):
        weak = browser.submit(browser.get("/sign-up"), "/sign-up", username="g@example.com", name="G", password="123")
        assert weak.status_code == 400
    assert sign_up(site, "grace").status_code == 303


def test_a_sign_up_that_the_queue_turned_away_was_none(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy server must not hold people off for its own fault."""
    few_sign_ups(site, 1)

    async def full(_password: str) -> str:
        raise Unavailable("the queue is full")

    with monkeypatch.context() as patched:
        patched.setattr(site.hasher, "hash", full)
        assert [sign_up(site, "grace").status_code for _ in range(2)] == [503, 503]
    assert sign_up(site, "grace").status_code == 303


def ask(site: Any, client_id: str, secret: str | None = None) -> Any:
    """A token request of a client over HTTP."""
    basic = site.desk.basic(client_id) if secret is None else site.desk.basic(client_id, secret)
    headers = {"Authorization": basic}
    return site.browser().post("/token", {"grant_type": "client_credentials", "scope": "todo:read"}, headers)


@pytest.fixture
def service(site: Any) -> str:
    """A client with a secret."""
    site.desk.add_client("service")
    return "service"


def test_a_client_that_keeps_failing_is_told_when_to_come_back(site: Any, service: str) -> None:
    """RFC 6585 §4; and the audit trail does not grow with every attempt."""
    answers = [ask(site, service, "wrong").status_code for _ in range(FAILURES + 3)]
    assert answers == [401] * FAILURES + [429] * 3
    refused = ask(site, service, "wrong")
    assert refused.headers["retry-after"] == "10"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json()["error"] == "temporarily_unavailable"
    kinds = [kind for kind in site.desk.kinds() if kind.startswith("client.")]
    assert kinds == ["client.authentication_failed"] * FAILURES + ["client.authentication_limited"]


def test_a_stranger_who_fails_does_not_lock_the_client_out(site: Any, service: str) -> None:
    """ASVS 5.0, 6.1.1: even in the same network the right secret always passes."""
    assert ask(site, service).status_code == 200
    for _ in range(FAILURES + 1):
        ask(site, service, "wrong")
    assert ask(site, service).status_code == 200
    assert ask(site, "another", "wrong").status_code == 401


def test_an_unknown_client_is_answered_and_limited_like_a_wrong_secret(site: Any, service: str) -> None:
    """CWE-204: status, headers and body, at the first failure and at the one too many."""

    def answer(client_id: str) -> tuple[int, dict[str, str], Any]:
        response = ask(site, client_id, "wrong")
        return response.status_code, dict(response.headers), response.json()

    assert answer(service) == answer("nobody")
    for _ in range(FAILURES):
        answer(service)
        answer("nobody")
    assert answer(service) == answer("nobody")
    assert answer("nobody")[0] == 429


def test_many_names_from_one_network_are_held_off_together(site: Any, service: str) -> None:
    """An attacker who makes up a client for every request fills no table."""
    site.desk.limiter = type(site.desk.limiter)(
        site.desk.store, site.desk.limiter.key, msgspec.structs.replace(site.desk.settings, network_attempts=10)
    )
    object.__setattr__(site.desk.authentication, "limiter", site.desk.limiter)
    assert [ask(site, f"made-up-{number}", "x").status_code for number in range(11)] == [401] * 10 + [429]
    assert ask(site, service).status_code == 200


def test_of_a_hundred_failures_at_once_no_more_are_written_than_allowed(site: Any, service: str) -> None:
    """CWE-362: the failure and its count are one transaction."""
    browser = site.browser()
    headers = {"Authorization": site.desk.basic(service, "wrong")}

    async def all_at_once() -> list[int]:
        form = {"grant_type": "client_credentials"}
        sent = (browser.http.post("/token", data=form, headers=headers) for _ in range(100))
        return [response.status_code for response in await asyncio.gather(*sent)]

    assert site.desk.run(all_at_once()).count(401) == FAILURES
    assert site.desk.kinds().count("client.authentication_failed") == FAILURES
