"""The introspection endpoint (RFC 7662): whether a token is good right now, for who cannot wait for its expiry."""

from dataclasses import dataclass
from typing import Any, Final

from jotary.oauth.parameters import Parameters
from jotary.oauth.scope import format_scope
from jotary.server.flows.client_authentication import ClientAuthentication
from jotary.server.flows.own_access_token import Standing, StandingStore, read_access_token, standing
from jotary.server.model.client import Client
from jotary.server.model.refresh_token import PREFIX, RefreshToken, RefreshTokens
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.ports import Signer
from jotary.server.settings import Settings
from jotary.tokens.errors import TokenError

PARAMETERS: Final = frozenset({"token", "token_type_hint"})


def inactive() -> dict[str, Any]:
    """All that is said of a token that is not active, whatever the reason (RFC 7662 §2.2)."""
    return {"active": False}


def describe_access_token(asker: Client, found: Standing | None) -> dict[str, Any]:
    """What the asker may know of an access token that stands.

    Everything, if it is the token's client or an API that the token is meant for. To anybody else the token is not
    active, for it would be no good there (RFC 7662 §2.2).
    """
    if found is None:
        return inactive()
    token = found.token
    if token.client_id != asker.id and not set(token.audience) & set(asker.audiences):
        return inactive()
    claims = token.claims
    copied = ("iss", "sub", "aud", "client_id", "scope", "jti", "iat", "exp", "sid")
    return {"active": True, "token_type": "Bearer", **{name: claims[name] for name in copied if name in claims}}


def describe_refresh_token(
    asker: Client, token: RefreshToken | None, session: Session | None, user: User | None, *, issuer: str, now: int
) -> dict[str, Any]:
    """What the asker may know of a refresh token: everything, if it is its own and the living one of its session.

    An API has no business with refresh tokens, so its audience does not count here.
    """
    if token is None or session is None or user is None or not user.is_active:
        return inactive()
    if session.client_id != asker.id or "refresh_token" not in asker.grant_types:
        return inactive()
    if not session.is_alive(now) or session.generation != token.generation:
        return inactive()
    return {
        "active": True,
        "iss": issuer,
        "sub": session.user_id,
        "client_id": session.client_id,
        "scope": format_scope(session.scopes),
        "sid": session.id,
        "iat": session.rotated_at,
        "exp": min(session.idle_expires_at, session.expires_at),
    }


@dataclass(frozen=True, slots=True)
class IntrospectionEndpoint:
    """Answers introspection requests.

    Args:
        authentication: tells which client asks.
        store: what tokens hang on.
        signer: whose public keys tell our own access tokens.
        refresh_tokens: tells our own refresh tokens.
        settings: issuer and leeway.
    """

    authentication: ClientAuthentication
    store: StandingStore
    signer: Signer
    refresh_tokens: RefreshTokens
    settings: Settings

    async def __call__(
        self, parameters: Parameters, authorization: str | None, *, now: int, address: str | None = None
    ) -> dict[str, Any]:
        """The members of the answer (RFC 7662 §2.2).

        Args:
            parameters: the form; `token_type_hint` is accepted and not needed, for a token tells its own kind.
            authorization: the Authorization header.
            now: Unix seconds.
            address: the client's network address, for the audit trail.

        Raises:
            OAuthError: the client is not authenticated, or is a public one: token scanning must cost an identity
                (RFC 7662 §2.1, §4).
            Unavailable: nothing is known of the token.
        """
        asker = await self.authentication.authenticate_confidential(parameters, authorization, now=now, address=address)
        asked = parameters.only(PARAMETERS)
        asked.get("token_type_hint")  # refused when repeated, like every parameter
        text = asked.require("token")
        if text.startswith(PREFIX):
            return await self._refresh_token(asker, text, now)
        return await self._access_token(asker, text, now)

    async def _access_token(self, asker: Client, text: str, now: int) -> dict[str, Any]:
        keys, settings = self.signer.public_keys(), self.settings
        try:
            token = read_access_token(text, keys, issuer=settings.issuer, now=now, leeway=settings.leeway)
        except TokenError:
            return inactive()
        return describe_access_token(asker, await standing(token, self.store, now=now))

    async def _refresh_token(self, asker: Client, text: str, now: int) -> dict[str, Any]:
        token = self.refresh_tokens.parse(text)
        session = None if token is None else await self.store.session(token.session_id)
        user = None if session is None else await self.store.user(session.user_id)
        return describe_refresh_token(asker, token, session, user, issuer=self.settings.issuer, now=now)
