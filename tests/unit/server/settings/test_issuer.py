"""What may stand as an issuer (RFC 8414 §2, OpenID Connect Discovery §3)."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.settings import SettingsError
from jotary.server.settings.issuer import check_issuer, is_loopback_issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example.com",
        "https://id.example.com/",
        "https://id.example.com/tenant/a~b_c-d.e",
        "https://id.example.com:8443",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]:8443/id",
        "http://127.0.0.1:8000",
        "http://127.1.2.3",
        "http://[::1]:8000",
        "http://localhost:8000/id/",
        "https://127.0.0.1",
    ],
)
def test_an_https_url_or_a_loopback_one_may_be_an_issuer(issuer: str) -> None:
    """RFC 8414 §2; the trailing slash and the path are the operator's."""
    check_issuer(issuer)


@pytest.mark.parametrize(
    ("issuer", "problem"),
    [
        ("", "is empty"),
        ("https://id example.com", "has spaces"),
        ("https://bücher.example", "characters outside ASCII"),
        ("https://id.example.com\n", "has spaces"),
        ("https://id.example.com:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("id.example.com", "is not an https URL"),
        ("ftp://id.example.com", "is not an https URL"),
        ("https://id.example.com?a=b", "has a query or fragment"),
        ("https://id.example.com/#", "has a query or fragment"),
        ("https://user@id.example.com", "has user information"),
        ("https://ID.example.com", "has a host in upper case"),
        ("https://", "names no host"),
        ("https:///id", "names no host"),
        ("https://id.example.com.", "names no host"),
        ("https://id.%65xample.com", "names no host"),
        ("HTTPS://id.example.com", "has a scheme in upper case"),
        ("https://id.example.com:443", "names the default port"),
        ("http://127.0.0.1:80", "names the default port"),
        ("https://id.example.com:", "names the default port"),
        ("https://id.example.com/a/../b", "has an unusual path"),
        ("https://id.example.com/./a", "has an unusual path"),
        ("https://id.example.com//a", "has an unusual path"),
        ("https://id.example.com/%61", "has an unusual path"),
        ("https://id.example.com/a;b", "has an unusual path"),
        ("https://id.example.com/a\\b", "has an unusual path"),
        ("http://id.example.com", "uses http"),
        ("http://0.0.0.0:8000", "uses http"),
        ("http://localhost.example.com", "uses http"),
        ("http://127.0.0.1.example.com", "uses http"),
    ],
)
def test_what_is_public_and_plain_or_has_a_second_spelling_is_refused(issuer: str, problem: str) -> None:
    """RFC 8414 §2: https, no query, no fragment; §3.3: compared as a string, so there must be one spelling."""
    with pytest.raises(SettingsError, match=problem) as refused:
        check_issuer(issuer)
    assert refused.value.name == "issuer"
    assert refused.value.hint


@given(st.text(alphabet="htps:/.[]@?#%AZaz019-_~\\ é", max_size=40).map("http".__add__))
def test_an_accepted_issuer_never_changes_when_it_is_parsed_and_written_again(issuer: str) -> None:
    """RFC 8414 §3.3: whatever library a client uses, it must arrive at the same bytes."""
    try:
        check_issuer(issuer)
    except SettingsError:
        return
    parts = urlsplit(issuer)
    assert parts.geturl() == issuer
    assert parts.scheme == "https" or is_loopback_issuer(issuer)


def test_only_this_machine_is_loopback() -> None:
    """Conveniences of development hang on it."""
    assert is_loopback_issuer("http://127.0.0.1:8000")
    assert is_loopback_issuer("https://localhost")
    assert not is_loopback_issuer("https://id.example.com")
