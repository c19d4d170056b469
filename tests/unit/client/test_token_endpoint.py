"""What the token endpoint answers, read strictly (RFC 6749 §5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.errors import ClientError, IssuerError, ProtocolError
from jotary.client.token_endpoint import (
    ASSUMED_LIFETIME,
    MAX_LIFETIME,
    TokenSet,
    check_revocation_answer,
    client_credentials_request,
    code_request,
    ends_the_session,
    parse_token_answer,
    refresh_request,
    revocation_request,
)
from jotary.jose import strict_json
from jotary.oauth.secret import Secret

NOW = 1_800_000_000
JSON = "application/json"
GOOD: dict[str, Any] = {"access_token": "at", "token_type": "Bearer", "expires_in": 300}


def parse(members: dict[str, Any], previous: TokenSet | None = None) -> TokenSet:
    """Read a successful answer."""
    present = {name: value for name, value in members.items() if value is not None}
    return parse_token_answer(200, JSON, strict_json.dumps(present), now=NOW, previous=previous)


def test_a_whole_answer() -> None:
    """RFC 6749 §5.1, OIDC Core §3.1.3.3."""
    tokens = parse({**GOOD, "refresh_token": "r t", "id_token": "a.b.c", "scope": "openid todo:read"})
    assert tokens.access_token.reveal() == "at"
    assert tokens.refresh_token is not None
    assert tokens.refresh_token.reveal() == "r t"
    assert tokens.id_token is not None
    assert tokens.id_token.reveal() == "a.b.c"
    assert tokens.scopes == ("openid", "todo:read")
    assert (tokens.obtained_at, tokens.expires_at) == (NOW, NOW + 300)
    assert tokens.is_alive(NOW + 299)
    assert not tokens.is_alive(NOW + 300)


def test_what_a_refresh_leaves_out_stays() -> None:
    """RFC 6749 §6: the refresh token if it is not rotated, the scope if it is the same."""
    previous = parse({**GOOD, "refresh_token": "rt", "id_token": "a.b.c", "scope": "openid"})
    renewed = parse({**GOOD, "access_token": "at2"}, previous)
    assert renewed.access_token.reveal() == "at2"
    assert renewed.refresh_token is previous.refresh_token
    assert renewed.id_token is previous.id_token
    assert renewed.scopes == ("openid",)
    rotated = parse({**GOOD, "refresh_token": "rt2"}, previous)
    assert rotated.refresh_token is not None
    assert rotated.refresh_token.reveal() == "rt2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 1},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Admin: 1"},
        {"access_token": "é"},
        {"access_token": "a" * 16_385},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": ["Bearer"]},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": "300"},
        {"expires_in": 300.5},
        {"expires_in": True},
        {"refresh_token": ""},
        {"refresh_token": 1},
        {"refresh_token": "a\n"},
        {"id_token": "a.b"},
        {"id_token": {}},
        {"scope": ["openid"]},
        {"scope": "a  b"},
        {"scope": 'a"b'},
    ],
)
def test_a_member_that_is_not_what_it_must_be_is_refused(wrong: dict[str, Any]) -> None:
    """Nothing of such an answer is used."""
    with pytest.raises(ProtocolError):
        parse({**GOOD, **wrong})


def test_the_token_type_has_no_case() -> None:
    """RFC 6749 §5.1."""
    assert parse({**GOOD, "token_type": "bEARER"}).access_token.reveal() == "at"


def test_an_issuer_that_does_not_say_how_long_is_taken_to_mean_a_short_time() -> None:
    """RFC 6749 §5.1 recommends expires_in only; and nobody's token lives for ever."""
    assert parse({**GOOD, "expires_in": None}).expires_at == NOW + ASSUMED_LIFETIME
    assert parse({**GOOD, "expires_in": 2**40}).expires_at == NOW + MAX_LIFETIME


@pytest.mark.parametrize("content_type", [None, "", "text/html", "application/jsonx", "text/json"])
def test_an_answer_that_is_not_json_is_refused(content_type: str | None) -> None:
    """RFC 6749 §5.1; a captive portal answers 200 as well."""
    with pytest.raises(ProtocolError, match="application/json"):
        parse_token_answer(200, content_type, strict_json.dumps(GOOD), now=NOW)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/json ;x"])
def test_parameters_of_the_content_type_do_not_matter(content_type: str) -> None:
    """RFC 9110 §8.3.1."""
    tokens = parse_token_answer(200, content_type, strict_json.dumps(GOOD), now=NOW)
    assert tokens.expires_at == NOW + 300


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"access_token":"a","access_token":"b","token_type":"Bearer"}', b"\xff", b"[" * 5000],
)
def test_a_body_with_no_one_meaning_is_refused(body: bytes) -> None:
    """RFC 8259; a repeated member could be read either way."""
    with pytest.raises(ProtocolError, match="not a JSON object"):
        parse_token_answer(200, JSON, body, now=NOW)


@pytest.mark.parametrize("status", [100, 201, 204, 301, 302, 403, 404, 405, 418, 501])
def test_a_status_that_no_token_endpoint_answers_with_is_refused(status: int) -> None:
    """RFC 6749 §5.1, §5.2: 200, 400 or 401; redirects above all are not followed."""
    with pytest.raises(ProtocolError, match=str(status)):
        parse_token_answer(status, JSON, strict_json.dumps(GOOD), now=NOW)


@pytest.mark.parametrize("status", [400, 401])
def test_an_error_answer_is_the_issuers_word(status: int) -> None:
    """RFC 6749 §5.2."""
    body = strict_json.dumps({"error": "invalid_grant", "error_description": "Expired."})
    with pytest.raises(IssuerError, match="invalid_grant: Expired") as refused:
        parse_token_answer(status, JSON, body, now=NOW)
    assert refused.value.status == status
    assert ends_the_session(refused.value)


@pytest.mark.parametrize("error", [None, "", 5, "a\nb", ["invalid_grant"]])
def test_an_error_answer_without_an_error_is_none(error: object) -> None:
    """RFC 6749 §5.2: and a session does not end because of it."""
    with pytest.raises(ProtocolError) as refused:
        parse_token_answer(400, JSON, strict_json.dumps({"error": error}), now=NOW)
    assert not ends_the_session(refused.value)


@pytest.mark.parametrize("error", ["invalid_client", "invalid_request", "server_error", "unauthorized_client"])
def test_only_invalid_grant_ends_a_session(error: str) -> None:
    """RFC 6749 §5.2: everything else is somebody's mistake, and mended without the person."""
    assert not ends_the_session(IssuerError(error))


@given(status=st.sampled_from([200, 400, 401]), body=st.binary(max_size=60))
def test_no_answer_breaks_the_reader(status: int, body: bytes) -> None:
    """Only errors that are meant leave it."""
    with pytest.raises(ClientError):
        parse_token_answer(status, JSON, body, now=NOW)


def test_the_requests_say_what_their_grants_need() -> None:
    """RFC 6749 §4.1.3, §4.4.2 and §6, RFC 7009 §2.1, RFC 8707 §2."""
    code = code_request(Secret("c"), redirect_uri="https://app.example/cb", code_verifier=Secret("v"))
    assert dict(code.pairs()) == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://app.example/cb",
        "code_verifier": "v",
    }
    assert dict(refresh_request(Secret("r")).pairs()) == {"grant_type": "refresh_token", "refresh_token": "r"}
    service = client_credentials_request(scopes=["a", "b"], resources=["https://x.example", "https://y.example"])
    assert service.pairs() == [
        ("grant_type", "client_credentials"),
        ("scope", "a b"),
        ("resource", "https://x.example"),
        ("resource", "https://y.example"),
    ]
    assert "scope" not in client_credentials_request()
    assert dict(revocation_request(Secret("r")).pairs()) == {"token": "r", "token_type_hint": "refresh_token"}


def test_a_revocation_succeeds_whether_or_not_the_token_was_known() -> None:
    """RFC 7009 §2.2: 200, and the body does not matter."""
    check_revocation_answer(200, None, b"")


def test_a_revocation_that_failed_is_told() -> None:
    """RFC 7009 §2.2.1."""
    with pytest.raises(IssuerError, match="invalid_client"):
        check_revocation_answer(401, JSON, b'{"error":"invalid_client"}')
    for status in (204, 302, 404, 405):
        with pytest.raises(ProtocolError, match=str(status)):
            check_revocation_answer(status, JSON, b"{}")


def test_tokens_do_not_print() -> None:
    """Secrets never print."""
    tokens = parse({**GOOD, "access_token": "hidden", "refresh_token": "hidden", "id_token": "hidden.h.h"})
    assert "hidden" not in repr(tokens)
