"""A session that several processes share: read, refreshed once for all of them, and ended (design §6.6).

Whoever refreshes holds the store's lock, and reads the store again once it has it: of two that came at the same time,
the second finds the work done. What the issuer gave is in the store before anybody uses it. A process that dies between
the issuer's answer and the store leaves the old token behind, which the next one trades again within the issuer's
retry window (design §6.1).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from jotary.client.errors import ClientError, UnavailableError
from jotary.client.native.aside import aside
from jotary.client.native.errors import NotSignedInError, StoreError
from jotary.client.native.signed_in import SignedIn, from_text, to_text
from jotary.client.native.token_store import TokenStore
from jotary.client.provider import Provider
from jotary.client.refresh import TRUSTED_FOR, Refreshed, SignedOut, Unavailable, has_just_failed
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

#: Seconds between two looks at a lock that another process holds, and how long it is waited for: longer than all
#: attempts of one refresh take together.
LOCK_INTERVAL: Final = 0.05
LOCK_TIMEOUT: Final = 45.0
Sleep = Callable[[float], Awaitable[None]]


class SharedSession:
    """The session of one client at one issuer, in a store.

    Args:
        store: where it is kept.
        issuer: whose it is.
        client_id: this application.
        clock: Unix seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        issuer: str,
        client_id: str,
        clock: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._client_id = client_id
        self._clock = clock
        self._sleep = sleep
        self._failed_at = 0

    async def load(self) -> SignedIn:
        """What the store has.

        Raises:
            NotSignedInError: nothing.
            StoreError: it cannot be read, or has something else.
        """
        text = await aside(self._store.load)  # a keychain may ask the person to unlock it
        if text is None:
            raise NotSignedInError(f"nobody is signed in at {self._issuer}", hint="Sign in first.")
        return from_text(text, issuer=self._issuer, client_id=self._client_id)

    async def look(self) -> SignedIn:
        """What the store has, without waiting for anybody; only where there is nothing, once more under the lock.

        Some keychains replace an entry by removing it first, macOS's among them.

        Raises:
            NotSignedInError, StoreError: as `load`.
        """
        try:
            return await self.load()
        except NotSignedInError:
            async with self._locked():
                return await self.load()

    async def keep(self, session: SignedIn, provider: Provider) -> None:
        """Put a new session into the store, in the place of another one.

        Raises:
            StoreError: it cannot be kept; nothing is left of it at the issuer.
        """
        try:
            async with self._locked():
                await self._save(session)
        except BaseException:  # an interrupt among them: who was not told of a session never ends it
            if session.tokens.refresh_token is not None:
                with suppress(ClientError):
                    await provider.revoke(session.tokens.refresh_token)
            raise

    async def fresh(self, provider: Provider, *, refused: Secret | None) -> SignedIn:
        """A session whose access token may be used.

        Args:
            provider: the issuer.
            refused: an access token that an API did not take; another one is wanted, unless it is brand-new.

        Raises:
            NotSignedInError: nobody is signed in, or not any more.
            UnavailableError: the access token has expired and the issuer cannot be reached; the session is kept.
            StoreError: the store does not do its part.
        """
        async with self._locked():
            session = await self.load()
            if not self.wants_refresh(session, refused=refused):
                return session
            return await self._refresh(session, provider)

    def wants_refresh(self, session: SignedIn, *, refused: Secret | None) -> bool:
        """Whether another access token is wanted than the one of this session."""
        now = self._clock()
        if session.tokens.is_alive(now) and has_just_failed(self._failed_at, now):
            return False
        if session.is_due(now):
            return True
        if refused is None or not session.tokens.access_token.matches(refused):
            return False
        return now >= session.tokens.obtained_at + TRUSTED_FOR and session.tokens.refresh_token is not None

    async def _refresh(self, session: SignedIn, provider: Provider) -> SignedIn:
        alive = session.tokens.is_alive(self._clock())
        if session.tokens.refresh_token is None and alive:
            return session
        await self._save(session)  # what cannot be written is found out before the issuer counts the refresh
        try:
            outcome = await provider.refresh(session.tokens, subject=session.subject)
        except asyncio.CancelledError:  # the event loop ends, and nobody knows whether the issuer has counted it
            with suppress(ClientError):
                await self._take(await provider.refresh(session.tokens, subject=session.subject), session, alive=alive)
            raise
        return await self._take(outcome, session, alive=alive)

    async def _take(
        self, outcome: Refreshed[TokenSet] | SignedOut | Unavailable, session: SignedIn, *, alive: bool
    ) -> SignedIn:
        match outcome:
            case Refreshed(tokens):
                renewed = SignedIn(
                    issuer=self._issuer, client_id=self._client_id, subject=session.subject, tokens=tokens
                )
                await self._save(renewed)
                return renewed
            case SignedOut():
                await _to_the_end(self._store.delete)
                raise NotSignedInError(f"the session at {self._issuer} is over", hint="Sign in again.")
            case Unavailable(retry_after):
                if alive:
                    self._failed_at = self._clock()
                    return session
                raise UnavailableError(f"{self._issuer} could not be asked", retry_after=retry_after)

    async def end(self, provider: Provider) -> bool:
        """Forget the session here and end it at the issuer; False where the issuer could not be told.

        It is forgotten here in any case, also when what the store has cannot be read.

        Raises:
            NotSignedInError: there is none.
            StoreError: it cannot be taken out of the store.
        """
        async with self._locked():
            try:
                refresh_token = (await self.load()).tokens.refresh_token
            except StoreError:
                await _to_the_end(self._store.delete)
                return False
            try:
                if refresh_token is not None:
                    await provider.revoke(refresh_token)
            except ClientError:
                return False
            finally:
                await _to_the_end(self._store.delete)
        return True

    async def _save(self, session: SignedIn) -> None:
        text = to_text(session, max_length=self._store.max_length)
        await _to_the_end(lambda: self._store.save(text))

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Hold the store's lock. It is asked for again and again, so that who is cancelled never gets it unseen."""
        for _ in range(round(LOCK_TIMEOUT / LOCK_INTERVAL)):
            lock = self._store.try_lock()
            if lock is not None:
                break
            await self._sleep(LOCK_INTERVAL)
        else:
            raise StoreError(
                "another process holds the lock of the session", hint="Look for a program that hangs, and end it."
            )
        try:
            yield
        finally:
            lock.release()


async def _to_the_end(change: Callable[[], None]) -> None:
    """Change the store in a thread, and wait for it even if who waits is cancelled: the lock must not go before."""
    changing = asyncio.get_running_loop().run_in_executor(None, change)  # no task, so the end of the loop spares it
    try:
        await asyncio.shield(changing)
    except asyncio.CancelledError:
        await asyncio.wait([changing])
        raise
