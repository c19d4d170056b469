"""Whatever text and numbers arrive, a store gives back what it took, or refuses it cleanly."""

import itertools
import types
import typing
from typing import Any, Literal, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
    PutConsent,
    PutPassword,
    ReplaceUser,
    RotateSession,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.store import Store, Unstorable

pytestmark = pytest.mark.anyio

Record = TypeVar("Record", bound=msgspec.Struct)
_numbers = itertools.count()

# One store serves all examples: each has ids of its own.
hostile = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(
    ["'; DROP TABLE users; --", '"', "\\", "%_", "?", ":id", "$1", "\U0001f511", "\u202e", "a\u0301", "\x7f\x01\r\n"]
)
numbers = st.integers(-(2**63) + 2, 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
_by_type: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: numbers,
    bool: st.booleans(),
    bytes: st.binary(max_size=64),
    tuple[str, ...]: st.lists(texts, max_size=4).map(tuple),
    dict[str, tuple[str, ...]]: st.dictionaries(texts, st.lists(texts, max_size=4).map(tuple), max_size=4),
    dict[str, Any]: st.dictionaries(texts, json_values, max_size=4),
    types.NoneType: st.none(),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values that a field may hold."""
    if typing.get_origin(annotation) is Literal:
        return st.sampled_from(typing.get_args(annotation))
    if isinstance(annotation, types.UnionType):
        return st.one_of(*map(values, typing.get_args(annotation)))
    return _by_type[annotation]


def records(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Records with any value in every field."""
    fields = {name: values(annotation) for name, annotation in typing.get_type_hints(kind).items()}
    return st.builds(kind, **fields)


def new(text: str) -> str:
    """The text behind a number, so that no two examples share an id."""
    return f"{next(_numbers)}{text}"


@hostile
@given(record=records(User))
async def test_a_person_comes_back_as_they_were(store: Store, record: User) -> None:
    """`AddUser`, by id and by address."""
    user = replace(record, id=new(record.id), email=new(record.email))
    await store.commit(AddUser(user))
    assert await store.user(user.id) == user
    assert await store.user_by_email(user.email) == user
    assert user in await store.users(limit=1_000_000)


@hostile
@given(record=records(Password))
async def test_a_password_comes_back_as_it_was(store: Store, user: User, record: Password) -> None:
    """`PutPassword`."""
    password = replace(record, user_id=user.id)
    await store.commit(PutPassword(password))
    assert await store.password(user.id) == password


@hostile
@given(record=records(Client))
async def test_a_client_comes_back_as_it_was(store: Store, record: Client) -> None:
    """`AddClient`."""
    client = replace(record, id=new(record.id))
    await store.commit(AddClient(client))
    assert await store.client(client.id) == client
    assert client in await store.clients()


@hostile
@given(record=records(SignIn))
async def test_a_sign_in_comes_back_as_it_was(store: Store, user: User, record: SignIn) -> None:
    """`AddSignIn`."""
    sign_in = replace(record, id=new(record.id), user_id=user.id)
    await store.commit(AddSignIn(sign_in))
    assert await store.sign_in(sign_in.id) == sign_in


@hostile
@given(record=records(AuthorizationCode))
async def test_a_code_comes_back_as_it_was(
    *, store: Store, user: User, client: Client, sign_in: SignIn, record: AuthorizationCode
) -> None:
    """`AddCode`."""
    code = replace(record, id=new(record.id), user_id=user.id, client_id=client.id, sign_in_id=sign_in.id)
    await store.commit(AddCode(code))
    assert await store.code(code.id) == code


@hostile
@given(record=records(Session))
async def test_a_session_comes_back_as_it_was(store: Store, user: User, client: Client, record: Session) -> None:
    """`AddSession`."""
    session = replace(record, id=new(record.id), user_id=user.id, client_id=client.id)
    await store.commit(AddSession(session))
    assert await store.session(session.id) == session
    assert session in await store.sessions_of_user(user.id)


@hostile
@given(record=records(Consent))
async def test_a_consent_comes_back_as_it_was(store: Store, user: User, client: Client, record: Consent) -> None:
    """`PutConsent`."""
    consent = replace(record, user_id=user.id, client_id=client.id)
    await store.commit(PutConsent(consent))
    assert await store.consent(user.id, client.id) == consent


@hostile
@given(record=records(SigningKey))
async def test_a_signing_key_comes_back_as_it_was(store: Store, record: SigningKey) -> None:
    """`AddSigningKey`."""
    key = replace(record, id=new(record.id))
    await store.commit(AddSigningKey(key))
    assert key in await store.signing_keys()


@hostile
@given(record=records(Revocation))
async def test_a_cut_off_comes_back_as_it_was(store: Store, record: Revocation) -> None:
    """`AddRevocation`; its position is the store's to give."""
    revocation = replace(record, value=new(record.value))
    await store.commit(AddRevocation(revocation))
    found = await store.revocation(revocation.kind, revocation.value, now=revocation.expires_at - 1)
    assert found is not None
    assert replace(found, position=revocation.position) == revocation


@hostile
@given(record=records(Event))
async def test_an_event_comes_back_as_it_was(store: Store, record: Event) -> None:
    """`AddEvent`; its position is the store's to give."""
    await store.commit(AddEvent(record))
    found = (await store.events(limit=1_000_000))[-1]
    assert replace(found, position=record.position) == record


@pytest.mark.parametrize("text", ["\0", "Ada\0", "\ud800", "Ada \U0001f511 \udfff"])
async def test_text_that_not_every_database_holds_is_refused_whole(store: Store, user: User, text: str) -> None:
    """PostgreSQL has no NUL in text, and UTF-8 has no lone surrogates: refused before anything is written."""
    for changed in (replace(user, name=text), replace(user, email=text), replace(user, id=text)):
        other = AddUser(replace(user, id="other", email="other@example.com"))
        with pytest.raises(Unstorable):
            await store.commit(other, ReplaceUser(changed))
    assert await store.users() == [user]


@pytest.mark.parametrize("text", ["\0", "\ud800"])
async def test_nothing_is_found_under_text_that_no_database_holds(store: Store, text: str) -> None:
    """A read with a hostile key is a miss, not a failure."""
    misses = [
        await store.user(text),
        await store.user_by_email(text),
        await store.password(text),
        await store.client(text),
        await store.sign_in(text),
        await store.code(text),
        await store.session(text),
        await store.consent(text, text),
        await store.revocation("sid", text, now=0),
    ]
    assert misses == [None] * 9
    assert await store.users(after=text) == []
    assert await store.sessions_of_user(text) == []


async def test_a_lone_surrogate_inside_a_list_is_refused(store: Store, session: Session, now: int) -> None:
    """What is stored as JSON is checked as well; a NUL is escaped there, and comes back."""
    with pytest.raises(Unstorable):
        await store.commit(AddSession(replace(session, scopes=("openid", "\ud800"))))
    with pytest.raises(Unstorable):
        await store.commit(AddEvent(Event(kind="x.y", at=now, detail={"\udfff": 1})))
    escaped = replace(session, scopes=("nul\0",))
    await store.commit(AddSession(escaped))
    assert await store.session(session.id) == escaped


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
async def test_a_number_beyond_64_bits_is_refused_or_finds_nothing(store: Store, session: Session, number: int) -> None:
    """A generation or a position from a forged request must not break the store."""
    with pytest.raises(Unstorable):
        await store.commit(AddSession(replace(session, generation=number)))
    with pytest.raises(Unstorable):
        await store.commit(RotateSession(session.id, number, 1, 2))
    assert await store.revocations(after=number, now=0) == []
    assert await store.events(after=number) == []
