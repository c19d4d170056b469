"""What is counted for whom, and the counting itself: gather → decide → commit."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from jotary.jose import base64url
from jotary.oauth.secret import Secret
from jotary.server.flows.limits.known_browser import known_name
from jotary.server.flows.limits.limit import Counter, Limit, TooMany, return_all, take_all
from jotary.server.flows.limits.network import network_of
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change
from jotary.server.model.email_key import email_key
from jotary.server.model.event import Event
from jotary.server.ports import Allowances, Commit, Conflict
from jotary.server.settings import Settings

#: Seconds until one more password may be tried for an account.
GUESS_INTERVAL: Final = 60
#: One network comes by its attempts no faster than an account does by all of its own, and has a tenth of them at once:
#: whatever one network does, it cannot use up what others may still try.
ACCOUNT_FACTOR: Final = 10
NETWORK_INTERVAL: Final = 10
SIGN_UP_INTERVAL: Final = 120
#: Failures of one client in one network: generous, for its secret is beyond guessing, and the right one always passes.
CLIENT_FAILURES: Final = Limit(burst=60, interval=10)

#: The audit trail is told once a minute that somebody is held off, however often they come.
_TOLD: Final = Limit(burst=1, interval=60)

_DIGEST_SIZE: Final = 16  # bytes


class LimitStore(Allowances, Commit, Protocol):
    """What counting reads and writes."""


@dataclass(frozen=True, slots=True)
class Limiter:
    """Counts attempts in the database, so that all processes count together and a restart forgets nothing.

    Args:
        store: where it is counted.
        key: derived from the server's secret for limits alone; names and addresses are counted under their HMAC.
        settings: how much is allowed.
    """

    store: LimitStore
    key: bytes
    settings: Settings

    def sign_in(self, email: str, address: str | None, browser: Secret | None) -> tuple[Counter, ...]:
        """A password that is tried for an account, whether there is such an account or not.

        Strangers are counted by network; a browser that is known is counted by itself, in a circle of its own: neither
        uses up what the other may try.
        """
        account, source = email_key(email), known_name(email, browser, key=self.key)
        circle = "stranger" if source is None else "known"
        source, at_once = source or network_of(address), self.settings.sign_in_attempts
        of_account = (
            self._counter("source", Limit(at_once, GUESS_INTERVAL), circle, account, source),
            self._counter("account", Limit(at_once * ACCOUNT_FACTOR, GUESS_INTERVAL), circle, account),
        )
        return of_account if circle == "known" else (*of_account, self._of_network("sign-in", address))

    def sign_up(self, address: str | None) -> tuple[Counter, ...]:
        """An account that is asked for."""
        limit = Limit(self.settings.sign_up_attempts, SIGN_UP_INTERVAL)
        return (self._counter("sign-up", limit, network_of(address)),)

    def client_failure(self, client_id: str, address: str | None) -> tuple[Counter, ...]:
        """A client that is not who it says, whether there is such a client or not."""
        of_client = self._counter("client", CLIENT_FAILURES, client_id, network_of(address))
        return of_client, self._of_network("client", address)

    async def take(self, counters: Sequence[Counter], *changes: Change, refused: Event, now: int) -> TooMany | None:
        """Count one attempt against every counter, or against none.

        Whatever the attempt is about comes after: a hundred that come at once find the allowance one after the other.

        Args:
            counters: what is counted.
            changes: written together with it.
            refused: what the audit trail says if the attempt is held off.
            now: Unix seconds.

        Raises:
            Unavailable: the store cannot answer; nothing was counted.
        """

        async def attempt() -> TooMany | None:
            waits = {counter: await self._wait(counter, now) for counter in counters}
            longest = max(waits, key=lambda counter: waits[counter])
            if waits[longest]:
                await self._tell(longest, refused, now)
                return TooMany(waits[longest])
            await self.store.commit(*take_all(counters, now), *changes)
            return None

        return await until_committed(attempt)

    async def give_back(self, counters: Sequence[Counter]) -> None:
        """Take back what was counted: nothing came of the attempt."""
        await self.store.commit(*return_all(counters))

    async def _wait(self, counter: Counter, now: int) -> int:
        allowance = await self.store.allowance(counter.id)
        return counter.limit.wait(None if allowance is None else allowance.restored_at, now)

    async def _tell(self, counter: Counter, event: Event, now: int) -> None:
        told = Counter(f"{counter.id}/told", _TOLD)
        if await self._wait(told, now):
            return
        try:
            await self.store.commit(told.take(now), AddEvent(event))
        except Conflict:
            return  # somebody else told it just now

    def _of_network(self, purpose: str, address: str | None) -> Counter:
        limit = Limit(self.settings.network_attempts, NETWORK_INTERVAL)
        return self._counter(f"network-{purpose}", limit, network_of(address))

    def _counter(self, kind: str, limit: Limit, *parts: str) -> Counter:
        """Under the kind and a digest of the parts, each with its length in front so that none runs into the next."""
        message = kind + "".join(f"|{len(part)}:{part}" for part in parts)
        digest = hmac.digest(self.key, message.encode(errors="surrogatepass"), hashlib.sha256)
        return Counter(f"{kind}:{base64url.encode(digest[:_DIGEST_SIZE])}", limit)
