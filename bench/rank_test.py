"""Whether one sample tends to be larger than another, whatever their distribution: Mann and Whitney's U."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class RankTest:
    """What the test says.

    Attributes:
        larger: how often a value of the second sample is larger than one of the first; a half: it tells nothing.
        p: how often as much of a difference would come by chance alone, in either direction.
    """

    larger: float
    p: float


def rank_test(first: Sequence[float], second: Sequence[float]) -> RankTest:
    """Compare two samples of dozens of values or more: the normal approximation, corrected for ties."""
    ordered = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    position, ranks_of_second, ties = 0, 0.0, 0
    for _, equal in groupby(ordered, key=lambda pair: pair[0]):
        group = [which for _, which in equal]
        ranks_of_second += sum(group) * (position + (len(group) + 1) / 2)
        ties += len(group) ** 3 - len(group)
        position += len(group)
    n, m, total = len(first), len(second), len(ordered)
    u = ranks_of_second - m * (m + 1) / 2
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    z = (u - n * m / 2) / math.sqrt(variance) if variance else 0.0
    return RankTest(larger=u / (n * m), p=math.erfc(abs(z) / math.sqrt(2)))
