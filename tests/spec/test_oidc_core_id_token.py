"""ID tokens from the token endpoint (OIDC Core §2, §3.1.3, §12)."""

from typing import TYPE_CHECKING, Any

import pytest

from jotary.server.keyring import RELOAD_INTERVAL
from jotary.server.model.user import User
from jotary.tokens.id_token import check_id_token

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def id_token_claims(desk: "Desk", token: str | None) -> dict[str, Any]:
    """The verified claims."""
    return desk.claims(token, "JWT")


def test_an_id_token_passes_every_check_of_a_client(desk: "Desk") -> None:
    """OIDC Core §3.1.3.7, §3.1.3.8: nonce, audience, `at_hash`, times, and the sign-in behind it."""
    client, user = desk.add_client(), desk.add_user()
    response = desk.sign_in(client, user, nonce="n-0S6_WzA2Mj")

    checked = check_id_token(
        id_token_claims(desk, response.id_token),
        issuer=desk.settings.issuer,
        client_id=client.id,
        nonce="n-0S6_WzA2Mj",
        algorithm="ES256",
        now=desk.now,
        leeway=0,
        access_token=response.access_token,
        max_age=0,
    )

    assert checked.subject == user.id
    assert checked.session_id == desk.claims(response.access_token)["sid"]
    assert checked.expires_at == desk.now + desk.settings.id_token_lifetime
    assert checked.claims["amr"] == ["pwd"]


def test_it_says_when_the_person_signed_in_and_not_when_the_client_asked(desk: "Desk") -> None:
    """OIDC Core §2, auth_time: with single sign-on long ago. The access token says the same (RFC 9068 §2.2.1)."""
    response = desk.sign_in(desk.add_client(), authenticated_at=desk.now - 500, methods=("pwd", "otp"))

    for claims in (id_token_claims(desk, response.id_token), desk.claims(response.access_token)):
        assert (claims["auth_time"], claims["iat"], claims["amr"]) == (desk.now - 500, desk.now, ["pwd", "otp"])


def test_without_openid_there_is_no_id_token(desk: "Desk") -> None:
    """OIDC Core §3.1.2.1: plain OAuth."""
    assert desk.sign_in(desk.add_client(), scopes=("profile", "todo:read")).id_token is None


def test_without_nonce_in_the_request_there_is_none_in_the_token(desk: "Desk") -> None:
    """OIDC Core §2."""
    assert "nonce" not in id_token_claims(desk, desk.sign_in(desk.add_client()).id_token)


def test_after_a_refresh_it_speaks_of_the_original_sign_in(desk: "Desk") -> None:
    """OIDC Core §12.2: same issuer, subject, audience and `auth_time`; a new `iat`; no nonce."""
    client = desk.add_client()
    first = desk.sign_in(client, nonce="n")
    desk.now += 1000

    second = desk.refresh(client, first.refresh_token)

    old, new = (id_token_claims(desk, response.id_token) for response in (first, second))
    same = ("iss", "sub", "aud", "auth_time", "sid", "amr")
    assert [old[name] for name in same] == [new[name] for name in same]
    assert new["auth_time"] == new["iat"] - 1000
    assert "nonce" not in new


@pytest.mark.parametrize(
    ("scopes", "names"),
    [
        (("openid",), set()),
        (("openid", "profile"), {"name"}),
        (("openid", "email"), {"email", "email_verified"}),
        (("openid", "profile", "email"), {"name", "email", "email_verified"}),
    ],
)
def test_it_says_of_the_person_what_its_scopes_allow(desk: "Desk", scopes: tuple[str, ...], names: set[str]) -> None:
    """OIDC Core §5.4."""
    claims = id_token_claims(desk, desk.sign_in(desk.add_client(), scopes=scopes).id_token)

    assert {"name", "email", "email_verified"} & set(claims) == names


def test_what_a_person_is_called_cannot_replace_a_claim(desk: "Desk") -> None:
    """The subject is the one that never changes, whatever else is said."""
    user: User = desk.add_user(name='","sub":"admin')

    claims = id_token_claims(desk, desk.sign_in(desk.add_client(), user).id_token)

    assert (claims["sub"], claims["name"]) == (user.id, '","sub":"admin')


def test_at_hash_follows_the_key_that_signed_and_not_the_setting(desk: "Desk") -> None:
    """OIDC Core §3.1.3.6: while the algorithm is being changed, the old one still signs."""
    desk.keyring = desk.new_keyring("EdDSA")
    desk.run(desk.keyring.refresh())
    desk.use_keyring()

    for algorithm in ("ES256", "EdDSA"):
        response = desk.sign_in(desk.add_client(algorithm))
        verified = desk.verified(response.id_token, "JWT")
        assert verified.header["alg"] == algorithm
        check_id_token(
            verified.claims,
            issuer=desk.settings.issuer,
            client_id=algorithm,
            nonce=None,
            algorithm=algorithm,
            now=desk.now,
            leeway=0,
            access_token=response.access_token,
        )
        desk.now += desk.settings.jwks_max_age + RELOAD_INTERVAL
        desk.run(desk.keyring.refresh())
