"""What binds a signing key's row to the server's secret: who can only write to the database publishes nothing.

The stamp covers every column: the public half, which every API would believe, the algorithm, the sealed private half,
and the times, which decide who signs and who is gone (docs/decisions/0017).
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from jotary.jose import JOSEError, Key
from jotary.server.keyring.seal import NONCE_SIZE, Sealer, SealError
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Entropy

_HINT: Final = (
    "was the server's secret changed? Start with the secret that stamped it, or with that one among the "
    "accepted_secrets. If it was not, somebody wrote to the database: find out who, then withdraw all keys with "
    "`jotary key rotate --compromised`, or with `jotary key add --compromised` where they are external"
)


def stamped(key: SigningKey, sealer: Sealer, entropy: Entropy) -> SigningKey:
    """The key as it may be written."""
    return msgspec.structs.replace(key, stamp=sealer.stamp(_text(key), nonce=entropy(NONCE_SIZE)))


def is_genuine(key: SigningKey, sealer: Sealer) -> bool:
    """Whether the row is as somebody with the secret, or an accepted one, wrote it."""
    return sealer.is_stamp(key.stamp, text=_text(key))


def is_current(key: SigningKey, sealer: Sealer) -> bool:
    """Whether it is stamped under the present secret."""
    return sealer.is_current_stamp(key.stamp, text=_text(key))


def refuse(kids: Iterable[str]) -> SealError:
    """What an operator is told of rows that are not genuine."""
    return SealError(f"the signing key {', '.join(sorted(kids))} is not as this server's secret stamped it: {_HINT}")


def stamp_of_old(key: SigningKey, sealer: Sealer, entropy: Entropy) -> bytes:
    """The stamp of a row from before there were stamps; empty if the row is not believed.

    Its private half, or the reference to it, is sealed for its `kid`, and that is the thumbprint of the public half
    (RFC 7638): who had no secret cannot have made such a row. Its times alone are taken as they are.

    Raises:
        SealError: a key that is to sign does not open, so that the secret is probably another one.
    """
    try:
        sealer.unseal(key.sealed_private_key, kid=key.id)
    except SealError:
        if key.retiring_from is None:
            raise
        return b""
    return stamped(key, sealer, entropy).stamp if _is_public_half(key) else b""


class Judged(NamedTuple):
    """Rows by whether they are believed, each in the order in which they were read."""

    believed: Sequence[SigningKey]
    doubted: Sequence[SigningKey]


class Witness:
    """Tells genuine rows from others, and remembers what it saw: a key that has ended does not live on.

    A genuine row that somebody kept and puts back later has a stamp that holds. So a key is believed no more, as long
    as this process lives, once its row was away, or when it should be gone later than was once decided.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._ends: dict[str, int | None] = {}  # when each key that was believed at the last look is gone
        self._lost: set[str] = set()

    def judge(self, keys: Sequence[SigningKey]) -> Judged:
        """Judge rows that were read after those of every earlier call."""
        believed = [key for key in keys if is_genuine(key, self._sealer) and self._goes_on(key)]
        ends = {key.id: key.gone_from for key in believed}
        self._lost |= self._ends.keys() - ends.keys()
        self._ends = ends
        return Judged(believed, [key for key in keys if key.id not in ends])

    def _goes_on(self, key: SigningKey) -> bool:
        end = self._ends.get(key.id)
        return key.id not in self._lost and (end is None or (key.gone_from is not None and key.gone_from <= end))


def _text(key: SigningKey) -> bytes:
    columns = msgspec.structs.asdict(key)
    del columns["stamp"]
    return msgspec.json.encode(columns, order="deterministic")


def _is_public_half(key: SigningKey) -> bool:
    try:
        public = Key.from_public_jwk(key.public_jwk)
    except JOSEError:
        return False
    return public.thumbprint() == public.kid == key.id and public.alg == key.algorithm
