"""OpenID Connect Core §11: `offline_access`, which many clients send always."""

from typing import Any

import pytest


@pytest.fixture
def online(site: Any) -> Any:
    """The site, whose client is not registered for offline_access."""
    site.desk.change_client(site.client, scopes=("openid", "todo:read", "todo:write"))
    return site


def test_offline_access_is_ignored_where_it_is_not_allowed(online: Any, signed_in: Any) -> None:
    """§11: ignored, not refused; the answer says so by its scope (RFC 6749 §5.1), and there is a refresh token."""
    answer = online.tokens(signed_in.authorize(scope="openid offline_access todo:read"))
    assert answer.scope == "openid todo:read"
    assert answer.refresh_token is not None


def test_a_session_without_offline_access_ends_with_the_sign_in(online: Any, signed_in: Any) -> None:
    """What was ignored has no effect: sent or not, the session is one that ends when the person signs out."""
    answer = online.tokens(signed_in.authorize(scope="openid offline_access"))
    session = online.desk.session(online.desk.claims(answer.access_token)["sid"])
    assert session.scopes == ("openid",)


def test_offline_access_is_given_where_it_is_allowed(site: Any, signed_in: Any) -> None:
    """§11: the client is registered for it."""
    assert site.tokens(signed_in.authorize(scope="openid offline_access")).scope == "openid offline_access"


def test_nothing_else_is_ignored(online: Any, signed_in: Any) -> None:
    """RFC 6749 §4.1.2.1: a scope of an API that the client may not have is an error that its developer must see."""
    for scope in ("openid admin", "openid offline_access admin", "openid offline_access_2"):
        assert online.answer(signed_in.authorize(scope=scope))["error"] == "invalid_scope"


def test_offline_access_alone_never_becomes_the_default_scope(online: Any, signed_in: Any) -> None:
    """RFC 6749 §3.3: the default is for requests that name no scope; this one names one, and may not have it."""
    assert online.answer(signed_in.authorize(scope="offline_access"))["error"] == "invalid_scope"


def test_a_refresh_that_repeats_it_is_answered(online: Any, signed_in: Any) -> None:
    """RFC 6749 §6: clients repeat the scope of their first request, not that of the answer."""
    first = online.tokens(signed_in.authorize(scope="openid offline_access todo:read"))
    scope = "openid offline_access todo:read"
    assert online.desk.refresh(online.client, first.refresh_token, scope=scope).scope == "openid todo:read"


def test_a_refresh_for_it_alone_is_refused(online: Any, signed_in: Any) -> None:
    """RFC 6749 §6: it was not granted, and nothing else is asked for."""
    first = online.tokens(signed_in.authorize(scope="openid todo:read"))
    error = online.desk.refused(online.desk.refresh, online.client, first.refresh_token, scope="offline_access")
    assert error.error == "invalid_scope"


def test_a_refresh_does_not_keep_what_was_taken_from_the_client(site: Any, signed_in: Any) -> None:
    """A registration counts anew at every request: what it no longer holds is ignored, though it was granted once."""
    first = site.tokens(signed_in.authorize(scope="openid offline_access"))
    site.desk.change_client(site.client, scopes=("openid",))
    refreshed = site.desk.refresh(site.client, first.refresh_token, scope="openid offline_access")
    assert refreshed.scope == "openid"
