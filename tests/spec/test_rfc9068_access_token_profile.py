"""What the server's own access tokens hold (RFC 9068 §2)."""

from typing import TYPE_CHECKING

from jotary.jose import jws

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def test_the_header_names_type_algorithm_and_key(desk: "Desk") -> None:
    """RFC 9068 §2.1, §4: `typ` keeps an ID token from passing as an access token."""
    response = desk.sign_in(desk.add_client())

    header = jws.parse(response.access_token).header
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert desk.keyring.public_keys().get(header["kid"]) is not None


def test_the_required_claims_are_there(desk: "Desk") -> None:
    """RFC 9068 §2.2, §2.2.1, §2.2.3."""
    client, user = desk.add_client(), desk.add_user()
    claims = desk.claims(desk.sign_in(client, user, scopes=("todo:read",)).access_token)

    assert {name: claims[name] for name in ("iss", "sub", "aud", "client_id", "scope", "iat", "exp", "auth_time")} == {
        "iss": desk.settings.issuer,
        "sub": user.id,
        "aud": client.audiences[0],
        "client_id": client.id,
        "scope": "todo:read",
        "iat": desk.now,
        "exp": desk.now + desk.settings.access_token_lifetime,
        "auth_time": desk.now,
    }
    assert claims["amr"] == ["pwd"]


def test_every_token_has_a_jti_of_its_own(desk: "Desk") -> None:
    """RFC 9068 §2.2, RFC 7519 §4.1.7: also when a refresh is repeated within one second."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    answers = [desk.refresh(client, tokens.refresh_token) for _ in range(5)]

    assert len({desk.claims(answer.access_token)["jti"] for answer in answers}) == 5


def test_the_tokens_say_nothing_about_the_person(desk: "Desk") -> None:
    """RFC 9068 §6: an API that sees the token learns no name and no address."""
    claims = desk.claims(desk.sign_in(desk.add_client()).access_token)

    assert not {"name", "email", "email_verified"} & set(claims)
