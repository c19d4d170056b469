"""Which client asks: exactly the method that it is registered for (RFC 6749 §2.3, §3.2.1, §5.2)."""

from typing import TYPE_CHECKING

import pytest

from jotary.jose import base64url
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.model.client import AuthenticationMethod, Client

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

OTHER_SECRET = "jcs_" + "x" * 43


def authenticate(desk: "Desk", form: dict[str, str], authorization: str | None = None) -> Client:
    """What every endpoint does first."""
    parameters = Parameters(form.items())
    return desk.run(desk.authentication.authenticate(parameters, authorization, now=desk.now, address="192.0.2.1"))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_a_client_is_known_by_its_registered_method(desk: "Desk", method: AuthenticationMethod) -> None:
    """RFC 6749 §2.3.1, §3.2.1."""
    client = desk.add_client(token_endpoint_auth_method=method)

    assert desk.sign_in(client).access_token


@pytest.mark.parametrize(
    ("registered", "used"),
    [
        ("client_secret_basic", "client_secret_post"),
        ("client_secret_post", "client_secret_basic"),
        ("client_secret_basic", "none"),
        ("client_secret_post", "none"),
        ("private_key_jwt", "client_secret_basic"),
        ("private_key_jwt", "none"),
        ("none", "client_secret_basic"),
        ("none", "client_secret_post"),
    ],
)
def test_every_other_method_is_refused(desk: "Desk", registered: AuthenticationMethod, used: str) -> None:
    """Of several ways in, the weakest would be the one that counts; even with the right secret."""
    client = desk.add_client(token_endpoint_auth_method=registered)
    form = {"client_id": client.id}
    if used == "client_secret_post":
        form["client_secret"] = "jcs_" + "s" * 43
    authorization = desk.basic(client.id) if used == "client_secret_basic" else None

    error = desk.refused(authenticate, desk, form, authorization)

    assert (error.error, error.status) == ("invalid_client", 401)


def test_the_right_secret_in_the_wrong_place_is_told_the_right_place(desk: "Desk") -> None:
    """Design §9: the integrator is told what to change; only who holds the secret learns the method."""
    client = desk.add_client(token_endpoint_auth_method="client_secret_post")

    knows = desk.refused(authenticate, desk, {}, desk.basic(client.id))
    guesses = desk.refused(authenticate, desk, {}, desk.basic(client.id, OTHER_SECRET))

    assert "registered for client_secret_post." in knows.error_description
    assert "client_secret_post" not in guesses.error_description


@pytest.mark.parametrize("secret", [OTHER_SECRET, "", "jcs_" + "s" * 42, "jcs_" + "s" * 44, "S" * 47])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_wrong_secret_is_refused(desk: "Desk", method: AuthenticationMethod, secret: str) -> None:
    """RFC 6749 §5.2."""
    client = desk.add_client(token_endpoint_auth_method=method)
    post = {"client_id": client.id, "client_secret": secret}
    request = ({}, desk.basic(client.id, secret)) if method == "client_secret_basic" else (post, None)

    error = desk.refused(authenticate, desk, *request)

    assert (error.error, error.status) == ("invalid_client", 401)


@pytest.mark.parametrize("secret", ["", "\0", base64url.encode(bytes(32))])
def test_a_client_without_a_stored_secret_has_none_that_fits(desk: "Desk", secret: str) -> None:
    """A registration that lost its secret must not be open to everybody."""
    client = desk.add_client(secret_sha256=None)

    assert desk.refused(authenticate, desk, {}, desk.basic(client.id, secret)).error == "invalid_client"


def test_basic_is_challenged_when_it_was_used_and_only_then(desk: "Desk") -> None:
    """RFC 6749 §5.2, RFC 9110 §11.6.1."""
    client = desk.add_client()

    used = desk.refused(authenticate, desk, {}, desk.basic(client.id, OTHER_SECRET))
    not_used = desk.refused(authenticate, desk, {"client_id": client.id, "client_secret": OTHER_SECRET})

    assert used.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "WWW-Authenticate" not in not_used.headers


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_an_unknown_client_is_refused_in_the_words_of_a_wrong_secret(
    desk: "Desk", method: AuthenticationMethod
) -> None:
    """RFC 9700 §4.13 in spirit: the answer does not tell whether the client exists."""
    registered: AuthenticationMethod = "client_secret_basic" if method == "none" else method
    desk.add_client("known", token_endpoint_auth_method=registered)
    answers = []

    for client_id in ("known", "unknown"):
        form = {"client_id": client_id}
        if method == "client_secret_post":
            form["client_secret"] = OTHER_SECRET
        authorization = desk.basic(client_id, OTHER_SECRET) if method == "client_secret_basic" else None
        error = desk.refused(authenticate, desk, form, authorization)
        answers.append((error.status, error.body(), dict(error.headers)))

    assert answers[0] == answers[1]


def test_every_failure_is_in_the_audit_trail_and_holds_no_secret(desk: "Desk") -> None:
    """Design §9; an unknown client costs the same write as a known one, so that time tells no difference."""
    desk.add_client("known")

    for client_id in ("known", "unknown"):
        desk.refused(authenticate, desk, {}, desk.basic(client_id, OTHER_SECRET))

    events = [event for event in desk.events() if event.kind == "client.authentication_failed"]
    assert [event.client_id for event in events] == ["known", None]
    assert all(event.address == "192.0.2.1" and OTHER_SECRET not in repr(event) for event in events)


def test_an_unknown_client_id_is_not_in_the_audit_trail(desk: "Desk") -> None:
    """Who mixes up the two fields sends the secret as the id."""
    desk.refused(authenticate, desk, {}, desk.basic(OTHER_SECRET, "known"))

    assert OTHER_SECRET not in repr(desk.events()[-1])


def test_secrets_are_stored_as_their_hash_and_the_hash_is_no_secret(desk: "Desk") -> None:
    """Design §8: a stolen table authenticates nobody."""
    client = desk.add_client()
    assert client.secret_sha256 is not None

    stolen = desk.refused(authenticate, desk, {}, desk.basic(client.id, client.secret_sha256.hex()))

    assert stolen.error == "invalid_client"
    assert Secret("jcs_" + "s" * 43).matches_sha256(client.secret_sha256)


def test_two_methods_at_once_are_refused(desk: "Desk") -> None:
    """RFC 6749 §2.3."""
    client = desk.add_client()

    error = desk.refused(authenticate, desk, {"client_secret": "s"}, desk.basic(client.id))

    assert (error.error, error.status) == ("invalid_request", 400)


def test_a_public_client_may_not_use_what_is_for_confidential_ones(desk: "Desk") -> None:
    """RFC 7662 §2.1, RFC 6749 §4.4."""
    client = desk.add_public_client()
    parameters = Parameters([("client_id", client.id)])

    call = desk.authentication.authenticate_confidential(parameters, None, now=desk.now)
    error = desk.refused(desk.run, call)

    assert (error.error, error.status) == ("invalid_client", 401)


@pytest.mark.parametrize("name", ["WEB", "web ", " web", "web\u200b", "\uff57eb", "w\u0435b", "%77eb"], ids=ascii)
def test_a_client_is_named_character_by_character(desk: "Desk", name: str) -> None:
    """RFC 6749 §2.2: neither case, white space nor another form of a letter makes one client another."""
    desk.add_client("web", token_endpoint_auth_method="none")

    assert desk.refused(authenticate, desk, {"client_id": name}).error == "invalid_client"
