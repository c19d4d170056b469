"""An operator gives somebody another password."""

import asyncio
from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.administration.set_password import set_password
from jotary.server.model.changes import DeleteUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool

NEW = "forty orange badgers hum"


def give(office: Any, hasher: Any, who: str = "ada", password: str = NEW, *, keep_sessions: bool = False) -> User:
    """Set a password."""
    found: User = office.run(
        set_password(
            who,
            Secret(password),
            keep_sessions=keep_sessions,
            store=office.store,
            hasher=hasher,
            now=office.now,
            settings=office.settings,
        )
    )
    return found


def stored(office: Any) -> Any:
    """What is stored of the person's password."""
    return office.run(office.store.password("ada"))


@pytest.mark.parametrize("who", ["ada", "ADA@example.com"])
def test_the_new_password_is_good_and_everything_that_was_open_ends(office: Any, hasher: HashingPool, who: str) -> None:
    """Design §6.3: whoever knew the old one is cut off everywhere; by id or by address."""
    office.write(PutPassword(Password(user_id="ada", hash="old", changed_at=1)))
    assert give(office, hasher, who) == office.user
    assert asyncio.run(hasher.verify(NEW, stored(office).hash))
    assert stored(office).changed_at == office.now
    assert not office.is_session_alive()
    assert not office.is_signed_in()
    assert office.cut_offs() == office.everything_of_ada()
    assert office.run(office.store.session("session")).end_reason == "password_changed"


def test_sessions_can_be_kept(office: Any, hasher: HashingPool) -> None:
    """For who has only forgotten it."""
    give(office, hasher, keep_sessions=True)
    assert asyncio.run(hasher.verify(NEW, stored(office).hash))
    assert office.is_session_alive()
    assert office.is_signed_in()
    assert office.cut_offs() == []


@pytest.mark.parametrize(("keep_sessions", "sessions"), [(False, "ended"), (True, "kept")])
def test_the_audit_trail_says_that_it_was_not_the_person(
    office: Any, hasher: HashingPool, *, keep_sessions: bool, sessions: str
) -> None:
    """And nothing of the password."""
    give(office, hasher, keep_sessions=keep_sessions)
    (event,) = office.trail()
    assert (event.kind, event.user_id, event.at) == ("user.password_changed", "ada", office.now)
    assert event.detail == {"by": "administrator", "sessions": sessions}


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "password: Use at least 8 characters"),
        ("x" * 1_025, "password: Use at most 1024 characters"),
        ("password1", "password: This is a very common password"),
        ("Ada@example.com", "password: "),
    ],
)
def test_a_password_that_signing_up_would_refuse_is_refused(
    office: Any, hasher: HashingPool, password: str, says: str
) -> None:
    """NIST SP 800-63B-4 §3.1.1.2; nothing is written."""
    with pytest.raises(AdministrationError) as refused:
        give(office, hasher, password=password)
    assert refused.value.problem.startswith(says)
    assert not refused.value.problem.endswith(".")
    assert refused.value.hint == "Choose another one."
    assert (stored(office), office.trail(), office.is_signed_in()) == (None, [], True)


def test_nobody_by_that_name_gets_none(office: Any, hasher: HashingPool) -> None:
    """With where to look."""
    with pytest.raises(AdministrationError, match=r"nobody has the e-mail address or id bob@example\.com"):
        give(office, hasher, "bob@example.com")


def test_who_is_deleted_meanwhile_gets_none(office: Any, hasher: HashingPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said as such; the commit met a conflict and gathered again."""
    hashing = hasher.hash

    async def slow(password: str) -> str:
        await office.store.commit(DeleteUser("ada"))
        return await hashing(password)

    monkeypatch.setattr(hasher, "hash", slow)
    with pytest.raises(AdministrationError, match="nobody has the e-mail address or id ada"):
        give(office, hasher)
    assert office.trail() == []
