"""Making an account for somebody, by the rules of signing up; only the name may be left out."""

import asyncio
from typing import Final, Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.sign_up import Problem, SignUpForm, problems_of
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.model.changes import AddEvent, AddUser, Change, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.user import User
from jotary.server.ports import Commit, Conflict, Entropy, PasswordHasher, Users
from jotary.server.settings import Settings

_CHOOSE_ANOTHER: Final = "Choose another one."


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to make an account for. Unlike at sign-up, the name may be left out."""

    email: str
    name: str | None
    password: Secret
    is_admin: bool = False


class UserStore(Users, Commit, Protocol):
    """What making an account reads and writes."""


def decide(new: NewUser, *, user_id: str, phc: str, now: int) -> tuple[User, tuple[Change, ...]]:
    """The person, and what to write; `phc` is the password's hash."""
    user = User(id=user_id, email=new.email, name=new.name, created_at=now, is_admin=new.is_admin)
    event = Event(kind="user.created", at=now, user_id=user_id, detail={"is_admin": new.is_admin})
    return user, (AddUser(user), PutPassword(Password(user_id=user_id, hash=phc, changed_at=now)), AddEvent(event))


def check_new_user(new: NewUser, settings: Settings) -> None:
    """Every rule that needs no store.

    Raises:
        AdministrationError: a detail must be changed.
    """
    problems = _problems(new, settings)
    if problems:
        raise AdministrationError(_said(problems), hint=_CHOOSE_ANOTHER)


async def create_user(
    new: NewUser, *, store: UserStore, hasher: PasswordHasher, entropy: Entropy, settings: Settings, now: int
) -> User:
    """Make an account.

    Raises:
        AdministrationError: a detail must be changed, or the address has an account.
        Unavailable: the store or the hash pool cannot answer.
    """
    await asyncio.to_thread(check_new_user, new, settings)
    phc = await hasher.hash(new.password.reveal())
    user, changes = decide(new, user_id=new_identifier(now, entropy(IDENTIFIER_ENTROPY)), phc=phc, now=now)
    try:
        await store.commit(*changes)
    except Conflict:  # the address is guarded; there is nothing to gather again
        raise AdministrationError(f"{new.email} has an account already", hint=_CHOOSE_ANOTHER) from None
    return user


def _problems(new: NewUser, settings: Settings) -> list[Problem]:
    form = SignUpForm(username=new.email, name=new.name or "", password=new.password)
    found = problems_of(form, service_name=settings.service_name, password_min_length=settings.password_min_length)
    return [problem for problem in found if problem.field != "name" or new.name]


def _said(problems: list[Problem]) -> str:
    """One line: the field, and the sentences about it."""
    names = {"username": "e-mail address"}
    return "; ".join(
        f"{names.get(problem.field, problem.field)}: {' '.join(problem.sentences)}" for problem in problems
    ).removesuffix(".")
