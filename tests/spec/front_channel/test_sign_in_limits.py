"""How often passwords may be tried: ASVS 5.0 6.1.1, 6.3.1, 6.3.8; NIST SP 800-63B-4 §3.2.2; RFC 6585 §4; CWE-307."""

import asyncio
from typing import Any

import msgspec
import pytest

from jotary.server.model.changes import ReplaceUser
from jotary.server.ports import Unavailable
from jotary.server.web import Forwarded

PASSWORD = "thirty purple otters hum"
STRANGER = "203.0.113.5"
AT_ONCE = 3  # `sign_in_attempts`, few of them because each costs a hash


@pytest.fixture
def site(site: Any) -> Any:
    """The server with few attempts."""
    site.desk.settings = msgspec.structs.replace(site.desk.settings, sign_in_attempts=AT_ONCE)
    site.rebuild()
    return site


@pytest.fixture
def behind_proxy(site: Any) -> Any:
    """The server behind a proxy, so that browsers come from where the test says."""
    site.app = Forwarded(site.app, ["127.0.0.1"])
    return site


def browser_at(site: Any, address: str) -> Any:
    """A browser with an address of its own."""
    browser = site.browser()
    browser.http.headers["X-Forwarded-For"] = address
    return browser


def fail(browser: Any, times: int, username: str | None = None) -> list[int]:
    """Try wrong passwords; return the statuses of the answers."""
    return [browser.sign_in(username=username, password="wrong").status_code for _ in range(times)]


def counted(site: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The work that the server does from here on: reads, writes and hashes."""
    work: list[str] = []

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        async def counting(*arguments: Any) -> Any:
            work.append(name)
            return await real(*arguments)

        monkeypatch.setattr(owner, name, counting)

    for name in ("look_up", "scan", "write"):
        count(site.desk.store._driver, name)
    for name in ("hash", "verify"):
        count(site.hasher, name)
    return work


def test_after_some_wrong_passwords_one_must_wait(site: Any, browser: Any) -> None:
    """RFC 6585 §4: 429 with Retry-After, and the page says the same in words; later, one more a minute."""
    assert fail(browser, AT_ONCE) == [400] * AT_ONCE
    response = browser.sign_in()
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")
    assert "There were too many attempts to sign in. Try again in 60 seconds." in response.text
    assert browser.fields(response)["username"] == site.user.email
    site.desk.now += 59
    assert browser.sign_in().headers["retry-after"] == "1"
    site.desk.now += 1
    assert fail(browser, 2) == [400, 429]
    site.desk.now += 60
    assert browser.sign_in().status_code == 303


def test_two_hundred_passwords_at_once_are_no_more_than_allowed(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CWE-362: each is counted before its hash is computed, not behind it."""
    work = counted(site, monkeypatch)
    browser = site.browser()
    form = {**browser.fields(browser.get("/sign-in")), "username": site.user.email, "password": "wrong"}
    headers = {"Sec-Fetch-Site": "same-origin"}

    async def all_at_once() -> list[int]:
        sent = (browser.http.post("/sign-in", data=form, headers=headers) for _ in range(200))
        return [response.status_code for response in await asyncio.gather(*sent)]

    statuses = site.desk.run(all_at_once())
    assert work.count("verify") == AT_ONCE
    assert statuses.count(429) == 200 - AT_ONCE


@pytest.mark.parametrize("is_limited", [False, True], ids=["refused", "limited"])
def test_an_unknown_account_is_answered_and_worked_on_like_a_known_one(
    site: Any, monkeypatch: pytest.MonkeyPatch, *, is_limited: bool
) -> None:
    """CWE-204, CWE-208: status, header, page, the order of reads, writes and hashes. Disabled accounts, too."""
    disabled = site.add_user("disabled@example.com", PASSWORD)
    site.desk.write(ReplaceUser(msgspec.structs.replace(disabled, disabled_at=site.desk.now)))
    names = {"known": site.user.email, "unknown": "nobody@example.com", "disabled": disabled.email}
    work = counted(site, monkeypatch)
    answers: dict[str, Any] = {}
    for kind, name in names.items():
        browser = site.browser()
        if is_limited:
            fail(browser, AT_ONCE + 1, name)  # once more, so that the audit trail has been told
        page = browser.get("/sign-in")
        token, work[:] = browser.fields(page)["csrf_token"], []
        response = browser.submit(page, "/sign-in", username=name, password="wrong")
        text = response.text.replace(name, "name").replace(token, "token")
        answers[kind] = (response.status_code, sorted(response.headers.keys()), text, tuple(work))
    assert answers["known"] == answers["unknown"] == answers["disabled"]
    assert answers["known"][0] == (429 if is_limited else 400)
    assert answers["known"][3].count("verify") == (0 if is_limited else 1)


def test_signing_in_gives_back_what_it_took_and_nothing_else(site: Any, browser: Any) -> None:
    """A person who signs in often is never held off; nor do they buy guesses for somebody who tries meanwhile."""
    assert [site.browser().sign_in().status_code for _ in range(AT_ONCE + 2)] == [303] * (AT_ONCE + 2)
    assert fail(browser, AT_ONCE - 1) == [400] * (AT_ONCE - 1)
    assert site.browser().sign_in().status_code == 303
    assert fail(browser, 2) == [400, 429]


def test_a_stranger_does_not_lock_a_person_out(behind_proxy: Any) -> None:
    """ASVS 5.0, 6.1.1: from one network, whatever is tried, the person signs in elsewhere."""
    stranger = browser_at(behind_proxy, STRANGER)
    for _ in range(3):
        assert fail(stranger, AT_ONCE + 1)[-1] == 429
        behind_proxy.desk.now += 600
    assert fail(stranger, AT_ONCE + 1)[-1] == 429
    assert browser_at(behind_proxy, "198.51.100.1").sign_in().status_code == 303


def test_many_networks_together_are_held_off_and_a_known_browser_is_not(behind_proxy: Any) -> None:
    """OWASP device cookies: a browser that has signed in here before has an allowance of its own."""
    known = browser_at(behind_proxy, "198.51.100.1")
    assert known.sign_in().status_code == 303
    known.http.cookies.delete("__Host-jotary")
    for network in range(10):
        assert fail(browser_at(behind_proxy, f"2001:db8:0:{network}::1"), AT_ONCE) == [400] * AT_ONCE
    assert fail(browser_at(behind_proxy, "2001:db8:0:ff::1"), 1) == [429]
    assert browser_at(behind_proxy, "198.51.100.2").sign_in().status_code == 429
    assert known.sign_in().status_code == 303
    known.http.cookies.delete("__Host-jotary")
    assert fail(known, AT_ONCE + 1) == [400] * AT_ONCE + [429]


def test_what_a_known_browser_keeps_is_good_for_its_account_alone(behind_proxy: Any) -> None:
    """An attacker with an account of their own gets no further allowance for anybody else's."""
    behind_proxy.add_user("mallory@example.com", PASSWORD)
    mallory = browser_at(behind_proxy, STRANGER)
    assert fail(mallory, AT_ONCE) == [400] * AT_ONCE
    assert mallory.sign_in(username="mallory@example.com").status_code == 303
    mallory.http.cookies.delete("__Host-jotary")
    assert fail(mallory, 1) == [429]


def test_many_known_browsers_share_what_an_account_has_for_all_of_them(site: Any) -> None:
    """Who once knew the password, and has kept many browsers' cookies, guesses the next one no faster for it."""
    kept = []
    for _ in range(11):
        browser = site.browser()
        assert browser.sign_in().status_code == 303
        browser.http.cookies.delete("__Host-jotary")
        kept.append(browser)
    assert [fail(browser, AT_ONCE)[-1] for browser in kept] == [400] * 10 + [429]


def test_the_addresses_of_one_ipv6_network_are_one(behind_proxy: Any) -> None:
    """RFC 6177 §2: every customer has 2**64 of them."""
    statuses = [fail(browser_at(behind_proxy, f"2001:db8::{number:x}"), 1)[0] for number in range(AT_ONCE + 1)]
    assert statuses == [400] * AT_ONCE + [429]
    assert fail(browser_at(behind_proxy, "2001:db8:0:1::"), 1) == [400]


def test_one_network_that_tries_many_accounts_is_held_off(behind_proxy: Any) -> None:
    """Credential stuffing: one password each for many accounts; known browsers in that network sign in all the same."""
    settings = msgspec.structs.replace(behind_proxy.desk.settings, network_attempts=12)
    behind_proxy.rebuild(settings=settings)
    behind_proxy.app = Forwarded(behind_proxy.app, ["127.0.0.1"])
    known = browser_at(behind_proxy, STRANGER)
    assert known.sign_in().status_code == 303
    known.http.cookies.delete("__Host-jotary")
    stranger = browser_at(behind_proxy, STRANGER)
    tried = [fail(stranger, 1, f"person{number}@example.com")[0] for number in range(13)]
    assert tried == [400] * 12 + [429]
    assert fail(browser_at(behind_proxy, "198.51.100.1"), 1, "person13@example.com") == [400]
    assert known.sign_in().status_code == 303


def test_a_proxy_that_is_not_configured_changes_no_address(site: Any) -> None:
    """CWE-348: a header of its own for every attempt helps nobody."""
    statuses = [fail(browser_at(site, f"192.0.2.{number}"), 1)[0] for number in range(AT_ONCE + 1)]
    assert statuses == [400] * AT_ONCE + [429]


def test_another_process_and_a_restart_count_on(site: Any, browser: Any) -> None:
    """What was counted is in the database and nowhere else."""
    assert fail(browser, AT_ONCE) == [400] * AT_ONCE
    site.rebuild()
    assert fail(site.browser(), 1) == [429]


def test_what_the_queue_turned_away_was_no_attempt(site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy server must not hold people off for its own fault."""

    async def full(_password: str, _phc: str | None) -> bool:
        raise Unavailable("the queue is full")

    with monkeypatch.context() as patched:
        patched.setattr(site.hasher, "verify", full)
        assert fail(browser, AT_ONCE + 1) == [503] * (AT_ONCE + 1)
    assert browser.sign_in().status_code == 303


def test_the_audit_trail_is_told_once_a_minute_and_from_where(behind_proxy: Any) -> None:
    """It cannot be flooded, and says which address is held off."""
    stranger = browser_at(behind_proxy, STRANGER)
    fail(stranger, AT_ONCE + 5)
    events = [event for event in behind_proxy.desk.events() if event.kind.startswith("sign_in.")]
    assert [event.kind for event in events] == ["sign_in.refused"] * AT_ONCE + ["sign_in.limited"]
    assert {event.address for event in events} == {STRANGER}
    behind_proxy.desk.now += 61
    fail(stranger, 3)
    kinds = behind_proxy.desk.kinds()
    assert kinds[-2:] == ["sign_in.refused", "sign_in.limited"]


def test_no_row_tells_whose_account_or_address_it_is_about(site: Any, browser: Any) -> None:
    """Data protection: counted under a keyed digest."""
    fail(browser, AT_ONCE + 1)
    (path,) = site.desk.run(site.desk.store._driver.scan(_Named("PRAGMA database_list"), ()))
    assert path
    rows = site.desk.run(site.desk.store._driver.scan(_Named("SELECT id FROM allowances"), ()))
    assert len(rows) == 4
    assert not any("ada" in row[0] or "127.0.0.1" in row[0] for row in rows)
    kinds = {row[0].partition(":")[0] for row in rows}
    assert kinds == {"source", "account", "network-sign-in"}


class _Named:
    """A statement that only this test runs."""

    def __init__(self, sql: str) -> None:
        self.sql = sql


def test_the_password_of_who_signs_in_again_is_counted_the_same(site: Any, signed_in: Any) -> None:
    """Re-authentication (OIDC Core §3.1.2.1, prompt=login) is no way around the limit."""
    path = site.authorize_path(prompt="login")
    statuses = [signed_in.sign_in(return_to=path, password="wrong").status_code for _ in range(AT_ONCE + 1)]
    assert statuses == [400] * AT_ONCE + [429]


def test_the_cookie_of_a_known_browser_is_out_of_reach_of_scripts_and_other_sites(browser: Any) -> None:
    """RFC 6265bis §4.1.3.2; it outlives the sign-in, and opens nothing."""
    response = browser.sign_in()
    (cookie,) = [c for c in response.headers.get_list("set-cookie") if c.startswith("__Host-jotary-known=")]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "path=/", "samesite=lax", "max-age=34560000"} <= attributes
