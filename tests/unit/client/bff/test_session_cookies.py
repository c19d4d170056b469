"""The session in the browser's cookies: round trips, sizes, and everything that is not a session."""

import secrets

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.bff import session as session_module
from jotary.client.bff import transaction
from jotary.client.bff.cookies import parse_cookies
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.session import COOKIE, MAX_COOKIES, Session, SessionCookies, SessionTooLargeError, fit
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

NOW = 1_800_000_000
COOKIES = SessionCookies(Sealer([b"s" * 32]), secrets.token_bytes)


def session(access_token: str = "at", refresh_token: str | None = "rt", id_token: str | None = "id") -> Session:
    """A session of this moment."""
    tokens = TokenSet(
        access_token=Secret(access_token),
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        id_token=None if id_token is None else Secret(id_token),
        scopes=("openid", "todo:read"),
        obtained_at=NOW,
        expires_at=NOW + 300,
    )
    return Session(
        id="session-1", generation=3, subject="person-1", name="Ada", email=None, expires_at=NOW + 900, tokens=tokens
    )


def in_browser(set_cookies: list[str]) -> dict[str, str]:
    """The cookies that a browser sends back."""
    pairs = [header.split(";")[0] for header in set_cookies]
    return parse_cookies(["; ".join(pair for pair in pairs if not pair.endswith("=")).encode()])


def plain(one: Session) -> dict[str, object]:
    """All members, secrets too."""
    return msgspec.to_builtins(one, enc_hook=lambda secret: secret.reveal())  # type: ignore[no-any-return] # msgspec says Any


TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=3000)


@given(access_token=TOKENS, refresh_token=st.none() | TOKENS, id_token=st.none() | TOKENS)
def test_a_session_survives_the_browser(access_token: str, refresh_token: str | None, id_token: str | None) -> None:
    """Whatever the tokens are, what comes back is what was written."""
    written = session(access_token, refresh_token, id_token)
    read = COOKIES.read(in_browser(COOKIES.write(written, now=NOW, present={})), now=NOW)
    assert read is not None
    assert plain(read) == plain(written)


@given(data=st.data())
def test_any_changed_cookie_is_no_session(data: st.DataObject) -> None:
    """Any character, in any of its parts."""
    cookies = in_browser(COOKIES.write(session("a" * 6000), now=NOW, present={}))
    name = data.draw(st.sampled_from(sorted(cookies)))
    place = data.draw(st.integers(0, len(cookies[name]) - 1))
    other = data.draw(st.sampled_from("Aa1-_."))
    if other == cookies[name][place]:  # sealed anew each time, so that what is drawn must not depend on it
        other = "B"
    changed = cookies[name][:place] + other + cookies[name][place + 1 :]
    assert COOKIES.read({**cookies, name: changed}, now=NOW) is None


def test_a_large_session_is_spread_over_several_cookies() -> None:
    """Browsers keep 4096 bytes for one cookie (RFC 6265 §6.1)."""
    headers = COOKIES.write(session("a" * 9000), now=NOW, present={})
    assert [header.split("=")[0] for header in headers] == [COOKIE, f"{COOKIE}.1", f"{COOKIE}.2", f"{COOKIE}.3"]
    assert max(map(len, headers)) <= 4096


def test_parts_of_a_larger_session_are_removed_with_it() -> None:
    """What is no longer written would otherwise be sent for days."""
    present = in_browser(COOKIES.write(session("a" * 9000), now=NOW, present={}))
    headers = COOKIES.write(session(), now=NOW, present=present)
    assert [header for header in headers if "Max-Age=0" in header] == [
        f"{COOKIE}.{number}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" for number in (1, 2, 3)
    ]
    assert len(COOKIES.clear(present)) == 4


def test_a_part_left_over_from_a_larger_session_is_not_read() -> None:
    """The first part says how many there are."""
    stale = in_browser(COOKIES.write(session("a" * 9000), now=NOW, present={}))
    fresh = in_browser(COOKIES.write(session(), now=NOW, present={}))
    assert COOKIES.read({**stale, **fresh}, now=NOW) is not None


@pytest.mark.parametrize("missing", range(4))
def test_a_session_with_a_part_missing_is_no_session(missing: int) -> None:
    """A browser that is full drops cookies one by one."""
    cookies = in_browser(COOKIES.write(session("a" * 9000), now=NOW, present={}))
    del cookies[sorted(cookies)[missing]]
    assert COOKIES.read(cookies, now=NOW) is None


@pytest.mark.parametrize("value", ["", "1.", "0.abc", "5.abc", "1", "x.y", "-1.abc", "01.abc", "1.abc", "9999999999.a"])
def test_what_is_no_session_is_ignored(value: str) -> None:
    """Never an exception, never a session."""
    assert COOKIES.read({COOKIE: value}, now=NOW) is None


def test_a_session_ends_at_its_end() -> None:
    """The end stands inside the seal: a browser that ignores Max-Age changes nothing."""
    cookies = in_browser(COOKIES.write(session(), now=NOW, present={}))
    assert COOKIES.read(cookies, now=NOW + 899) is not None
    assert COOKIES.read(cookies, now=NOW + 900) is None


def test_the_cookie_lives_as_long_as_the_session() -> None:
    """And not a second longer."""
    assert "Max-Age=900;" in COOKIES.write(session(), now=NOW, present={})[0]
    assert "Max-Age=10;" in COOKIES.write(session(), now=NOW + 890, present={})[0]


@pytest.mark.parametrize("format_of_another_version", [[], ["x"], {"id": "x"}, "text", [1] * 12])
def test_a_session_in_another_format_is_no_session(format_of_another_version: object) -> None:
    """An older or newer release sealed it with the same secret."""
    sealed = Sealer([b"s" * 32]).seal(
        msgspec.msgpack.encode(format_of_another_version), purpose=COOKIE, entropy=b"e" * 24
    )
    assert COOKIES.read({COOKIE: f"1.{sealed}"}, now=NOW) is None


def test_what_does_not_fit_is_told_before_it_is_written() -> None:
    """The ID token is given up first, since it is only a hint; then it is an error with what to do."""
    lean = fit(session("a" * 8000, id_token="i" * 8000))
    assert lean.tokens.id_token is None
    assert lean.tokens.access_token.reveal() == "a" * 8000
    with pytest.raises(SessionTooLargeError, match="fewer scopes"):
        fit(session("a" * 12_000))


def test_the_largest_session_that_fits_is_written() -> None:
    """The bound is exact: nothing that `fit` lets through is too large for the cookies."""
    largest = max(size for size in range(11_000, 11_500) if _fits(size))
    cookies = in_browser(COOKIES.write(session("a" * largest), now=NOW, present={}))
    assert len(cookies) == MAX_COOKIES
    assert COOKIES.read(cookies, now=NOW) is not None


def _fits(size: int) -> bool:
    try:
        return fit(session("a" * size)).tokens.id_token is not None
    except SessionTooLargeError:
        return False


def test_what_is_sealed_does_not_print() -> None:
    """It holds tokens in the open, and a trace with local variables goes to logs."""
    text = msgspec.msgpack.encode(["s", 0, "p", None, None, 1, "s3cret", "s3cret", None, [], 1, 2])
    assert "s3cret" not in repr(session_module._decoder.decode(text))
    text = msgspec.msgpack.encode(["s3cret"] * 5 + [1])
    assert "s3cret" not in repr(transaction._decoder.decode(text))


def test_a_session_of_an_earlier_release_is_still_one() -> None:
    """Written by the first one; fields are only ever appended."""
    value = (
        "1.AQABAgMEBQYHCAkKCwwNDg8QERITFBUWF4MplGqoFWUcvwjt4GkVBlhl5e_GoKwDxn_pPUg3_A0vjpHAW3jBfzLiA_-ko18jWlrzJiQj"
        "LgSdLZEDnHvEh6D6YHqP6058typnknM9IQJHPTBkZQ"
    )
    read = COOKIES.read({COOKIE: value}, now=NOW)
    assert read is not None
    assert plain(read) == plain(session())
