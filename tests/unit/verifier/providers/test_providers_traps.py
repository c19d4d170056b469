"""The traps that stand in the providers' own documentation (docs/providers.md)."""

from typing import Any

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, KeySet, base64url, strict_json
from jotary.testing import FrozenClock

NOW = FrozenClock().now
SEND_ACCESS = "send the access token"


@pytest.mark.parametrize("name", ["auth0", "auth0 rfc9068", "okta", "fusionauth", "entra", "entra v1"])
@pytest.mark.parametrize("claim", ["nonce", "at_hash", "c_hash"])
def test_an_id_token_is_refused_where_access_tokens_are_expected(desk: Any, name: str, claim: str) -> None:
    """OIDC Core §2, and the hint says which one to send."""
    error = desk.refused(name, desk.token(name, **{claim: "x"}))
    assert error.claim == claim
    assert SEND_ACCESS in error.hint


@pytest.mark.parametrize(
    ("name", "claim"), [("auth0", "azp"), ("auth0 rfc9068", "client_id"), ("okta", "cid"), ("entra", "azp")]
)
def test_a_token_without_a_client_may_be_an_id_token(desk: Any, name: str, claim: str) -> None:
    """One that asked for no nonce has nothing else to tell it; an empty client is none."""
    error = desk.refused(name, desk.token(name, **{claim: None}))
    assert "ID token" in error.hint
    assert desk.refused(name, desk.token(name, **{claim: ""})).claim == claim


def test_tokens_of_cognito_are_told_apart_by_their_use(desk: Any) -> None:
    """`token_use`: same issuer, same client, same shape of header; both ways, with a hint."""
    mixed = {"aud": "c1", "client_id": "c1"}
    error = desk.refused("cognito", desk.token("cognito", token_use="id", **mixed))
    assert (error.claim, SEND_ACCESS in error.hint) == ("token_use", True)
    error = desk.refused("cognito id", desk.token("cognito id", token_use="access", **mixed))
    assert (error.claim, "ID tokens are expected" in error.hint) == ("token_use", True)
    assert desk.refused("cognito", desk.token("cognito", token_use=["access"])).claim == "token_use"


@pytest.mark.parametrize("typ", ["ID", "Refresh", "DPoP", "Logout", None, 7])
def test_tokens_of_keycloak_are_told_apart_by_their_typ_claim(desk: Any, typ: Any) -> None:
    """The header is the same for all of them; one that is bound to a key (`DPoP`) is no bearer token."""
    error = desk.refused("keycloak", desk.token("keycloak", typ=typ))
    assert (error.claim, SEND_ACCESS in error.hint) == ("typ", True)


def test_roles_of_keycloaks_realm_and_clients_are_never_mixed(desk: Any) -> None:
    """`admin` of one client is not `admin` of another."""
    text = desk.token("keycloak")
    assert desk.accepted("keycloak", text).roles == {"staff"}
    assert desk.accepted("keycloak", text, roles_of="todo-api").roles == {"admin"}
    assert desk.accepted("keycloak", text, roles_of="other").roles == frozenset()
    desk.accepted("keycloak", desk.token("keycloak", nonce="n"))  # as old versions write it


@pytest.mark.parametrize(("name", "other"), [("entra", "1.0"), ("entra v1", "2.0")])
def test_the_version_of_an_entra_token_is_checked(desk: Any, name: str, other: str) -> None:
    """`ver`, with a hint at the manifest."""
    error = desk.refused(name, desk.token(name, ver=other))
    assert (error.claim, "manifest" in error.hint) == ("ver", True)
    assert desk.accepted(name, desk.token(name)).jti == "u1"


def test_only_pinned_keys_sign_for_fusionauth(desk: Any) -> None:
    """The server publishes imported keys, too, whose private part somebody else has."""
    imported = Key.generate("RS256", kid="imported")
    both = KeySet([desk.key, imported])
    desk.accepted("fusionauth", desk.token("fusionauth"), keys=both)
    error = desk.refused("fusionauth", desk.token("fusionauth", key=imported), keys=both)
    assert (error.claim, "kids" in error.hint) == ("kid", True)


def test_tokens_of_oktas_org_server_are_refused_with_a_hint(desk: Any) -> None:
    """By their key, by their type, and at the start."""
    other = Key.generate("RS256", kid="org")
    for text in (
        desk.token("okta", key=other),
        desk.token("okta", header={"typ": "application/okta-internal-at+jwt"}),
        "opaque",
    ):
        assert "custom authorization server" in desk.refused("okta", text).hint
    with pytest.raises(ValueError, match="custom authorization server"):
        desk.verifier("okta", authorization_server="")


@pytest.mark.parametrize(("name", "words"), [("auth0", "audience"), ("google", "ID token")])
def test_opaque_tokens_are_refused_with_a_hint(desk: Any, name: str, words: str) -> None:
    """Auth0 without an audience, Google always."""
    error = desk.refused(name, "ya29.opaque")
    assert (error.claim, words in error.hint) == ("token", True)


def test_google_has_two_spellings_of_its_issuer(desk: Any) -> None:
    """Both are one issuer, so that one person is one."""
    assert (
        desk.accepted("google", desk.token("google", iss="accounts.google.com")).issuer == "https://accounts.google.com"
    )
    assert desk.refused("google", desk.token("google", iss="http://accounts.google.com")).claim == "iss"


def test_the_hosted_domain_of_google_is_held(desk: Any) -> None:
    """`hd`: an account of another domain, and one of none."""
    desk.accepted("google", desk.token("google"), hosted_domain="example.com")
    for value in ("evil.example", None, ["example.com"]):
        assert desk.refused("google", desk.token("google", hd=value), hosted_domain="example.com").claim == "hd"


def test_the_client_of_an_id_token_is_its_only_audience(desk: Any) -> None:
    """OIDC Core §3.1.3.7: with several there is an `azp`."""
    audience = desk.issuer("google").audience
    assert desk.accepted("google", desk.token("google", azp=None)).client_id == audience
    assert desk.refused("google", desk.token("google", azp=None, aud=[audience, "other"])).claim == "aud"


def test_firebase_holds_subject_and_time_of_sign_in(desk: Any) -> None:
    """docs/providers.md: at most 128 characters; in the past."""
    desk.accepted("firebase", desk.token("firebase", sub="s" * 128))
    assert desk.refused("firebase", desk.token("firebase", sub="s" * 129)).claim == "sub"
    assert desk.refused("firebase", desk.token("firebase", auth_time=NOW + 6)).claim == "auth_time"
    assert desk.refused("firebase", desk.token("firebase", auth_time=None)).claim == "auth_time"


def test_kinds_of_firebase_are_signed_with_other_keys(desk: Any) -> None:
    """A session cookie where an ID token is expected, by its issuer and by its key."""
    assert desk.refused("firebase", desk.token("firebase session_cookie")).claim == "iss"
    assert desk.refused("firebase session_cookie", desk.token("firebase")).claim == "iss"
    assert (
        "session cookies" in desk.refused("firebase", desk.token("firebase", key=Key.generate("RS256", kid="x"))).hint
    )


def unsigned(desk: Any, **header: Any) -> str:
    """As the emulator writes it."""
    head = base64url.encode(strict_json.dumps({"alg": "none", "typ": "JWT", **header}))
    return f"{head}.{desk.token('firebase').split('.')[1]}."


def test_the_emulators_unsigned_tokens_need_a_switch(desk: Any, caplog: pytest.LogCaptureFixture) -> None:
    """And signed ones are refused then: what is left on in production lets nobody in."""
    assert desk.refused("firebase", unsigned(desk)).claim == "alg"
    settings = {"project_id": "todo-1234", "clock": desk.clock}
    emulated = TokenVerifier.for_provider("firebase", **settings, accept_unsigned_tokens_of_the_emulator=True)
    assert "never in production" in caplog.text
    assert emulated.verify(unsigned(desk)).subject == "s"
    for text in (
        desk.token("firebase"),
        unsigned(desk) + desk.token("firebase").split(".")[2],
        unsigned(desk, alg="RS256"),
    ):
        with pytest.raises(InvalidToken) as caught:
            emulated.verify(text)
        assert caught.value.claim == "alg"
    truthy = TokenVerifier.for_provider("firebase", **settings, accept_unsigned_tokens_of_the_emulator="no")
    assert not truthy._expected.profile or not truthy._expected.profile.is_unsigned
