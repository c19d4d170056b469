"""What a client may know about the person (OIDC Core §5.3, RFC 6750 §2, §3)."""

from typing import TYPE_CHECKING, Any

import pytest

from jotary.jose import Key, jwt
from jotary.oauth.parameters import Parameters
from jotary.server.model.changes import EndSession, EndSessionsOfUser

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def ask(desk: "Desk", authorization: str | None, **form: Any) -> dict[str, Any]:
    """A request with any header and form."""
    pairs = [(name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])]
    return desk.run(desk.userinfo(authorization, Parameters(pairs) if form else None, now=desk.now))


@pytest.mark.parametrize(
    ("scopes", "names"),
    [
        (("openid",), {"sub"}),
        (("openid", "profile"), {"sub", "name"}),
        (("openid", "email"), {"sub", "email", "email_verified"}),
        (("openid", "todo:read", "profile", "email"), {"sub", "name", "email", "email_verified"}),
    ],
)
def test_the_scopes_decide_what_is_told(desk: "Desk", scopes: tuple[str, ...], names: set[str]) -> None:
    """OIDC Core §5.3.2, §5.4; `sub` is always there and is that of the ID token."""
    user = desk.add_user()
    tokens = desk.sign_in(desk.add_client(), user, scopes=scopes)

    answer = desk.who(tokens.access_token)

    assert set(answer) == names
    assert answer["sub"] == desk.claims(tokens.id_token, "JWT")["sub"] == user.id


def test_what_is_not_known_is_left_out(desk: "Desk") -> None:
    """OIDC Core §5.3.2: no null, no empty string."""
    tokens = desk.sign_in(desk.add_client(), desk.add_user(name=None), scopes=("openid", "profile"))

    assert set(desk.who(tokens.access_token)) == {"sub"}


def test_a_changed_profile_is_told_at_once(desk: "Desk") -> None:
    """OIDC Core §5.3: the answer is of now, the ID token of then."""
    user = desk.add_user(email_verified=True)
    tokens = desk.sign_in(desk.add_client(), user)

    assert desk.who(tokens.access_token)["email_verified"] is True


def test_the_audience_does_not_matter_here(desk: "Desk") -> None:
    """The token's own scopes bound what is told; its audience goes on to bound where else it is good."""
    client = desk.add_client()
    tokens = desk.sign_in(client, resources=client.audiences)

    assert desk.claims(tokens.access_token)["aud"] == client.audiences[0]
    assert desk.who(tokens.access_token)["sub"]


def test_the_token_may_stand_in_the_form_of_a_post(desk: "Desk") -> None:
    """RFC 6750 §2.2, OIDC Core §5.3.1."""
    token = desk.sign_in(desk.add_client()).access_token

    assert ask(desk, None, access_token=token)["sub"]


def test_without_a_token_the_answer_says_how_to_bring_one_and_nothing_else(desk: "Desk") -> None:
    """RFC 6750 §3.1: no error code for who did not try."""
    for authorization in (None, "Basic eDp5"):
        error = desk.refused(ask, desk, authorization)
        assert (error.status, error.body()) == (401, {})
        assert error.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer a b", "Bearer ü", "bearer a,b"])
def test_a_malformed_header_is_refused(desk: "Desk", authorization: str) -> None:
    """RFC 6750 §2.1, §3.1."""
    error = desk.refused(ask, desk, authorization)

    assert (error.error, error.status) == ("invalid_request", 400)
    assert 'error="invalid_request"' in error.headers["WWW-Authenticate"]


def test_a_token_that_is_sent_twice_is_refused(desk: "Desk") -> None:
    """RFC 6750 §2: one way for each request."""
    token = desk.sign_in(desk.add_client()).access_token

    for authorization, form in ((f"Bearer {token}", token), (None, [token, token])):
        error = desk.refused(ask, desk, authorization, access_token=form)
        assert (error.error, error.status) == ("invalid_request", 400)
        assert 'error="invalid_request"' in error.headers["WWW-Authenticate"]


def test_a_token_without_openid_is_not_enough(desk: "Desk") -> None:
    """RFC 6750 §3.1: 403, and the scope that is missing."""
    token = desk.sign_in(desk.add_client(), scopes=("profile", "email")).access_token

    error = desk.refused(desk.who, token)

    assert (error.error, error.status) == ("insufficient_scope", 403)
    assert 'scope="openid"' in error.headers["WWW-Authenticate"]


def test_a_client_has_no_profile(desk: "Desk") -> None:
    """RFC 6749 §4.4: there is no person behind it, whatever its scopes say."""
    claims = desk.claims(desk.ask(desk.add_client(), grant_type="client_credentials").access_token)
    with_openid = desk.run(desk.keyring.sign({**claims, "scope": "openid profile"}, typ="at+jwt"))

    assert desk.refused(desk.who, with_openid).error == "insufficient_scope"


def bad_tokens(desk: "Desk") -> dict[str, str]:
    """Tokens that are not, or not any more, access tokens of this server."""
    tokens = desk.sign_in(desk.add_client())
    claims = desk.claims(tokens.access_token)
    changed = tokens.access_token[:-5] + ("AAAAA" if tokens.access_token[-5:] != "AAAAA" else "BBBBB")
    sign = desk.keyring.sign
    return {
        "not a token": "x",
        "changed": changed,
        "signed by a stranger": jwt.sign(claims, Key.generate("ES256"), typ="at+jwt"),
        "unsigned": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.",
        "an ID token": str(tokens.id_token),
        "of another issuer": desk.run(sign({**claims, "iss": "https://evil.example.com"}, typ="at+jwt")),
        "expired": desk.run(sign({**claims, "exp": desk.now - desk.settings.leeway}, typ="at+jwt")),
        "from the future": desk.run(sign({**claims, "iat": desk.now + 60}, typ="at+jwt")),
        "of no session": desk.run(sign({**claims, "sid": desk.new_id()}, typ="at+jwt")),
    }


def test_a_bad_token_is_refused(desk: "Desk") -> None:
    """RFC 6750 §3.1: invalid_token, 401, and the check that failed for the integrator."""
    for name, token in bad_tokens(desk).items():
        error = desk.refused(desk.who, token)
        assert (error.error, error.status) == ("invalid_token", 401), name
        assert error.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"'), name


def test_a_token_is_good_no_longer_than_its_session_and_its_person(desk: "Desk") -> None:
    """Design §6.3: here at once, at the APIs within a second."""
    client = desk.add_client()
    first, second = desk.sign_in(client), desk.sign_in(client)
    sid, sub = desk.claims(first.access_token)["sid"], desk.claims(second.access_token)["sub"]

    desk.write(EndSession(sid, desk.now, "test", desk.now + 600))
    desk.write(EndSessionsOfUser(sub, desk.now, "test", desk.now + 600))

    for tokens in (first, second):
        assert desk.refused(desk.who, tokens.access_token).error == "invalid_token"
