"""What is appended and followed by position, and the signing keys, in every store."""

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import AddEvent, AddRevocation, AddSigningKey, ReplaceSigningKey
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def revocation(now: int) -> Revocation:
    """A cut-off that dies after five minutes."""
    return Revocation(kind="sid", value="session-1", issued_before=now, created_at=now, expires_at=now + 300)


@pytest.fixture
def key(now: int) -> SigningKey:
    """An announced signing key."""
    return SigningKey(
        id="kid-1",
        algorithm="ES256",
        public_jwk={"kty": "EC", "crv": "P-256", "x": "x", "y": "y"},
        sealed_private_key=b"\0\xff sealed",
        announced_at=now,
        signing_from=now + 300,
    )


async def test_cut_offs_are_followed_by_position(store: Store, revocation: Revocation, now: int) -> None:
    """`Revocations.revocations`: behind `after`, in order of position; each once."""
    values = [f"session-{number}" for number in range(5)]
    await store.commit(*(AddRevocation(replace(revocation, value=value)) for value in values))
    first = await store.revocations(now=now, limit=2)
    rest = await store.revocations(after=first[-1].position, now=now)
    followed = [*first, *rest]
    assert [entry.value for entry in followed] == values
    positions = [entry.position for entry in followed]
    assert positions == sorted(set(positions))
    assert followed[0] == replace(revocation, value="session-0", position=positions[0])


async def test_an_expired_cut_off_is_not_published(store: Store, revocation: Revocation, now: int) -> None:
    """`Revocations`: an entry dies at `expires_at`."""
    await store.commit(AddRevocation(revocation))
    assert await store.revocations(now=now + 299)
    assert await store.revocations(now=now + 300) == []
    assert await store.revocation("sid", revocation.value, now=now + 299) is not None
    assert await store.revocation("sid", revocation.value, now=now + 300) is None


async def test_the_cut_off_of_a_value_is_the_one_that_reaches_furthest(
    store: Store, revocation: Revocation, now: int
) -> None:
    """`Revocations.revocation`: nodes whose clocks disagree append in any order."""
    far = replace(revocation, issued_before=now + 50)
    others = [replace(revocation, value="other"), replace(revocation, kind="sub"), replace(revocation, kind="jti")]
    await store.commit(AddRevocation(revocation), AddRevocation(far), *(AddRevocation(each) for each in others))
    await store.commit(AddRevocation(replace(revocation, issued_before=now + 10)))
    found = await store.revocation("sid", revocation.value, now=now)
    assert found is not None
    assert replace(found, position=0) == far
    assert await store.revocation("client_id", revocation.value, now=now) is None


async def test_a_position_is_never_given_again(store: Store, revocation: Revocation, now: int) -> None:
    """A follower that has seen position N would miss an entry that took the place of a purged one."""
    await store.commit(AddRevocation(revocation))
    (old,) = await store.revocations(now=now)
    assert await store.purge(now + 301 + 3600) == 1
    await store.commit(AddRevocation(replace(revocation, expires_at=now + 900)))
    (new,) = await store.revocations(now=now)
    assert new.position > old.position


async def test_events_are_read_in_order(store: Store, now: int) -> None:
    """`Events.events`: the audit trail in order of position."""
    first = Event(
        kind="session.reuse_detected",
        at=now,
        user_id="user-1",
        client_id="todo-web",
        session_id="session-1",
        address="192.0.2.1",
        detail={"generation": 3, "nested": {"list": [1, None, True]}},
    )
    second = Event(kind="key.rotated", at=now)
    await store.commit(AddEvent(first), AddEvent(second))
    listed = await store.events()
    assert [replace(event, position=0) for event in listed] == [first, second]
    assert await store.events(after=listed[0].position) == listed[1:]
    assert await store.events(limit=1) == listed[:1]
    assert await store.events(after=listed[1].position) == []


async def test_signing_keys_are_read_oldest_first(store: Store, key: SigningKey) -> None:
    """`SigningKeys.signing_keys`: oldest first."""
    older = replace(key, id="kid-0", announced_at=key.announced_at - 1)
    await store.commit(AddSigningKey(key), AddSigningKey(older))
    assert await store.signing_keys() == [older, key]


async def test_a_kid_is_not_given_twice(store: Store, key: SigningKey) -> None:
    """`AddSigningKey` is guarded: the `kid` must be new."""
    await store.commit(AddSigningKey(key))
    with pytest.raises(Conflict):
        await store.commit(AddSigningKey(replace(key, algorithm="RS256")))
    assert await store.signing_keys() == [key]


async def test_a_signing_key_moves_on_in_its_life(store: Store, key: SigningKey, now: int) -> None:
    """`ReplaceSigningKey` writes the whole record, and is guarded: the `kid` must exist."""
    assert (key.retiring_from, key.gone_from) == (None, None)
    await store.commit(AddSigningKey(key))
    changed = replace(key, retiring_from=now + 900, gone_from=now + 1800, sealed_private_key=b"resealed")
    await store.commit(ReplaceSigningKey(changed, key))
    assert await store.signing_keys() == [changed]
    unknown = replace(key, id="unknown")
    with pytest.raises(Conflict):
        await store.commit(ReplaceSigningKey(unknown, unknown))
    assert await store.signing_keys() == [changed]


@pytest.mark.parametrize("field", ["sealed_private_key", "retiring_from", "gone_from"])
async def test_a_signing_key_that_changed_meanwhile_is_not_overwritten(
    store: Store, key: SigningKey, now: int, field: str
) -> None:
    """`ReplaceSigningKey` is a compare-and-set: a withdrawn key never comes back."""
    known = replace(key, retiring_from=now + 1, gone_from=now + 2)
    meanwhile = replace(known, **{field: b"" if field == "sealed_private_key" else now})
    await store.commit(AddSigningKey(meanwhile))
    with pytest.raises(Conflict):
        await store.commit(ReplaceSigningKey(replace(known, gone_from=now + 900), known))
    with pytest.raises(Conflict):
        await store.commit(ReplaceSigningKey(known, key))
    assert await store.signing_keys() == [meanwhile]
