"""Everything that can be wrong with a sign-in, on purpose or not."""

import html
import re
from typing import TYPE_CHECKING

import pytest

from jotary.jose import Key

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_code_from_another_browser_is_not_taken(world: "World") -> None:
    """RFC 6749 §10.12: an attacker's own answer, sent to a victim, would sign the victim in as the attacker."""
    attacker, victim = world.browser(), world.browser()
    address = await attacker.begin()
    await victim.begin()
    answer = await victim.come_back(address)
    assert answer.status_code == 400
    assert world.issuer.sent == []
    assert "__Host-session" not in victim.cookies


async def test_an_answer_is_taken_once(world: "World") -> None:
    """The attempt's cookie goes with its first use, whatever comes of it; a reload leads home."""
    browser = world.browser()
    address = await browser.begin()
    await browser.come_back(address)
    answer = await browser.come_back(address)
    assert answer.headers["location"] == "https://app.example/"
    assert len(world.issuer.sent) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"state": None},
        {"state": "A" * 43},
        {"code": None},
        {"code": ""},
        {"iss": None},
        {"iss": "https://evil.example"},
        {"iss": "https://id.example/"},
        {"error": "access_denied"},
    ],
)
async def test_an_answer_that_does_not_fit_is_refused(world: "World", changes: dict[str, str | None]) -> None:
    """RFC 6749 §4.1.2, RFC 9207 §2.4: the code is not even redeemed."""
    world.issuer.callback.update(changes)
    browser = world.browser()
    answer = await browser.sign_in()
    assert answer.status_code == 400
    assert world.issuer.sent == []
    assert "__Host-session" not in browser.cookies


async def test_an_attempt_at_another_issuer_is_not_finished_at_this_one(world: "World") -> None:
    """RFC 9700 §4.4: the application was set up anew meanwhile; this issuer must not get the other one's code."""
    world.issuer.metadata["authorization_response_iss_parameter_supported"] = None
    world.issuer.callback["iss"] = None
    browser = world.browser()
    address = await browser.begin()
    world.issuer.metadata["issuer"] = "https://other.example"
    world.network.serve("https://other.example", world.issuer.app)
    world.start(issuer="https://other.example")
    assert (await browser.come_back(address)).status_code == 400
    assert world.issuer.sent == []


@pytest.mark.parametrize("path", ["/auth/login", "/auth/callback"])
async def test_a_query_that_is_too_long_is_not_read(world: "World", path: str) -> None:
    """Nobody's real one has 8 kB."""
    browser = await world.signed_in()
    answers = [await browser.send("GET", f"{path}?x={'a' * length}") for length in (8190, 8191)]
    assert [answer.status_code for answer in answers] == [303, 400]


@pytest.mark.parametrize("name", ["state", "code", "iss", "error", "anything"])
async def test_a_repeated_parameter_is_refused(world: "World", name: str) -> None:
    """RFC 6749 §3.1: one place might read the first, another the last."""
    browser = world.browser()
    address = await browser.begin()
    answer = await browser.come_back(address, f"&{name}=1&{name}=2")
    assert answer.status_code == 400
    assert world.issuer.sent == []


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "other"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["todo-web", "another-client"]},
        {"exp": 1_799_999_000},
        {"iat": 1_800_009_999},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"azp": "another-client"},
        {"sub": ""},
    ],
)
async def test_an_id_token_that_is_not_for_this_sign_in_is_refused(world: "World", claims: dict[str, object]) -> None:
    """OIDC Core §3.1.3.7, each of its checks."""
    world.issuer.claims.update(claims)
    browser = world.browser()
    assert (await browser.sign_in()).status_code == 400
    assert browser.cookies == {}
    assert world.issuer.ended == set(world.issuer.generations)  # nothing is left of it


async def test_an_id_token_that_somebody_else_signed_is_refused(world: "World") -> None:
    """OIDC Core §3.1.3.7, point 6: with the name of the issuer's key, but not with the key."""
    world.issuer.key = Key.generate("ES256", kid="k1")
    browser = world.browser()
    assert (await browser.sign_in()).status_code == 400
    assert browser.cookies == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"id_token": None},
        {"id_token": "not.a.jwt"},
        {"access_token": None},
        {"access_token": "with space"},
        {"token_type": None},
        {"token_type": "DPoP"},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"refresh_token": "\n"},
    ],
)
async def test_a_token_answer_that_is_not_one_is_refused(world: "World", answer: dict[str, object]) -> None:
    """RFC 6749 §5.1: nothing half-read, nobody half signed in."""
    world.issuer.answer.update(answer)
    browser = world.browser()
    assert (await browser.sign_in()).status_code == 400
    assert browser.cookies == {}


async def test_tokens_that_fit_into_no_cookie_are_refused(world: "World") -> None:
    """The person cannot mend it; the log says what to do."""
    world.issuer.answer["access_token"] = "a" * 12_000
    world.issuer.claims["at_hash"] = None
    browser = world.browser()
    assert (await browser.sign_in()).status_code == 400
    assert browser.cookies == {}
    assert world.issuer.ended == set(world.issuer.generations)


@pytest.mark.parametrize("metadata", [{"issuer": "https://evil.example"}, {"authorization_endpoint": None}])
async def test_metadata_of_somebody_else_starts_nothing(world: "World", metadata: dict[str, object]) -> None:
    """RFC 8414 §3.3: the issuer in it is the issuer that was asked, byte for byte."""
    world.issuer.metadata.update(metadata)
    answer = await world.browser().sign_in()
    assert answer.status_code == 400


@pytest.mark.parametrize("return_to", ["https://evil.example", "//evil.example", "/\\evil.example", "/auth/login"])
async def test_an_open_redirect_is_refused_before_anything_starts(world: "World", return_to: str) -> None:
    """RFC 9700 §4.11.1; the list of tricks stands in test_return_to."""
    browser = world.browser()
    answer = await browser.sign_in(return_to)
    assert answer.status_code == 400
    assert browser.cookies == {}
    assert world.network.count("https://id.example/authorize") == 0


async def test_a_repeated_return_to_is_refused(world: "World") -> None:
    """Which of the two was meant?"""
    answer = await world.browser().open("https://app.example/auth/login?return_to=/a&return_to=/b")
    assert answer.status_code == 400


@pytest.mark.parametrize("value", ["", "1.AAAA", "garbage", "1." + "A" * 3000])
async def test_a_tampered_cookie_is_ignored_and_removed(world: "World", value: str) -> None:
    """It is nobody's session: 401, never 500, and the browser need not send it again."""
    browser = world.browser()
    browser.cookies = {"__Host-session": value, "__Host-session.1": "x"}
    answer = await browser.fetch("/auth/me")
    assert answer.status_code == 401
    assert browser.cookies == {}


async def test_the_way_to_try_again_keeps_the_whole_address(world: "World") -> None:
    """With its query and fragment, which would otherwise be the link's own."""
    world.issuer.callback.update({"code": None, "error": "temporarily_unavailable"})
    browser = world.browser()
    answer = await browser.sign_in("/todos?done=1&page=2#last")
    link = html.unescape(re.findall(r'href="([^"]+)"', answer.text)[0])
    world.issuer.callback.clear()
    await browser.open(f"https://app.example{link}")
    assert browser.seen[-2].headers["location"] == "https://app.example/todos?done=1&page=2#last"
