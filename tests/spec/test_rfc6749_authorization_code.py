"""Redeeming authorization codes (RFC 6749 §4.1.2, §4.1.3, RFC 7636 §4.5, §4.6, OIDC Core §3.1.3)."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from jotary.oauth.errors import OAuthError
from jotary.server.model.changes import EndSessionsOfUser, EndSignIn, ReplaceUser

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

VERIFIER = "v" * 43


def test_a_code_opens_the_session_that_it_was_made_for(desk: "Desk") -> None:
    """RFC 6749 §4.1.4: person, client, scope and resources are those of the authorization."""
    client, user = desk.add_client(), desk.add_user()
    issued = desk.issue_code(client, user, scopes=("openid", "todo:read"))

    response = desk.redeem(client, issued)

    session = desk.session(issued.session_id)
    assert (session.user_id, session.client_id, session.sign_in_id) == (user.id, client.id, issued.sign_in_id)
    assert (session.scopes, session.generation) == (("openid", "todo:read"), 0)
    assert response.scope == "openid todo:read"
    assert desk.claims(response.access_token)["sid"] == session.id
    assert desk.kinds() == ["session.opened"]


def test_the_lifetimes_of_the_session_are_the_operators(desk: "Desk") -> None:
    """Design §6.1."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    desk.redeem(client, issued)

    session = desk.session(issued.session_id)
    assert session.idle_expires_at == desk.now + desk.settings.session_idle_lifetime
    assert session.expires_at == desk.now + desk.settings.session_lifetime


def test_a_client_without_refresh_tokens_gets_a_session_as_long_as_its_access_token(desk: "Desk") -> None:
    """Nothing can prolong it, so nothing of it stays behind."""
    client = desk.add_client(grant_types=("authorization_code",))
    issued = desk.issue_code(client, desk.add_user())

    response = desk.redeem(client, issued)

    session = desk.session(issued.session_id)
    assert response.refresh_token is None
    assert session.idle_expires_at == session.expires_at == desk.now + desk.settings.access_token_lifetime


WRONG: dict[str, dict[str, Any]] = {
    "verifier": {"code_verifier": VERIFIER},
    "malformed verifier": {"code_verifier": "short"},
    "redirect_uri": {"redirect_uri": "https://web.example.com/callback/"},
    "redirect_uri in another spelling": {"redirect_uri": "https://WEB.example.com/callback"},
    "code": {"code": "jac_" + "x" * 43},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_the_code_is_refused(desk: "Desk", wrong: str) -> None:
    """RFC 6749 §4.1.3, RFC 7636 §4.6."""
    client = desk.add_client()

    error = desk.refused(desk.redeem, client, desk.issue_code(client, desk.add_user()), **WRONG[wrong])

    assert (error.error, error.status) == ("invalid_grant", 400)


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "code"])
def test_who_cannot_prove_that_the_code_is_theirs_does_not_spoil_it(desk: "Desk", wrong: str) -> None:
    """A stranger with a code out of a log must not be able to stop the person's sign-in."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    desk.refused(desk.redeem, client, issued, **WRONG[wrong])

    assert desk.redeem(client, issued).access_token


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "code"])
def test_who_cannot_prove_that_the_code_is_theirs_ends_nobodys_session(desk: "Desk", wrong: str) -> None:
    """Codes stand in histories and logs long after they were redeemed: a code alone must not sign anybody out."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    desk.redeem(client, issued)

    desk.refused(desk.redeem, client, issued, **WRONG[wrong])

    assert desk.session(issued.session_id).ended_at is None


def test_another_clients_code_is_refused_and_stays_good(desk: "Desk") -> None:
    """RFC 6749 §4.1.3; before and after it was redeemed, whatever the other client knows."""
    client, other = desk.add_client(), desk.add_client("other")
    issued = desk.issue_code(client, desk.add_user())

    assert desk.refused(desk.redeem, other, issued).error == "invalid_grant"
    desk.redeem(client, issued)
    assert desk.refused(desk.redeem, other, issued).error == "invalid_grant"
    assert desk.session(issued.session_id).ended_at is None


def test_a_second_redemption_ends_the_session_of_the_first(desk: "Desk") -> None:
    """RFC 6749 §4.1.2: somebody else has code and verifier. The trail says so."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    tokens = desk.redeem(client, issued)

    error = desk.refused(desk.redeem, client, issued)

    assert (error.error, error.status) == ("invalid_grant", 400)
    session = desk.session(issued.session_id)
    assert (session.ended_at, session.end_reason) == (desk.now, "code_reused")
    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"
    assert desk.kinds() == ["session.opened", "code.reused"]
    assert desk.run(desk.store.revocation("sid", session.id, now=desk.now)) is not None


def test_a_second_redemption_is_noticed_after_the_code_has_expired(desk: "Desk") -> None:
    """A late repetition is a repetition too."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    desk.redeem(client, issued)
    desk.now += desk.settings.code_lifetime + 1

    desk.refused(desk.redeem, client, issued)

    assert desk.session(issued.session_id).end_reason == "code_reused"


def test_a_code_expires(desk: "Desk") -> None:
    """RFC 6749 §4.1.2: good in its last second, not in the next."""
    client, user = desk.add_client(), desk.add_user()
    first, second = desk.issue_code(client, user), desk.issue_code(client, user)

    desk.now += desk.settings.code_lifetime - 1
    assert desk.redeem(client, first).access_token
    desk.now += 1
    assert desk.refused(desk.redeem, client, second).error == "invalid_grant"


def test_a_code_dies_with_its_sign_in(desk: "Desk") -> None:
    """Who has just signed out gets no session from a code that was on its way."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    desk.write(EndSignIn(issued.sign_in_id, desk.now))

    assert desk.refused(desk.redeem, client, issued).error == "invalid_grant"


def test_a_disabled_person_gets_no_session(desk: "Desk") -> None:
    """An operator's word counts between the code and its redemption."""
    client, user = desk.add_client(), desk.add_user()
    issued = desk.issue_code(client, user)
    desk.write(ReplaceUser(type(user)(id=user.id, email=user.email, created_at=0, disabled_at=desk.now)))

    assert desk.refused(desk.redeem, client, issued).error == "invalid_grant"


def test_a_code_dies_with_all_sessions_of_a_person(desk: "Desk") -> None:
    """Whoever signs out everywhere leaves nothing on its way."""
    client, user = desk.add_client(), desk.add_user()
    issued = desk.issue_code(client, user)
    desk.write(EndSessionsOfUser(user.id, desk.now, "test", desk.now + 600))

    assert desk.refused(desk.redeem, client, issued).error == "invalid_grant"


def test_of_parallel_redemptions_one_succeeds_and_its_session_is_ended(desk: "Desk") -> None:
    """RFC 6749 §4.1.2: at most once, and the second one is a theft however close it comes."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())

    answers = desk.run(_in_parallel(desk, client, issued, 20))

    refusals = [answer for answer in answers if isinstance(answer, OAuthError)]
    assert (len(answers), len(refusals)) == (20, 19)
    assert {error.error for error in refusals} == {"invalid_grant"}
    assert desk.session(issued.session_id).end_reason == "code_reused"


async def _in_parallel(desk: "Desk", client: Any, issued: Any, count: int) -> list[Any]:
    requests = [desk.token(*desk.redemption(client, issued), now=desk.now) for _ in range(count)]
    return await asyncio.gather(*requests, return_exceptions=True)


def test_a_scope_taken_from_the_client_meanwhile_is_not_granted(desk: "Desk") -> None:
    """What is not registered is not allowed, at any time."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user(), scopes=("todo:read", "todo:write"))
    desk.change_client(client, scopes=("todo:read",))

    assert desk.redeem(client, issued).scope == "todo:read"
