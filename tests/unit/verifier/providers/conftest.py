"""Tokens in the shapes that each provider publishes, and the traps that stand in its documentation (docs/providers.md).

The shapes are those of `jotary.testing`, which users test their own APIs with. Nothing was run against a live tenant.
"""

from typing import Any, NamedTuple

import pytest

from jotary import InvalidToken, Principal, TokenVerifier
from jotary.jose import Key, KeySet, base64url, strict_json
from jotary.testing import FrozenClock, TestIssuer
from jotary.testing.provider_shapes import SHAPES as PUBLIC

CLOCK = FrozenClock()
KEY = Key.generate("RS256", kid="k1")
API = "https://api.example"
TODO = frozenset({"todo:read", "todo:write"})


class Shape(NamedTuple):
    """One provider's good token.

    Attributes:
        settings: of the provider, in place of the example's.
        claims: in place of the example's.
        client_id: what the principal has then,
        scopes: and so on.
    """

    settings: dict[str, Any]
    claims: dict[str, Any]
    client_id: str = "c1"
    scopes: frozenset[str] = TODO
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()


_AUTH0 = Shape({}, {"permissions": ["delete:tasks"]}, permissions=frozenset({"delete:tasks"}))
_ENTRA = Shape({}, {"roles": ["Reader"], "uti": "u1"}, roles=frozenset({"Reader"}))
_STAFF = {"cognito:groups": ["staff"]}
_COGNITO = Shape({"client_id": "c1"}, _STAFF, roles=frozenset({"staff"}))
_FIREBASE = Shape({}, {}, "todo-1234", frozenset())
SHAPES = {
    "auth0": _AUTH0,
    "auth0 rfc9068": _AUTH0,
    "okta": Shape({}, {}),
    "keycloak": Shape(
        {},
        {"realm_access": {"roles": ["staff"]}, "resource_access": {"todo-api": {"roles": ["admin"]}}},
        roles=frozenset({"staff"}),
    ),
    "fusionauth": Shape({"audience": "app-1"}, {"roles": ["admin"]}, "app-1", roles=frozenset({"admin"})),
    "entra": _ENTRA,
    "entra v1": _ENTRA,
    "cognito": _COGNITO,
    "cognito id": _COGNITO._replace(scopes=frozenset()),
    "google": Shape({}, {"hd": "example.com"}, scopes=frozenset()),
    "firebase": _FIREBASE,
    "firebase session_cookie": _FIREBASE,
}


class Desk:
    """Where the tokens of every provider are written and verified."""

    shapes = SHAPES
    key = KEY
    clock = CLOCK

    def __init__(self) -> None:
        self._issuers: dict[str, TestIssuer] = {}

    def issuer(self, name: str) -> TestIssuer:
        """The provider's issuer; all of them sign with one key, since keys take their time."""
        if name not in self._issuers:
            provider, _, variant = name.partition(" ")
            issuer = TestIssuer.for_provider(provider, variant=variant, clock=CLOCK, **SHAPES[name].settings)
            issuer.signing_key = KEY
            issuer._published = [KEY]
            self._issuers[name] = issuer
        return self._issuers[name]

    def verifier(self, name: str, **settings: Any) -> TokenVerifier:
        """A verifier of the provider, which has the key already."""
        shared = {"keys": KeySet([KEY]), "clock": CLOCK}
        return TokenVerifier.for_provider(
            name.partition(" ")[0], **{**self.issuer(name).settings, **shared, **settings}
        )

    def token(self, name: str, *, header: dict[str, Any] | None = None, key: Key = KEY, **claims: Any) -> str:
        """The provider's good token with some claims changed; None removes one."""
        issuer = self.issuer(name)
        head, payload, _ = issuer.token("s", scopes=sorted(TODO), client_id="c1").split(".")
        members = strict_json.loads_object(base64url.decode(head))
        said = {**strict_json.loads_object(base64url.decode(payload)), **SHAPES[name].claims, **claims}
        changed = {"typ": members.get("typ"), **(header or {})}
        return issuer.sign(
            strict_json.dumps({claim: value for claim, value in said.items() if value is not None}),
            key=key,
            header=changed,
        )

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
    assert {tuple(name.partition(" ")[::2]) for name in SHAPES} == set(PUBLIC)
    return Desk()


@pytest.fixture(params=SHAPES)
def name(request: pytest.FixtureRequest) -> str:
    """Each provider, and each kind of its tokens."""
    return str(request.param)
