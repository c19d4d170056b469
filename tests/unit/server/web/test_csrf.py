"""Tokens in forms: only this browser's, only while it is signed in as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth.secret import Secret
from jotary.server.web.csrf import CSRF

csrf = CSRF(b"k" * 32, "https://id.example.com")
values = st.text(
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), min_size=43, max_size=43
)
sign_ins = st.one_of(st.none(), values)


def secret(value: str | None) -> Secret | None:
    """A cookie, if there is one."""
    return None if value is None else Secret(value)


@given(values, sign_ins)
def test_a_token_fits_the_browser_that_it_was_made_for(browser: str, sign_in: str | None) -> None:
    """And nobody can make one without the key."""
    token = csrf.token(Secret(browser), secret(sign_in))
    assert csrf.fits(token, Secret(browser), secret(sign_in))
    assert not CSRF(b"x" * 32, csrf.origin).fits(token, Secret(browser), secret(sign_in))
    assert browser not in token


@given(values, sign_ins, values, sign_ins)
def test_a_token_fits_no_other_browser_and_no_other_sign_in(
    browser: str, sign_in: str | None, other: str, other_sign_in: str | None
) -> None:
    """Signing in or out makes every form that is open stale."""
    token = csrf.token(Secret(browser), secret(sign_in))
    is_same = (browser, sign_in) == (other, other_sign_in)
    assert csrf.fits(token, Secret(other), secret(other_sign_in)) is is_same


@pytest.mark.parametrize("token", [None, "", "x", "é", "\ud7ff"])
def test_anything_else_fits_nothing(token: str | None) -> None:
    """And no text makes it fail in another way."""
    assert not csrf.fits(token, Secret("b" * 43), None)
    assert not csrf.fits(csrf.token(Secret("b" * 43), None), None, None)


@pytest.mark.parametrize(
    ("site", "origin", "is_own"),
    [
        ("same-origin", None, True),
        ("same-origin", "null", True),
        ("same-origin", "https://id.example.com", True),
        ("same-site", "https://id.example.com", False),
        ("cross-site", "https://id.example.com", False),
        ("none", None, False),
        ("", "https://id.example.com", False),
        (None, "https://id.example.com", True),
        (None, None, True),
        (None, "null", False),
        (None, "", False),
        (None, "https://ID.example.com", False),
        (None, "https://id.example.com/", False),
        (None, "https://evil.example", False),
    ],
)
def test_the_browsers_word_counts_where_it_gives_one(site: str | None, origin: str | None, is_own: bool) -> None:
    """Fetch Metadata, "Sec-Fetch-Site"; Fetch, "Origin"."""
    assert csrf.is_own_page(sec_fetch_site=site, origin=origin) is is_own


@given(values, sign_ins)
def test_a_form_that_is_open_while_the_secret_is_replaced_stays_good(browser: str, sign_in: str | None) -> None:
    """Its token fits under the accepted key; new ones are made under the present one."""
    changed = CSRF(b"n" * 32, csrf.origin, (b"k" * 32,))
    token = csrf.token(Secret(browser), secret(sign_in))
    assert changed.fits(token, Secret(browser), secret(sign_in))
    assert not changed.fits(token, Secret(browser[::-1] + "-"), secret(sign_in))
    assert changed.token(Secret(browser), secret(sign_in)) == CSRF(b"n" * 32, csrf.origin).token(
        Secret(browser), secret(sign_in)
    )
