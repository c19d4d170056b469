"""Which APIs a token is for (RFC 8707 §2.2, RFC 9700 §2.3)."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

TODO = "https://todo.example.com"
CALENDAR = "https://calendar.example.com"


def test_a_token_is_for_one_api_unless_asked_otherwise(desk: "Desk") -> None:
    """RFC 9700 §2.3: the first that was granted."""
    client = desk.add_client()
    response = desk.sign_in(client, resources=(CALENDAR, TODO))

    assert desk.claims(response.access_token)["aud"] == CALENDAR


def test_a_client_asks_for_each_api_with_one_refresh_token(desk: "Desk") -> None:
    """RFC 8707 §2.2: different tokens from one grant."""
    client = desk.add_client()
    tokens = desk.sign_in(client, resources=(TODO, CALENDAR))

    second = desk.refresh(client, tokens.refresh_token, resource=CALENDAR)
    third = desk.refresh(client, second.refresh_token, resource=[TODO, CALENDAR, TODO])

    assert desk.claims(tokens.access_token)["aud"] == TODO
    assert desk.claims(second.access_token)["aud"] == CALENDAR
    assert desk.claims(third.access_token)["aud"] == [TODO, CALENDAR]


def test_a_code_is_redeemed_for_one_of_its_resources(desk: "Desk") -> None:
    """RFC 8707 §2.2; the session keeps them all."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user(), resources=(TODO, CALENDAR))

    response = desk.redeem(client, issued, resource=CALENDAR)

    assert desk.claims(response.access_token)["aud"] == CALENDAR
    assert desk.session(issued.session_id).resources == (TODO, CALENDAR)


@pytest.mark.parametrize(
    "resource",
    [CALENDAR, "https://other.example.com", [TODO, CALENDAR], f"{TODO}/", f"{TODO}#part", "todo", "https://[x"],
    ids=str,
)
def test_what_was_not_granted_is_refused_everywhere(desk: "Desk", resource: str | list[str]) -> None:
    """RFC 8707 §2: invalid_target, even for what the client might have asked for. Nothing is used up."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user(), resources=(TODO,))

    error = desk.refused(desk.redeem, client, issued, resource=resource)
    assert (error.error, error.status) == ("invalid_target", 400)
    tokens = desk.redeem(client, issued)
    error = desk.refused(desk.refresh, client, tokens.refresh_token, resource=resource)
    assert (error.error, error.status) == ("invalid_target", 400)
    assert desk.session(issued.session_id).generation == 0


def test_an_api_that_was_registered_after_the_code_is_not_granted(desk: "Desk") -> None:
    """RFC 8707 §2.2: the person has allowed what the client was then."""
    client = desk.add_client(audiences=())
    issued = desk.issue_code(client, desk.add_user())
    desk.change_client(client, audiences=(TODO,))

    assert desk.claims(desk.redeem(client, issued).access_token)["aud"] == desk.settings.issuer
    assert desk.session(issued.session_id).resources == (desk.settings.issuer,)


def test_a_client_acting_for_itself_may_ask_for_any_api_of_its_registration(desk: "Desk") -> None:
    """RFC 8707 §2.1."""
    client = desk.add_client()

    response = desk.ask(client, grant_type="client_credentials", resource=CALENDAR)

    assert desk.claims(response.access_token)["aud"] == CALENDAR
    for resource in ("https://other.example.com", desk.settings.issuer):
        error = desk.refused(desk.ask, client, grant_type="client_credentials", resource=resource)
        assert (error.error, error.status) == ("invalid_target", 400)


def test_an_audience_taken_from_the_client_is_gone_at_the_next_refresh(desk: "Desk") -> None:
    """What is not registered is not allowed, and no other audience takes its place."""
    client = desk.add_client()
    tokens = desk.sign_in(client, resources=(TODO,))
    desk.change_client(client, audiences=(CALENDAR,))

    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_target"
    assert desk.refused(desk.refresh, client, tokens.refresh_token, resource=CALENDAR).error == "invalid_target"


def test_a_client_without_an_api_gets_tokens_for_the_issuer_and_keeps_them(desk: "Desk") -> None:
    """RFC 9068 §3: there is always an audience; registering an API later does not end or widen the session."""
    client = desk.add_client(audiences=())
    tokens = desk.sign_in(client)
    desk.change_client(client, audiences=(TODO,))

    again = desk.refresh(client, tokens.refresh_token)

    assert desk.claims(tokens.access_token)["aud"] == desk.claims(again.access_token)["aud"] == desk.settings.issuer
    assert desk.refused(desk.refresh, client, again.refresh_token, resource=TODO).error == "invalid_target"
