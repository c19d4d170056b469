"""Changing one's own password: who knows the present one sets another, and everything else that is open ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.password_rules import refusals_for
from jotary.server.flows.accounts.scoring import scored
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.factor import Factor, Proof
from jotary.server.flows.limits.limit import Counter, TooMany, return_all
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.login import Refused, begin_sign_in
from jotary.server.flows.signed_in import COOKIE_ENTROPY, new_cookie, who_is_signed_in
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, EndSessionsOfUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import Commit, Entropy, PasswordHasher, SignIns, Unavailable, Users
from jotary.server.settings import Settings

_THE_SAME: Final = ("Choose another password than your present one.",)


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed."""

    password: Secret  # the present one
    new_password: Secret


class Changed(msgspec.Struct, frozen=True):
    """The password is changed."""

    cookie: Secret  # opens this browser's new sign-in


def problems_of(form: PasswordForm, user: User, settings: Settings) -> tuple[str, ...]:
    """What stands against the new password, in sentences; blocks while it is scored. The present one is not looked at.

    Nothing here tells whether the present password is right: the two are compared as they were typed.
    """
    if form.new_password.matches(form.password):
        return _THE_SAME
    return refusals_for(user, form.new_password, settings)


def decide(
    user: User, proof: Proof, phc: str, *, cookie: Secret, method: str, now: int, settings: Settings
) -> tuple[Change, ...]:
    """What a proven person's new password writes; `phc` is its hash, `cookie` opens this browser's new sign-in.

    Whoever else knew the old one has nothing left. So this browser's own sign-in, which may have been copied, is
    replaced like any other; single sign-on brings its applications back unasked.
    """
    return (
        *proof.changes,  # first: of two changes at once, one finds the password gone that it stands on
        PutPassword(Password(user_id=user.id, hash=phc, changed_at=now)),
        EndSessionsOfUser(user.id, now, "password_changed", last_token_expires_at(now, settings)),
        *begin_sign_in(user, cookie=cookie, methods=(method,), replaces=None, now=now, settings=settings),
    )


class PasswordStore(Users, SignIns, Commit, Protocol):
    """What changing a password reads and writes."""


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """The flow: gather → decide → commit."""

    store: PasswordStore
    factor: Factor
    hasher: PasswordHasher
    limiter: Limiter
    entropy: Entropy
    settings: Settings

    async def who(self, cookie: Secret | None, *, now: int) -> User | None:
        """The person whose password it is: who is signed in at this browser."""
        idle_lifetime = self.settings.sign_in_idle_lifetime
        signed_in = await who_is_signed_in(self.store, cookie, now=now, idle_lifetime=idle_lifetime)
        return signed_in.user if signed_in else None

    async def __call__(
        self, form: PasswordForm, *, cookie: Secret | None, browser: Secret | None, address: str | None, now: int
    ) -> Changed | Refused | TooMany | tuple[str, ...] | None:
        """Change the password of who is signed in; they then have a new sign-in at this browser, and no other.

        Args:
            form: what they typed.
            cookie: opens the browser's sign-in.
            browser: what the browser kept after a sign-in before.
            address: the browser's IP address, for the limits and the audit trail.
            now: Unix seconds.

        Returns:
            The new sign-in; `Refused` if the present password is not right; `TooMany` if it may not be tried now;
            sentences about the new password if it cannot be used; None if nobody is signed in.

        Raises:
            Unavailable: the store, the factor or the hash pool cannot answer, or too many passwords are chosen at once.
        """
        user = await self.who(cookie, now=now)
        if user is None:
            return None
        problems = await scored(partial(problems_of, form, user, self.settings))
        if problems:
            return problems
        # A stolen cookie must not be a way to guess passwords faster than at the sign-in page (ASVS 5.0 6.3.1).
        counters = self.limiter.sign_in(user.email, address, browser)
        limited = Event(kind="user.password_change_limited", at=now, user_id=user.id, address=address)
        too_many = await self.limiter.take(counters, refused=limited, now=now)
        if too_many is not None:
            return too_many

        async def attempt() -> Changed | Refused | None:
            # Gathered anew each time: whoever was first has ended this browser's sign-in, too.
            person = await self.who(cookie, now=now)
            return await self._change(person, form, counters, address=address, now=now) if person else None

        return await until_committed(attempt)

    async def _change(
        self, user: User, form: PasswordForm, counters: Sequence[Counter], *, address: str | None, now: int
    ) -> Changed | Refused:
        try:
            proof = await self.factor.prove(user, {"password": form.password}, now=now)
            phc = await self.hasher.hash(form.new_password.reveal()) if proof.holds else ""
        except Unavailable:
            await self.limiter.give_back(counters)  # nothing was tried
            raise
        if not proof.holds:
            refused = Event(kind="user.password_change_refused", at=now, user_id=user.id, address=address)
            await self.store.commit(AddEvent(refused))
            return Refused()
        cookie = new_cookie(self.entropy(COOKIE_ENTROPY))
        changes = decide(user, proof, phc, cookie=cookie, method=self.factor.method, now=now, settings=self.settings)
        event = Event(kind="user.password_changed", at=now, user_id=user.id, address=address, detail={"by": "person"})
        await self.store.commit(*changes, *return_all(counters), AddEvent(event))
        return Changed(cookie)
