"""Where the chain of sealed events begins and ends."""

import msgspec

#: There is one trail, and one row for it.
TRAIL = "trail"


class AuditChain(msgspec.Struct, frozen=True, kw_only=True):
    """The anchor is the last event that retention has removed, the head the last one that was sealed.

    Counts are of all events since the chain began: positions may have gaps, for a transaction that is rolled back
    gives none back. `stamp` authenticates everything else here.
    """

    id: str = TRAIL
    begun_at: int
    anchor_position: int
    anchor_count: int
    anchor_seal: bytes
    head_position: int
    head_count: int
    head_seal: bytes
    sealed_at: int
    stamp: bytes = b""
