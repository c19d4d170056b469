"""Refreshing: who may, and with what scope (RFC 6749 §6). Rotation is in test_rfc9700_refresh_rotation."""

from typing import TYPE_CHECKING

import msgspec
import pytest

from jotary.server.model.changes import AddSession, DeleteUser, EndSession, ReplaceUser
from jotary.server.model.refresh_token import RefreshTokens

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def test_a_refresh_gives_new_tokens_for_the_same_session(desk: "Desk") -> None:
    """RFC 6749 §6, §5.1."""
    client = desk.add_client()
    first = desk.sign_in(client)
    desk.now += 100

    second = desk.refresh(client, first.refresh_token)

    old, new = desk.claims(first.access_token), desk.claims(second.access_token)
    assert {name for name in old if old[name] != new[name]} == {"jti", "iat", "exp"}
    assert second.refresh_token not in {None, first.refresh_token}
    assert desk.session(new["sid"]).idle_expires_at == desk.now + desk.settings.session_idle_lifetime


def test_the_scope_may_narrow(desk: "Desk") -> None:
    """RFC 6749 §6: this access token only; the next one may have all of it again."""
    client = desk.add_client()
    tokens = desk.sign_in(client, scopes=("openid", "todo:read", "todo:write"))

    narrow = desk.refresh(client, tokens.refresh_token, scope="todo:read")
    wide = desk.refresh(client, narrow.refresh_token)

    assert (narrow.scope, narrow.id_token) == ("todo:read", None)
    assert desk.claims(narrow.access_token)["scope"] == "todo:read"
    assert wide.scope == "openid todo:read todo:write"


def test_all_of_the_scope_may_be_named(desk: "Desk") -> None:
    """RFC 6749 §6: what was granted, and no more; so the whole of it, in any order."""
    client = desk.add_client()
    tokens = desk.sign_in(client, scopes=("openid", "todo:read"))

    assert desk.refresh(client, tokens.refresh_token, scope="todo:read openid").scope == "todo:read openid"


@pytest.mark.parametrize("scope", ["todo:write", "todo:read todo:write", "admin"])
def test_the_scope_never_widens(desk: "Desk", scope: str) -> None:
    """RFC 6749 §6: not even to what the client is registered for. Nothing is used up."""
    client = desk.add_client()
    tokens = desk.sign_in(client, scopes=("todo:read",))

    error = desk.refused(desk.refresh, client, tokens.refresh_token, scope=scope)

    assert (error.error, error.status) == ("invalid_scope", 400)
    assert desk.session(desk.claims(tokens.access_token)["sid"]).generation == 0


def test_a_malformed_scope_is_refused(desk: "Desk") -> None:
    """RFC 6749 §3.3."""
    client = desk.add_client()

    error = desk.refused(desk.refresh, client, desk.sign_in(client).refresh_token, scope='to"do')

    assert (error.error, error.status) == ("invalid_scope", 400)


def test_a_scope_taken_from_the_client_is_gone_at_the_next_refresh(desk: "Desk") -> None:
    """What is not registered is not allowed, at any time."""
    client = desk.add_client()
    tokens = desk.sign_in(client, scopes=("todo:read", "todo:write"))
    desk.change_client(client, scopes=("todo:read",))

    assert desk.refresh(client, tokens.refresh_token).scope == "todo:read"


@pytest.mark.parametrize("text", ["x", "jrt_", "jrt_" + "A" * 75, "jac_" + "A" * 75, "jrt_" + "A" * 100_000])
def test_what_is_no_refresh_token_is_refused(desk: "Desk", text: str) -> None:
    """RFC 6749 §5.2."""
    error = desk.refused(desk.refresh, desk.add_client(), text)

    assert (error.error, error.status) == ("invalid_grant", 400)


def test_a_token_under_another_key_is_refused(desk: "Desk") -> None:
    """Design §6.1: a dump of the database lets nobody make a token."""
    client = desk.add_client()
    session_id = desk.claims(desk.sign_in(client).access_token)["sid"]

    forged = RefreshTokens(bytes(32)).mint(session_id, 0)

    assert desk.refused(desk.refresh, client, forged).error == "invalid_grant"


def test_a_genuine_token_of_no_session_is_refused(desk: "Desk") -> None:
    """After a purge, or against a restored backup."""
    token = desk.refresh_tokens.mint(desk.new_id(), 3)

    assert desk.refused(desk.refresh, desk.add_client(), token).error == "invalid_grant"


def test_another_clients_token_is_refused_and_ends_nothing(desk: "Desk") -> None:
    """RFC 6749 §6. The session goes on: a token found in a log must not sign anybody out. The trail tells of it."""
    client, other = desk.add_client(), desk.add_client("other")
    first = desk.sign_in(client)
    second = desk.refresh(client, desk.refresh(client, first.refresh_token).refresh_token)

    for token in (first.refresh_token, second.refresh_token):
        assert desk.refused(desk.refresh, other, token).error == "invalid_grant"

    assert desk.refresh(client, second.refresh_token).refresh_token
    assert desk.kinds() == ["session.opened", "session.client_mismatch", "session.client_mismatch"]
    assert desk.events()[-1].client_id == "other"


def test_an_ended_session_is_not_refreshed(desk: "Desk") -> None:
    """RFC 7009 §2.1 and design §6.3."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    session_id = desk.claims(tokens.access_token)["sid"]
    desk.write(EndSession(session_id, desk.now, "test", desk.now + 600))

    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"


def test_an_idle_session_ends(desk: "Desk") -> None:
    """Design §6.1: good in its last second, not in the next."""
    client = desk.add_client()
    first, second = desk.sign_in(client), desk.sign_in(client)

    desk.now += desk.settings.session_idle_lifetime - 1
    assert desk.refresh(client, first.refresh_token).access_token
    desk.now += 1
    assert desk.refused(desk.refresh, client, second.refresh_token).error == "invalid_grant"


def test_a_busy_session_ends_at_its_absolute_lifetime(desk: "Desk") -> None:
    """Design §6.1: refreshing every day does not move it."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    end = desk.now + desk.settings.session_lifetime

    while desk.now + 86_400 < end:
        desk.now += 86_400
        tokens = desk.refresh(client, tokens.refresh_token)
    session = desk.session(desk.claims(tokens.access_token)["sid"])
    assert session.idle_expires_at == session.expires_at == end
    desk.now = end
    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"


def test_a_disabled_person_gets_no_tokens(desk: "Desk") -> None:
    """An operator's word counts at the next refresh; enabling again lets the session go on."""
    client, user = desk.add_client(), desk.add_user()
    tokens = desk.sign_in(client, user)

    desk.write(ReplaceUser(msgspec.structs.replace(user, disabled_at=desk.now)))
    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"
    desk.write(ReplaceUser(user))
    assert desk.refresh(client, tokens.refresh_token).access_token


def test_a_theft_is_seen_even_while_the_person_is_disabled(desk: "Desk") -> None:
    """What heals again must not hide what does not."""
    client, user = desk.add_client(), desk.add_user()
    first = desk.sign_in(client, user)
    last = desk.refresh(client, desk.refresh(client, first.refresh_token).refresh_token)
    desk.write(ReplaceUser(msgspec.structs.replace(user, disabled_at=desk.now)))
    desk.refused(desk.refresh, client, first.refresh_token)
    desk.write(ReplaceUser(user))

    assert desk.refused(desk.refresh, client, last.refresh_token).error == "invalid_grant"


def test_a_deleted_person_gets_no_tokens(desk: "Desk") -> None:
    """Nothing of a person outlives them."""
    client, user = desk.add_client(), desk.add_user()
    tokens = desk.sign_in(client, user)
    desk.write(DeleteUser(user.id))

    assert desk.refused(desk.refresh, client, tokens.refresh_token).error == "invalid_grant"


def test_a_bound_session_is_refused_until_its_key_can_be_checked(desk: "Desk") -> None:
    """RFC 9449 §5: fail closed."""
    client = desk.add_client()
    session = desk.session(desk.claims(desk.sign_in(client).access_token)["sid"])
    bound = msgspec.structs.replace(session, id=desk.new_id(), dpop_thumbprint="t" * 43)
    desk.write(AddSession(bound))

    error = desk.refused(desk.refresh, client, desk.refresh_tokens.mint(bound.id, 0))

    assert error.error == "invalid_grant"


def test_every_refusal_has_the_same_description(desk: "Desk") -> None:
    """A stranger with a token learns nothing from the text; the operator's detail tells the causes apart."""
    client, other = desk.add_client(), desk.add_client("other")
    tokens = desk.sign_in(client)
    errors = [
        desk.refused(desk.refresh, client, "jrt_nonsense"),
        desk.refused(desk.refresh, other, tokens.refresh_token),
        desk.refused(desk.refresh, client, desk.refresh_tokens.mint(desk.new_id(), 0)),
    ]

    assert len({error.error_description for error in errors}) == 1
    assert len({error.detail for error in errors}) == 3
