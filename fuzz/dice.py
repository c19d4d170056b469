"""Entropy as an argument: the same grammar is driven by a seed, or by bytes that a coverage-guided fuzzer chose."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice(ABC):
    """Where every choice of the grammar comes from."""

    @abstractmethod
    def below(self, bound: int) -> int:
        """An integer from 0 to `bound` - 1; `bound` is at least 1."""

    @abstractmethod
    def octets(self, count: int) -> bytes:
        """So many bytes."""

    def pick(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.below(len(options))]

    def one_in(self, count: int) -> bool:
        """True once in so many throws."""
        return self.below(count) == 0


class Seeded(Dice):
    """Dice that fall the same way for the same seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def below(self, bound: int) -> int:
        """See `Dice`."""
        return int(self._random.random() * bound)

    def octets(self, count: int) -> bytes:
        """See `Dice`."""
        return self._random.randbytes(count)


class Given(Dice):
    """Dice that fall as the bytes say, and on their first side when there are none left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def below(self, bound: int) -> int:
        """See `Dice`."""
        width = (max(bound - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self._taken(width), "big") % bound

    def octets(self, count: int) -> bytes:
        """See `Dice`."""
        return self._taken(count).ljust(count, b"\0")

    def _taken(self, count: int) -> bytes:
        taken = self._data[self._place : self._place + count]
        self._place += count
        return taken
