"""Reading the signing keys again and again, and what is said of it."""

from collections.abc import Callable
from typing import Final

import structlog

from jotary.server.keyring import Keyring, SealError
from jotary.server.ports import Unavailable

_TAMPERED: Final = "Somebody wrote to the database: find out who. Then withdraw all keys: jotary doctor says how."

log = structlog.get_logger("jotary.server")


class KeyCare:
    """Reads the keys anew, and says once that an operator is awaited, or that somebody tampered with them.

    Args:
        keyring: what reads them.
        tell: is told whenever that went well.
    """

    def __init__(self, keyring: Keyring, tell: Callable[[], None]) -> None:
        self._keyring = keyring
        self._tell = tell
        self._has_said = False
        self._alarmed: set[str] = set()

    async def __call__(self) -> None:
        """Read them once more."""
        try:
            await self._keyring.refresh()
        finally:
            self._alarm()
        self._tell()
        if self._keyring.is_overdue and not self._has_said:
            log.warning("key_rotation_overdue", hint="Add the next signing key with: jotary key add")
        self._has_said = self._keyring.is_overdue

    def _alarm(self) -> None:
        for kid in self._keyring.tampered:
            if kid not in self._alarmed:
                log.critical("signing_key_tampered", kid=kid, hint=_TAMPERED)
        self._alarmed = set(self._keyring.tampered)


async def renew(keyring: Keyring) -> None:
    """Read the keys anew.

    Raises:
        Unavailable: that failed, and a withdrawn key may still sign here.
    """
    try:
        await keyring.refresh()
    except SealError as error:
        raise Unavailable(str(error)) from error
