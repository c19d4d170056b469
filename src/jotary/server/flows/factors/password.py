"""Proof by password (NIST SP 800-63B §3.1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jotary.oauth.secret import Secret
from jotary.server.flows.factor import Proof
from jotary.server.model.changes import ReplacePassword
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.ports import PasswordHasher, Unavailable, Users

#: Characters of a password that is hashed at all; the bound only keeps the work of one request small.
MAX_PASSWORD_LENGTH: Final = 1_024

_NOBODY: Final = ""  # no user has it as an id: looking it up takes as long as looking up somebody


@dataclass(frozen=True, slots=True)
class PasswordFactor:
    """Compares with the stored hash, and replaces a hash that was made with weaker or foreign parameters.

    What it proves stands on the password that was read: if that is changed before the proof is written, it is a
    conflict, or a sign-in with the old password could outlive the change.
    """

    users: Users
    hasher: PasswordHasher
    method: str = "pwd"
    parameters: tuple[str, ...] = ("password",)

    async def prove(self, user: User | None, answers: Mapping[str, Secret], *, now: int) -> Proof:
        """Check a password; an unknown person costs the same look-up and the same hash."""
        password = answers["password"].reveal()
        stored = await self.users.password(user.id if user else _NOBODY)
        if len(password) > MAX_PASSWORD_LENGTH:
            return Proof(holds=False)
        if not await self.hasher.verify(password, stored.hash if stored else None) or user is None or stored is None:
            return Proof(holds=False)
        kept = await self._rehashed(stored, password, now=now)
        return Proof(holds=True, changes=(ReplacePassword(kept, before=stored),))

    async def _rehashed(self, stored: Password, password: str, *, now: int) -> Password:
        if not self.hasher.needs_rehash(stored.hash):
            return stored
        try:
            renewed = await self.hasher.hash(password)
        except Unavailable:
            return stored  # the person is who they say; the old hash is good for one more sign-in
        return Password(user_id=stored.user_id, hash=renewed, changed_at=now)
