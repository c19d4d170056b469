"""Who is in a database of a given size: everything of somebody follows from their number, so that nobody is listed.

The values of a column that is the same for all are those that the store itself would write (`WRITES`, `rows`).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from bench.access_token import AUDIENCE, SCOPE
from jotary.jose import base64url
from jotary.server.model.changes import AddSession, AddSignIn, AddUser, Change, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.passwords.argon2id import NOBODY
from jotary.server.store import schema
from jotary.server.store.statements import WRITES

CLIENT_ID = "web"
#: Sessions that expire in the same second, for one batch of the purge.
EXPIRED_AT_ONCE = 400
#: How many such seconds there are.
BATCHES = 10

_DAY = 86_400
_SIGNED_UP_WITHIN = 60 * _DAY
_EXPIRED_SINCE = 10 * _DAY
_LIFETIME = 90 * _DAY
_STRIDE = 2_654_435_761  # a prime: people do not come back in the order in which they signed up


@dataclass(frozen=True)
class Table:
    """The rows of one table.

    Attributes:
        table: of the store's schema.
        count: of its rows.
        change: that writes such a row, for what all rows share.
        varying: each other column, with its values in order.
    """

    table: sa.Table
    count: int
    change: Change
    varying: Mapping[str, Callable[[], Iterable[Any]]]

    @property
    def columns(self) -> list[str]:
        """In the order of `rows`."""
        return [column.name for column in self.table.c]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row."""
        shared = WRITES[type(self.change)].bind(self.change)
        columns = (
            self.varying[name]() if name in self.varying else itertools.repeat(shared[name]) for name in self.columns
        )
        return zip(*columns, strict=False)  # what repeats has no end


class Population:
    """As many people as asked for, each with a password, a browser that is signed in, and a session of one client.

    They have signed up evenly over sixty days, and their sessions began in another order. Besides there are sessions
    that expired ten days ago, which the purge has not come to yet.

    Args:
        users: how many people.
        now: Unix seconds.
    """

    def __init__(self, users: int, now: int) -> None:
        self.users = users
        self.now = now
        self._expired = BATCHES * EXPIRED_AT_ONCE

    def user_id(self, number: int) -> str:
        """Of one of `range(users)`, as are all numbers here."""
        return _identifier(self._moment(number), "user", number)

    def email(self, number: int) -> str:
        """Their address."""
        return f"person-{number:07}@example.com"

    def session_id(self, number: int) -> str:
        """Of the session that began as the `number`-th of those that live."""
        return _identifier(self._moment(number), "session", number)

    def purged_at(self, batch: int) -> int:
        """When the purge takes the next `EXPIRED_AT_ONCE` sessions, in Unix seconds."""
        return self.now - _EXPIRED_SINCE + batch + 1 + _DAY  # the store keeps them for a day

    def tables(self) -> Iterator[Table]:
        """In an order in which no row refers to one that is not there."""
        everybody, now = range(self.users), self.now
        moments = lambda: map(self._moment, everybody)  # noqa: E731 -- read once for each column
        owners = lambda: (self.user_id(self._owner(number)) for number in everybody)  # noqa: E731 -- the same
        signed_in = lambda: map(self._sign_in_id, everybody)  # noqa: E731 -- the same
        user = AddUser(User(id="", email="", name="Ada Lovelace", email_verified=True, created_at=0))
        ids, emails = lambda: map(self.user_id, everybody), lambda: map(self.email, everybody)
        yield Table(
            schema.users, self.users, user, {"id": ids, "email": emails, "email_key": emails, "created_at": moments}
        )
        password = PutPassword(Password(user_id="", hash=NOBODY, changed_at=now))
        yield Table(schema.passwords, self.users, password, {"user_id": ids})
        sign_in = AddSignIn(
            SignIn(
                id="",
                user_id="",
                authenticated_at=0,
                methods=("pwd",),
                last_seen_at=now,
                expires_at=now + _LIFETIME,
            )
        )
        yield Table(
            schema.sign_ins, self.users, sign_in, {"id": signed_in, "user_id": owners, "authenticated_at": moments}
        )
        yield self._sessions()

    def _sessions(self) -> Table:
        every = range(-self._expired, self.users)  # those below zero have expired

        def values(value: Callable[[int], Any]) -> Callable[[], Iterable[Any]]:
            return lambda: map(value, every)

        session = Session(
            id="",
            user_id="",
            client_id=CLIENT_ID,
            sign_in_id="",
            scopes=(SCOPE,),  # without `openid`, so that no answer holds an ID token
            resources=(AUDIENCE,),
            authenticated_at=0,
            methods=("pwd",),
            created_at=0,
            rotated_at=0,
            idle_expires_at=self.now + 14 * _DAY,
            expires_at=0,
        )
        began = values(self._moment)
        varying = {
            "id": values(self.session_id),
            "user_id": values(lambda number: self.user_id(self._owner(number))),
            "sign_in_id": values(self._sign_in_id),
            "authenticated_at": began,
            "created_at": began,
            "rotated_at": began,
            "expires_at": values(lambda number: self._moment(number) + _LIFETIME),
        }
        return Table(schema.sessions, len(every), AddSession(session), varying)

    def _moment(self, number: int) -> int:
        if number < 0:
            expired = (number + self._expired) // EXPIRED_AT_ONCE
            return self.now - _EXPIRED_SINCE - _LIFETIME + expired
        return self.now - _SIGNED_UP_WITHIN + number * _SIGNED_UP_WITHIN // self.users

    def _owner(self, number: int) -> int:
        return number * _STRIDE % self.users

    def _sign_in_id(self, number: int) -> str:
        """Evenly spread, as hashes are, and yet in order: a fill that jumps to and fro takes many times as long."""
        place = ((number + self._expired) << 64) // (self.users + self._expired)
        return base64url.encode(place.to_bytes(8, "big") + _entropy("sign-in", number, 24))


def _identifier(moment: int, kind: str, number: int) -> str:
    return new_identifier(moment, _entropy(kind, number, IDENTIFIER_ENTROPY))


def _entropy(kind: str, number: int, size: int) -> bytes:
    return blake2b(f"{kind} {number}".encode(), digest_size=size).digest()
