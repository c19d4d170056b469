"""A client acts for itself (RFC 6749 §4.4)."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

GRANT = {"grant_type": "client_credentials"}


def test_the_client_is_the_subject_and_there_is_no_session(desk: "Desk") -> None:
    """RFC 9068 §2.2; RFC 6749 §4.4.3: no refresh token."""
    response = desk.ask(desk.add_client(), **GRANT)

    claims = desk.claims(response.access_token)
    assert claims["sub"] == claims["client_id"] == "web"
    assert not {"sid", "auth_time", "amr"} & set(claims)
    assert (response.refresh_token, response.id_token) == (None, None)


def test_without_scope_it_gets_all_that_do_not_speak_of_a_person(desk: "Desk") -> None:
    """RFC 6749 §3.3: the default, as documented."""
    assert desk.ask(desk.add_client(), **GRANT).scope == "todo:read todo:write"


def test_it_gets_the_part_of_its_scope_that_it_asks_for(desk: "Desk") -> None:
    """RFC 6749 §3.3."""
    assert desk.ask(desk.add_client(), **GRANT, scope="todo:read").scope == "todo:read"


@pytest.mark.parametrize("scope", ["admin", "todo:read admin", "openid", "profile", "email", "offline_access", "a  b"])
def test_other_scopes_are_refused(desk: "Desk", scope: str) -> None:
    """RFC 6749 §5.2; without a person there is nobody to identify or to be offline (OIDC Core §11)."""
    error = desk.refused(desk.ask, desk.add_client(), **GRANT, scope=scope)

    assert (error.error, error.status) == ("invalid_scope", 400)


def test_a_public_client_cannot_act_for_itself(desk: "Desk") -> None:
    """RFC 6749 §4.4: confidential clients only, even if the registration says otherwise."""
    error = desk.refused(desk.ask, desk.add_public_client(), **GRANT)

    assert (error.error, error.status) == ("unauthorized_client", 400)


def test_a_client_without_an_api_gets_tokens_for_the_issuer(desk: "Desk") -> None:
    """RFC 9068 §3: there is always an audience."""
    response = desk.ask(desk.add_client(audiences=()), **GRANT)

    assert desk.claims(response.access_token)["aud"] == desk.settings.issuer
