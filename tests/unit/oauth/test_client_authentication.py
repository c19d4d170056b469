"""One way to authenticate at a time (RFC 6749 §2.3)."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key, jws, jwt, strict_json
from jotary.oauth.client_authentication import JWT_BEARER, PresentedClient, parse_client_authentication
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=50)


def basic(client_id: str, secret: str) -> str:
    """An Authorization header as RFC 6749 §2.3.1 makes it."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def parse(authorization: str | None = None, **parameters: str) -> PresentedClient:
    """Present a client by header and form."""
    return parse_client_authentication(authorization, Parameters(parameters.items()))


@given(_TEXT, _TEXT)
def test_basic_parts_are_form_urlencoded(client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1."""
    presented = parse(basic(client_id, secret))
    assert (presented.client_id, presented.method) == (client_id, "client_secret_basic")
    assert presented.secret is not None
    assert presented.secret.reveal() == secret


def test_the_form_carries_secret_or_only_the_name() -> None:
    """client_secret_post and none."""
    assert parse(client_id="a", client_secret="s").method == "client_secret_post"
    assert parse(client_id="a").method == "none"


def test_an_assertion_names_its_client() -> None:
    """RFC 7523 §3: sub is the client."""
    assertion = jwt.sign({"sub": "robot"}, Key.generate("ES256"), typ="JWT")
    presented = parse(client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert (presented.client_id, presented.method) == ("robot", "private_key_jwt")
    assert assertion not in repr(presented)


@pytest.mark.parametrize(
    "way",
    [
        {"authorization": basic("a", "s"), "client_secret": "s"},
        {"authorization": basic("a", "s"), "client_assertion": "x"},
        {"client_id": "a", "client_secret": "s", "client_assertion": "x"},
        {"authorization": basic("a", "s"), "client_id": "b"},
        {"client_assertion": "x", "client_assertion_type": "urn:other"},
    ],
)
def test_ways_that_contradict_are_an_invalid_request(way: dict[str, str]) -> None:
    """RFC 6749 §2.3: MUST NOT use more than one authentication method."""
    with pytest.raises(OAuthError) as refused:
        parse(**way)
    assert refused.value.error == "invalid_request"


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":no name").decode(),
        "Basic " + base64.b64encode(b"\xff:s").decode(),
        "Basic " + base64.b64encode(b"a%ff:s").decode(),
        "Basic " + base64.b64encode(b"a%00:s").decode(),
        "Basic " + base64.b64encode(b"a" * 5000 + b":s").decode(),
        "Bearer abc",
        "Basic ä",
    ],
)
def test_a_malformed_header_is_challenged(authorization: str) -> None:
    """RFC 6749 §5.2: invalid_client, 401, WWW-Authenticate."""
    with pytest.raises(OAuthError) as refused:
        parse(authorization)
    assert (refused.value.error, refused.value.status) == ("invalid_client", 401)
    assert refused.value.headers["WWW-Authenticate"].startswith("Basic ")


def test_no_authentication_at_all_is_refused() -> None:
    """Somebody must be asking."""
    with pytest.raises(OAuthError, match="invalid_client"):
        parse()


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}, {"sub": "a\0"}])
def test_an_assertion_without_a_client_is_refused(claims: dict[str, object]) -> None:
    """RFC 7523 §3, point 2."""
    assertion = jws.sign(strict_json.dumps(claims), Key.generate("ES256"))
    with pytest.raises(OAuthError, match="invalid_client"):
        parse(client_assertion=assertion, client_assertion_type=JWT_BEARER)


@given(st.text())
def test_any_assertion_text_is_refused_cleanly(assertion: str) -> None:
    """Never a stack trace."""
    if assertion:
        with pytest.raises(OAuthError):
            parse(client_assertion=assertion, client_assertion_type=JWT_BEARER)
