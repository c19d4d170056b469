"""The feed of cut-offs: what every API follows so that it refuses a revoked token within a second (design §6.3).

Entries come from any process on the database; each process looks for new ones while somebody waits for them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

import msgspec

from jotary.oauth.errors import invalid_request
from jotary.server.model.revocation import Revocation
from jotary.server.ports import Clock, Revocations, Signer, Unavailable
from jotary.tokens.revocation_feed import MAX_ENTRIES, MAX_WAIT, TYP, CutOff, feed_claims

#: Seconds between two looks at the database while somebody waits: most of the second that a cut-off may take is for
#: the network.
LOOK_INTERVAL: Final = 0.1
#: Followers that wait at once in a process, long-polls and streams together: a quarter of the connections that `jotary
#: serve` takes, so that nobody can shut out everybody else by waiting.
MAX_WAITING: Final = 250

_MAX_POSITION: Final = 2**53


class SignedAnswer(msgspec.Struct, frozen=True):
    """A signed answer, and the position that it leads to."""

    token: str
    position: int


class FeedFigures(NamedTuple):
    """How the feed stands in this process."""

    entries: int  # cut-offs that have not expired, as last read
    followers: int  # who wait for news now
    position: int


class RevocationFeed:
    """Answers who asks for the cut-offs behind a position, and holds the answer back until there are some.

    Args:
        store: where cut-offs are kept.
        signer: signs the answers.
        clock: Unix seconds.
        issuer: of the tokens that are cut off.
        renew_keys: makes the signer read its keys anew. Done before a cut-off of a key is passed on: a key that
            somebody else may have must not sign the news of it.
    """

    def __init__(
        self,
        store: Revocations,
        signer: Signer,
        clock: Clock,
        *,
        issuer: str,
        renew_keys: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._issuer = issuer
        self._renew_keys = renew_keys
        self._entries: dict[int, Revocation] = {}  # by position, in its order; those that have not expired
        self._position = 0
        self._waiting = 0
        self._look: asyncio.Task[None] | None = None

    async def answer(self, *, after: int, wait: float = 0) -> SignedAnswer:
        """The signed answer to whoever knows everything up to position `after`.

        Args:
            after: 0 for everything.
            wait: seconds to hold the answer back while there is nothing new; at most `MAX_WAIT`.

        Raises:
            Unavailable: the database or the signer cannot answer.
        """
        await self._refresh()
        if wait > 0 and self._waiting < MAX_WAITING:
            with self._place():
                await self._wait_for_news(after, min(wait, MAX_WAIT))
        return await self._sign(after)

    async def stream(self, *, after: int) -> AsyncIterator[SignedAnswer]:
        """Answer after answer, whether there is news or not, to whoever knows everything up to position `after`.

        Raises:
            Unavailable: too many follow already, or the database or the signer cannot answer.
        """
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many follow the feed", retry_after=MAX_WAIT)
        with self._place():
            while True:
                await self._refresh()
                answer = await self._sign(after)
                yield answer
                after = answer.position
                await self._wait_for_news(after, MAX_WAIT)

    def figures(self) -> FeedFigures:
        """How it stands. Any thread may ask."""
        return FeedFigures(len(self._entries), self._waiting, self._position)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places of those who wait."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _has_news(self, after: int) -> bool:
        """A position ahead of ours was given by a database that has been replaced: then all is news."""
        return after != self._position

    async def _wait_for_news(self, after: int, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._has_news(after):
                    await asyncio.shield(self._next_look())

    def _next_look(self) -> asyncio.Task[None]:
        """The one look that all who wait share."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_later())
        return self._look

    async def _look_later(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        await self._refresh()

    async def _refresh(self) -> None:
        """Read what has come since, and forget what has expired."""
        now = self._clock()
        while found := await self._store.revocations(after=self._position, now=now):
            if any(entry.kind == "kid" for entry in found):
                await self._renew_keys()
            for entry in found:
                self._entries[entry.position] = entry
            self._position = max(self._position, found[-1].position)
        if any(entry.expires_at <= now for entry in self._entries.values()):
            self._entries = {at: entry for at, entry in self._entries.items() if entry.expires_at > now}

    async def _sign(self, after: int) -> SignedAnswer:
        start = after if after <= self._position else 0
        found = [entry for at, entry in self._entries.items() if at > start][:MAX_ENTRIES]
        position = found[-1].position if len(found) == MAX_ENTRIES else self._position
        claims = feed_claims(
            issuer=self._issuer,
            now=self._clock(),
            after=start,
            position=position,
            entries=[_cut_off(entry) for entry in found],
        )
        return SignedAnswer(await self._signer.sign(claims, typ=TYP), position)


def read_position(text: str | None) -> int:
    """The `after` parameter: the position that an earlier answer gave, or nothing for the beginning.

    Raises:
        OAuthError: invalid_request.
    """
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_MAX_POSITION)):
        raise invalid_request("The position is malformed.", hint="Send after with the position of the last answer.")
    return int(text)


def read_wait(text: str | None) -> int:
    """The `wait` parameter: whole seconds.

    Raises:
        OAuthError: invalid_request.
    """
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_WAIT)) or int(text) > MAX_WAIT:
        raise invalid_request("The waiting time is malformed.", hint=f"Send wait with 0 to {MAX_WAIT} seconds.")
    return int(text)


def _cut_off(entry: Revocation) -> CutOff:
    return CutOff(kind=entry.kind, value=entry.value, issued_before=entry.issued_before, expires_at=entry.expires_at)
