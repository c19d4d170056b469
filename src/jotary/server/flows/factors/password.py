"""Proof by password (NIST SP 800-63B §3.1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jotary.oauth.secret import Secret
from jotary.server.flows.factor import Proof
from jotary.server.model.changes import PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.ports import PasswordHasher, Unavailable, Users

#: Characters of a password that is hashed at all; the bound only keeps the work of one request small.
MAX_PASSWORD_LENGTH: Final = 1_024

_NOBODY: Final = ""  # no user has it as an id: looking it up takes as long as looking up somebody


@dataclass(frozen=True, slots=True)
class PasswordFactor:
    """Compares with the stored hash, and replaces a hash that was made with weaker or foreign parameters."""

    users: Users
    hasher: PasswordHasher
    method: str = "pwd"
    parameters: tuple[str, ...] = ("password",)

    async def prove(self, user: User | None, answers: Mapping[str, Secret], *, now: int) -> Proof:
        """Check a password; an unknown person costs the same look-up and the same hash."""
        password = answers["password"].reveal()
        stored = await self.users.password(user.id if user else _NOBODY)
        phc = stored.hash if stored else None
        if len(password) > MAX_PASSWORD_LENGTH:
            return Proof(holds=False)
        if not await self.hasher.verify(password, phc) or user is None or phc is None:
            return Proof(holds=False)
        return Proof(holds=True, changes=await self._rehashed(user, password, phc, now=now))

    async def _rehashed(self, user: User, password: str, phc: str, *, now: int) -> tuple[PutPassword, ...]:
        if not self.hasher.needs_rehash(phc):
            return ()
        try:
            renewed = await self.hasher.hash(password)
        except Unavailable:
            return ()  # the person is who they say; the old hash is good for one more sign-in
        return (PutPassword(Password(user_id=user.id, hash=renewed, changed_at=now)),)
