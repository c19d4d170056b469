"""Signing in at a browser: from a name and its proof to a fresh cookie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.factor import Factor, Proof
from jotary.server.flows.limits.known_browser import NAME_SIZE, name_browser
from jotary.server.flows.limits.limit import Counter, TooMany, return_all
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.signed_in import COOKIE_ENTROPY, new_cookie, sign_in_id
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, AddSignIn, Change, EndSessionsOfSignIn, EndSignIn
from jotary.server.model.event import Event
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Commit, Entropy, SignIns, Unavailable, Users
from jotary.server.settings import Settings


class LoggedIn(msgspec.Struct, frozen=True):
    """The person is signed in; the secrets are the values to set."""

    user: User
    cookie: Secret  # opens the sign-in
    browser: Secret  # tells this browser from a stranger's (`limits/known_browser.py`)


class Refused(msgspec.Struct, frozen=True):
    """Name and proof do not fit. Nothing says which of them was wrong, or whether the account is disabled."""


def begin_sign_in(
    user: User, *, cookie: Secret, methods: tuple[str, ...], replaces: SignIn | None, now: int, settings: Settings
) -> tuple[Change, ...]:
    """What a new sign-in writes.

    A sign-in always gets a new cookie (a value that somebody planted before is worth nothing after, CWE-384), and the
    browser's old sign-in ends with what hangs on it: at sign-out nothing must live on unseen (docs/decisions/0005).
    """
    begun = SignIn(
        id=sign_in_id(cookie),
        user_id=user.id,
        authenticated_at=now,
        methods=methods,
        last_seen_at=now,
        expires_at=now + settings.sign_in_lifetime,
    )
    return *(_replace(replaces, now=now, settings=settings) if replaces else ()), AddSignIn(begun)


def _replace(sign_in: SignIn, *, now: int, settings: Settings) -> tuple[Change, ...]:
    reason = "signed_in_again"
    ended = end_sign_in(sign_in, reason, now=now, settings=settings)
    if sign_in.ended_at is not None:
        return ended
    event = Event(kind="sign_in.ended", at=now, user_id=sign_in.user_id, detail={"reason": reason})
    return *ended, AddEvent(event)


def end_sign_in(sign_in: SignIn, reason: str, *, now: int, settings: Settings) -> tuple[Change, ...]:
    """What ending a sign-in writes: its sessions end with it, but for those with `offline_access`."""
    cut_off = EndSessionsOfSignIn(sign_in.id, now, reason, last_token_expires_at(now, settings))
    return EndSignIn(sign_in.id, now), cut_off


class LoginStore(Users, SignIns, Commit, Protocol):
    """What signing in reads and writes."""


@dataclass(frozen=True, slots=True)
class Login:
    """The flow: gather → decide → commit."""

    store: LoginStore
    factor: Factor
    limiter: Limiter
    entropy: Entropy
    settings: Settings

    async def __call__(
        self,
        username: str,
        answers: Mapping[str, Secret],
        *,
        cookie: Secret | None,
        browser: Secret | None = None,
        address: str | None,
        now: int,
    ) -> LoggedIn | Refused | TooMany:
        """Sign a person in by e-mail address and proof.

        Args:
            username: the e-mail address as typed.
            answers: what the factor asked for.
            cookie: the browser's sign-in cookie until now.
            browser: what the browser kept after a sign-in before.
            address: the browser's IP address, for the limits and the audit trail.
            now: Unix seconds.

        Raises:
            Unavailable: the store or the factor cannot answer.
        """
        # Counted before anything is looked at, or as many as come at once would all be let through.
        counters = self.limiter.sign_in(username.strip(), address, browser)
        limited = Event(kind="sign_in.limited", at=now, address=address)
        too_many = await self.limiter.take(counters, refused=limited, now=now)
        if too_many is not None:
            return too_many

        async def attempt() -> LoggedIn | Refused:
            user = await self.store.user_by_email(username.strip())
            proof = await self._prove(user, answers, counters, now=now)
            if user is None or not proof.holds or not user.is_active:
                await self._tell_refusal(user, address=address, now=now)
                return Refused()
            return await self._accept(user, proof, counters, cookie=cookie, address=address, now=now)

        return await until_committed(attempt)  # once more, if the password was changed in the meantime

    async def _prove(
        self, user: User | None, answers: Mapping[str, Secret], counters: Sequence[Counter], *, now: int
    ) -> Proof:
        asked = {name: answers[name] for name in self.factor.parameters}
        try:
            return await self.factor.prove(user, asked, now=now)
        except Unavailable:
            await self.limiter.give_back(counters)  # nothing was tried
            raise

    async def _accept(
        self,
        user: User,
        proof: Proof,
        counters: Sequence[Counter],
        *,
        cookie: Secret | None,
        address: str | None,
        now: int,
    ) -> LoggedIn:
        replaces = await self.store.sign_in(sign_in_id(cookie)) if cookie else None
        fresh = new_cookie(self.entropy(COOKIE_ENTROPY))
        methods = (self.factor.method,)
        begun = begin_sign_in(user, cookie=fresh, methods=methods, replaces=replaces, now=now, settings=self.settings)
        event = Event(kind="sign_in.accepted", at=now, user_id=user.id, address=address, detail={"methods": methods})
        # It takes back what it counted, and no failure of anybody else: signing in must not buy further guesses.
        await self.store.commit(*proof.changes, *begun, *return_all(counters), AddEvent(event))
        return LoggedIn(user, fresh, name_browser(user.email, self.entropy(NAME_SIZE), key=self.limiter.key))

    async def _tell_refusal(self, user: User | None, *, address: str | None, now: int) -> None:
        """What was typed as a name is not kept: people type their passwords there."""
        event = Event(kind="sign_in.refused", at=now, user_id=user.id if user else None, address=address)
        await self.store.commit(AddEvent(event))
