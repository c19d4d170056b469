"""Giving a client another secret, and removing a client."""

from typing import Any

import msgspec
import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.administration.client_secret import (
    SECRET_ENTROPY,
    new_client_secret,
    rotate_client_secret,
)
from jotary.server.flows.administration.delete_client import delete_client
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.model.changes import ReplaceClient


def rotate(office: Any, client_id: str = "web") -> Secret:
    """Rotate a client's secret."""
    secret: Secret = office.run(
        rotate_client_secret(client_id, store=office.store, entropy=office.entropy, now=office.now)
    )
    return secret


def test_the_new_secret_is_good_and_the_old_one_is_not(office: Any) -> None:
    """The rest of the registration stays, sessions go on."""
    first, second = rotate(office), rotate(office)
    client = office.run(office.store.client("web"))
    assert second.matches_sha256(client.secret_sha256)
    assert not first.matches_sha256(client.secret_sha256)
    assert not Secret("old").matches_sha256(client.secret_sha256)
    assert msgspec.structs.replace(client, secret_sha256=office.client.secret_sha256) == office.client
    assert office.is_session_alive()
    assert [(event.kind, event.client_id, event.detail) for event in office.trail()] == [
        ("client.secret_rotated", "web", {})
    ] * 2


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_a_client_without_a_secret_gets_none(office: Any, method: Any) -> None:
    """It would be a second way in."""
    office.write(
        ReplaceClient(
            msgspec.structs.replace(office.client, token_endpoint_auth_method=method, secret_sha256=None), office.client
        )
    )
    with pytest.raises(AdministrationError, match="has no secret"):
        rotate(office)
    assert office.run(office.store.client("web")).secret_sha256 is None


def test_a_secret_takes_all_of_its_entropy() -> None:
    """256 bits; less is a mistake in the caller."""
    with pytest.raises(ValueError, match="32 random bytes"):
        new_client_secret(bytes(SECRET_ENTROPY - 1))


def test_of_a_deleted_client_nothing_is_left_but_the_cut_off_and_the_trail(office: Any) -> None:
    """Its tokens must be refused although nobody knows it any more; people stay signed in at their browsers."""
    gone = office.run(delete_client("web", store=office.store, now=office.now, settings=office.settings))
    assert gone == office.client
    assert office.run(office.store.client("web")) is None
    assert office.run(office.store.session("session")) is None
    assert office.is_signed_in()
    until = office.cut_off_until
    assert office.cut_offs() == [("client_id", "web", office.now, until), ("sid", "session", until, until)]
    assert [(event.kind, event.client_id) for event in office.trail()] == [("client.deleted", "web")]


@pytest.mark.parametrize(("since", "is_in_use"), [(330, True), (331, False)])
def test_a_session_is_in_use_while_its_last_answer_could_be_repeated(
    office: Any, since: int, *, is_in_use: bool
) -> None:
    """By a server whose clock is 300 seconds behind: half a minute after a rotation still with a new access token."""
    later = office.run(office.store.session("session")).rotated_at + since
    office.run(delete_client("web", store=office.store, now=later, settings=office.settings))
    assert (("sid", "session") in {cut_off[:2] for cut_off in office.cut_offs()}) is is_in_use


@pytest.mark.parametrize("client_id", ["", "we", "WEB", "\x00"])
def test_no_other_client_is_taken_for_it(office: Any, client_id: str) -> None:
    """RFC 6749 §2.2: an identifier is compared as it is."""
    with pytest.raises(AdministrationError, match="there is no client"):
        rotate(office, client_id)
    with pytest.raises(AdministrationError, match="there is no client"):
        office.run(delete_client(client_id, store=office.store, now=office.now, settings=office.settings))
    assert office.trail() == []
