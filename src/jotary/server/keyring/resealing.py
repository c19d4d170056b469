"""Sealing and stamping the signing keys anew, under the server's present secret, while servers run (design §6.2)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from jotary.server.keyring.rotation import KeyStore
from jotary.server.keyring.schedule import is_gone
from jotary.server.keyring.seal import NONCE_SIZE, Sealer
from jotary.server.keyring.stamp import is_current, is_genuine, refuse, stamped
from jotary.server.model.changes import AddEvent, ReplaceSigningKey
from jotary.server.model.event import Event
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Conflict, Entropy, Unavailable

#: Times that it is tried again because a server was rotating keys meanwhile.
_ATTEMPTS: Final = 5


async def reseal(store: KeyStore, sealer: Sealer, *, now: int, entropy: Entropy) -> Sequence[SigningKey]:
    """Seal every key that is sealed under an accepted secret under the present one, all in one transaction.

    Keys that are sealed under the present one already stay as they are, so doing it twice changes nothing. A key that
    a server retires or withdraws meanwhile is read again, never brought back.

    Args:
        store: where the keys are.
        sealer: opens under every accepted secret and seals under the present one.
        now: Unix seconds.
        entropy: for nonces.

    Returns:
        The keys that were sealed anew.

    Raises:
        SealError: a key opens under none of the secrets, or is not genuine; nothing was written.
        Unavailable: the database does not answer, or the keys keep changing.
    """
    for _ in range(_ATTEMPTS):
        known = [key for key in await store.signing_keys() if not is_gone(key, now)]
        forged = [key.id for key in known if not is_genuine(key, sealer)]
        if forged:  # a new stamp would make them genuine
            raise refuse(forged)
        changes = [ReplaceSigningKey(_resealed(key, sealer, entropy), key) for key in known if _is_due(key, sealer)]
        if not changes:
            return []
        kids = [change.key.id for change in changes]
        try:
            await store.commit(*changes, AddEvent(Event(kind="key.resealed", at=now, detail={"kids": kids})))
        except Conflict:
            continue
        return [change.key for change in changes]
    raise Unavailable("the signing keys keep changing")


def _is_due(key: SigningKey, sealer: Sealer) -> bool:
    """A key whose private part was destroyed has nothing to seal, and a stamp all the same."""
    sealed = key.sealed_private_key
    return not is_current(key, sealer) or (bool(sealed) and not sealer.is_current(sealed, kid=key.id))


def _resealed(key: SigningKey, sealer: Sealer, entropy: Entropy) -> SigningKey:
    if key.sealed_private_key:
        private = sealer.unseal(key.sealed_private_key, kid=key.id)
        sealed = sealer.seal(private, kid=key.id, nonce=entropy(NONCE_SIZE))
        key = msgspec.structs.replace(key, sealed_private_key=sealed)
    return stamped(key, sealer, entropy)
