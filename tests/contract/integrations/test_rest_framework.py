"""What only the integration of Django REST framework has: authentication and permissions, apart and together."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from jotary import Principal
from jotary.integrations.rest_framework import JotarySecurity, TokenUser
from jotary.testing import TestIssuer

ISSUER = TestIssuer()
METADATA = "https://api.example/.well-known/oauth-protected-resource"

Project = Callable[[Sequence[URLPattern]], ASGIApp]


class Whoami(APIView):  # type: ignore[misc]  # the framework brings no types
    """Says who is there."""

    def get(self, request: Request) -> Response:
        """Say it."""
        return Response({"user": str(request.user), "auth": isinstance(request.auth, Principal)})


class BySession(BaseAuthentication):  # type: ignore[misc]  # the framework brings no types
    """Another way to sign in, which knows everybody."""

    def authenticate(self, request: Request) -> tuple[str, None]:  # noqa: ARG002 -- the framework's signature
        """Let in."""
        return ("somebody", None)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- the framework's signature
        """Name itself."""
        return "Session"


class Nobody(BasePermission):  # type: ignore[misc]  # the framework brings no types
    """Lets nobody in."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002 -- the framework's signature
        """Refuse."""
        return False


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier())


def ask(view: type[APIView], headers: dict[str, str] | None = None, **attributes: Any) -> Any:
    """GET a view that has these class attributes."""
    chosen: Any = type("Chosen", (view,), attributes)
    return chosen.as_view()(APIRequestFactory().get("/", headers=headers or {}))


def bearer(*scopes: str, **claims: Any) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes, **claims)}"}


def test_the_frameworks_own_refusal_is_401_and_not_403(security: JotarySecurity) -> None:
    """RFC 6750 §3.1: `authenticate_header` makes the difference, for permissions that are not ours."""
    response = ask(Whoami, authentication_classes=[security.authentication], permission_classes=[IsAuthenticated])
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == f'Bearer resource_metadata="{METADATA}"'


def test_a_bad_token_is_refused_where_nobody_asks_for_one(security: JotarySecurity) -> None:
    """RFC 6750 §3.1: it is not taken for none, so that a client learns that it must refresh."""
    classes: dict[str, Any] = {"authentication_classes": [security.authentication], "permission_classes": []}
    bad = ask(Whoami, bearer(without=["sub"]), **classes)
    assert (bad.status_code, bad.data["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in bad["WWW-Authenticate"]
    assert ask(Whoami, {"Authorization": "Bearer a b"}, **classes).status_code == 400
    assert ask(Whoami, **classes).status_code == 200


def test_other_ways_to_sign_in_stay(security: JotarySecurity) -> None:
    """A request without a bearer token is for the next class; one with a token is for this one."""
    classes = [security.authentication, BySession]
    assert ask(Whoami, authentication_classes=classes).data == {"user": "somebody", "auth": False}
    assert ask(Whoami, bearer(), authentication_classes=classes).data == {"user": "ada", "auth": True}


def test_only_tokens_have_scopes(security: JotarySecurity) -> None:
    """Who signed in otherwise is asked for a token."""
    classes = [security.authentication, BySession]
    response = ask(Whoami, authentication_classes=classes, permission_classes=[security.require("a")])
    assert response.status_code == 401
    assert 'scope="a"' in response["WWW-Authenticate"]


def test_a_token_of_another_verifier_has_no_scopes_here(security: JotarySecurity) -> None:
    """Its scopes are another API's."""
    other = JotarySecurity(ISSUER.verifier(audience="https://other.example"))
    classes = [other.authentication, security.authentication]
    response = ask(
        Whoami,
        bearer("a", aud="https://other.example"),
        authentication_classes=classes,
        permission_classes=[security.require("a")],
    )
    assert response.status_code == 401


def test_a_permission_without_its_authentication_is_a_mistake(security: JotarySecurity) -> None:
    """Said to who made it, rather than 401 for ever."""
    with pytest.raises(ImproperlyConfigured, match=r"Chosen\.authentication_classes"):
        ask(Whoami, bearer("a"), authentication_classes=[BySession], permission_classes=[security.require("a")])


def test_permissions_combine(security: JotarySecurity) -> None:
    """With the framework's operators; whatever comes of them, nobody gets in who should not."""
    a, b = security.require("a"), security.require("b")
    for combined, statuses in (
        (a & b, [401, 403, 403, 200]),
        (Nobody | a, [401, 200, 403, 200]),
        (a & Nobody, [401, 403, 403, 403]),
        (~a, [401, 403, 403, 403]),
    ):
        classes: dict[str, Any] = {
            "authentication_classes": [security.authentication],
            "permission_classes": [combined],
        }
        requests = [{}, bearer("a"), bearer("b"), bearer("a", "b")]
        assert [ask(Whoami, headers, **classes).status_code for headers in requests] == statuses


def test_the_user_can_be_an_account_of_the_project() -> None:
    """Made of the principal; `request.auth` stays the principal."""
    security = JotarySecurity(ISSUER.verifier(), user=lambda principal: f"account of {principal.subject}")
    answer = ask(Whoami, bearer(), authentication_classes=[security.authentication])
    assert answer.data == {"user": "account of ada", "auth": True}


def test_a_throttle_counts_by_subject(security: JotarySecurity) -> None:
    """It looks at `request.user.pk`."""
    throttle = type("Throttle", (UserRateThrottle,), {"rate": "1/min"})
    classes: dict[str, Any] = {"authentication_classes": [security.authentication], "throttle_classes": [throttle]}
    eve = {"Authorization": f"Bearer {ISSUER.token('eve')}"}
    assert [ask(Whoami, headers, **classes).status_code for headers in (bearer(), eve, bearer())] == [200, 200, 429]


def test_the_user_of_a_token_is_no_administrator() -> None:
    """What looks at Django's flags sees a person who is signed in, and no more."""
    user = TokenUser(ISSUER.verifier().verify(ISSUER.token("ada")))
    assert (user.is_authenticated, user.is_active, user.get_username(), user.pk) == (True, True, "ada", "ada")
    assert (user.is_anonymous, user.is_staff, user.is_superuser) == (False, False, False)


def test_headers_do_not_depend_on_the_exception_handler(
    security: JotarySecurity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many projects have one of their own, for another body."""
    monkeypatch.setattr(api_settings, "EXCEPTION_HANDLER", lambda error, _: Response("other", error.status_code))
    classes: dict[str, Any] = {
        "authentication_classes": [security.authentication],
        "permission_classes": [security.require("a")],
    }
    refused = ask(Whoami, bearer("b"), **classes)
    assert (refused.status_code, refused.data, refused["Cache-Control"]) == (403, "other", "no-store")
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]


def test_an_answer_varies_by_token(security: JotarySecurity) -> None:
    """RFC 9111 §4.1, for Django's cache; and by what the framework says of itself."""
    response = ask(Whoami, bearer(), authentication_classes=[security.authentication])
    assert response["Vary"] == "Authorization, Accept"
    assert "WWW-Authenticate" not in response


def test_the_metadata_is_served(security: JotarySecurity, project: Project) -> None:
    """RFC 9728 §3.1; not for a resource that is no URL (§1.2)."""
    client = TestClient(project([*security.urls(), path("", Whoami.as_view())]))
    assert client.get("/.well-known/oauth-protected-resource").status_code == 200
    assert JotarySecurity(ISSUER.verifier(audience="todo-api")).urls() == []


def test_a_scope_that_cannot_be_is_refused_at_start(security: JotarySecurity) -> None:
    """RFC 6749 §3.3: rather than closing the view for ever."""
    with pytest.raises(ValueError, match="scope value"):
        security.require("todo:read todo:write")
