"""One way to prove who somebody is: the protocol that every file in `factors/` fulfils."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.model.changes import Change
from jotary.server.model.user import User


class Proof(msgspec.Struct, frozen=True):
    """The outcome: whether the person proved it, and what to write in front of all that stands on it.

    Written, it is a conflict if what was proved does not hold any more.
    """

    holds: bool
    changes: tuple[Change, ...] = ()


class Factor(Protocol):
    """A way to prove who somebody is."""

    @property
    def method(self) -> str:
        """Its name in `amr` (RFC 8176)."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The form fields that it reads; no others are given to it."""

    async def prove(self, user: User | None, answers: Mapping[str, Secret], *, now: int) -> Proof:
        """Check the answers of somebody who claims to be this user.

        With `user` None, for a name that nobody has, it does the same work and takes the same time as for a wrong
        answer.

        Raises:
            Unavailable: it cannot be checked now.
        """
