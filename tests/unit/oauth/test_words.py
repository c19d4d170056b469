"""Scope, resource, bearer header, challenge, secret, metadata: the small words."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth.bearer import parse_bearer
from jotary.oauth.challenge import www_authenticate
from jotary.oauth.errors import OAuthError
from jotary.oauth.loopback import is_loopback
from jotary.oauth.metadata import MetadataError, ServerMetadata, check_issuer_url, well_known_urls
from jotary.oauth.resource import check_resource
from jotary.oauth.scope import format_scope, parse_scope
from jotary.oauth.secret import Secret


def test_scope_values_are_split_once_and_in_order() -> None:
    """RFC 6749 §3.3."""
    assert parse_scope("b a b") == ("b", "a")
    assert parse_scope(None) == parse_scope("") == ()
    assert format_scope(("b", "a")) == "b a"


@pytest.mark.parametrize("text", [" a", "a ", "a  b", 'a"b', "a\\b", "ä", "a\tb", "a\n", "a" * 2049])
def test_a_malformed_scope_is_refused(text: str) -> None:
    """RFC 6749 §3.3: single spaces, %x21 / %x23-5B / %x5D-7E."""
    with pytest.raises(OAuthError, match="invalid_scope"):
        parse_scope(text)


@pytest.mark.parametrize("uri", ["https://api.example.com", "urn:example:api", "https://api.example.com/a?b=c"])
def test_an_absolute_uri_is_a_resource(uri: str) -> None:
    """RFC 8707 §2."""
    assert check_resource(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "api",
        "/api",
        "",
        "https://a.example#x",
        "https://a.example#",
        "//a.example",
        "https:",
        "http://[",
        "https://a.example/" + "x" * 2048,
        "https://a.example todo",
        "https://a.example/\n",
        "https://a.example/{id}",
        "https://ä.example",
    ],
)
def test_anything_else_is_not(uri: str) -> None:
    """RFC 8707 §2: absolute, no fragment."""
    with pytest.raises(OAuthError, match="invalid_target"):
        check_resource(uri)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        ("Basic abc", None),
        ("Bearerabc", None),
        ("Bear", None),
    ],
)
def test_a_bearer_token_is_read(header: str | None, token: str | None) -> None:
    """RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1)."""
    assert parse_bearer(header) == token


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer ä", "Bearer a=b", "Bearer \ta", "Bearer a\n"]
)
def test_a_malformed_bearer_header_is_refused(header: str) -> None:
    """RFC 6750 §3.1: invalid_request."""
    with pytest.raises(OAuthError, match="invalid_request"):
        parse_bearer(header)


@pytest.mark.parametrize("header", ['Bearer "a.b.c"', "Bearer 'a.b.c'", "Bearer Bearer a.b.c"])
def test_a_token_that_was_pasted_with_more_is_answered_with_what_to_leave_out(header: str) -> None:
    """RFC 6750 §2.1: one b64token follows; the hint names the two things that are pasted with it."""
    with pytest.raises(OAuthError) as caught:
        parse_bearer(header)
    assert "Bearer once" in caught.value.error_description
    assert "without quotes" in caught.value.error_description


def test_a_challenge_quotes_its_parameters() -> None:
    """RFC 9110 §5.6.4."""
    assert www_authenticate() == "Bearer"
    assert (
        www_authenticate(error="e", scope=None, error_description='a"b\\c')
        == 'Bearer error="e", error_description="a\\"b\\\\c"'
    )


@given(st.text())
def test_no_text_can_break_out_of_a_challenge(text: str) -> None:
    """Header injection: no line break, no unescaped quote."""
    value = www_authenticate(error=text)
    assert "\n" not in value
    assert "\r" not in value
    assert value.isascii()


def test_a_secret_does_not_show() -> None:
    """Design §4: it does not print, compare, hash, pickle or copy."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {secret!s} {[secret]}"
    for use in (lambda: secret == secret, lambda: {secret}, lambda: pickle.dumps(secret), lambda: copy.copy(secret)):  # noqa: PLR0124 -- the comparison is what is tested
        with pytest.raises(TypeError):
            use()
    assert secret.matches(Secret("hunter2"))
    assert not secret.matches(Secret("hunter3"))
    assert secret.matches_sha256(Secret("hunter2").sha256())
    assert not secret.matches_sha256(Secret("hunter3").sha256())
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.evil.example", False),
        ("0.0.0.0", False),  # noqa: S104 -- asked about, not bound
        ("example.com", False),
        (None, False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str | None, loopback: bool) -> None:
    """RFC 8252 §8.3."""
    assert is_loopback(host) is loopback


def test_well_known_urls_of_an_issuer_with_a_path() -> None:
    """OIDC Discovery §4.1 appends, RFC 8414 §3.1 inserts."""
    assert well_known_urls("https://a.example/id/") == (
        "https://a.example/id/.well-known/openid-configuration",
        "https://a.example/.well-known/oauth-authorization-server/id",
    )
    assert well_known_urls("https://a.example")[1] == "https://a.example/.well-known/oauth-authorization-server"


def test_metadata_round_trips_and_ignores_what_it_does_not_know() -> None:
    """RFC 8414 §3.2."""
    metadata = ServerMetadata(issuer="https://a.example", token_endpoint="https://a.example/token")
    document = metadata.to_dict()
    assert document == {"issuer": "https://a.example", "token_endpoint": "https://a.example/token"}
    assert ServerMetadata.from_dict(document | {"other": 1}, issuer="https://a.example") == metadata


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"issuer": "https://a.example/"},
        {"issuer": "https://A.example"},
        {"issuer": 7},
        {"issuer": "https://a.example", "jwks_uri": 7},
    ],
)
def test_metadata_of_somebody_else_is_refused(document: dict[str, object]) -> None:
    """RFC 8414 §3.3: the issuer must be identical."""
    with pytest.raises(MetadataError):
        ServerMetadata.from_dict(document, issuer="https://a.example")


@pytest.mark.parametrize(
    "issuer",
    [
        "http://a.example",
        "https://",
        "https://u@a.example",
        "https://a.example?",
        "https://a.example#",
        "ftp://a.example",
        "a.example",
        "https://a.example:99999",
        "https://[",
    ],
)
def test_an_unsound_issuer_is_refused(issuer: str) -> None:
    """RFC 8414 §2."""
    with pytest.raises(MetadataError):
        check_issuer_url(issuer)


@pytest.mark.parametrize("issuer", ["https://a.example", "https://a.example/id"])
def test_the_address_of_the_metadata_is_no_issuer(issuer: str) -> None:
    """OIDC Discovery §4: the issuer is what stands before it; both are pasted, and only one would ever work."""
    with pytest.raises(MetadataError, match=r"leave out '/[.]well-known/openid-configuration'"):
        check_issuer_url(f"{issuer}/.well-known/openid-configuration")


@pytest.mark.parametrize(
    "issuer",
    ["https://a.example", "https://a.example/id/", "http://127.0.0.1:8000", "http://localhost", "http://[::1]:1"],
)
def test_a_sound_issuer_is_kept_byte_for_byte(issuer: str) -> None:
    """Nothing is normalised: issuers are compared as strings."""
    assert check_issuer_url(issuer) == issuer
