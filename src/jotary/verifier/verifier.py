"""The verifier: the sync and async drivers around pure decisions, and the one place with a clock."""

import asyncio
import concurrent.futures
import ssl
import time
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Literal, Self

from jotary.jose import KeySet
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.oauth.metadata import check_issuer_url
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier import providers
from jotary.verifier.check import MAX_TOKEN_SIZE, NeedKeys, check, expect, takes_issuer
from jotary.verifier.errors import InvalidToken, KeysUnavailable
from jotary.verifier.fetch import Source, fetch_keys
from jotary.verifier.follower import Follower, bound_of_silence, follow
from jotary.verifier.key_documents import restricted
from jotary.verifier.key_source import KeySource, Snapshot
from jotary.verifier.keys import KeyPolicy, Step
from jotary.verifier.principal import Principal
from jotary.verifier.results import Results
from jotary.verifier.revocations import REVOKED, Revocations

_MARGIN = 1.0  # seconds that a waiter waits beyond the timeout of the fetch itself


class TokenVerifier:
    """Verifies access tokens of one issuer for one API, with the issuer's public keys alone.

    One per process, made at import: it holds the keys and what it verified before, it is safe to use from any thread
    and any event loop, and it survives a fork. The keys are fetched at the first token.

    Args:
        issuer: the issuer's URL, exactly as its tokens say it in `iss`.
        audience: this API's identifier, as clients ask for it with `resource` (RFC 8707), or several.
        algorithms: the signature algorithms that are taken; asymmetric ones only. Those that are opt-in, such as
            `ML-DSA-65` and `Ed25519`, are taken only where they are named here.
        leeway: seconds that the clocks of issuer and API may differ.
        cache_size: how many verified tokens are remembered; 0 for none. One takes about 1.6 kB.
        max_token_size: characters; a longer token is refused before it is decoded.
        revocations: cut-offs of your own, asked for every token also when it is remembered.
        follow_revocations: whether to follow the issuer's feed of cut-offs, if it publishes one, so that what is
            revoked there is refused here within a second (design §6.3).
        on_stale: what happens to tokens when the feed could not be read for longer than `stale_after`: `accept` them,
            since they live for minutes only, or `refuse` them with KeysUnavailable.
        stale_after: seconds.
        jwks_uri: where the keys are, for an issuer without discovery.
        timeout: seconds that fetching the keys may take in all.
        ssl_context: which certificates are trusted; None for the system's.
        keys: the issuer's keys, if they are known already: then no network is used at all.
        key_policy: when the keys are fetched again.
        profile: what the tokens look like; None for RFC 9068. `for_provider` knows that of many providers.
        clock: Unix seconds; for tests.

    Raises:
        ValueError: the issuer is no https URL, or audience or algorithms are empty or cannot be.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Collection[str],
        algorithms: Collection[str] = DEFAULT_ALGORITHMS,
        leeway: int = 5,
        cache_size: int = 4096,
        max_token_size: int = MAX_TOKEN_SIZE,
        revocations: Revocations | None = None,
        follow_revocations: bool = True,
        on_stale: Literal["accept", "refuse"] = "accept",
        stale_after: int = 60,
        jwks_uri: str | None = None,
        timeout: float = 5,
        ssl_context: ssl.SSLContext | None = None,
        keys: KeySet | None = None,
        key_policy: KeyPolicy | None = None,
        profile: TokenProfile | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if keys is not None and profile is not None:
            keys = restricted(keys, profile)
        if keys is not None and not len(keys) and not (profile is not None and profile.is_unsigned):
            raise ValueError("keys must hold at least one key")
        self._follower: Follower | None = None
        if keys is not None:
            self._keys = KeySource.fixed(keys, clock, cache_size)
        else:
            # With a profile the issuer may be any text: then it is where the keys are that must be safe to ask.
            url = check_issuer_url(issuer if profile is None or jwks_uri is None else jwks_uri)
            where = Source(issuer=url, jwks_uri=jwks_uri, timeout=timeout, ssl_context=ssl_context, profile=profile)
            fetch = partial(fetch_keys, where, time.monotonic)
            self._keys = KeySource(fetch, key_policy or KeyPolicy(), clock, cache_size)
            if follow_revocations and profile is None:
                self._follower = follow(
                    self._keys, where, algorithms=algorithms, leeway=leeway, clock=clock, monotonic=time.monotonic
                )
        self._expected = expect(issuer, audience, algorithms, leeway, max_token_size, profile=profile)
        self._revocations = revocations
        self._bound = bound_of_silence(on_stale, stale_after, is_followed=self._follower is not None)
        self._may_cut_off = any(each is not None for each in (revocations, self._follower, self._bound))
        self._clock = clock
        self._patience = timeout + _MARGIN

    @classmethod
    def offline(
        cls,
        *,
        issuer: str,
        audience: str | Collection[str],
        keys: KeySet,
        algorithms: Collection[str] = DEFAULT_ALGORITHMS,
        leeway: int = 5,
        cache_size: int = 4096,
        max_token_size: int = MAX_TOKEN_SIZE,
        revocations: Revocations | None = None,
        clock: Callable[[], float] = time.time,
    ) -> "TokenVerifier":
        """Make a verifier that holds the keys already and never uses the network. The arguments are the same.

        Raises:
            ValueError: issuer, audience or algorithms are empty or cannot be.
        """
        return cls(
            issuer=issuer,
            audience=audience,
            keys=keys,
            algorithms=algorithms,
            leeway=leeway,
            cache_size=cache_size,
            max_token_size=max_token_size,
            revocations=revocations,
            clock=clock,
        )

    @classmethod
    def for_provider(cls, provider: str, /, **settings: Any) -> Self:
        """Make a verifier of the tokens of a provider that is known by name, such as "auth0".

        Args:
            provider: one of those on the page "Accept tokens from each provider".
            settings: those of the provider, which stand there, and any of this class but `issuer` and `profile`.

        Raises:
            ValueError: the provider is not known, or a setting cannot be; with what to change.
            TypeError: a setting is missing, or is none of the provider's.
        """
        return cls(**providers.options(provider, settings))

    @property
    def issuer(self) -> str:
        """The issuer whose tokens are taken."""
        return self._expected.issuer

    @property
    def issuers(self) -> tuple[str, ...]:
        """The same, for who takes several verifiers and one alike."""
        return (self._expected.issuer,)

    def takes_issuer(self, issuer: str) -> bool:
        """Whether a token that says it is from this issuer is one to verify here."""
        return takes_issuer(self._expected, issuer)

    @property
    def audiences(self) -> frozenset[str]:
        """The names of this API, of which a token must name one."""
        return self._expected.audiences

    @property
    def max_token_size(self) -> int:
        """Characters of the longest token that is decoded."""
        return self._expected.max_size

    def verify(self, token: str) -> Principal:
        """Return who the token speaks for. Blocks only while keys must be fetched.

        Raises:
            InvalidToken: the token is refused; answer 401.
            KeysUnavailable: it cannot be said, since there are no keys; answer 503.
        """
        principal = self._decide_now(token)
        if principal is not None:
            return principal
        flow = self._flow(token)
        try:
            while True:
                concurrent.futures.wait([next(flow)], timeout=self._patience)
        except StopIteration as finished:
            return _returned(finished)

    async def averify(self, token: str) -> Principal:
        """Do what `verify` does without blocking the event loop. Without an await unless keys must be fetched.

        Raises:
            InvalidToken: the token is refused; answer 401.
            KeysUnavailable: it cannot be said, since there are no keys; answer 503.
        """
        principal = self._decide_now(token)
        if principal is not None:
            return principal
        flow = self._flow(token)
        try:
            while True:
                fetch = asyncio.wrap_future(next(flow))
                with suppress(TimeoutError):
                    await asyncio.wait_for(fetch, self._patience)
        except StopIteration as finished:
            return _returned(finished)

    def close(self) -> None:
        """Never use the network again. The keys that are there go on verifying; nothing needs to be awaited."""
        self._keys.close()
        if self._follower is not None:
            self._follower.close()

    async def aclose(self) -> None:
        """The same, for an async shutdown."""
        self.close()

    def __repr__(self) -> str:
        """For whom it stands; no key and no token."""
        return f"<TokenVerifier issuer={self.issuer!r} audiences={sorted(self.audiences)}>"

    def _decide_now(self, token: str) -> Principal | None:
        """Verify, as long as nothing is to be done about the keys; None if there is."""
        now = self._clock()
        snapshot = self._keys.snapshot
        if not snapshot.use_from <= now < snapshot.use_until:
            return None
        if self._follower is not None and self._follower.is_awaited(snapshot):
            return None
        outcome = self._check(token, snapshot.keys, snapshot.results, now)
        return outcome if type(outcome) is Principal else None

    def _flow(self, token: str) -> Generator[Future[None], None, Principal]:
        """Verify; yields each fetch that must be waited for: usually none, at most three."""
        source = self._keys
        begun, view = source.begun(), source.view(self._clock())
        if view.step is Step.REFRESH:
            source.start(view.snapshot)
        elif view.step is Step.FETCH and len(view.keys):
            yield source.start(view.snapshot)
            view = source.view(self._clock())
        yield from self._await_feed(view.snapshot)
        # Without keys this refuses what could be no token of ours under any key, so that garbage causes no fetch.
        outcome = self._check(token, view.keys, view.results, view.now)
        # A fetch that was under way when the token came may have missed its key; one that began later is the answer.
        while isinstance(outcome, NeedKeys) and view.snapshot.fetches <= begun:
            fetch = source.start_for_unknown_key(view)
            if fetch is None:
                break
            yield fetch
            yield from self._await_feed(source.snapshot)
            view = source.view(self._clock())
            outcome = self._check(token, view.keys, view.results, view.now)
            if not fetch.done():
                break
        if isinstance(outcome, Principal):
            return outcome
        if not len(view.keys):
            raise KeysUnavailable(source.retry_after(view), view.snapshot.state.failure)
        raise InvalidToken("invalid_token", "kid", outcome.hint)

    def _check(self, token: str, keys: KeySet, results: Results, now: float) -> Principal | NeedKeys:
        """Recall the token, or verify it and remember it beside the very keys that it verified with."""
        verified = results.get(token)
        if verified is None or not verified.valid_from <= now < verified.valid_until:
            outcome = check(token, keys, self._expected, int(now))
            if type(outcome) is NeedKeys:  # not `isinstance`, as in `jose.compact`
                return outcome
            results.put(token, outcome)
            verified = outcome
        if self._may_cut_off:
            self._refuse_if_cut_off(verified.principal, now)
        return verified.principal

    def _refuse_if_cut_off(self, principal: Principal, now: float) -> None:
        revocations, follower = self._revocations, self._follower
        if (revocations is not None and revocations.refuses(principal)) or (
            follower is not None and follower.revocations.refuses(principal)
        ):
            raise InvalidToken("invalid_token", "revoked", REVOKED)
        if self._bound is not None and (follower is None or follower.is_stale(now, self._bound)):
            raise KeysUnavailable(1, f"the revocation feed was not confirmed in the last {self._bound} s")

    def _await_feed(self, snapshot: Snapshot) -> Generator[Future[None], None, None]:
        """The first tokens wait for the feed's first answer: an API that starts must not let in what was revoked."""
        if self._follower is not None and self._follower.is_awaited(snapshot):
            yield self._follower.start()


def _returned(flow: StopIteration) -> Principal:
    principal: Principal = flow.value
    return principal
