"""Disabling, enabling and deleting an account."""

from typing import Any

import pytest

from jotary.server.flows.administration import user_standing
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.administration.user_standing import Decide, change_standing
from jotary.server.model.user import User


def change(office: Any, decide: Decide, who: str = "ada") -> User:
    """Carry out one of the three."""
    changed: User = office.run(
        change_standing(decide, who, store=office.store, now=office.now, settings=office.settings)
    )
    return changed


def test_a_disabled_person_is_cut_off_everywhere(office: Any) -> None:
    """Design §6.3: browser, sessions and tokens, in one transaction with the record."""
    disabled = change(office, user_standing.disable)
    assert disabled.disabled_at == office.now
    assert office.run(office.store.user("ada")) == disabled
    assert not office.is_session_alive()
    assert not office.is_signed_in()
    assert office.cut_offs() == office.everything_of_ada()
    assert [(event.kind, event.user_id) for event in office.trail()] == [("user.disabled", "ada")]


def test_disabling_twice_changes_nothing(office: Any) -> None:
    """The first moment stays the one in the record."""
    first = change(office, user_standing.disable)
    assert change(office, user_standing.disable) == first
    assert (len(office.trail()), len(office.cut_offs())) == (1, 2)


def test_an_enabled_person_may_sign_in_but_gets_nothing_back(office: Any) -> None:
    """What was ended stays ended."""
    change(office, user_standing.disable)
    enabled = change(office, user_standing.enable)
    assert enabled.is_active
    assert not office.is_session_alive()
    assert [event.kind for event in office.trail()] == ["user.disabled", "user.enabled"]


def test_enabling_somebody_active_changes_nothing(office: Any) -> None:
    """Not even the trail."""
    assert change(office, user_standing.enable) == office.user
    assert office.trail() == []


def test_of_a_deleted_person_nothing_is_left_but_the_cut_off_and_the_trail(office: Any) -> None:
    """Their tokens must be refused although nobody knows them any more."""
    assert change(office, user_standing.delete) == office.user
    assert office.run(office.store.user("ada")) is None
    assert office.run(office.store.session("session")) is None
    assert office.run(office.store.sign_in("browser")) is None
    assert office.cut_offs() == office.everything_of_ada()
    assert [(event.kind, event.user_id) for event in office.trail()] == [("user.deleted", "ada")]


@pytest.mark.parametrize("who", ["ada", "ada@EXAMPLE.com"])
def test_a_person_is_found_by_id_or_by_address(office: Any, who: str) -> None:
    """An address without regard to case, as at sign-in."""
    assert change(office, user_standing.disable, who).id == "ada"


@pytest.mark.parametrize("who", ["bob", "bob@example.com", "", "Ada", "\x00"])
def test_nobody_else_is_taken_for_them(office: Any, who: str) -> None:
    """Nothing is written."""
    with pytest.raises(AdministrationError, match="nobody has") as refused:
        change(office, user_standing.delete, who)
    assert "jotary user list" in refused.value.hint
    assert office.trail() == []
