"""Attempts to sign in, in the browser's cookies: how many, how long, and everything that is none."""

import secrets

import msgspec
import pytest

from jotary.client.authorization import AuthorizationRequest
from jotary.client.bff import transaction
from jotary.client.bff.cookies import parse_cookies
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.transaction import PREFIX, TransactionCookies
from jotary.oauth.secret import Secret

NOW = 1_800_000_000
SEALER = Sealer([b"s" * 32])
COOKIES = TransactionCookies(SEALER, secrets.token_bytes)


def begin(state: str, present: dict[str, str], *, now: int = NOW, return_to: str = "/") -> dict[str, str]:
    """The browser's cookies after one more attempt."""
    request = AuthorizationRequest(
        url="",
        issuer="https://id.example",
        redirect_uri="https://app.example/auth/callback",
        scopes=("openid",),
        state=Secret(state),
        nonce=Secret("n" * 43),
        code_verifier=Secret("v" * 43),
    )
    headers = COOKIES.write(request, return_to=return_to, now=now, present=present)
    gone = {header.partition("=")[0] for header in headers if "Max-Age=0" in header}
    written = parse_cookies(header.partition(";")[0].encode() for header in headers if "Max-Age=0" not in header)
    return {**{name: value for name, value in present.items() if name not in gone}, **written}


@pytest.mark.parametrize(("surplus", "kept"), [(0, 2), (1, 1)])
def test_the_bound_on_their_length_is_exact(monkeypatch: pytest.MonkeyPatch, surplus: int, kept: int) -> None:
    """Names and values of all of them, the new one too."""
    present = begin("one", {})
    length = sum(len(name) + len(value) for name, value in present.items())
    monkeypatch.setattr(transaction, "MOST_LENGTH", 2 * length - surplus)
    assert len(begin("two", present, now=NOW + 1)) == kept


def test_the_newest_stay() -> None:
    """Those that are more likely to come back; an older and shorter one does not slip in behind a longer one."""
    present = begin("short", {})
    for number in range(3):
        present = begin(f"long-{number}", present, now=NOW + 1 + number, return_to="/" + "a" * 1000)
    found = [COOKIES.read(state, present, now=NOW + 4) for state in ("short", "long-0", "long-1", "long-2")]
    assert [one is not None for one in found] == [False, False, True, True]


def test_other_cookies_are_left_alone() -> None:
    """A session, and those of the application behind."""
    others = {"__Host-session": "1.abc", "__Host-signout": "abc", "theme": "dark"}
    assert others.items() <= begin("one", others).items()


def test_attempts_do_not_overwrite_each_other() -> None:
    """The name is a hash that is long enough."""
    names = {name for number in range(500) for name in begin(str(number), {})}
    assert len(names) == 500


@pytest.mark.parametrize("of_another_version", [[], ["x"], {"issuer": "x"}, "text", [1] * 6])
def test_an_attempt_in_another_format_is_none(of_another_version: object) -> None:
    """An older or newer release sealed it with the same secret; it makes room for the next one."""
    (name,) = begin("one", {})
    value = SEALER.seal(msgspec.msgpack.encode(of_another_version), purpose=name, entropy=b"e" * 24)
    assert COOKIES.read("one", {name: value}, now=NOW) is None
    assert name not in begin("two", {name: value})


def test_an_attempt_counts_under_its_own_name_alone() -> None:
    """Renamed, it would answer to a `state` that was not sent."""
    (value,) = begin("one", {}).values()
    (name,) = begin("two", {})
    assert COOKIES.read("two", {name: value}, now=NOW) is None
    assert COOKIES.read("", {PREFIX: value}, now=NOW) is None
