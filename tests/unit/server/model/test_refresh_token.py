"""The derived refresh token (design §6.1)."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import base64url
from jotary.server.model.identifier import new_identifier
from jotary.server.model.refresh_token import LENGTH, PREFIX, RefreshToken, RefreshTokens

KEY = bytes(range(32))
TOKENS = RefreshTokens(KEY)
SESSION_ID = new_identifier(1_800_000_000, bytes(range(14)))
TOKEN = TOKENS.mint(SESSION_ID, 7)

session_ids = st.binary(min_size=20, max_size=20).map(base64url.encode)
generations = st.integers(0, 2**32 - 1)


def test_its_text_is_what_the_design_says() -> None:
    """Prefix, then session id, generation in four bytes, and the HMAC-SHA256 over both."""
    signed = base64url.decode(SESSION_ID) + (7).to_bytes(4, "big")
    assert base64url.encode(signed + hmac.digest(KEY, signed, "sha256")) == TOKEN.removeprefix("jrt_")
    assert len(TOKEN) == LENGTH == 79


@given(session_ids, generations)
def test_what_was_minted_is_read_back(session_id: str, generation: int) -> None:
    """A round trip, and always the same text: a lost answer can be repeated."""
    token = TOKENS.mint(session_id, generation)

    assert TOKENS.parse(token) == RefreshToken(session_id, generation)
    assert TOKENS.mint(session_id, generation) == token


@given(st.integers(len(PREFIX), LENGTH - 1), st.sampled_from("ABCabc019-_"))
def test_any_changed_character_is_refused(place: int, character: str) -> None:
    """No part of it is without protection, the unused bits of the last character included."""
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]

    assert (TOKENS.parse(changed) is None) == (changed != TOKEN)


@given(st.binary(min_size=24, max_size=24), st.binary(min_size=32, max_size=32))
def test_a_made_up_token_is_refused(signed: bytes, mac: bytes) -> None:
    """Of the right shape, without the key."""
    assert TOKENS.parse(PREFIX + base64url.encode(signed + mac)) is None


@given(session_ids, generations, st.binary(min_size=32, max_size=32))
def test_a_token_under_another_key_is_refused(session_id: str, generation: int, key: bytes) -> None:
    """Each deployment's tokens are its own."""
    token = RefreshTokens(key).mint(session_id, generation)

    assert (TOKENS.parse(token) is None) == (key != KEY)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing that a stranger sends raises."""
    assert TOKENS.parse(text) is None
    assert TOKENS.parse(PREFIX + text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        " " + TOKEN,
        TOKEN + "\n",
        TOKEN.replace("jrt_", "JRT_"),
        TOKEN.replace("jrt_", "jac_"),
        PREFIX + "ä" * (LENGTH - len(PREFIX)),
        TOKEN * 10_000,
    ],
)
def test_another_format_or_size_is_refused(text: str) -> None:
    """There is one spelling, and the size is looked at before anything is decoded."""
    assert TOKENS.parse(text) is None


def test_a_text_of_another_size_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §9: size limits come before decoding."""
    monkeypatch.setattr(base64url, "decode", lambda _: pytest.fail("decoded"))

    assert TOKENS.parse(PREFIX + "A" * 1_000_000) is None


@pytest.mark.parametrize(
    ("session_id", "generation"),
    [
        ("short", 0),
        (base64url.encode(bytes(19)), 0),
        (base64url.encode(bytes(21)), 0),
        ("!" * 27, 0),
        (SESSION_ID, 2**32),
        (SESSION_ID, -1),
    ],
)
def test_no_token_is_minted_for_what_cannot_be_read_back(session_id: str, generation: int) -> None:
    """A programming error, not a token."""
    with pytest.raises(ValueError, match="session id"):
        TOKENS.mint(session_id, generation)


def test_the_key_has_its_size_and_does_not_print() -> None:
    """Design §4."""
    with pytest.raises(ValueError, match="32 bytes"):
        RefreshTokens(b"short")
    assert repr(KEY)[2:-1] not in repr(TOKENS)
    assert not hasattr(TOKENS, "__dict__")


NEXT_KEY = bytes(range(32, 64))


def test_a_token_under_an_accepted_key_says_the_same() -> None:
    """Replacing the server's secret signs nobody out: what was minted before is read as it was."""
    changed = RefreshTokens(NEXT_KEY, KEY)

    assert changed.parse(TOKEN) == RefreshToken(SESSION_ID, 7)
    assert changed.mint(SESSION_ID, 8) == RefreshTokens(NEXT_KEY).mint(SESSION_ID, 8)
    assert changed.parse(changed.mint(SESSION_ID, 8)) == RefreshToken(SESSION_ID, 8)


def test_a_token_under_a_key_that_is_not_accepted_is_refused() -> None:
    """A secret that leaked is not accepted: whoever has it could mint any token."""
    assert RefreshTokens(NEXT_KEY).parse(TOKEN) is None
    assert RefreshTokens(NEXT_KEY, bytes(32)).parse(TOKEN) is None


def test_accepted_keys_have_their_size() -> None:
    """As the key itself."""
    with pytest.raises(ValueError, match="32 bytes"):
        RefreshTokens(KEY, b"short")
