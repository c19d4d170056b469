"""What the flows need from outside, as narrow protocols. Adapters live above; no flow imports one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jotary.jose import KeySet
from jotary.server.model.allowance import Allowance
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import Change
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation, RevocationKind
from jotary.server.model.sealed_event import EventFilter, SealedEvent
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User


class Conflict(Exception):  # noqa: N818 -- the word of the trade for a failed compare-and-set
    """A guarded change touched no row: somebody else was first. Gather the facts again."""

    def __init__(self, change: Change) -> None:
        super().__init__(type(change).__name__)
        self.change = change


class Unavailable(Exception):  # noqa: N818 -- named after the status it becomes, 503
    """The database, the hash pool or the signer cannot answer now.

    Becomes 503 with Retry-After (seconds). `hint`: what the operator is to do, where waiting alone does not help.
    """

    def __init__(self, what: str, *, retry_after: int = 1, hint: str | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.hint = hint


class Abandoned(Exception):  # noqa: N818 -- what has become of the request
    """Nobody waits for the answer any more, so nothing was done."""


class Commit(Protocol):
    """The one way to write."""

    async def commit(self, *changes: Change) -> None:
        """Write all changes durably in one transaction, or none.

        Raises:
            Conflict: a guarded change touched no row; nothing was written.
            Unavailable: the database does not answer; nothing is known to be written.
        """


class Users(Protocol):
    """People and their passwords."""

    async def user(self, user_id: str) -> User | None:
        """The person with this id."""

    async def user_by_email(self, email: str) -> User | None:
        """The person with this e-mail address, without regard to case."""

    async def password(self, user_id: str) -> Password | None:
        """The person's password hash."""

    async def users(self, *, after: str | None = None, limit: int = 100) -> Sequence[User]:
        """People in order of id, for listing."""


class Clients(Protocol):
    """Registered clients."""

    async def client(self, client_id: str) -> Client | None:
        """The client with this id."""

    async def clients(self) -> Sequence[Client]:
        """All clients in order of id."""


class SignIns(Protocol):
    """Browsers that are signed in."""

    async def sign_in(self, sign_in_id: str) -> SignIn | None:
        """The sign-in with this id, alive or not."""


class Codes(Protocol):
    """Authorization codes."""

    async def code(self, code_id: str) -> AuthorizationCode | None:
        """The code with this id, redeemed or not."""


class Sessions(Protocol):
    """Clients' sessions."""

    async def session(self, session_id: str) -> Session | None:
        """The session with this id, alive or not."""

    async def sessions_of_user(self, user_id: str) -> Sequence[Session]:
        """A person's sessions, newest first, alive or not."""

    async def sessions(self, *, after: str | None = None, limit: int = 100) -> Sequence[Session]:
        """Sessions that have not been ended, in order of id, for listing."""


class Consents(Protocol):
    """What people have allowed."""

    async def consent(self, user_id: str, client_id: str) -> Consent | None:
        """The person's consent for the client."""


class SigningKeys(Protocol):
    """Signing keys at rest."""

    async def signing_keys(self) -> Sequence[SigningKey]:
        """All keys that are not gone, oldest first."""


class Revocations(Protocol):
    """The cut-offs that still matter."""

    async def revocations(self, *, after: int = 0, now: int, limit: int = 1000) -> Sequence[Revocation]:
        """Entries behind `position` `after` that have not expired, in order of position."""

    async def revocation(self, kind: RevocationKind, value: str, *, now: int) -> Revocation | None:
        """The latest unexpired entry for one value."""


class Events(Protocol):
    """The audit trail."""

    async def events(self, *, after: int = 0, limit: int = 100) -> Sequence[Event]:
        """Events in order of position."""


class AuditTrail(Protocol):
    """The audit trail with its seals."""

    async def audit_chain(self) -> AuditChain | None:
        """Where the chain begins and ends; None when nothing was sealed yet."""

    async def sealed_events(self, *, after: int = 0, limit: int = 1000) -> Sequence[SealedEvent]:
        """Events behind `position` `after`, sealed or not, in order of position."""

    async def found_events(self, wanted: EventFilter, *, after: int = 0, limit: int = 1000) -> Sequence[SealedEvent]:
        """Those behind `position` `after` that are looked for, in order of position."""

    async def latest_events(
        self, wanted: EventFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[SealedEvent]:
        """The last ones before `position` `before` that are looked for, newest first."""


class Allowances(Protocol):
    """How often something may still be tried."""

    async def allowance(self, allowance_id: str) -> Allowance | None:
        """What was used up of an allowance; None if nothing was."""


class Clock(Protocol):
    """Where `now` comes from."""

    def __call__(self) -> int:
        """Unix time in whole seconds."""


class Entropy(Protocol):
    """Where randomness comes from."""

    def __call__(self, size: int, /) -> bytes:
        """`size` bytes that nobody can guess."""


class PasswordHasher(Protocol):
    """A bounded pool of password hashing."""

    async def hash(self, password: str) -> str:
        """The PHC string of a new password.

        Raises:
            Unavailable: the queue is full.
        """

    async def verify(self, password: str, phc: str | None) -> bool:
        """Whether the password fits the hash.

        With `None` the same work is done for a hash that nothing fits: an unknown account takes as long as a wrong
        password.

        Raises:
            Unavailable: the queue is full.
        """

    def needs_rehash(self, phc: str) -> bool:
        """Whether the hash was made with weaker or foreign parameters than today's."""


class Signer(Protocol):
    """Signs with whichever key is in its signing phase."""

    async def sign(self, claims: Mapping[str, Any], *, typ: str, algorithm: str | None = None) -> str:
        """A compact JWS over the claims, with `kid` and `typ`; `algorithm` None is the server's default.

        Raises:
            Unavailable: no key can sign.
        """

    def public_keys(self) -> KeySet:
        """The published keys: announced, signing and retiring."""
