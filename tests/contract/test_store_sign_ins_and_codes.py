"""Browsers that are signed in, and the codes that stand on them, in every store."""

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddCode,
    AddSignIn,
    DeleteUser,
    EndSessionsOfUser,
    EndSignIn,
    RedeemCode,
    ReplaceUser,
    TouchSignIn,
)
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


async def test_a_sign_in_is_found_by_its_id(store: Store, sign_in: SignIn) -> None:
    """`SignIns.sign_in` gives back what was added."""
    assert await store.sign_in(sign_in.id) == sign_in
    assert await store.sign_in("unknown") is None


async def test_a_sign_in_is_not_added_twice(store: Store, sign_in: SignIn) -> None:
    """A second sign-in under the same cookie would let one person take over another's."""
    with pytest.raises(Conflict):
        await store.commit(AddSignIn(replace(sign_in, methods=("otp",))))
    assert await store.sign_in(sign_in.id) == sign_in


async def test_nobody_who_was_disabled_or_deleted_meanwhile_is_signed_in(
    store: Store, sign_in: SignIn, user: User, now: int
) -> None:
    """`AddSignIn` is guarded: a password takes long to hash, and enabling must not bring that sign-in to life."""
    late = AddSignIn(replace(sign_in, id="late"))
    for change in (ReplaceUser(replace(user, disabled_at=now)), DeleteUser(user.id)):
        await store.commit(change)
        with pytest.raises(Conflict):
            await store.commit(late)
        assert await store.sign_in("late") is None


async def test_touching_moves_forward_and_never_back(store: Store, sign_in: SignIn, now: int) -> None:
    """`TouchSignIn`: of two nodes the later wins, in whatever order they arrive."""
    await store.commit(TouchSignIn(sign_in.id, now + 20))
    await store.commit(TouchSignIn(sign_in.id, now + 10))
    assert await store.sign_in(sign_in.id) == replace(sign_in, last_seen_at=now + 20)


async def test_touching_what_is_not_there_changes_nothing(store: Store, now: int) -> None:
    """`TouchSignIn` is not guarded."""
    await store.commit(TouchSignIn("unknown", now))
    assert await store.sign_in("unknown") is None


async def test_a_sign_in_ends_once(store: Store, sign_in: SignIn, now: int) -> None:
    """`EndSignIn`: ending it twice changes nothing."""
    await store.commit(EndSignIn(sign_in.id, now + 1))
    await store.commit(EndSignIn(sign_in.id, now + 2))
    assert await store.sign_in(sign_in.id) == replace(sign_in, ended_at=now + 1)


async def test_a_code_stands_on_a_living_sign_in(store: Store, code: AuthorizationCode) -> None:
    """`Codes.code` gives back what was added."""
    await store.commit(AddCode(code))
    assert await store.code(code.id) == code
    assert await store.code("unknown") is None


@pytest.mark.parametrize("sign_in_id", ["sign-in-1", "unknown"])
async def test_no_code_stands_on_a_dead_sign_in(
    store: Store, code: AuthorizationCode, sign_in: SignIn, now: int, sign_in_id: str
) -> None:
    """`AddCode` is guarded: whoever signs out in another tab gets no code in this one."""
    await store.commit(EndSignIn(sign_in.id, now))
    with pytest.raises(Conflict):
        await store.commit(AddCode(replace(code, sign_in_id=sign_in_id)))
    assert await store.code(code.id) is None


async def test_a_code_id_is_not_given_twice(store: Store, code: AuthorizationCode) -> None:
    """`AddCode` is guarded: an id that is taken is not handed to a second request."""
    await store.commit(AddCode(code))
    with pytest.raises(Conflict):
        await store.commit(AddCode(replace(code, nonce="other")))
    assert await store.code(code.id) == code


async def test_a_code_is_redeemed_once(store: Store, code: AuthorizationCode, now: int) -> None:
    """`RedeemCode` is guarded (RFC 6749 §4.1.2); a redeemed code stays, so that a replay is recognised."""
    await store.commit(AddCode(code))
    await store.commit(RedeemCode(code.id, now + 1))
    with pytest.raises(Conflict):
        await store.commit(RedeemCode(code.id, now + 2))
    assert await store.code(code.id) == replace(code, redeemed_at=now + 1)


async def test_a_code_dies_with_its_sign_in(store: Store, code: AuthorizationCode, sign_in: SignIn, now: int) -> None:
    """`RedeemCode` is guarded: not after its sign-in has ended."""
    await store.commit(AddCode(code))
    await store.commit(EndSignIn(sign_in.id, now))
    with pytest.raises(Conflict):
        await store.commit(RedeemCode(code.id, now))
    assert await store.code(code.id) == code


async def test_a_code_dies_with_the_sign_ins_of_its_person(
    store: Store, code: AuthorizationCode, user: User, now: int
) -> None:
    """`EndSessionsOfUser` ends sign-ins, so that a code in flight opens no session behind the cut-off."""
    await store.commit(AddCode(code))
    await store.commit(EndSessionsOfUser(user.id, now, "disabled", now + 300))
    with pytest.raises(Conflict):
        await store.commit(RedeemCode(code.id, now))


async def test_the_end_of_another_sign_in_harms_no_code(
    store: Store, code: AuthorizationCode, sign_in: SignIn, now: int
) -> None:
    """`RedeemCode` looks at the code's own sign-in."""
    await store.commit(AddSignIn(replace(sign_in, id="other")), AddCode(code), EndSignIn("other", now))
    await store.commit(RedeemCode(code.id, now))
    assert await store.code(code.id) == replace(code, redeemed_at=now)


async def test_redeeming_no_code_is_a_conflict(store: Store, now: int) -> None:
    """`RedeemCode` is guarded."""
    with pytest.raises(Conflict):
        await store.commit(RedeemCode("unknown", now))
