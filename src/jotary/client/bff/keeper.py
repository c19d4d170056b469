"""From a request's cookies to a session that can be used now: healed, refreshed, or over."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from jotary.client.bff.memory import EndedSessions, RecentSessions
from jotary.client.bff.session import Session, SessionCookies, SessionTooLargeError, fit
from jotary.client.errors import ClientError
from jotary.client.provider import Provider
from jotary.client.refresh import (
    TRUSTED_FOR,
    Refreshed,
    SignedOut,
    SingleFlight,
    Unavailable,
    has_just_failed,
    is_refresh_due,
)

#: Seconds for which whoever signs out waits for the issuer, at most.
PATIENCE: Final = 5.0

_log = logging.getLogger("jotary.client.bff")


class Live(msgspec.Struct, frozen=True, eq=False):
    """A session with an access token that has not expired."""

    session: Session


class Over(msgspec.Struct, frozen=True):
    """Nobody is signed in; what cookies there are go."""


class Suspended(msgspec.Struct, frozen=True):
    """Somebody is signed in, the access token has expired and the issuer cannot be reached: the session is kept."""

    retry_after: int


class SessionKeeper:
    """Keeps sessions alive, and ends them.

    Args:
        provider: the issuer.
        cookies: reads and writes sessions.
        clock: Unix seconds.
    """

    def __init__(self, provider: Provider, cookies: SessionCookies, clock: Callable[[], int]) -> None:
        self._provider = provider
        self._cookies = cookies
        self._clock = clock
        self._recent = RecentSessions()
        self._ended = EndedSessions()
        self._superseded = EndedSessions()
        self._flights: SingleFlight[bytes, Live | Over | Suspended] = SingleFlight()
        self._revocations: SingleFlight[str, None] = SingleFlight()
        self._failed_at = 0

    def presented(self, present: dict[str, str]) -> Session | None:
        """The session in the browser's cookies, as it stands there, unless it was ended here."""
        session = self._cookies.read(present, now=self._clock())
        return None if session is None or session.id in self._ended else session

    async def use(self, present: dict[str, str]) -> Live | Over | Suspended:
        """The session to act with, refreshed if its access token is near its end."""
        session = self.presented(present)
        if session is None:
            return Over()
        now = self._clock()
        session = self._recent.newest(session, now=now)
        tokens = session.tokens
        if not is_refresh_due(obtained_at=tokens.obtained_at, expires_at=tokens.expires_at, now=now):
            return Live(session)
        if tokens.is_alive(now) and (tokens.refresh_token is None or has_just_failed(self._failed_at, now)):
            return Live(session)
        return await self._refresh_once(session)

    async def replace(self, session: Session) -> Live | Over | Suspended:
        """Another session than this one, whose access token the API has refused; the same when it is too new."""
        if self._clock() < session.tokens.obtained_at + TRUSTED_FOR or session.tokens.refresh_token is None:
            return Live(session)
        return await self._refresh_once(session)

    async def _refresh_once(self, session: Session) -> Live | Over | Suspended:
        refresh_token = session.tokens.refresh_token
        if refresh_token is None:
            return Over()
        return await self._flights.run(refresh_token.sha256(), lambda: self._refresh(session))

    async def _refresh(self, session: Session) -> Live | Over | Suspended:
        outcome = await self._provider.refresh(session.tokens, subject=session.subject)
        now = self._clock()
        match outcome:
            case Refreshed(tokens):
                renewed = msgspec.structs.replace(session, tokens=tokens, generation=session.generation + 1)
                return await self._keep(renewed, now)
            case SignedOut():
                self._refuse(session, now)
                return Over()
            case Unavailable(retry_after):
                self._failed_at = now
                return Live(session) if session.tokens.is_alive(now) else Suspended(retry_after)

    async def _keep(self, renewed: Session, now: int) -> Live | Over:
        if renewed.id in self._ended:  # somebody signed out while the refresh was under way
            await self._revoke(renewed)
            return Over()
        try:
            renewed = fit(renewed)
        except SessionTooLargeError as error:
            _log.error("a session is over because its new tokens do not fit into cookies: %s", error)
            await self.end(renewed)
            return Over()
        self._recent.remember(renewed, now=now)
        return Live(renewed)

    def set_cookies(self, outcome: Live | Over | Suspended, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers for an answer that is about to start, given what the browser sent.

        It is asked late, since between request and answer the session may have been refreshed again, or ended.
        """
        if isinstance(outcome, Suspended):
            return []
        now = self._clock()
        sent = self._cookies.read(present, now=now)
        if isinstance(outcome, Over):
            # What stands in its place by now would go with it.
            return [] if sent is not None and sent.id in self._superseded else self._cookies.clear(present)
        if outcome.session.id in self._ended:  # whoever ended it has seen to its cookie, too
            return []
        newest = self._recent.latest(outcome.session)
        if sent is None or sent.generation == newest.generation or self._recent.has_moved_on(newest):
            return []
        return self._cookies.write(newest, now=now, present=present)

    def clear(self, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers that remove the session from the browser."""
        return self._cookies.clear(present)

    async def begin(self, session: Session, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers that put a new session into the browser.

        Raises:
            SessionTooLargeError: its tokens do not fit into cookies; nothing is left of it at the issuer.
        """
        try:
            fitting = fit(session)
        except SessionTooLargeError:
            await self.end(session)
            raise
        return self._cookies.write(fitting, now=self._clock(), present=present)

    async def end_superseded(self, session: Session) -> None:
        """End a session in whose place the browser has another one already: no answer takes that one away."""
        self._superseded.add(session.id, until=session.expires_at, now=self._clock())
        await self.end(session)

    async def end(self, session: Session) -> None:
        """End a session here and at the issuer.

        The old cookie, of which there may be copies, is refused in this process from now on. Any other process
        fails at the next refresh, since the refresh token is revoked; and an API that follows the issuer's
        revocations refuses the access token within a second (design §6.3).
        """
        session = self._recent.latest(session)
        self._refuse(session, self._clock())
        # It goes on behind the answer, without which the cookie would stay in the browser.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._revocations.run(session.id, lambda: self._end_at_issuer(session))

    async def _end_at_issuer(self, session: Session) -> None:
        if not await self._revoke(session):
            self._ended.add(session.id, until=session.expires_at, now=self._clock())

    def _refuse(self, session: Session, now: int) -> None:
        """Take no cookie of this session any more."""
        self._recent.forget(session.id)
        # Until a token that is being issued at this moment has expired, too.
        lifetime = session.tokens.expires_at - session.tokens.obtained_at
        self._ended.add(session.id, until=now + lifetime, now=now)

    async def _revoke(self, session: Session) -> bool:
        """Whether nothing is left of the session at the issuer."""
        if session.tokens.refresh_token is None:
            return True
        try:
            await self._provider.revoke(session.tokens.refresh_token)
        except ClientError as error:
            _log.warning("the refresh token of a session that ended could not be revoked: %s", error)
            return False
        return True

    async def aclose(self) -> None:
        """Wait for refreshes that are under way, which the issuer has counted, and for revocations."""
        await self._flights.landed()
        await self._revocations.landed()
