"""Registering a client."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key
from jotary.oauth.secret import Secret
from jotary.server.flows.administration.create_client import NewClient, Registered, create_client, decide
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.client_authentication import is_public

ENTROPY = bytes(range(32))
CALLBACK = "https://app.example.com/callback"
TODO = "https://todo.example.com"
KEY = Key.generate("ES256")


def wish(**wishes: Any) -> NewClient:
    """A web client, as wished."""
    return NewClient(**{"id": "app", "type": "web", "redirect_uris": (CALLBACK,), **wishes})


def register(*audiences: str, **wishes: Any) -> Registered:
    """What becomes of a wish where these APIs are known."""
    return decide(wish(**wishes), audiences=audiences, entropy=ENTROPY, now=1_800_000_000)


def test_a_web_client_signs_people_in_and_keeps_a_secret() -> None:
    """The defaults: what is not asked for is not allowed."""
    client = register().client
    assert client.grant_types == ("authorization_code", "refresh_token")
    assert client.token_endpoint_auth_method == "client_secret_basic"
    assert client.scopes == ("openid", "profile", "email")
    assert (client.name, client.audiences, client.is_first_party) == ("app", (), False)
    assert client.created_at == 1_800_000_000


def test_a_native_client_keeps_no_secret() -> None:
    """RFC 8252 §8.5."""
    registered = register(type="native", redirect_uris=("http://127.0.0.1/callback", "com.example.app:/callback"))
    assert is_public(registered.client)
    assert registered.secret is None
    assert registered.client.secret_sha256 is None
    assert registered.client.grant_types == ("authorization_code", "refresh_token")


def test_a_service_acts_for_itself_and_has_no_scope_by_itself() -> None:
    """RFC 6749 §4.4."""
    client = register(type="service", redirect_uris=()).client
    assert client.grant_types == ("client_credentials",)
    assert (client.scopes, client.redirect_uris) == ((), ())


def test_the_secret_is_random_and_only_its_hash_is_kept() -> None:
    """Design §8: 256 random bits, recognisable to secret scanners."""
    registered = register()
    assert registered.secret is not None
    assert registered.secret.reveal() == "jcs_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert registered.client.secret_sha256 == registered.secret.sha256()
    assert registered.secret.reveal() not in repr(registered)


def test_a_client_may_prove_itself_by_a_key() -> None:
    """RFC 7523 §2.2: public members only are kept, and there is no secret."""
    jwks = {"keys": [KEY.to_jwk()]}
    registered = register(token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    assert registered.secret is None
    assert registered.client.jwks == jwks


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"id": ""}, "'' cannot be a client's id"),
        ({"id": "a b"}, "cannot be a client's id"),
        ({"id": "a:b"}, "cannot be a client's id"),  # RFC 7617 §2: a user-id has no colon
        ({"id": "ä"}, "cannot be a client's id"),
        ({"id": "a" * 65}, "cannot be a client's id"),
        ({"id": "app\n"}, "cannot be a client's id"),
        ({"name": ""}, "the name is empty"),
        ({"name": "x" * 101}, "the name is empty, too long"),
        ({"name": "App\x1b[31m"}, "the name is empty, too long or not printable"),
        ({"name": "App\u202eppa"}, "the name is empty, too long or not printable"),  # CVE-2021-42574: reversed text
        ({"redirect_uris": ()}, "a web client needs a redirect URI"),
        ({"type": "native", "redirect_uris": ()}, "a native client needs a redirect URI"),
        ({"redirect_uris": ("http://app.example.com/",)}, "http://app.example.com/: the redirect URI may not"),
        ({"redirect_uris": (CALLBACK, f"{CALLBACK}#x")}, f"{CALLBACK}#x: the redirect URI may not"),
        ({"redirect_uris": ("com.example.app:/",)}, "com.example.app:/: the redirect URI may not"),
        ({"post_logout_redirect_uris": ("javascript:alert(1)",)}, "javascript:alert(1): the redirect URI may not"),
        ({"scopes": ('a"b',)}, 'a"b: the scope is malformed'),
        ({"scopes": ("ä",)}, "ä: the scope is malformed"),
        ({"audiences": ("todo",)}, "todo: the resource is not an absolute URI"),
        ({"audiences": (f"{TODO}#x",)}, f"{TODO}#x: the resource has a fragment"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "public keys and private_key_jwt belong together"),
        ({"jwks": {"keys": [KEY.to_jwk()]}}, "public keys and private_key_jwt belong together"),
        ({"type": "native", "token_endpoint_auth_method": "client_secret_post"}, "a native client cannot authenticate"),
        ({"type": "service", "token_endpoint_auth_method": "none"}, "a service client cannot authenticate by none"),
        ({"type": "service"}, "nobody signs in through a service"),
        ({"type": "service", "redirect_uris": (), "post_logout_redirect_uris": (CALLBACK,)}, "nobody signs in"),
        ({"type": "service", "redirect_uris": (), "is_first_party": True}, "nobody signs in through a service"),
        ({"type": "service", "redirect_uris": (), "scopes": ("todo:read", "openid")}, "a service acts for itself"),
    ],
)
def test_what_is_malformed_or_not_for_this_type_is_refused(wishes: dict[str, Any], says: str) -> None:
    """RFC 6749 §2, RFC 7591 §2, RFC 8252 §8, RFC 8707 §2, RFC 9700 §2.1; with what to do instead."""
    with pytest.raises(AdministrationError) as refused:
        register(**wishes)
    assert says in refused.value.problem
    assert refused.value.hint


@pytest.mark.parametrize(
    ("jwks", "says"),
    [
        ({}, "cannot be read"),
        ({"keys": []}, "the JWK Set is empty"),
        ({"keys": [KEY.to_jwk(private=True)]}, "cannot be used"),
        ({"keys": [{"kty": "oct", "k": "AAAA"}]}, "cannot be used"),
        ({"keys": [KEY.to_jwk(), KEY.to_jwk()]}, "cannot be used"),
        ({"keys": [KEY.to_jwk(), {"kty": "EC"}]}, "cannot be used"),
        ({"keys": [KEY.to_jwk(), Key.generate("ML-DSA-44", kid="pq").to_jwk()]}, "key pq is for ML-DSA-44"),
        ({"keys": [Key.generate("Ed25519", kid="ed").to_jwk()]}, "key ed is for Ed25519"),
    ],
)
def test_every_key_must_be_public_and_usable(jwks: dict[str, Any], says: str) -> None:
    """A private key that reaches the registration is compromised; an unusable one fails at the first request."""
    with pytest.raises(AdministrationError, match=says) as refused:
        register(token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    assert KEY.to_jwk(private=True)["d"] not in f"{refused.value!r}{refused.value.hint}"


def test_where_the_operator_has_named_the_apis_no_other_may_be_named() -> None:
    """The setting audiences."""
    assert register(TODO, audiences=(TODO,)).client.audiences == (TODO,)
    assert register(audiences=("https://any.example.com",)).client.audiences == ("https://any.example.com",)
    with pytest.raises(AdministrationError, match="there is no API") as refused:
        register(TODO, audiences=("https://tod.example.com",))
    assert TODO in refused.value.hint


@given(st.text(max_size=70))
def test_an_accepted_id_is_the_same_in_a_url_a_form_and_a_header(client_id: str) -> None:
    """RFC 3986 §2.3: it has one spelling."""
    try:
        accepted = register(id=client_id).client.id
    except AdministrationError:
        return
    assert accepted == client_id
    assert accepted.isascii()
    assert not set(accepted) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def test_a_registered_client_is_stored_with_an_event(office: Any) -> None:
    """And the secret is not in the trail."""
    registered = office.run(
        create_client(wish(), store=office.store, audiences=(), entropy=office.entropy, now=office.now)
    )
    assert office.run(office.store.client("app")) == registered.client
    (event,) = office.trail()
    assert (event.kind, event.client_id, event.detail) == ("client.created", "app", {"type": "web"})


def test_an_id_that_is_taken_is_refused(office: Any) -> None:
    """The client that has it is untouched: its secret goes on."""
    with pytest.raises(AdministrationError, match="there is a client web already"):
        office.run(
            create_client(wish(id="web"), store=office.store, audiences=(), entropy=office.entropy, now=office.now)
        )
    assert office.run(office.store.client("web")).secret_sha256 == Secret("old").sha256()
    assert office.trail() == []
