"""Somebody wrote to the signing keys who has not the server's secret: that is said once, in the audit trail."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from jotary.jose import base64url
from jotary.server.keyring.schedule import is_gone
from jotary.server.keyring.stamp import Judged
from jotary.server.model.changes import AddEvent, RememberAssertion
from jotary.server.model.event import Event
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Commit, Conflict

#: Seconds for which what one process said is not said again by another.
_MEMORY: Final = 30 * 86_400


class Alarm:
    """Tells of refused rows.

    A process that has not yet seen a genuine one says nothing: its own secret may be the wrong one.

    Args:
        store: where the audit trail is.
    """

    def __init__(self, store: Commit) -> None:
        self._store = store
        self._has_right_secret = False
        self._told: set[str] = set()
        self.kids: Sequence[str] = ()  # of the rows that were refused at the last look

    async def __call__(self, judged: Judged, now: int) -> None:
        """Tell of each row once, however many processes see it.

        Raises:
            Unavailable: the database does not answer; it is tried again at the next look.
        """
        self._has_right_secret |= bool(judged.believed)
        refused = refused_of(judged, now) if self._has_right_secret else []
        self.kids = [key.id for key in refused]
        for key in refused:
            name = base64url.encode(sha256(msgspec.json.encode(key)).digest())
            if name not in self._told:
                await self._tell(key.id, name, now)
                self._told.add(name)

    async def _tell(self, kid: str, name: str, now: int) -> None:
        told = RememberAssertion(client_id="", jti=f"tampered signing key {name}", expires_at=now + _MEMORY)
        try:
            await self._store.commit(told, AddEvent(Event(kind="key.tampered", at=now, detail={"kid": kid})))
        except Conflict:
            return  # another process was first


def refused_of(judged: Judged, now: int) -> list[SigningKey]:
    """The rows that would be published if they were believed. One that says it is gone does no harm as it stands."""
    return [key for key in judged.doubted if not is_gone(key, now)]
