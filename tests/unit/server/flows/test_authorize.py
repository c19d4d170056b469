"""What `/authorize` decides, given who is at the browser. Pure: facts in, decision out."""

from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.authorization_request import AuthorizationRequest, RedirectError
from jotary.server.flows.authorize import (
    Decision,
    Facts,
    IssueCode,
    NeedConsent,
    NeedSignIn,
    changes_of,
    decide,
)
from jotary.server.flows.consent import with_consent
from jotary.server.flows.id_token_hint import IDTokenHint
from jotary.server.flows.signed_in import SignedIn
from jotary.server.model.changes import AddCode, AddEvent, PutConsent, TouchSignIn
from jotary.server.model.client import Client
from jotary.server.model.consent import Consent
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User

NOW = 1_800_000_000
TODO, CALENDAR = "https://todo.example", "https://calendar.example"
ADA = User(id="ada", email="ada@example.com", created_at=0)


def signed_in(*, at: int = NOW - 100) -> SignedIn:
    """Ada, who signed in at a moment."""
    sign_in = SignIn(
        id="sign-in", user_id=ADA.id, authenticated_at=at, methods=("pwd",), last_seen_at=at, expires_at=NOW + 9_999
    )
    return SignedIn(ADA, sign_in)


def request(*, is_first_party: bool = True, **changed: Any) -> AuthorizationRequest:
    """A request that passed its checks."""
    client = Client(
        id="app",
        name="App",
        type="web",
        token_endpoint_auth_method="none",
        is_first_party=is_first_party,
        created_at=0,
    )
    fields: dict[str, Any] = {
        "client": client,
        "redirect_uri": "https://app.example/callback",
        "state": "s",
        "scopes": ("openid", "todo:read"),
        "resources": (),
        "response_mode": "query",
        "code_challenge": "c" * 43,
        "nonce": None,
        "prompts": frozenset(),
        "max_age": None,
        "login_hint": None,
        "id_token_hint": None,
    }
    return AuthorizationRequest(**{**fields, **changed})


def consent(*scopes: str) -> Consent:
    """What Ada allowed before."""
    return Consent(user_id=ADA.id, client_id="app", scopes=scopes, granted_at=1, resources={"": scopes})


def hint(subject: str) -> IDTokenHint:
    """An ID token of somebody."""
    return IDTokenHint(subject=subject, client_id="app", session_id=None)


def error_of(decision: Decision) -> str:
    """The error that goes to the client, which gets its state back."""
    assert isinstance(decision, RedirectError)
    assert (decision.redirect_uri, decision.state) == ("https://app.example/callback", "s")
    return decision.error.error


def test_a_signed_in_person_at_a_first_party_client_is_asked_nothing() -> None:
    """The whole point of single sign-on."""
    assert decide(request(), Facts(signed_in=signed_in()), now=NOW) == IssueCode(request(), signed_in(), None)


def test_a_stranger_must_sign_in() -> None:
    """RFC 6749 §3.1."""
    assert isinstance(decide(request(), Facts(signed_in=None), now=NOW), NeedSignIn)


@pytest.mark.parametrize(
    ("changed", "must"),
    [
        ({"prompts": frozenset({"login"})}, True),
        ({"prompts": frozenset({"select_account"})}, True),
        ({"prompts": frozenset({"login", "consent"})}, True),
        ({"max_age": 0}, True),
        ({"max_age": 99}, True),
        ({"max_age": 100}, False),
        ({"max_age": 101}, False),
    ],
)
def test_a_request_can_demand_a_fresh_sign_in(changed: dict[str, Any], must: bool) -> None:
    """OIDC Core §3.1.2.1: prompt and max_age; here the sign-in is 100 s old."""
    decision = decide(request(**changed), Facts(signed_in=signed_in()), now=NOW)
    assert isinstance(decision, NeedSignIn if must else IssueCode)


def test_max_age_0_is_prompt_login_even_in_the_second_of_the_sign_in() -> None:
    """OIDC Core §3.1.2.1."""
    assert isinstance(decide(request(max_age=0), Facts(signed_in=signed_in(at=NOW)), now=NOW), NeedSignIn)


@pytest.mark.parametrize(
    ("changed", "facts", "error"),
    [
        ({}, Facts(signed_in=None), "login_required"),
        ({"max_age": 99}, Facts(signed_in=signed_in()), "login_required"),
        ({"max_age": 0}, Facts(signed_in=signed_in()), "login_required"),
        ({"id_token_hint": "h"}, Facts(signed_in=signed_in(), hint=hint("bob")), "login_required"),
        ({"id_token_hint": "h"}, Facts(signed_in=signed_in(), hint=None), "login_required"),
        ({"is_first_party": False}, Facts(signed_in=signed_in()), "consent_required"),
        ({"is_first_party": False}, Facts(signed_in=signed_in(), consent=consent("openid")), "consent_required"),
    ],
)
def test_prompt_none_turns_every_question_into_an_error(changed: dict[str, Any], facts: Facts, error: str) -> None:
    """OIDC Core §3.1.2.1, §3.1.2.6."""
    assert error_of(decide(request(prompts=frozenset({"none"}), **changed), facts, now=NOW)) == error


def test_prompt_none_answers_when_nothing_is_to_be_asked() -> None:
    """OIDC Core §3.1.2.1."""
    silent = request(prompts=frozenset({"none"}), id_token_hint="h")
    assert isinstance(decide(silent, Facts(signed_in=signed_in(), hint=hint("ada")), now=NOW), IssueCode)


def test_a_client_that_means_somebody_else_gets_no_code_for_this_person() -> None:
    """OIDC Core §3.1.2.2."""
    facts = Facts(signed_in=signed_in(), hint=hint("bob"))
    assert error_of(decide(request(id_token_hint="h"), facts, now=NOW)) == "login_required"


def test_a_hint_that_cannot_be_read_does_not_stop_a_person_who_can_be_asked() -> None:
    """Its key may be gone."""
    assert isinstance(decide(request(id_token_hint="h"), Facts(signed_in=signed_in()), now=NOW), IssueCode)


@pytest.mark.parametrize(
    ("before", "asks"),
    [
        (None, True),
        (consent(), True),
        (consent("openid"), True),
        (consent("openid", "todo:read"), False),
        (consent("openid", "todo:read", "todo:write"), False),
    ],
)
def test_a_third_party_is_asked_about_until_all_of_it_was_allowed(before: Consent | None, asks: bool) -> None:
    """OIDC Core §3.1.2.4: a part of what was granted asks no more."""
    decision = decide(request(is_first_party=False), Facts(signed_in=signed_in(), consent=before), now=NOW)
    assert isinstance(decision, NeedConsent if asks else IssueCode)


@pytest.mark.parametrize("is_first_party", [True, False])
def test_prompt_consent_asks_always(is_first_party: bool) -> None:
    """OIDC Core §3.1.2.1."""
    asked = request(is_first_party=is_first_party, prompts=frozenset({"consent"}))
    facts = Facts(signed_in=signed_in(), consent=consent("openid", "todo:read"))
    assert isinstance(decide(asked, facts, now=NOW), NeedConsent)


def test_what_was_allowed_is_added_to_what_was_allowed_before() -> None:
    """Consent only grows."""
    facts = Facts(signed_in=signed_in(), consent=consent("email"), allows=True)
    decision = decide(request(is_first_party=False), facts, now=NOW)
    assert isinstance(decision, IssueCode)
    scopes = ("email", "openid", "todo:read")
    assert decision.consent == Consent(
        user_id="ada", client_id="app", scopes=scopes, granted_at=NOW, resources={"": scopes}
    )


@pytest.mark.parametrize(
    ("scopes", "resources", "asks"),
    [
        (("read",), (TODO,), False),
        (("read", "write"), (CALENDAR,), False),
        (("read",), (TODO, CALENDAR), False),
        (("read", "write"), (TODO, CALENDAR), True),
        (("write",), (TODO,), True),
        (("read",), ("https://notes.example",), True),
        (("read",), (), True),
    ],
)
def test_what_was_allowed_at_one_api_is_not_allowed_at_another(
    scopes: tuple[str, ...], resources: tuple[str, ...], asks: bool
) -> None:
    """RFC 8707 §2: a scope says what may be done, and the resource where; the page names both."""
    allowed = None
    for granted, resource in ((("read",), TODO), (("read", "write"), CALENDAR)):
        asked = request(is_first_party=False, scopes=granted, resources=(resource,))
        allowed = with_consent(asked, allowed, user_id="ada", now=NOW)
    decision = decide(
        request(is_first_party=False, scopes=scopes, resources=resources),
        Facts(signed_in=signed_in(), consent=allowed),
        now=NOW,
    )
    assert isinstance(decision, NeedConsent if asks else IssueCode)


def test_what_was_allowed_before_apis_were_noted_is_asked_again() -> None:
    """Nobody knows any more at which of them it was."""
    before = Consent(user_id="ada", client_id="app", scopes=("openid", "todo:read"), granted_at=1)
    decision = decide(request(is_first_party=False), Facts(signed_in=signed_in(), consent=before), now=NOW)
    assert isinstance(decision, NeedConsent)


def test_allowing_is_not_signing_in() -> None:
    """A button on a page of yesterday answers only what it asked."""
    facts = Facts(signed_in=signed_in(), allows=True)
    assert isinstance(decide(request(prompts=frozenset({"login"})), facts, now=NOW), NeedSignIn)
    assert isinstance(decide(request(), Facts(signed_in=None, allows=True), now=NOW), NeedSignIn)


def test_the_code_holds_the_hash_of_itself_and_all_that_its_redemption_needs() -> None:
    """RFC 6749 §4.1.2, RFC 7636 §4.4, OIDC Core §3.1.2.1."""
    asked = request(nonce="n", resources=("https://todo.example",))
    changes = changes_of(
        IssueCode(asked, signed_in(at=NOW - 59), None), code=Secret("jac_x"), session_id="sid", now=NOW, lifetime=60
    )
    (added,) = changes
    assert isinstance(added, AddCode)
    code = added.code
    assert "jac_x" not in repr(changes)
    assert (code.client_id, code.user_id, code.sign_in_id, code.session_id) == ("app", "ada", "sign-in", "sid")
    assert (code.redirect_uri, code.code_challenge) == (asked.redirect_uri, asked.code_challenge)
    assert (code.scopes, code.resources, code.nonce) == (asked.scopes, asked.resources, "n")
    assert (code.authenticated_at, code.methods, code.expires_at) == (NOW - 59, ("pwd",), NOW + 60)


def test_the_sign_in_is_seen_at_most_once_a_minute_and_consent_is_written_with_the_code() -> None:
    """Idle time is measured without a write for every request."""
    decision = IssueCode(request(), signed_in(at=NOW - 60), consent("openid"))
    changes = changes_of(decision, code=Secret("jac_x"), session_id="sid", now=NOW, lifetime=60)
    assert [type(change) for change in changes] == [AddCode, TouchSignIn, PutConsent, AddEvent]
