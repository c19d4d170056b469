"""Cookies as the backend-for-frontend reads and writes them (RFC 6265, and its successor's `__Host-` prefix)."""

from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.bff.cookies import (
    MAX_VALUE_LENGTH,
    PART_LENGTH,
    clear_cookie,
    join,
    parse_cookies,
    set_cookie,
    split,
)

VALUES = st.text(st.sampled_from("ABCxyz019-_."), max_size=40)


def test_a_cookie_has_every_attribute_that_protects_it() -> None:
    """RFC 6265bis §4.1.3.2: `__Host-` asks for Secure, Path=/ and no Domain; §4.1.2.6, §4.1.2.7 for the rest."""
    header = set_cookie("__Host-session", "abc", max_age=60)
    assert header == "__Host-session=abc; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"


def test_a_cookie_is_removed_with_the_attributes_that_it_was_set_with() -> None:
    """RFC 6265 §5.3: another path would be another cookie."""
    assert clear_cookie("__Host-session") == "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"


@pytest.mark.parametrize("value", ["a b", 'a"b', "a;b", "a,b", "a\\b", "a\r\nSet-Cookie: b=c", "é", "\x00", "a=b"])
def test_a_value_that_would_need_quoting_is_never_written(value: str) -> None:
    """RFC 6265 §4.1.1: nothing that another parser reads otherwise, and no second header."""
    with pytest.raises(ValueError, match="no quoting"):
        set_cookie("__Host-session", value, max_age=60)


def test_a_cookie_that_is_too_long_or_unprotected_is_never_written() -> None:
    """RFC 6265 §6.1: browsers keep 4096 bytes."""
    assert len(set_cookie("__Host-session.1", "a" * MAX_VALUE_LENGTH, max_age=10**9)) <= 4096
    with pytest.raises(ValueError, match="short"):
        set_cookie("__Host-session", "a" * (MAX_VALUE_LENGTH + 1), max_age=60)
    with pytest.raises(ValueError, match="__Host-"):
        set_cookie("session", "a", max_age=60)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], {}),
        ([b""], {}),
        ([b"a=1"], {"a": "1"}),
        ([b"a=1; b=2"], {"a": "1", "b": "2"}),
        ([b"a=1;b=2;"], {"a": "1", "b": "2"}),
        ([b" a = 1 ;\tb=2"], {"b": "2"}),
        ([b"a=1", b"b=2"], {"a": "1", "b": "2"}),
        ([b"a="], {"a": ""}),
        ([b"a=b=c"], {}),
        ([b"a"], {}),
        ([b"=a"], {}),
        ([b";;; ;"], {}),
    ],
)
def test_the_cookie_header_is_read_as_it_is_written(headers: list[bytes], found: dict[str, str]) -> None:
    """RFC 6265 §4.2.1; HTTP/2 may send several headers (RFC 9113 §8.2.3)."""
    assert parse_cookies(headers) == found


@pytest.mark.parametrize(
    "header",
    [
        b"__Host-session=good; __Host-session=evil",
        b"__Host-session=good; x=1; __Host-session=good",
        b'__Host-session="good"',
        b"__Host-session=a b",
        b"__Host-session=%67ood",
        b"__Host-session=\xff",
    ],
)
def test_what_is_ambiguous_is_no_cookie(header: bytes) -> None:
    """A browser keeps one `__Host-` cookie of a name, and we write nothing that needs quoting: somebody else did."""
    assert "__Host-session" not in parse_cookies([header])


@pytest.mark.parametrize(
    "header",
    [
        b"=__Host-session=evil",
        b"\xa0__Host-session=evil",
        b"\xe2\x80\x80__Host-session=evil",
        b"\x0b__Host-session=evil",
        b"\x1f__Host-session=evil",
        b"__Host-session\xa0=evil",
        b"__Host-session \xc2\x85=evil",
        b"__host-session=evil",
        b"__HOST-session=evil",
        b"$Version=1; x=y, __Host-session=evil",
    ],
)
def test_no_other_name_is_mistaken_for_a_protected_one(header: bytes) -> None:
    """RFC 6265bis §5.7: a nameless cookie, odd white space and other cases get past a browser's check of the prefix."""
    assert "__Host-session" not in parse_cookies([header])


@given(headers=st.lists(st.binary(max_size=60), max_size=4))
def test_no_header_breaks_the_reader(headers: list[bytes]) -> None:
    """Whatever a client sends, what comes out is harmless text."""
    for name, value in parse_cookies(headers).items():
        assert name
        assert value.isascii()


@given(cookies=st.dictionaries(st.from_regex(r"__Host-[a-z]{1,8}", fullmatch=True), VALUES, max_size=5))
def test_what_is_written_is_read(cookies: dict[str, str]) -> None:
    """A round trip through the browser; the standard library reads our Set-Cookie the same way."""
    headers = [set_cookie(name, value, max_age=60) for name, value in cookies.items()]
    sent = "; ".join(header.split(";")[0] for header in headers).encode()
    assert parse_cookies([sent]) == cookies
    for header, (name, value) in zip(headers, cookies.items(), strict=True):
        assert SimpleCookie(header)[name].value == value


@given(length=st.integers(0, 4 * PART_LENGTH))
def test_a_long_value_is_spread_and_joined(length: int) -> None:
    """Over as many cookies as it takes, none of them too long."""
    value = "v" * length
    parts = split("__Host-session", value)
    assert all(len(part) <= MAX_VALUE_LENGTH for part in parts.values())
    assert join("__Host-session", parts, most=len(parts)) == value
    assert join("__Host-session", parts, most=len(parts) - 1) is None
    for missing in parts:
        assert join("__Host-session", {name: parts[name] for name in parts if name != missing}, most=9) is None


@pytest.mark.parametrize("first", ["", "v", "1", "0.v", "3.v", "01.v", "+1.v", "-1.v", "\u0661.v"])
def test_what_was_not_spread_is_not_joined(first: str) -> None:
    """The number of parts stands in front, written in the one way that we write it."""
    assert join("__Host-session", {"__Host-session": first}, most=2) is None
