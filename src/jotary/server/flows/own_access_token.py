"""Access tokens that come back to the server that signed them, and whether they still stand.

An API checks its own audience; here every audience is right, for the question is only whether the token is ours.
"""

from typing import Protocol

import msgspec

from jotary.jose import JOSEError, KeySet, jwt
from jotary.server.model.client import Client
from jotary.server.model.revocation import RevocationKind
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.ports import Clients, Revocations, Sessions, Users
from jotary.tokens.access_token import TYP, AccessToken, check_access_token
from jotary.tokens.claims import audiences
from jotary.tokens.errors import TokenError


class StandingStore(Clients, Revocations, Sessions, Users, Protocol):
    """What is read to learn whether a token still stands."""


class Standing(msgspec.Struct, frozen=True):
    """A token that this server would still stand for, with the records behind it."""

    token: AccessToken
    client: Client
    session: Session | None
    user: User | None


def read_access_token(text: str, keys: KeySet, *, issuer: str, now: int, leeway: int) -> AccessToken:
    """The claims of a token that this server signed and that has not expired.

    Args:
        text: the token as it was presented.
        keys: the published keys.
        issuer: this server.
        now: Unix seconds.
        leeway: seconds that the clocks of this server's processes may differ.

    Raises:
        TokenError: it is not one; the claim says which check failed.
    """
    algorithms = {key.alg for key in keys if key.alg is not None}
    try:
        claims = jwt.verify(text, keys, algorithms=algorithms, typ=TYP).claims
    except JOSEError as error:
        raise TokenError("signature", "the token is not an access token that this server signed") from error
    return check_access_token(claims, issuer=issuer, audience=audiences(claims), now=now, leeway=leeway)


async def standing(token: AccessToken, store: StandingStore, *, now: int) -> Standing | None:
    """The token with its records if its client, session and person are still there and nothing cut it off, else None.

    Raises:
        Unavailable: the database does not answer.
    """
    client = await store.client(token.client_id)
    if client is None or await _is_cut_off(token, store, now):
        return None
    if token.session_id is None:  # client credentials: the client is the subject (RFC 9068 §2.2)
        return Standing(token, client, None, None) if token.subject == client.id else None
    session = await store.session(token.session_id)
    if session is None or not session.is_alive(now):
        return None
    user = await store.user(token.subject)
    if user is None or not user.is_active or (session.client_id, session.user_id) != (client.id, user.id):
        return None
    return Standing(token, client, session, user)


async def _is_cut_off(token: AccessToken, store: StandingStore, now: int) -> bool:
    """Whether an entry of the feed that APIs follow touches the token (design §6.3)."""
    names: tuple[tuple[RevocationKind, str | None], ...] = (
        ("jti", token.jti),
        ("sid", token.session_id),
        ("sub", token.subject),
        ("client_id", token.client_id),
    )
    for kind, value in names:
        entry = None if value is None else await store.revocation(kind, value, now=now)
        if entry is not None and token.issued_at <= entry.issued_before:
            return True
    return False
