"""Clients give tokens back (RFC 7009)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jotary.oauth.parameters import Parameters
from jotary.server.flows.cut_off import SLOW_CLOCK
from jotary.server.model.changes import Change
from jotary.server.ports import Unavailable

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "nonsense"])
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_either_token_ends_the_session(desk: "Desk", kind: str, hint: str | None) -> None:
    """RFC 7009 §2.1: a hint is only a hint; both tokens are gone, and every API hears of it."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    desk.revoke(client, getattr(tokens, kind), token_type_hint=hint)

    session = desk.session(desk.claims(tokens.access_token)["sid"])
    assert (session.ended_at, session.end_reason) == (desk.now, "revoked_by_client")
    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"
    assert desk.introspect(client, tokens.access_token) == {"active": False}
    cut_off = desk.run(desk.store.revocation("sid", session.id, now=desk.now))
    assert cut_off is not None
    assert cut_off.expires_at >= desk.now + desk.settings.access_token_lifetime
    assert desk.kinds() == ["session.opened", "session.revoked"]


def test_an_older_refresh_token_ends_the_session_as_well(desk: "Desk") -> None:
    """The client says that it is done; which generation it says so with does not matter."""
    client = desk.add_client()
    first = desk.sign_in(client)
    desk.refresh(client, first.refresh_token)

    desk.revoke(client, first.refresh_token)

    assert desk.session(desk.claims(first.access_token)["sid"]).ended_at == desk.now


def test_revoking_twice_is_a_success_and_writes_once(desk: "Desk") -> None:
    """RFC 7009 §2.2."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    desk.revoke(client, tokens.refresh_token)
    desk.revoke(client, tokens.refresh_token)

    assert desk.kinds() == ["session.opened", "session.revoked"]


@pytest.mark.parametrize("token", ["x", "a.b.c", "jrt_" + "A" * 75, "x" * 50_000])
def test_an_unknown_token_is_a_success(desk: "Desk", token: str) -> None:
    """RFC 7009 §2.2: the client's purpose is reached already. Nothing is written."""
    desk.revoke(desk.add_client(), token)

    assert desk.kinds() == []


def test_an_expired_access_token_and_an_id_token_end_nothing(desk: "Desk") -> None:
    """RFC 7009 §2.2; an ID token is not a credential of anything here."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    desk.revoke(client, tokens.id_token)
    desk.now += desk.settings.access_token_lifetime + desk.settings.leeway
    desk.revoke(client, tokens.access_token)

    assert desk.kinds() == ["session.opened"]


def test_a_genuine_token_of_no_session_is_a_success(desk: "Desk") -> None:
    """RFC 7009 §2.2."""
    desk.revoke(desk.add_client(), desk.refresh_tokens.mint(desk.new_id(), 0))

    assert desk.kinds() == []


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_another_clients_token_is_refused_and_stays_good(desk: "Desk", kind: str) -> None:
    """RFC 7009 §2.1."""
    client, other = desk.add_client(), desk.add_client("other")
    tokens = desk.sign_in(client)

    error = desk.refused(desk.revoke, other, getattr(tokens, kind))

    assert (error.error, error.status) == ("invalid_grant", 400)
    assert desk.refresh(client, tokens.refresh_token).access_token


def test_a_token_of_client_credentials_is_cut_off_by_itself(desk: "Desk") -> None:
    """It has no session; other tokens of the client go on. The entry lives as long as the token could be accepted."""
    client = desk.add_client()
    revoked, kept = (desk.ask(client, grant_type="client_credentials").access_token for _ in range(2))

    desk.revoke(client, revoked)

    jti = desk.claims(revoked)["jti"]
    cut_off = desk.run(desk.store.revocation("jti", jti, now=desk.now))
    assert cut_off is not None
    assert cut_off.issued_before >= desk.now
    assert cut_off.expires_at == desk.now + desk.settings.access_token_lifetime + SLOW_CLOCK
    assert desk.introspect(client, revoked) == {"active": False}
    assert desk.introspect(client, kept)["active"] is True
    assert desk.kinds() == ["token.revoked"]


def test_a_token_from_a_process_whose_clock_runs_ahead_is_cut_off_too(desk: "Desk") -> None:
    """Design §6.3: `iat` at or before the cut-off is what is refused."""
    client = desk.add_client()
    desk.now += 3
    ahead = desk.ask(client, grant_type="client_credentials").access_token
    desk.now -= 3

    desk.revoke(client, ahead)

    assert desk.introspect(client, ahead) == {"active": False}


def test_another_clients_token_of_client_credentials_is_refused(desk: "Desk") -> None:
    """RFC 7009 §2.1."""
    client, other = desk.add_client(), desk.add_client("other")
    token = desk.ask(client, grant_type="client_credentials").access_token

    assert desk.refused(desk.revoke, other, token).error == "invalid_grant"
    assert desk.introspect(client, token)["active"] is True


def test_a_public_client_revokes_by_its_name(desk: "Desk") -> None:
    """RFC 7009 §2.1: signing out must be possible for every client."""
    client = desk.add_public_client()
    tokens = desk.sign_in(client)

    desk.revoke(client, tokens.refresh_token)

    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"


def test_the_client_is_authenticated_first(desk: "Desk") -> None:
    """RFC 7009 §2.1."""
    call = desk.revocation(Parameters([("token", "x"), ("client_id", "nobody")]), None, now=desk.now)

    error = desk.refused(desk.run, call)

    assert (error.error, error.status) == ("invalid_client", 401)


@pytest.mark.parametrize(
    "form", [{"token": None}, {"token": ["a", "b"]}, {"token": "a", "token_type_hint": ["a", "b"]}], ids=str
)
def test_a_malformed_request_is_refused(desk: "Desk", form: dict[str, Any]) -> None:
    """RFC 7009 §2.1, §2.2.1."""
    error = desk.refused(desk.revoke, desk.add_client(), **form)

    assert (error.error, error.status) == ("invalid_request", 400)


class _Down:
    """A store whose database does not take writes any more."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk.store, name)

    async def commit(self, *_changes: Change) -> None:
        """Fail."""
        raise Unavailable("the database is down")


def test_a_revocation_that_was_not_written_is_no_success(desk: "Desk") -> None:
    """RFC 7009 §2.2.1, design §9: the client must know that the token is still good."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    desk.revocation = replace(desk.revocation, store=_Down(desk))

    with pytest.raises(Unavailable):
        desk.revoke(client, tokens.refresh_token)
