"""The revocation endpoint (RFC 7009): a client gives back a token, and what hangs on it ends."""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from jotary.oauth.errors import invalid_grant
from jotary.oauth.parameters import Parameters
from jotary.server.flows.client_authentication import ClientAuthentication
from jotary.server.flows.cut_off import SLOW_CLOCK, last_token_expires_at
from jotary.server.flows.grant import Refuse, refuse
from jotary.server.flows.own_access_token import read_access_token
from jotary.server.model.changes import AddEvent, AddRevocation, Change, EndSession
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.refresh_token import PREFIX, RefreshToken, RefreshTokens
from jotary.server.model.revocation import Revocation
from jotary.server.model.session import Session
from jotary.server.ports import Commit, Sessions, Signer
from jotary.server.settings import Settings
from jotary.tokens.access_token import AccessToken
from jotary.tokens.errors import TokenError

PARAMETERS: Final = frozenset({"token", "token_type_hint"})


class RevocationStore(Sessions, Commit, Protocol):
    """What revocation needs from the store."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the presented token is, once its signature or MAC held, and the session that it belongs to."""

    token: RefreshToken | AccessToken | None
    session: Session | None = None


class End(msgspec.Struct, frozen=True):
    """Write these and answer 200."""

    changes: tuple[Change, ...]


class Nothing(msgspec.Struct, frozen=True):
    """Nothing to do, which is a success as well: the token is good for nothing already (RFC 7009 §2.2)."""


Decision = End | Nothing | Refuse


def decide(client: Client, facts: Facts, now: int, settings: Settings, *, address: str | None = None) -> Decision:
    """Every rule of revoking, in order; `now` in Unix seconds."""
    token, session = facts.token, facts.session
    if isinstance(token, AccessToken) and token.session_id is None:
        return _cut_off(client, token, now, address=address)
    if session is None:
        return Nothing()
    if session.client_id != client.id:  # RFC 7009 §2.1
        return _not_yours(client, now, address)
    if session.ended_at is not None:
        return Nothing()
    # Either token is the client's word that it is done with the session. Ending all of it leaves no refresh token that
    # could bring the access token back (RFC 7009 §2.1); any generation will do, for the word counts and not the token.
    end = EndSession(session.id, now, "revoked_by_client", last_token_expires_at(now, settings))
    event = Event(
        kind="session.revoked",
        at=now,
        user_id=session.user_id,
        client_id=client.id,
        session_id=session.id,
        address=address,
    )
    return End((end, AddEvent(event)))


def _cut_off(client: Client, token: AccessToken, now: int, *, address: str | None) -> Decision:
    """A token of client credentials has no session to end: it is cut off by itself."""
    if token.client_id != client.id:
        return _not_yours(client, now, address)
    revocation = Revocation(
        kind="jti",
        value=token.jti,
        issued_before=max(now, token.issued_at),  # the clock of the process that signed it may run ahead
        created_at=now,
        expires_at=token.expires_at + SLOW_CLOCK,
    )
    event = Event(kind="token.revoked", at=now, client_id=client.id, address=address, detail={"jti": token.jti})
    return End((AddRevocation(revocation), AddEvent(event)))


def _not_yours(client: Client, now: int, address: str | None) -> Refuse:
    error = invalid_grant(
        "The token was issued to another client.", hint="A client revokes its own tokens only (RFC 7009, 2.1)."
    )
    return Refuse(error, Event(kind="token.client_mismatch", at=now, client_id=client.id, address=address))


@dataclass(frozen=True, slots=True)
class RevocationEndpoint:
    """Answers revocation requests.

    Args:
        authentication: tells which client asks.
        store: sessions and cut-offs.
        signer: whose public keys tell our own access tokens.
        refresh_tokens: tells our own refresh tokens.
        settings: issuer, lifetimes and leeway.
    """

    authentication: ClientAuthentication
    store: RevocationStore
    signer: Signer
    refresh_tokens: RefreshTokens
    settings: Settings

    async def __call__(
        self, parameters: Parameters, authorization: str | None, *, now: int, address: str | None = None
    ) -> None:
        """End what the token stands for. Returning is the answer 200, and means that it is written.

        Args:
            parameters: the form; `token_type_hint` is accepted and not needed, for a token tells its own kind.
            authorization: the Authorization header.
            now: Unix seconds.
            address: the client's network address, for the audit trail.

        Raises:
            OAuthError: the client is not authenticated, or the token is another client's.
            Unavailable: nothing is known to be written; the client must try again (RFC 7009 §2.2.1).
        """
        client = await self.authentication.authenticate(parameters, authorization, now=now, address=address)
        asked = parameters.only(PARAMETERS)
        asked.get("token_type_hint")  # refused when repeated, like every parameter
        facts = await self._gather(asked.require("token"), now)
        decision = decide(client, facts, now, self.settings, address=address)
        if isinstance(decision, Refuse):
            raise await refuse(decision, self.store)
        if isinstance(decision, End):
            await self.store.commit(*decision.changes)

    async def _gather(self, text: str, now: int) -> Facts:
        token = self._read(text, now)
        session_id = None if token is None else token.session_id
        return Facts(token=token, session=None if session_id is None else await self.store.session(session_id))

    def _read(self, text: str, now: int) -> RefreshToken | AccessToken | None:
        if text.startswith(PREFIX):
            return self.refresh_tokens.parse(text)
        settings = self.settings
        try:
            return read_access_token(
                text, self.signer.public_keys(), issuer=settings.issuer, now=now, leeway=settings.leeway
            )
        except TokenError:
            return None
