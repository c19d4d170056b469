"""The refresh token grant (RFC 6749 §6): a session is one row, a refresh moves it by one generation (design §6.1)."""

from typing import Final

import msgspec

from jotary.oauth.errors import OAuthError, invalid_grant
from jotary.oauth.scope import parse_scope
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.grant import GrantContext, GrantRequest, Refuse, go_on, refuse
from jotary.server.flows.issue import Grantee, TokenResponse
from jotary.server.flows.narrowing import heeded_scopes, narrow_audience, narrow_scopes
from jotary.server.model.changes import AddEvent, EndSession, RotateSession
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.refresh_token import RefreshToken
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.settings import Settings

NAME: Final = "refresh_token"
PARAMETERS: Final = frozenset({"refresh_token", "scope", "resource"})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asks. `token` was minted here: its MAC held."""

    token: RefreshToken
    client: Client
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    address: str | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says of the session that the token names.

    `ahead`: seconds that the database's clock, which tells when the session was rotated, is ahead of ours.
    """

    session: Session | None
    user: User | None
    ahead: int = 0


class Rotate(msgspec.Struct, frozen=True):
    """Move the session to the next generation and answer with its token."""

    grantee: Grantee
    generation: int
    change: RotateSession


class Replay(msgspec.Struct, frozen=True):
    """Answer with the current generation's token once more; write nothing."""

    grantee: Grantee
    generation: int


class Revoke(msgspec.Struct, frozen=True):
    """Somebody else has this token too: end the session (RFC 9700 §4.14.2)."""

    session: Session
    event: Event


Decision = Rotate | Replay | Revoke | Refuse


def decide(request: Request, facts: Facts, now: int, settings: Settings) -> Decision:
    """Every rule of refreshing, in order.

    Args:
        request: the request of an authenticated client.
        facts: as the store has them.
        now: Unix seconds.
        settings: the retry window and the lifetimes.
    """
    session = facts.session
    if session is None:
        return Refuse(_invalid("no such session"))
    refusal = _is_foreign_or_dead(request, session, now)
    if refusal is not None:
        return refusal
    # Theft is looked for before anything that may heal again, such as a disabled person or a scope that is too wide: a
    # session that has seen it must never come back.
    behind = session.generation - request.token.generation
    if behind < 0:  # a restored backup: the session has been at a later generation than the row remembers
        event = _event("session.generation_ahead", request, now)
        return Refuse(_invalid("the generation lies ahead of the session's"), event)
    if behind > 1 or (behind == 1 and not _is_retry(session, now + facts.ahead, settings.refresh_retry_window)):
        return Revoke(session, _event("session.reuse_detected", request, now))
    return _go_on(request, session, facts, now, settings)


def _is_foreign_or_dead(request: Request, session: Session, now: int) -> Refuse | None:
    # RFC 6749 §6: bound to its client. It ends nothing here: a token found in a log would otherwise let any other
    # client sign people out, and to the finder it is worth nothing.
    if session.client_id != request.client.id:
        return Refuse(_invalid("the token is another client's"), _event("session.client_mismatch", request, now))
    if not session.is_alive(now):
        return Refuse(_invalid("the session has ended", hint="Let the person sign in again."))
    # RFC 9449 §5: a bound token is good with its key only, and nothing here can check the key yet.
    if session.dpop_thumbprint is not None:
        return Refuse(_invalid("the session is bound to a DPoP key"))
    return None


def _go_on(request: Request, session: Session, facts: Facts, now: int, settings: Settings) -> Rotate | Replay | Refuse:
    """The token is the current one, or its predecessor within the retry window."""
    user = facts.user
    if user is None or not user.is_active:
        return Refuse(_invalid("the person is gone or disabled"))
    try:
        grantee = _narrowed(request, session, user, issuer=settings.issuer)
    except OAuthError as error:
        return Refuse(error)
    if request.token.generation < session.generation:
        return Replay(grantee, session.generation)
    idle_expires_at = min(now + settings.session_idle_lifetime, session.expires_at)
    change = RotateSession(session.id, session.generation, now + facts.ahead, idle_expires_at)
    return Rotate(grantee, session.generation + 1, change)


def _is_retry(session: Session, now: int, window: int) -> bool:
    """Whether the previous token may be a repetition after a lost answer. `now` is the database's.

    Another server may have rotated, and its clock be wrong: by its own, an answer that was lost there a moment ago
    would look like theft here.
    """
    return window > 0 and now - session.rotated_at <= window


def _narrowed(request: Request, session: Session, user: User, *, issuer: str) -> Grantee:
    asked = heeded_scopes(request.scopes, {*session.scopes} & {*request.client.scopes})
    return Grantee(
        client=request.client,
        scopes=narrow_scopes(asked, session.scopes, request.client),
        audience=narrow_audience(request.resources, session.resources, request.client, issuer=issuer),
        session=session,
        user=user,
    )


def _invalid(detail: str, *, hint: str | None = None) -> OAuthError:
    """One text for every cause, so that a stranger with a token learns nothing from it."""
    return invalid_grant("The refresh token is not valid.", hint=hint, detail=detail)


def _event(kind: str, request: Request, now: int) -> Event:
    return Event(
        kind=kind,
        at=now,
        client_id=request.client.id,
        session_id=request.token.session_id,
        address=request.address,
        detail={"generation": request.token.generation},
    )


async def answer(request: GrantRequest, context: GrantContext, /) -> TokenResponse:
    """Answer a refresh; see `flows.grant.Grant.answer`."""
    asked = _read(request, context)
    decision = decide(asked, await _gather(asked.token, context), request.now, context.settings)
    if isinstance(decision, Refuse):
        raise await refuse(decision, context.store)
    go_on(request)
    if isinstance(decision, Revoke):
        await _end(decision, request.now, context)
        raise _invalid("the token was used before", hint="It was used before, so its session has been ended.")
    refresh_token = context.refresh_tokens.mint(asked.token.session_id, decision.generation)
    response = await context.issuance.respond(decision.grantee, now=request.now, refresh_token=refresh_token)
    # Signed before it is written: a signer that fails leaves the session where it was.
    if isinstance(decision, Rotate):
        await context.store.commit(decision.change)
    return response


def _read(request: GrantRequest, context: GrantContext) -> Request:
    parameters = request.parameters
    token = context.refresh_tokens.parse(parameters.require("refresh_token"))
    if token is None:
        raise _invalid("the token is malformed or was not minted under this server's secret")
    return Request(
        token=token,
        client=request.client,
        scopes=parse_scope(parameters.get("scope")),
        resources=parameters.all("resource"),
        address=request.address,
    )


async def _gather(token: RefreshToken, context: GrantContext) -> Facts:
    session = await context.store.session(token.session_id)
    user = None if session is None else await context.store.user(session.user_id)
    return Facts(session=session, user=user, ahead=context.database_ahead())


async def _end(decision: Revoke, now: int, context: GrantContext) -> None:
    end = EndSession(decision.session.id, now, "reuse_detected", last_token_expires_at(now, context.settings))
    await context.store.commit(end, AddEvent(decision.event))
