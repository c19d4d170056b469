"""The scenes of a run: tokens of RFC 9068, and those of the providers that are known by name."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from fuzz import rules
from fuzz.keys import ALGORITHMS, Keys
from fuzz.rules import Json
from fuzz.scene import LEEWAY, MAX_SIZE, NOW, Scene, Shape
from jotary.verifier import TokenVerifier

API = "https://api.example/todo"
_TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
_TIMES: Json = {"iat": NOW - 10, "exp": NOW + 300}

# By provider: what its customer knows, its header, and its claims beside the times (docs/providers.md).
_PROVIDERS: dict[str, tuple[dict[str, Any], Json, Json]] = {
    "auth0": (
        {"domain": "tenant.eu.auth0.com", "audience": API},
        {"typ": "JWT"},
        {"iss": "https://tenant.eu.auth0.com/", "aud": [API, "https://tenant/userinfo"], "azp": "c", "sub": "auth0|1"},
    ),
    "cognito": (
        {"user_pool_id": "eu-central-1_AbCdEfGhI", "client_id": "client-1"},
        {},
        {
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
            "client_id": "client-1",
            "token_use": "access",
            "sub": "s",
            "scope": "todo:read",
        },
    ),
    "entra": (
        {"tenant": _TENANT, "audience": API},
        {"typ": "JWT"},
        {
            "iss": f"https://login.microsoftonline.com/{_TENANT}/v2.0",
            "aud": API,
            "azp": "c",
            "scp": "todo:read",
            "sub": "s",
            "tid": _TENANT,
            "ver": "2.0",
        },
    ),
    "firebase": (
        {"project_id": "example-1234"},
        {"typ": "JWT"},
        {
            "iss": "https://securetoken.google.com/example-1234",
            "aud": "example-1234",
            "sub": "s",
            "auth_time": NOW - 20,
        },
    ),
    "fusionauth": (
        {
            "url": "https://fusion.example",
            "issuer": "acme",
            "audience": "app-1",
            "kids": [f"{name.lower()}-1" for name in ALGORITHMS],
        },
        {"typ": "JWT"},
        {"iss": "acme", "aud": "app-1", "applicationId": "app-1", "sub": "s", "roles": ["reader"]},
    ),
    "google": (
        {"client_id": "c.apps.example"},
        {"typ": "JWT"},
        {"iss": "https://accounts.google.com", "aud": "c.apps.example", "azp": "c.apps.example", "sub": "s"},
    ),
    "keycloak": (
        {"base_url": "https://sso.example", "realm": "todo", "audience": API},
        {"typ": "JWT"},
        {
            "iss": "https://sso.example/realms/todo",
            "aud": [API, "account"],
            "typ": "Bearer",
            "azp": "c",
            "sub": "s",
            "realm_access": {"roles": ["reader"]},
        },
    ),
    "okta": (
        {"domain": "example.okta.com", "audience": API},
        {},
        {"iss": "https://example.okta.com/oauth2/default", "aud": API, "cid": "c", "scp": ["todo:read"], "sub": "s"},
    ),
}


def rfc9068(keys: Keys) -> Scene:
    """An API that takes access tokens of RFC 9068; every rule is known, so that what breaks none must be taken."""
    issuer = "https://id.example"
    verifier = TokenVerifier.offline(
        issuer=issuer,
        audience=API,
        keys=keys.key_set,
        algorithms=ALGORITHMS,
        leeway=LEEWAY,
        max_token_size=MAX_SIZE,
        cache_size=0,
        clock=lambda: NOW,
    )
    everywhere = _everywhere(frozenset({issuer}), "aud", API)

    def broken(header: Json, claims: Json) -> Iterator[str]:
        return chain(everywhere(claims), rules.broken_in_access_token(header, claims))

    shape = Shape("rfc9068", frozenset({issuer}), "aud", API, list(_contents(issuer)), broken, is_complete=True)
    return Scene(shape, keys, verifier)


def of_provider(name: str, keys: Keys) -> Scene:
    """An API that takes a provider's tokens; what every issuer's tokens must say is known, and no more."""
    settings, header, claims = _PROVIDERS[name]
    verifier = TokenVerifier.for_provider(
        name,
        keys=keys.key_set,
        algorithms=ALGORITHMS,
        leeway=LEEWAY,
        cache_size=0,
        clock=lambda: NOW,
        **settings,
    )
    audience_claim = "client_id" if name == "cognito" else "aud"
    aliases = {"accounts.google.com"} if name == "google" else set()
    (audience,) = verifier.audiences
    issuers = frozenset({claims["iss"], *aliases})
    everywhere = _everywhere(issuers, audience_claim, audience)
    contents = [(header, {**claims, **_TIMES})]
    shape = Shape(name, issuers, audience_claim, audience, contents, lambda _, c: everywhere(c), is_complete=False)
    return Scene(shape, keys, verifier)


def all_scenes(keys: Keys) -> list[Scene]:
    """Every one; that of RFC 9068 comes first."""
    return [rfc9068(keys), *(of_provider(name, keys) for name in _PROVIDERS)]


def _everywhere(issuers: frozenset[str], audience_claim: str, audience: str) -> Any:
    return partial(
        rules.broken_everywhere,
        issuers=issuers,
        audience_claim=audience_claim,
        audiences=frozenset({audience}),
        now=NOW,
        leeway=LEEWAY,
    )


def _contents(issuer: str) -> Iterator[tuple[Json, Json]]:
    """Good tokens that differ in all that may differ."""
    typ: Json = {"typ": "at+jwt"}
    claims: Json = {"iss": issuer, "sub": "person-1", "aud": API, "client_id": "client-1", "jti": "j-1", **_TIMES}
    yield typ, {**claims, "scope": "todo:read todo:write", "sid": "session-1"}
    yield typ, claims
    yield {"typ": "application/AT+JWT", "cty": "JWT", "x": {"y": [1, None]}}, {**claims, "nbf": NOW - 10, "scope": ""}
    yield {**typ, "kid": None}, {**claims, "aud": ["https://other.example", API], "exp": NOW + 0.5, "iat": NOW - 0.5}
    yield {**typ, "crit": ["b64"], "b64": True}, {**claims, "iat": NOW + LEEWAY, "nbf": NOW + LEEWAY, "roles": ["a"]}
    yield typ, {**claims, "sub": "Zoë ✓", "exp": NOW - LEEWAY + 1, "act": {"sub": "x", "deep": [[[[[[[[1]]]]]]]]}}
