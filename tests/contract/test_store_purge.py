"""What is forgotten and what is not, in every store."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddEvent,
    AddRevocation,
    AddSession,
    AddSignIn,
    AddSigningKey,
    AddUser,
    EndSession,
    RedeemCode,
    RememberAssertion,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store
from jotary.server.store.driver import Step

pytestmark = pytest.mark.anyio

HOUR = 3600
DAY = 24 * HOUR


async def test_a_code_is_remembered_for_an_hour_behind_its_end(store: Store, code: AuthorizationCode, now: int) -> None:
    """RFC 6749 §4.1.2: a code that is used again must be recognised; redeemed or not, it goes in the end."""
    await store.commit(AddCode(code), AddCode(replace(code, id="redeemed")), RedeemCode("redeemed", now))
    assert await store.purge(code.expires_at + HOUR) == 0
    assert await store.purge(code.expires_at + HOUR + 1) == 2
    assert await store.code(code.id) is None


async def test_an_ended_session_stays_until_its_absolute_end(store: Store, session: Session, now: int) -> None:
    """Design §6.1: a stolen token of an ended session is recognised for as long as it could have lived."""
    await store.commit(AddSession(session), EndSession(session.id, now, "why", now))
    assert await store.purge(session.idle_expires_at + HOUR) == 1  # the cut-off
    assert await store.purge(session.expires_at + DAY) == 0
    assert await store.session(session.id) is not None
    assert await store.purge(session.expires_at + DAY + 1) == 1
    assert await store.session(session.id) is None


async def test_a_session_outlives_the_sign_in_that_it_came_from(
    store: Store, session: Session, sign_in: SignIn
) -> None:
    """A sign-in is purged a day behind its end; a session with a longer life keeps its own."""
    longer = replace(session, expires_at=sign_in.expires_at + 30 * DAY)
    await store.commit(AddSession(longer))
    assert await store.purge(sign_in.expires_at + DAY) == 0
    assert await store.purge(sign_in.expires_at + DAY + 1) == 1
    assert await store.sign_in(sign_in.id) is None
    assert await store.session(session.id) == longer


async def test_an_assertion_is_remembered_longer_than_it_is_accepted(store: Store, now: int) -> None:
    """RFC 7523 §3: five minutes beyond `exp` for a verifier's leeway, by a clock that is an hour ahead."""
    await store.commit(RememberAssertion("todo-web", "jti", now))
    assert await store.purge(now + HOUR + 300) == 0
    with pytest.raises(Conflict):
        await store.commit(RememberAssertion("todo-web", "jti", now))
    assert await store.purge(now + HOUR + 301) == 1
    await store.commit(RememberAssertion("todo-web", "jti", now))


async def test_a_cut_off_goes_when_the_last_token_it_could_touch_has_expired(store: Store, now: int) -> None:
    """Design §6.3: so the feed stays tiny. A clock that is an hour ahead sweeps none away that still counts."""
    await store.commit(
        AddRevocation(Revocation(kind="sid", value="s", issued_before=now, created_at=now, expires_at=now + 300))
    )
    assert await store.purge(now + 300 + HOUR) == 0
    assert await store.purge(now + 301 + HOUR) == 1


async def test_a_key_that_is_gone_is_erased_after_a_day(store: Store, now: int) -> None:
    """Design §6.2: the sealed private half goes, too; a key whose end is not decided stays."""
    key = SigningKey(
        id="kid", algorithm="ES256", public_jwk={}, sealed_private_key=b"sealed", announced_at=now, signing_from=now
    )
    gone = replace(key, id="gone", retiring_from=now - DAY, gone_from=now)
    retiring = replace(key, id="retiring", retiring_from=now - DAY)
    await store.commit(*(AddSigningKey(each) for each in (key, gone, retiring)))
    assert await store.purge(now + DAY) == 0
    assert await store.purge(now + DAY + 1) == 1
    assert await store.signing_keys() == [key, retiring]


async def test_people_clients_and_the_audit_trail_are_never_purged(
    empty_store: Store, user: User, client: Client, now: int
) -> None:
    """What an operator must delete by hand."""
    await empty_store.commit(AddUser(user), AddClient(client), AddEvent(Event(kind="user.created", at=now)))
    assert await empty_store.purge(2**40) == 0
    assert await empty_store.events()


async def test_small_batches_take_everything_that_is_due(
    store: Store, sign_in: SignIn, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §6.7: expired rows are purged in small batches, until none is left, and no other row is touched."""
    batches: list[int] = []
    write = store._driver.write

    async def count(unit: Sequence[Step]) -> int:
        batches.append(await write(unit))
        return batches[-1]

    due = [replace(sign_in, id=f"due-{number}", expires_at=now + number) for number in range(12)]
    await store.commit(*(AddSignIn(each) for each in due))
    monkeypatch.setattr(store._driver, "write", count)
    assert await store.purge(now + DAY + 10, batch=3) == 10
    assert max(batches) == 3
    left = [each.id for each in due if await store.sign_in(each.id)]
    assert left == ["due-10", "due-11"]
    assert await store.sign_in(sign_in.id) == sign_in
    assert await store.purge(now + DAY + 10, batch=3) == 0


async def test_a_long_purge_holds_up_nobody(
    store: Store, sign_in: SignIn, database_url: str, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §6.7: between two batches everybody else writes, another process on the same database, too."""
    order: list[str] = []
    write = store._driver.write

    async def note(unit: Sequence[Step]) -> int:
        order.append("batch")
        return await write(unit)

    async def use(other: Store, number: int) -> None:
        while not purge.done():
            at = now + DAY + number + len(order)
            await other.commit(AddEvent(Event(kind="other.used", at=at)))
            order.append("other")

    due = [replace(sign_in, id=f"due-{number}", expires_at=now) for number in range(300)]
    await store.commit(*(AddSignIn(each) for each in due))
    neighbour = await open_store(database_url)
    monkeypatch.setattr(store._driver, "write", note)
    purge = asyncio.create_task(store.purge(now + DAY + 1, batch=20))
    await use(neighbour, 0)
    assert await purge == 300
    await neighbour.close()
    batches = [at for at, what in enumerate(order) if what == "batch"][:15]
    between = [order[one:two].count("other") for one, two in itertools.pairwise(batches)]
    assert sum(count > 0 for count in between) > len(between) // 2
