"""What holds for the tokens of every provider (docs/providers.md)."""

from typing import Any

import pytest

from jotary.jose import Key, base64url, strict_json
from jotary.testing import FrozenClock

NOW = FrozenClock().now


def test_a_token_as_the_provider_publishes_it_is_taken(desk: Any, name: str) -> None:
    """Issuer, client, scopes, roles and permissions, each where it belongs."""
    principal = desk.accepted(name, desk.token(name))
    shape = desk.shapes[name]
    assert (principal.issuer, principal.subject) == (desk.issuer(name).issuer, "s")
    assert (principal.client_id, principal.scopes) == (shape.client_id, shape.scopes)
    assert (principal.roles, principal.permissions) == (shape.roles, shape.permissions)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://evil.example"),
        ("iss", ["https://evil.example"]),
        ("iss", None),
        ("exp", NOW - 5),
        ("exp", None),
        ("iat", NOW + 6),
        ("nbf", NOW + 6),
        ("sub", None),
        ("sub", 7),
        ("sid", 7),
    ],
)
def test_what_every_token_must_say_is_checked_for_each_provider(desk: Any, name: str, claim: str, value: Any) -> None:
    """RFC 7519 §4.1, RFC 8725 §3.8 and §3.9: a profile tells where things are, never that they are left out."""
    assert desk.refused(name, desk.token(name, **{claim: value})).claim == claim


def test_the_trailing_slash_of_an_issuer_counts(desk: Any, name: str) -> None:
    """RFC 7519 §4.1.1: byte for byte, one slash more or less."""
    issuer = desk.issuer(name).issuer
    other = issuer.rstrip("/") if issuer.endswith("/") else f"{issuer}/"
    assert desk.refused(name, desk.token(name, iss=other)).claim == "iss"


def test_the_audience_is_checked_for_each_provider(desk: Any, name: str) -> None:
    """RFC 8725 §3.9; for Cognito's access tokens the client stands for it."""
    claim = "client_id" if name == "cognito" else "aud"
    for value in ("https://other.example", ["https://other.example"], None, 7):
        assert desk.refused(name, desk.token(name, **{claim: value})).claim == "aud"


def test_an_algorithm_that_the_provider_does_not_use_is_refused(desk: Any, name: str) -> None:
    """RFC 8725 §3.1; unsigned tokens, and those of another key, too."""
    assert desk.refused(name, desk.token(name, key=Key.generate("ES256", kid="k1"))).claim == "alg"
    head = base64url.encode(strict_json.dumps({"alg": "none", "typ": "JWT"}))
    assert desk.refused(name, f"{head}.{desk.token(name).split('.')[1]}.").claim == "alg"
    assert desk.refused(name, desk.token(name, key=Key.generate("RS256", kid="k1"))).claim == "signature"


@pytest.mark.parametrize("name", ["auth0", "auth0 rfc9068", "keycloak", "fusionauth", "entra", "google", "firebase"])
def test_a_type_of_another_kind_is_refused(desk: Any, name: str) -> None:
    """RFC 8725 §3.11."""
    for typ in ("logout+jwt", "okta-internal-at+jwt", "dpop+jwt"):
        assert desk.refused(name, desk.token(name, header={"typ": typ})).claim == "typ"


def test_where_the_type_is_media_type_case_does_not_count(desk: Any) -> None:
    """RFC 7515 §4.1.9."""
    desk.accepted("auth0", desk.token("auth0", header={"typ": "application/AT+JWT"}))


@pytest.mark.parametrize("name", ["keycloak", "fusionauth", "entra", "entra v1", "cognito", "cognito id"])
def test_roles_of_another_shape_are_refused(desk: Any, name: str) -> None:
    """A list of strings, or nothing."""
    claim = {"cognito": "cognito:groups", "keycloak": "realm_access"}.get(name.split(maxsplit=1)[0], "roles")
    for value in ("admin", [7], [""], {"roles": "admin"}, 7):
        assert desk.refused(name, desk.token(name, **{claim: value})).claim == claim
    assert desk.accepted(name, desk.token(name, **{claim: None})).roles == frozenset()


@pytest.mark.parametrize("value", ["delete:tasks", [7], {"a": 1}])
def test_permissions_of_another_shape_are_refused(desk: Any, value: Any) -> None:
    """Auth0's RBAC: a list of strings."""
    assert desk.refused("auth0", desk.token("auth0", permissions=value)).claim == "permissions"


@pytest.mark.parametrize("value", ["todo:read", ["todo:read todo:write"], [7], [""], ['a"b'], {"a": 1}])
def test_scopes_in_a_list_stand_one_in_each(desk: Any, value: Any) -> None:
    """Okta's `scp`; RFC 6749 §3.3 for each."""
    assert desk.refused("okta", desk.token("okta", scp=value)).claim == "scp"


@pytest.mark.parametrize("value", [["todo:read"], "a  b", 7, {"a": 1}])
def test_scopes_in_a_string_are_separated_by_spaces(desk: Any, value: Any) -> None:
    """RFC 8693 §4.2."""
    assert desk.refused("auth0", desk.token("auth0", scope=value)).claim == "scope"
    assert desk.refused("entra", desk.token("entra", scp=value)).claim == "scp"
    assert desk.accepted("entra", desk.token("entra", scp=None)).scopes == frozenset()
