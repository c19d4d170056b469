"""Signing out, asked for by a client or by the person (OpenID Connect RP-Initiated Logout 1.0)."""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.parameters import Parameters
from jotary.oauth.redirect_uri import with_parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.authorization_request import MAX_STATE_LENGTH, ErrorPage
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.id_token_hint import IDTokenHint, read_hint
from jotary.server.flows.login import end_sign_in
from jotary.server.flows.signed_in import People, SignedIn, who_is_signed_in
from jotary.server.model.changes import AddEvent, Change, EndSession
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.ports import Clients, Commit, Sessions, Signer
from jotary.server.settings import Settings

_REASON: Final = "signed_out"


class LogoutFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision stands on, besides the request."""

    signed_in: SignedIn | None
    hint: IDTokenHint | None
    client: Client | None  # named by the hint, or else by client_id
    session: Session | None = None  # of the hint's `sid`
    confirms: bool = False  # the person has just pressed "Sign out"


class AskFirst(msgspec.Struct, frozen=True):
    """Nothing proves that the person wants to go: ask (RP-Initiated Logout §2, §6)."""

    signed_in: SignedIn
    client: Client | None


class SignOut(msgspec.Struct, frozen=True, kw_only=True):
    """End what is to be ended. `redirect_to` is where the browser goes, None for our own page.

    `offer` is a registered address that nothing entitles us to send the browser to unasked: a link for the person.
    """

    client: Client | None
    ends: SignedIn | None
    session: Session | None
    redirect_to: str | None = None
    offer: str | None = None
    is_address_unknown: bool = False  # the address to return to is not registered


def decide(parameters: Parameters, facts: LogoutFacts) -> AskFirst | SignOut | ErrorPage:
    """What happens to a request to sign out."""
    try:
        _check(parameters, facts)
    except OAuthError as error:
        return ErrorPage(error)
    if facts.signed_in is not None and not facts.confirms and not _is_proved(facts):
        return AskFirst(facts.signed_in, facts.client)
    target = _registered_target(parameters, facts.client)
    may_redirect = facts.hint is not None or facts.confirms
    return SignOut(
        client=facts.client,
        ends=facts.signed_in,
        session=facts.session if _is_the_hints(facts.session, facts.hint) else None,
        redirect_to=target if may_redirect else None,
        offer=None if may_redirect else target,
        is_address_unknown=target is None and "post_logout_redirect_uri" in parameters,
    )


def _check(parameters: Parameters, facts: LogoutFacts) -> None:
    parameters.refuse_repeated()
    if len(parameters.get("state") or "") > MAX_STATE_LENGTH:
        raise invalid_request("The state is too long.", hint=f"Send at most {MAX_STATE_LENGTH} characters.")
    client_id = parameters.get("client_id")
    if client_id is not None and facts.hint is not None and facts.hint.client_id != client_id:
        raise invalid_request("The id_token_hint was issued to another client.", hint="Send the client's own.")


def _is_proved(facts: LogoutFacts) -> bool:
    """Whether the hint is an ID token of the very person who is signed in: only their client can have it."""
    return facts.hint is not None and facts.signed_in is not None and facts.hint.subject == facts.signed_in.user.id


def _is_the_hints(session: Session | None, hint: IDTokenHint | None) -> bool:
    """Whether the session is the one for which the hint was issued."""
    if session is None or hint is None:
        return False
    return session.client_id == hint.client_id and session.user_id == hint.subject


def _registered_target(parameters: Parameters, client: Client | None) -> str | None:
    """Where to go, if the client has registered it exactly so; with `state` (RP-Initiated Logout §3)."""
    address = parameters.get("post_logout_redirect_uri")
    if address is None or client is None or address not in client.post_logout_redirect_uris:
        return None
    state = parameters.get("state")
    return address if state is None else with_parameters(address, {"state": state})


def changes_of(decision: SignOut, *, now: int, settings: Settings) -> tuple[Change, ...]:
    """What signing out writes. The client's own session ends even if it was to outlive the sign-in."""
    changes: list[Change] = []
    signed_in, session = decision.ends, decision.session
    if session is not None and session.ended_at is None:
        changes.append(EndSession(session.id, now, _REASON, last_token_expires_at(now, settings)))
    if signed_in is not None:
        changes += end_sign_in(signed_in.sign_in, _REASON, now=now, settings=settings)
    if changes:
        user_id = signed_in.user.id if signed_in else session.user_id if session else None
        client_id = decision.client.id if decision.client else None
        detail = {"reason": _REASON}
        event = Event(kind="sign_in.ended", at=now, user_id=user_id, client_id=client_id, detail=detail)
        changes.append(AddEvent(event))
    return tuple(changes)


class LogoutStore(People, Clients, Sessions, Commit, Protocol):
    """What signing out reads and writes."""


@dataclass(frozen=True, slots=True)
class Logout:
    """The flow: gather → decide → commit."""

    store: LogoutStore
    signer: Signer
    settings: Settings

    async def __call__(
        self, parameters: Parameters, cookie: Secret | None, *, now: int, confirms: bool = False
    ) -> AskFirst | SignOut | ErrorPage:
        """Answer a request to sign out; after `SignOut` everything it names has ended.

        Args:
            parameters: of the query or form.
            cookie: the browser's sign-in cookie.
            now: Unix seconds.
            confirms: whether the person has just confirmed this very request.

        Raises:
            Unavailable: the store cannot answer.
        """
        decision = decide(parameters, await self._gather(parameters, cookie, now=now, confirms=confirms))
        if isinstance(decision, SignOut):
            await self.store.commit(*changes_of(decision, now=now, settings=self.settings))
        return decision

    async def _gather(self, parameters: Parameters, cookie: Secret | None, *, now: int, confirms: bool) -> LogoutFacts:
        hints = parameters.all("id_token_hint")
        text = hints[0] if len(hints) == 1 else None
        hint = read_hint(text, self.signer.public_keys(), issuer=self.settings.issuer)
        named = parameters.all("client_id")
        client_id = hint.client_id if hint else named[0] if named else None
        idle_lifetime = self.settings.sign_in_idle_lifetime
        return LogoutFacts(
            signed_in=await who_is_signed_in(self.store, cookie, now=now, idle_lifetime=idle_lifetime),
            hint=hint,
            client=await self.store.client(client_id) if client_id else None,
            session=await self.store.session(hint.session_id) if hint and hint.session_id else None,
            confirms=confirms,
        )
