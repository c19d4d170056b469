"""Making the tokens of an answer: the one place where something is signed (RFC 6749 §5.1, RFC 9068, OIDC Core §2)."""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from jotary.jose import base64url, jws
from jotary.oauth.scope import format_scope
from jotary.server.flows.profile import OPENID, profile_claims
from jotary.server.model.client import Client
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.ports import Entropy, Signer
from jotary.server.settings import Settings
from jotary.tokens import access_token, id_token

#: Random bytes of a `jti`.
_JTI_ENTROPY: Final = 16


class Grantee(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets a token, and what for. Without a session the client acts for itself (RFC 6749 §4.4)."""

    client: Client
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    session: Session | None = None
    user: User | None = None
    nonce: str | None = None


class TokenResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of a successful answer (RFC 6749 §5.1, OIDC Core §3.1.3.3); None is left out."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: str | None = None
    id_token: str | None = None

    def __repr__(self) -> str:
        """Nothing of the tokens."""
        return f"TokenResponse(scope={self.scope!r})"


@dataclass(frozen=True, slots=True)
class Issuance:
    """Signs what a grant has decided.

    Args:
        signer: holds the keys.
        entropy: for `jti`.
        settings: issuer and lifetimes.
    """

    signer: Signer
    entropy: Entropy
    settings: Settings

    async def respond(self, grantee: Grantee, *, now: int, refresh_token: str | None = None) -> TokenResponse:
        """Sign an access token, and an ID token where the person signed in with `openid`.

        Raises:
            Unavailable: no key can sign.
        """
        token = await self._access_token(grantee, now)
        return TokenResponse(
            access_token=token,
            token_type="Bearer",  # noqa: S106 -- the name of a token type, no secret
            expires_in=self.settings.access_token_lifetime,
            scope=format_scope(grantee.scopes),
            refresh_token=refresh_token,
            id_token=await self._id_token(grantee, token, now),
        )

    async def _access_token(self, grantee: Grantee, now: int) -> str:
        session = grantee.session
        claims = access_token.access_token_claims(
            issuer=self.settings.issuer,
            subject=grantee.client.id if session is None else session.user_id,  # RFC 9068 §2.2
            audience=grantee.audience,
            client_id=grantee.client.id,
            scopes=grantee.scopes,
            session_id=None if session is None else session.id,
            jti=base64url.encode(self.entropy(_JTI_ENTROPY)),
            now=now,
            lifetime=self.settings.access_token_lifetime,
            authenticated_at=None if session is None else session.authenticated_at,
            methods=() if session is None else session.methods,
        )
        return await self.signer.sign(claims, typ=access_token.TYP)

    async def _id_token(self, grantee: Grantee, token: str, now: int) -> str | None:
        session, user = grantee.session, grantee.user
        if session is None or user is None or OPENID not in grantee.scopes:
            return None
        # The key that signed the access token must sign this one too: `at_hash` depends on its algorithm, which during
        # a change of algorithms is not yet the one that the operator has set.
        algorithm = jws.parse(token).algorithm
        claims = id_token.id_token_claims(
            issuer=self.settings.issuer,
            subject=session.user_id,
            client_id=grantee.client.id,
            session_id=session.id,
            nonce=grantee.nonce,
            authenticated_at=session.authenticated_at,  # after a refresh still the original one (OIDC Core §12.2)
            methods=session.methods,
            access_token=token,
            algorithm=algorithm,
            now=now,
            lifetime=self.settings.id_token_lifetime,
            profile=profile_claims(user, grantee.scopes),
        )
        return await self.signer.sign(claims, typ=id_token.TYP, algorithm=algorithm)
