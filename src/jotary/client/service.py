"""Tokens of a service for itself (RFC 6749 §4.4): fetched once for all who wait, in threads and event loops alike."""

import asyncio
import os
import secrets
import ssl
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock, Thread

import httpx2

from jotary.client.bearer import BearerFlow
from jotary.client.client_authentication import Credentials, PrivateKeyJWT, SecretBasic
from jotary.client.errors import ClientError, UnavailableError
from jotary.client.provider import Provider
from jotary.client.refresh import TRUSTED_FOR, has_just_failed, is_refresh_due
from jotary.client.token_endpoint import TokenSet
from jotary.client.transport import IssuerTransport
from jotary.jose import Key
from jotary.oauth.secret import Secret


def _unix_time() -> int:
    return int(time.time())  # noqa: TID251 -- a composition root


class ServiceTokens:
    """A composition root: one service at one issuer, as a `TokenSource`. It may be shared by threads and event loops.

    Args:
        issuer: its identifier.
        credentials: who this service is, and how it proves it.
        resource: the API that the tokens are for (RFC 8707 §2).
        scopes: values of the scope parameter; none takes what the issuer gives.
        tls: for an issuer whose certificate the system does not know.
        network: what carries requests to the issuer; for tests that wire applications in memory.
        clock: Unix seconds.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        scopes: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        network: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], int] = _unix_time,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._issuer = issuer
        self._credentials = credentials
        self._resource = resource
        self._scopes = tuple(scopes)
        self._tls = tls
        self._network = network
        self._clock = clock
        self._entropy = entropy
        self._lock = Lock()
        self._tokens: TokenSet | None = None
        self._flight: Future[TokenSet] | None = None
        self._failed_at = 0
        _services.add(self)

    async def fresh(self, *, refused: Secret | None = None) -> TokenSet:
        """Tokens whose access token may be used.

        Args:
            refused: one that the API did not take; another one is wanted, unless it is brand-new.

        Raises:
            IssuerError, ProtocolError, UnavailableError: there is none to be had.
        """
        found = self._find(refused)
        return found if isinstance(found, TokenSet) else await asyncio.wrap_future(found)

    def fresh_blocking(self, *, refused: Secret | None = None) -> TokenSet:
        """Do what `fresh` does where there is no event loop."""
        found = self._find(refused)
        return found if isinstance(found, TokenSet) else found.result()

    def _find(self, refused: Secret | None) -> TokenSet | Future[TokenSet]:
        with self._lock:
            if self._tokens is not None and not self._wants_others(self._tokens, refused):
                return self._tokens
            if self._flight is None:
                self._flight = self._take_off()
            return self._flight

    def _take_off(self) -> Future[TokenSet]:
        flight: Future[TokenSet] = Future()
        flight.set_running_or_notify_cancel()  # so that nobody who gives up waiting can cancel it
        thread = Thread(target=self._fly, args=(flight,), name="jotary-service-tokens", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is going down
            raise UnavailableError("there is no thread to ask the issuer in") from error
        return flight

    def start_over_in_child(self) -> None:
        """After a fork: the thread that asked is not here, and the lock may have been held by one that is not."""
        self._lock = Lock()
        self._flight = None

    def _wants_others(self, tokens: TokenSet, refused: Secret | None) -> bool:
        now = self._clock()
        if tokens.is_alive(now) and has_just_failed(self._failed_at, now):
            return False
        if is_refresh_due(obtained_at=tokens.obtained_at, expires_at=tokens.expires_at, now=now):
            return True
        if refused is None or not tokens.access_token.matches(refused):
            return False
        return now >= tokens.obtained_at + TRUSTED_FOR

    def _fly(self, flight: Future[TokenSet]) -> None:
        """Fetch in a thread and a loop of its own: who asked first may be gone before the answer is there."""
        try:
            tokens = asyncio.run(self._ask())
        except BaseException as error:  # noqa: BLE001 -- whatever it is, those who wait are told
            self._land(flight, error)
        else:
            self._land(flight, tokens)

    def _land(self, flight: Future[TokenSet], result: TokenSet | BaseException) -> None:
        with self._lock:
            self._flight = None
            now = self._clock()
            if isinstance(result, TokenSet):
                self._tokens = result
            elif isinstance(result, ClientError) and self._tokens is not None and self._tokens.is_alive(now):
                self._failed_at = now
                result = self._tokens
        if isinstance(result, TokenSet):
            flight.set_result(result)
        else:
            flight.set_exception(result)

    async def _ask(self) -> TokenSet:
        transport = IssuerTransport(network=self._network, tls=self._tls)
        try:
            provider = Provider(
                issuer=self._issuer,
                credentials=self._credentials,
                transport=transport,
                clock=self._clock,
                entropy=self._entropy,
            )
            return await provider.client_credentials(scopes=self._scopes, resources=(self._resource,))
        finally:
            await transport.aclose()


_services: "weakref.WeakSet[ServiceTokens]" = weakref.WeakSet()


def _start_over_in_child() -> None:
    for service in _services:
        service.start_over_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over_in_child)


class ServiceFlow(BearerFlow):
    """What the `auth=` of a service does with a request to another API: a token for itself, kept fresh.

    Args:
        issuer: the identifier of the sign-in service.
        client_id: this service, registered there as such.
        client_secret: how it proves itself; or
        key: the private key for `private_key_jwt` (RFC 7523 §2.2).
        resource: the API's identifier, which is its URL (RFC 8707 §2).
        origin: where the API is, if the resource does not say it.
        scopes: values of the scope parameter; none takes what the issuer gives.
        tls: for an issuer whose certificate the system does not know.
        network: what carries requests to the issuer; for tests that wire applications in memory.
        clock: Unix seconds.

    Raises:
        ProtocolError: there is no URL to which a token may be sent: https, or http on loopback.
        ValueError: there must be a secret or a key, and not both.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        resource: str,
        client_secret: str | Secret | None = None,
        key: Key | None = None,
        origin: str | None = None,
        scopes: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        network: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], int] = _unix_time,
    ) -> None:
        tokens = ServiceTokens(
            issuer=issuer,
            credentials=_credentials(client_id, client_secret, key),
            resource=resource,
            scopes=scopes,
            tls=tls,
            network=network,
            clock=clock,
        )
        super().__init__(tokens, origin=origin or resource)


def _credentials(client_id: str, client_secret: str | Secret | None, key: Key | None) -> Credentials:
    if key is not None and client_secret is None:
        return PrivateKeyJWT(client_id, key)
    if client_secret is None or key is not None:
        raise ValueError("a service proves itself with a client_secret or with a key")
    return SecretBasic(client_id, Secret(client_secret) if isinstance(client_secret, str) else client_secret)
