"""What every integration does with a request, without a framework."""

import asyncio
from typing import Any

import pytest

from jotary.oauth.errors import OAuthError
from jotary.testing import TestIssuer
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer, bearer_token, cgi_credentials, metadata_url


def refused(
    server: ResourceServer, *authorization: bytes, query: bytes = b"", required: tuple[str, ...] = ()
) -> Refusal:
    """The request is not let in."""
    with pytest.raises(Refused) as caught:
        asyncio.run(server.admit(authorization, query, required))
    with pytest.raises(Refused) as blocking:
        server.admit_blocking(authorization, query, required)
    assert blocking.value.refusal == caught.value.refusal
    return caught.value.refusal


@pytest.fixture
def server(issuer: TestIssuer) -> ResourceServer:
    """An API with no scopes declared."""
    return ResourceServer(issuer.verifier())


def test_a_good_token_is_let_in(server: ResourceServer, issuer: TestIssuer) -> None:
    """With all the scopes that are required, or more."""
    token = issuer.token("ada", scopes=["a", "b", "c"]).encode()
    for required in ((), ("a",), ("c", "a")):
        assert asyncio.run(server.admit([b"Bearer " + token], b"", required)).subject == "ada"
        assert server.admit_blocking([b"Bearer " + token], b"", required).subject == "ada"


def test_every_required_scope_must_be_there(server: ResourceServer, issuer: TestIssuer) -> None:
    """RFC 6750 §3.1."""
    token = issuer.token(scopes=["a"]).encode()
    assert refused(server, b"Bearer " + token, required=("a", "b")).status == 403


@pytest.mark.parametrize("value", [b"", b"Basic YTpi", b"DPoP x", b"Bear x", b"Bearerx y", b"Token x", b"\xff"])
def test_another_scheme_is_no_token(server: ResourceServer, value: bytes) -> None:
    """RFC 6750 §3.1: asked for one, without an error."""
    refusal = refused(server, value)
    assert (refusal.status, refusal.headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Bearer")
    assert "error" not in refusal.body


@pytest.mark.parametrize("value", [b"Bearer", b"Bearer ", b"Bearer a b", b"Bearer a,b", b"Bearer \xff", b'Bearer "a"'])
def test_a_malformed_header_is_400(server: ResourceServer, value: bytes) -> None:
    """RFC 6750 §2.1, §3.1."""
    assert refused(server, value).status == 400


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
def test_the_scheme_has_no_case(server: ResourceServer, issuer: TestIssuer, scheme: bytes) -> None:
    """RFC 9110 §11.1."""
    assert asyncio.run(server.admit([scheme + b" " + issuer.token("ada").encode()], b"")).subject == "ada"


def test_two_headers_are_400(server: ResourceServer, issuer: TestIssuer) -> None:
    """A proxy and the API must not read different ones, not even of different schemes."""
    token = b"Bearer " + issuer.token().encode()
    assert refused(server, token, token).status == 400
    assert refused(server, token, b"Basic YTpi").status == 400


@pytest.mark.parametrize(
    "query", [b"access_token=x", b"a=1&access_token=", b"access%5Ftoken=x&access_token", b"access_token"]
)
def test_two_ways_of_sending_are_400(server: ResourceServer, issuer: TestIssuer, query: bytes) -> None:
    """RFC 6750 §2: one method for each request."""
    assert refused(server, b"Bearer " + issuer.token().encode(), query=query).status == 400


@pytest.mark.parametrize("value", [[], [b"Basic YTpi"]])
def test_a_token_in_the_url_is_no_second_way_where_there_is_no_first(value: list[bytes]) -> None:
    """It is not taken, and so nothing is sent in two ways."""
    assert bearer_token(value, b"access_token=x") is None


@pytest.mark.parametrize("query", [b"q=access_token", b"my_access_token=x", b"access_tokens=1"])
def test_a_query_that_only_speaks_of_tokens_is_none(issuer: TestIssuer, query: bytes) -> None:
    """A search for the word is allowed."""
    token = issuer.token()
    assert bearer_token([b"Bearer " + token.encode()], query) == token


def test_a_token_in_the_url_is_not_taken(server: ResourceServer, issuer: TestIssuer) -> None:
    """RFC 9700 §4.3.2: it would be in every log."""
    assert refused(server, query=b"access_token=" + issuer.token().encode()).status == 401


def test_the_header_is_read_byte_for_byte() -> None:
    """What is no ASCII cannot be a token (RFC 6750 §2.1), and decoding it must not fail."""
    for byte in range(0x80, 0x100):
        with pytest.raises(OAuthError):
            bearer_token([b"Bearer a" + bytes([byte])], b"")


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/todo", "https://api.example/.well-known/oauth-protected-resource/todo"),
        ("https://api.example/todo/", "https://api.example/.well-known/oauth-protected-resource/todo/"),
        ("https://api.example:8443/a?b=c", "https://api.example:8443/.well-known/oauth-protected-resource/a?b=c"),
        ("http://127.0.0.1:8002", "http://127.0.0.1:8002/.well-known/oauth-protected-resource"),
        ("http://localhost:8002/x", "http://localhost:8002/.well-known/oauth-protected-resource/x"),
        ("http://api.example", None),
        ("ftp://127.0.0.1", None),
        ("https:///todo", None),
        ("https://api.example#x", None),
        ("urn:todo", None),
        ("todo-api", None),
        ("", None),
    ],
)
def test_the_metadata_url_follows_from_the_resource(resource: str, url: str | None) -> None:
    """RFC 9728 §3.1: inserted between host and path; §1.2: a resource is an https URL without fragment."""
    assert metadata_url(resource) == url


def test_the_resource_is_the_audience_unless_it_is_said(issuer: TestIssuer) -> None:
    """RFC 9068 §2.2, RFC 8707 §2: usually they are the same."""
    assert ResourceServer(issuer.verifier()).resource == issuer.audience
    assert ResourceServer(issuer.verifier(), resource="https://other.example").resource == "https://other.example"
    two = issuer.verifier(audience=["https://a.example", "https://b.example"])
    assert (ResourceServer(two).resource, ResourceServer(two).metadata_path()) == (None, None)
    assert ResourceServer(two, resource="https://a.example").resource == "https://a.example"


def test_scopes_that_are_required_are_announced(server: ResourceServer) -> None:
    """RFC 9728 §2, scopes_supported; a description that was given stays."""
    server.scopes["a"] = "Read"
    assert server.declare(["a", "b"]) == ("a", "b")
    assert server.scopes == {"a": "Read", "b": ""}


@pytest.mark.parametrize("scope", ["", "a b", " a", 'a"b', "a\\b", "é", "a\n", "x" * 3000])
def test_what_is_no_scope_value_is_refused_at_once(server: ResourceServer, scope: str) -> None:
    """RFC 6749 §3.3: no token could ever have it, so that the route would be closed to all."""
    with pytest.raises(ValueError, match="scope value"):
        server.declare([scope])


def test_a_refusal_tells_nothing_but_its_status(server: ResourceServer) -> None:
    """The exception may be logged."""
    with pytest.raises(Refused) as caught:
        asyncio.run(server.admit([b"Bearer secret-token"], b""))
    text: Any = repr(caught.value)
    assert "secret-token" not in text


def test_who_sends_nothing_is_nobody(server: ResourceServer, issuer: TestIssuer) -> None:
    """For frameworks that ask first who it is, and later what they may do."""
    assert server.identify_blocking([], b"") is None
    assert server.identify_blocking([b"Basic YTpi"], b"") is None
    principal = server.identify_blocking([b"Bearer " + issuer.token("ada", scopes=["a"]).encode()], b"")
    assert principal is not None
    assert server.permit(principal, ("a",)) is principal
    for who, status in ((None, 401), (principal, 403)):
        with pytest.raises(Refused) as caught:
            server.permit(who, ("b",))
        assert caught.value.refusal.status == status


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ([], b"")),
        ({"HTTP_AUTHORIZATION": "", "QUERY_STRING": "a=b"}, ([b""], b"a=b")),
        ({"HTTP_AUTHORIZATION": "Bearer a,Bearer b"}, ([b"Bearer a,Bearer b"], b"")),
        ({"HTTP_AUTHORIZATION": "Bearer \xe9\u20ac\udcff", "QUERY_STRING": "\u20ac"}, ([b"Bearer \xe9??"], b"?")),
    ],
    ids=["nothing", "empty", "repeated", "not latin-1"],
)
def test_cgis_variables_are_read(variables: dict[str, str], expected: tuple[list[bytes], bytes]) -> None:
    """RFC 3875 §4.1, PEP 3333: whatever is in them, nothing is raised."""
    assert cgi_credentials(variables) == expected


def test_the_metadata_say_what_is_known(issuer: TestIssuer) -> None:
    """RFC 9728 §2: members without a value are left out; the scopes that an API describes stay its own."""
    described = {"a": "Read"}
    server = ResourceServer(issuer.verifier(), scopes=described, name="Todo")
    server.declare(["b"])
    assert described == {"a": "Read"}
    assert server.metadata() == {
        "resource": issuer.audience,
        "authorization_servers": [issuer.issuer],
        "scopes_supported": ["a", "b"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Todo",
    }
