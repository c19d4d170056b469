"""What a flow may ask the store to write, as values: a decision is a list of these (design §3).

A store writes all changes of one commit in one transaction, or none. A change marked *guarded* that touches no row
means that the facts behind the decision are stale: the commit fails with `Conflict` and the flow gathers again.
"""

import msgspec

from jotary.server.model.audit_chain import AuditChain
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


class AddUser(msgspec.Struct, frozen=True):
    """Guarded: the e-mail address must be free."""

    user: User


class ReplaceUser(msgspec.Struct, frozen=True):
    """Guarded: the user must exist, and a changed e-mail address must be free."""

    user: User


class DeleteUser(msgspec.Struct, frozen=True):
    """Remove a person with password, sign-ins, codes, sessions and consents. Guarded: the user must exist."""

    user_id: str


class PutPassword(msgspec.Struct, frozen=True):
    """Set or replace a person's password."""

    password: Password


class ReplacePassword(msgspec.Struct, frozen=True):
    """Guarded: the password must be there as it was read.

    What was decided on a password, such as a sign-in, must not be written behind a change of it; nor may the same
    password, hashed anew, undo that change.
    """

    password: Password  # as it was read, too, where it only has to stand still
    before: Password  # as it was read


class AddClient(msgspec.Struct, frozen=True):
    """Guarded: the client's id must be free."""

    client: Client


class ReplaceClient(msgspec.Struct, frozen=True):
    """Guarded: the client must be there as it was read, or what was decided in between would be undone.

    A secret that was replaced must not be good again because somebody else was about to change a redirect URI.
    """

    client: Client
    before: Client  # as it was read


class DeleteClient(msgspec.Struct, frozen=True):
    """Remove a client with its codes, sessions and consents. Guarded: the client must exist."""

    client_id: str


class AddSignIn(msgspec.Struct, frozen=True):
    """A browser has signed in. Guarded: the person must be there, and not be disabled."""

    sign_in: SignIn


class TouchSignIn(msgspec.Struct, frozen=True):
    """Move `last_seen_at` forward, never back."""

    sign_in_id: str
    at: int


class EndSignIn(msgspec.Struct, frozen=True):
    """End a browser's sign-in; ending it twice changes nothing."""

    sign_in_id: str
    at: int


class AddCode(msgspec.Struct, frozen=True):
    """Guarded: the sign-in it stands on must be alive."""

    code: AuthorizationCode


class RedeemCode(msgspec.Struct, frozen=True):
    """Guarded: not redeemed before, and its sign-in not ended (RFC 6749 §4.1.2)."""

    code_id: str
    at: int


class AddSession(msgspec.Struct, frozen=True):
    """Open a session."""

    session: Session


class RotateSession(msgspec.Struct, frozen=True):
    """Guarded: the session must be alive and stand at `generation`, which becomes `generation + 1`."""

    session_id: str
    generation: int
    at: int
    idle_expires_at: int


class EndSession(msgspec.Struct, frozen=True):
    """End one session and publish its cut-off; ending it twice changes nothing."""

    session_id: str
    at: int
    reason: str
    revocation_expires_at: int


class EndSessionsOfSignIn(msgspec.Struct, frozen=True):
    """End every living session of a sign-in but those with `offline_access`, and publish a cut-off for each."""

    sign_in_id: str
    at: int
    reason: str
    revocation_expires_at: int


class EndSessionsOfUser(msgspec.Struct, frozen=True):
    """End every living session and sign-in of a person and publish a cut-off for their `sub` and for each session."""

    user_id: str
    at: int
    reason: str
    revocation_expires_at: int


class EndSessionsOfClient(msgspec.Struct, frozen=True):
    """End every living session of a client and publish a cut-off for its `client_id` and for each session in use.

    In use is what was rotated at `in_use_since` or later. A client may have a session of everybody's, and what the
    others were given is older than `at`.
    """

    client_id: str
    at: int
    reason: str
    revocation_expires_at: int
    in_use_since: int


class PutConsent(msgspec.Struct, frozen=True):
    """Set or replace a person's consent for a client."""

    consent: Consent


class AddSigningKey(msgspec.Struct, frozen=True):
    """Guarded: the `kid` must be new."""

    key: SigningKey


class ReplaceSigningKey(msgspec.Struct, frozen=True):
    """Guarded: the key must be there as it was read, or what was decided in between would be undone.

    A key that was withdrawn in an emergency must not come back because somebody else was about to retire or to reseal
    it.
    """

    key: SigningKey
    before: SigningKey  # as it was read


class AddRevocation(msgspec.Struct, frozen=True):
    """Publish a cut-off."""

    revocation: Revocation


class RememberAssertion(msgspec.Struct, frozen=True):
    """Guarded: this client has not used this `jti` before (RFC 7523 §3, point 7)."""

    client_id: str
    jti: str
    expires_at: int


class TakeAttempt(msgspec.Struct, frozen=True):
    """Count an attempt against an allowance: what is restored of it moves `interval` seconds away.

    Guarded: the allowance must not be used up, which it is when `at + tolerance` lies before the moment at which all of
    it is back. Two who come at once are counted one after the other, in whichever processes they are. An allowance that
    a clock made which was wrong by more than `allowance.WRONG_BY` counts as whole.
    """

    allowance_id: str
    at: int
    interval: int
    tolerance: int


class ReturnAttempt(msgspec.Struct, frozen=True):
    """Take back what `TakeAttempt` counted; an allowance that is not there stays whole."""

    allowance_id: str
    interval: int


class AddEvent(msgspec.Struct, frozen=True):
    """Append to the audit trail."""

    event: Event


class PutAuditChain(msgspec.Struct, frozen=True):
    """Begin a chain, whatever was there before."""

    chain: AuditChain


class AddAuditChain(msgspec.Struct, frozen=True):
    """Begin the first chain. Guarded: there must be none."""

    chain: AuditChain


class MoveAuditChain(msgspec.Struct, frozen=True):
    """Guarded: the chain's stamp must still be `before`."""

    before: bytes
    chain: AuditChain


class SealEvent(msgspec.Struct, frozen=True):
    """Guarded: the event must be there."""

    position: int
    seal: bytes


class PurgeEvents(msgspec.Struct, frozen=True):
    """Remove the events up to and with this position."""

    through: int


Change = (
    AddUser
    | ReplaceUser
    | DeleteUser
    | PutPassword
    | ReplacePassword
    | AddClient
    | ReplaceClient
    | DeleteClient
    | AddSignIn
    | TouchSignIn
    | EndSignIn
    | AddCode
    | RedeemCode
    | AddSession
    | RotateSession
    | EndSession
    | EndSessionsOfSignIn
    | EndSessionsOfUser
    | EndSessionsOfClient
    | PutConsent
    | AddSigningKey
    | ReplaceSigningKey
    | AddRevocation
    | RememberAssertion
    | TakeAttempt
    | ReturnAttempt
    | AddEvent
    | PutAuditChain
    | AddAuditChain
    | MoveAuditChain
    | SealEvent
    | PurgeEvents
)
