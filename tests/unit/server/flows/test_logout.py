"""What a request to sign out leads to. Pure: facts in, decision out."""

from typing import Any

import pytest

from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.authorization_request import ErrorPage
from jotary.server.flows.id_token_hint import IDTokenHint
from jotary.server.flows.logout import AskFirst, LogoutFacts, SignOut, changes_of, decide
from jotary.server.flows.signed_in import SignedIn
from jotary.server.model.changes import AddEvent, EndSession, EndSessionsOfSignIn, EndSignIn
from jotary.server.model.client import Client
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import Settings

BYE = "https://app.example/bye"
SETTINGS = Settings(secret=Secret("s" * 32))
CLIENT = Client(
    id="app",
    name="App",
    type="web",
    token_endpoint_auth_method="none",
    post_logout_redirect_uris=(BYE,),
    created_at=0,
)
ADA = SignedIn(
    User(id="ada", email="ada@example.com", created_at=0),
    SignIn(id="sign-in", user_id="ada", authenticated_at=0, methods=("pwd",), last_seen_at=0, expires_at=9_999),
)
HINT = IDTokenHint(subject="ada", client_id="app", session_id="s")
SESSION = Session(
    id="s",
    user_id="ada",
    client_id="app",
    sign_in_id="sign-in",
    scopes=("offline_access",),
    resources=(),
    authenticated_at=0,
    created_at=0,
    rotated_at=0,
    idle_expires_at=9_999,
    expires_at=9_999,
)
ENDED = Session(**{**{name: getattr(SESSION, name) for name in SESSION.__struct_fields__}, "ended_at": 5})


def asked(**sent: Any) -> Parameters:
    """The parameters of a request."""
    return Parameters((name, one) for name, v in sent.items() for one in (v if isinstance(v, list) else [v]))


def facts(**changed: Any) -> LogoutFacts:
    """Ada is signed in, and her client asks with her ID token."""
    known: dict[str, Any] = {"signed_in": ADA, "hint": HINT, "client": CLIENT, "session": SESSION}
    return LogoutFacts(**{**known, **changed})


def test_her_own_id_token_signs_her_out_unasked_and_sends_her_back() -> None:
    """RP-Initiated Logout 1.0 §2, §3."""
    decision = decide(asked(id_token_hint="h", post_logout_redirect_uri=BYE, state="a b&c"), facts())
    assert isinstance(decision, SignOut)
    assert decision.redirect_to == f"{BYE}?state=a+b%26c"
    assert (decision.ends, decision.session) == (ADA, SESSION)


@pytest.mark.parametrize(
    "known",
    [
        facts(hint=None, client=None, session=None),
        facts(hint=None, session=None),
        facts(hint=IDTokenHint(subject="bob", client_id="app", session_id=None)),
    ],
)
def test_without_her_id_token_she_is_asked(known: LogoutFacts) -> None:
    """RP-Initiated Logout 1.0 §2, §6: no hint, only a client's name, or somebody else's hint."""
    assert isinstance(decide(asked(post_logout_redirect_uri=BYE), known), AskFirst)


def test_confirming_signs_her_out_and_sends_her_to_a_registered_address() -> None:
    """RP-Initiated Logout 1.0 §3: client_id with the person's own word."""
    decision = decide(asked(post_logout_redirect_uri=BYE), facts(hint=None, session=None, confirms=True))
    assert isinstance(decision, SignOut)
    assert decision.redirect_to == BYE


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        BYE + "/",
        BYE + "?x=1",
        BYE + "#x",
        BYE.upper(),
        "https://app.example@evil.example/bye",
        "//app.example/bye",
        "/bye",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_not_registered_exactly_so_is_never_gone_to(address: str) -> None:
    """RP-Initiated Logout 1.0 §3: signing out goes on all the same."""
    for known in (facts(), facts(hint=None, confirms=True), facts(signed_in=None), facts(signed_in=None, hint=None)):
        decision = decide(asked(post_logout_redirect_uri=address), known)
        assert isinstance(decision, SignOut)
        assert (decision.redirect_to, decision.offer, decision.is_address_unknown) == (None, None, True)


def test_without_a_client_no_address_is_gone_to() -> None:
    """RP-Initiated Logout 1.0 §3: there is nothing to compare it with."""
    for known in (facts(hint=None, client=None, confirms=True), facts(signed_in=None, hint=None, client=None)):
        decision = decide(asked(post_logout_redirect_uri=BYE), known)
        assert isinstance(decision, SignOut)
        assert (decision.redirect_to, decision.offer) == (None, None)


def test_nobody_is_sent_anywhere_on_the_word_of_a_client_id_alone() -> None:
    """The registered address is offered as a link: a name that anybody can send proves nothing."""
    decision = decide(asked(client_id="app", post_logout_redirect_uri=BYE), facts(signed_in=None, hint=None))
    assert isinstance(decision, SignOut)
    assert (decision.redirect_to, decision.offer) == (None, BYE)


@pytest.mark.parametrize(
    "sent",
    [
        {"client_id": "other"},
        {"state": "s" * 2_049},
        {"state": ["a", "b"]},
        {"post_logout_redirect_uri": [BYE, BYE]},
        {"unknown": ["a", "b"]},
    ],
)
def test_a_contradicting_request_is_refused_before_anything_ends(sent: dict[str, Any]) -> None:
    """RP-Initiated Logout 1.0 §2: client_id must be the one that the ID token was issued to."""
    assert isinstance(decide(asked(**sent), facts()), ErrorPage)


@pytest.mark.parametrize(
    "hint",
    [
        None,
        IDTokenHint(subject="bob", client_id="app", session_id="s"),
        IDTokenHint(subject="ada", client_id="other", session_id="s"),
    ],
)
def test_a_session_ends_only_by_the_hint_that_was_issued_for_it(hint: IDTokenHint | None) -> None:
    """The `sid` of a hint counts together with its `sub` and `aud`."""
    decision = decide(asked(), facts(hint=hint, signed_in=None))
    assert isinstance(decision, SignOut)
    assert decision.session is None


@pytest.mark.parametrize(
    "sent", [{"client_id": "app"}, {"state": "s" * 2_048}], ids=["the hint's client", "a long state"]
)
def test_what_does_not_contradict_the_hint_is_not_refused(sent: dict[str, Any]) -> None:
    """RP-Initiated Logout 1.0 §2: a client may name itself beside its ID token."""
    assert isinstance(decide(asked(**sent), facts()), SignOut)


@pytest.mark.parametrize("sent", [{}, {"post_logout_redirect_uri": BYE}], ids=["none", "a registered one"])
def test_a_person_is_told_of_an_unknown_address_only_where_there_is_one(sent: dict[str, Any]) -> None:
    """The page would otherwise blame a client that has done nothing wrong."""
    decision = decide(asked(**sent), facts())
    assert isinstance(decision, SignOut)
    assert not decision.is_address_unknown


def test_the_sign_in_ends_with_its_sessions_and_the_clients_own_even_if_offline() -> None:
    """Contract of the flow: nothing of it lives on that the person cannot see."""
    decision = SignOut(client=CLIENT, ends=ADA, session=SESSION)
    end_session, end_sign_in, end_sessions, event = changes_of(decision, now=100, settings=SETTINGS)
    assert end_session == EndSession("s", 100, "signed_out", 100 + 300 + 300)
    assert end_sign_in == EndSignIn("sign-in", 100)
    assert end_sessions == EndSessionsOfSignIn("sign-in", 100, "signed_out", 100 + 300 + 300)
    assert isinstance(event, AddEvent)
    assert (event.event.kind, event.event.user_id, event.event.client_id) == ("sign_in.ended", "ada", "app")


def test_the_audit_trail_says_whose_session_ended_where_nobody_was_signed_in() -> None:
    """The hint alone ends its session, and the person must be able to find that."""
    end_session, event = changes_of(SignOut(client=CLIENT, ends=None, session=SESSION), now=100, settings=SETTINGS)
    assert isinstance(end_session, EndSession)
    assert isinstance(event, AddEvent)
    assert (event.event.user_id, event.event.client_id) == ("ada", "app")


def test_nothing_is_written_when_there_is_nothing_to_end() -> None:
    """Signing out twice."""
    assert changes_of(SignOut(client=CLIENT, ends=None, session=ENDED), now=1, settings=SETTINGS) == ()
