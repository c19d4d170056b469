"""What was verified before, kept under the token's own text (design §6.4)."""

from collections import OrderedDict

from jotary.verifier.check import Verified


class Results:
    """Tokens that verified, bounded in number: the oldest goes first.

    Only a verified token gets in, so nobody without one can fill it. No lock is taken: each call on the dict is atomic,
    and each `put` removes at most the one that it adds.

    Args:
        size: how many are kept; 0 for none.
    """

    __slots__ = ("_entries", "_size", "get")

    def __init__(self, size: int) -> None:
        self._entries: OrderedDict[str, Verified] = OrderedDict()
        self._size = size
        self.get = self._entries.get  # the hot path: no method of ours in between

    def put(self, token: str, verified: Verified) -> None:
        """Keep it, and let the oldest go if there are too many."""
        entries = self._entries
        entries[token] = verified
        if len(entries) > self._size:
            entries.popitem(last=False)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._entries)
