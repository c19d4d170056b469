"""Composition root of a native application: one client at one issuer, on the machine of one person (design §6.6)."""

import secrets
import ssl
import time
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx2

from jotary.client.bearer import BearerAuth
from jotary.client.client_authentication import PublicClient
from jotary.client.native.keychain import KeychainStore
from jotary.client.native.login import log_in
from jotary.client.native.session import SharedSession
from jotary.client.native.signed_in import SignedIn
from jotary.client.native.token_store import TokenStore
from jotary.client.provider import Provider
from jotary.client.refresh import SingleFlight
from jotary.client.transport import IssuerTransport
from jotary.oauth.secret import Secret

#: Seconds that a person may take to sign in.
LOGIN_TIMEOUT: Final = 300.0


def _unix_time() -> int:
    return int(time.time())


class NativeApp:
    """An application on a person's machine: a command line or a desktop program. It has no client secret.

    It may be used in any event loop, in several threads and in several processes at once: they share one session.

    Args:
        issuer: the identifier of the sign-in service.
        client_id: this application, registered there as native, with `http://127.0.0.1/callback` as redirect URI.
        store: where the session is kept; None takes the system's keychain.
        scopes: values of the scope parameter, `openid` among them.
        resources: the APIs that the access token is for (RFC 8707).
        tls: for an issuer whose certificate the system does not know.
        network: what carries requests to the issuer; for tests that wire applications in memory.
        clock: Unix seconds.
        entropy: so many bytes that nobody can guess.

    Raises:
        StoreError: there is no keychain.
        ValueError: `openid` is not among the scopes.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        store: TokenStore | None = None,
        scopes: Sequence[str] = ("openid", "profile", "email"),
        resources: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        network: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], int] = _unix_time,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if "openid" not in scopes:
            raise ValueError("the scopes must have openid among them: it tells who signed in")
        self.issuer = issuer
        self.client_id = client_id
        self._scopes = tuple(scopes)
        self._resources = tuple(resources)
        self._tls = tls
        self._network = network
        self._clock = clock
        self._entropy = entropy
        kept_in = KeychainStore(issuer=issuer, client_id=client_id) if store is None else store
        self._shared = SharedSession(kept_in, issuer=issuer, client_id=client_id, clock=clock)
        self._known: SignedIn | None = None

    async def login(
        self,
        *,
        show: Callable[[str], object] = webbrowser.open,
        timeout: float = LOGIN_TIMEOUT,  # noqa: ASYNC109 -- how long a person may take, not how long a call may
        prompt: str | None = None,
    ) -> SignedIn:
        """Sign a person in through their browser, and keep the session.

        Args:
            show: opens a URL in the browser, or tells it to the person.
            timeout: seconds that the person may take.
            prompt: `login` or `select_account` asks for another account (OIDC Core §3.1.2.1).

        Raises:
            LoginError: nobody came back in time.
            IssuerError, ProtocolError, UnavailableError: as the issuer has it.
            StoreError: the session cannot be kept; it is ended at the issuer.
        """
        async with self._provider() as provider:
            session = await log_in(
                provider,
                client_id=self.client_id,
                scopes=self._scopes,
                resources=self._resources,
                show=show,
                timeout=timeout,
                prompt=prompt,
            )
            await self._shared.keep(session, provider)
        self._known = session
        return session

    async def session(self, *, refused: Secret | None = None) -> SignedIn:
        """The session, with an access token that may be used: refreshed if it is near its end.

        Args:
            refused: an access token that an API did not take; another one is wanted, unless it is brand-new.

        Raises:
            NotSignedInError: nobody is signed in, or not any more.
            UnavailableError: the access token has expired and the issuer cannot be reached; the session is kept.
            IssuerError, ProtocolError, StoreError: as they say.
        """
        known = self._known
        if known is None or self._shared.wants_refresh(known, refused=refused):
            self._known = None
            known = await self._shared.look()
            if self._shared.wants_refresh(known, refused=refused):
                flight: SingleFlight[None, SignedIn] = SingleFlight()  # goes on if who waits is cancelled
                known = await flight.run(None, lambda: self._refreshed(refused))
            self._known = known
        return known

    async def _refreshed(self, refused: Secret | None) -> SignedIn:
        async with self._provider() as provider:
            return await self._shared.fresh(provider, refused=refused)

    async def logout(self) -> bool:
        """Forget the session here, and end it at the issuer; False where the issuer could not be told.

        Raises:
            NotSignedInError: there is none.
            StoreError: the store does not do its part.
        """
        self._known = None
        async with self._provider() as provider:
            return await self._shared.end(provider)

    def auth(self, origin: str) -> BearerAuth:
        """The `auth=` of an HTTP client for the API at this origin. Raises ProtocolError."""
        return BearerAuth(self.session, origin=origin)

    @asynccontextmanager
    async def _provider(self) -> AsyncIterator[Provider]:
        """The issuer, over connections of the running event loop; they are needed once in the life of a token."""
        transport = IssuerTransport(network=self._network, tls=self._tls)
        try:
            yield Provider(
                issuer=self.issuer,
                credentials=PublicClient(self.client_id),
                transport=transport,
                clock=self._clock,
                entropy=self._entropy,
            )
        finally:
            await transport.aclose()
