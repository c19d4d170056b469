"""All changes of one commit, or none; and no commit touches another one, in every store."""

import asyncio

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddCode,
    AddEvent,
    AddSession,
    AddSigningKey,
    AddUser,
    Change,
    DeleteClient,
    DeleteUser,
    EndSession,
    EndSessionsOfUser,
    PutPassword,
    RedeemCode,
    RememberAssertion,
    ReplaceClient,
    ReplaceSigningKey,
    ReplaceUser,
    RotateSession,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops that the server may run on: answers come to them from another thread."""
    return "asyncio", {"use_uvloop": request.param}


async def test_nothing_is_written_by_no_change(store: Store) -> None:
    """A decision that writes nothing commits nothing."""
    await store.commit()
    assert list(await store.events()) == []


@pytest.fixture
def losing(user: User, client: Client, code: AuthorizationCode, now: int) -> list[Change]:
    """One change of every guarded kind that loses against a furnished store."""
    key = SigningKey(
        id="kid", algorithm="ES256", public_jwk={}, sealed_private_key=b"", announced_at=now, signing_from=now
    )
    return [
        AddUser(replace(user, id="other")),
        ReplaceUser(replace(user, id="nobody")),
        DeleteUser("nobody"),
        ReplaceClient(replace(client, id="unknown"), client),
        DeleteClient("unknown"),
        AddCode(replace(code, sign_in_id="unknown")),
        RedeemCode("unknown", now),
        RotateSession("unknown", 0, now, now),
        ReplaceSigningKey(key, key),
    ]


async def test_a_conflict_in_a_later_change_leaves_nothing_of_the_earlier_ones(
    *, store: Store, session: Session, losing: list[Change], user: User, now: int
) -> None:
    """`Commit.commit`: one transaction, or nothing; the conflict names the change that lost."""
    await store.commit(AddSession(session))
    for change in losing:
        with pytest.raises(Conflict) as conflict:
            await store.commit(
                AddEvent(Event(kind="half.written", at=now)),
                AddSession(replace(session, id="half-written")),
                RotateSession(session.id, 0, now, now + 10),
                EndSessionsOfUser(user.id, now, "why", now + 300),
                change,
                PutPassword(Password(user_id=user.id, hash="half written", changed_at=now)),
            )
        assert conflict.value.change is change
    assert await store.session(session.id) == session
    assert await store.session("half-written") is None
    assert await store.password(user.id) is None
    assert await store.events() == []
    assert await store.revocations(now=now) == []


async def test_a_code_is_redeemed_together_with_its_session(
    *, store: Store, code: AuthorizationCode, session: Session, now: int
) -> None:
    """RFC 6749 §4.1.2: of two redemptions of one code at once one opens a session, the other opens none."""
    await store.commit(AddCode(code))
    outcomes = await asyncio.gather(
        store.commit(RedeemCode(code.id, now), AddSession(session)),
        store.commit(RedeemCode(code.id, now), AddSession(replace(session, id="second"))),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
    opened = [await store.session(session_id) for session_id in (session.id, "second")]
    assert opened.count(None) == 1


async def test_a_hundred_rotations_of_one_generation_have_one_winner(store: Store, session: Session, now: int) -> None:
    """Design §6.1: there is never a second living head."""
    await store.commit(AddSession(session))
    outcomes = await asyncio.gather(
        *(store.commit(RotateSession(session.id, 0, now + turn, now + 1000)) for turn in range(100)),
        return_exceptions=True,
    )
    losses = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(losses) == 99
    found = await store.session(session.id)
    assert found is not None
    assert found.generation == 1
    assert found.rotated_at == now + outcomes.index(None)


async def test_rotation_and_end_at_once_leave_an_ended_session(store: Store, session: Session, now: int) -> None:
    """Whoever comes first, the session is over and cut off once."""
    await store.commit(AddSession(session))
    await asyncio.gather(
        store.commit(RotateSession(session.id, 0, now, now + 1000)),
        *(store.commit(EndSession(session.id, now, "why", now + 300)) for _ in range(10)),
        return_exceptions=True,
    )
    found = await store.session(session.id)
    assert found is not None
    assert found.ended_at == now
    assert len(await store.revocations(now=now)) == 1


async def test_commits_at_once_do_not_touch_each_other(store: Store, user: User, now: int) -> None:
    """However commits are grouped: a conflict, whole or half-way, undoes itself alone."""

    def unit(number: int) -> list[Change]:
        person = replace(user, id=f"person-{number}", email=f"{number}@example.com")
        password = Password(user_id=person.id, hash="hash", changed_at=now)
        first: list[Change] = [AddUser(person), PutPassword(password)]
        return [*first, DeleteUser("nobody")] if number % 3 == 0 else first

    outcomes = await asyncio.gather(*(store.commit(*unit(number)) for number in range(60)), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        lost = number % 3 == 0
        assert isinstance(outcome, Conflict) == lost
        assert (await store.user(f"person-{number}") is None) == lost
        assert (await store.password(f"person-{number}") is None) == lost


async def test_a_commit_is_read_by_whoever_made_it(store: Store, session: Session, now: int) -> None:
    """A read that begins after the commit sees it, on the hot path and in lists."""
    await store.commit(AddSession(session))
    for generation in range(50):
        await store.commit(RotateSession(session.id, generation, now, now + 1000))
        found = await store.session(session.id)
        assert found is not None
        assert found.generation == generation + 1
        assert await store.sessions() == [found]


async def test_a_cancelled_caller_harms_nobody(store: Store, session: Session, now: int) -> None:
    """A caller that is gone (a closed connection) has its commit written or not, whole; the others have theirs."""
    sessions = [replace(session, id=f"session-{number:03}") for number in range(200)]
    event = Event(kind="session.opened", at=now)
    tasks = [asyncio.create_task(store.commit(AddSession(each), AddEvent(event))) for each in sessions]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes[1::2]} == {type(None)}
    written = await store.sessions(limit=1000)
    assert {each.id for each in sessions[1::2]} <= {each.id for each in written}
    assert len(await store.events(limit=1000)) == len(written)


async def test_one_assertion_raced_by_many_is_used_once(store: Store, now: int) -> None:
    """RFC 7523 §3, point 7: a replay in the same millisecond is a replay."""
    change = RememberAssertion("todo-web", "jti", now + 60)
    outcomes = await asyncio.gather(*(store.commit(change) for _ in range(20)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_a_commit_that_adds_the_same_key_twice_conflicts_with_itself(store: Store, now: int) -> None:
    """`AddSigningKey` is guarded within a commit, too."""
    key = SigningKey(
        id="kid", algorithm="ES256", public_jwk={}, sealed_private_key=b"", announced_at=now, signing_from=now
    )
    with pytest.raises(Conflict):
        await store.commit(AddSigningKey(key), AddSigningKey(key))
    assert await store.signing_keys() == []
