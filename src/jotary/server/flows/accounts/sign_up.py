"""Signing up: from an e-mail address, a name and a password to an account that is signed in.

Without mail an account cannot be confirmed before it is used, so whoever signs up learns whether an address was free
(docs/decisions/0003). What can be kept is kept: the page never says that an account exists, and a
taken address costs the same work as a free one.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.password_rules import refusals, words_about
from jotary.server.flows.accounts.scoring import scored
from jotary.server.flows.limits.known_browser import NAME_SIZE, name_browser
from jotary.server.flows.limits.limit import TooMany
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.login import LoggedIn, begin_sign_in
from jotary.server.flows.signed_in import COOKIE_ENTROPY, new_cookie, sign_in_id
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, AddUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.user import User
from jotary.server.ports import Commit, Entropy, PasswordHasher, SignIns, Unavailable, Users
from jotary.server.settings import Settings

#: Characters of an e-mail address (RFC 5321 §4.5.3.1: a path has 256 octets, two of them angle brackets).
MAX_EMAIL_LENGTH: Final = 254
MAX_NAME_LENGTH: Final = 100

# One "@", a name before it and a domain behind it. Whether mail arrives, only mail can tell.
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)*")
# Controls, line and paragraph breaks, and what turns the text behind it around (UAX #9, §2).
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Nothing to see, although letters, marks or symbols by category (RFC 8264 §9.13); and the Braille pattern without dots.
_INVISIBLE: Final = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# RFC 5322 §3.2.3: these stand in an address only where it is quoted, which nobody's address is.
_SPECIAL: Final = frozenset('<>()[],;:"\\')

Field = Literal["username", "name", "password", "form"]


class SignUpForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed."""

    username: str  # the e-mail address
    name: str
    password: Secret


class Problem(msgspec.Struct, frozen=True):
    """Why an account was not made: sentences for one field, or for the form as a whole."""

    field: Field
    sentences: tuple[str, ...]


#: The one text for an address that is taken; it does not say so.
NOT_POSSIBLE: Final = Problem(
    "form", ("An account could not be made with these details.", "If you already have one, sign in instead.")
)


def problems_of(form: SignUpForm, *, service_name: str, password_min_length: int) -> tuple[Problem, ...]:
    """What must be changed before an account can be made; blocks while the password is scored."""
    personal = words_about(email=form.username, name=form.name, service_name=service_name)
    weak = refusals(form.password.reveal(), personal=personal, min_length=password_min_length)
    found = (
        Problem("username", _email_problem(form.username)),
        Problem("name", _name_problem(form.name)),
        Problem("password", weak),
    )
    return tuple(problem for problem in found if problem.sentences)


def _email_problem(email: str) -> tuple[str, ...]:
    if len(email) <= MAX_EMAIL_LENGTH and _EMAIL.fullmatch(email) and all(map(_may_stand_in_email, email)):
        return ()
    return ("Enter an e-mail address, such as ada@example.com.",)


def _may_stand_in_email(character: str) -> bool:
    """No control, invisible or unassigned character: it would make a second address that looks like the first.

    Nor one that is only another form of others, such as a full-width dot, which mail takes for a dot (RFC 8264 §9.17).
    """
    if character in _SPECIAL or _INVISIBLE.match(character) or unicodedata.category(character)[0] in "CZ":
        return False
    return unicodedata.normalize("NFKC", character) == unicodedata.normalize("NFC", character)


def _name_problem(name: str) -> tuple[str, ...]:
    if not name:
        return ("Enter your name.",)
    if len(name) > MAX_NAME_LENGTH or _CONTROL.search(name):
        return (f"Use at most {MAX_NAME_LENGTH} characters, without line breaks and other controls.",)
    return ()


class SignUpStore(Users, SignIns, Commit, Protocol):
    """What signing up reads and writes."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """The flow: gather → decide → commit."""

    store: SignUpStore
    hasher: PasswordHasher
    limiter: Limiter
    entropy: Entropy
    settings: Settings

    async def __call__(
        self, form: SignUpForm, *, cookie: Secret | None, address: str | None, now: int
    ) -> LoggedIn | TooMany | tuple[Problem, ...]:
        """Make an account and sign it in, or say what stands against it.

        Args:
            form: with surrounding white space removed from name and address.
            cookie: the browser's sign-in cookie until now.
            address: the browser's IP address, for the limit and the audit trail.
            now: Unix seconds.

        Raises:
            Unavailable: the store or the hash pool cannot answer, or too many passwords are chosen at once.
        """
        service, length = self.settings.service_name, self.settings.password_min_length
        problems = await scored(partial(problems_of, form, service_name=service, password_min_length=length))
        if problems:
            return problems
        phc = await self._hashed(form, address=address, now=now)
        if isinstance(phc, TooMany):
            return phc

        async def attempt() -> LoggedIn | tuple[Problem, ...]:
            if await self.store.user_by_email(form.username) is not None:
                refused = Event(kind="user.sign_up_refused", at=now, address=address)
                await self.store.commit(AddEvent(refused))  # one durable write, as for a free address
                return (NOT_POSSIBLE,)
            return await self._create(form, phc, cookie=cookie, address=address, now=now)

        return await until_committed(attempt)

    async def _hashed(self, form: SignUpForm, *, address: str | None, now: int) -> str | TooMany:
        """The hash of the password, also for a taken address: the same work for both."""
        # An account more is an account more, and an address that is taken is one that was asked about: both count.
        counters = self.limiter.sign_up(address)
        limited = Event(kind="user.sign_up_limited", at=now, address=address)
        too_many = await self.limiter.take(counters, refused=limited, now=now)
        if too_many is not None:
            return too_many
        try:
            return await self.hasher.hash(form.password.reveal())
        except Unavailable:
            await self.limiter.give_back(counters)  # nothing was tried
            raise

    async def _create(
        self, form: SignUpForm, phc: str, *, cookie: Secret | None, address: str | None, now: int
    ) -> LoggedIn:
        user_id = new_identifier(now, self.entropy(IDENTIFIER_ENTROPY))
        user = User(id=user_id, email=form.username, name=form.name, created_at=now)
        fresh = new_cookie(self.entropy(COOKIE_ENTROPY))
        replaces = await self.store.sign_in(sign_in_id(cookie)) if cookie else None
        await self.store.commit(
            AddUser(user),
            PutPassword(Password(user_id=user.id, hash=phc, changed_at=now)),
            *begin_sign_in(user, cookie=fresh, methods=("pwd",), replaces=replaces, now=now, settings=self.settings),
            AddEvent(Event(kind="user.signed_up", at=now, user_id=user.id, address=address)),
        )
        return LoggedIn(user, fresh, name_browser(user.email, self.entropy(NAME_SIZE), key=self.limiter.key))
