"""A browser that has signed in before proves it, for that account alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import base64url
from jotary.oauth.secret import Secret
from jotary.server.flows.limits.known_browser import NAME_SIZE, known_name, name_browser

KEY = bytes(32)
NAME = bytes(range(NAME_SIZE))


def test_a_browser_is_known_by_what_it_was_given() -> None:
    """However the address is written: it is the same account."""
    given_to = name_browser("Ada@example.com", NAME, key=KEY)
    assert known_name("ada@EXAMPLE.com", given_to, key=KEY) == base64url.encode(NAME)


def test_it_is_unknown_to_every_other_account_and_under_every_other_key() -> None:
    """OWASP device cookies: an attacker's own account gives them nothing at the victim's."""
    given_to = name_browser("mallory@example.com", NAME, key=KEY)
    assert known_name("ada@example.com", given_to, key=KEY) is None
    assert known_name("mallory@example.com", given_to, key=bytes([1]) * 32) is None


@given(position=st.integers(0, 31), change=st.integers(1, 255))
def test_one_changed_byte_makes_it_a_strangers(position: int, change: int) -> None:
    """CWE-565: nobody names a browser but the server."""
    raw = bytearray(base64url.decode(name_browser("ada@example.com", NAME, key=KEY).reveal()))
    raw[position] ^= change
    assert known_name("ada@example.com", Secret(base64url.encode(bytes(raw))), key=KEY) is None


@pytest.mark.parametrize("presented", [None, "", "A", "=", "é", base64url.encode(NAME), "A" * 43])
def test_what_is_none_is_a_strangers(presented: str | None) -> None:
    """Cut short, too long, no base64url, nothing at all."""
    assert known_name("ada@example.com", None if presented is None else Secret(presented), key=KEY) is None


def test_a_name_takes_its_random_bytes() -> None:
    """A shorter one could be found again."""
    with pytest.raises(ValueError, match="16 random bytes"):
        name_browser("ada@example.com", b"short", key=KEY)
