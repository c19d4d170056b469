"""Which cookies are taken for the server's own (RFC 6265, and its successor's `__Host-` prefix)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from jotary.server.web.cookies import SIGN_IN, read_cookie

GOOD = "g" * 43
EVIL = "e" * 43


def read(*headers: bytes) -> str | None:
    """The sign-in cookie in these Cookie headers."""
    scope = {"type": "http", "headers": [(b"cookie", header) for header in headers]}
    found = read_cookie(Request(scope), SIGN_IN)
    return found.reveal() if found else None


@pytest.mark.parametrize(
    "headers",
    [
        [f"__Host-jotary={GOOD}"],
        [f"a=b; __Host-jotary={GOOD}; __Host-jotary-form={EVIL}"],
        [f"a=b;\t__Host-jotary={GOOD} ;"],
        ["a=b", f"__Host-jotary={GOOD}"],
        [f"\xa0__Host-jotary={EVIL}; __Host-jotary={GOOD}; \x85__Host-jotary={EVIL}"],
        [f'a="; __Host-jotary={GOOD}; b="'],
    ],
)
def test_our_own_cookie_is_read_whatever_stands_beside_it(headers: list[str]) -> None:
    """RFC 6265 §4.2.1; HTTP/2 may send several headers (RFC 9113 §8.2.3)."""
    assert read(*(header.encode("latin-1") for header in headers)) == GOOD


@pytest.mark.parametrize(
    "before", ["\xa0", "\x85", "\x0b", "\x0c", "\x1c", "\x1f", "\u2000", "=", "a, ", '"', "$", "\ufeff"], ids=ascii
)
def test_no_other_name_is_taken_for_a_protected_one(before: str) -> None:
    """RFC 6265bis §5.7: with odd white space in front, a subdomain may set it, and would choose who is signed in."""
    for encoding in ("utf-8", "latin-1"):
        assert read(f"{before}__Host-jotary={EVIL}".encode(encoding, "replace")) is None
    assert read(f"__Host-jotary\xa0={EVIL}".encode("latin-1"), f"__Host-jotary ={EVIL}".encode()) is None
    assert read(f"__host-jotary={EVIL}".encode(), f"__HOST-JOTARY={EVIL}".encode()) is None


@pytest.mark.parametrize(
    "header",
    [
        f"__Host-jotary={GOOD}; __Host-jotary={EVIL}",
        f"__Host-jotary={GOOD}; __Host-jotary={GOOD}",
        f'__Host-jotary="{GOOD}"',
        f"__Host-jotary={GOOD}=",
        f"__Host-jotary=%67{'g' * 42}",
        f"__Host-jotary= {GOOD}",
        f"__Host-jotary={'g' * 42}\xb2",
    ],
)
def test_what_is_ambiguous_is_no_cookie(header: str) -> None:
    """A browser keeps one `__Host-` cookie of a name, and what we set needs no quoting: somebody else has set it."""
    assert read(header.encode("latin-1")) is None
    first, _, second = header.partition("; ")
    if second:
        assert read(first.encode(), second.encode()) is None


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_can_be_read(headers: list[bytes]) -> None:
    """Whatever a client sends, it is the cookie, or it is none."""
    assert read(*headers) is None
