"""One issuer as a client sees it: start a sign-in, redeem its code, refresh, end the session."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from jotary.client.authorization import AUTHORIZATION_ENTROPY, AuthorizationRequest, build_authorization_request
from jotary.client.client_authentication import AUTHENTICATION_ENTROPY, Credentials, authenticate
from jotary.client.discovery import Clock, Discovery
from jotary.client.errors import ClientError, ProtocolError, UnavailableError
from jotary.client.refresh import Refreshed, SignedOut, Unavailable
from jotary.client.token_endpoint import (
    TokenSet,
    check_revocation_answer,
    client_credentials_request,
    code_request,
    ends_the_session,
    parse_token_answer,
    refresh_request,
    revocation_request,
)
from jotary.client.transport import Answer, Form, IssuerTransport
from jotary.jose import JOSEError, KeySet, VerifiedToken, jwt
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.tokens.claims import require_time
from jotary.tokens.errors import TokenError
from jotary.tokens.id_token import IDToken, check_id_token

#: Seconds that the issuer's clock may differ from ours.
LEEWAY: Final = 30

Entropy = Callable[[int], bytes]

_ALGORITHMS = frozenset(DEFAULT_ALGORITHMS)
_log = logging.getLogger("jotary.client")


class Provider:
    """An issuer, with this client's credentials at it.

    Args:
        issuer: its identifier.
        credentials: who this client is, and how it proves it.
        transport: carries the requests.
        clock: Unix seconds.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(
        self, *, issuer: str, credentials: Credentials, transport: IssuerTransport, clock: Clock, entropy: Entropy
    ) -> None:
        self.issuer = issuer
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._entropy = entropy
        self._discovery = Discovery(issuer, transport, clock)

    async def metadata(self) -> ServerMetadata:
        """What the issuer says of itself. Raises as `Discovery.metadata`."""
        return await self._discovery.metadata()

    async def authorization_request(
        self, *, redirect_uri: str, scopes: Sequence[str], resources: Sequence[str] = (), prompt: str | None = None
    ) -> AuthorizationRequest:
        """Start a sign-in. Raises as `metadata` and `build_authorization_request`."""
        return build_authorization_request(
            await self.metadata(),
            client_id=self._credentials.client_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            entropy=self._entropy(AUTHORIZATION_ENTROPY),
            resources=resources,
            prompt=prompt,
        )

    async def redeem(
        self, code: Secret, *, redirect_uri: str, code_verifier: Secret, nonce: Secret
    ) -> tuple[TokenSet, IDToken]:
        """Trade a code for tokens, and learn who signed in. It is sent once, whatever happens.

        Raises:
            IssuerError: the issuer refused the code.
            ProtocolError: the answer, or the ID token in it, is not acceptable.
            UnavailableError: no answer; the code may or may not be used up.
        """
        request = code_request(code, redirect_uri=redirect_uri, code_verifier=code_verifier)
        tokens = await self._ask_for_tokens(request, repeatable=False)
        if tokens.id_token is None:
            raise ProtocolError("the token endpoint's answer has no id_token; is openid among the scopes?")
        try:
            id_token = await self._check_id_token(tokens.id_token, nonce=nonce, access_token=tokens.access_token)
        except ClientError as error:
            await self._abandon(tokens, str(error))
            raise
        return tokens, id_token

    async def refresh(self, tokens: TokenSet, *, subject: str | None) -> Refreshed[TokenSet] | SignedOut | Unavailable:
        """Trade the refresh token. Asked again after a lost answer, within the issuer's retry window (design §6.1).

        Args:
            tokens: the newest that are known.
            subject: who is signed in; an ID token for somebody else ends the session (OIDC Core §12.2).
        """
        if tokens.refresh_token is None:
            return SignedOut()
        try:
            request = refresh_request(tokens.refresh_token)
            renewed = await self._ask_for_tokens(request, repeatable=True, previous=tokens)
        except UnavailableError as error:
            _log.warning("the session could not be refreshed: %s", error)
            return Unavailable(error.retry_after)
        except ClientError as error:
            if ends_the_session(error):
                return SignedOut()
            _log.error("the session could not be refreshed, and the cause will not pass by itself: %s", error)
            return Unavailable(retry_after=30)
        return await self._same_person(renewed, tokens, subject)

    async def _same_person(
        self, renewed: TokenSet, tokens: TokenSet, subject: str | None
    ) -> Refreshed[TokenSet] | SignedOut:
        if renewed.id_token is None or renewed.id_token is tokens.id_token or subject is None:
            return Refreshed(renewed)
        try:
            id_token = await self._check_id_token(renewed.id_token, nonce=None, access_token=renewed.access_token)
        except UnavailableError:  # the keys cannot be had now: go on with the ID token that was checked at sign-in
            return Refreshed(msgspec.structs.replace(renewed, id_token=tokens.id_token))
        except ProtocolError as error:
            return await self._abandon(renewed, f"its ID token is not acceptable: {error}")
        if id_token.subject != subject:
            return await self._abandon(renewed, "it answered for another person")
        return Refreshed(renewed)

    async def _abandon(self, tokens: TokenSet, reason: str) -> SignedOut:
        """End a session whose tokens cannot be trusted, and leave nothing of it at the issuer."""
        _log.error("a session ends because of what the issuer gave: %s", reason)
        if tokens.refresh_token is not None:
            with contextlib.suppress(ClientError):
                await self.revoke(tokens.refresh_token)
        return SignedOut()

    async def client_credentials(self, *, scopes: Sequence[str] = (), resources: Sequence[str] = ()) -> TokenSet:
        """A token for this client itself. Raises as `redeem`."""
        request = client_credentials_request(scopes=scopes, resources=resources)
        return await self._ask_for_tokens(request, repeatable=True)

    async def revoke(self, refresh_token: Secret) -> None:
        """End the session behind a refresh token; an issuer without a revocation endpoint cannot do it (RFC 7009).

        Raises:
            IssuerError, ProtocolError, UnavailableError: it may still be alive.
        """
        endpoint = (await self.metadata()).revocation_endpoint
        if endpoint is None:
            raise ProtocolError("the issuer's metadata names no revocation_endpoint")
        answer = await self._post(endpoint, revocation_request(refresh_token), repeatable=True)
        check_revocation_answer(answer.status, answer.content_type, answer.body)

    async def end_session_url(self, *, id_token: Secret | None, return_to: str) -> str | None:
        """Where the browser goes to sign out at the issuer too, or None (OIDC RP-Initiated Logout 1.0 §2).

        Raises as `metadata`.
        """
        endpoint = (await self.metadata()).end_session_endpoint
        if endpoint is None:
            return None
        parameters = {"client_id": self._credentials.client_id, "post_logout_redirect_uri": return_to}
        if id_token is not None:
            parameters["id_token_hint"] = id_token.reveal()
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def _ask_for_tokens(
        self, request: Parameters, *, repeatable: bool, previous: TokenSet | None = None
    ) -> TokenSet:
        endpoint = (await self.metadata()).token_endpoint
        if endpoint is None:
            raise ProtocolError("the issuer's metadata names no token_endpoint")
        sent_at = self._clock()
        answer = await self._post(endpoint, request, repeatable=repeatable)
        return parse_token_answer(answer.status, answer.content_type, answer.body, now=sent_at, previous=previous)

    async def _post(self, endpoint: str, request: Parameters, *, repeatable: bool) -> Answer:
        def signed() -> Form:  # anew for each attempt: an assertion is good for one request (RFC 7523 §3, point 7)
            entropy = self._entropy(AUTHENTICATION_ENTROPY)
            return authenticate(self._credentials, request, issuer=self.issuer, now=self._clock(), entropy=entropy)

        return await self._transport.post(endpoint, signed, repeatable=repeatable)

    async def _check_id_token(self, id_token: Secret, *, nonce: Secret | None, access_token: Secret) -> IDToken:
        """OIDC Core §3.1.3.7, with the signature checked although TLS would do: it costs next to nothing."""
        named = (await self.metadata()).id_token_signing_alg_values_supported
        algorithms = _ALGORITHMS.intersection(named) if named is not None else _ALGORITHMS
        try:
            verified = await self._verify(id_token.reveal(), algorithms)
            # After a refresh it is as old as the answer that it came in (OIDC Core §12.2): its own `iat` is the present
            # that its `exp` is checked against, so that a wrong clock here never ends a session that is good.
            now = self._clock() if nonce is not None else int(require_time(verified.claims, "iat"))
            return check_id_token(
                verified.claims,
                issuer=self.issuer,
                client_id=self._credentials.client_id,
                nonce=None if nonce is None else nonce.reveal(),
                algorithm=verified.header["alg"],
                now=now,
                leeway=LEEWAY,
                access_token=access_token.reveal(),
            )
        except (JOSEError, TokenError) as error:
            raise ProtocolError(f"the ID token is not acceptable: {error}") from error

    async def _verify(self, id_token: str, algorithms: frozenset[str]) -> VerifiedToken:
        keys = await self._discovery.keys()
        try:
            return _verify_id_token(id_token, keys, algorithms)
        except JOSEError as error:
            if error.code != "unknown_key":
                raise
        return _verify_id_token(id_token, await self._discovery.newer_keys(), algorithms)


def _verify_id_token(id_token: str, keys: KeySet, algorithms: frozenset[str]) -> VerifiedToken:
    verified = jwt.verify(id_token, keys, algorithms=algorithms, typ=None)
    typ = verified.header.get("typ", "JWT")  # OIDC Core lets it out; what names another type is another token
    if not isinstance(typ, str) or typ.lower() not in {"jwt", "application/jwt"}:
        raise TokenError("typ", "the token is not an ID token")
    return verified
