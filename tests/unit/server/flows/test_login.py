"""What a new sign-in writes, and what of the one that it replaces."""

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.login import begin_sign_in
from jotary.server.model.changes import AddEvent, AddSignIn, Change, EndSessionsOfSignIn, EndSignIn
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import Settings

NOW = 1_800_000_000
SETTINGS = Settings(secret=Secret("x" * 32))
USER = User(id="person-1", email="ada@example.com", name="Ada", created_at=0)


def begun(replaces: SignIn | None) -> list[type[Change]]:
    """The kinds of changes, in order."""
    cookie = Secret("A" * 43)
    changes = begin_sign_in(USER, cookie=cookie, methods=("pwd",), replaces=replaces, now=NOW, settings=SETTINGS)
    return [type(change) for change in changes]


def sign_in(ended_at: int | None) -> SignIn:
    """What the browser had before."""
    return SignIn(
        id="before",
        user_id="person-2",
        authenticated_at=0,
        methods=("pwd",),
        last_seen_at=NOW - 60,
        expires_at=NOW + 60,
        ended_at=ended_at,
    )


def test_a_browser_without_a_sign_in_gets_one() -> None:
    """And nothing ends."""
    assert begun(None) == [AddSignIn]


def test_the_sign_in_that_a_browser_had_ends_with_all_that_hangs_on_it() -> None:
    """docs/decisions/0005: at sign-out nothing lives on unseen. The audit trail says so."""
    assert begun(sign_in(None)) == [EndSignIn, EndSessionsOfSignIn, AddEvent, AddSignIn]


@pytest.mark.parametrize("ended_at", [NOW - 30, NOW])
def test_a_sign_in_that_had_ended_ends_once_in_the_audit_trail(ended_at: int) -> None:
    """An operator counts what happened; a cookie that a browser kept afterwards is no second end."""
    assert begun(sign_in(ended_at)) == [EndSignIn, EndSessionsOfSignIn, AddSignIn]
