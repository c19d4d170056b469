"""The front channel without a network: the request, and the checks on what comes back."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.authorization import build_authorization_request, check_callback
from jotary.client.errors import IssuerError, ProtocolError
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.parameters import Parameters, parse_form
from jotary.oauth.secret import Secret

ISSUER = "https://id.example"
METADATA = ServerMetadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/authorize",
    authorization_response_iss_parameter_supported=True,
)
STATE = Secret("s" * 43)


def build(metadata: ServerMetadata = METADATA, **options: Any) -> Any:
    """A request with what most tests do not care about."""
    defaults = {
        "client_id": "app",
        "redirect_uri": "https://app.example/cb",
        "scopes": ["openid"],
        "entropy": bytes(range(96)),
    }
    return build_authorization_request(metadata, **{**defaults, **options})


def test_the_request_says_everything_once() -> None:
    """RFC 6749 §4.1.1, RFC 7636 §4.3, OIDC Core §3.1.2.1."""
    request = build(prompt="login", login_hint="ada@example.com", max_age=None)
    assert dict(parse_qsl(urlsplit(request.url).query)) == {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "https://app.example/cb",
        "scope": "openid",
        "state": request.state.reveal(),
        "nonce": request.nonce.reveal(),
        "code_challenge": parse_qs(request.url)["code_challenge"][0],
        "code_challenge_method": "S256",
        "prompt": "login",
        "login_hint": "ada@example.com",
    }


def test_state_nonce_and_verifier_come_from_different_entropy() -> None:
    """RFC 9700 §4.7.1: what is seen in the front channel says nothing about the verifier."""
    request = build()
    secrets = [request.state.reveal(), request.nonce.reveal(), request.code_verifier.reveal()]
    assert len(set(secrets)) == 3
    assert request.code_verifier.reveal() not in request.url


def test_without_openid_there_is_no_nonce() -> None:
    """OIDC Core §3.1.2.1: it would come back in an ID token, and there will be none."""
    assert "nonce" not in parse_qs(urlsplit(build(scopes=["todo:read"]).url).query)


def test_each_resource_is_a_parameter_of_its_own() -> None:
    """RFC 8707 §2."""
    request = build(resources=["https://a.example", "https://b.example"])
    assert parse_qs(urlsplit(request.url).query)["resource"] == ["https://a.example", "https://b.example"]


def test_an_endpoint_with_a_query_keeps_it() -> None:
    """RFC 6749 §3.1."""
    metadata = ServerMetadata(issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize?tenant=1")
    assert build(metadata).url.startswith(f"{ISSUER}/authorize?tenant=1&response_type=code")


@pytest.mark.parametrize(
    "metadata",
    [
        ServerMetadata(issuer=ISSUER),
        ServerMetadata(issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize#x"),
        ServerMetadata(issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize\x1b[2J"),
        ServerMetadata(
            issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize", code_challenge_methods_supported=("plain",)
        ),
    ],
)
def test_an_issuer_that_cannot_do_it_safely_is_refused(metadata: ServerMetadata) -> None:
    """RFC 6749 §3.1, RFC 9700 §2.1.1: no endpoint, a fragment or what a terminal obeys in it, or no S256."""
    with pytest.raises(ProtocolError):
        build(metadata)


@pytest.mark.parametrize("size", [0, 32, 95, 97])
def test_too_little_entropy_is_refused(size: int) -> None:
    """32 bytes each."""
    with pytest.raises(ValueError, match="96 random bytes"):
        build(entropy=b"e" * size)


def test_a_request_does_not_print_its_secrets() -> None:
    """Not even the URL, which holds two of them."""
    request = build()
    for secret in (request.state, request.nonce, request.code_verifier):
        assert secret.reveal() not in repr(request)


def check(query: str, metadata: ServerMetadata = METADATA, issuer: str = ISSUER) -> Secret:
    """Check a callback of this attempt."""
    return check_callback(parse_form(query), state=STATE, issuer=issuer, metadata=metadata)


GOOD = f"code=c&state={'s' * 43}&iss=https%3A%2F%2Fid.example"


def test_a_good_answer_gives_its_code() -> None:
    """RFC 6749 §4.1.2; unknown parameters are ignored."""
    assert check(f"{GOOD}&session_state=x").reveal() == "c"


@pytest.mark.parametrize("state", ["", "S" * 43, "s" * 42, "s" * 44, "é", "s" * 43 + "%20"])
def test_another_state_is_refused_before_anything_is_believed(state: str) -> None:
    """RFC 6749 §10.12: not even the error of a stranger is passed on as the issuer's."""
    for rest in ("code=c", "error=access_denied"):
        with pytest.raises(ProtocolError, match="state"):
            check(f"{rest}&state={state}&iss=https://id.example")


@pytest.mark.parametrize("rest", ["code=c", "error=access_denied"])
@pytest.mark.parametrize("iss", ["https://evil.example", "https://id.example/", "HTTPS://id.example", "id.example"])
def test_another_issuer_is_refused(iss: str, rest: str) -> None:
    """RFC 9207 §2.4: compared as strings, for errors too, and also when the issuer never promised to send it."""
    quiet = ServerMetadata(issuer=ISSUER, authorization_endpoint=f"{ISSUER}/authorize")
    for metadata in (METADATA, quiet):
        with pytest.raises(ProtocolError, match="iss"):
            check(f"{rest}&state={'s' * 43}&iss={iss}", metadata)


def test_a_missing_issuer_is_refused_if_it_was_promised() -> None:
    """RFC 9207 §2.4; other issuers may leave it out."""
    with pytest.raises(ProtocolError, match="iss"):
        check(f"code=c&state={'s' * 43}")
    assert check(f"code=c&state={'s' * 43}", ServerMetadata(issuer=ISSUER)).reveal() == "c"


def test_an_attempt_that_was_sent_elsewhere_is_not_redeemed_here() -> None:
    """RFC 9700 §4.4: the application was set up anew, for another issuer, while somebody signed in."""
    with pytest.raises(ProtocolError, match="another issuer"):
        check(f"code=c&state={'s' * 43}", ServerMetadata(issuer=ISSUER), issuer="https://old.example")


@pytest.mark.parametrize("repeated", ["code=d", "state=x", "iss=x", "error=x", "other=1&other=2"])
def test_a_repeated_parameter_is_refused(repeated: str) -> None:
    """RFC 6749 §3.1."""
    query = f"{GOOD}&error=x&{repeated}" if "error" in repeated else f"{GOOD}&{repeated}"
    with pytest.raises(ProtocolError, match="repeated"):
        check(query)


@pytest.mark.parametrize("rest", ["", "code=", "code=c&error=access_denied", "error="])
def test_an_answer_is_either_a_code_or_an_error(rest: str) -> None:
    """RFC 6749 §4.1.2, §4.1.2.1."""
    with pytest.raises(ProtocolError, match="either"):
        check(f"{rest}&state={'s' * 43}&iss=https://id.example")


def test_an_error_of_the_issuer_is_raised_as_such() -> None:
    """RFC 6749 §4.1.2.1."""
    with pytest.raises(IssuerError) as refused:
        check(f"error=access_denied&error_description=No.&state={'s' * 43}&iss=https://id.example")
    assert (refused.value.error, refused.value.description, refused.value.status) == ("access_denied", "No.", None)


@pytest.mark.parametrize("description", ["caf%C3%A9", "a%0Ab", "%22", "x" * 513])
def test_a_description_in_other_characters_is_dropped(description: str) -> None:
    """RFC 6749 appendix A.8: it goes into a log."""
    with pytest.raises(IssuerError) as refused:
        check(f"error=access_denied&error_description={description}&state={'s' * 43}&iss=https://id.example")
    assert refused.value.description is None


@pytest.mark.parametrize("error", ["a%0Ab", "%22", "caf%C3%A9", "x" * 65])
def test_an_error_in_other_characters_is_none(error: str) -> None:
    """RFC 6749 appendix A.7."""
    with pytest.raises(ProtocolError, match="error code"):
        check(f"error={error}&state={'s' * 43}&iss=https://id.example")


@given(st.lists(st.tuples(st.sampled_from(["code", "state", "iss", "error", "x"]), st.text(max_size=8)), max_size=6))
def test_no_other_answer_gives_a_code(pairs: list[tuple[str, str]]) -> None:
    """Whatever is sent, without this attempt's state there is no code."""
    with pytest.raises((ProtocolError, IssuerError)):
        check_callback(Parameters(pairs), state=STATE, issuer=ISSUER, metadata=METADATA)
