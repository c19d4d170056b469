"""People, their passwords and their consents, in every store."""

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddSession,
    AddSignIn,
    AddUser,
    DeleteUser,
    PutConsent,
    PutPassword,
    ReplacePassword,
    ReplaceUser,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


async def test_a_person_is_found_by_id_and_by_address(store: Store, user: User) -> None:
    """`Users.user` and `Users.user_by_email` give back what was added."""
    assert await store.user(user.id) == user
    assert await store.user_by_email(user.email) == user
    assert await store.user("nobody") is None
    assert await store.user_by_email("nobody@example.com") is None


async def test_a_new_database_knows_nobody(empty_store: Store) -> None:
    """OWASP ASVS 5.0 6.3.2: no account and no client is there that nobody has made."""
    assert await empty_store.users(limit=10) == []
    assert await empty_store.clients() == []


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"])
async def test_an_address_is_found_without_regard_to_case(store: Store, user: User, spelling: str) -> None:
    """`Users.user_by_email`: unique without regard to case."""
    assert await store.user_by_email(spelling) == user


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ("ada@example.com", "ADA@example.com"),
        ("jos\u00e9@example.com", "JOSE\u0301@example.com"),  # composed, decomposed
        ("stra\u00dfe@example.com", "STRASSE@example.com"),  # one letter folds to two
    ],
)
async def test_a_taken_address_opens_no_second_account(empty_store: Store, user: User, taken: str, wanted: str) -> None:
    """`AddUser` is guarded: the e-mail address must be free, however it is spelled."""
    await empty_store.commit(AddUser(replace(user, id="first", email=taken)))
    change = AddUser(replace(user, id="second", email=wanted))
    with pytest.raises(Conflict) as conflict:
        await empty_store.commit(change)
    assert conflict.value.change is change
    assert await empty_store.user("second") is None


async def test_a_taken_id_opens_no_second_account(store: Store, user: User) -> None:
    """`User.id` is never given to anybody else."""
    with pytest.raises(Conflict):
        await store.commit(AddUser(replace(user, email="other@example.com")))
    assert await store.user(user.id) == user


async def test_replacing_a_person_changes_every_field(store: Store, user: User, now: int) -> None:
    """`ReplaceUser` writes the whole record, and the address it is found by."""
    changed = User(
        id=user.id,
        email="new@example.com",
        name=None,
        email_verified=True,
        created_at=now + 1,
        disabled_at=now + 2,
        is_admin=True,
    )
    await store.commit(ReplaceUser(changed))
    found = await store.user(user.id)
    assert found == changed
    assert found.is_admin is True  # and not 1
    assert await store.user_by_email("NEW@example.com") == changed
    assert await store.user_by_email(user.email) is None


async def test_replacing_nobody_is_a_conflict(store: Store, user: User) -> None:
    """`ReplaceUser` is guarded: the user must exist."""
    with pytest.raises(Conflict):
        await store.commit(ReplaceUser(replace(user, id="nobody", email="free@example.com")))
    assert await store.user("nobody") is None


async def test_nobody_moves_to_a_taken_address(store: Store, user: User) -> None:
    """`ReplaceUser` is guarded: a changed e-mail address must be free."""
    other = replace(user, id="user-2", email="other@example.com")
    await store.commit(AddUser(other))
    with pytest.raises(Conflict):
        await store.commit(ReplaceUser(replace(other, email=user.email.upper())))
    assert await store.user(other.id) == other


async def test_a_person_may_respell_their_own_address(store: Store, user: User) -> None:
    """`ReplaceUser`: an address is not taken by its own owner."""
    changed = replace(user, email=user.email.upper())
    await store.commit(ReplaceUser(changed))
    assert await store.user_by_email(user.email) == changed


async def test_deleting_a_person_takes_all_that_is_theirs(
    *, store: Store, user: User, sign_in: SignIn, code: AuthorizationCode, session: Session, client: Client, now: int
) -> None:
    """`DeleteUser` removes password, sign-ins, codes, sessions and consents, and nothing of anybody else's."""
    other = replace(user, id="user-2", email="other@example.com")
    theirs = replace(session, id="session-2", user_id=other.id)
    await store.commit(
        *(PutPassword(Password(user_id=user.id, hash="$argon2id$", changed_at=now)), AddCode(code)),
        *(AddSession(session), AddUser(other), AddSession(theirs)),
        PutConsent(Consent(user_id=user.id, client_id=client.id, scopes=("openid",), granted_at=now)),
    )
    await store.commit(DeleteUser(user.id))
    gone = [
        await store.user(user.id),
        await store.password(user.id),
        await store.sign_in(sign_in.id),
        await store.code(code.id),
        await store.session(session.id),
        await store.consent(user.id, client.id),
    ]
    assert gone == [None] * 6
    assert await store.session(theirs.id) == theirs
    with pytest.raises(Conflict):
        await store.commit(DeleteUser(user.id))


async def test_people_are_listed_in_pages(empty_store: Store, user: User) -> None:
    """`Users.users`: in order of id, behind `after`."""
    people = [replace(user, id=f"user-{number}", email=f"{number}@example.com") for number in range(5)]
    await empty_store.commit(*(AddUser(person) for person in reversed(people)))
    assert await empty_store.users(limit=2) == people[:2]
    assert await empty_store.users(after="user-1", limit=2) == people[2:4]
    assert await empty_store.users(after="user-4") == []
    assert await empty_store.users() == people


async def test_a_password_is_set_and_replaced(store: Store, user: User, now: int) -> None:
    """`PutPassword` sets or replaces."""
    assert await store.password(user.id) is None
    for number in range(2):
        password = Password(user_id=user.id, hash=f"$argon2id$v=19${number}", changed_at=now + number)
        await store.commit(PutPassword(password))
        assert await store.password(user.id) == password


async def test_a_password_is_replaced_only_as_it_was_read(store: Store, user: User, now: int) -> None:
    """`ReplacePassword` is guarded: of two who read the same password, one is told; and there must be one."""
    first, second, third = (Password(user_id=user.id, hash=f"$argon2id$v=19${n}", changed_at=now + n) for n in range(3))
    with pytest.raises(Conflict):
        await store.commit(ReplacePassword(second, before=first))
    assert await store.password(user.id) is None
    await store.commit(PutPassword(first))
    await store.commit(ReplacePassword(first, before=first))
    await store.commit(ReplacePassword(second, before=first))
    for change in (ReplacePassword(third, before=first), ReplacePassword(first, before=first)):
        with pytest.raises(Conflict):
            await store.commit(change)
    assert await store.password(user.id) == second


async def test_nothing_is_kept_for_a_person_who_is_not_there(store: Store, sign_in: SignIn, now: int) -> None:
    """A record of a person who was deleted a moment ago is a conflict: the facts behind the decision are stale."""
    for change in (
        PutPassword(Password(user_id="nobody", hash="$argon2id$", changed_at=now)),
        AddSignIn(replace(sign_in, id="other", user_id="nobody")),
    ):
        with pytest.raises(Conflict):
            await store.commit(change)
    assert await store.password("nobody") is None
    assert await store.sign_in("other") is None


async def test_a_consent_is_set_and_replaced_for_one_client(store: Store, user: User, client: Client, now: int) -> None:
    """`PutConsent` sets or replaces a person's consent for one client."""
    other = replace(client, id="other-client")
    await store.commit(AddClient(other))
    assert await store.consent(user.id, client.id) is None
    for scopes in (("openid",), ("openid", "todo:read")):
        at: dict[str, tuple[str, ...]] = {"": ("openid",), "https://todo.example.com": scopes}
        consent = Consent(user_id=user.id, client_id=client.id, scopes=scopes, granted_at=now, resources=at)
        await store.commit(PutConsent(consent))
        assert await store.consent(user.id, client.id) == consent
    assert await store.consent(user.id, other.id) is None
