"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5, OIDC Core §3.1.3)."""

from typing import Final

import msgspec

from jotary.jose import base64url
from jotary.oauth import pkce
from jotary.oauth.errors import OAuthError, invalid_grant
from jotary.oauth.secret import Secret
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.grant import GrantContext, GrantRequest, Refuse, go_on, refuse
from jotary.server.flows.issue import Grantee, TokenResponse
from jotary.server.flows.narrowing import narrow_audience, narrow_scopes
from jotary.server.model.changes import AddEvent, AddSession, EndSession, RedeemCode
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import Settings

NAME: Final = "authorization_code"
PARAMETERS: Final = frozenset({"code", "redirect_uri", "code_verifier", "resource"})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asks."""

    client: Client
    code_id: str
    redirect_uri: str
    code_verifier: Secret
    resources: tuple[str, ...] = ()
    address: str | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says of the code."""

    code: AuthorizationCode | None
    sign_in: SignIn | None = None
    user: User | None = None


class Redeem(msgspec.Struct, frozen=True):
    """Use up the code, open the session and answer with its first tokens."""

    grantee: Grantee
    session: Session
    event: Event


class Revoke(msgspec.Struct, frozen=True):
    """The code was redeemed before: end the session that it opened (RFC 6749 §4.1.2)."""

    session_id: str
    event: Event


Decision = Redeem | Revoke | Refuse


def decide(request: Request, facts: Facts, now: int, settings: Settings) -> Decision:
    """Every rule of redeeming, in order.

    Args:
        request: the request of an authenticated client.
        facts: as the store has them.
        now: Unix seconds.
        settings: the lifetimes of sessions.
    """
    code = facts.code
    if code is None:
        return Refuse(_invalid("no such code"))
    # First: whose is it? Nothing below, and above all not the end of a session, happens on the word of somebody who
    # cannot show that the code is theirs. Codes stand in browser histories and proxy logs, so a code alone proves
    # nothing. What fails here changes nothing: the code is not used up, for a stranger could otherwise spoil sign-ins,
    # and 256 bits of verifier cannot be guessed however often one tries.
    if not _is_owner(request, code):
        error = _invalid("another client's code, another redirect_uri, or a wrong code_verifier", hint=_COMPARE)
        return Refuse(error, _event("code.owner_mismatch", request, code, now))
    if code.redeemed_at is not None:  # before its expiry is looked at: a late repetition is a repetition too
        return Revoke(code.session_id, _event("code.reused", request, code, now))
    if now >= code.expires_at:
        return Refuse(_invalid("the code has expired", hint="Redeem a code as soon as it arrives."))
    return _redeem(request, code, facts, now, settings)


_COMPARE: Final = "Send the redirect_uri of the authorization request and the code_verifier of its code_challenge."


def _is_owner(request: Request, code: AuthorizationCode) -> bool:
    return (
        code.client_id == request.client.id
        and code.redirect_uri == request.redirect_uri  # RFC 6749 §4.1.3
        and pkce.verify(request.code_verifier.reveal(), code.code_challenge)  # RFC 7636 §4.6
    )


def _redeem(request: Request, code: AuthorizationCode, facts: Facts, now: int, settings: Settings) -> Redeem | Refuse:
    """The code is good. Is the person still there, and what was granted?"""
    user = facts.user
    if facts.sign_in is None or facts.sign_in.ended_at is not None:
        return Refuse(_invalid("the person has signed out since"))
    if user is None or not user.is_active:
        return Refuse(_invalid("the person is gone or disabled"))
    granted = code.resources or (settings.issuer,)  # not what was registered since: the person has not allowed that
    try:
        scopes = narrow_scopes((), code.scopes, request.client)
        audience = narrow_audience(request.resources, granted, request.client, issuer=settings.issuer)
    except OAuthError as error:
        return Refuse(error)
    session = _open(request.client, code, granted, now, settings)
    grantee = Grantee(
        client=request.client, scopes=scopes, audience=audience, session=session, user=user, nonce=code.nonce
    )
    return Redeem(grantee, session, _event("session.opened", request, code, now))


def _open(client: Client, code: AuthorizationCode, resources: tuple[str, ...], now: int, settings: Settings) -> Session:
    idle_lifetime, lifetime = settings.session_idle_lifetime, settings.session_lifetime
    if not may_refresh(client):  # nothing can prolong it: it lives as long as its only access token
        idle_lifetime = lifetime = settings.access_token_lifetime
    return Session(
        id=code.session_id,
        user_id=code.user_id,
        client_id=client.id,
        sign_in_id=code.sign_in_id,
        scopes=code.scopes,
        resources=resources,
        authenticated_at=code.authenticated_at,
        methods=code.methods,
        created_at=now,
        rotated_at=now,
        idle_expires_at=now + idle_lifetime,  # never beyond the absolute end: the settings are in order
        expires_at=now + lifetime,
    )


def may_refresh(client: Client) -> bool:
    """Whether the client gets refresh tokens at all."""
    return "refresh_token" in client.grant_types


def _invalid(detail: str, *, hint: str | None = None) -> OAuthError:
    return invalid_grant("The authorization code is not valid.", hint=hint, detail=detail)


def _event(kind: str, request: Request, code: AuthorizationCode, now: int) -> Event:
    return Event(
        kind=kind,
        at=now,
        user_id=code.user_id,
        client_id=request.client.id,
        session_id=code.session_id,
        address=request.address,
    )


async def answer(request: GrantRequest, context: GrantContext, /) -> TokenResponse:
    """Redeem a code; see `flows.grant.Grant.answer`."""
    asked = _read(request)
    decision = decide(asked, await _gather(asked.code_id, context), request.now, context.settings)
    if isinstance(decision, Refuse):
        raise await refuse(decision, context.store)
    go_on(request)
    if isinstance(decision, Revoke):
        end = EndSession(
            decision.session_id, request.now, "code_reused", last_token_expires_at(request.now, context.settings)
        )
        await context.store.commit(end, AddEvent(decision.event))
        raise _invalid("the code was redeemed before", hint="It was redeemed before, so its session has been ended.")
    session = decision.session
    refresh_token = context.refresh_tokens.mint(session.id, session.generation) if may_refresh(request.client) else None
    response = await context.issuance.respond(decision.grantee, now=request.now, refresh_token=refresh_token)
    # Signed before it is written: a signer that fails leaves the code as it was.
    await context.store.commit(RedeemCode(asked.code_id, request.now), AddSession(session), AddEvent(decision.event))
    return response


def _read(request: GrantRequest) -> Request:
    parameters = request.parameters
    return Request(
        client=request.client,
        code_id=base64url.encode(Secret(parameters.require("code")).sha256()),
        redirect_uri=parameters.require("redirect_uri"),
        code_verifier=Secret(parameters.require("code_verifier")),
        resources=parameters.all("resource"),
        address=request.address,
    )


async def _gather(code_id: str, context: GrantContext) -> Facts:
    code = await context.store.code(code_id)
    if code is None:
        return Facts(code=None)
    return Facts(
        code=code, sign_in=await context.store.sign_in(code.sign_in_id), user=await context.store.user(code.user_id)
    )
