"""Making an account for somebody."""

from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.administration.create_user import NewUser, create_user
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool

PASSWORD = "correct horse battery staple"


def make(office: Any, hasher: HashingPool, **wishes: Any) -> User:
    """Make an account for Bob, as wished."""
    new = NewUser(**{"email": "bob@example.com", "name": None, "password": Secret(PASSWORD), **wishes})
    made: User = office.run(
        create_user(
            new, store=office.store, hasher=hasher, entropy=office.entropy, settings=office.settings, now=office.now
        )
    )
    return made


def test_the_account_can_sign_in_and_is_in_the_trail(office: Any, hasher: HashingPool) -> None:
    """What is stored is a hash that the password fits; the trail holds neither."""
    made = make(office, hasher, name="Bob", is_admin=True)
    assert office.run(office.store.user_by_email("BOB@example.com")) == made
    assert (made.name, made.is_admin, made.is_active, made.created_at) == ("Bob", True, True, office.now)
    password = office.run(office.store.password(made.id))
    assert office.run(hasher.verify(PASSWORD, password.hash))
    (event,) = office.trail()
    assert (event.kind, event.user_id, event.detail) == ("user.created", made.id, {"is_admin": True})


def test_the_name_may_be_left_out(office: Any, hasher: HashingPool) -> None:
    """Unlike at sign-up: the person can add it."""
    assert make(office, hasher).name is None


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"password": Secret("short")}, "password: Use at least 8 characters"),
        ({"password": Secret("password123")}, "password: "),
        ({"password": Secret("bob@example.com")}, "password: "),
        ({"password": Secret("x" * 1025)}, "password: Use at most 1024 characters"),
        ({"email": "bob"}, "e-mail address: Enter an e-mail address"),
        ({"email": "bob@example.com\n"}, "e-mail address: "),
        ({"name": "x" * 101}, "name: Use at most 100 characters"),
        ({"name": "Bob\x1b[31m"}, "name: "),
        ({"email": "ADA@example.com"}, "ADA@example.com has an account already"),
    ],
)
def test_the_rules_of_signing_up_hold(office: Any, hasher: HashingPool, wishes: dict[str, Any], says: str) -> None:
    """NIST SP 800-63B §3.1.1.2; one way to make an account must not be weaker than another. Nothing is written."""
    with pytest.raises(AdministrationError) as refused:
        make(office, hasher, **wishes)
    assert refused.value.problem.startswith(says)
    assert refused.value.hint
    assert [person.id for person in office.run(office.store.users())] == ["ada"]
    assert office.trail() == []


def test_several_problems_are_said_at_once(office: Any, hasher: HashingPool) -> None:
    """Nobody should have to try once for each."""
    with pytest.raises(AdministrationError) as refused:
        make(office, hasher, email="bob", password=Secret("short"))
    assert "e-mail address: " in refused.value.problem
    assert "; password: " in refused.value.problem
