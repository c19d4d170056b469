"""What a preset is told, and what it knows by itself (docs/providers.md)."""

from typing import Any

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, KeySet
from jotary.testing import FrozenClock, TestIssuer
from jotary.verifier.providers import PROVIDERS

TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
POOL = "eu-central-1_AbCdEfGhI"


KEYS_OF = {
    "auth0": "https://tenant.eu.auth0.com/.well-known/jwks.json",
    "okta": "https://example.okta.com/oauth2/default/v1/keys",
    "keycloak": "https://sso.example/realms/todo/protocol/openid-connect/certs",
    "fusionauth": "https://auth.example/.well-known/jwks.json",
    "entra": f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys",
    "entra v1": f"https://login.microsoftonline.com/{TENANT}/discovery/keys",
    "cognito": f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL}/.well-known/jwks.json",
    "google": "https://www.googleapis.com/oauth2/v3/certs",
    "firebase": "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
    "firebase session_cookie": "https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys",
}


@pytest.mark.parametrize(("name", "uri"), KEYS_OF.items())
def test_each_provider_knows_where_its_keys_are(desk: Any, name: str, uri: str) -> None:
    """As docs/providers.md says."""
    assert PROVIDERS[name.split(maxsplit=1)[0]](**desk.issuer(name).settings).jwks_uri == uri


def test_firebase_has_a_jwk_set_too(desk: Any) -> None:
    """For ID tokens."""
    preset = PROVIDERS["firebase"](project_id="todo-1234", key_format="jwks")
    assert (
        preset.jwks_uri == "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
    )


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("auth0", {"domain": "https://tenant.eu.auth0.com"}),
        ("auth0", {"domain": "tenant.eu.auth0.com/"}),
        ("auth0", {"domain": "Tenant.eu.auth0.com"}),
        ("auth0", {"domain": "evil.example/x#tenant.eu.auth0.com"}),
        ("auth0", {"audience": ""}),
        ("okta", {"authorization_server": "a/b"}),
        ("okta", {"authorization_server": ".."}),
        ("keycloak", {"base_url": "https://sso.example/"}),
        ("keycloak", {"realm": "a/../b"}),
        ("fusionauth", {"kids": []}),
        ("fusionauth", {"kids": "k1"}),
        ("fusionauth", {"url": "https://auth.example/"}),
        ("entra", {"tenant": "contoso.onmicrosoft.com"}),
        ("entra", {"tenant": TENANT.upper()}),
        ("entra", {"version": "3.0"}),
        ("entra", {"tenants": [TENANT]}),
        ("entra", {"tenant": "common", "tenants": []}),
        ("entra", {"tenant": "common", "tenants": TENANT}),
        ("entra", {"tenant": "common", "version": "1.0"}),
        ("cognito", {"user_pool_id": "AbCdEfGhI"}),
        ("cognito", {"user_pool_id": "evil.example/x_a"}),
        ("cognito", {"user_pool_id": "cn-north-1_a"}),
        ("cognito", {"kind": "refresh"}),
        ("google", {"hosted_domain": ""}),
        ("firebase", {"project_id": "1234"}),
        ("firebase", {"project_id": "a/b"}),
        ("firebase", {"kind": "custom"}),
        ("firebase", {"kind": "session_cookie", "key_format": "jwks"}),
        ("entra", {"algorithms": ["HS256"]}),
    ],
)
def test_settings_that_cannot_be_are_refused(desk: Any, name: str, settings: dict[str, Any]) -> None:
    """At the start, not at the first token."""
    with pytest.raises(ValueError, match=r"must|needs|are published"):
        desk.verifier(name, **settings)


def test_an_unknown_provider_or_setting_is_named(desk: Any) -> None:
    """A misspelt name must not mean a weaker check."""
    with pytest.raises(ValueError, match="provider must be one of auth0, cognito"):
        TokenVerifier.for_provider("autho")
    for surplus in ("audiences", "profile", "issuer"):
        with pytest.raises(TypeError, match=surplus):
            TokenVerifier.for_provider("auth0", domain="a.auth0.com", audience="b", **{surplus: None})


def test_jotary_is_what_it_is_without_a_preset(desk: Any) -> None:
    """RFC 9068, exactly."""
    issuer = TestIssuer(clock=desk.clock)
    settings = {"issuer": issuer.issuer, "audience": issuer.audience, "keys": issuer.keys, "clock": desk.clock}
    trusted = TokenVerifier.for_provider("jotary", **settings)
    assert trusted.verify(issuer.token("ada")).subject == "ada"
    with pytest.raises(InvalidToken) as caught:
        trusted.verify(issuer.token("ada", header={"typ": "JWT"}))
    assert caught.value.claim == "typ"


def test_other_algorithms_can_be_asked_for(desk: Any) -> None:
    """Keycloak's realms may sign with another one; what is asked for goes before the preset."""
    key = Key.generate("ES256", kid="k2")
    keys = KeySet([key])
    desk.accepted("keycloak", desk.token("keycloak", key=key), keys=keys, algorithms=["ES256"])
    assert desk.refused("keycloak", desk.token("keycloak", key=key), keys=keys).claim == "alg"


@pytest.mark.parametrize("name", ["entra", "firebase"])
def test_a_remembered_token_is_held_to_its_times(desk: Any, name: str) -> None:
    """Design §6.4: with nbf and auth_time, too."""
    clock = FrozenClock()
    trusted = desk.verifier(name, clock=clock)
    text = desk.token(name)
    first = trusted.verify(text)
    assert trusted.verify(text) is first
    clock.advance(305)
    with pytest.raises(InvalidToken) as caught:
        trusted.verify(text)
    assert caught.value.claim == "exp"
    clock.advance(-340)
    with pytest.raises(InvalidToken):
        trusted.verify(text)
