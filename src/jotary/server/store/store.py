"""All the ports of `server/ports.py` that read and write, over any driver."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from jotary.server.model.allowance import Allowance
from jotary.server.model.audit_chain import TRAIL, AuditChain
from jotary.server.model.changes import AddEvent, Change
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.email_key import email_key
from jotary.server.model.event import Event, Origin
from jotary.server.model.revocation import Revocation, RevocationKind
from jotary.server.model.sealed_event import EventFilter, SealedEvent
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.store import queries
from jotary.server.store.compiled import LARGEST, Statement, Unstorable
from jotary.server.store.driver import Driver, DriverFigures, Step, TellCommit
from jotary.server.store.purge import PURGE_PAUSE, PURGES
from jotary.server.store.queries import Query
from jotary.server.store.rows import Record
from jotary.server.store.statements import WRITES


class Store:
    """Everything the server remembers. Open one with `open_store`; it belongs to one process.

    A read finds nothing for a key that no database could hold; a write of such a value raises `Unstorable`.
    """

    def __init__(self, driver: Driver, *, origin: Callable[[], Origin] = Origin) -> None:
        self._driver = driver
        self._origin = origin
        dialect = driver.dialect
        self._queries = {query: Statement(query.sql, dialect) for query in queries.ALL}
        self._writes = {
            kind: (
                write.bind,
                [Statement(part.sql, dialect, guarded=part.guarded, may_lag=part.may_lag) for part in write.parts],
            )
            for kind, write in WRITES.items()
        }
        self._purges = [(Statement(purge.sql(), dialect), purge.grace) for purge in PURGES]

    async def close(self) -> None:
        """Finish what was accepted and let go of the database."""
        await self._driver.close()

    async def time(self) -> int | None:
        """Unix seconds by the database's own clock; None: it has none but this machine's.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._driver.time()

    def figures(self) -> DriverFigures:
        """How the driver stands. Any thread may ask."""
        return self._driver.figures()

    def tell_commits(self, tell: TellCommit) -> None:
        """From now on, tell of every commit that succeeds."""
        self._driver.tell_commits(tell)

    async def commit(self, *changes: Change) -> None:
        """Write all changes durably in one transaction, or none (`ports.Commit`).

        Raises:
            Conflict: a guarded change touched no row; nothing was written.
            Unavailable: the database does not answer; nothing is known to be written.
            Unstorable: a change holds a value that not every database can hold; nothing was written.
        """
        unit = [step for change in changes for step in self._steps(change)]
        if unit:
            await self._driver.write(unit)

    def _steps(self, change: Change) -> Iterator[Step]:
        if isinstance(change, AddEvent):
            change = AddEvent(self._origin().complete(change.event))
        bind, statements = self._writes[type(change)]
        values = bind(change)
        for statement in statements:
            yield Step(statement, statement.parameters(values), change)

    async def purge(self, now: int, *, batch: int = 500) -> int:
        """Forget what has expired, `batch` rows at a time. Returns how many rows went; `now` in Unix seconds.

        Raises:
            Unavailable: the database does not answer; what went so far stays gone.
        """
        return sum([await self._purge(statement, now - grace, batch) for statement, grace in self._purges])

    async def _purge(self, statement: Statement, before: int, batch: int) -> int:
        step = Step(statement, statement.parameters({"before": before, "limit": batch}), None)
        total = 0
        while deleted := await self._driver.write([step]):
            total += deleted
            await asyncio.sleep(PURGE_PAUSE)
        return total

    async def _one(self, query: Query[Record], values: Mapping[str, Any]) -> Record | None:
        statement = self._queries[query]
        try:
            parameters = statement.parameters(values)
        except Unstorable:
            return None
        row = await self._driver.look_up(statement, parameters)
        return None if row is None else query.kind.record(row)

    async def _all(self, query: Query[Record], values: Mapping[str, Any]) -> Sequence[Record]:
        statement = self._queries[query]
        try:
            parameters = statement.parameters(values)
        except Unstorable:
            return []
        return [query.kind.record(row) for row in await self._driver.scan(statement, parameters)]

    async def user(self, user_id: str) -> User | None:
        """The person with this id."""
        return await self._one(queries.USER, {"id": user_id})

    async def user_by_email(self, email: str) -> User | None:
        """The person with this e-mail address, without regard to case."""
        return await self._one(queries.USER_BY_EMAIL, {"email_key": email_key(email)})

    async def password(self, user_id: str) -> Password | None:
        """The person's password hash."""
        return await self._one(queries.PASSWORD, {"user_id": user_id})

    async def users(self, *, after: str | None = None, limit: int = 100) -> Sequence[User]:
        """People in order of id, behind the id `after`."""
        return await self._all(queries.USERS, {"after": after or "", "limit": limit})

    async def client(self, client_id: str) -> Client | None:
        """The client with this id."""
        return await self._one(queries.CLIENT, {"id": client_id})

    async def clients(self) -> Sequence[Client]:
        """All clients in order of id."""
        return await self._all(queries.CLIENTS, {})

    async def sign_in(self, sign_in_id: str) -> SignIn | None:
        """The sign-in with this id, alive or not."""
        return await self._one(queries.SIGN_IN, {"id": sign_in_id})

    async def code(self, code_id: str) -> AuthorizationCode | None:
        """The code with this id, redeemed or not."""
        return await self._one(queries.CODE, {"id": code_id})

    async def session(self, session_id: str) -> Session | None:
        """The session with this id, alive or not."""
        return await self._one(queries.SESSION, {"id": session_id})

    async def sessions_of_user(self, user_id: str) -> Sequence[Session]:
        """A person's sessions, newest first, alive or not."""
        return await self._all(queries.SESSIONS_OF_USER, {"user_id": user_id})

    async def sessions(self, *, after: str | None = None, limit: int = 100) -> Sequence[Session]:
        """Sessions that have not been ended, in order of id, behind the id `after`."""
        return await self._all(queries.SESSIONS, {"after": after or "", "limit": limit})

    async def consent(self, user_id: str, client_id: str) -> Consent | None:
        """The person's consent for the client."""
        return await self._one(queries.CONSENT, {"user_id": user_id, "client_id": client_id})

    async def signing_keys(self) -> Sequence[SigningKey]:
        """All keys that have not been purged, oldest first. Whether one is gone is a question of the time."""
        return await self._all(queries.SIGNING_KEYS, {})

    async def revocations(self, *, after: int = 0, now: int, limit: int = 1000) -> Sequence[Revocation]:
        """Entries behind `position` `after` that have not expired at `now` (Unix seconds), in order of position."""
        return await self._all(queries.REVOCATIONS, {"after": after, "now": now, "limit": limit})

    async def revocation(self, kind: RevocationKind, value: str, *, now: int) -> Revocation | None:
        """The unexpired entry for one value that reaches furthest."""
        return await self._one(queries.REVOCATION, {"kind": kind, "value": value, "now": now})

    async def allowance(self, allowance_id: str) -> Allowance | None:
        """What was used up of an allowance; None if nothing was."""
        return await self._one(queries.ALLOWANCE, {"id": allowance_id})

    async def events(self, *, after: int = 0, limit: int = 100) -> Sequence[Event]:
        """Events behind `position` `after`, in order of position."""
        return await self._all(queries.EVENTS, {"after": after, "limit": limit})

    async def audit_chain(self) -> AuditChain | None:
        """Where the chain of the audit trail begins and ends; None when nothing was sealed yet."""
        return await self._one(queries.AUDIT_CHAIN, {"id": TRAIL})

    async def sealed_events(self, *, after: int = 0, limit: int = 1000) -> Sequence[SealedEvent]:
        """Events behind `position` `after`, sealed or not, in order of position."""
        return await self._all(queries.SEALED_EVENTS, {"after": after, "limit": limit})

    async def found_events(self, wanted: EventFilter, *, after: int = 0, limit: int = 1000) -> Sequence[SealedEvent]:
        """Those behind `position` `after` that are looked for, in order of position."""
        values = {**msgspec.structs.asdict(wanted), "after": after, "limit": limit}
        return await self._all(queries.FOUND_EVENTS, values)

    async def latest_events(
        self, wanted: EventFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[SealedEvent]:
        """The last ones before `position` `before` that are looked for, newest first."""
        values = {**msgspec.structs.asdict(wanted), "before": LARGEST if before is None else before, "limit": limit}
        return await self._all(queries.LATEST_EVENTS, values)
