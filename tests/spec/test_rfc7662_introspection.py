"""Whether a token is good right now, and for whose ears (RFC 7662)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from jotary.jose import Key, jwt
from jotary.oauth.parameters import Parameters
from jotary.server.model.changes import (
    AddRevocation,
    Change,
    DeleteClient,
    DeleteUser,
    EndSession,
    EndSessionsOfClient,
    EndSessionsOfUser,
    ReplaceUser,
)
from jotary.server.model.revocation import Revocation, RevocationKind

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

TODO = "https://todo.example.com"
INACTIVE = {"active": False}


def add_api(desk: "Desk", *audiences: str) -> Any:
    """An API's own client, which asks for no tokens."""
    return desk.add_client("api", type="service", grant_types=(), scopes=(), audiences=audiences, redirect_uris=())


def test_an_active_access_token_is_described(desk: "Desk") -> None:
    """RFC 7662 §2.2: what the token says, and no more about the person."""
    client, user = desk.add_client(), desk.add_user()
    token = desk.sign_in(client, user).access_token

    answer = desk.introspect(client, token)

    claims = desk.claims(token)
    assert answer == {
        "active": True,
        "token_type": "Bearer",
        **{name: claims[name] for name in ("iss", "sub", "aud", "client_id", "scope", "jti", "iat", "exp", "sid")},
    }


def test_an_active_refresh_token_is_described(desk: "Desk") -> None:
    """RFC 7662 §2.2."""
    client, user = desk.add_client(), desk.add_user()
    tokens = desk.sign_in(client, user, scopes=("todo:read",))

    assert desk.introspect(client, tokens.refresh_token, token_type_hint="refresh_token") == {
        "active": True,
        "iss": desk.settings.issuer,
        "sub": user.id,
        "client_id": client.id,
        "scope": "todo:read",
        "sid": desk.claims(tokens.access_token)["sid"],
        "iat": desk.now,
        "exp": desk.now + desk.settings.session_idle_lifetime,
    }


def test_of_a_session_only_the_newest_refresh_token_is_active(desk: "Desk") -> None:
    """Design §6.1; looking is no use, so nothing is revoked by it."""
    client = desk.add_client()
    first = desk.sign_in(client)
    second = desk.refresh(client, first.refresh_token)

    assert desk.introspect(client, first.refresh_token) == INACTIVE
    assert desk.introspect(client, second.refresh_token)["active"] is True


def test_an_api_may_ask_about_tokens_that_are_meant_for_it(desk: "Desk") -> None:
    """RFC 7662 §2.2, §4."""
    token = desk.sign_in(desk.add_client(), resources=(TODO,)).access_token

    assert desk.introspect(add_api(desk, TODO), token)["active"] is True


def test_to_another_api_the_token_is_not_active(desk: "Desk") -> None:
    """RFC 7662 §2.2: it would be no good there, and it is none of its business."""
    token = desk.sign_in(desk.add_client(), resources=(TODO,)).access_token

    assert desk.introspect(add_api(desk, "https://calendar.example.com"), token) == INACTIVE


def test_a_client_may_ask_about_its_own_tokens_whoever_they_are_for(desk: "Desk") -> None:
    """RFC 7662 §2.1: one that has no API of its own, too."""
    client = desk.add_client(audiences=())

    assert desk.introspect(client, desk.sign_in(client).access_token)["active"] is True


def test_a_refresh_token_is_its_clients_business_alone(desk: "Desk") -> None:
    """RFC 7662 §2.2: an API never gets to see one, and neither does another client, unless something is wrong."""
    tokens = desk.sign_in(desk.add_client(), resources=(TODO,))

    for asker in (add_api(desk, TODO), desk.add_client("other")):
        assert desk.introspect(asker, tokens.refresh_token) == INACTIVE


def test_a_refresh_token_that_cannot_be_used_any_more_is_not_active(desk: "Desk") -> None:
    """RFC 7662 §2.2: an operator has taken the grant type from the client."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    desk.change_client(client, grant_types=("authorization_code",))

    assert desk.introspect(client, tokens.refresh_token) == INACTIVE


def test_a_token_of_an_ended_session_is_not_active_when_its_cut_off_is_gone(desk: "Desk") -> None:
    """The session's row says it by itself."""
    client = desk.add_client()
    token = desk.sign_in(client).access_token
    desk.write(EndSession(desk.claims(token)["sid"], desk.now, "test", desk.now))

    assert desk.introspect(client, token) == INACTIVE


def end_session(_desk: "Desk", claims: dict[str, Any], now: int) -> list[Change]:
    """What signing out writes."""
    return [EndSession(claims["sid"], now, "test", now + 600)]


def end_sessions_of_user(_desk: "Desk", claims: dict[str, Any], now: int) -> list[Change]:
    """What "sign out everywhere" writes."""
    return [EndSessionsOfUser(claims["sub"], now, "test", now + 600)]


def end_sessions_of_client(_desk: "Desk", claims: dict[str, Any], now: int) -> list[Change]:
    """What cutting off a client writes."""
    return [EndSessionsOfClient(claims["client_id"], now, "test", now + 600, now - 330)]


def delete_user(_desk: "Desk", claims: dict[str, Any], _now: int) -> list[Change]:
    """What deleting a person writes."""
    return [DeleteUser(claims["sub"])]


def disable_user(desk: "Desk", claims: dict[str, Any], now: int) -> list[Change]:
    """A person who is disabled, and whose sessions are not ended yet."""
    user = desk.run(desk.store.user(claims["sub"]))
    assert user is not None
    return [ReplaceUser(msgspec.structs.replace(user, disabled_at=now))]


ENDS = [end_session, end_sessions_of_user, end_sessions_of_client, delete_user, disable_user]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_token_whose_session_or_person_is_gone_is_not_active(
    desk: "Desk", end: Callable[["Desk", dict[str, Any], int], list[Change]]
) -> None:
    """RFC 7662 §2.2: the authorization server knows before the token's expiry."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    desk.write(*end(desk, desk.claims(tokens.access_token), desk.now))

    assert desk.introspect(client, tokens.access_token) == INACTIVE
    assert desk.introspect(client, tokens.refresh_token) == INACTIVE


def test_a_token_whose_client_is_gone_is_not_active(desk: "Desk") -> None:
    """RFC 7662 §2.2, for a person's token and for a client's own."""
    client, api = desk.add_client(), add_api(desk, TODO)
    tokens = [desk.sign_in(client), desk.ask(client, grant_type="client_credentials")]
    desk.write(DeleteClient(client.id))

    assert [desk.introspect(api, token.access_token) for token in tokens] == [INACTIVE, INACTIVE]


@pytest.mark.parametrize("kind", ["jti", "sid", "sub", "client_id"])
def test_a_token_that_the_feed_cuts_off_is_not_active(desk: "Desk", kind: RevocationKind) -> None:
    """Design §6.3: the server says what APIs that follow the feed say, for a cut-off of each kind."""
    client = desk.add_client()
    token = desk.sign_in(client).access_token
    claims = desk.claims(token)
    entry = Revocation(
        kind=kind, value=claims[kind], issued_before=desk.now, created_at=desk.now, expires_at=desk.now + 600
    )
    desk.write(AddRevocation(entry))
    desk.now += 1
    later = desk.sign_in(client, desk.run(desk.store.user(claims["sub"]))).access_token

    assert desk.introspect(client, token) == INACTIVE
    assert desk.introspect(client, later)["active"] is True


def test_an_expired_token_is_not_active(desk: "Desk") -> None:
    """RFC 7662 §2.2."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    desk.now += desk.settings.access_token_lifetime + desk.settings.leeway
    assert desk.introspect(client, tokens.access_token) == INACTIVE
    desk.now += desk.settings.session_idle_lifetime
    assert desk.introspect(client, tokens.refresh_token) == INACTIVE


@pytest.mark.parametrize(
    "changed",
    [{"iss": "https://evil.example.com"}, {"sid": None}, {"client_id": "other"}, {"sub": "nobody"}, {}],
    ids=str,
)
def test_a_token_that_this_server_did_not_issue_is_not_active(desk: "Desk", changed: dict[str, Any]) -> None:
    """RFC 7662 §2.2, RFC 9068 §4: by signature; and what a key of ours signed must still fit the session's row."""
    client = desk.add_client()
    desk.add_client("other")
    claims = {**desk.claims(desk.sign_in(client).access_token), **changed}
    claims = {name: value for name, value in claims.items() if value is not None}

    foreign = jwt.sign(claims, Key.generate("ES256"), typ="at+jwt")
    own = desk.run(desk.keyring.sign(claims, typ="at+jwt"))

    assert desk.introspect(client, foreign) == INACTIVE
    assert (desk.introspect(client, own) == INACTIVE) is bool(changed)


def test_a_token_of_another_type_is_not_active(desk: "Desk") -> None:
    """RFC 9068 §4: the type counts by itself, even above the very claims of an access token."""
    client = desk.add_client()
    claims = desk.claims(desk.sign_in(client).access_token)

    for typ in ("JWT", "logout+jwt"):
        assert desk.introspect(client, desk.run(desk.keyring.sign(claims, typ=typ))) == INACTIVE


@pytest.mark.parametrize("kind", ["id_token", "nonsense", "two.dots.here"])
def test_what_is_no_access_token_is_not_active(desk: "Desk", kind: str) -> None:
    """RFC 7662 §2.2; RFC 9068 §4: an ID token is signed by the same key and must not pass."""
    client = desk.add_client()
    tokens = desk.sign_in(client)

    assert desk.introspect(client, tokens.id_token if kind == "id_token" else kind) == INACTIVE


def test_who_asks_must_be_a_confidential_client(desk: "Desk") -> None:
    """RFC 7662 §2.1, §4: or anybody could try out tokens."""
    public = desk.add_public_client()
    token = desk.sign_in(public).access_token

    by_name = desk.refused(desk.introspect, public, token)
    call = desk.introspection(Parameters([("token", token)]), f"Bearer {token}", now=desk.now)
    by_token = desk.refused(desk.run, call)

    assert {(error.error, error.status) for error in (by_name, by_token)} == {("invalid_client", 401)}


@pytest.mark.parametrize(
    "form", [{"token": None}, {"token": ["a", "b"]}, {"token": "a", "token_type_hint": ["a", "b"]}], ids=str
)
def test_a_malformed_request_is_refused(desk: "Desk", form: dict[str, Any]) -> None:
    """RFC 7662 §2.1, §2.3."""
    error = desk.refused(desk.introspect, desk.add_client(), **form)

    assert (error.error, error.status) == ("invalid_request", 400)
