"""Signing in, as people and applications do it."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from jotary.jose import Key

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio


async def test_the_request_asks_for_what_was_set_up(world: "World") -> None:
    """RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2, OIDC Core §3.1.2.1."""
    world.start(scopes=["openid", "todo:read"], resource=["https://todo.example", "https://cal.example"])
    asked = parse_qs(urlsplit(await world.browser().begin()).query)
    assert asked["response_type"] == ["code"]
    assert asked["scope"] == ["openid todo:read"]
    assert asked["resource"] == ["https://todo.example", "https://cal.example"]
    assert asked["redirect_uri"] == ["https://app.example/auth/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) == len(asked["nonce"][0]) == len(asked["code_challenge"][0]) == 43


async def test_each_attempt_has_secrets_of_its_own(world: "World") -> None:
    """RFC 9700 §4.7.1: state, nonce and challenge are never used twice."""
    browser = world.browser()
    asked = [parse_qs(urlsplit(await browser.begin()).query) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name][0] for one in asked}) == 3


async def test_several_tabs_sign_in_at_once(world: "World") -> None:
    """Each attempt has a cookie of its own, so that neither spoils the other, whichever comes back first."""
    browser = world.browser()
    addresses = [await browser.begin() for _ in range(3)]
    for address in reversed(addresses):
        answer = await browser.come_back(address)
        assert answer.status_code == 303
        assert answer.headers["location"] == "https://app.example/"


async def test_attempts_do_not_pile_up(world: "World") -> None:
    """Somebody who opens the sign-in a hundred times keeps five cookies, the newest ones."""
    browser = world.browser()
    addresses = []
    for _ in range(12):
        addresses.append(await browser.begin())
        world.clock.advance(1)
    assert len(browser.cookies) == 5
    assert (await browser.come_back(addresses[6])).status_code == 400
    for address in addresses[7:]:
        answer = await browser.come_back(address)
        assert answer.headers["location"] == "https://app.example/"


async def test_attempts_stay_short_together(world: "World") -> None:
    """A foreign page's links can make each as long as it may be: web servers read 8 kB of cookies, and refuse more."""
    browser = world.browser()
    addresses = [await browser.begin()]
    for _ in range(5):
        world.clock.advance(1)
        addresses.append(await browser.begin("?return_to=/" + "a" * 1023))
        assert sum(len(name) + len(value) for name, value in browser.cookies.items()) <= 4096
    assert len(browser.cookies) == 2
    assert (await browser.come_back(addresses[0])).status_code == 400
    assert (await browser.come_back(addresses[-1])).headers["location"].endswith("/" + "a" * 1023)


async def test_an_answer_that_is_sent_again_meanwhile_redeems_the_code_once(world: "World") -> None:
    """RFC 6749 §4.1.2: an issuer takes the second use for theft; it was a reload, or a browser's own second attempt."""
    browser = world.browser()
    address = await browser.begin()
    answer = await world.network.handle_async_request(httpx2.Request("GET", address))
    path = answer.headers["location"].removeprefix("https://app.example")
    gate = world.network.hold("https://id.example/token")
    calls = [asyncio.create_task(browser.send("GET", path, {"Sec-Fetch-Mode": "navigate"})) for _ in range(2)]
    await gate.arrived.wait()
    for _ in range(20):  # as far as both of them come
        await asyncio.sleep(0)
    gate.go_on.set()
    answers = await asyncio.gather(*calls)
    assert [answer.headers["location"] for answer in answers] == ["https://app.example/"] * 2
    assert len(world.issuer.sent) == 1
    assert (await browser.fetch("/auth/me")).status_code == 200


async def test_people_who_sign_in_at_the_same_time_get_sessions_of_their_own(world: "World") -> None:
    """Only the same attempt shares an outcome."""
    browsers = [world.browser() for _ in range(2)]
    addresses = [await browser.begin() for browser in browsers]
    gate = world.network.hold("https://id.example/token")
    pairs = zip(browsers, addresses, strict=True)
    calls = [asyncio.create_task(browser.come_back(address)) for browser, address in pairs]
    await gate.arrived.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    gate.go_on.set()
    await asyncio.gather(*calls)
    sessions = [world.bff._keeper.presented(browser.cookies) for browser in browsers]
    identifiers = {session.id for session in sessions if session is not None}
    assert {len(one) for one in identifiers} == {22}  # 128 random bits each
    assert len(identifiers) == len(world.issuer.generations) == 2


async def test_an_application_says_how_long_a_session_lasts(world: "World") -> None:
    """The cookie goes at the same moment."""
    world.start(session_lifetime=60)
    browser = await world.signed_in()
    assert "Max-Age=60;" in browser.set_cookies[1]
    world.clock.advance(59)
    assert (await browser.fetch("/auth/me")).json()["expires_in"] == 1
    world.clock.advance(1)
    assert (await browser.fetch("/auth/me")).status_code == 401


async def test_an_attempt_that_took_too_long_is_over(world: "World") -> None:
    """A quarter of an hour; then a page says so, without a word of what was sent."""
    browser = world.browser()
    address = await browser.begin()
    world.clock.advance(900)
    answer = await browser.come_back(address)
    assert answer.status_code == 400
    assert "sign in again" in answer.text
    assert world.issuer.sent == []


async def test_an_error_of_the_issuer_is_told_in_our_own_words(
    world: "World", caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 6749 §4.1.2.1: anybody can write an error_description, so no page shows it."""
    world.issuer.callback.update({"code": None, "error": "access_denied", "error_description": "Call 555-0100 now"})
    browser = world.browser()
    answer = await browser.sign_in("/todos")
    assert answer.status_code == 403
    assert "cancelled" in answer.text
    assert "555" not in answer.text
    assert "Call 555-0100 now" in caplog.text  # for the operator
    assert "/auth/login?return_to=/todos" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert browser.cookies == {}


async def test_another_error_of_the_issuer_is_not_called_a_cancellation(world: "World") -> None:
    """RFC 6749 §4.1.2.1: only access_denied says that the person did not want to."""
    world.issuer.callback.update({"code": None, "error": "invalid_scope"})
    answer = await world.browser().sign_in("/todos")
    assert answer.status_code == 400
    assert "cancelled" not in answer.text


@pytest.mark.parametrize("name", [7, ["Ada"], {"given": "Ada"}, "", None])
async def test_a_name_that_is_no_text_is_not_shown(world: "World", name: object) -> None:
    """OIDC Core §5.1: the claim is a string; an issuer's slip there is no reason to sign nobody in."""
    world.issuer.claims["name"] = name
    browser = await world.signed_in()
    assert (await browser.fetch("/auth/me")).json()["name"] is None


async def test_an_attempt_that_is_over_or_not_ours_makes_room(world: "World") -> None:
    """A cookie that a sibling domain planted, or a release before wrote, goes, and keeps nobody from signing in."""
    browser = world.browser()
    await browser.begin()
    world.clock.advance(900)
    browser.cookies["__Host-signin-planted"] = "A" * 100
    over = set(browser.cookies)
    await browser.begin()
    assert len(browser.cookies) == 1
    assert not over & set(browser.cookies)


async def test_an_id_token_signed_with_a_new_key_is_accepted(world: "World") -> None:
    """The keys are fetched again when a token names one that is not known, at most every half minute."""
    await world.signed_in()
    world.clock.advance(30)
    world.issuer.key = Key.generate("ES256", kid="k2")
    world.issuer.published.append(world.issuer.key)
    await world.signed_in()
    assert world.network.count("https://id.example/jwks") == 2


async def test_an_issuer_that_is_down_is_told_as_such(world: "World") -> None:
    """503 and a link to try again, which keeps the way back."""
    world.network.fail("https://id.example/.well-known/openid-configuration", httpx2.ConnectError("down"))
    answer = await world.browser().sign_in("/todos")
    assert answer.status_code == 503
    assert "/auth/login?return_to=/todos" in answer.text


async def test_the_application_may_ask_for_another_account(world: "World") -> None:
    """OIDC Core §3.1.2.1: prompt, of which two values make sense in a link."""
    browser = world.browser()
    assert "prompt=login" in await browser.begin("?prompt=login")
    assert "prompt=select_account" in await browser.begin("?prompt=select_account")
    assert (await browser.open("https://app.example/auth/login?prompt=none")).status_code == 400


async def test_a_script_cannot_sign_in(world: "World") -> None:
    """fetch() would follow the redirect to the issuer and fail there, for a reason that nobody understands."""
    answer = await world.browser().fetch("/auth/login")
    assert answer.status_code == 400
    assert "do not fetch" in answer.text


@pytest.mark.parametrize(
    ("base_url", "host", "is_sent_there"),
    [
        ("http://localhost:8003", "127.0.0.1:8003", True),
        ("http://127.0.0.1:8003", "localhost:8003", True),
        ("http://localhost:8003", "localhost:8003", False),
        ("http://localhost:8003", "localhost:5173", False),
        ("http://localhost:80", "localhost", False),
        ("http://localhost:8003", "evil.example", False),
        ("https://app.example", "127.0.0.1:8003", False),
        ("http://localhost:8003", "[", False),
        ("http://localhost:8003", "", False),
    ],
)
async def test_in_development_the_right_name_is_used(
    world: "World", base_url: str, host: str, *, is_sent_there: bool
) -> None:
    """Cookies of localhost do not reach 127.0.0.1. Behind a web server in front, the Host header says nothing.

    Ports are another matter: cookies know none, and a development server in front would send the browser in circles.
    """
    world.start(base_url=base_url)
    browser = world.browser()
    location = await browser.begin("?return_to=/todos", Host=host)
    assert (location == f"{base_url}/auth/login?return_to=/todos") is is_sent_there
    assert location.startswith("https://id.example/authorize") is not is_sent_there


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/auth/login", 405),
        ("PUT", "/auth/logout", 405),
        ("DELETE", "/auth/me", 405),
        ("GET", "/auth", 404),
        ("GET", "/auth/", 404),
        ("GET", "/auth/me/", 404),
        ("GET", "/auth/tokens", 404),
    ],
)
async def test_there_is_nothing_else_below_auth(world: "World", method: str, path: str, status: int) -> None:
    """And nothing below it reaches the application behind."""
    answer = await world.browser().fetch(path, method)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"


async def test_every_answer_below_auth_is_stored_nowhere(world: "World") -> None:
    """RFC 6749 §5.1, and a browser's back button."""
    browser = await world.signed_in()
    await browser.fetch("/auth/me")
    await browser.fetch("/auth/logout", "POST")
    await browser.open("https://app.example/auth/logout")
    ours = [answer for answer in browser.seen if not answer.text.startswith("page")]
    assert len(ours) == 5
    assert {answer.headers["cache-control"] for answer in ours} == {"no-store"}


async def test_no_cookie_ever_lacks_an_attribute(world: "World") -> None:
    """`__Host-`, Secure, HttpOnly, Path=/, SameSite=Lax, no Domain: the browser of these tests refuses others."""
    browser = await world.signed_in()
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    await browser.fetch("/auth/logout", "POST")
    await browser.open("https://app.example/auth/logout")
    begun, opened, done, renewed, *ended = browser.set_cookies
    assert begun.startswith("__Host-signin-")
    assert begun.endswith("; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax")
    assert opened.endswith("; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax")
    assert done.endswith("=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
    assert renewed.endswith("; Path=/; Max-Age=1209350; HttpOnly; Secure; SameSite=Lax")
    assert [header.partition("=")[0] for header in ended] == ["__Host-session", "__Host-signout", "__Host-signout"]


async def test_a_secret_is_replaced_without_signing_anybody_out(world: "World") -> None:
    """The new one seals, both open; later the old one goes, and with it what it sealed."""
    browser = await world.signed_in()
    world.start(secret=[b"n" * 32, b"s" * 32])
    assert (await browser.fetch("/auth/me")).status_code == 200
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    world.start(secret=b"n" * 32)
    assert (await browser.fetch("/auth/me")).status_code == 200
    assert (await (await world.signed_in()).fetch("/auth/me")).status_code == 200
    world.start(secret=b"x" * 32)
    assert (await browser.fetch("/auth/me")).status_code == 401
