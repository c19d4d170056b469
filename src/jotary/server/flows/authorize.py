"""`/authorize`: from a request and the person at the browser to a code, a question, or a refusal (RFC 6749 §4.1)."""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from jotary.jose import base64url
from jotary.oauth.errors import OAuthError, access_denied, consent_required, login_required
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.authorization_request import AuthorizationRequest, ErrorPage, RedirectError, read_request
from jotary.server.flows.consent import needs_consent, with_consent
from jotary.server.flows.id_token_hint import IDTokenHint, read_hint
from jotary.server.flows.response_mode import ResponseMode
from jotary.server.flows.signed_in import TOUCH_INTERVAL, People, SignedIn, who_is_signed_in
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddCode, AddEvent, Change, PutConsent, TouchSignIn
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.event import Event
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.ports import Clients, Commit, Consents, Entropy, Signer
from jotary.server.settings import Settings

#: Random bytes of a code: beyond guessing (RFC 6749 §10.10).
CODE_ENTROPY = 32


class NeedSignIn(msgspec.Struct, frozen=True):
    """Somebody must sign in, or sign in again, before this request can go on."""

    request: AuthorizationRequest


class NeedConsent(msgspec.Struct, frozen=True):
    """The person must be asked whether the client may have these scopes."""

    request: AuthorizationRequest
    signed_in: SignedIn


class IssueCode(msgspec.Struct, frozen=True):
    """Everything is there. `consent` is what the person has just allowed, to be remembered."""

    request: AuthorizationRequest
    signed_in: SignedIn
    consent: Consent | None


class CodeIssued(msgspec.Struct, frozen=True):
    """The code is written: send it to the client (RFC 6749 §4.1.2)."""

    redirect_uri: str
    state: str | None
    response_mode: ResponseMode
    code: Secret


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision stands on, besides the request."""

    signed_in: SignedIn | None
    consent: Consent | None = None
    hint: IDTokenHint | None = None
    allows: bool = False  # the person has just pressed "Allow" for this very request


Decision = ErrorPage | RedirectError | NeedSignIn | NeedConsent | IssueCode
Answer = ErrorPage | RedirectError | NeedSignIn | NeedConsent | CodeIssued


def decide(request: AuthorizationRequest, facts: Facts, *, now: int) -> Decision:
    """What happens to a request that passed its checks. `prompt=none` turns every question into an error."""
    may_ask = "none" not in request.prompts
    signed_in = facts.signed_in
    # Who is it? Before consent, for consent is a person's.
    if signed_in is None or _must_sign_in_again(request, signed_in, now=now):
        return NeedSignIn(request) if may_ask else _refuse(request, login_required())
    if _is_somebody_else(request, facts.hint, signed_in):
        return _refuse(request, login_required())
    if not needs_consent(request, facts.consent):
        return IssueCode(request, signed_in, None)
    if facts.allows:
        allowed = with_consent(request, facts.consent, user_id=signed_in.user.id, now=now)
        return IssueCode(request, signed_in, allowed)
    return NeedConsent(request, signed_in) if may_ask else _refuse(request, consent_required())


def _must_sign_in_again(request: AuthorizationRequest, signed_in: SignedIn, *, now: int) -> bool:
    """Whether the sign-in is not fresh enough (OIDC Core §3.1.2.1); `max_age=0` is another word for `prompt=login`.

    There is one account in a browser, so selecting an account is signing in.
    """
    if request.prompts & {"login", "select_account"} or request.max_age == 0:
        return True
    return request.max_age is not None and now - signed_in.sign_in.authenticated_at > request.max_age


def _is_somebody_else(request: AuthorizationRequest, hint: IDTokenHint | None, signed_in: SignedIn) -> bool:
    """Whether the client means another person (OIDC Core §3.1.2.2): it must then not get a token for this one.

    A hint that cannot be read any more (its key is gone) names nobody: good enough to ask, not to answer unasked.
    """
    if request.id_token_hint is None:
        return False
    if hint is None:
        return "none" in request.prompts
    return hint.subject != signed_in.user.id


def _refuse(request: AuthorizationRequest, error: OAuthError) -> RedirectError:
    return RedirectError(request.redirect_uri, request.state, request.response_mode, error)


def changes_of(decision: IssueCode, *, code: Secret, session_id: str, now: int, lifetime: int) -> tuple[Change, ...]:
    """What issuing the code writes; `lifetime` in seconds."""
    request, person, sign_in = decision.request, decision.signed_in.user, decision.signed_in.sign_in
    issued = AuthorizationCode(
        id=base64url.encode(code.sha256()),
        client_id=request.client.id,
        user_id=person.id,
        sign_in_id=sign_in.id,
        session_id=session_id,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        scopes=request.scopes,
        resources=request.resources,
        nonce=request.nonce,
        authenticated_at=sign_in.authenticated_at,
        methods=sign_in.methods,
        expires_at=now + lifetime,
    )
    changes: list[Change] = [AddCode(issued)]
    if now - sign_in.last_seen_at >= TOUCH_INTERVAL:
        changes.append(TouchSignIn(sign_in.id, now))
    if decision.consent is not None:
        detail = {"scopes": list(decision.consent.scopes)}
        granted = Event(kind="consent.granted", at=now, user_id=person.id, client_id=request.client.id, detail=detail)
        changes += (PutConsent(decision.consent), AddEvent(granted))
    return tuple(changes)


class AuthorizeStore(People, Clients, Consents, Commit, Protocol):
    """What `/authorize` reads and writes."""


@dataclass(frozen=True, slots=True)
class Authorize:
    """The flow: gather → decide → commit."""

    store: AuthorizeStore
    signer: Signer
    entropy: Entropy
    settings: Settings

    async def __call__(
        self, parameters: Parameters, cookie: Secret | None, *, now: int, allows: bool = False
    ) -> Answer:
        """Answer an authorization request.

        Args:
            parameters: of the query.
            cookie: the browser's sign-in cookie.
            now: Unix seconds.
            allows: whether the person has just allowed this very request.

        Raises:
            Unavailable: the store cannot answer, or conflicts do not end.
        """

        async def attempt() -> Answer:
            decision = await self.preview(parameters, cookie, now=now, allows=allows)
            return await self._issue(decision, now=now) if isinstance(decision, IssueCode) else decision

        return await until_committed(attempt)

    async def preview(
        self, parameters: Parameters, cookie: Secret | None, *, now: int, allows: bool = False
    ) -> Decision:
        """Gather and decide, and write nothing: what the sign-in page needs to know about where it leads."""
        request = read_request(parameters, await self.client(parameters))
        if not isinstance(request, AuthorizationRequest):
            return request
        facts = await self._gather(request, cookie, now=now, allows=allows)
        return decide(request, facts, now=now)

    async def deny(self, parameters: Parameters) -> ErrorPage | RedirectError:
        """The person has pressed "Deny" for this request (RFC 6749 §4.1.2.1)."""
        request = read_request(parameters, await self.client(parameters))
        if not isinstance(request, AuthorizationRequest):
            return request
        return _refuse(request, access_denied("The person denied the request."))

    async def client(self, parameters: Parameters) -> Client | None:
        """The client that the request names; None as well when it is named twice."""
        named = parameters.all("client_id")
        return await self.store.client(named[0]) if len(named) == 1 else None

    async def _gather(self, request: AuthorizationRequest, cookie: Secret | None, *, now: int, allows: bool) -> Facts:
        idle_lifetime = self.settings.sign_in_idle_lifetime
        signed_in = await who_is_signed_in(self.store, cookie, now=now, idle_lifetime=idle_lifetime)
        return Facts(
            signed_in=signed_in,
            consent=await self.store.consent(signed_in.user.id, request.client.id) if signed_in else None,
            hint=read_hint(request.id_token_hint, self.signer.public_keys(), issuer=self.settings.issuer),
            allows=allows,
        )

    async def _issue(self, decision: IssueCode, *, now: int) -> CodeIssued:
        code = Secret(f"jac_{base64url.encode(self.entropy(CODE_ENTROPY))}")
        session_id = new_identifier(now, self.entropy(IDENTIFIER_ENTROPY))
        lifetime = self.settings.code_lifetime
        await self.store.commit(*changes_of(decision, code=code, session_id=session_id, now=now, lifetime=lifetime))
        request = decision.request
        return CodeIssued(request.redirect_uri, request.state, request.response_mode, code)
