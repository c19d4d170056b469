"""Several writers at once in PostgreSQL: what one sees of the other, and what becomes of a deadlock."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from jotary.oauth.secret import Secret
from jotary.server.flows.administration.user_standing import delete
from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddEvent,
    AddSession,
    AddSignIn,
    AddUser,
    DeleteUser,
    EndSession,
    EndSessionsOfClient,
    EndSessionsOfUser,
    PutConsent,
    PutPassword,
    RedeemCode,
    ReplacePassword,
    ReplaceUser,
    RotateSession,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Conflict, Unavailable
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store
from jotary.server.store.postgres.unit import APPEND_LOCK

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(
    anyio_backend: str, postgresql_url: str, user: User, client: Client, sign_in: SignIn
) -> AsyncIterator[Store]:
    """A store on PostgreSQL in which `user` has signed in, and `client` is registered."""
    store = await open_store(postgresql_url)
    await store.commit(AddUser(user), AddClient(client), AddSignIn(sign_in))
    yield store
    await store.close()


@pytest.fixture
async def other(anyio_backend: str, postgresql_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Another process's connection, in which a transaction may be left open."""
    connection = await asyncpg.connect(postgresql_url)
    yield connection
    await connection.close()


async def until_it_waits(task: "asyncio.Task[None]", connection: "asyncpg.Connection[Any]") -> None:
    """Look until a commit waits for another transaction's lock; one that does not wait is a failure."""
    while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        assert not task.done()
        await asyncio.sleep(0.005)


async def test_a_follower_misses_no_entry_that_commits_late(
    store: Store, other: "asyncpg.Connection[Any]", now: int
) -> None:
    """Design §6.3: an entry with a lower position never becomes visible behind one with a higher position.

    The other process has its position, and has not committed. Were the second entry visible meanwhile, a follower
    would go on from there and never see the first.
    """
    follower: list[int] = []
    transaction = other.transaction()
    await transaction.start()
    await other.execute(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")
    first = await other.fetchval("INSERT INTO events (kind, at, detail) VALUES ('a.b', 0, '{}') RETURNING position")
    second = asyncio.create_task(store.commit(AddEvent(Event(kind="c.d", at=now))))
    await until_it_waits(second, other)
    follower += [entry.position for entry in await store.events(after=max(follower, default=0))]
    assert follower == []
    await transaction.commit()
    await second
    follower += [entry.position for entry in await store.events(after=max(follower, default=0))]
    assert follower == [first, first + 1]


async def test_followers_of_many_writers_see_every_entry_once(store: Store, postgresql_url: str, now: int) -> None:
    """The same with units of the store's own, some of which come to nothing, and a follower that never rests."""
    second = await open_store(postgresql_url)
    seen: list[int] = []

    async def write(each: Store, number: int) -> None:
        event = AddEvent(Event(kind="a.b", at=number))
        doomed = [RotateSession("nobody", 0, now, now)] if number % 5 == 0 else []
        try:
            await each.commit(event, *doomed, event)
        except Conflict:
            assert doomed

    async def follow(writers: "asyncio.Future[Any]") -> None:
        is_over = False
        while not is_over:
            is_over = writers.done()
            seen.extend(entry.position for entry in await store.events(after=max(seen, default=0), limit=10_000))

    writers = asyncio.gather(*(write((store, second)[number % 2], number) for number in range(100)))
    await follow(writers)
    await writers
    assert seen == [entry.position for entry in await store.events(limit=10_000)]
    assert len(seen) == 160
    await second.close()


async def test_the_end_of_a_session_waits_for_its_rotation(
    store: Store, other: "asyncpg.Connection[Any]", session: Session, now: int
) -> None:
    """A rotation that was first is over before the session is; nothing revives what was ended."""
    await store.commit(AddSession(session))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE sessions SET generation = generation + 1")
    end = asyncio.create_task(store.commit(EndSession(session.id, now, "why", now + 300)))
    await until_it_waits(end, other)
    await transaction.commit()
    await end
    found = await store.session(session.id)
    assert found is not None
    assert (found.generation, found.ended_at) == (1, now)
    with pytest.raises(Conflict):
        await store.commit(RotateSession(session.id, 1, now, now + 10))


async def test_a_code_is_not_redeemed_beside_the_end_of_its_sign_in(
    *,
    store: Store,
    other: "asyncpg.Connection[Any]",
    code: AuthorizationCode,
    session: Session,
    now: int,
) -> None:
    """Who ends a sign-in ends all that it opens: a redemption under way waits, and then finds it ended."""
    await store.commit(AddCode(code))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE sign_ins SET ended_at = 1")
    redeem = asyncio.create_task(store.commit(RedeemCode(code.id, now), AddSession(session)))
    await until_it_waits(redeem, other)
    await transaction.commit()
    with pytest.raises(Conflict):
        await redeem
    assert await store.session(session.id) is None


async def test_no_session_is_opened_beside_the_end_of_its_client(
    *,
    store: Store,
    other: "asyncpg.Connection[Any]",
    code: AuthorizationCode,
    session: Session,
    client: Client,
    now: int,
) -> None:
    """Its row would go with the client, and its token be good everywhere: it waits, and then finds the client gone."""
    transaction = other.transaction()
    await transaction.start()
    for step in store._steps(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330)):
        await other.execute(step.statement.sql, *step.parameters)
    opening = asyncio.create_task(store.commit(AddCode(code), RedeemCode(code.id, now), AddSession(session)))
    await until_it_waits(opening, other)
    await other.execute("DELETE FROM clients")
    await transaction.commit()
    with pytest.raises(Conflict):
        await opening
    assert await store.session(session.id) is None


async def test_nobody_signs_in_beside_the_end_of_their_account(
    *, store: Store, other: "asyncpg.Connection[Any]", user: User, sign_in: SignIn, now: int
) -> None:
    """The same of a person: a sign-in that is under way waits, and then finds them gone."""
    transaction = other.transaction()
    await transaction.start()
    end = delete(user, now, Settings(secret=Secret("0123456789abcdef0123456789abcdef")))
    for change in itertools.takewhile(lambda change: not isinstance(change, DeleteUser), end):
        for step in store._steps(change):
            await other.execute(step.statement.sql, *step.parameters)
    signing_in = asyncio.create_task(store.commit(AddSignIn(replace(sign_in, id="new"))))
    await until_it_waits(signing_in, other)
    await other.execute("DELETE FROM users")
    await transaction.commit()
    with pytest.raises(Conflict):
        await signing_in


async def test_a_refresh_beside_the_end_of_its_client_waits_and_finds_it_ended(
    store: Store, other: "asyncpg.Connection[Any]", session: Session, client: Client, now: int
) -> None:
    """Neither is without the other: what was refreshed before is cut off, and nothing is refreshed behind it."""
    await store.commit(AddSession(replace(session, rotated_at=now - 1000)))
    transaction = other.transaction()
    await transaction.start()
    rotate = "UPDATE sessions SET generation = generation + 1, rotated_at = $1"  # a refresh that is under way
    await other.execute(rotate, now)
    end = asyncio.create_task(store.commit(EndSessionsOfClient(client.id, now, "why", now + 300, now - 330)))
    await until_it_waits(end, other)
    await transaction.commit()
    await end
    entry = await store.revocation("sid", session.id, now=now)
    assert entry is not None
    assert entry.issued_before == now + 300
    with pytest.raises(Conflict):
        await store.commit(RotateSession(session.id, 1, now, now + 10))


async def test_a_deadlock_is_tried_again(store: Store, other: "asyncpg.Connection[Any]", user: User, now: int) -> None:
    """Two units that hold what the other one wants: ours gives way, and succeeds when the other one is through."""
    friend = replace(user, id="friend", email="friend@example.com")
    await store.commit(AddUser(friend))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE users SET name = 'theirs' WHERE id = 'friend'")
    ours = asyncio.create_task(
        store.commit(ReplaceUser(replace(user, name="ours")), ReplaceUser(replace(friend, name="ours")))
    )
    await until_it_waits(ours, other)
    await other.execute("UPDATE users SET name = 'theirs' WHERE id = $1", user.id)  # waits for ours to give way
    await transaction.commit()
    await ours
    assert [each.name for each in await store.users()] == ["ours", "ours"]


async def test_who_holds_a_lock_for_ever_makes_us_unavailable(
    store: Store, other: "asyncpg.Connection[Any]", user: User
) -> None:
    """Not a conflict: the facts have not changed. Nothing is written, neither then nor later."""
    transaction = other.transaction()
    await transaction.start()
    await other.execute("SELECT * FROM users FOR UPDATE")
    for unit in ([ReplaceUser(replace(user, name="new"))], [ReplaceUser(replace(user, name="new"))] * 2):
        with pytest.raises(Unavailable):
            await store.commit(*unit)
    await transaction.rollback()
    assert await store.user(user.id) == user


async def test_a_process_that_hangs_does_not_keep_the_others_from_appending(
    store: Store, other: "asyncpg.Connection[Any]"
) -> None:
    """A connection of the store's own that stands still in a transaction is ended by the database."""
    bound = await store._driver._pool.fetchval("SHOW idle_in_transaction_session_timeout")  # type: ignore[attr-defined]  # PostgreSQL's
    assert bound == "2s"


async def test_setting_a_password_at_once_twice_leaves_one(store: Store, user: User, now: int) -> None:
    """`PutPassword` replaces whatever is there: nobody has to look again, and no caller does."""
    changes = [PutPassword(Password(user_id=user.id, hash=f"hash-{number}", changed_at=now)) for number in range(20)]
    await asyncio.gather(*(store.commit(change) for change in changes))
    assert await store.password(user.id) in [change.password for change in changes]


async def test_of_many_changes_of_one_password_at_once_one_is_made(store: Store, user: User, now: int) -> None:
    """`ReplacePassword`: whoever waited for the first looks at the row again, and finds another password."""
    before, *wishes = (Password(user_id=user.id, hash=f"hash-{number}", changed_at=now) for number in range(20))
    await store.commit(PutPassword(before))
    outcomes = await asyncio.gather(
        *(store.commit(ReplacePassword(before, before=before), PutPassword(wish)) for wish in wishes),
        return_exceptions=True,
    )
    made = [wish for wish, outcome in zip(wishes, outcomes, strict=True) if outcome is None]
    assert made == [await store.password(user.id)]
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {Conflict}


async def test_consenting_at_once_twice_leaves_one(store: Store, user: User, client: Client, now: int) -> None:
    """`PutConsent` likewise: two tabs, in which the same button is pressed."""
    consents = [
        Consent(user_id=user.id, client_id=client.id, scopes=(f"scope-{number}",), granted_at=now)
        for number in range(20)
    ]
    await asyncio.gather(*(store.commit(PutConsent(consent)) for consent in consents))
    assert await store.consent(user.id, client.id) in consents


async def test_ending_everything_twice_at_once_ends_it_once(store: Store, session: Session, now: int) -> None:
    """Administrators press a button at the same moment: no deadlock, and every session is over."""
    sessions = [replace(session, id=f"session-{number}") for number in range(20)]
    await store.commit(*(AddSession(each) for each in sessions))
    await asyncio.gather(*(store.commit(EndSessionsOfUser(session.user_id, now, "why", now + 9)) for _ in range(10)))
    assert all(each.ended_at == now for each in await store.sessions_of_user(session.user_id))
