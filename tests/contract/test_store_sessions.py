"""Sessions: one row each, moved by one UPDATE (design §6.1), in every store."""

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddSession,
    AddSignIn,
    AddUser,
    DeleteClient,
    EndSession,
    EndSessionsOfClient,
    EndSessionsOfSignIn,
    EndSessionsOfUser,
    RedeemCode,
    RotateSession,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sessions(store: Store, session: Session, user: User, client: Client, sign_in: SignIn) -> dict[str, Session]:
    """Sessions that differ from `mine` in one thing each, and one that has ended before."""
    await store.commit(
        AddUser(replace(user, id="user-2", email="other@example.com")),
        AddClient(replace(client, id="client-2")),
        AddSignIn(replace(sign_in, id="sign-in-2")),
    )
    made = {
        "mine": session,
        "offline": replace(session, id="offline", scopes=("openid", "offline_access")),
        "browser": replace(session, id="browser", sign_in_id="sign-in-2"),
        "client": replace(session, id="client", client_id="client-2"),
        "user": replace(session, id="user", user_id="user-2"),
        "ended": replace(session, id="ended", ended_at=1, end_reason="before"),
    }
    await store.commit(*(AddSession(each) for each in made.values()))
    return made


async def ended(store: Store, sessions: dict[str, Session], now: int) -> set[str]:
    """The names of the sessions that were ended at `now` for the reason "why"; all others must be as they were."""
    names = set()
    for name, before in sessions.items():
        after = await store.session(before.id)
        if after == replace(before, ended_at=now, end_reason="why"):
            names.add(name)
        else:
            assert after == before
    return names


async def cut_off(store: Store, now: int) -> set[tuple[str, str]]:
    """The published cut-offs; each dies at `now + 300`."""
    entries = await store.revocations(now=now)
    assert {(entry.created_at, entry.expires_at) for entry in entries} <= {(now, now + 300)}
    return {(entry.kind, entry.value) for entry in entries}


async def test_a_session_is_found_by_its_id(store: Store, session: Session) -> None:
    """`Sessions.session` gives back what was added."""
    full = replace(session, dpop_thumbprint="thumb", ended_at=5, end_reason="reuse")
    await store.commit(AddSession(session), AddSession(replace(full, id="full")))
    assert await store.session(session.id) == session
    assert await store.session("full") == replace(full, id="full")
    assert await store.session("unknown") is None


async def test_a_session_id_is_not_given_twice(store: Store, session: Session) -> None:
    """A second session under the same id would take over the first one's tokens."""
    await store.commit(AddSession(session))
    with pytest.raises(Conflict):
        await store.commit(AddSession(replace(session, scopes=("admin",))))
    assert await store.session(session.id) == session


async def test_a_rotation_moves_one_generation(store: Store, session: Session, now: int) -> None:
    """`RotateSession`: generation, the moment and the idle end; nothing else."""
    other = replace(session, id="other")
    await store.commit(AddSession(session), AddSession(other))
    await store.commit(RotateSession(session.id, 0, now + 5, now + 1005))
    rotated = replace(session, generation=1, rotated_at=now + 5, idle_expires_at=now + 1005)
    assert await store.session(session.id) == rotated
    assert await store.session(other.id) == other


@pytest.mark.parametrize("generation", [-1, 0, 2])
async def test_only_the_current_generation_rotates(store: Store, session: Session, now: int, generation: int) -> None:
    """`RotateSession` is guarded: the session must stand at `generation`."""
    current = replace(session, generation=1)
    await store.commit(AddSession(current))
    with pytest.raises(Conflict):
        await store.commit(RotateSession(session.id, generation, now, now))
    assert await store.session(session.id) == current


async def test_an_ended_session_does_not_rotate(store: Store, session: Session, now: int) -> None:
    """`RotateSession` is guarded: the session must be alive."""
    await store.commit(AddSession(session))
    await store.commit(EndSession(session.id, now, "why", now + 300))
    with pytest.raises(Conflict):
        await store.commit(RotateSession(session.id, 0, now + 1, now + 1000))
    assert await store.session(session.id) == replace(session, ended_at=now, end_reason="why")


async def test_rotating_no_session_is_a_conflict(store: Store, now: int) -> None:
    """`RotateSession` is guarded."""
    with pytest.raises(Conflict):
        await store.commit(RotateSession("unknown", 0, now, now))


async def test_a_session_ends_once_with_one_cut_off(store: Store, session: Session, now: int) -> None:
    """`EndSession`: ending it twice changes nothing and publishes nothing more."""
    await store.commit(AddSession(session))
    await store.commit(EndSession(session.id, now, "why", now + 300))
    await store.commit(EndSession(session.id, now + 1, "again", now + 301))
    await store.commit(EndSession("unknown", now, "why", now + 300))
    assert await store.session(session.id) == replace(session, ended_at=now, end_reason="why")
    assert len(await store.revocations(now=now)) == 1
    assert await cut_off(store, now) == {("sid", session.id)}


async def test_the_cut_off_of_a_session_covers_all_its_tokens(store: Store, session: Session, now: int) -> None:
    """Another node whose clock runs ahead may have issued a token "later" than the end, so `iat` must not save it."""
    await store.commit(AddSession(session))
    await store.commit(EndSession(session.id, now, "why", now + 300))
    entry = await store.revocation("sid", session.id, now=now)
    assert entry is not None
    assert entry.issued_before == now + 300


async def test_the_sessions_of_a_sign_in_end_but_the_offline_ones(
    store: Store, sessions: dict[str, Session], sign_in: SignIn, now: int
) -> None:
    """`EndSessionsOfSignIn` spares `offline_access`, and what has ended before is not cut off again."""
    await store.commit(EndSessionsOfSignIn(sign_in.id, now, "why", now + 300))
    assert await ended(store, sessions, now) == {"mine", "client", "user"}
    assert await cut_off(store, now) == {("sid", sessions[name].id) for name in ("mine", "client", "user")}


async def test_the_sessions_of_a_person_end_with_their_sign_ins(
    store: Store, sessions: dict[str, Session], user: User, sign_in: SignIn, now: int
) -> None:
    """`EndSessionsOfUser` cuts off the `sub` up to the moment, so that a new sign-in is good, and what was alive."""
    await store.commit(EndSessionsOfUser(user.id, now, "why", now + 300))
    assert await ended(store, sessions, now) == {"mine", "offline", "browser", "client"}
    for sign_in_id in (sign_in.id, "sign-in-2"):
        found = await store.sign_in(sign_in_id)
        assert found is not None
        assert found.ended_at == now
    alive = {("sid", sessions[name].id) for name in ("mine", "offline", "browser", "client")}
    assert await cut_off(store, now) == {("sub", user.id), *alive}
    entry = await store.revocation("sub", user.id, now=now)
    assert entry is not None
    assert entry.issued_before == now


async def test_a_refresh_while_everything_of_a_person_is_ended_is_cut_off_too(
    store: Store, session: Session, user: User, now: int
) -> None:
    """Between the moment of `EndSessionsOfUser` and its commit a password is hashed: `iat` may be later than it."""
    await store.commit(AddSession(session))
    await store.commit(RotateSession(session.id, 0, now + 1, now + 1000))
    await store.commit(EndSessionsOfUser(user.id, now, "why", now + 300))
    entry = await store.revocation("sid", session.id, now=now)
    assert entry is not None
    assert entry.issued_before == now + 300


async def test_the_sessions_of_a_client_end(
    store: Store, sessions: dict[str, Session], client: Client, sign_in: SignIn, now: int
) -> None:
    """`EndSessionsOfClient` cuts off the `client_id` up to the moment, and what was alive; people stay signed in."""
    await store.commit(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330))
    assert await ended(store, sessions, now) == {"mine", "offline", "browser", "user"}
    assert await store.sign_in(sign_in.id) == sign_in
    alive = {("sid", sessions[name].id) for name in ("mine", "offline", "browser", "user")}
    assert await cut_off(store, now) == {("client_id", client.id), *alive}
    entry = await store.revocation("client_id", client.id, now=now)
    assert entry is not None
    assert entry.issued_before == now


async def test_a_refresh_while_a_client_is_deleted_is_cut_off_too(
    store: Store, session: Session, client: Client, now: int
) -> None:
    """It is committed first, and of a later second than `at`: by its `client_id` alone APIs would take its token."""
    await store.commit(AddSession(session))
    await store.commit(RotateSession(session.id, 0, now + 1, now + 1000))
    await store.commit(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330), DeleteClient(client.id))
    entry = await store.revocation("sid", session.id, now=now)
    assert entry is not None
    assert entry.issued_before == now + 300


async def test_a_session_that_is_not_in_use_needs_no_cut_off_beside_its_clients(
    store: Store, session: Session, client: Client, now: int
) -> None:
    """What it was given is older than that of the `client_id`; and everybody may have a session of a client."""
    used = replace(session, id="used", rotated_at=now - 330)
    await store.commit(AddSession(replace(session, id="idle", rotated_at=now - 331)), AddSession(used))
    await store.commit(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330))
    assert await cut_off(store, now) == {("client_id", client.id), ("sid", "used")}


async def test_a_code_in_flight_opens_no_session_of_a_client_that_was_cut_off(
    store: Store, code: AuthorizationCode, client: Client, now: int
) -> None:
    """`EndSessionsOfClient`: a code that is not redeemed goes; a redeemed one stays to recognise a replay."""
    await store.commit(AddCode(code), AddCode(replace(code, id="redeemed")), RedeemCode("redeemed", now))
    await store.commit(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330))
    with pytest.raises(Conflict):
        await store.commit(RedeemCode(code.id, now))
    assert await store.code("redeemed") is not None


async def test_a_persons_sessions_are_listed_newest_first(store: Store, sessions: dict[str, Session]) -> None:
    """`Sessions.sessions_of_user`: alive or not."""
    newest = replace(sessions["mine"], id="newest", created_at=sessions["mine"].created_at + 1)
    await store.commit(AddSession(newest))
    listed = await store.sessions_of_user(newest.user_id)
    assert listed[0] == newest
    assert [each.id for each in listed[1:]] == ["session-1", "offline", "ended", "client", "browser"]
    assert await store.sessions_of_user("nobody") == []


async def test_sessions_that_have_not_ended_are_listed_in_pages(store: Store, sessions: dict[str, Session]) -> None:
    """`Sessions.sessions`: in order of id, behind `after`."""
    assert [each.id for each in await store.sessions(limit=2)] == ["browser", "client"]
    assert [each.id for each in await store.sessions(after="client")] == ["offline", "session-1", "user"]
