"""Tokens in the shapes that each provider publishes, and the traps that stand in its documentation (docs/providers.md).

Nothing here was run against a live tenant.
"""

from typing import Any, NamedTuple

import pytest

from jotary import InvalidToken, Principal, TokenVerifier
from jotary.jose import Key, KeySet, strict_json
from jotary.testing import FrozenClock, TestIssuer

CLOCK = FrozenClock()
KEY = Key.generate("RS256", kid="k1")
NOW = CLOCK.now
TIMES = {"iat": NOW - 10, "exp": NOW + 300}
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
API = "https://api.example"
POOL = "eu-central-1_AbCdEfGhI"


class Shape(NamedTuple):
    """One provider's good token.

    Attributes:
        settings: what its customer knows.
        header: beside alg and kid.
        claims: beside the times.
        client_id: what the principal has then,
        scopes: and so on.
    """

    settings: dict[str, Any]
    header: dict[str, Any]
    claims: dict[str, Any]
    client_id: str
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()


JWT = {"typ": "JWT"}
TODO = frozenset({"todo:read", "todo:write"})
ENTRA_2 = {
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "aud": API,
    "azp": "c1",
    "nbf": NOW - 10,
    "scp": "todo:read todo:write",
    "roles": ["Reader"],
    "sub": "s",
    "tid": TENANT,
    "uti": "u1",
    "ver": "2.0",
}
ENTRA_1 = {
    **{name: value for name, value in ENTRA_2.items() if name != "azp"},
    "iss": f"https://sts.windows.net/{TENANT}/",
    "appid": "c1",
    "ver": "1.0",
}
COGNITO = {
    "sub": "s",
    "cognito:groups": ["staff"],
    "iss": f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL}",
    "client_id": "c1",
    "token_use": "access",
    "scope": "todo:read todo:write",
    "jti": "j1",
}
COGNITO_ID = {
    **{name: value for name, value in COGNITO.items() if name not in {"client_id", "scope"}},
    "aud": "c1",
    "token_use": "id",
    "nonce": "n",
    "at_hash": "h",
}
KEYCLOAK = {
    "iss": "https://sso.example/realms/todo",
    "aud": [API, "account"],
    "sub": "s",
    "typ": "Bearer",
    "azp": "c1",
    "jti": "j1",
    "sid": "session",
    "scope": "todo:read todo:write",
    "realm_access": {"roles": ["staff"]},
    "resource_access": {"todo-api": {"roles": ["admin"]}, "account": {"roles": ["manage-account"]}},
}
AUTH0 = {
    "iss": "https://tenant.eu.auth0.com/",
    "sub": "auth0|123456",
    "aud": [API, "https://tenant.eu.auth0.com/userinfo"],
    "azp": "c1",
    "scope": "todo:read todo:write",
    "permissions": ["delete:tasks"],
}
FIREBASE = {
    "iss": "https://securetoken.google.com/todo-1234",
    "aud": "todo-1234",
    "auth_time": NOW - 20,
    "user_id": "s",
    "sub": "s",
    "firebase": {"identities": {}, "sign_in_provider": "password"},
}

SHAPES = {
    "auth0": Shape(
        {"domain": "tenant.eu.auth0.com", "audience": API},
        JWT,
        AUTH0,
        "c1",
        TODO,
        permissions=frozenset({"delete:tasks"}),
    ),
    "auth0 rfc9068": Shape(
        {"domain": "tenant.eu.auth0.com", "audience": API},
        {"typ": "at+jwt"},
        {**{name: value for name, value in AUTH0.items() if name != "azp"}, "client_id": "c1", "jti": "j1"},
        "c1",
        TODO,
        permissions=frozenset({"delete:tasks"}),
    ),
    "okta": Shape(
        {"domain": "example.okta.com", "audience": "api://default"},
        {},
        {
            "ver": 1,
            "jti": "AT.1",
            "iss": "https://example.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "c1",
            "uid": "00u",
            "scp": ["todo:read", "todo:write"],
            "sub": "ada@example.com",
        },
        "c1",
        TODO,
    ),
    "keycloak": Shape(
        {"base_url": "https://sso.example", "realm": "todo", "audience": API},
        JWT,
        KEYCLOAK,
        "c1",
        TODO,
        frozenset({"staff"}),
    ),
    "fusionauth": Shape(
        {"url": "https://auth.example", "issuer": "acme.com", "audience": "app-1", "kids": ["k1"]},
        {**JWT, "gty": ["authorization_code"]},
        {
            "iss": "acme.com",
            "aud": "app-1",
            "applicationId": "app-1",
            "sub": "s",
            "jti": "j1",
            "roles": ["admin"],
            "scope": "todo:read todo:write",
            "tid": TENANT,
        },
        "app-1",
        TODO,
        frozenset({"admin"}),
    ),
    "entra": Shape({"tenant": TENANT, "audience": API}, JWT, ENTRA_2, "c1", TODO, frozenset({"Reader"})),
    "entra v1": Shape(
        {"tenant": TENANT, "audience": API, "version": "1.0"},
        {**JWT, "x5t": "k1"},
        ENTRA_1,
        "c1",
        TODO,
        frozenset({"Reader"}),
    ),
    "cognito": Shape({"user_pool_id": POOL, "client_id": "c1"}, {}, COGNITO, "c1", TODO, frozenset({"staff"})),
    "cognito id": Shape(
        {"user_pool_id": POOL, "client_id": "c1", "kind": "id"}, {}, COGNITO_ID, "c1", roles=frozenset({"staff"})
    ),
    "google": Shape(
        {"client_id": "server.apps.googleusercontent.com"},
        JWT,
        {
            "iss": "https://accounts.google.com",
            "azp": "android.apps.googleusercontent.com",
            "aud": "server.apps.googleusercontent.com",
            "sub": "110169484474386276334",
            "hd": "example.com",
            "at_hash": "h",
            "nonce": "n",
        },
        "android.apps.googleusercontent.com",
    ),
    "firebase": Shape({"project_id": "todo-1234"}, JWT, FIREBASE, "todo-1234"),
    "firebase session": Shape(
        {"project_id": "todo-1234", "kind": "session_cookie"},
        JWT,
        {**FIREBASE, "iss": "https://session.firebase.google.com/todo-1234"},
        "todo-1234",
    ),
}


class Desk:
    """Where the tokens of every provider are written and verified."""

    shapes = SHAPES
    key = KEY
    clock = CLOCK

    def verifier(self, name: str, **settings: Any) -> TokenVerifier:
        """A verifier of the provider, which has the key already."""
        shared = {"keys": KeySet([KEY]), "clock": CLOCK}
        return TokenVerifier.for_provider(name.split(maxsplit=1)[0], **{**SHAPES[name].settings, **shared, **settings})

    def token(self, name: str, *, header: dict[str, Any] | None = None, key: Key = KEY, **claims: Any) -> str:
        """The provider's good token with some claims changed; None removes one."""
        shape = SHAPES[name]
        said = {**TIMES, **shape.claims, **claims}
        payload = strict_json.dumps({claim: value for claim, value in said.items() if value is not None})
        return TestIssuer(clock=CLOCK).sign(payload, key=key, header={**shape.header, **(header or {})})

    def refused(self, name: str, text: str, **settings: Any) -> InvalidToken:
        """Why it is refused."""
        with pytest.raises(InvalidToken) as caught:
            self.verifier(name, **settings).verify(text)
        return caught.value

    def accepted(self, name: str, text: str, **settings: Any) -> Principal:
        """Who it speaks for."""
        return self.verifier(name, **settings).verify(text)


@pytest.fixture(scope="session")
def desk() -> Desk:
    """One for all tests: keys take their time."""
    return Desk()


@pytest.fixture(params=SHAPES)
def name(request: pytest.FixtureRequest) -> str:
    """Each provider, and each kind of its tokens."""
    return str(request.param)
