"""Which client asks, proved in the way that the client is registered for (RFC 6749 §2.3, RFC 7523 §3, OIDC Core §9)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

import msgspec

from jotary.jose import JOSEError, KeySet, jwt
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.oauth.client_authentication import PresentedClient, parse_client_authentication
from jotary.oauth.errors import invalid_client, too_many_attempts
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.endpoints import TOKEN, endpoint_url
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.model.changes import AddEvent, RememberAssertion
from jotary.server.model.client import AuthenticationMethod, Client
from jotary.server.model.event import Event
from jotary.server.ports import Clients, Commit, Conflict
from jotary.server.settings import Settings
from jotary.tokens.client_assertion import ClientAssertion, check_client_assertion
from jotary.tokens.errors import TokenError

#: The ways to authenticate, in the order in which the metadata name them.
METHODS: Final[tuple[AuthenticationMethod, ...]] = (
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
)

_PUBLIC: Final = "none"

#: What an assertion may be signed with: never a secret that both sides hold (OIDC Core §9, private_key_jwt).
ASSERTION_ALGORITHMS: Final = DEFAULT_ALGORITHMS

#: What the `typ` of an assertion may be, in lower case; the last is what RFC 7523's successor asks for. Anything else
#: is a JWT that was made for another purpose (RFC 8725 §3.11).
_ASSERTION_TYPES: Final = frozenset({"", "jwt", "client-authentication+jwt"})

#: What an integrator is told, whether the client exists or not.
_HINTS: Final = {
    "client_secret_basic": "Check client_id, secret, and that the client is registered for client_secret_basic.",
    "client_secret_post": "Check client_id, client_secret, and that the client is registered for client_secret_post.",
    "private_key_jwt": "Check the claims and the key of the client_assertion, and that its key is registered.",
    "none": "Check client_id; a client that is not public must send its credentials.",
}


#: Characters of a `jti`, which is kept until its assertion has expired.
_MAX_JTI_LENGTH: Final = 255


class ClientStore(Clients, Commit, Protocol):
    """What client authentication needs from the store."""


class Failure(msgspec.Struct, frozen=True):
    """Why a client is not who it says: for the operator, and what the integrator may know."""

    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Turns what a client says of itself into the client.

    Args:
        store: clients, replay memory and audit trail.
        limiter: counts failures.
        settings: the names of this server and the leeway.
    """

    store: ClientStore
    limiter: Limiter
    settings: Settings

    async def authenticate(
        self, parameters: Parameters, authorization: str | None, *, now: int, address: str | None = None
    ) -> Client:
        """Return the client that the request proves to come from; a public client proves nothing (`none`).

        Args:
            parameters: the form.
            authorization: the Authorization header.
            now: Unix seconds.
            address: the client's network address, for the limits and the audit trail.

        Raises:
            OAuthError: invalid_client (401), the same for every cause; invalid_request for two methods at once;
                temporarily_unavailable (429) for a failure too many.
            Unavailable: the database does not answer.
        """
        presented = parse_client_authentication(authorization, parameters)
        client = await self.store.client(presented.client_id)
        # Somebody unknown goes the whole way of somebody known, and fails where a wrong secret fails.
        expected = client or _stranger(presented)
        failure = _wrong_method(presented, expected) or await self._proof(presented)(presented, expected, now)
        if client is None or failure is not None:
            await self._refuse(presented, client, failure or Failure("unknown client"), now, address)
        return client

    async def authenticate_confidential(
        self, parameters: Parameters, authorization: str | None, *, now: int, address: str | None = None
    ) -> Client:
        """As `authenticate`, for an endpoint that answers only to who has proved something.

        Raises:
            OAuthError: as `authenticate`; invalid_client for a public client.
            Unavailable: the database does not answer.
        """
        client = await self.authenticate(parameters, authorization, now=now, address=address)
        if is_public(client):
            raise invalid_client(hint="A public client may not use this endpoint; register a confidential one.")
        return client

    def _proof(self, presented: PresentedClient) -> "_Proof":
        if presented.method == "private_key_jwt":
            return self._prove_assertion
        return _prove_nothing if presented.method == "none" else _prove_secret

    async def _prove_assertion(self, presented: PresentedClient, client: Client, now: int) -> Failure | None:
        """RFC 7523 §3; last of all the assertion is remembered, so that it is good once (point 7)."""
        checked = self._check_assertion(presented, client, now)
        if isinstance(checked, Failure):
            return checked
        try:
            await self.store.commit(RememberAssertion(client.id, checked.jti, checked.expires_at))
        except Conflict:
            return Failure("the assertion was used before", hint="Make a new client_assertion for every request.")
        return None

    def _check_assertion(self, presented: PresentedClient, client: Client, now: int) -> ClientAssertion | Failure:
        assertion = presented.assertion or Secret("")
        # RFC 7523 §3 point 3 takes any name of this server. Its successor wants the issuer alone; many clients still
        # send the token endpoint, which nobody else has as a name either.
        names = {self.settings.issuer, endpoint_url(self.settings.issuer, TOKEN)}
        try:
            keys = KeySet.from_jwks(client.jwks or {"keys": []})
            token = jwt.verify(assertion.reveal(), keys, algorithms=ASSERTION_ALGORITHMS, typ=None)
            if str(token.header.get("typ", "")).lower() not in _ASSERTION_TYPES:
                return Failure("the assertion is a JWT of another type", hint="Leave typ out of the client_assertion.")
            checked = check_client_assertion(
                token.claims, client_id=client.id, audiences=names, now=now, leeway=self.settings.leeway
            )
        except JOSEError as error:
            return Failure(str(error))
        except TokenError as error:
            return Failure(str(error), hint=f"Check {error.claim} in the client_assertion.")
        if len(checked.jti) > _MAX_JTI_LENGTH or not checked.jti.isprintable():
            return Failure("the jti cannot be kept", hint=f"Send a jti of at most {_MAX_JTI_LENGTH} characters.")
        return checked

    async def _refuse(
        self, presented: PresentedClient, client: Client | None, failure: Failure, now: int, address: str | None
    ) -> NoReturn:
        """Known or not, the same text and the same write.

        Only failures are counted, and only a failure is held off: nobody who has the right credentials is kept out by
        a stranger, and they are beyond guessing. What is bounded is the audit trail, and what strangers may cost.
        """
        # Not the id that was presented: who mixes up the fields sends the secret there.
        detail = {"method": presented.method, "reason": failure.detail}
        event = Event(
            kind="client.authentication_failed",
            at=now,
            client_id=None if client is None else client.id,
            address=address,
            detail=detail,
        )
        limited = Event(kind="client.authentication_limited", at=now, client_id=event.client_id, address=address)
        counters = self.limiter.client_failure(presented.client_id, address)
        too_many = await self.limiter.take(counters, AddEvent(event), refused=limited, now=now)
        if too_many is not None:
            raise too_many_attempts(retry_after=too_many.retry_after)
        basic = presented.method == "client_secret_basic"
        raise invalid_client(hint=failure.hint or _HINTS[presented.method], detail=failure.detail, basic=basic)


def is_public(client: Client) -> bool:
    """Whether the client only says its name and proves nothing (RFC 6749 §2.1)."""
    return client.token_endpoint_auth_method == _PUBLIC


_Proof = Callable[[PresentedClient, Client, int], Awaitable[Failure | None]]


def _wrong_method(presented: PresentedClient, client: Client) -> Failure | None:
    """A client uses the one method that it is registered for, or the weakest of several would be the one that counts.

    Who sends the right secret in the wrong place is told the right place; nobody else learns how the client does it.
    """
    registered = client.token_endpoint_auth_method
    if presented.method == registered:
        return None
    hint = None
    if presented.secret is not None and presented.secret.matches_sha256(_digest(client)):
        hint = f"This client is registered for {registered}."
    return Failure(f"{presented.method} was used, {registered} is registered", hint)


async def _prove_secret(presented: PresentedClient, client: Client, _now: int) -> Failure | None:
    secret = presented.secret or Secret("")
    return None if secret.matches_sha256(_digest(client)) else Failure("wrong secret")


async def _prove_nothing(_presented: PresentedClient, _client: Client, _now: int) -> Failure | None:
    """A public client is only named; PKCE binds its codes, rotation its refresh tokens (RFC 9700 §2.2.2)."""
    return None


#: The SHA-256 of no text that anybody knows.
_NO_SECRET: Final = bytes(32)


def _digest(client: Client) -> bytes:
    return client.secret_sha256 or _NO_SECRET


def _stranger(presented: PresentedClient) -> Client:
    """A client that nobody can be."""
    return Client(id="", name="", type="service", token_endpoint_auth_method=presented.method, created_at=0)
